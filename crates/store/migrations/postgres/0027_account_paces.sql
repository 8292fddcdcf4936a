-- How fast an AWS account may be asked, by all processes together. All times are microseconds since 1970 by the database's
-- own clock, as processes need not agree on theirs. Up to taken_until every call is given away to somebody. granted is what
-- AWS is thought to grant, in thousandths of a request a second; null where nothing was throttled. guessed: it is what one
-- process saw get through, to which the others add theirs. The revision counts decreases. askers: until when each process
-- counts as one that asks, as JSON.
CREATE TABLE account_paces (
    aws_account_id TEXT COLLATE "C" PRIMARY KEY,
    taken_until BIGINT NOT NULL,
    granted BIGINT,
    guessed BIGINT NOT NULL,
    decreased_at BIGINT,
    passed BIGINT NOT NULL,
    counted_since BIGINT,
    revision BIGINT NOT NULL,
    askers TEXT NOT NULL,
    changed_at BIGINT NOT NULL
) WITH (fillfactor = 50);
