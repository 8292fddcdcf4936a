//! Changing the store's key, one row at a time, while others use the store.
//!
//! The new key is `coming` first. While it is, every data key is sealed under both, so either key opens everything.
//! Only when nothing is left to do does the new key take the old one's place, and what the old one sealed is taken
//! away: in one transaction. A process that ends anywhere leaves a store that opens, and the next one goes on, or gives the
//! change up.

mod abandon;
mod begin;
mod finish;
mod seal;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::custody::{KeyCustody, KeyRecord};
use crate::data_keys::Kek;
use crate::row::parse_json;
use crate::statement::statement;
use crate::store_keys::{self, KeyState, StoredKey};
use crate::transaction::{Transaction, reading};
use crate::{Store, StoreError, StoreKey};

pub use seal::Resealed;

/// What the store's key is, and what hangs on it.
#[derive(Debug, Clone)]
pub struct KeyStatus {
    /// The id of the store, for custodies that bind keys to it.
    pub store_id: String,
    /// The key that opens the store.
    pub active: KeyFacts,
    /// The key that is about to take its place.
    pub coming: Option<(KeyFacts, RekeyPlan)>,
    /// How many data keys are under it already.
    pub under_coming: u64,
    /// The key of the last change, if that was given up.
    pub abandoned: Option<KeyFacts>,
    /// The version of the next key.
    pub next_version: i64,
    /// How many data keys there are.
    pub data_keys: u64,
    /// How many secrets of systems.
    pub secrets: u64,
    /// How many passwords that wait for an operator.
    pub passwords: u64,
}

/// A key as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFacts {
    /// Its number.
    pub version: i64,
    /// Where it is kept: where this process had it from or, of another key, where it was when that was last known. Empty
    /// of a store that has not noted it yet.
    pub custody: String,
    /// What tells it from others, without giving it away.
    pub fingerprint: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a change of the key does besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RekeyPlan {
    /// New data keys too: every secret is sealed anew.
    pub data_keys: bool,
    /// The data keys there were when it began, by scope; only these are replaced.
    #[serde(default)]
    before: BTreeMap<String, i64>,
}

impl RekeyPlan {
    /// Of the store's key alone, or of all data keys too.
    #[must_use]
    pub fn new(data_keys: bool) -> Self {
        Self { data_keys, before: BTreeMap::new() }
    }
}

/// A change of the key that was begun, with the new key at hand.
#[derive(Clone)]
pub struct Rekey {
    kek: Kek,
    plan: RekeyPlan,
}

impl Rekey {
    /// The version of the new key.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.kek.version
    }
}

impl std::fmt::Debug for Rekey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rekey({})", self.kek.version)
    }
}

impl Store {
    /// What the store's key is, and what hangs on it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn key_status(&self) -> Result<KeyStatus, StoreError> {
        let held = self.keys.kek()?;
        reading!(self, "looking at the store's key", |transaction| {
            let keys = store_keys::all(transaction).await?;
            let of = |state| keys.iter().find(|stored| stored.state == state);
            let active = of(KeyState::Active)
                .ok_or_else(|| StoreError::Data { what: "the store has no active key".to_owned() })?;
            let coming = of(KeyState::Coming).map(|stored| Ok((facts(stored), plan_of(stored)?))).transpose();
            Ok(KeyStatus {
                store_id: held.store_id.clone(),
                active: match held.version == active.record.version {
                    true => KeyFacts { custody: held.place.clone(), ..facts(active) },
                    false => facts(active),
                },
                coming: coming.map_err(|error: StoreError| error)?,
                under_coming: count(
                    transaction,
                    "SELECT COUNT(*) FROM sealed_data_keys WHERE key_version = \
                     (SELECT key_version FROM key_custodies WHERE state = 'coming')",
                )
                .await?,
                abandoned: keys
                    .first()
                    .filter(|latest| latest.record.version > active.record.version)
                    .filter(|latest| latest.state == KeyState::Retired)
                    .map(facts),
                next_version: keys.first().map_or(store_keys::FIRST, |latest| latest.record.version + 1),
                data_keys: count(transaction, "SELECT COUNT(*) FROM data_keys").await?,
                secrets: count(transaction, "SELECT COUNT(*) FROM secrets").await?,
                passwords: count(
                    transaction,
                    "SELECT (SELECT COUNT(*) FROM given_passwords) + (SELECT COUNT(*) FROM password_deliveries \
                     WHERE kind = 'operator' AND ciphertext IS NOT NULL)",
                )
                .await?,
            })
        })
        .await
    }

    /// Goes on with a change of the key that was begun: fetches the new key. `None` when none is under way.
    ///
    /// # Errors
    /// [`StoreError::WrongKey`] when its custody holds another one, [`StoreError::Key`].
    pub async fn rekey_under_way(&self, custody: &dyn KeyCustody) -> Result<Option<Rekey>, StoreError> {
        let keys = reading!(self, "looking at the store's key", |transaction| {
            store_keys::all(transaction).await
        })
        .await?;
        let Some(stored) = keys.iter().find(|stored| stored.state == KeyState::Coming) else {
            return Ok(None);
        };
        let key = custody.open(&stored.record).await?;
        if key.fingerprint() != stored.fingerprint() {
            return Err(StoreError::WrongKey);
        }
        Ok(Some(Rekey { kek: kek_of(&stored.record, key), plan: plan_of(stored)? }))
    }
}

fn kek_of(record: &KeyRecord, key: StoreKey) -> Kek {
    let (store_id, place) = (record.store_id.clone(), record.custody.clone());
    Kek { key, version: record.version, store_id, place }
}

fn facts(stored: &StoredKey) -> KeyFacts {
    KeyFacts {
        version: stored.record.version,
        custody: stored.record.custody.clone(),
        fingerprint: stored.fingerprint().to_owned(),
        created_at: stored.created_at,
    }
}

fn plan_of(stored: &StoredKey) -> Result<RekeyPlan, StoreError> {
    let text = stored.plan.as_deref();
    parse_json(text.ok_or_else(|| StoreError::Data { what: "a coming key has no plan".to_owned() })?)
}

async fn count(transaction: &mut Transaction, text: &'static str) -> Result<u64, StoreError> {
    let counted = transaction.fetch_one(statement!(text), |row| row.int(0)).await?;
    Ok(u64::try_from(counted).unwrap_or(0))
}
