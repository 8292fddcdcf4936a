//! Differences between what was known and what was read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Account, Assignment, AssignmentKind, Compare, ManagedBy, Resource, ResourceType};

/// One object that appeared, changed or went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change<T> {
    /// It was not there before.
    Created {
        /// What was read.
        after: T,
    },
    /// It was there, and is different now.
    Changed {
        /// What was known. Boxed, so that a long list of creations is not twice as large as what it holds.
        before: Box<T>,
        /// What was read.
        after: T,
        /// The names of the fields that differ, as in the JSON contract.
        fields: Vec<String>,
    },
    /// It was there and is proved to be gone.
    Deleted {
        /// What was known.
        before: T,
    },
}

impl<T> Change<T> {
    /// What kind of change it is.
    #[must_use]
    pub fn kind(&self) -> ChangeKind {
        match self {
            Self::Created { .. } => ChangeKind::Created,
            Self::Changed { .. } => ChangeKind::Changed,
            Self::Deleted { .. } => ChangeKind::Deleted,
        }
    }

    /// The object as it is now or, for a deleted one, as it last was.
    #[must_use]
    pub fn object(&self) -> &T {
        match self {
            Self::Created { after } | Self::Changed { after, .. } => after,
            Self::Deleted { before } => before,
        }
    }
}

impl<T: Compare> Change<T> {
    /// Whether nothing but volatile facts changed, and what we know of the rest.
    #[must_use]
    pub fn volatile_only(&self) -> bool {
        self.only(|before, after, field| is_volatile(field) || before.differs_in_sight(after, field))
    }

    /// Whether only something became known that was unknown before, or the other way round: nobody changed anything.
    #[must_use]
    pub fn in_sight_only(&self) -> bool {
        self.only(|before, after, field| before.differs_in_sight(after, field))
    }

    fn only(&self, fits: impl Fn(&T, &T, &str) -> bool) -> bool {
        match self {
            Self::Changed { before, after, fields } => fields.iter().all(|field| fits(before, after, field)),
            Self::Created { .. } | Self::Deleted { .. } => false,
        }
    }
}

/// Whether a field of the JSON contract changes by mere use, so that it never counts towards a threshold.
#[must_use]
pub fn is_volatile(field: &str) -> bool {
    matches!(field, "password_last_used_at" | "access_keys.last_used_at" | "credentials")
}

/// The three kinds of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Appeared.
    Created,
    /// Is different.
    Changed,
    /// Went.
    Deleted,
}

/// All changes of a run, or between two runs, each list sorted by name, then external id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ChangeSet {
    /// Accounts.
    pub accounts: Vec<Change<Account>>,
    /// Groups and policies.
    pub resources: Vec<Change<Resource>>,
    /// Assignments.
    pub assignments: Vec<Change<Assignment>>,
}

impl ChangeSet {
    /// Whether there is no change at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.resources.is_empty() && self.assignments.is_empty()
    }

    /// The counts shown with a run. Every change is in it, volatile ones too; what merely became known is counted apart.
    #[must_use]
    pub fn counts(&self) -> ObjectCounts {
        ObjectCounts {
            accounts: ChangeCounts::of(&self.accounts),
            resources: ChangeCounts::of(&self.resources),
            assignments: ChangeCounts::of(&self.assignments),
        }
    }

    /// The counts that thresholds judge: by population, without changes of volatile facts alone.
    #[must_use]
    pub fn counts_by_type(&self) -> BTreeMap<ObjectType, ChangeCounts> {
        self.counts_where(|_| true, |_| true)
    }

    /// As [`Self::counts_by_type`], of the changes of accounts and assignments that these let through.
    #[must_use]
    pub fn counts_where(
        &self,
        accounts: impl Fn(&Change<Account>) -> bool,
        assignments: impl Fn(&Change<Assignment>) -> bool,
    ) -> BTreeMap<ObjectType, ChangeCounts> {
        let mut counts: BTreeMap<ObjectType, ChangeCounts> = BTreeMap::new();
        let mut add = |object_type, kind, volatile: bool| {
            if !volatile {
                counts.entry(object_type).or_default().add(kind);
            }
        };
        for change in self.accounts.iter().filter(|change| accounts(change)) {
            add(ObjectType::Account, change.kind(), change.volatile_only());
        }
        for change in &self.resources {
            add(ObjectType::of_resource(change.object()), change.kind(), change.volatile_only());
        }
        for change in self.assignments.iter().filter(|change| assignments(change)) {
            add(ObjectType::of_assignment(change.object()), change.kind(), change.volatile_only());
        }
        counts
    }
}

