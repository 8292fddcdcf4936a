//! An account: one IAM user and its login profile.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ExternalId, ImportRunId, SystemId};

/// One IAM user as the last published import read it. `None` always means *could not be read*.
///
/// The field names are part of the stable JSON contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Account {
    /// The system it belongs to.
    pub system_id: SystemId,
    /// The `UserId` (`AIDA…`): stable over renames and moves, never used again.
    pub external_id: ExternalId,
    /// The user name in the exact case AWS gave it.
    pub name: String,
    /// The path, `/` at least.
    pub path: String,
    /// The Amazon resource name.
    pub arn: String,
    /// Whether somebody can sign in with it, as far as that is known.
    pub status: AccountStatus,
    /// The console password's state.
    pub login_profile: LoginProfile,
    /// The access keys; `None` when they could not be read.
    pub access_keys: Option<Vec<AccessKey>>,
    /// Whether a multi-factor device is active; `None` when that could not be read.
    pub mfa_active: Option<bool>,
    /// Where login profile and keys were read from, and how old that is.
    pub credentials: Credentials,
    /// When the user was made.
    pub created_at: Timestamp,
    /// When the console password was last used; `None` for never or unknown.
    pub password_last_used_at: Option<Timestamp>,
    /// The tags; `None` when they could not be read.
    pub tags: Option<BTreeMap<String, String>>,
    /// The ARN of the permissions boundary. AWS is not known to return it reliably in listings, so `None` does
    /// not prove that there is none.
    pub permissions_boundary: Option<String>,
    /// Inline policies, by name; `None` when they could not be read.
    pub inline_policies: Option<Vec<InlinePolicy>>,
    /// The first published run that saw it.
    pub first_seen_run: ImportRunId,
    /// The last published run that covered it and saw it.
    pub last_seen_run: ImportRunId,
}

/// Whether an account can be used to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AccountStatus {
    /// It has a login profile, or an active access key.
    Enabled,
    /// It has no login profile, its keys were read, and none is active.
    Disabled,
    /// Neither could be shown.
    Unknown,
}

impl AccountStatus {
    /// The one rule for an account's status: `enabled` with a login profile or any active key, `disabled` only
    /// when both are known to be absent, else `unknown`.
    #[must_use]
    pub fn of(login_profile: LoginProfileState, access_keys: Option<&[AccessKey]>) -> Self {
        let active_key = access_keys.is_some_and(|keys| keys.iter().any(|key| key.active));
        match (login_profile, access_keys) {
            (LoginProfileState::Present, _) => Self::Enabled,
            _ if active_key => Self::Enabled,
            (LoginProfileState::Absent, Some(_)) => Self::Disabled,
            _ => Self::Unknown,
        }
    }

    /// The word used in JSON, SQL and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Unknown => "unknown",
        }
    }
}

/// The console password's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LoginProfile {
    /// Whether there is one.
    pub state: LoginProfileState,
    /// When it was made; `None` when unknown (the credential report does not tell).
    pub created_at: Option<Timestamp>,
    /// Whether the password must be changed at the next sign-in; `None` when unknown.
    pub password_reset_required: Option<bool>,
}

impl LoginProfile {
    /// A login profile of which nothing could be read.
    #[must_use]
    pub fn unknown() -> Self {
        Self { state: LoginProfileState::Unknown, created_at: None, password_reset_required: None }
    }

    /// Proof that there is none.
    #[must_use]
    pub fn absent() -> Self {
        Self { state: LoginProfileState::Absent, created_at: None, password_reset_required: None }
    }
}

/// Whether a login profile exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LoginProfileState {
    /// There is a console password.
    Present,
    /// There is none.
    Absent,
    /// It could not be read. Never to be taken for absent.
    Unknown,
}

/// One access key, without its id (the credential report does not give it) and without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AccessKey {
    /// Whether AWS accepts it.
    pub active: bool,
    /// When it was made or last rotated.
    pub created_at: Option<Timestamp>,
    /// When it was last used; `None` for never or unknown.
    pub last_used_at: Option<Timestamp>,
}

/// Where the credentials' state comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Credentials {
    /// The kind of reading.
    pub source: CredentialSource,
    /// The moment the reading speaks of; `None` when nothing was read.
    pub as_of: Option<Timestamp>,
}

/// How login profile and keys were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CredentialSource {
    /// One call for this account.
    PerUser,
    /// The account-wide credential report, which can be up to four hours old.
    CredentialReport,
    /// Not read.
    None,
}

/// An inline policy: its name, and a digest that shows when its document changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct InlinePolicy {
    /// The policy's name within its user or group.
    pub name: String,
    /// SHA-256 of the decoded document, in hex; `None` when the document could not be decoded.
    pub document_sha256: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_alone_decide_only_when_they_were_read() {
        use LoginProfileState::{Absent, Present, Unknown};
        let key = |active| AccessKey { active, created_at: None, last_used_at: None };
        let active = [key(false), key(true)];
        let inactive = [key(false)];
        let cases: [(LoginProfileState, Option<&[AccessKey]>, AccountStatus); 9] = [
            (Present, None, AccountStatus::Enabled),
            (Present, Some(&inactive), AccountStatus::Enabled),
            (Absent, Some(&active), AccountStatus::Enabled),
            (Unknown, Some(&active), AccountStatus::Enabled),
            (Absent, Some(&inactive), AccountStatus::Disabled),
            (Absent, Some(&[]), AccountStatus::Disabled),
            (Absent, None, AccountStatus::Unknown),
            (Unknown, None, AccountStatus::Unknown),
            (Unknown, Some(&inactive), AccountStatus::Unknown),
        ];
        for (state, keys, status) in cases {
            assert_eq!(AccountStatus::of(state, keys), status, "{state:?} {keys:?}");
        }
    }
}
