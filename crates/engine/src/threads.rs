//! Threads for work whose futures the compiler does not know to be `Send`: gathering, imports and jobs.

use std::sync::Arc;

use keyreeve_store::{StoreError, work_below_others};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinHandle, spawn_blocking};

/// So much of it may be under way at once; what comes beyond that waits.
#[derive(Debug, Clone)]
pub struct Threads {
    free: Arc<Semaphore>,
    below: bool,
}

/// The work ended without a result: it panicked, or the process ends.
#[derive(Debug, thiserror::Error)]
#[error("the work came to an end that it should never come to")]
pub struct BrokeOff;

/// Has the store do something that goes on also while whoever waits for it is left alone: it may have a connection that others
/// want.
pub(crate) async fn by_itself<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let broke_off = |error| {
        let source = std::io::Error::other(error);
        Err(StoreError::Io { doing: "waiting for what the store was asked to do", source })
    };
    tokio::spawn(work).await.unwrap_or_else(broke_off)
}

impl Threads {
    /// So many at once.
    #[must_use]
    pub fn new(at_once: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(at_once.max(1))), below: false }
    }

    /// So many at once, each of which leaves the processors to whoever waits for an answer.
    #[must_use]
    pub fn below_others(at_once: usize) -> Self {
        Self { below: true, ..Self::new(at_once) }
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
        let work = move || async move {
            let done = work().await;
            drop(free);
            let _ = tell.send(done);
        };
        // Detached on purpose: its end is told through the channel.
        if self.below {
            drop(on_a_thread_below(work));
        } else {
            drop(on_a_thread(work));
        }
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

/// As [`on_a_thread`], but with a lower priority than all other threads of this process. A thread that was given it keeps
/// it, so it is not one of the runtime's.
pub(crate) fn on_a_thread_below<F: Future<Output = ()>>(
    work: impl FnOnce() -> F + Send + 'static,
) -> JoinHandle<()> {
    let runtime = Handle::current();
    let (tell, told) = oneshot::channel();
    let body = move || {
        stand_back();
        work_below_others();
        runtime.block_on(work());
        let _ = tell.send(());
    };
    if let Err(error) = std::thread::Builder::new().name("import".to_owned()).spawn(body) {
        tracing::error!(%error, "no thread could be made for an import");
    }
    tokio::spawn(async move {
        if told.await.is_err() {
            tracing::error!("the work on imports broke off");
        }
    })
}

/// About a tenth of what the others get when all are busy: an import still comes to its end then.
#[cfg(target_os = "linux")]
fn stand_back() {
    const NICE: i32 = 10;
    // To Linux a thread is a process, and none given is the calling one.
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "an import keeps the priority of everything else");
    }
}

#[cfg(not(target_os = "linux"))]
fn stand_back() {}

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
