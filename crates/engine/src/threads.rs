//! Threads for work whose futures the compiler does not know to be `Send`: gathering, imports and jobs.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinHandle, spawn_blocking};

/// So much of it may be under way at once; what comes beyond that waits.
#[derive(Debug, Clone)]
pub struct Threads {
    free: Arc<Semaphore>,
}

/// The work ended without a result: it panicked, or the process ends.
#[derive(Debug, thiserror::Error)]
#[error("the work came to an end that it should never come to")]
pub struct BrokeOff;

impl Threads {
    /// So many at once.
    #[must_use]
    pub fn new(at_once: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(at_once.max(1))) }
    }

    /// Does some work on a thread of its own, within this runtime, and gives what it came to. It goes on to its end even
    /// if nobody waits for that any more.
    ///
    /// # Errors
    /// [`BrokeOff`].
    pub async fn run<T, F>(&self, work: impl FnOnce() -> F + Send + 'static) -> Result<T, BrokeOff>
    where
        T: Send + 'static,
        F: Future<Output = T>,
    {
        let free = Arc::clone(&self.free).acquire_owned().await.map_err(|_| BrokeOff)?;
        let (tell, told) = oneshot::channel();
        // Detached on purpose: its end is told through the channel.
        drop(on_a_thread(move || async move {
            let done = work().await;
            drop(free);
            let _ = tell.send(done);
        }));
        told.await.map_err(|_| BrokeOff)
    }
}

/// Runs something on a thread of its own, within this runtime.
pub(crate) fn on_a_thread<F: Future<Output = ()>>(
    work: impl FnOnce() -> F + Send + 'static,
) -> JoinHandle<()> {
    let runtime = Handle::current();
    spawn_blocking(move || runtime.block_on(work()))
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[tokio::test]
    async fn work_that_cannot_be_sent_gives_its_result_and_no_more_of_it_runs_than_may() {
        let threads = Threads::new(1);
        let (go, wait) = oneshot::channel::<()>();
        let first = threads.clone();
        let first = tokio::spawn(async move {
            let work = || async move {
                let kept = Rc::new(7);
                let _ = wait.await;
                *kept
            };
            first.run(work).await
        });
        while threads.free.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let second = threads.run(|| async { 8 });
        let mut second = std::pin::pin!(second);
        assert!(futures::poll!(&mut second).is_pending(), "two are under way at once");
        go.send(()).unwrap();
        assert_eq!((first.await.unwrap().unwrap(), second.await.unwrap()), (7, 8));
    }

    #[tokio::test]
    async fn work_that_panics_breaks_off_and_frees_its_place() {
        let threads = Threads::new(1);
        let broken = threads.run(|| async { assert!(std::env::args().count() > 1_000, "planned") }).await;
        assert!(broken.is_err());
        assert_eq!(threads.run(|| async { 1 }).await.unwrap(), 1);
    }
}
