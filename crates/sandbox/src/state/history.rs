//! The account's present and its past: what a stale read is answered from.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError, RwLock};

use jiff::Timestamp;

use super::State;
use crate::protocol::error::ApiError;

/// Past states kept at most; the oldest go first.
const KEPT: usize = 4_096;

#[derive(Debug)]
pub(crate) struct History {
    present: RwLock<State>,
    /// Each state with the time at which it was replaced.
    past: Mutex<VecDeque<(Timestamp, State)>>,
}

impl History {
    pub(crate) fn new(state: State) -> Self {
        Self { present: RwLock::new(state), past: Mutex::new(VecDeque::new()) }
    }

    pub(crate) fn present(&self) -> State {
        self.present.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The state as it was at `at`; the oldest that is known when that is too long ago.
    pub(crate) fn at(&self, at: Timestamp) -> State {
        let past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        let then = past.iter().find(|(replaced, _)| *replaced > at).map(|(_, state)| state.clone());
        drop(past);
        then.unwrap_or_else(|| self.present())
    }

    /// Changes the present: wholly, or when `change` fails not at all.
    pub(crate) fn write<T>(
        &self,
        now: Timestamp,
        change: impl FnOnce(&mut State) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let mut present = self.present.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = present.clone();
        let outcome = change(&mut next)?;
        let before = std::mem::replace(&mut *present, next);
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        past.push_back((now, before));
        if past.len() > KEPT {
            past.pop_front();
        }
        Ok(outcome)
    }
}
