-- When imports run by themselves. A row is there from the first schedule of a profile on; taken_for is the last of its
-- times that somebody saw to, run_id what was begun for it, or refusal why nothing was. failures are those in a row: of
-- those before the run, or with the refusal if that was one. revision grows with every change: whoever takes a time says
-- which one it has seen, so nobody takes it twice.
CREATE TABLE import_schedules (
    system_key BIGINT NOT NULL REFERENCES systems (system_key),
    profile TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL,
    taken_for BIGINT NOT NULL,
    run_id BIGINT REFERENCES import_runs (run_id),
    failures BIGINT NOT NULL,
    refused_at BIGINT,
    refusal TEXT COLLATE "C",
    PRIMARY KEY (system_key, profile)
);

-- Jobs that have not ended are looked through again and again; of those that have there are ever more.
CREATE INDEX provisioning_jobs_open ON provisioning_jobs (job_id) WHERE finished_at IS NULL;
