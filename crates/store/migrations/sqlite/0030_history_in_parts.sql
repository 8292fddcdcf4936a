-- SQLite has no tables in parts: what there is now and what was stay in one table each, told apart by its indexes, and what is
-- given up of history is deleted little by little. See docs/decisions/0040-history-in-parts.md.

-- What is kept of history. floor_run: versions that ended in it or in a run before it are given up, in all systems; where there
-- is no row, none are. moved_at: when that was decided; moved_in: by which transaction of PostgreSQL.
CREATE TABLE history_kept (
    marker INTEGER NOT NULL PRIMARY KEY CHECK (marker = 1),
    floor_run INTEGER NOT NULL,
    moved_at INTEGER NOT NULL,
    moved_in INTEGER
);
