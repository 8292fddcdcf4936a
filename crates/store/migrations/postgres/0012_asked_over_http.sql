-- Why a job that nobody works on is left to a person: what it rests on has changed since it was planned.
ALTER TABLE provisioning_jobs ADD COLUMN held_because TEXT COLLATE "C";
ALTER TABLE provisioning_jobs ADD COLUMN held_at BIGINT;

-- What requests with an Idempotency-Key came to: a job or an import run, or nothing yet. Whoever works on a request has
-- it until claimed_until, under the number of the claim, which only grows; what it came to is written together with the
-- job itself. No answer is kept, and so no secret of one.
CREATE TABLE request_keys (
    system_key BIGINT NOT NULL REFERENCES systems (system_key),
    route TEXT COLLATE "C" NOT NULL,
    caller TEXT COLLATE "C" NOT NULL,
    request_key TEXT COLLATE "C" NOT NULL,
    body_sha256 TEXT COLLATE "C" NOT NULL,
    claim BIGINT NOT NULL,
    claimed_until BIGINT NOT NULL,
    job_id BIGINT REFERENCES provisioning_jobs (job_id),
    run_id BIGINT REFERENCES import_runs (run_id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (system_key, route, caller, request_key)
);
CREATE INDEX request_keys_by_age ON request_keys (created_at);
