//! Whether a change has begun: from there on it comes to its end, and until then it can be given up. Never both.

use std::sync::Arc;

use keyreeve_model::JobId;
use keyreeve_store::StoreError;
use tokio::sync::watch;

use super::job::late;
use crate::scim::Error;

/// How far a change is. Copies are the same.
#[derive(Debug, Clone)]
pub(crate) struct Began(Arc<watch::Sender<Stage>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing is written down.
    Waits,
    /// Nothing will be.
    GivenUp,
    /// It is being written down.
    Begins,
    /// It became a job.
    Job(JobId),
}

impl Default for Began {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Stage::Waits)))
    }
}

impl Began {
    /// Says that something is written down from now on.
    ///
    /// # Errors
    /// When that was given up, so that nothing may be.
    pub(crate) fn begin(&self) -> Result<(), Error> {
        self.step(Stage::Begins);
        if self.is_given_up() { Err(late(None)) } else { Ok(()) }
    }

    /// What began came to nothing, as something has changed since it was read: it may be given up again.
    pub(crate) fn unless_changed(&self, error: &StoreError) {
        if matches!(error, StoreError::ScimChanged) {
            self.0.send_replace(Stage::Waits);
        }
    }

    /// Gives up what has not begun; whether it could.
    pub(crate) fn give_up(&self) -> bool {
        self.step(Stage::GivenUp);
        self.is_given_up()
    }

    /// Whether it was given up.
    pub(crate) fn is_given_up(&self) -> bool {
        *self.0.borrow() == Stage::GivenUp
    }

    /// Tells which job it became.
    pub(crate) fn became(&self, job: JobId) {
        self.0.send_replace(Stage::Job(job));
    }

    /// Ends when it was given up.
    pub(crate) async fn given_up(&self) {
        // Cannot fail: this holds the sender.
        let _ = self.0.subscribe().wait_for(|stage| *stage == Stage::GivenUp).await;
    }

    /// The job that it became, once it has.
    pub(crate) async fn job(&self) -> JobId {
        let mut stages = self.0.subscribe();
        loop {
            if let Stage::Job(job) = *stages.borrow_and_update() {
                return job;
            }
            if stages.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    fn step(&self, to: Stage) {
        self.0.send_if_modified(|stage| {
            let first = *stage == Stage::Waits;
            if first {
                *stage = to;
            }
            first
        });
    }
}

/// A caller who waits. One who does so no more gives up what has not begun.
pub(crate) struct Waits(pub(crate) Began);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.give_up();
    }
}
