//! What is kept in mind of the accounts of some systems, each as of the run that was published last when they were read:
//! what holds now changes in the transaction that publishes a run, and in no other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use keyreeve_model::ImportRunId;

/// Something of which it is known how many things it is about.
pub(crate) trait Many {
    fn many(&self) -> usize;
}

impl<T> Many for [T] {
    fn many(&self) -> usize {
        self.len()
    }
}

/// A number of accounts, of which but the number is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number(pub(super) u64);

impl Many for Number {
    fn many(&self) -> usize {
        1
    }
}

/// Numbers of accounts, of so many systems.
pub(crate) type Numbers = Kept<Number, 100_000>;

/// The run of which they are, and what is kept of the accounts.
type OfRun<T> = (ImportRunId, Arc<T>);

/// What is kept, by the keys of systems; of `MOST` accounts in all.
pub(crate) struct Kept<T: ?Sized, const MOST: usize>(Mutex<HashMap<i64, OfRun<T>>>);

impl<T: ?Sized, const MOST: usize> Default for Kept<T, MOST> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: ?Sized + Many, const MOST: usize> Kept<T, MOST> {
    pub(super) fn get(&self, system_key: i64, run: ImportRunId) -> Option<Arc<T>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&system_key).filter(|(of, _)| *of == run).map(|(_, known)| Arc::clone(known))
    }

    pub(super) fn keep(&self, system_key: i64, run: ImportRunId, known: &Arc<T>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Who read an older run in an older transaction does not put it in the newer one's place.
        if kept.get(&system_key).is_some_and(|(of, _)| *of > run) {
            return;
        }
        kept.remove(&system_key);
        let others: usize = kept.values().map(|(_, known)| known.many()).sum();
        if others + known.many() > MOST {
            kept.clear();
        }
        if known.many() <= MOST {
            kept.insert(system_key, (run, Arc::clone(known)));
        }
    }
}
