-- People who sign in: with a password that is kept here as its Argon2id hash, or because an identity provider (issuer)
-- says who they are (subject). Who that is never depends on a name or an address of e-mail.
CREATE TABLE people (
    name TEXT COLLATE "C" PRIMARY KEY,
    issuer TEXT COLLATE "C",
    subject TEXT COLLATE "C",
    shown_as TEXT COLLATE "C",
    role TEXT COLLATE "C" NOT NULL,
    systems TEXT COLLATE "C" NOT NULL,
    password_hash TEXT COLLATE "C",
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
    session_id TEXT COLLATE "C" PRIMARY KEY,
    value_sha256 BYTEA NOT NULL UNIQUE,
    person TEXT COLLATE "C" NOT NULL REFERENCES people (name),
    address TEXT COLLATE "C" NOT NULL,
    signed_in_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
);
CREATE INDEX sessions_of_person ON sessions (person, signed_in_at);

-- From where people have signed in with their password: what others try elsewhere does not keep them out.
CREATE TABLE sign_in_addresses (
    person TEXT COLLATE "C" NOT NULL REFERENCES people (name),
    address TEXT COLLATE "C" NOT NULL,
    signed_in_at BIGINT NOT NULL,
    PRIMARY KEY (person, address)
);
