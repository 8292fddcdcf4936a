//! What happens by itself: imports by the schedules of their profiles, and the chores that keep a store in order.
//!
//! [`due`] is pure: it says of one schedule whether its turn has come. [`Scheduler`] is the shell that looks at all of
//! them, and [`Duties`] does the chores. Neither has state that counts: several processes may run them on one store,
//! and each time of a schedule is taken once.

mod due;
mod duties;
mod keeping;
mod passing;
mod scheduler;
mod times;

use futures::StreamExt;
use futures::stream::FuturesUnordered;

pub use due::{CLOCKS_DIFFER_BY, Due, Ended, Last, due, patience_after};
pub use duties::{Chore, Duties};
pub use passing::pass_on;
pub use scheduler::{Happened, Scheduler};
pub use times::{LastTime, ScheduleTimes, TimesError};

/// Does some work while others go on, and keeps what they come to. The work must not hold them up: one of them may have
/// the only connection that writes to the store, and gives it back only when it goes on.
pub(crate) async fn beside<T, F: Future>(
    work: impl Future<Output = T>,
    others: &mut FuturesUnordered<F>,
    ended: &mut Vec<F::Output>,
) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            Some(one) = others.next(), if !others.is_empty() => ended.push(one),
        }
    }
}
