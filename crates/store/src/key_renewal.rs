//! The store's key was changed while this process ran: it is fetched anew from where it is kept, and work goes on.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::Mutex;

use crate::custody::KeyCustody;
use crate::store_keys::{self, KeyState};
use crate::transaction::reading;
use crate::{Store, StoreError};

/// A custody that did not give the new key is not asked again for so long.
const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Where the key is fetched from anew, and what came of the last attempt.
#[derive(Default)]
pub(crate) struct Renewal {
    custody: OnceLock<Box<dyn KeyCustody>>,
    /// Held while the custody is asked, so that one asks for all.
    refused: Mutex<Option<Refused>>,
}

/// That a key could not be had.
struct Refused {
    at: Instant,
    why: String,
    given_up: bool,
}

impl Refused {
    fn error(&self) -> StoreError {
        StoreError::KeyNotFetched { why: self.why.clone(), given_up: self.given_up }
    }
}

impl Store {
    /// Says where the key is fetched from when it was changed by another process. Without it this process goes on with
    /// the data keys that it has opened, and says of others that it must be begun again.
    pub fn keep_custody(&self, custody: Box<dyn KeyCustody>) {
        let _ = self.renewal.custody.set(custody);
    }

    /// Whether this process holds a key that opens the store; if it was changed, the new one is fetched.
    ///
    /// # Errors
    /// [`StoreError::KeyNotFetched`] when that cannot be had, [`StoreError::KeyChanged`] when nothing says where it is
    /// kept; when the database cannot be read.
    pub async fn require_key(&self) -> Result<(), StoreError> {
        self.key_anew().await
    }

    /// The same. Transactions ask this, and it reads in one: so the future has a name of its own.
    pub(crate) fn key_anew(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.fetch_if_changed().boxed()
    }

    async fn fetch_if_changed(&self) -> Result<(), StoreError> {
        let mut refused = self.renewal.refused.lock().await;
        if self.holds_a_key_in_force().await? {
            *refused = None;
            return Ok(());
        }
        let Some(custody) = self.renewal.custody.get() else { return Err(StoreError::KeyChanged) };
        if let Some(before) = refused.as_ref().filter(|before| before.at.elapsed() < ASKED_AGAIN_AFTER) {
            return Err(before.error());
        }
        match store_keys::fetch(self, &**custody).await {
            Ok(kek) => {
                tracing::info!(key = kek.version, "the store's key was changed, and the new one was fetched");
                self.keys.hold(kek);
                *refused = None;
                Ok(())
            }
            Err(error @ StoreError::Database { .. }) => Err(error),
            Err(error) => {
                let given_up = self.given_up().await?;
                let (is_given_up, why) = (given_up.is_some(), given_up.unwrap_or_else(|| error.to_string()));
                tracing::error!(
                    why,
                    "the key of this process opens the store no more, and the one that does cannot be fetched"
                );
                let now = Refused { at: Instant::now(), why, given_up: is_given_up };
                let error = now.error();
                *refused = Some(now);
                Err(error)
            }
        }
    }

    /// What became of the key of this process, if the change to it was given up: whatever lies where it was had from.
    async fn given_up(&self) -> Result<Option<String>, StoreError> {
        let held = self.keys.kek()?;
        let keys = reading!(self, "looking at the store's key", |transaction| {
            store_keys::all(transaction).await
        })
        .await?;
        let unfit = store_keys::unfit(&keys, &held.key);
        Ok(matches!(unfit, StoreError::KeyGivenUp { .. }).then(|| unfit.to_string()))
    }

    async fn holds_a_key_in_force(&self) -> Result<bool, StoreError> {
        let held = self.keys.kek()?;
        let keys = reading!(self, "looking at the store's key", |transaction| {
            store_keys::all(transaction).await
        })
        .await?;
        let fingerprint = held.key.fingerprint();
        Ok(keys.iter().any(|stored| {
            stored.state != KeyState::Retired
                && stored.record.version == held.version
                && stored.fingerprint() == fingerprint
        }))
    }
}
