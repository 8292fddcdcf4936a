-- People who sign in: with a password that is kept here as its Argon2id hash, or because an identity provider (issuer)
-- says who they are (subject). Who that is never depends on a name or an address of e-mail.
CREATE TABLE people (
    name TEXT PRIMARY KEY,
    issuer TEXT,
    subject TEXT,
    shown_as TEXT,
    role TEXT NOT NULL,
    systems TEXT NOT NULL,
    password_hash TEXT,
    created_at BIGINT NOT NULL,
    password_changed_at BIGINT,
    signed_in_at BIGINT,
    disabled_at BIGINT,
    CHECK ((issuer IS NULL) = (subject IS NULL)),
    CHECK ((issuer IS NULL) = (password_hash IS NOT NULL))
);
CREATE UNIQUE INDEX people_by_subject ON people (issuer, subject) WHERE issuer IS NOT NULL;

-- Of what a browser keeps only the digest: who can read the database cannot sign in with it.
CREATE TABLE sessions (
    session_id TEXT PRIMARY KEY,
    value_sha256 BLOB NOT NULL UNIQUE,
    person TEXT NOT NULL REFERENCES people (name),
    address TEXT NOT NULL,
    signed_in_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
);
CREATE INDEX sessions_of_person ON sessions (person, signed_in_at);

-- From where people have signed in with their password: what others try elsewhere does not keep them out.
CREATE TABLE sign_in_addresses (
    person TEXT NOT NULL REFERENCES people (name),
    address TEXT NOT NULL,
    signed_in_at BIGINT NOT NULL,
    PRIMARY KEY (person, address)
);
