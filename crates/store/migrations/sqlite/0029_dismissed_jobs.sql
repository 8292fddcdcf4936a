-- Who has seen that a job failed, and leaves it at that: it needs nobody any more.
ALTER TABLE provisioning_jobs ADD COLUMN dismissed_by TEXT;
ALTER TABLE provisioning_jobs ADD COLUMN dismissal_reason TEXT;
ALTER TABLE provisioning_jobs ADD COLUMN dismissed_at BIGINT;
