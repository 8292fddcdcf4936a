-- Systems of one AWS account are looked up by each claim of a task, tasks of one account by each plan that switches
-- it off or on.
CREATE INDEX systems_by_aws_account ON systems (aws_account_id);
CREATE INDEX tasks_by_account ON tasks (system_key, account_external_id, kind);
