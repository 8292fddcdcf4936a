//! What a reader asks for: a moment, and which objects.

use jiff::Timestamp;
use keyreeve_model::{
    Account, AccountStatus, AssignmentKind, AssignmentPlace, ChangeKind, ImportRunId, ImportRunState, JobId,
    JobState, LoginProfileState, ManagedBy, ObjectType, Resource, ResourceType, SystemId,
};
use serde::{Deserialize, Serialize};

use crate::time::to_millis;

/// The moment a reading speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AsOf {
    /// What the last published run said.
    #[default]
    Now,
    /// What was published at that time.
    Time(Timestamp),
    /// What that published run said.
    Run(ImportRunId),
}

/// Which accounts. Conditions that are set must all hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountFilter {
    /// Part of the name, ignoring case; with `*` or `?` in it, a pattern for the whole name.
    pub name: Option<String>,
    /// What the path begins with.
    pub path_prefix: Option<String>,
    /// Name (ignoring case) or external id of a group the account is in.
    pub group: Option<String>,
    /// Name (ignoring case), external id or ARN of a policy attached to the account itself.
    pub policy: Option<String>,
    /// Whether a policy attached to a group that the account is in counts as well.
    pub through_groups: bool,
    /// The status.
    pub status: Option<AccountStatus>,
    /// Whether a multi-factor device is active.
    pub mfa: Option<Mfa>,
    /// Part of the name, the path, the ARN or the tags, ignoring case; `*` and `?` as in a name.
    pub text: Option<String>,
    /// Whether there is a console password.
    pub console: Option<LoginProfileState>,
    /// When the oldest active access key was made: from then on, and before then.
    pub oldest_key: Option<(Option<Timestamp>, Option<Timestamp>)>,
}

/// What is known of an account's multi-factor devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mfa {
    /// One is active.
    Active,
    /// None is.
    Inactive,
    /// It could not be read.
    Unknown,
}

/// Which resources. Conditions that are set must all hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceFilter {
    /// Groups or policies.
    pub kind: Option<ResourceType>,
    /// Part of the name, ignoring case; with `*` or `?` in it, a pattern for the whole name.
    pub name: Option<String>,
    /// What the path begins with.
    pub path_prefix: Option<String>,
    /// Who maintains a policy (leaves groups out).
    pub managed_by: Option<ManagedBy>,
}

/// Which changes. Conditions that are set must all hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeFilter {
    /// Of which objects.
    pub object_type: Option<ObjectType>,
    /// Whether they came, are different, or went.
    pub kind: Option<ChangeKind>,
    /// Part of the name, ignoring the case of ASCII; of an assignment, of both ends with ` → ` between.
    pub text: Option<String>,
}

/// A part of changes: accounts, then groups and policies, then assignments, each by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeSlice {
    /// Whether it begins with the last.
    pub descending: bool,
    /// The place of the change before it.
    pub after: Option<ChangePlace>,
    /// How many at most.
    pub limit: u32,
}

/// Where a change stands: which of the three it is of, and by what it is in order there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChangePlace(pub u8, pub Vec<String>);

/// A part of a list in an order: by a key of it, then by name and external id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice<By> {
    /// What the list is sorted by.
    pub by: By,
    /// Whether it begins with the last.
    pub descending: bool,
    /// The place of the entry before it.
    pub after: Option<SlicePlace>,
    /// How many entries at most.
    pub limit: u32,
}

/// Where an entry stands: its key, its name and its external id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlicePlace(pub SortKey, pub String, pub String);

/// What an entry is sorted by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SortKey {
    /// A number, or a time in milliseconds; -1 where there is none.
    Number(i64),
    /// A text.
    Text(String),
}

/// What accounts are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AccountOrder {
    /// The name.
    #[default]
    Name,
    /// The path.
    Path,
    /// The status.
    Status,
    /// When they were made.
    CreatedAt,
    /// When the password was last used; those of which that is not known come first.
    PasswordLastUsedAt,
}

impl AccountOrder {
    /// Where an account stands.
    #[must_use]
    pub fn place(self, account: &Account) -> SlicePlace {
        let key = match self {
            Self::Name => SortKey::Text(account.name.clone()),
            Self::Path => SortKey::Text(account.path.clone()),
            Self::Status => SortKey::Text(account.status.as_str().to_owned()),
            Self::CreatedAt => SortKey::Number(to_millis(account.created_at)),
            Self::PasswordLastUsedAt => SortKey::Number(account.password_last_used_at.map_or(-1, to_millis)),
        };
        SlicePlace(key, account.name.clone(), account.external_id.to_string())
    }

    pub(crate) fn column(self) -> &'static str {
        match self {
            Self::Name => "v.name",
            Self::Path => "v.path",
            Self::Status => "v.status",
            Self::CreatedAt => "v.created_at",
            Self::PasswordLastUsedAt => "COALESCE(v.password_last_used_at, -1)",
        }
    }
}

/// What resources are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResourceOrder {
    /// The name.
    #[default]
    Name,
    /// The path.
    Path,
    /// Groups before policies.
    Type,
}

impl ResourceOrder {
    /// Where a resource stands.
    #[must_use]
    pub fn place(self, resource: &Resource) -> SlicePlace {
        let key = match self {
            Self::Name => resource.name.clone(),
            Self::Path => resource.path.clone(),
            Self::Type => resource.kind.as_str().to_owned(),
        };
        SlicePlace(SortKey::Text(key), resource.name.clone(), resource.external_id.to_string())
    }

    pub(crate) fn column(self) -> &'static str {
        match self {
            Self::Name => "v.name",
            Self::Path => "v.path",
            Self::Type => "v.type",
        }
    }
}

/// A part of a list of assignments, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignmentSlice {
    /// Whether the list begins with the last.
    pub descending: bool,
    /// The place of the entry before it.
    pub after: Option<AssignmentPlace>,
    /// How many entries at most.
    pub limit: u32,
}

/// A part of the import runs of all systems.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunSlice {
    /// Only those of these systems; `None` for all.
    pub systems: Option<Vec<SystemId>>,
    /// Only those of this state.
    pub state: Option<ImportRunState>,
    /// Only those beyond this one.
    pub beyond: Option<ImportRunId>,
    /// Whether the list begins with the oldest.
    pub oldest_first: bool,
    /// How many at most.
    pub limit: u32,
}

/// A part of the jobs of a system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobSlice {
    /// Only those of this state.
    pub state: Option<JobState>,
    /// Only those before this one.
    pub before: Option<JobId>,
    /// Only those after this one.
    pub after: Option<JobId>,
    /// Whether the list begins with the oldest.
    pub oldest_first: bool,
    /// How many at most.
    pub limit: u32,
}

/// Which assignments. Conditions that are set must all hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AssignmentFilter {
    /// Name (ignoring case) or external id of the account that holds.
    pub account: Option<String>,
    /// Name (ignoring case) or external id of a group, as the holder or as what is held.
    pub group: Option<String>,
    /// Name (ignoring case), external id or ARN of the policy that is held.
    pub policy: Option<String>,
    /// The kind.
    pub kind: Option<AssignmentKind>,
}
