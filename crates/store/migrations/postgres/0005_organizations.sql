-- Organizations of AWS accounts, and what each was last seen to say of the account of a system.
CREATE TABLE organizations (
    organization_id TEXT COLLATE "C" PRIMARY KEY,
    management_account_id TEXT COLLATE "C" NOT NULL,
    -- Made up here once; with an account's id after it, it is the external id of the role in that account.
    external_id TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE organization_members (
    system_key BIGINT PRIMARY KEY REFERENCES systems (system_key),
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (organization_id),
    name TEXT COLLATE "C" NOT NULL,
    unit TEXT COLLATE "C",
    state TEXT COLLATE "C" NOT NULL,
    updated_at BIGINT NOT NULL
);
