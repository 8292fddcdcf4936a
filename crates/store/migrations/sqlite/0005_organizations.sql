-- Organizations of AWS accounts, and what each was last seen to say of the account of a system.
CREATE TABLE organizations (
    organization_id TEXT PRIMARY KEY,
    management_account_id TEXT NOT NULL,
    -- Made up here once; with an account's id after it, it is the external id of the role in that account.
    external_id TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE organization_members (
    system_key BIGINT PRIMARY KEY REFERENCES systems (system_key),
    organization_id TEXT NOT NULL REFERENCES organizations (organization_id),
    name TEXT NOT NULL,
    unit TEXT,
    state TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);
