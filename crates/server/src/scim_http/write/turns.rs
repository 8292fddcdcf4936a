//! One change at a time of the same user, name or externalId, within this process. Between processes the store and AWS
//! see to it that there are no two.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

/// Who waits for whom. Copies are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns {
    taken: Arc<Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>>,
}

/// Nobody else is at it as long as this lives.
pub(crate) struct Turn(#[expect(dead_code, reason = "held, not read")] Vec<OwnedMutexGuard<()>>);

impl Turns {
    /// Waits until nobody else is at one of these.
    pub(crate) async fn take(&self, of: impl IntoIterator<Item = String>) -> Turn {
        // In order, so that no two wait for each other.
        let of: BTreeSet<String> = of.into_iter().collect();
        let mut held = Vec::with_capacity(of.len());
        for one in of {
            held.push(self.lock(one).lock_owned().await);
        }
        Turn(held)
    }

    fn lock(&self, of: String) -> Arc<tokio::sync::Mutex<()>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = taken.get(&of).and_then(Weak::upgrade) {
            return lock;
        }
        taken.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::default();
        taken.insert(of, Arc::downgrade(&lock));
        lock
    }
}
