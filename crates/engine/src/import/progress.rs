//! How far an import is: counters that the run writes and a terminal reads.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use keyreeve_model::{CollectionName, CollectionState, ImportRunId};
use tokio::sync::watch;

/// Live counters of one import run. Cheap to write, readable at any time from another task. Copies are the same.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    collections: [Counters; CollectionName::ALL.len()],
    other_calls: AtomicU64,
    rate_limit_thousandths: AtomicU64,
    run: watch::Sender<Option<ImportRunId>>,
}

#[derive(Debug, Default)]
struct Counters {
    items: AtomicU64,
    expected: AtomicU64,
    calls: AtomicU64,
    retries: AtomicU64,
    throttled: AtomicU64,
    stage: AtomicU8,
}

/// What the counters of a collection say at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollectionProgress {
    /// Which collection.
    pub name: CollectionName,
    /// Objects read so far.
    pub items: u64,
    /// How many there were in the run before, or how many are known to be wanted; 0 when unknown.
    pub expected: u64,
    /// Calls made.
    pub calls: u64,
    /// Repeated calls among them.
    pub retries: u64,
    /// Repeats that throttling asked for.
    pub throttled: u64,
    /// Where it stands.
    pub stage: Stage,
}

/// Where the reading of a collection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Not begun.
    Waiting,
    /// Being read.
    Reading,
    /// Ended in this state.
    Ended(CollectionState),
}

impl Stage {
    fn to_byte(self) -> u8 {
        match self {
            Self::Waiting => 0,
            Self::Reading => 1,
            Self::Ended(CollectionState::Whole) => 2,
            Self::Ended(CollectionState::Cut) => 3,
            Self::Ended(CollectionState::Denied) => 4,
            Self::Ended(CollectionState::Skipped) => 5,
        }
    }

    fn from_byte(byte: u8) -> Self {
        match byte {
            0 => Self::Waiting,
            1 => Self::Reading,
            2 => Self::Ended(CollectionState::Whole),
            3 => Self::Ended(CollectionState::Cut),
            4 => Self::Ended(CollectionState::Denied),
            _ => Self::Ended(CollectionState::Skipped),
        }
    }
}

/// How far the imports are that are under way in this process. Copies are the same.
#[derive(Debug, Clone, Default)]
pub struct UnderWay {
    runs: Arc<Mutex<HashMap<ImportRunId, Progress>>>,
}

/// As long as it is kept, a run is under way.
pub(super) struct Listed {
    list: UnderWay,
    run: ImportRunId,
}

impl UnderWay {
    /// How far a run is, if it is under way here.
    #[must_use]
    pub fn progress(&self, run: ImportRunId) -> Option<Progress> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).get(&run).cloned()
    }

    pub(super) fn list(&self, run: ImportRunId, progress: &Progress) -> Listed {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).insert(run, progress.clone());
        Listed { list: self.clone(), run }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.list.runs.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.run);
    }
}

impl Progress {
    /// The run, once it is written down.
    pub async fn begun(&self) -> ImportRunId {
        let mut run = self.shared.run.subscribe();
        loop {
            if let Some(run) = *run.borrow_and_update() {
                return run;
            }
            // What is asked lives as long as what tells.
            if run.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    pub(super) fn begin(&self, run: ImportRunId) {
        self.shared.run.send_replace(Some(run));
    }

    /// The counters of all collections, in the order they are shown.
    #[must_use]
    pub fn collections(&self) -> [CollectionProgress; CollectionName::ALL.len()] {
        CollectionName::ALL.map(|name| self.of(name))
    }

    /// The counters of one collection.
    #[must_use]
    pub fn of(&self, name: CollectionName) -> CollectionProgress {
        let counters = self.counters(name);
        CollectionProgress {
            name,
            items: counters.items.load(Relaxed),
            expected: counters.expected.load(Relaxed),
            calls: counters.calls.load(Relaxed),
            retries: counters.retries.load(Relaxed),
            throttled: counters.throttled.load(Relaxed),
            stage: Stage::from_byte(counters.stage.load(Relaxed)),
        }
    }

    /// All calls made so far, also those that belong to no collection.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.shared.other_calls.load(Relaxed) + self.collections().iter().map(|one| one.calls).sum::<u64>()
    }

    /// The present limit on requests, in requests a second; `None` while there is none.
    #[must_use]
    pub fn rate_limit(&self) -> Option<f64> {
        match self.shared.rate_limit_thousandths.load(Relaxed) {
            0 => None,
            thousandths => Some(thousandths as f64 / 1000.0),
        }
    }

    pub(crate) fn expect(&self, name: CollectionName, items: u64) {
        self.counters(name).expected.store(items, Relaxed);
    }

    pub(crate) fn stage(&self, name: CollectionName, stage: Stage) {
        self.counters(name).stage.store(stage.to_byte(), Relaxed);
    }

    pub(crate) fn set_items(&self, name: CollectionName, items: u64) {
        self.counters(name).items.store(items, Relaxed);
    }

    pub(crate) fn add_items(&self, name: CollectionName, items: u64) {
        self.counters(name).items.fetch_add(items, Relaxed);
    }

    /// Counts a call; `None` for one that belongs to no collection.
    pub(crate) fn call(&self, name: Option<CollectionName>, retry: bool) {
        self.tally(name, retry, |counter| counter.fetch_add(1, Relaxed));
    }

    /// Takes back a call that was counted and then not made.
    pub(crate) fn not_made(&self, name: Option<CollectionName>, retry: bool) {
        self.tally(name, retry, |counter| counter.fetch_sub(1, Relaxed));
    }

    /// Moves the counters that a call belongs to.
    fn tally(&self, name: Option<CollectionName>, retry: bool, step: impl Fn(&AtomicU64) -> u64) {
        let Some(name) = name else {
            step(&self.shared.other_calls);
            return;
        };
        let counters = self.counters(name);
        step(&counters.calls);
        if retry {
            step(&counters.retries);
        }
    }

    pub(crate) fn throttled(&self, name: Option<CollectionName>, limit: Option<f64>) {
        if let Some(name) = name {
            self.counters(name).throttled.fetch_add(1, Relaxed);
        }
        let thousandths = limit.map_or(0, |limit| (limit * 1000.0) as u64);
        self.shared.rate_limit_thousandths.store(thousandths, Relaxed);
    }

    fn counters(&self, name: CollectionName) -> &Counters {
        let [users, details, groups, policies, login_profiles, report] = &self.shared.collections;
        match name {
            CollectionName::Users => users,
            CollectionName::AuthorizationDetails => details,
            CollectionName::Groups => groups,
            CollectionName::Policies => policies,
            CollectionName::LoginProfiles => login_profiles,
            CollectionName::CredentialReport => report,
        }
    }
}
