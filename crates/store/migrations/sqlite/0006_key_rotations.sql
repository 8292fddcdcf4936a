-- Access keys that are being replaced: at most one of each system. A row is there from before the new key is made
-- until the old one is gone. keys_before are the ids that the user had then, as JSON; states are making, made,
-- switched, deactivated. The new key's secret is in secrets, as next_credential.
CREATE TABLE key_rotations (
    system_key BIGINT PRIMARY KEY REFERENCES systems (system_key),
    state TEXT NOT NULL,
    user_arn TEXT NOT NULL,
    old_key_id TEXT NOT NULL,
    new_key_id TEXT,
    keys_before TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    making_since BIGINT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT,
    begun_at BIGINT NOT NULL,
    lease_token TEXT NOT NULL,
    lease_until BIGINT NOT NULL
);
