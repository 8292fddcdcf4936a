-- How far the audit log has been taken by each place outside that it is sent to. A place that the configuration no longer
-- names keeps its row, and goes on from there when it is named again.
CREATE TABLE audit_sinks (
    name TEXT PRIMARY KEY,
    sent_seq BIGINT NOT NULL,
    sent_hash TEXT NOT NULL,
    sent_at BIGINT,
    holder TEXT NOT NULL,
    held_until BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    failing_since BIGINT,
    next_at BIGINT NOT NULL,
    last_error TEXT
);
