//! Passing on what was asked for here to those who carry it out elsewhere.

use std::sync::Arc;
use std::time::Duration;

use keyreeve_store::{NewErrand, Store};
use tokio::sync::watch;

use super::scheduler::asked;
use crate::clock::Clock;
use crate::desk::Bell;

/// So many are passed on at once.
const AT_ONCE: usize = 100;
/// What could not be passed on is tried again after this.
const AGAIN: Duration = Duration::from_secs(1);

/// Has other processes look at the jobs that the bell of this one rings for, until `stop` becomes true. What is not passed
/// on in time, they find by themselves.
pub async fn pass_on(store: Arc<Store>, clock: Clock, bell: Bell, mut stop: watch::Receiver<bool>) {
    let mut errands = Vec::new();
    loop {
        let now = clock.now();
        let rung = bell.take(AT_ONCE).into_iter();
        errands.extend(rung.map(|rung| NewErrand::job(rung.job, rung.system_id, now)));
        let failed = match store.offer_errands(&errands).await {
            Ok(()) => {
                errands.clear();
                false
            }
            Err(error) => {
                tracing::warn!(%error, "jobs could not be passed on to workers");
                errands.truncate(AT_ONCE);
                true
            }
        };
        if *stop.borrow() {
            return;
        }
        tokio::select! {
            () = bell.heard() => {}
            () = clock.wait(AGAIN), if failed => {}
            () = asked(&mut stop) => {}
        }
    }
}
