-- The texts of policies, each once, whoever has it: by the SHA-256 of its bytes.
CREATE TABLE policy_documents (
    sha256 TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL
);

-- The versions of managed policies that imports have seen. A version never becomes another one in AWS, so a row is
-- written once; it is ended when AWS does not name the version any more.
CREATE TABLE policy_versions (
    system_key BIGINT NOT NULL REFERENCES systems (system_key),
    external_id TEXT NOT NULL,
    version_id TEXT NOT NULL,
    created_at BIGINT,
    document_sha256 TEXT,
    first_seen_run BIGINT NOT NULL,
    gone_run BIGINT,
    PRIMARY KEY (system_key, external_id, version_id)
);
