//! What this store's systems did to accounts a short time ago. AWS may go on showing what was before, so the guard of the
//! last administrator believes in nobody's power or way in that was just taken.

use std::collections::{HashMap, HashSet};

use jiff::SignedDuration;
use keyreeve_model::{ClaimFact, ExternalId};

use super::facts::AccountFact;

/// For so long what was done counts beside what AWS shows. It becomes visible within seconds as a rule, and nobody says
/// when at the latest ("Changes that I make are not always immediately visible", IAM User Guide).
pub(super) const SETTLES_WITHIN: SignedDuration = SignedDuration::from_mins(15);

/// Changes that were not undone since, the oldest first, by account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lately(HashMap<ExternalId, Vec<ClaimFact>>);

impl Lately {
    /// Puts claims in order.
    #[must_use]
    pub fn new(claims: Vec<(ExternalId, ClaimFact)>) -> Self {
        let mut by_account: HashMap<ExternalId, Vec<ClaimFact>> = HashMap::new();
        for (account, fact) in claims {
            by_account.entry(account).or_default().push(fact);
        }
        Self(by_account)
    }

    fn of(&self, account: &AccountFact) -> &[ClaimFact] {
        account.external_id.as_ref().and_then(|id| self.0.get(id)).map_or(&[], Vec::as_slice)
    }

    /// The account with all that was done to it, whatever AWS shows; `None` when it was deleted.
    pub(crate) fn laid_over(&self, account: &AccountFact) -> Option<AccountFact> {
        let mut account = account.clone();
        for fact in self.of(&account).to_vec() {
            match fact {
                ClaimFact::AccountGone => return None,
                ClaimFact::InGroup { group } => drop(account.groups.insert(group)),
                ClaimFact::NotInGroup { group } => drop(account.groups.remove(&group)),
                ClaimFact::HasPolicy { policy_arn } => drop(account.policies.insert(policy_arn)),
                ClaimFact::LacksPolicy { policy_arn } => drop(account.policies.remove(&policy_arn)),
                ClaimFact::Boundary { policy_arn } => account.permissions_boundary = Some(policy_arn),
                ClaimFact::NoBoundary => account.permissions_boundary = None,
                _ => {}
            }
        }
        Some(account)
    }

    /// Whether ways in were taken from it, and none was given back.
    pub(super) fn shut_out(&self, account: &AccountFact) -> bool {
        let facts = self.of(account);
        let taken = |fact: &ClaimFact| {
            matches!(
                fact,
                ClaimFact::LoginProfileAbsent | ClaimFact::KeyInactive { .. } | ClaimFact::KeyGone { .. }
            )
        };
        let given =
            |fact: &ClaimFact| matches!(fact, ClaimFact::LoginProfilePresent | ClaimFact::KeyActive { .. });
        facts.iter().any(taken) && !facts.iter().any(given)
    }

    /// The accounts to which a policy or a group was given.
    pub(crate) fn strengthened(self) -> HashSet<ExternalId> {
        let given =
            |fact: &ClaimFact| matches!(fact, ClaimFact::HasPolicy { .. } | ClaimFact::InGroup { .. });
        self.0.into_iter().filter(|(_, facts)| facts.iter().any(given)).map(|(account, _)| account).collect()
    }
}
