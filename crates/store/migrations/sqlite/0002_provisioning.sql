-- Changing what is: jobs, tasks and steps, what they leave behind, and who did what.
--
-- A task is open until it has ended: finished_at is NULL. What searches for work goes through the partial indexes and
-- never sees the tasks that have ended, of which there are ever more.
-- tasks, steps, password_deliveries and claims are written only while audit_head is locked.

CREATE TABLE provisioning_jobs (
    job_id INTEGER PRIMARY KEY AUTOINCREMENT,
    system_key BIGINT NOT NULL REFERENCES systems (system_key),
    state TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT,
    baseline_run BIGINT,
    plan_sha256 TEXT NOT NULL,
    approval_because TEXT NOT NULL,
    facts TEXT NOT NULL,
    decided_by TEXT,
    decision_reason TEXT,
    decided_at BIGINT,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT
);
CREATE INDEX provisioning_jobs_by_system ON provisioning_jobs (system_key, job_id);

-- account_folded is the name in lower case. A lease holds while the state is running and lease_epoch is the holder's.
CREATE TABLE tasks (
    task_id INTEGER PRIMARY KEY,
    job_id BIGINT NOT NULL REFERENCES provisioning_jobs (job_id),
    system_key BIGINT NOT NULL,
    kind TEXT NOT NULL,
    wish TEXT NOT NULL,
    account TEXT NOT NULL,
    account_folded TEXT NOT NULL,
    account_external_id TEXT,
    state TEXT NOT NULL,
    notices TEXT NOT NULL,
    delivery TEXT,
    not_before BIGINT,
    replans BIGINT NOT NULL,
    crashes BIGINT NOT NULL,
    result TEXT,
    failure TEXT,
    manifest TEXT,
    recreate TEXT,
    started_at BIGINT,
    finished_at BIGINT,
    lease_epoch BIGINT NOT NULL,
    lease_until BIGINT,
    lease_worker TEXT
);
CREATE INDEX tasks_by_job ON tasks (job_id, task_id);
CREATE INDEX tasks_begun ON tasks (system_key, started_at) WHERE started_at IS NOT NULL;
CREATE INDEX tasks_open_by_system ON tasks (system_key, task_id) WHERE finished_at IS NULL;
CREATE INDEX tasks_open_by_job ON tasks (job_id, task_id) WHERE finished_at IS NULL;
CREATE INDEX tasks_running_by_name ON tasks (system_key, account_folded) WHERE state = 'running';
CREATE INDEX tasks_running_by_id ON tasks (system_key, account_external_id) WHERE state = 'running';

CREATE TABLE task_edges (
    task_id BIGINT NOT NULL REFERENCES tasks (task_id),
    waits_for BIGINT NOT NULL REFERENCES tasks (task_id),
    PRIMARY KEY (task_id, waits_for)
);

CREATE TABLE steps (
    task_id BIGINT NOT NULL REFERENCES tasks (task_id),
    seq BIGINT NOT NULL,
    call TEXT NOT NULL,
    operation TEXT NOT NULL,
    reason TEXT NOT NULL,
    after TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    attempted_at BIGINT,
    finished_at BIGINT,
    unchanged BIGINT,
    request_id TEXT,
    failure TEXT,
    PRIMARY KEY (task_id, seq)
);

-- Which lease of an account is the latest; the number only grows.
CREATE TABLE account_epochs (
    system_key BIGINT NOT NULL,
    account_key TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    PRIMARY KEY (system_key, account_key)
);

-- Generated passwords on their way. Ciphertexts only, and none once it was opened, destroyed or expired.
CREATE TABLE password_deliveries (
    delivery_id INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id BIGINT NOT NULL REFERENCES tasks (task_id),
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    lookup TEXT,
    ciphertext BLOB,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    opened_at BIGINT
);
CREATE INDEX password_deliveries_by_task ON password_deliveries (task_id);
-- A step that is attempted again may seal another password for the same link; one at most is ever handed over.
CREATE UNIQUE INDEX password_deliveries_by_lookup ON password_deliveries (lookup)
    WHERE state IN ('released', 'opened', 'expired');
CREATE INDEX password_deliveries_sealed ON password_deliveries (expires_at) WHERE ciphertext IS NOT NULL;

-- topic is what the fact speaks of: the same topic of the same account has one open claim.
CREATE TABLE claims (
    claim_id INTEGER PRIMARY KEY AUTOINCREMENT,
    system_key BIGINT NOT NULL,
    task_id BIGINT NOT NULL REFERENCES tasks (task_id),
    step BIGINT NOT NULL,
    account_external_id TEXT NOT NULL,
    account TEXT NOT NULL,
    topic TEXT NOT NULL,
    fact TEXT NOT NULL,
    state TEXT NOT NULL,
    claimed_at BIGINT NOT NULL,
    settled_by BIGINT,
    settled_at BIGINT
);
CREATE INDEX claims_by_system ON claims (system_key, state, claim_id);
CREATE UNIQUE INDEX claims_open ON claims (system_key, account_external_id, topic) WHERE state = 'open';

CREATE TABLE protections (
    system_key BIGINT NOT NULL REFERENCES systems (system_key),
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    reason TEXT,
    added_by TEXT NOT NULL,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (system_key, kind, value)
);

-- secret_sha256 is of the secret half, which is random and long, and kept nowhere.
CREATE TABLE tokens (
    token_id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    role TEXT NOT NULL,
    systems TEXT NOT NULL,
    secret_sha256 BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT,
    revoked_at BIGINT
);

-- Who did what. Each row holds the digest of the one before it.
CREATE TABLE audit_log (
    seq INTEGER PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    system_id TEXT,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX audit_log_by_system ON audit_log (system_id, seq);

-- The last row of the log. Whoever writes to the log locks this row first; mac is made with the store's key.
CREATE TABLE audit_head (
    marker BIGINT PRIMARY KEY CHECK (marker = 1),
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL,
    mac TEXT NOT NULL
);
INSERT INTO audit_head (marker, seq, hash, mac)
    VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000', '');

CREATE TRIGGER audit_log_is_not_altered BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only ever added to');
END;
CREATE TRIGGER audit_log_is_not_emptied BEFORE DELETE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only ever added to');
END;
CREATE TRIGGER audit_head_stays BEFORE DELETE ON audit_head
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only ever added to');
END;
