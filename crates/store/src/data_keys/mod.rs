//! Data keys: what secrets are sealed under. Each system has its own, and one more is for what belongs to no system.
//!
//! A data key is 32 random bytes, kept only sealed under the store's key, and bound to the store, to what it is for and
//! to both versions. Of each scope one is `active`; a `retained` one still opens what it sealed, and nothing is ever
//! sealed under it again. While the store's key is being changed each data key is there twice, under both.

mod adopt;
mod ring;

use std::fmt;

use keyreeve_model::SystemId;
use zeroize::Zeroizing;

use crate::StoreError;
use crate::cipher::{self, Sealed};
use crate::key::fill_random;
use crate::statement::statement;
use crate::transaction::Transaction;

pub(crate) use adopt::{adopt, make_first, operator_passwords, replace_operator_password};
pub(crate) use ring::{Kek, KeyRing, insert_sealed, locked_version, locked_version_if_any, replace, unseal};

/// What a data key is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Scope(String);

impl Scope {
    /// What belongs to no system: the seal on the end of the audit log.
    pub(crate) fn store() -> Self {
        Self("store".to_owned())
    }

    /// The secrets of a system.
    pub(crate) fn system(id: &SystemId) -> Self {
        Self(format!("system:{id}"))
    }

    /// As it was stored.
    pub(crate) fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The system whose secrets it is for.
    pub(crate) fn system_id(&self) -> Option<SystemId> {
        self.0.strip_prefix("system:").and_then(|id| SystemId::new(id).ok())
    }

    /// As it is stored.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whose secrets these are, in an error.
    pub(crate) fn whose(&self) -> String {
        self.0.strip_prefix("system:").unwrap_or("the audit log").to_owned()
    }
}

/// A data key in the clear. It is wiped when it is dropped, and nothing shows it.
#[derive(Clone)]
pub(crate) struct DataKey(Zeroizing<[u8; 32]>);

impl DataKey {
    pub(crate) fn generate() -> Result<Self, StoreError> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        fill_random(bytes.as_mut())?;
        Ok(Self(bytes))
    }

    fn of(bytes: &[u8]) -> Option<Self> {
        let mut key = Zeroizing::new([0_u8; 32]);
        if bytes.len() != key.len() {
            return None;
        }
        key.copy_from_slice(bytes);
        Some(Self(key))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn seal(&self, plain: &[u8], bound_to: &[u8]) -> Result<Sealed, StoreError> {
        cipher::seal(&self.0, plain, bound_to)
    }

    pub(crate) fn open(
        &self,
        nonce: &[u8],
        ciphertext: &[u8],
        bound_to: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        cipher::open(&self.0, nonce, ciphertext, bound_to)
    }
}

/// Takes all keys of a scope away: what is sealed under them can never be opened again.
pub(crate) async fn destroy(transaction: &mut Transaction, scope: &Scope) -> Result<(), StoreError> {
    for text in ["DELETE FROM sealed_data_keys WHERE scope = $1", "DELETE FROM data_keys WHERE scope = $1"] {
        transaction.execute(statement!(text, scope.as_str())).await?;
    }
    Ok(())
}

/// Takes one key of a scope away.
pub(crate) async fn destroy_version(
    transaction: &mut Transaction,
    scope: &Scope,
    version: i64,
) -> Result<(), StoreError> {
    for text in [
        "DELETE FROM sealed_data_keys WHERE scope = $1 AND version = $2",
        "DELETE FROM data_keys WHERE scope = $1 AND version = $2",
    ] {
        transaction.execute(statement!(text, scope.as_str(), version)).await?;
    }
    Ok(())
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(…)")
    }
}
