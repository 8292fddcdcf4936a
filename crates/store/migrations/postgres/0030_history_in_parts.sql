-- What there is now lies apart from what was, so that neither is gone through for the other, and what was can be dropped
-- whole. A version that holds lies in one of 16 parts, chosen by its system; one that ended, by the run that ended it. There
-- is a part for every number of a run, so none can be missing when a run is published: the last one is open, and is closed
-- at a number, and another one begun, as time goes on. See docs/decisions/0040-history-in-parts.md.

ALTER TABLE account_versions RENAME TO account_versions_whole;
CREATE TABLE account_versions (LIKE account_versions_whole) PARTITION BY RANGE (valid_to_run);
CREATE TABLE account_versions_now PARTITION OF account_versions FOR VALUES FROM (9223372036854775807) TO (MAXVALUE)
    PARTITION BY HASH (system_key);
CREATE TABLE account_versions_now_0 PARTITION OF account_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 0);
CREATE TABLE account_versions_now_1 PARTITION OF account_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 1);
CREATE TABLE account_versions_now_2 PARTITION OF account_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 2);
CREATE TABLE account_versions_now_3 PARTITION OF account_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 3);
CREATE TABLE account_versions_now_4 PARTITION OF account_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 4);
CREATE TABLE account_versions_now_5 PARTITION OF account_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 5);
CREATE TABLE account_versions_now_6 PARTITION OF account_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 6);
CREATE TABLE account_versions_now_7 PARTITION OF account_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 7);
CREATE TABLE account_versions_now_8 PARTITION OF account_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 8);
CREATE TABLE account_versions_now_9 PARTITION OF account_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 9);
CREATE TABLE account_versions_now_10 PARTITION OF account_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 10);
CREATE TABLE account_versions_now_11 PARTITION OF account_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 11);
CREATE TABLE account_versions_now_12 PARTITION OF account_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 12);
CREATE TABLE account_versions_now_13 PARTITION OF account_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 13);
CREATE TABLE account_versions_now_14 PARTITION OF account_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 14);
CREATE TABLE account_versions_now_15 PARTITION OF account_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 15);
CREATE TABLE account_versions_ended PARTITION OF account_versions FOR VALUES FROM (MINVALUE) TO (9223372036854775807);
INSERT INTO account_versions SELECT * FROM account_versions_whole;
DROP TABLE account_versions_whole;
ALTER TABLE account_versions ADD PRIMARY KEY (system_key, external_id, valid_to_run);
CREATE INDEX account_versions_by_name ON account_versions (system_key, valid_to_run, name, external_id, status);
CREATE INDEX account_versions_by_folded_name ON account_versions (system_key, valid_to_run, lower(name));
CREATE INDEX account_versions_by_path ON account_versions (system_key, valid_to_run, path, name, external_id);
CREATE INDEX account_versions_by_status ON account_versions (system_key, valid_to_run, status, name, external_id);
CREATE INDEX account_versions_by_age ON account_versions (system_key, valid_to_run, created_at, name, external_id);
CREATE INDEX account_versions_by_use ON account_versions (system_key, valid_to_run, COALESCE(password_last_used_at, -1), name, external_id);
CREATE INDEX account_versions_by_key ON account_versions (system_key, valid_to_run, oldest_key_at, name, external_id);
CREATE INDEX account_versions_begun ON account_versions (system_key, valid_from_run, name, external_id);
ANALYZE account_versions;

ALTER TABLE resource_versions RENAME TO resource_versions_whole;
CREATE TABLE resource_versions (LIKE resource_versions_whole) PARTITION BY RANGE (valid_to_run);
CREATE TABLE resource_versions_now PARTITION OF resource_versions FOR VALUES FROM (9223372036854775807) TO (MAXVALUE)
    PARTITION BY HASH (system_key);
