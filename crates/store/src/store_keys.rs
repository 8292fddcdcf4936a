//! Which keys the store has had, and which one it is opened with.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use crate::custody::{KeyCustody, KeyRecord, MadeKey};
use crate::data_keys::Kek;
use crate::row::Row;
use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::{Transaction, reading};
use crate::{Store, StoreError, StoreKey};

/// The version of a store's first key.
pub(crate) const FIRST: i64 = 1;

/// A key as the store knows it.
#[derive(Debug, Clone)]
pub(crate) struct StoredKey {
    pub(crate) record: KeyRecord,
    pub(crate) state: KeyState,
    pub(crate) plan: Option<String>,
    pub(crate) created_at: Timestamp,
}

impl StoredKey {
    /// What tells it from others.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.record.fingerprint
    }
}

/// How a key of the store stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyState {
    /// It opens the store.
    Active,
    /// It opens the store, too, and is about to take the active one's place.
    Coming,
    /// Another one has taken its place, or the change to it was given up; it opens backups of before.
    Retired,
}

impl KeyState {
    fn of(word: &str) -> Result<Self, StoreError> {
        match word {
            "active" => Ok(Self::Active),
            "coming" => Ok(Self::Coming),
            "retired" => Ok(Self::Retired),
            _ => Err(StoreError::Data { what: "the state of a key is not understood".to_owned() }),
        }
    }
}

/// All keys of the store, the latest first. A store of an earlier version has one, and no id yet.
pub(crate) async fn all(transaction: &mut Transaction) -> Result<Vec<StoredKey>, StoreError> {
    let exists = transaction.dialect().table_exists();
    let newer = transaction.fetch_one(statement!(exists, "envelope"), |row| row.flag(0)).await?;
    if newer {
        let text = "SELECT k.key_version, k.fingerprint, k.created_at, c.state, c.custody, c.sealed, c.plan, \
                    (SELECT store_id FROM envelope) FROM store_keys k JOIN key_custodies c \
                    ON c.key_version = k.key_version ORDER BY k.key_version DESC";
        let found = transaction.fetch(statement!(text), read).await?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    let text = "SELECT key_version, fingerprint, created_at, 'active', '', NULL, NULL, '' FROM store_keys";
    transaction.fetch(statement!(text), read).await
}

fn read(row: &Row) -> Result<StoredKey, StoreError> {
    let sealed = row.opt_text(5)?.map(|text| STANDARD.decode(text)).transpose();
    Ok(StoredKey {
        created_at: row.time(2)?,
        state: KeyState::of(&row.text(3)?)?,
        plan: row.opt_text(6)?,
        record: KeyRecord {
            version: row.int(0)?,
            fingerprint: row.text(1)?,
            custody: row.text(4)?,
            sealed: sealed
                .map_err(|_| StoreError::Data { what: "the sealed form of a key is no base64".to_owned() })?,
            store_id: row.text(7)?,
        },
    })
}

/// Keeps every other change of the store's key, and whatever must not come in between, off until the transaction ends.
pub(crate) async fn lock(transaction: &mut Transaction) -> Result<(), StoreError> {
    if transaction.dialect().lock_row().is_empty() {
        return Ok(());
    }
    let text = "SELECT key_version FROM key_custodies ORDER BY key_version FOR NO KEY UPDATE";
    transaction.fetch(statement!(text), |row| row.int(0)).await.map(|_| ())
}

/// Fetches the key that opens the store.
///
/// # Errors
/// [`StoreError::WrongKey`], [`StoreError::KeyReplaced`], [`StoreError::KeyGivenUp`], [`StoreError::KeptElsewhere`],
/// [`StoreError::Key`].
pub(crate) async fn fetch(store: &Store, custody: &dyn KeyCustody) -> Result<Kek, StoreError> {
    match fetch_once(store, custody).await {
        // The key may just have been changed, between the look at the one and at the other.
        Err(StoreError::WrongKey | StoreError::KeyReplaced { .. } | StoreError::KeyGivenUp { .. }) => {
            fetch_once(store, custody).await
        }
        fetched => fetched,
    }
}

async fn fetch_once(store: &Store, custody: &dyn KeyCustody) -> Result<Kek, StoreError> {
    let keys = reading!(store, "checking the store's key", |transaction| all(transaction).await).await?;
    let mut found = Err(StoreError::WrongKey);
    for stored in keys.iter().filter(|stored| stored.state != KeyState::Retired) {
        match custody.open(&stored.record).await {
            Ok(key) if key.fingerprint() == stored.fingerprint() => {
                let KeyRecord { version, store_id, .. } = stored.record.clone();
                return Ok(Kek { key, version, store_id, place: custody.place() });
            }
            Ok(key) => found = Err(unfit(&keys, &key)),
            Err(refused) if moved(&stored.record, custody) => {
                let (kept, why) = (stored.record.custody.clone(), refused.to_string());
                found = Err(StoreError::KeptElsewhere { kept, why });
            }
            Err(refused) => found = Err(refused.into()),
        }
    }
    found
}

/// Why a key that could be had is none of those that open the store.
pub(crate) fn unfit(keys: &[StoredKey], given: &StoreKey) -> StoreError {
    let fingerprint = given.fingerprint();
    let in_force = keys.iter().find(|stored| stored.state == KeyState::Active);
    match (keys.iter().find(|stored| stored.fingerprint() == fingerprint), in_force) {
        (Some(other), Some(active)) if other.record.version > active.record.version => {
            StoreError::KeyGivenUp {
                version: other.record.version,
                stays: active.record.version,
                kept: active.record.custody.clone(),
            }
        }
        (Some(old), Some(active)) => StoreError::KeyReplaced {
            version: old.record.version,
            by: active.record.version,
            at: active.created_at,
            kept: active.record.custody.clone(),
        },
        _ => StoreError::WrongKey,
    }
}

/// Whether the configuration names another kind of place than the one where the key is.
fn moved(record: &KeyRecord, custody: &dyn KeyCustody) -> bool {
    let kind = |place: &str| place.split(':').next().unwrap_or_default().to_owned();
    !record.custody.is_empty() && kind(&record.custody) != kind(&custody.place())
}

/// Notes a key of the store.
pub(crate) async fn insert(
    transaction: &mut Transaction,
    version: i64,
    made: &MadeKey,
    now: Timestamp,
) -> Result<(), StoreError> {
    let text = "INSERT INTO store_keys (key_version, fingerprint, created_at) VALUES ($1, $2, $3)";
    let insert = statement!(text, version, made.key.fingerprint(), to_millis(now));
    transaction.execute(insert).await.map(|_| ())
}

/// Notes how a key stands, and where it is kept.
pub(crate) async fn insert_custody(
    transaction: &mut Transaction,
    version: i64,
    state: &'static str,
    custody: &str,
    sealed: Option<&[u8]>,
    plan: Option<String>,
) -> Result<(), StoreError> {
    let text =
        "INSERT INTO key_custodies (key_version, state, custody, sealed, plan) VALUES ($1, $2, $3, $4, $5)";
    let sealed = sealed.map(|sealed| STANDARD.encode(sealed));
    transaction.execute(statement!(text, version, state, custody, sealed, plan)).await.map(|_| ())
}
