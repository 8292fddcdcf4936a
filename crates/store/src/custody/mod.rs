//! Where the key of a store is kept.

mod environment;
mod file;
mod systemd;

use async_trait::async_trait;

use crate::{KeyError, StoreKey};

pub use environment::EnvironmentCustody;
pub use file::{FileCustody, NextFileCustody, key_file_holds};
pub use systemd::SystemdCustody;

/// What a store knows of one of its keys: enough to fetch it, and nothing that gives it away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// The id of the store it belongs to.
    pub store_id: String,
    /// Which of the store's keys it is.
    pub version: i64,
    /// What tells it from other keys, see [`StoreKey::fingerprint`].
    pub fingerprint: String,
    /// Where it was kept when it was made: what [`KeyCustody::place`] said.
    pub custody: String,
    /// Its sealed form, of a key that its custody does not keep itself.
    pub sealed: Option<Vec<u8>>,
}

/// A key that its custody has just made, or found.
#[derive(Debug)]
pub struct MadeKey {
    /// The key.
    pub key: StoreKey,
    /// Its sealed form, which the store keeps, of a custody that keeps no keys itself.
    pub sealed: Option<Vec<u8>>,
}

/// Where the key of a store is kept.
///
/// A custody either keeps the key itself (a file, a variable), or opens a sealed form that the store keeps for it (a
/// key management service): then only it can, and only for the store and version it was sealed for.
#[async_trait]
pub trait KeyCustody: Send + Sync {
    /// The place, as the configuration names it: `file:/srv/keyreeve.key`. It holds no secret.
    fn place(&self) -> String;

    /// Fetches a key of a store. Whether it is the right one is for the store to say.
    ///
    /// # Errors
    /// When it is missing, exposed or malformed, or the service refused.
    async fn open(&self, record: &KeyRecord) -> Result<StoreKey, KeyError>;

    /// Makes a key for a store; where a person must have made it, or an attempt before did, takes that one.
    ///
    /// # Errors
    /// As [`Self::open`].
    async fn make(&self, store_id: &str, version: i64) -> Result<MadeKey, KeyError>;
}

#[async_trait]
impl<T: KeyCustody + ?Sized> KeyCustody for &T {
    fn place(&self) -> String {
        (**self).place()
    }

    async fn open(&self, record: &KeyRecord) -> Result<StoreKey, KeyError> {
        (**self).open(record).await
    }

    async fn make(&self, store_id: &str, version: i64) -> Result<MadeKey, KeyError> {
        (**self).make(store_id, version).await
    }
}

#[async_trait]
impl<T: KeyCustody + ?Sized> KeyCustody for Box<T> {
    fn place(&self) -> String {
        (**self).place()
    }

    async fn open(&self, record: &KeyRecord) -> Result<StoreKey, KeyError> {
        (**self).open(record).await
    }

    async fn make(&self, store_id: &str, version: i64) -> Result<MadeKey, KeyError> {
        (**self).make(store_id, version).await
    }
}

/// A key that is at hand.
#[async_trait]
impl KeyCustody for StoreKey {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    async fn open(&self, _: &KeyRecord) -> Result<StoreKey, KeyError> {
        Ok(self.clone())
    }

    async fn make(&self, _: &str, _: i64) -> Result<MadeKey, KeyError> {
        Ok(MadeKey { key: self.clone(), sealed: None })
    }
}
