-- Access keys that are being replaced: at most one of each system. A row is there from before the new key is made
-- until the old one is gone. keys_before are the ids that the user had then, as JSON; states are making, made,
-- switched, deactivated. The new key's secret is in secrets, as next_credential.
CREATE TABLE key_rotations (
    system_key BIGINT PRIMARY KEY REFERENCES systems (system_key),
    state TEXT COLLATE "C" NOT NULL,
    user_arn TEXT COLLATE "C" NOT NULL,
    old_key_id TEXT COLLATE "C" NOT NULL,
    new_key_id TEXT COLLATE "C",
    keys_before TEXT COLLATE "C" NOT NULL,
    attempt BIGINT NOT NULL,
    making_since BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C",
    begun_at BIGINT NOT NULL,
    lease_token TEXT COLLATE "C" NOT NULL,
    lease_until BIGINT NOT NULL
);
