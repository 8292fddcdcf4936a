//! An organization of the sandbox's accounts: what AWS Organizations knows of them.

mod change;
mod seed;
mod tree;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::change::OrganizationChange;
pub use self::seed::{MemberSeed, OrganizationSeed};
use crate::seeded::Seeded;

/// The role that Organizations makes in an account it creates (Organizations User Guide, "Accessing member accounts").
pub(crate) const DEFAULT_ROLE: &str = "OrganizationAccountAccessRole";

/// Where an account is in its life (service model, `AccountState`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)] // The words are AWS's.
pub enum MemberState {
    PendingActivation,
    #[default]
    Active,
    Suspended,
    PendingClosure,
    Closed,
}

impl MemberState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::PendingActivation => "PENDING_ACTIVATION",
            Self::Active => "ACTIVE",
            Self::Suspended => "SUSPENDED",
            Self::PendingClosure => "PENDING_CLOSURE",
            Self::Closed => "CLOSED",
        }
    }

    /// The older word (`AccountStatus`), which has none for an account that is still being made.
    pub(crate) fn status(self) -> Option<&'static str> {
        match self {
            Self::PendingActivation => None,
            Self::Active => Some("ACTIVE"),
            Self::PendingClosure => Some("PENDING_CLOSURE"),
            Self::Suspended | Self::Closed => Some("SUSPENDED"),
        }
    }
}

/// The role in member accounts that those of the management account may assume, made everywhere at once as a
/// CloudFormation stack set does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberRole {
    /// Its name.
    pub name: String,
    /// Its path.
    #[serde(default = "root_path")]
    pub path: String,
    /// What its trust policy asks for; `${AWS::AccountId}` in it is the id of the account, as in a stack's template.
    #[serde(default)]
    pub external_id: Option<String>,
}

fn root_path() -> String {
    "/".to_owned()
}

impl Default for MemberRole {
    fn default() -> Self {
        Self { name: DEFAULT_ROLE.to_owned(), path: root_path(), external_id: None }
    }
}

/// An account as Organizations knows it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) state: MemberState,
    /// The id of the root or the organizational unit it is in.
    pub(crate) parent: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) joined: Timestamp,
    pub(crate) invited: bool,
}

/// An organizational unit.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Unit {
    pub(crate) name: String,
    pub(crate) parent: String,
    pub(crate) tags: BTreeMap<String, String>,
}

/// One organization.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Organization {
    pub(crate) id: String,
    pub(crate) partition: String,
    pub(crate) management_account: String,
    /// Accounts that may ask as the management account may.
    pub(crate) delegated: BTreeSet<String>,
    pub(crate) root: String,
    pub(crate) units: BTreeMap<String, Unit>,
    pub(crate) members: BTreeMap<String, Member>,
    seed: u64,
}

impl Organization {
    fn new(management_account: &str, partition: &str, seed: u64) -> Self {
        let mut chance = Seeded::new(seed, &format!("organization/{management_account}"));
        Self {
            id: chance.base32("o-", 10).to_ascii_lowercase(),
            partition: partition.to_owned(),
            management_account: management_account.to_owned(),
            delegated: BTreeSet::new(),
            root: chance.base32("r-", 4).to_ascii_lowercase(),
            units: BTreeMap::new(),
            members: BTreeMap::new(),
            seed,
        }
    }

    /// `arn:aws:organizations::111122223333:account/o-…/444455556666`
    pub(crate) fn arn(&self, kind: &str, id: Option<&str>) -> String {
        let (partition, account, organization) = (&self.partition, &self.management_account, &self.id);
        let id = id.map(|id| format!("/{id}")).unwrap_or_default();
        format!("arn:{partition}:organizations::{account}:{kind}/{organization}{id}")
    }

    /// Whether this account may look at the whole organization.
    pub(crate) fn may_look(&self, account: &str) -> bool {
        self.management_account == account || self.delegated.contains(account)
    }

    /// Whether this is the root or one of the units.
    pub(crate) fn has_parent(&self, id: &str) -> bool {
        self.root == id || self.units.contains_key(id)
    }
}
