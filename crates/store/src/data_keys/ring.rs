//! The data keys that this process has opened, and the store's key that opens them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::Timestamp;
use keyreeve_model::SystemId;

use super::{DataKey, Scope};
use crate::cipher::{self, Sealed};
use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::Transaction;
use crate::{StoreError, StoreKey, store_keys};

/// The store's key, as far as this process holds it: the key that encrypts data keys.
#[derive(Clone)]
pub(crate) struct Kek {
    pub(crate) key: StoreKey,
    pub(crate) version: i64,
    /// The store's own id: a data key of one store is none of another's.
    pub(crate) store_id: String,
    /// Where it was had from.
    pub(crate) place: String,
}

impl Kek {
    fn bound_to(&self, scope: &Scope, version: i64) -> Vec<u8> {
        let Self { store_id, version: kek, .. } = self;
        format!("keyreeve\0data_key\0{store_id}\0{}\0{version}\0{kek}", scope.as_str()).into_bytes()
    }

    pub(crate) fn seal(&self, scope: &Scope, version: i64, key: &DataKey) -> Result<Sealed, StoreError> {
        cipher::seal(self.key.bytes(), key.bytes(), &self.bound_to(scope, version))
    }

    fn open(&self, scope: &Scope, version: i64, nonce: &[u8], ciphertext: &[u8]) -> Option<DataKey> {
        let plain = cipher::open(self.key.bytes(), nonce, ciphertext, &self.bound_to(scope, version))?;
        DataKey::of(&plain)
    }
}

/// Opens data keys, and keeps them open in memory that is wiped.
#[derive(Default)]
pub(crate) struct KeyRing {
    kek: RwLock<Option<Arc<Kek>>>,
    opened: Mutex<BTreeMap<(Scope, i64), DataKey>>,
    /// Which setting of each system's secret this process has taken out last.
    given_out: Mutex<BTreeMap<SystemId, i64>>,
}

impl KeyRing {
    /// Notes that this process works with this setting of a system's secret.
    pub(crate) fn give_out(&self, system: &SystemId, revision: i64) {
        let mut given = self.given_out.lock().unwrap_or_else(PoisonError::into_inner);
        given.insert(system.clone(), revision);
    }

    /// Whether this process works with another setting of a system's secret than this one.
    pub(crate) fn gave_another(&self, system: &SystemId, revision: i64) -> bool {
        let given = self.given_out.lock().unwrap_or_else(PoisonError::into_inner);
        given.get(system).is_some_and(|given| *given != revision)
    }

    /// Says which key the store is opened with: before anything is sealed or opened, and when it was fetched anew.
    pub(crate) fn hold(&self, kek: Kek) {
        *self.kek.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(kek));
    }

    /// The key as it is held at this moment.
    pub(crate) fn kek(&self) -> Result<Arc<Kek>, StoreError> {
        let held = self.kek.read().unwrap_or_else(PoisonError::into_inner).clone();
        held.ok_or_else(|| StoreError::Data { what: "no key is held".to_owned() })
    }

    /// The key to seal with as it is at this moment: whoever writes down what was sealed asks again by then.
    pub(crate) async fn current(
        &self,
        transaction: &mut Transaction,
        scope: &Scope,
    ) -> Result<(i64, DataKey), StoreError> {
        let version = active_version(transaction, scope, CURRENT).await?;
        let version = version.ok_or_else(|| StoreError::SecretUnreadable { row: scope.whose() })?;
        Ok((version, self.opened(transaction, scope, version).await?))
    }

    /// The key to seal with. No other transaction makes it a retained one before this transaction has ended.
    pub(crate) async fn active(
        &self,
        transaction: &mut Transaction,
        scope: &Scope,
    ) -> Result<(i64, DataKey), StoreError> {
        let version = locked_version(transaction, scope).await?;
        Ok((version, self.opened(transaction, scope, version).await?))
    }

    /// The key to seal with, made anew when the one there was can be opened no more: what it sealed is lost anyhow.
    pub(crate) async fn active_or_new(
        &self,
        transaction: &mut Transaction,
        scope: &Scope,
        now: Timestamp,
    ) -> Result<(i64, DataKey), StoreError> {
        match self.active(transaction, scope).await {
            Err(StoreError::SecretUnreadable { .. }) => {
                self.require_lasting(transaction).await?;
                let version = replace(transaction, &[&*self.kek()?], scope, now).await?;
                Ok((version, self.opened(transaction, scope, version).await?))
            }
            active => active,
        }
    }

    /// The key that something was sealed with.
    ///
    /// # Errors
    /// [`StoreError::SecretUnreadable`] when there is none, or what is there was altered or moved;
    /// [`StoreError::KeyChanged`] when it is there only under a key of the store that this process does not hold.
    pub(crate) async fn opened(
        &self,
        transaction: &mut Transaction,
        scope: &Scope,
        version: i64,
    ) -> Result<DataKey, StoreError> {
        // What this very transaction has made may still come to nothing, so it is not kept.
        let made = transaction.keys_made;
        if !made && let Some(key) = self.known(scope, version) {
            return Ok(key);
        }
        let key = unseal(transaction, &*self.kek()?, scope, version).await?;
        if !made {
            self.keep(scope, version, &key);
        }
        Ok(key)
    }

    /// Makes the first key of a scope.
    ///
    /// # Errors
    /// [`StoreError::KeyChanging`] while the store's key is being changed: the new key would be sealed under the old
    /// one alone.
    pub(crate) async fn create(
        &self,
        transaction: &mut Transaction,
        scope: &Scope,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.require_lasting(transaction).await?;
        insert(transaction, scope, 1, "active", now).await?;
        insert_sealed(transaction, &*self.kek()?, scope, 1, &DataKey::generate()?).await
    }

    /// Whether a data key that is made now will still be opened later.
    async fn require_lasting(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        // Locked, so that no change of the key begins or ends before this transaction has ended.
        store_keys::lock(transaction).await?;
        let text = "SELECT state FROM key_custodies";
        let states = transaction.fetch(statement!(text), |row| row.text(0)).await?;
        if states.iter().any(|state| state == "coming") {
            return Err(StoreError::KeyChanging);
        }
        if is_in_force(transaction, self.kek()?.version).await? {
            Ok(())
        } else {
            Err(StoreError::KeyChanged)
        }
    }

    fn known(&self, scope: &Scope, version: i64) -> Option<DataKey> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.get(&(scope.clone(), version)).cloned()
    }

    fn keep(&self, scope: &Scope, version: i64, key: &DataKey) {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.insert((scope.clone(), version), key.clone());
    }
}

