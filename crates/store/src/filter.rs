//! What a reader asks for: a moment, and which objects.

use jiff::Timestamp;
use keyreeve_model::{AccountStatus, AssignmentKind, AssignmentPlace, ImportRunId, ManagedBy, ResourceType};

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

/// A part of a list that is sorted by name, then external id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// The name and the external id of the entry before it.
    pub after: Option<(String, String)>,
    /// How many entries at most.
    pub limit: u32,
}

/// A part of a list of assignments, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignmentSlice {
    /// The place of the entry before it.
    pub after: Option<AssignmentPlace>,
    /// How many entries at most.
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
