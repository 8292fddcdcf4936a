//! Whether the store can be written now: by how the last write went or, if that was long ago, by a small one.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::statement::statement;
use crate::transaction::writing;
use crate::{Store, StoreError};

/// What a write came to is believed for so long.
const BELIEVED_FOR: Duration = Duration::from_secs(5);
/// Who waits longer for others that write is not kept from writing.
const PATIENCE: Duration = Duration::from_secs(2);

/// How writing went.
#[derive(Debug, Default)]
pub(crate) struct Writes(Mutex<Last>);

#[derive(Debug, Default)]
struct Last {
    at: Option<Instant>,
    refused: Option<StoreError>,
    /// Somebody is trying.
    tried: bool,
}

impl Writes {
    /// Something was written.
    pub(crate) fn went_well(&self) {
        self.note(None);
    }

    /// Something was not, for a reason that may be the storage's.
    pub(crate) fn refused(&self, error: &StoreError) {
        match error {
            StoreError::DiskFull { .. } | StoreError::Unwritable { .. } | StoreError::Damaged { .. } => {
                self.note(Some(error.repeated()));
            }
            _ => {}
        }
    }

    fn note(&self, refused: Option<StoreError>) {
        let mut last = self.last();
        last.at = Some(Instant::now());
        last.refused = refused;
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Last> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known, and whether whoever asks should find it out anew.
    fn known(&self) -> (Option<StoreError>, bool) {
        let mut last = self.last();
        let old = last.at.is_none_or(|at| at.elapsed() >= BELIEVED_FOR);
        let tries = old && !last.tried;
        last.tried |= tries;
        (last.refused.as_ref().map(StoreError::repeated), tries)
    }
}

/// Lets others try again, however this ended.
struct Trying<'a>(&'a Writes);

impl Drop for Trying<'_> {
    fn drop(&mut self) {
        self.0.last().tried = false;
    }
}

impl Store {
    /// Whether the store can be written. However often this is asked, it writes but every few seconds.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`], [`StoreError::Unwritable`], [`StoreError::Damaged`]; whatever keeps a small write from
    /// being made.
    pub async fn require_writable(&self) -> Result<(), StoreError> {
        let (refused, tries) = self.writes.known();
        if !tries {
            return refused.map_or(Ok(()), Err);
        }
        let _trying = Trying(&self.writes);
        let attempt = writing!(self, "trying whether the store can be written", |transaction| {
            transaction.execute(statement!(TOUCH)).await.map(|_| ())
        });
        match tokio::time::timeout(PATIENCE, attempt).await {
            Ok(Err(error)) if error.is_transient() => Ok(()),
            Ok(done) => done,
            // Others write, or it would not have to wait.
            Err(_) => refused.map_or(Ok(()), Err),
        }
    }
}

/// Writes the same once more.
const TOUCH: &str = "UPDATE keyreeve_store SET marker = marker";
