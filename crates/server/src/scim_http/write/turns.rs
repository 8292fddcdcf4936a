//! One change at a time of the same user, name or externalId, within this process. Between processes the store and AWS
//! see to it that there are no two.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

/// So many changes of the same user or group may be under way or wait.
const OF_ONE: usize = 16;
/// So many changes of one system may wait.
const OF_SYSTEM: usize = 128;

/// Who waits for whom. Copies are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns {
    taken: Arc<Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>>,
}

/// Nobody else is at it as long as this lives.
pub(crate) struct Turn(#[expect(dead_code, reason = "held, not read")] Vec<OwnedMutexGuard<()>>);

/// So many wait already that one more would not have its turn in any time worth waiting for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

impl Turns {
    /// Waits until nobody else is at one of these, all of them of one system.
    pub(crate) async fn take(
        &self,
        system: &str,
        of: impl IntoIterator<Item = String>,
    ) -> Result<Turn, TooMany> {
        // In order, so that no two wait for each other.
        let of: BTreeSet<String> = of.into_iter().map(|one| format!("{system}/{one}")).collect();
        let (mut held, mut waits) = (Vec::with_capacity(of.len()), None);
        for one in of {
            let place = self.place(one, OF_ONE)?;
            if let Ok(lock) = Arc::clone(&place).try_lock_owned() {
                held.push(lock);
                continue;
            }
            if waits.is_none() {
                // Never locked: it counts who waits.
                waits = Some(self.place(system.to_owned(), OF_SYSTEM)?);
            }
            held.push(place.lock_owned().await);
        }
        Ok(Turn(held))
    }

    /// A place among those who are at something or wait for that. Whoever leaves, leaves it.
    fn place(&self, of: String, most: usize) -> Result<Arc<tokio::sync::Mutex<()>>, TooMany> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = taken.get(&of).and_then(Weak::upgrade) {
            // This one counts, too.
            return if Arc::strong_count(&place) > most { Err(TooMany) } else { Ok(place) };
        }
        taken.retain(|_, place| place.strong_count() > 0);
        let place = Arc::default();
        taken.insert(of, Arc::downgrade(&place));
        Ok(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_turn_that_nobody_waits_for_any_more_is_free_and_no_more_wait_than_may() {
        let turns = Turns::default();
        let ada = || ["id/ada".to_owned()];
        let first = turns.take("prod", ada()).await.unwrap();
        let mut waiting: Vec<_> = (1..OF_ONE).map(|_| Box::pin(turns.take("prod", ada()))).collect();
        for one in &mut waiting {
            assert!(futures::poll!(one).is_pending());
        }
        assert_eq!(turns.take("prod", ada()).await.err(), Some(TooMany));
        assert!(turns.take("prod", ["id/eve".to_owned()]).await.is_ok(), "others have their turn");
        waiting.pop();
        let mut last = Box::pin(turns.take("prod", ada()));
        assert!(futures::poll!(&mut last).is_pending());
        drop((waiting, first));
        assert!(last.await.is_ok());
        assert!(turns.taken.lock().unwrap().values().all(|place| place.strong_count() == 0));
    }

    #[tokio::test]
    async fn a_system_has_a_bound_of_its_own() {
        let turns = Turns::default();
        let (mut held, mut waiting) = (Vec::new(), Vec::new());
        for user in 0..=OF_SYSTEM {
            let place = move || [format!("id/{user}")];
            held.push(turns.take("prod", place()).await.unwrap());
            let mut one = Box::pin(turns.take("prod", place()));
            assert_eq!(futures::poll!(&mut one).is_pending(), user < OF_SYSTEM, "{user}");
            waiting.push(one);
        }
        assert!(turns.take("test", ["id/0".to_owned()]).await.is_ok(), "of another system");
    }
}
