-- What lists are sorted by and what is looked for by name, so that a page costs what is on it and not what is in the
-- system. The indexes on the end of validity alone are a part of the new ones.
DROP INDEX account_versions_until;
CREATE INDEX account_versions_by_name ON account_versions (system_key, valid_to_run, name, external_id, status);
CREATE INDEX account_versions_by_folded_name ON account_versions (system_key, valid_to_run, lower(name));

DROP INDEX resource_versions_until;
CREATE INDEX resource_versions_by_name ON resource_versions (system_key, valid_to_run, name, external_id);

DROP INDEX assignment_versions_until;
CREATE INDEX assignment_versions_by_subject ON assignment_versions (system_key, valid_to_run, subject_name, subject_external_id);
CREATE INDEX assignment_versions_by_folded_subject ON assignment_versions (system_key, valid_to_run, lower(subject_name));
CREATE INDEX assignment_versions_by_resource ON assignment_versions (system_key, valid_to_run, resource_external_id);
CREATE INDEX assignment_versions_by_folded_resource ON assignment_versions (system_key, valid_to_run, lower(resource_name));
