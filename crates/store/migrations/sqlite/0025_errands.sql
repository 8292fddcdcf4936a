-- What is to be looked at, by whoever comes first. An errand is no truth of its own: taking it takes the row away, one that
-- is lost is found again by looking, one too many finds nothing to do. The smaller the urgency, the sooner.
CREATE TABLE errands (
    kind TEXT NOT NULL,
    system_key BIGINT NOT NULL REFERENCES systems (system_key),
    subject TEXT NOT NULL,
    urgency BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    PRIMARY KEY (kind, system_key, subject)
);
CREATE INDEX errands_due ON errands (kind, due_at);

-- When a system had its last turn, so that each gets its own.
CREATE TABLE errand_turns (
    kind TEXT NOT NULL,
    system_key BIGINT NOT NULL REFERENCES systems (system_key),
    served_at BIGINT NOT NULL,
    PRIMARY KEY (kind, system_key)
);

-- Which process may change an AWS account at this moment: one. The token is made anew whenever the place is taken.
CREATE TABLE account_places (
    place TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    token TEXT NOT NULL,
    held_until BIGINT NOT NULL
);
CREATE UNIQUE INDEX account_places_by_token ON account_places (token);

-- The place that a lease on a task was taken in; without one the task is not bound to a place.
ALTER TABLE tasks ADD COLUMN lease_place TEXT;
