-- How often a job was taken up: a retry is another try, and a worker that still has the one before takes nothing of it.
ALTER TABLE provisioning_jobs ADD COLUMN tries BIGINT NOT NULL DEFAULT 1;
