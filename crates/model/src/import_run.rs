//! One import, and the proof of what it read.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Account, Assignment, AssignmentKind, ChangeKind, Failure, ImportObject, ImportRunId, ManagedBy,
    ObjectCounts, ObjectType, PolicyScope, ProfileName, Resource, ResourceType, SystemId,
};

/// One import through a profile. The first ten fields are the stable JSON contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ImportRun {
    /// Its number; a later run has a greater one.
    pub id: ImportRunId,
    /// The system it read.
    pub system_id: SystemId,
    /// The profile it ran through.
    pub profile: ProfileName,
    /// How far it got.
    pub state: ImportRunState,
    /// What was read of each collection, and whether that is all there is.
    pub collections: Vec<CollectionRecord>,
    /// How many objects it created, changed and deleted; for a suspended or previewed run: would.
    pub changes: ObjectCounts,
    /// All calls made, those refused and repeated included.
    pub aws_calls: u64,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; `None` while running.
    pub finished_at: Option<Timestamp>,
    /// When its result became what readers see.
    pub published_at: Option<Timestamp>,
    /// The published run it was compared with; `None` for the first.
    pub baseline_run: Option<ImportRunId>,
    /// What it covered.
    pub scope: ImportScope,
    /// When the credential report it used was made.
    pub credential_report_at: Option<Timestamp>,
    /// Why a person should look before it is published.
    pub suspicions: Vec<Suspicion>,
    /// What was odd, but did not stop it.
    pub warnings: Vec<Warning>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// SHA-256 of its changes in canonical JSON: accepting a run means accepting exactly these.
    pub changes_sha256: Option<String>,
    /// Who started it.
    pub actor: String,
    /// Who accepted or rejected it.
    pub decided_by: Option<String>,
    /// The reason they gave.
    pub decision_reason: Option<String>,
}

/// How far a run got. [`ImportRunState::may_become`] owns the legal moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ImportRunState {
    /// It is reading.
    Running,
    /// It was only asked what would change; nothing is published.
    Previewed,
    /// A person must look: accept or reject.
    Suspended,
    /// Its result is part of the history.
    Published,
    /// It could not read what it needed; nothing is published.
    Failed,
    /// A person rejected it.
    Rejected,
}

impl ImportRunState {
    /// The word used in JSON, SQL and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Previewed => "previewed",
            Self::Suspended => "suspended",
            Self::Published => "published",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
        }
    }

    /// Whether such a run was compared with what was known; if not, its counts of changes say nothing.
    #[must_use]
    pub fn compared(self) -> bool {
        !matches!(self, Self::Running | Self::Failed)
    }

    /// Whether a run in this state may move to another.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        use ImportRunState::{Failed, Previewed, Published, Rejected, Running, Suspended};
        matches!(
            (self, next),
            (Running, Previewed | Suspended | Published | Failed) | (Suspended, Published | Rejected)
        )
    }
}

/// What was read of one collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CollectionRecord {
    /// Which collection.
    pub name: CollectionName,
    /// Whether what was read is all there is.
    pub state: CollectionState,
    /// Distinct objects read.
    pub items: u64,
    /// Calls made, repeated ones included.
    pub calls: u64,
    /// Calls that were repeats of one that failed.
    pub retries: u64,
    /// How many of those were asked for by throttling.
    pub throttled: u64,
    /// Why it is not whole.
    pub reason: Option<String>,
}

impl CollectionRecord {
    /// How many users a run listed; `None` where that was not asked for.
    #[must_use]
    pub fn users(of_run: &[Self]) -> Option<u64> {
        of_run.iter().find(|one| one.name == CollectionName::Users).map(|one| one.items)
    }
}

/// The collections an import reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CollectionName {
    /// The listing of users.
    Users,
    /// Users and groups with their memberships, attached and inline policies, tags.
    AuthorizationDetails,
    /// The listing of groups.
    Groups,
    /// The listing of policies.
    Policies,
    /// Login profiles, read one by one.
    LoginProfiles,
    /// The account-wide report on passwords, keys and devices.
    CredentialReport,
}

impl CollectionName {
    /// All of them, in the order they are shown.
    pub const ALL: [Self; 6] = [
        Self::Users,
        Self::AuthorizationDetails,
        Self::Groups,
        Self::Policies,
        Self::LoginProfiles,
        Self::CredentialReport,
    ];

