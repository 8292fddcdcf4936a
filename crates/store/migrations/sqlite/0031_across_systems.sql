-- Who holds a group or policy, over all systems: in the order of systems and holders, so that a page costs what is on it.
CREATE INDEX assignment_versions_everywhere ON assignment_versions (lower(resource_name), system_key, subject_name, subject_external_id)
    WHERE valid_to_run = 9223372036854775807;
