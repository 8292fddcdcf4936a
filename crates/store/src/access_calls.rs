//! Calls that make the connector's own access: an administrator's, written down before they are made and after.
//!
//! Their rows stand under the System ID, also where no system is registered under it yet. An attempt that no outcome
//! follows is one whose process ended before it knew.

use jiff::Timestamp;
use keyreeve_model::{Effect, FailureKind, SystemId};
use serde_json::json;

use crate::audit::recording;
use crate::{CrashPoint, Store, StoreError};

/// A call that is about to be made.
#[derive(Debug, Clone, Copy)]
pub struct AccessCall<'a> {
    /// For which system.
    pub system_id: &'a SystemId,
    /// The call, as AWS names it: `CreateUser`.
    pub operation: &'static str,
    /// What it changes: an ARN.
    pub on: &'a str,
    /// Whose credentials make it.
    pub signed_in_as: &'a str,
    /// Who wants it.
    pub actor: &'a str,
    /// And why.
    pub reason: Option<&'a str>,
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessOutcome {
    /// AWS said that it is done.
    Applied {
        /// What was made, where the call did not name it: the id of an access key.
        made: Option<String>,
    },
    /// It failed.
    Failed {
        /// Whether something may have happened all the same.
        effect: Effect,
        /// Why.
        kind: FailureKind,
    },
}

impl AccessOutcome {
    fn state(&self) -> &'static str {
        match self {
            Self::Applied { .. } => "applied",
            Self::Failed { effect: Effect::None, .. } => "not_applied",
            Self::Failed { effect: Effect::Unknown, .. } => "unknown",
        }
    }
}

impl Store {
    /// Writes down that a call is about to be made, and gives the row. Without it none is made.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn note_access_call(&self, call: &AccessCall<'_>, now: Timestamp) -> Result<i64, StoreError> {
        let subject = json!({
            "operation": call.operation,
            "on": call.on,
            "signed_in_as": call.signed_in_as,
            "reason": call.reason,
        });
        recording!(self, "writing down a call", now, |_transaction, trail| {
            let row = trail.head().seq + 1;
            trail.note(call.actor, Some(call.system_id), "access_call_attempted", &subject);
            CrashPoint::BeforeAccessCommit.pass();
            Ok(row)
        })
        .await
        .inspect(|_| CrashPoint::AfterAccessCommit.pass())
    }

    /// Writes down what became of the call whose attempt stands in this row.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn note_access_outcome(
        &self,
        call: &AccessCall<'_>,
        attempt: i64,
        (outcome, request_id): (&AccessOutcome, Option<&str>),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (made, failure) = match outcome {
            AccessOutcome::Applied { made } => (made.as_deref(), None),
            AccessOutcome::Failed { kind, .. } => (None, Some(*kind)),
        };
        let subject = json!({
            "operation": call.operation,
            "on": call.on,
            "attempt": attempt,
            "state": outcome.state(),
            "request_id": request_id,
            "made": made,
            "failure": failure,
        });
        recording!(self, "writing down what became of a call", now, |_transaction, trail| {
            trail.note(call.actor, Some(call.system_id), "access_call_settled", &subject);
            CrashPoint::BeforeAccessCommit.pass();
            Ok(())
        })
        .await
        .inspect(|()| CrashPoint::AfterAccessCommit.pass())
    }
}
