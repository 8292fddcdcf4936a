-- What a lease on a task is told apart by: its number may come again where a database lost its last moments. And whose
-- lease ran out when the last crash was counted, so that who was only cut off can take that back.
ALTER TABLE tasks ADD COLUMN lease_token TEXT COLLATE "C";
ALTER TABLE tasks ADD COLUMN crashed_token TEXT COLLATE "C";
