-- What a client of SCIM says of a user or a group together with a job: it comes to hold when the job has succeeded, and is
-- dropped when it ends otherwise. resource_id is null for the user that the job makes. changes is JSON, null for what is
-- taken away; names says whether the externalId is otherwise. Written only while audit_head is locked.
CREATE TABLE scim_pending (
    job_id BIGINT PRIMARY KEY REFERENCES provisioning_jobs (job_id),
    resource_id TEXT COLLATE "C",
    resource_type TEXT COLLATE "C" NOT NULL,
    becomes TEXT COLLATE "C" NOT NULL,
    changes TEXT COLLATE "C" NOT NULL,
    names BIGINT NOT NULL,
    external_id TEXT COLLATE "C",
    external_id_sha256 TEXT COLLATE "C"
);
