-- Which systems have errands, by urgency, and when each had its last turn: whoever takes one need not look at all that waits.
CREATE TABLE errand_heads (
    kind TEXT COLLATE "C" NOT NULL,
    urgency BIGINT NOT NULL,
    system_key BIGINT NOT NULL REFERENCES systems (system_key),
    served_at BIGINT NOT NULL,
    PRIMARY KEY (kind, urgency, system_key)
);
CREATE INDEX errand_heads_in_turn ON errand_heads (kind, urgency, served_at, system_key);
INSERT INTO errand_heads (kind, urgency, system_key, served_at)
    SELECT DISTINCT e.kind, e.urgency, e.system_key, COALESCE(t.served_at, 0) FROM errands e
    LEFT JOIN errand_turns t ON t.kind = e.kind AND t.system_key = e.system_key;
CREATE INDEX errands_of_system ON errands (kind, system_key, urgency, due_at, subject);
