//! What happens by itself: imports by the schedules of their profiles, and the chores that keep a store in order.
//!
//! [`due`] is pure: it says of one schedule whether its turn has come. [`Scheduler`] is the shell that looks at all of
//! them, and [`Duties`] does the chores. Neither has state that counts: several processes may run them on one store,
//! and each time of a schedule is taken once.

mod due;
mod duties;
mod scheduler;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use keyreeve_connector::Connector;
use keyreeve_model::System;
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, spawn_blocking};

pub use due::{CLOCKS_DIFFER_BY, Due, Ended, Last, due, patience_after};
pub use duties::{Chore, Duties};
pub use scheduler::{Happened, Scheduler};

/// Makes connections to systems; nothing is sent until one is used.
#[async_trait]
pub trait Connections: Send + Sync {
    /// A connection that signs in as the system does, or why there is none.
    async fn connect(
        &self,
        system: &System,
    ) -> Result<Box<dyn Connector>, Box<dyn std::error::Error + Send + Sync>>;
}

/// Runs something on a thread of its own, within this runtime: the futures of imports and jobs are not known to the
/// compiler to be `Send`.
fn on_a_thread<F: Future<Output = ()>>(work: impl FnOnce() -> F + Send + 'static) -> JoinHandle<()> {
    let runtime = Handle::current();
    spawn_blocking(move || runtime.block_on(work()))
}

/// Does some work while others go on, and keeps what they come to. The work must not hold them up: one of them may have
/// the only connection that writes to the store, and gives it back only when it goes on.
async fn beside<T, F: Future>(
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
