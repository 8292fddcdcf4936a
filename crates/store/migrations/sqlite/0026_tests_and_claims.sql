-- What the last test of a system's connection found, as JSON, and of which way to sign in that was.
CREATE TABLE connection_tests (
    system_key BIGINT PRIMARY KEY REFERENCES systems (system_key),
    tested_at BIGINT NOT NULL,
    tested_by TEXT NOT NULL,
    of_sha256 TEXT NOT NULL,
    found TEXT NOT NULL
);

-- What imports said of what one job changed.
CREATE INDEX claims_by_task ON claims (task_id);
