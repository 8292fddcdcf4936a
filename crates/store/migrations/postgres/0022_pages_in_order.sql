-- What lists of accounts are sorted by, and what each run has begun, in the order in which it is shown; and whether a key was
-- replaced is found without reading the whole audit log.
CREATE INDEX account_versions_by_path ON account_versions (system_key, valid_to_run, path, name, external_id);
CREATE INDEX account_versions_by_status ON account_versions (system_key, valid_to_run, status, name, external_id);
CREATE INDEX account_versions_by_age ON account_versions (system_key, valid_to_run, created_at, name, external_id);
CREATE INDEX account_versions_by_use ON account_versions (system_key, valid_to_run, COALESCE(password_last_used_at, -1), name, external_id);

DROP INDEX account_versions_since;
CREATE INDEX account_versions_begun ON account_versions (system_key, valid_from_run, name, external_id);
DROP INDEX resource_versions_since;
CREATE INDEX resource_versions_begun ON resource_versions (system_key, valid_from_run, name, external_id);
DROP INDEX assignment_versions_since;
CREATE INDEX assignment_versions_begun ON assignment_versions (system_key, valid_from_run, subject_name, subject_external_id);

CREATE INDEX audit_log_by_action ON audit_log (system_id, action, seq);

-- A form that makes a token is sent once: it has a key of its own.
ALTER TABLE tokens ADD COLUMN made_once TEXT;
CREATE UNIQUE INDEX tokens_made_once ON tokens (made_once);

-- When the oldest active access key of an account was made; null where it has none, or they are not known.
ALTER TABLE account_versions ADD COLUMN oldest_key_at BIGINT;
UPDATE account_versions SET oldest_key_at = (
    SELECT CAST(EXTRACT(EPOCH FROM MIN(CAST(k.value ->> 'created_at' AS TIMESTAMPTZ))) AS BIGINT) * 1000
    FROM json_array_elements(CAST(account_versions.access_keys AS JSON)) k (value)
    WHERE CAST(k.value ->> 'active' AS BOOLEAN)
) WHERE access_keys IS NOT NULL;
CREATE INDEX account_versions_by_key ON account_versions (system_key, valid_to_run, oldest_key_at, name, external_id);
