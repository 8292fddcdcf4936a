-- The first schema.
--
-- Conventions of all migrations, the same in both databases:
-- times are BIGINT, whole milliseconds since 1970; flags are BIGINT 0 or 1; words of closed lists are those of the
-- JSON contract; what is never filtered or sorted by is JSON text; SQLite compares
-- texts byte by byte.
-- A version row is valid for the runs from valid_from_run up to, not including, valid_to_run; the greatest BIGINT
-- there means that it still holds. The primary keys end with it: an object has one version that holds, and the index
-- that proves so also finds it. There are no other long indexes, because a first import fills them row by row.

-- "KyRv" in the file's header: no other SQLite file is taken for a store.
PRAGMA application_id = 1266242166;

CREATE TABLE keyreeve_store (
    marker BIGINT PRIMARY KEY CHECK (marker = 1),
    created_at BIGINT NOT NULL,
    schema_sha256 TEXT
);

CREATE TABLE schema_migrations (
    version BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL
);

-- Which key the store belongs to: a fingerprint, never the key.
CREATE TABLE store_keys (
    key_version BIGINT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Ciphertexts only.
CREATE TABLE secrets (
    owner_table TEXT NOT NULL,
    owner_row TEXT NOT NULL,
    owner_column TEXT NOT NULL,
    key_version BIGINT NOT NULL,
    nonce BLOB NOT NULL,
    ciphertext BLOB NOT NULL,
    PRIMARY KEY (owner_table, owner_row, owner_column)
);

CREATE TABLE systems (
    system_key INTEGER PRIMARY KEY AUTOINCREMENT,
    system_id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    category TEXT NOT NULL,
    technology TEXT NOT NULL,
    content TEXT NOT NULL,
    state TEXT NOT NULL,
    state_reason TEXT,
    aws_account_id TEXT,
    aws_partition TEXT,
    region TEXT,
    credential TEXT NOT NULL,
    secret_revision BIGINT NOT NULL,
    settings TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    removed_at BIGINT
);
-- The id of a removed system stays taken, its name does not.
CREATE UNIQUE INDEX systems_by_id ON systems (system_id);
CREATE UNIQUE INDEX systems_by_name ON systems (name_folded) WHERE removed_at IS NULL;

CREATE TABLE import_profiles (
    system_key BIGINT NOT NULL REFERENCES systems (system_key),
    name TEXT NOT NULL,
    definition TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (system_key, name)
);

CREATE TABLE import_runs (
    run_id INTEGER PRIMARY KEY AUTOINCREMENT,
    system_key BIGINT NOT NULL REFERENCES systems (system_key),
    profile TEXT NOT NULL,
    state TEXT NOT NULL,
    scope TEXT NOT NULL,
    baseline_run BIGINT,
    started_at BIGINT NOT NULL,
    finished_at BIGINT,
    published_at BIGINT,
    credential_report_at BIGINT,
    aws_calls BIGINT NOT NULL,
    collections TEXT NOT NULL,
    changes TEXT NOT NULL,
    suspicions TEXT NOT NULL,
    warnings TEXT NOT NULL,
    failure TEXT,
    changes_sha256 TEXT,
    actor TEXT NOT NULL,
    decided_by TEXT,
    decided_at BIGINT,
    decision_reason TEXT,
    lease_token TEXT NOT NULL,
    lease_until BIGINT NOT NULL
);
CREATE INDEX import_runs_by_system ON import_runs (system_key, run_id);
CREATE INDEX import_runs_published ON import_runs (system_key, scope, run_id) WHERE state = 'published';
-- At most one import of a system runs at a time, whatever the program believes.
CREATE UNIQUE INDEX import_runs_running ON import_runs (system_key) WHERE state = 'running';

-- What a suspended or previewed run would change, exactly as it was computed.
CREATE TABLE import_changes (
    run_id BIGINT NOT NULL REFERENCES import_runs (run_id),
    seq BIGINT NOT NULL,
    object_type TEXT NOT NULL,
    change TEXT NOT NULL,
    PRIMARY KEY (run_id, seq)
);

CREATE TABLE account_versions (
    system_key BIGINT NOT NULL,
    external_id TEXT NOT NULL,
    valid_from_run BIGINT NOT NULL,
    valid_to_run BIGINT NOT NULL,
    first_seen_run BIGINT NOT NULL,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    arn TEXT NOT NULL,
    status TEXT NOT NULL,
    login_state TEXT NOT NULL,
    login_created_at BIGINT,
    password_reset_required BIGINT,
    access_keys TEXT,
    mfa_active BIGINT,
    credential_source TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    password_last_used_at BIGINT,
    tags TEXT,
    permissions_boundary TEXT,
    inline_policies TEXT,
    PRIMARY KEY (system_key, external_id, valid_to_run)
);
CREATE INDEX account_versions_until ON account_versions (system_key, valid_to_run);
CREATE INDEX account_versions_since ON account_versions (system_key, valid_from_run);

CREATE TABLE resource_versions (
    system_key BIGINT NOT NULL,
    external_id TEXT NOT NULL,
    valid_from_run BIGINT NOT NULL,
    valid_to_run BIGINT NOT NULL,
    first_seen_run BIGINT NOT NULL,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    arn TEXT NOT NULL,
    managed_by TEXT,
    attachable BIGINT NOT NULL,
    inline_policies TEXT,
    default_version TEXT,
    PRIMARY KEY (system_key, external_id, valid_to_run)
);
CREATE INDEX resource_versions_until ON resource_versions (system_key, valid_to_run);
CREATE INDEX resource_versions_since ON resource_versions (system_key, valid_from_run);

-- resource_key is the GroupId, the policy's ARN or, for what no listing resolved, 'name:' and the name.
CREATE TABLE assignment_versions (
    system_key BIGINT NOT NULL,
    subject_external_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    resource_key TEXT NOT NULL,
    valid_from_run BIGINT NOT NULL,
    valid_to_run BIGINT NOT NULL,
    first_seen_run BIGINT NOT NULL,
    subject_name TEXT NOT NULL,
    resource_external_id TEXT,
    resource_arn TEXT,
    resource_name TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (system_key, subject_external_id, kind, resource_key, valid_to_run)
);
CREATE INDEX assignment_versions_until ON assignment_versions (system_key, valid_to_run);
CREATE INDEX assignment_versions_since ON assignment_versions (system_key, valid_from_run);
