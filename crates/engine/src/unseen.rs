//! What we changed of accounts and no import has seen yet: open claims, by account. Lists show what imports saw, and
//! these beside it.

use std::collections::{BTreeMap, HashMap};

use keyreeve_model::{Account, ClaimFact, ExternalId, SystemId};
use keyreeve_store::{AccountFilter, AsOf, Store, StoreError};

/// Open claims of a system. Loaded before what they are laid over, so that a claim which an import settles in between
/// shows once too often, and never too seldom.
#[derive(Debug, Default)]
pub struct Unseen {
    facts: HashMap<ExternalId, Vec<ClaimFact>>,
    /// By id, the name under which it was made.
    made: BTreeMap<ExternalId, String>,
}

impl Unseen {
    /// The claims that matter at a moment: of the past everything was seen.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn load(store: &Store, system: &SystemId, as_of: AsOf) -> Result<Self, StoreError> {
        let mut unseen = Self::default();
        if as_of != AsOf::Now {
            return Ok(unseen);
        }
        for (_, claim) in store.open_claims(system).await? {
            match &claim.fact {
                ClaimFact::AccountExists => {
                    unseen.made.entry(claim.account_external_id.clone()).or_insert(claim.account);
                }
                ClaimFact::Named { name } => {
                    unseen
                        .made
                        .entry(claim.account_external_id.clone())
                        .and_modify(|known| known.clone_from(name));
                }
                _ => {}
            }
            unseen.facts.entry(claim.account_external_id).or_default().push(claim.fact);
        }
        Ok(unseen)
    }

    /// What is claimed of an account, in the order in which it was done.
    #[must_use]
    pub fn of(&self, account: &ExternalId) -> &[ClaimFact] {
        self.facts.get(account).map_or(&[], Vec::as_slice)
    }

    /// Names of the accounts that we made and no import has seen, sorted.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn made(&self, store: &Store, system: &SystemId) -> Result<Vec<String>, StoreError> {
        if self.made.is_empty() {
            return Ok(Vec::new());
        }
        let mut made = self.made.clone();
        let known: Vec<Account> = store.list_accounts(system, AsOf::Now, &AccountFilter::default()).await?;
        known.iter().for_each(|account| drop(made.remove(&account.external_id)));
        let mut names: Vec<String> = made.into_values().collect();
        names.sort();
        Ok(names)
    }
}
