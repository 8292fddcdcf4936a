-- How often what SCIM shows of a user or a group has become otherwise: versions of resources are made of it, so that one
-- which is as it was once has another version all the same. Of what was never otherwise there is no row.
CREATE TABLE scim_revisions (
    system_key BIGINT NOT NULL REFERENCES systems (system_key),
    resource_id TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (system_key, resource_id)
);
INSERT INTO scim_revisions (system_key, resource_id, revision)
SELECT system_key, resource_id, 1 FROM scim_resources;

-- When it was seen that AWS had a user no more whom a client deleted; null where the deletion was carried out there.
ALTER TABLE scim_resources ADD COLUMN gone_at BIGINT;
