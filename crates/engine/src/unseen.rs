//! What we changed of accounts and no import has seen yet: open claims, by account. Lists show what imports saw, and
//! these beside it, or an account as it is after all of that ([`Unseen::laid_over`]).

mod laid_over;
mod made;

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use keyreeve_model::{Account, Claim, ClaimFact, ExternalId, SystemId, TaskId};
use keyreeve_store::{AccountFilter, AsOf, Store, StoreError};
use serde::{Deserialize, Serialize};

/// Open claims of a system. Loaded before what they are laid over, so that a claim which an import settles in between
/// shows once too often, and never too seldom.
#[derive(Debug, Default)]
pub struct Unseen {
    facts: HashMap<ExternalId, Vec<ClaimFact>>,
    /// By id, the name under which it was made.
    made: BTreeMap<ExternalId, String>,
    /// By id, which task made it, and when.
    born: BTreeMap<ExternalId, (TaskId, Timestamp)>,
    /// By id, when something was claimed last.
    changed: HashMap<ExternalId, Timestamp>,
}

/// An account as imports saw it, and what we changed of it since.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KnownAccount {
    /// As imports saw it.
    #[serde(flatten)]
    pub account: Account,
    /// What no import has seen yet.
    pub pending: Vec<ClaimFact>,
}

impl KnownAccount {
    /// The account as it is after what no import has seen yet; `None` when we deleted it.
    #[must_use]
    pub fn after(&self) -> Option<Account> {
        laid_over::laid_over(self.account.clone(), &self.pending)
    }
}

/// One object: what is derived for flattened fields is not.
#[cfg(feature = "schema")]
impl utoipa::PartialSchema for KnownAccount {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::{ArrayBuilder, Ref, RefOr, Schema};
        let RefOr::T(Schema::Object(mut known)) = Account::schema() else { return Account::schema() };
        let claims = ArrayBuilder::new()
            .description(Some("What no import has seen yet."))
            .items(Ref::from_schema_name(<ClaimFact as utoipa::ToSchema>::name()));
        known.properties.insert("pending".to_owned(), RefOr::T(Schema::Array(claims.build())));
        known.required.push("pending".to_owned());
        known.description = Some("An account as imports saw it, and what we changed of it since.".to_owned());
        RefOr::T(Schema::Object(known))
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for KnownAccount {
    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
        use utoipa::PartialSchema as _;
        Account::schemas(schemas);
        schemas.push((ClaimFact::name().into_owned(), ClaimFact::schema()));
        ClaimFact::schemas(schemas);
    }
}

impl Unseen {
    /// The claims that matter at a moment: of the past everything was seen.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn load(store: &Store, system: &SystemId, as_of: AsOf) -> Result<Self, StoreError> {
        if as_of != AsOf::Now {
            return Ok(Self::default());
        }
        let claims = store.open_claims(system).await?;
        Ok(Self::of_claims(claims.into_iter().map(|(_, claim)| claim)))
    }

    /// The claims of these systems, or of all, by system; of those alone that have some.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn load_all(
        store: &Store,
        systems: Option<&[SystemId]>,
    ) -> Result<BTreeMap<SystemId, Self>, StoreError> {
        let mut claims: BTreeMap<SystemId, Vec<Claim>> = BTreeMap::new();
        for claim in store.open_claims_of_many(systems).await? {
            claims.entry(claim.system_id.clone()).or_default().push(claim);
        }
        Ok(claims.into_iter().map(|(system, claims)| (system, Self::of_claims(claims))).collect())
    }

    /// What these open claims say, the oldest first.
    #[must_use]
    pub fn of_claims(claims: impl IntoIterator<Item = Claim>) -> Self {
        let mut unseen = Self::default();
        for claim in claims {
            unseen.changed.insert(claim.account_external_id.clone(), claim.claimed_at);
            match &claim.fact {
                ClaimFact::AccountExists => {
                    unseen.born.insert(claim.account_external_id.clone(), (claim.task, claim.claimed_at));
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
        unseen
    }

    /// What is claimed of an account, in the order in which it was done.
    #[must_use]
    pub fn of(&self, account: &ExternalId) -> &[ClaimFact] {
        self.facts.get(account).map_or(&[], Vec::as_slice)
    }

    /// The account with what is claimed of it beside it.
    #[must_use]
    pub fn known(&self, account: Account) -> KnownAccount {
        KnownAccount { pending: self.of(&account.external_id).to_vec(), account }
    }

    /// When something was claimed of an account last.
    #[must_use]
    pub fn changed_at(&self, account: &ExternalId) -> Option<Timestamp> {
        self.changed.get(account).copied()
    }

    /// The accounts of which something is claimed.
    pub fn accounts(&self) -> impl Iterator<Item = &ExternalId> {
        self.facts.keys()
    }

    /// The account as it is after what is claimed of it; `None` when it is gone.
    #[must_use]
    pub fn laid_over(&self, account: Account) -> Option<Account> {
        let facts = self.of(&account.external_id);
        laid_over::laid_over(account, facts)
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
