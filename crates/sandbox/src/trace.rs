//! The record of all calls.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::authorise::Refusal;

/// One call, as the sandbox saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceEntry {
    /// Counts from 1, in the order in which calls arrived.
    pub seq: u64,
    /// When it arrived, on the sandbox's clock.
    pub at: Timestamp,
    /// Who claims to have signed it.
    pub access_key_id: Option<String>,
    /// The account of the signer, when the signature was good.
    pub account: Option<String>,
    /// The action; empty when the request had none.
    pub action: String,
    /// The user, group, policy, role or key it is about: for a write, the user whom it changes.
    pub subject: Option<String>,
    /// The group, policy, key or the like that it names besides the user, or that it made.
    pub resource: Option<String>,
    /// The unique id that the user of a write had at that time.
    pub user_id: Option<String>,
    /// Of a write, whether the account was changed by it. Not so when it was refused, never carried out, or
    /// accepted where all was as asked already. None for a read.
    pub applied: Option<bool>,
    /// Its page in a listing, from 1; 0 when the marker could not be read.
    pub page: u32,
    /// The parameters, without secrets.
    pub params: BTreeMap<String, String>,
    /// HTTP status of the answer; none while there is no answer, or when none was sent.
    pub status: Option<u16>,
    /// The error's code.
    pub error: Option<String>,
    /// Why, when it was refused because of policies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
    /// The faults that were applied, as `rule number: effect`.
    pub faults: Vec<String>,
    /// When it arrived, in microseconds of a clock that only goes forward.
    pub started_micros: u64,
    /// When the answer was ready or the call was given up, on the same clock; none while it is under way.
    pub ended_micros: Option<u64>,
    /// From arrival until the answer was ready, in real microseconds.
    pub duration_micros: u64,
    /// The `RequestId` of the answer.
    pub request_id: String,
}

#[derive(Debug, Default)]
pub(crate) struct Trace(Mutex<Recorded>);

#[derive(Debug, Default)]
struct Recorded {
    entries: Vec<TraceEntry>,
    forgotten: u64,
}

impl Trace {
    fn recorded(&self) -> std::sync::MutexGuard<'_, Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a call as it arrives; gives its number.
    pub(crate) fn begin(&self, mut entry: TraceEntry) -> u64 {
        let mut recorded = self.recorded();
        entry.seq = recorded.forgotten + recorded.entries.len() as u64 + 1;
        let seq = entry.seq;
        recorded.entries.push(entry);
        seq
    }

    /// Completes the record of a call, unless it has been cleared away meanwhile.
    pub(crate) fn complete(&self, seq: u64, change: impl FnOnce(&mut TraceEntry)) {
        let mut recorded = self.recorded();
        let place = seq.checked_sub(recorded.forgotten + 1).and_then(|place| usize::try_from(place).ok());
        if let Some(entry) = place.and_then(|place| recorded.entries.get_mut(place)) {
            change(entry);
        }
    }

    pub(crate) fn all(&self) -> Vec<TraceEntry> {
        self.recorded().entries.clone()
    }

    /// Forgets all calls; numbers go on.
    pub(crate) fn clear(&self) {
        let mut recorded = self.recorded();
        recorded.forgotten += recorded.entries.len() as u64;
        recorded.entries.clear();
    }
}
