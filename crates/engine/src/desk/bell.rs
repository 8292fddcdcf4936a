//! Tells whoever carries jobs out that there is one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use keyreeve_model::{JobId, SystemId};
use tokio::sync::Notify;

/// A job that may be begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rung {
    /// The job.
    pub job: JobId,
    /// Its system.
    pub system_id: SystemId,
    /// When what it rests on was last looked at, if this process did.
    pub planned_at: Option<Timestamp>,
}

/// Rung whenever a job may be begun. Copies are the same bell. Nothing is lost with it: who carries jobs out also looks
/// from time to time.
#[derive(Debug, Clone, Default)]
pub struct Bell {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    rung: Mutex<VecDeque<Rung>>,
    told: Notify,
}

/// So many are remembered; what comes beyond that is found by looking.
const REMEMBERED: usize = 10_000;

impl Bell {
    /// A job may be begun.
    pub fn ring(&self, rung: Rung) {
        let mut all = self.shared.rung.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < REMEMBERED {
            all.push_back(rung);
        }
        drop(all);
        self.shared.told.notify_one();
    }

    /// Takes what was rung for, the oldest first, at most so many.
    #[must_use]
    pub fn take(&self, most: usize) -> Vec<Rung> {
        let mut all = self.shared.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let most = most.min(all.len());
        all.drain(..most).collect()
    }

    /// Once it rings.
    pub async fn heard(&self) {
        self.shared.told.notified().await;
    }
}
