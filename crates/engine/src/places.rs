//! From which AWS accounts' places this process changes them.
//!
//! One process at a time changes an AWS account: all its jobs there share the one place, whatever their systems, and pace
//! their calls together. The place is given back when nothing of it is under way.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use keyreeve_store::{PlaceLease, PlaceTaken, Store, StoreError};
use tokio::sync::Mutex;

use crate::clock::Clock;

/// Who waits for a place looks again so often.
const LOOKS_AGAIN: Duration = Duration::from_millis(500);

/// The places of this process. One per process.
#[derive(Debug)]
pub struct Places {
    /// What this process takes places as: who waits for one is told.
    pub name: String,
    held: Mutex<HashMap<String, Shared>>,
}

/// A place, and how many jobs are in it.
#[derive(Debug)]
struct Shared {
    lease: PlaceLease,
    users: usize,
}

impl Default for Places {
    fn default() -> Self {
        Self::of("process")
    }
}

/// What came of asking for a place.
pub(crate) enum Asked {
    Ours(PlaceLease),
    Elsewhere { holder: String, until: Timestamp },
}

impl Places {
    /// Those of a process that is called this; no other one is called the same.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let mark = uuid::Uuid::new_v4().simple().to_string();
        Self { name: format!("{name}:{}", mark.get(..8).unwrap_or(&mark)), held: Mutex::default() }
    }

    /// Asks for a place; whoever gets it gives it back with [`Self::leave`].
    pub(crate) async fn enter(
        &self,
        store: &Store,
        clock: Clock,
        place: &str,
        lease: Duration,
    ) -> Result<Asked, StoreError> {
        let mut held = self.held.lock().await;
        if let Some(shared) = held.get_mut(place) {
            // Whoever was in it before may not have renewed it in time.
            match store.renew_place(&shared.lease, clock.now(), lease).await {
                Ok(()) => {
                    shared.users += 1;
                    return Ok(Asked::Ours(shared.lease.clone()));
                }
                Err(StoreError::PlaceLost { .. }) => drop(held.remove(place)),
                Err(error) => return Err(error),
            }
        }
        Ok(match store.take_place(place, &self.name, clock.now(), lease).await? {
            PlaceTaken::Ours(taken) => {
                held.insert(place.to_owned(), Shared { lease: taken.clone(), users: 1 });
                Asked::Ours(taken)
            }
            PlaceTaken::Elsewhere { holder, until } => Asked::Elsewhere { holder, until },
        })
    }

    /// Leaves a place. When nobody of this process is in it any more, others may have it.
    pub(crate) async fn leave(&self, store: &Store, lease: &PlaceLease) {
        let mut held = self.held.lock().await;
        let Some(shared) = held.get_mut(&lease.place).filter(|shared| shared.lease == *lease) else { return };
        shared.users = shared.users.saturating_sub(1);
        if shared.users == 0 {
            held.remove(&lease.place);
            if let Err(error) = store.give_back_place(lease).await {
                tracing::warn!(%error, place = %lease.place, "the place of an AWS account was not given back; its time runs out");
            }
        }
    }
}

/// Waits before it is asked again for a place that somebody else has.
pub(crate) async fn wait(clock: Clock, until: Timestamp) {
    let left = Duration::try_from(until.duration_since(clock.now())).unwrap_or_default();
    clock.wait(left.clamp(Duration::from_millis(10), LOOKS_AGAIN)).await;
}
