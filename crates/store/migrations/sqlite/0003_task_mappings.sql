-- Task mappings that differ from the default of their name.
CREATE TABLE task_mappings (
    system_key BIGINT NOT NULL REFERENCES systems (system_key),
    name TEXT NOT NULL,
    definition TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (system_key, name)
);
