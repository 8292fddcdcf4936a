//! A program whose store a newer one has brought up to date, while it ran, reads and changes nothing more in it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::migrate;
use crate::transaction::Transaction;
use crate::{Store, StoreError};

/// What reads looks no more often than this; what writes, each time.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// Whether a newer program has the store.
#[derive(Debug)]
pub(crate) struct Outgrown {
    /// When it was looked last; `None` until the store is open.
    looked: Mutex<Option<Instant>>,
    /// The version that was found.
    found: watch::Sender<Option<i64>>,
}

impl Default for Outgrown {
    fn default() -> Self {
        Self { looked: Mutex::default(), found: watch::Sender::new(None) }
    }
}

impl Outgrown {
    /// From now on it is looked.
    pub(crate) fn watch(&self) {
        *self.looked() = Some(Instant::now());
    }

    fn looked(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_due(&self, writing: bool) -> bool {
        let mut looked = self.looked();
        let due = looked.is_some_and(|at| writing || at.elapsed() >= BETWEEN_LOOKS);
        if due {
            *looked = Some(Instant::now());
        }
        due
    }
}

impl Store {
    /// Looks, as the first thing in a transaction.
    pub(crate) async fn is_not_outgrown(
        &self,
        transaction: &mut Transaction,
        writing: bool,
    ) -> Result<(), StoreError> {
        if !self.outgrown.is_due(writing) {
            return Ok(());
        }
        let found = transaction.greatest_version().await?;
        if found <= migrate::known() {
            return Ok(());
        }
        self.outgrown.found.send_replace(Some(found));
        Err(self.newer(found))
    }

    fn newer(&self, found: i64) -> StoreError {
        StoreError::NewerVersion { place: self.place.clone(), found, known: migrate::known() }
    }

    /// Ends when a newer Keyreeve has brought this store up to date: whoever has it open must end.
    pub async fn outgrown(&self) -> StoreError {
        let mut found = self.outgrown.found.subscribe();
        let version = found.wait_for(Option::is_some).await.ok().and_then(|found| *found);
        match version {
            Some(version) => self.newer(version),
            // The sender is this store's own.
            None => std::future::pending().await,
        }
    }

    /// What [`Self::outgrown`] ended with, if it has.
    #[must_use]
    pub fn has_outgrown(&self) -> Option<StoreError> {
        let found = *self.outgrown.found.borrow();
        found.map(|found| self.newer(found))
    }
}
