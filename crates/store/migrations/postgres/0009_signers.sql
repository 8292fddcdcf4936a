-- The IAM users behind the credentials of systems, as GetCallerIdentity named them: part is system for the one a
-- system acts as, base for the one whose key its role is assumed with. Nothing of this is forgotten until the system is
-- given other credentials: a chain of credentials may give one user here and another there.
CREATE TABLE signers (
    system_key BIGINT NOT NULL REFERENCES systems (system_key),
    part TEXT COLLATE "C" NOT NULL,
    external_id TEXT COLLATE "C" NOT NULL,
    aws_account_id TEXT COLLATE "C" NOT NULL,
    arn TEXT COLLATE "C" NOT NULL,
    noted_at BIGINT NOT NULL,
    PRIMARY KEY (system_key, part, external_id)
);
CREATE INDEX signers_by_aws_account ON signers (aws_account_id);
