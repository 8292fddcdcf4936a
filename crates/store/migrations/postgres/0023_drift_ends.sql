-- What a run that waits for a person saw of changes made here: it settles them when it is accepted, as publishing does.
-- seen is confirmed, contradicted, or restored: drift that is none any more.
CREATE TABLE import_claims (
    run_id BIGINT NOT NULL REFERENCES import_runs (run_id),
    claim_id BIGINT NOT NULL REFERENCES claims (claim_id),
    seen TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (run_id, claim_id)
);

-- A claim that an import saw the contrary of is drift until it has ended: because an import saw it again (seen_again), a job
-- changed the same once more (changed_here), or somebody accepted what AWS has (accepted).
ALTER TABLE claims ADD COLUMN drift_ended_at BIGINT;
ALTER TABLE claims ADD COLUMN drift_ended_because TEXT COLLATE "C";
UPDATE claims SET drift_ended_because = 'changed_here', drift_ended_at = (
    SELECT MIN(c.claimed_at) FROM claims c WHERE c.system_key = claims.system_key AND c.claim_id > claims.claim_id
    AND c.account_external_id = claims.account_external_id AND c.topic = claims.topic
) WHERE state = 'contradicted' AND EXISTS (
    SELECT 1 FROM claims c WHERE c.system_key = claims.system_key AND c.claim_id > claims.claim_id
    AND c.account_external_id = claims.account_external_id AND c.topic = claims.topic
);
CREATE INDEX claims_drifting ON claims (system_key, account_external_id, topic)
    WHERE state = 'contradicted' AND drift_ended_at IS NULL;