const CURRENT: &str = "SELECT version FROM data_keys WHERE scope = $1 AND state = 'active'";
const LOCKED: &str = "SELECT version FROM data_keys WHERE scope = $1 AND state = 'active' FOR NO KEY UPDATE";

/// The version to seal with, locked until the transaction ends.
pub(crate) async fn locked_version(transaction: &mut Transaction, scope: &Scope) -> Result<i64, StoreError> {
    let found = locked_version_if_any(transaction, scope).await?;
    found.ok_or_else(|| StoreError::SecretUnreadable { row: scope.whose() })
}

/// The same; `None` of a scope that has no key (any more).
pub(crate) async fn locked_version_if_any(
    transaction: &mut Transaction,
    scope: &Scope,
) -> Result<Option<i64>, StoreError> {
    let text = if transaction.dialect().lock_row().is_empty() { CURRENT } else { LOCKED };
    // Whoever waited for a change of the key sees neither the old row nor the new one, until it looks again.
    for _ in 0..2 {
        if let Some(version) = active_version(transaction, scope, text).await? {
            return Ok(Some(version));
        }
    }
    Ok(None)
}

async fn active_version(
    transaction: &mut Transaction,
    scope: &Scope,
    text: &'static str,
) -> Result<Option<i64>, StoreError> {
    transaction.fetch_optional(statement!(text, scope.as_str()), |row| row.int(0)).await
}

async fn is_in_force(transaction: &mut Transaction, version: i64) -> Result<bool, StoreError> {
    let text = "SELECT state FROM key_custodies WHERE key_version = $1";
    let state = transaction.fetch_optional(statement!(text, version), |row| row.text(0)).await?;
    Ok(state.as_deref() == Some("active"))
}

/// Makes a new key for a scope, sealed under each of these keys of the store; the one before is retained. Gives its
/// version.
pub(crate) async fn replace(
    transaction: &mut Transaction,
    keks: &[&Kek],
    scope: &Scope,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let text = "UPDATE data_keys SET state = 'retained' WHERE scope = $1 AND state = 'active'";
    transaction.execute(statement!(text, scope.as_str())).await?;
    let text = "SELECT MAX(version) FROM data_keys WHERE scope = $1";
    let last = transaction.fetch_one(statement!(text, scope.as_str()), |row| row.opt_int(0)).await?;
    let (version, key) = (last.unwrap_or(0) + 1, DataKey::generate()?);
    insert(transaction, scope, version, "active", now).await?;
    for kek in keks {
        insert_sealed(transaction, kek, scope, version, &key).await?;
    }
    Ok(version)
}

/// Opens a data key under one key of the store.
pub(crate) async fn unseal(
    transaction: &mut Transaction,
    kek: &Kek,
    scope: &Scope,
    version: i64,
) -> Result<DataKey, StoreError> {
    let text =
        "SELECT key_version, nonce, ciphertext FROM sealed_data_keys WHERE scope = $1 AND version = $2";
    let all = statement!(text, scope.as_str(), version);
    let found = transaction.fetch(all, |row| Ok((row.int(0)?, row.bytes(1)?, row.bytes(2)?))).await?;
    match found.iter().find(|(key_version, ..)| *key_version == kek.version) {
        Some((_, nonce, ciphertext)) => kek
            .open(scope, version, nonce, ciphertext)
            .ok_or_else(|| StoreError::SecretUnreadable { row: scope.whose() }),
        None if found.is_empty() => Err(StoreError::SecretUnreadable { row: scope.whose() }),
        None => Err(StoreError::KeyChanged),
    }
}

pub(crate) async fn insert(
    transaction: &mut Transaction,
    scope: &Scope,
    version: i64,
    state: &'static str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let text = "INSERT INTO data_keys (scope, version, state, created_at) VALUES ($1, $2, $3, $4)";
    transaction.keys_made = true;
    transaction.execute(statement!(text, scope.as_str(), version, state, to_millis(now))).await.map(|_| ())
}

pub(crate) async fn insert_sealed(
    transaction: &mut Transaction,
    kek: &Kek,
    scope: &Scope,
    version: i64,
    key: &DataKey,
) -> Result<(), StoreError> {
    let Sealed { nonce, ciphertext } = kek.seal(scope, version, key)?;
    let text = "INSERT INTO sealed_data_keys (scope, version, key_version, nonce, ciphertext) \
                VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
    let insert = statement!(text, scope.as_str(), version, kek.version, nonce, ciphertext);
    transaction.execute(insert).await.map(|_| ())
}
