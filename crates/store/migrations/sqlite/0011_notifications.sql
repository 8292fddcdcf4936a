-- What people are to be told outside: written in the transaction of the event, and kept after it was told, so that the
-- same thing (dedupe) is not told again. There are so many untold ones at most; the oldest give way.
CREATE TABLE notifications (
    notification_id INTEGER PRIMARY KEY AUTOINCREMENT,
    dedupe TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    system_id TEXT,
    subject TEXT NOT NULL,
    at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    told_at BIGINT
);
CREATE INDEX notifications_untold ON notifications (next_at, notification_id) WHERE told_at IS NULL;
CREATE INDEX notifications_told ON notifications (told_at) WHERE told_at IS NOT NULL;
CREATE INDEX claims_unconfirmed ON claims (state) WHERE state IN ('open', 'contradicted');
