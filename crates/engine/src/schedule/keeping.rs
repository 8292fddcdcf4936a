//! How much of history is kept: what is older is given up and removed, and what ends lies in parts that can be.

use std::time::Duration;

use jiff::Timestamp;
use keyreeve_store::{GivenUp, LeftToRemove, Store, StoreError};

/// So often it is looked what is to be given up.
const LOOK_EVERY: Duration = Duration::from_secs(3_600);
/// So many times in a row something is removed, each time a little.
const AT_ONCE: usize = 20;
/// So long it is waited where a table could not be locked.
const WAIT: Duration = Duration::from_secs(120);
const DAY: Duration = Duration::from_secs(86_400);
/// So long a part of history is open where all of it is kept.
const PART_FOR_EVER: Duration = Duration::from_secs(90 * 86_400);

/// Keeps history as long as was said, one look after the other.
#[derive(Debug)]
pub(super) struct Keeping {
    days: Option<u32>,
    looked_at: Option<Timestamp>,
    left: LeftToRemove,
    /// Somebody is at a table of which something is to be removed: who waits for it has others wait behind.
    waits_until: Option<Timestamp>,
}

impl Keeping {
    /// So many days, or for ever.
    pub(super) fn of(days: Option<u32>) -> Self {
        Self { days, looked_at: None, left: LeftToRemove::Some, waits_until: None }
    }

    /// So long a part of history is open: at most a twelfth more than is wanted stays because of what it lies beside.
    fn part(&self) -> Duration {
        self.days.map_or(PART_FOR_EVER, |days| (DAY * days / 12).clamp(DAY, DAY * 30))
    }

    /// Does what is due.
    pub(super) async fn look(
        &mut self,
        store: &Store,
        now: Timestamp,
    ) -> Result<Option<GivenUp>, StoreError> {
        let (mut given_up, mut divided) = (None, Ok(()));
        let due = |looked: Timestamp| now.duration_since(looked).unsigned_abs() >= LOOK_EVERY;
        if self.looked_at.is_none_or(due) {
            self.looked_at = Some(now);
            // What is in its way is in the way of nothing else.
            divided = store.divide_history(self.part(), now).await;
            if let Some(days) = self.days {
                let before = now.checked_sub(DAY * days).unwrap_or(Timestamp::MIN);
                given_up = store.give_up_history(before, now).await?;
            }
            self.left = LeftToRemove::Some;
        }
        if self.left != LeftToRemove::Nothing && self.waits_until.is_none_or(|until| now >= until) {
            self.waits_until = None;
            for _ in 0..AT_ONCE {
                self.left = store.forget_history().await?;
                if self.left != LeftToRemove::Some {
                    break;
                }
            }
            if self.left == LeftToRemove::InUse {
                self.waits_until = now.checked_add(WAIT).ok();
            }
        }
        divided.map(|()| given_up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_as_long_as_what_is_kept_is_served_by() {
        let part = |days| Keeping::of(days).part().as_secs() / 86_400;
        assert_eq!([Some(1), Some(30), Some(120), Some(3_650), None].map(part), [1, 2, 10, 30, 90]);
    }
}
