-- Passwords that came with what was asked for, sealed under the system's key and bound to the task that sets them. Written
-- with the job and gone when it ends; only while audit_head is locked.
CREATE TABLE given_passwords (
    task_id BIGINT PRIMARY KEY REFERENCES tasks (task_id),
    ciphertext BLOB NOT NULL
);
