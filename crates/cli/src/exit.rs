//! What a command's end means to whoever called it.
//!
//! | Code | Meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | it ran, but something failed or a person must look |
//! | 2 | it could not run: bad input, no store, no credentials |

use keyreeve_store::StoreError;

use crate::output::{Closed, failure};

/// How a command that ran has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// All done.
    Done,
    /// Something failed, or a person must look.
    NeedsAttention,
}

impl Ended {
    /// Done if this holds.
    pub(crate) fn done_if(all_well: bool) -> Self {
        if all_well { Self::Done } else { Self::NeedsAttention }
    }
}

/// A command could not run for a reason of its own.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {why}")]
pub(crate) struct Refusal {
    doing: String,
    why: String,
    hint: Option<String>,
    code: u8,
}

impl Refusal {
    /// It could not run.
    pub(crate) fn new(doing: impl Into<String>, why: impl Into<String>) -> Self {
        Self { doing: doing.into(), why: why.into(), hint: None, code: 2 }
    }

    /// It ran, but failed.
    pub(crate) fn failed(doing: impl Into<String>, why: impl Into<String>) -> Self {
        Self { code: 1, ..Self::new(doing, why) }
    }

    /// With what to do.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What to do.
    pub(crate) fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// The exit code of a command; an error is written to standard error first.
pub(crate) fn code(result: anyhow::Result<Ended>) -> u8 {
    match result {
        Ok(Ended::Done) => 0,
        Ok(Ended::NeedsAttention) => 1,
        // Nobody reads any more: there is nobody to tell.
        Err(error) if error.is::<Closed>() => 0,
        Err(error) => {
            failure::show(&error);
            code_of(&error)
        }
    }
}

/// Refused before it began, or failed on the way.
fn code_of(error: &anyhow::Error) -> u8 {
    let failed_on_the_way = error.chain().any(|cause| {
        matches!(
            cause.downcast_ref::<StoreError>(),
            Some(
                StoreError::Io { .. }
                    | StoreError::Database { .. }
                    | StoreError::CommitUnknown { .. }
                    | StoreError::EvidenceAltered { .. }
                    | StoreError::Superseded { .. }
                    | StoreError::LeaseLost { .. }
                    | StoreError::BaselineMoved { .. }
                    | StoreError::ChangesDoNotFit { .. }
                    | StoreError::DeliveryUsed
                    | StoreError::DeliveryGone
                    | StoreError::AuditBroken { .. }
                    | StoreError::InUse { .. }
            )
        )
    });
    match error.chain().find_map(|cause| cause.downcast_ref::<Refusal>()) {
        Some(refusal) => refusal.code,
        None => u8::from(!failed_on_the_way) + 1,
    }
}