/// How many of one kind of object were created, changed and deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ChangeCounts {
    /// Appeared.
    pub created: u64,
    /// Are different.
    pub changed: u64,
    /// Went.
    pub deleted: u64,
    /// Only became known or unknown, so that nobody need have changed them; these are in none of the other numbers.
    #[serde(default)]
    pub seen_differently: u64,
}

impl ChangeCounts {
    /// Counts a list of changes, those of our sight alone apart.
    #[must_use]
    pub fn of<T: Compare>(changes: &[Change<T>]) -> Self {
        let mut counts = Self::default();
        for change in changes {
            match change.in_sight_only() {
                true => counts.seen_differently += 1,
                false => counts.add(change.kind()),
            }
        }
        counts
    }

    /// Counts one more.
    pub fn add(&mut self, kind: ChangeKind) {
        match kind {
            ChangeKind::Created => self.created += 1,
            ChangeKind::Changed => self.changed += 1,
            ChangeKind::Deleted => self.deleted += 1,
        }
    }
}

/// The counts of an import run, as in the JSON contract.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ObjectCounts {
    /// Accounts.
    pub accounts: ChangeCounts,
    /// Groups and policies.
    pub resources: ChangeCounts,
    /// Assignments.
    pub assignments: ChangeCounts,
}

/// The populations that thresholds look at one by one. Policies that AWS maintains are counted apart from those
/// of the customer, because AWS adds and changes them as it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ObjectType {
    /// IAM users.
    Account,
    /// IAM groups.
    Group,
    /// Policies of the customer.
    Policy,
    /// Policies of AWS.
    AwsManagedPolicy,
    /// User in group.
    AccountGroup,
    /// Policy attached to user.
    AccountPolicy,
    /// Policy attached to group.
    GroupPolicy,
}

impl ObjectType {
    /// All of them, in the order they are shown.
    pub const ALL: [Self; 7] = [
        Self::Account,
        Self::Group,
        Self::Policy,
        Self::AwsManagedPolicy,
        Self::AccountGroup,
        Self::AccountPolicy,
        Self::GroupPolicy,
    ];

    /// The population a resource belongs to.
    #[must_use]
    pub fn of_resource(resource: &Resource) -> Self {
        match (resource.kind, resource.managed_by) {
            (ResourceType::Group, _) => Self::Group,
            (ResourceType::Policy, Some(ManagedBy::Aws)) => Self::AwsManagedPolicy,
            (ResourceType::Policy, _) => Self::Policy,
        }
    }

    /// The population an assignment belongs to.
    #[must_use]
    pub fn of_assignment(assignment: &Assignment) -> Self {
        match assignment.kind {
            AssignmentKind::AccountGroup => Self::AccountGroup,
            AssignmentKind::AccountPolicy => Self::AccountPolicy,
            AssignmentKind::GroupPolicy => Self::GroupPolicy,
        }
    }

    /// The word used in JSON and in sentences.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Group => "group",
            Self::Policy => "policy",
            Self::AwsManagedPolicy => "aws_managed_policy",
            Self::AccountGroup => "account_group",
            Self::AccountPolicy => "account_policy",
            Self::GroupPolicy => "group_policy",
        }
    }
}
