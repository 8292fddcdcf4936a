-- Pages about all systems cost what is on them, however many systems there are and however often they were imported.
-- Systems in each order in which they are listed, and those in which nothing runs.
CREATE INDEX systems_in_order ON systems (name, system_id);
CREATE INDEX systems_by_category ON systems (category, system_id);
CREATE INDEX systems_by_age ON systems (created_at, system_id);
CREATE INDEX systems_stopped ON systems (system_id) WHERE state IN ('quarantined', 'suspended');
-- Runs that wait for a decision, and how the last of each system ended.
CREATE INDEX import_runs_suspended ON import_runs (run_id) WHERE state = 'suspended';
CREATE INDEX import_runs_last ON import_runs (system_key, run_id, state);
