-- What clients of SCIM say of users and groups and AWS has no place for, as JSON. resource_id is AWS's own id, of a user or
-- a group. made_by is the client that made the user, deleted_by the one that deleted it: for SCIM such a user is gone,
-- though the IAM user may be there, deactivated.
CREATE TABLE scim_resources (
    system_key BIGINT NOT NULL REFERENCES systems (system_key),
    resource_id TEXT NOT NULL,
    attributes TEXT NOT NULL,
    made_by TEXT,
    deleted_by TEXT,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (system_key, resource_id)
);
CREATE INDEX scim_resources_deleted ON scim_resources (system_key) WHERE deleted_by IS NOT NULL;

-- What each client calls a resource: its externalId. A word of the client's own, which stands for nothing else.
CREATE TABLE scim_external_ids (
    system_key BIGINT NOT NULL REFERENCES systems (system_key),
    client TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    external_id TEXT NOT NULL,
    external_id_sha256 TEXT NOT NULL,
    PRIMARY KEY (system_key, client, resource_id)
);
CREATE UNIQUE INDEX scim_external_ids_by_text
    ON scim_external_ids (system_key, client, resource_type, external_id_sha256);