CREATE TABLE resource_versions_now_0 PARTITION OF resource_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 0);
CREATE TABLE resource_versions_now_1 PARTITION OF resource_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 1);
CREATE TABLE resource_versions_now_2 PARTITION OF resource_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 2);
CREATE TABLE resource_versions_now_3 PARTITION OF resource_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 3);
CREATE TABLE resource_versions_now_4 PARTITION OF resource_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 4);
CREATE TABLE resource_versions_now_5 PARTITION OF resource_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 5);
CREATE TABLE resource_versions_now_6 PARTITION OF resource_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 6);
CREATE TABLE resource_versions_now_7 PARTITION OF resource_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 7);
CREATE TABLE resource_versions_now_8 PARTITION OF resource_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 8);
CREATE TABLE resource_versions_now_9 PARTITION OF resource_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 9);
CREATE TABLE resource_versions_now_10 PARTITION OF resource_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 10);
CREATE TABLE resource_versions_now_11 PARTITION OF resource_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 11);
CREATE TABLE resource_versions_now_12 PARTITION OF resource_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 12);
CREATE TABLE resource_versions_now_13 PARTITION OF resource_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 13);
CREATE TABLE resource_versions_now_14 PARTITION OF resource_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 14);
CREATE TABLE resource_versions_now_15 PARTITION OF resource_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 15);
CREATE TABLE resource_versions_ended PARTITION OF resource_versions FOR VALUES FROM (MINVALUE) TO (9223372036854775807);
INSERT INTO resource_versions SELECT * FROM resource_versions_whole;
DROP TABLE resource_versions_whole;
ALTER TABLE resource_versions ADD PRIMARY KEY (system_key, external_id, valid_to_run);
CREATE INDEX resource_versions_by_name ON resource_versions (system_key, valid_to_run, name, external_id);
CREATE INDEX resource_versions_begun ON resource_versions (system_key, valid_from_run, name, external_id);
ANALYZE resource_versions;

ALTER TABLE assignment_versions RENAME TO assignment_versions_whole;
CREATE TABLE assignment_versions (LIKE assignment_versions_whole) PARTITION BY RANGE (valid_to_run);
CREATE TABLE assignment_versions_now PARTITION OF assignment_versions FOR VALUES FROM (9223372036854775807) TO (MAXVALUE)
    PARTITION BY HASH (system_key);
CREATE TABLE assignment_versions_now_0 PARTITION OF assignment_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 0);
CREATE TABLE assignment_versions_now_1 PARTITION OF assignment_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 1);
CREATE TABLE assignment_versions_now_2 PARTITION OF assignment_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 2);
CREATE TABLE assignment_versions_now_3 PARTITION OF assignment_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 3);
CREATE TABLE assignment_versions_now_4 PARTITION OF assignment_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 4);
CREATE TABLE assignment_versions_now_5 PARTITION OF assignment_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 5);
CREATE TABLE assignment_versions_now_6 PARTITION OF assignment_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 6);
CREATE TABLE assignment_versions_now_7 PARTITION OF assignment_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 7);
CREATE TABLE assignment_versions_now_8 PARTITION OF assignment_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 8);
CREATE TABLE assignment_versions_now_9 PARTITION OF assignment_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 9);
CREATE TABLE assignment_versions_now_10 PARTITION OF assignment_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 10);
CREATE TABLE assignment_versions_now_11 PARTITION OF assignment_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 11);
CREATE TABLE assignment_versions_now_12 PARTITION OF assignment_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 12);
CREATE TABLE assignment_versions_now_13 PARTITION OF assignment_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 13);
CREATE TABLE assignment_versions_now_14 PARTITION OF assignment_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 14);
CREATE TABLE assignment_versions_now_15 PARTITION OF assignment_versions_now FOR VALUES WITH (MODULUS 16, REMAINDER 15);
CREATE TABLE assignment_versions_ended PARTITION OF assignment_versions FOR VALUES FROM (MINVALUE) TO (9223372036854775807);
INSERT INTO assignment_versions SELECT * FROM assignment_versions_whole;
DROP TABLE assignment_versions_whole;
ALTER TABLE assignment_versions ADD PRIMARY KEY (system_key, subject_external_id, kind, resource_key, valid_to_run);
CREATE INDEX assignment_versions_by_subject ON assignment_versions (system_key, valid_to_run, subject_name, subject_external_id);
CREATE INDEX assignment_versions_by_folded_subject ON assignment_versions (system_key, valid_to_run, lower(subject_name));
CREATE INDEX assignment_versions_by_resource ON assignment_versions (system_key, valid_to_run, resource_external_id);
CREATE INDEX assignment_versions_by_folded_resource ON assignment_versions (system_key, valid_to_run, lower(resource_name));
CREATE INDEX assignment_versions_begun ON assignment_versions (system_key, valid_from_run, subject_name, subject_external_id);
ANALYZE assignment_versions;

-- What is kept of history. floor_run: versions that ended in it or in a run before it are given up, in all systems; where there
-- is no row, none are. moved_at: when that was decided; moved_in: by which transaction of PostgreSQL.
CREATE TABLE history_kept (
    marker BIGINT NOT NULL PRIMARY KEY CHECK (marker = 1),
    floor_run BIGINT NOT NULL,
    moved_at BIGINT NOT NULL,
    moved_in BIGINT
);
