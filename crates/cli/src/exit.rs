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

/// The store could not be opened, so nothing was attempted.
#[derive(Debug)]
pub(crate) struct Opening;

impl std::fmt::Display for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("opening the store")
    }
}

/// Refused before it began, or failed on the way.
fn code_of(error: &anyhow::Error) -> u8 {
    let failed_on_the_way = !error.is::<Opening>()
        && error.chain().any(|cause| {
            matches!(
                cause.downcast_ref(),
                Some(
                    StoreError::Io { .. }
                        | StoreError::Database { .. }
                        | StoreError::CommitUnknown { .. }
                        | StoreError::DiskFull { .. }
                        | StoreError::Unwritable { .. }
                        | StoreError::Damaged { .. }
                        | StoreError::AuditAltered { .. }
                        | StoreError::Data { .. }
                        | StoreError::MoveDiffers { .. }
                        | StoreError::MovedNotRenamed { .. }
                        | StoreError::TaskLeaseLost { .. }
                        | StoreError::PlaceLost { .. }
                        | StoreError::EvidenceAltered { .. }
                        | StoreError::NewerVersion { .. }
                        | StoreError::LeaseLost { .. }
                        | StoreError::BaselineMoved { .. }
                        | StoreError::ChangesDoNotFit { .. }
                        | StoreError::DeliveryUsed
                        | StoreError::DeliverySuperseded
                        | StoreError::DeliveryGone
                        | StoreError::AuditBroken { .. }
                        | StoreError::CheckpointAltered { .. }
                )
            )
        });
    match error.chain().find_map(|cause| cause.downcast_ref::<Refusal>()) {
        Some(refusal) => refusal.code,
        None => u8::from(!failed_on_the_way) + 1,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;
    use keyreeve_engine::import::ImportError;
    use keyreeve_engine::plan::GatherError;
    use keyreeve_engine::provisioning::WorkError;
    use keyreeve_engine::systems::SystemError;
    use keyreeve_engine::tokens::TokenError;

    use super::*;

    fn broken() -> StoreError {
        StoreError::Io { doing: "writing", source: std::io::ErrorKind::StorageFull.into() }
    }

    #[test]
    fn a_store_that_fails_on_the_way_is_a_failure_whoever_passes_it_on() {
        assert_eq!(code_of(&broken().into()), 1);
        assert_eq!(code_of(&ImportError::Store(broken()).into()), 1);
        assert_eq!(code_of(&SystemError::Store(broken()).into()), 1);
        assert_eq!(code_of(&WorkError::Store(broken()).into()), 1);
        assert_eq!(code_of(&WorkError::Guard(GatherError::Store(broken())).into()), 1);
        assert_eq!(code_of(&TokenError::Store(broken()).into()), 1);
    }

    #[test]
    fn a_store_that_cannot_be_opened_means_that_nothing_was_attempted() {
        let unopened: Result<(), _> = Err(broken());
        assert_eq!(code_of(&unopened.context(Opening).context("signing in").unwrap_err()), 2);
        assert_eq!(code_of(&StoreError::NoStore { place: "x".to_owned() }.into()), 2);
    }
}
