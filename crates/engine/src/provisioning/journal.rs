//! The journal: what happens is written down by one writer, many entries of different tasks in one transaction.
//!
//! A call waits for its entry to be durable. While one transaction is on its way to the disk, the entries of all other
//! tasks gather for the next, so that a hundred tasks at once cost hardly more commits than one.

use std::sync::Arc;

use keyreeve_store::{JournalEntry, JournalEvent, Store, StoreError, TaskLease};
use tokio::sync::{mpsc, oneshot};

use crate::clock::Clock;

/// At most so many entries go into one transaction.
const MOST_ENTRIES: usize = 500;

/// A way to the writer. Cheap to clone; the writer ends when the last one is dropped.
#[derive(Clone)]
pub(super) struct Journal(mpsc::Sender<Asked>);

struct Asked {
    entries: Vec<JournalEntry>,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

impl Journal {
    /// A journal, and its writer to be driven beside the tasks.
    pub(super) fn new(store: Arc<Store>, clock: Clock) -> (Self, impl Future<Output = ()>) {
        let (sender, receiver) = mpsc::channel(MOST_ENTRIES);
        (Self(sender), write(store, clock, receiver))
    }

    /// Writes events of a task down, all or none. When this returns they are durable.
    pub(super) async fn write(&self, lease: &TaskLease, events: Vec<JournalEvent>) -> Result<(), StoreError> {
        let entries = events.into_iter().map(|event| JournalEntry { lease: lease.clone(), event }).collect();
        let (answer, answered) = oneshot::channel();
        let gone = || StoreError::TaskLeaseLost { task: lease.task };
        self.0.send(Asked { entries, answer }).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

async fn write(store: Arc<Store>, clock: Clock, mut receiver: mpsc::Receiver<Asked>) {
    let mut gathered = Vec::new();
    while receiver.recv_many(&mut gathered, MOST_ENTRIES).await > 0 {
        let mut entries = Vec::new();
        let mut owners = Vec::new();
        for asked in gathered.drain(..) {
            owners.push((asked.entries.len(), asked.answer));
            entries.extend(asked.entries);
        }
        let mut results = store.journal(entries, clock.now()).await.into_iter();
        for (entries, answer) in owners {
            let outcome: Result<(), StoreError> = results.by_ref().take(entries).collect();
            // A task that has ended meanwhile does not wait for its answer any more.
            let _ = answer.send(outcome);
        }
    }
}
