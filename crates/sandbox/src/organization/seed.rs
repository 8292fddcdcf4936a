//! What an organization begins with.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Member, MemberRole, MemberState, Organization};
use crate::options::Population;
use crate::seeded::Seeded;

/// An organization to begin with. Accounts that the sandbox does not have yet are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganizationSeed {
    /// The account that owns it.
    pub management_account: String,
    /// Members that may look at it as the management account may.
    #[serde(default)]
    pub delegated_administrators: Vec<String>,
    /// The members, besides the management account.
    #[serde(default)]
    pub accounts: Vec<MemberSeed>,
    /// The role in each member that the management account may assume.
    #[serde(default)]
    pub role: MemberRole,
}

/// A member account to begin with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberSeed {
    /// Twelve digits.
    pub account_id: String,
    /// Its name in the organization.
    pub name: String,
    /// The path of its organizational unit, `/Workloads/Production`; units are made as they are named.
    #[serde(default = "super::root_path")]
    pub unit: String,
    /// Where it is in its life.
    #[serde(default)]
    pub state: MemberState,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Who and what is in it, where it is made for this.
    #[serde(default)]
    pub population: Population,
}

/// Organizational units and what accounts in them are for.
const UNITS: [(&str, &str); 5] = [
    ("/Workloads/Production", "prod"),
    ("/Workloads/Staging", "staging"),
    ("/Sandbox", "sandbox"),
    ("/Security", "security"),
    ("/Infrastructure", "shared"),
];
const TEAMS: [&str; 7] = ["payments", "search", "mobile", "data", "billing", "media", "identity"];

impl OrganizationSeed {
    /// An organization without members yet.
    #[must_use]
    pub fn of(management_account: &str) -> Self {
        Self {
            management_account: management_account.to_owned(),
            delegated_administrators: Vec::new(),
            accounts: Vec::new(),
            role: MemberRole::default(),
        }
    }

    /// So many made-up members, the same for the same seed, in units and with a tag `stage`.
    #[must_use]
    pub fn with_members(mut self, count: u32, seed: u64, population: Population) -> Self {
        let mut chance = Seeded::new(seed, "organization/members");
        for number in 0..count as usize {
            let (unit, stage) = UNITS.get(number % UNITS.len()).copied().unwrap_or_default();
            let team = TEAMS.get(number % TEAMS.len()).copied().unwrap_or_default();
            let round = number / (UNITS.len() * TEAMS.len());
            let round = if round == 0 { String::new() } else { format!("-{}", round + 1) };
            self.accounts.push(MemberSeed {
                account_id: format!("{:012}", 100_000_000_000 + chance.below(900_000_000_000)),
                name: format!("{team}-{stage}{round}"),
                unit: unit.to_owned(),
                state: MemberState::Active,
                tags: BTreeMap::from([("stage".to_owned(), stage.to_owned())]),
                population,
            });
        }
        self
    }

    pub(crate) fn organization(&self, partition: &str, seed: u64, now: Timestamp) -> Organization {
        let mut made = Organization::new(&self.management_account, partition, seed);
        made.delegated.extend(self.delegated_administrators.iter().cloned());
        let management = Member {
            name: "management".to_owned(),
            state: MemberState::Active,
            parent: made.root.clone(),
            tags: BTreeMap::new(),
            joined: now,
            invited: true,
        };
        made.members.insert(self.management_account.clone(), management);
        for account in &self.accounts {
            made.add_member(account, now);
        }
        made
    }
}

impl Organization {
    pub(super) fn add_member(&mut self, seed: &MemberSeed, now: Timestamp) {
        let member = Member {
            name: seed.name.clone(),
            state: seed.state,
            parent: self.place(&seed.unit),
            tags: seed.tags.clone(),
            joined: now,
            invited: false,
        };
        self.members.insert(seed.account_id.clone(), member);
    }
}