    /// The word used in JSON and in sentences.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::AuthorizationDetails => "authorization_details",
            Self::Groups => "groups",
            Self::Policies => "policies",
            Self::LoginProfiles => "login_profiles",
            Self::CredentialReport => "credential_report",
        }
    }
}

/// Whether what was read of a collection is all there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CollectionState {
    /// Read to its proved end.
    Whole,
    /// Begun, but not read to its end.
    Cut,
    /// Not permitted.
    Denied,
    /// Not wanted by the profile, or not needed.
    Skipped,
}

/// What a run covered. Absence counts only inside it; what lies outside is carried over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ImportScope {
    /// Which objects were read.
    pub objects: BTreeSet<ImportObject>,
    /// Only users whose path begins with this text.
    pub path_prefix: String,
    /// Which policies were read.
    pub policy_scope: PolicyScope,
}

impl ImportScope {
    fn reads(&self, object: ImportObject) -> bool {
        self.objects.contains(&object)
    }

    /// Whether users are read, and this path is among them.
    #[must_use]
    pub fn covers_path(&self, path: &str) -> bool {
        self.reads(ImportObject::Accounts) && path.starts_with(&self.path_prefix)
    }

    /// Whether an account would have been seen.
    #[must_use]
    pub fn covers_account(&self, account: &Account) -> bool {
        self.covers_path(&account.path)
    }

    /// Whether a resource would have been seen. Under [`PolicyScope::Attached`] a policy that is not attached
    /// any more is not seen although it exists, so such a run needs further proof before it removes one.
    #[must_use]
    pub fn covers_resource(&self, resource: &Resource) -> bool {
        match resource.kind {
            ResourceType::Group => self.reads(ImportObject::Groups),
            ResourceType::Policy => {
                self.reads(ImportObject::Policies)
                    && (self.policy_scope != PolicyScope::Customer
                        || resource.managed_by != Some(ManagedBy::Aws))
            }
        }
    }

    /// Whether assignments of a kind are read, whoever holds them.
    #[must_use]
    pub fn covers_kind(&self, kind: AssignmentKind) -> bool {
        let (holder, held) = match kind {
            AssignmentKind::AccountGroup => (ImportObject::Accounts, ImportObject::Groups),
            AssignmentKind::AccountPolicy => (ImportObject::Accounts, ImportObject::Policies),
            AssignmentKind::GroupPolicy => (ImportObject::Groups, ImportObject::Policies),
        };
        self.reads(ImportObject::Assignments) && self.reads(holder) && self.reads(held)
    }

    /// Whether an assignment would have been seen, given the path of the account that holds it.
    #[must_use]
    pub fn covers_assignment(&self, assignment: &Assignment, holder_path: Option<&str>) -> bool {
        self.covers_kind(assignment.kind)
            && (!assignment.kind.of_account() || holder_path.is_some_and(|path| self.covers_path(path)))
    }
}

/// Why a run waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Suspicion {
    /// More changes than the profile's thresholds allow.
    Threshold {
        /// The population.
        object_type: ObjectType,
        /// The kind of change.
        change: ChangeKind,
        /// How many.
        number: u64,
        /// Of how many that were known.
        population: u64,
        /// What is allowed, in words.
        limit: String,
    },
    /// Two listings of the same thing disagree, also after both were read again.
    ListingsDisagree {
        /// The first listing.
        first: CollectionName,
        /// What only the first one has (names, at most 20).
        only_in_first: Vec<String>,
        /// What it was compared with.
        second: String,
        /// What only the second one has (names, at most 20).
        only_in_second: Vec<String>,
        /// How many objects differ in all.
        differences: u64,
    },
}

/// What was odd about a run, but did not stop it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Warning {
    /// A stable word for programs: `listing_inconsistent`, `credentials_unknown`, `unresolved_reference`, …
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

impl Warning {
    /// Makes one.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_running_or_suspended_run_moves() {
        use ImportRunState::{Failed, Previewed, Published, Rejected, Running, Suspended};
        let all = [Running, Previewed, Suspended, Published, Failed, Rejected];
        let legal: Vec<_> = all
            .iter()
            .flat_map(|from| all.iter().map(move |to| (*from, *to)))
            .filter(|(from, to)| from.may_become(*to))
            .collect();
        assert_eq!(
            legal,
            [
                (Running, Previewed),
                (Running, Suspended),
                (Running, Published),
                (Running, Failed),
                (Suspended, Published),
                (Suspended, Rejected),
            ]
        );
    }
}
