//! The right to work on a task, as this process knows it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use keyreeve_store::{Store, StoreError, TaskLease};

use crate::clock::Clock;
use crate::threads::by_itself;

/// A lease, and since when it is certain. A process can stand still at any moment, for as long as it likes; what the
/// journal took before says nothing of now. So right before a call to AWS it is looked whether the lease still holds.
pub(super) struct Held {
    pub(super) lease: TaskLease,
    store: Arc<Store>,
    clock: Clock,
    lease_for: Duration,
    known: Mutex<(Instant, Timestamp)>,
}

impl Held {
    /// A lease that was asked for at `asked_at`, by this machine's own count of time.
    pub(super) fn new(
        lease: TaskLease,
        store: Arc<Store>,
        clock: Clock,
        lease_for: Duration,
        asked_at: Instant,
    ) -> Self {
        let known = Mutex::new((asked_at, lease.until));
        Self { lease, store, clock, lease_for, known }
    }

    /// It was renewed: that was asked for at `asked_at`, which the clock called `now`.
    pub(super) fn renewed(&self, asked_at: Instant, now: Timestamp) {
        let until = now.checked_add(self.lease_for).unwrap_or(Timestamp::MAX);
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = (asked_at, until);
    }

    /// Makes sure that the lease holds, and for long enough that a call may begin: a third of it is left.
    ///
    /// # Errors
    /// [`StoreError::TaskLeaseLost`].
    pub(super) async fn ensure(&self) -> Result<(), StoreError> {
        let (asked_at, until) = *self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, now_here) = (self.clock.now(), Instant::now());
        let left = until.checked_sub(self.lease_for / 3).unwrap_or(Timestamp::MIN);
        if asked_at.elapsed() < self.lease_for * 2 / 3 && now < left {
            return Ok(());
        }
        let (store, lease, lease_for) = (Arc::clone(&self.store), self.lease.clone(), self.lease_for);
        by_itself(async move { store.renew_task_lease(&lease, now, lease_for).await }).await?;
        self.renewed(now_here, now);
        Ok(())
    }
}
