-- Secrets in envelopes: sealed under data keys, which are sealed under the store's key.
--
-- A store that has no row in envelope yet was made by an earlier version: its secrets are sealed under the store's key
-- itself, and are sealed anew when the store is opened next.

CREATE TABLE envelope (
    marker BIGINT PRIMARY KEY CHECK (marker = 1),
    store_id TEXT NOT NULL
);

-- How each key of store_keys stands (active, coming, retired) and where it is kept; sealed is its sealed form in
-- base64, of a key that some service opens; plan is what the change to a coming key is to do, as JSON.
CREATE TABLE key_custodies (
    key_version BIGINT PRIMARY KEY REFERENCES store_keys (key_version),
    state TEXT NOT NULL,
    custody TEXT NOT NULL,
    sealed TEXT,
    plan TEXT,
    retired_at BIGINT
);
CREATE UNIQUE INDEX key_custodies_active ON key_custodies (state) WHERE state = 'active';
CREATE UNIQUE INDEX key_custodies_coming ON key_custodies (state) WHERE state = 'coming';

-- scope is 'store', or 'system:' and a System ID. Nothing is sealed under a retained key.
CREATE TABLE data_keys (
    scope TEXT NOT NULL,
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (scope, version)
);
CREATE UNIQUE INDEX data_keys_active ON data_keys (scope) WHERE state = 'active';

CREATE TABLE sealed_data_keys (
    scope TEXT NOT NULL,
    version BIGINT NOT NULL,
    key_version BIGINT NOT NULL,
    nonce BLOB NOT NULL,
    ciphertext BLOB NOT NULL,
    PRIMARY KEY (scope, version, key_version),
    FOREIGN KEY (scope, version) REFERENCES data_keys (scope, version)
);
