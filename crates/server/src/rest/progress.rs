//! How far an import is, as it is told while it runs.

use keyreeve_engine::import::{Progress, Stage};
use keyreeve_model::{CollectionName, CollectionState, ImportRunId};
use serde::Serialize;
use utoipa::ToSchema;

/// How far an import is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunProgress {
    /// The run.
    #[schema(value_type = i64)]
    run: ImportRunId,
    /// All calls so far.
    aws_calls: u64,
    /// How far each collection is.
    collections: Vec<CollectionProgress>,
}

/// How far a collection is.
#[derive(Debug, Serialize, ToSchema)]
struct CollectionProgress {
    /// Which.
    name: CollectionName,
    /// `waiting`, `reading`, or how it ended: `whole`, `cut`, `denied`, `skipped`.
    stage: &'static str,
    /// Objects read so far.
    items: u64,
    /// How many there were in the run before, or are wanted; null where that is not known.
    expected: Option<u64>,
    /// Calls so far.
    calls: u64,
    /// Repeated calls among them.
    retries: u64,
    /// Repeats that throttling asked for.
    throttled: u64,
}

impl RunProgress {
    pub(super) fn of(run: ImportRunId, progress: &Progress) -> Self {
        let collection = |one: keyreeve_engine::import::CollectionProgress| CollectionProgress {
            name: one.name,
            stage: match one.stage {
                Stage::Waiting => "waiting",
                Stage::Reading => "reading",
                Stage::Ended(CollectionState::Whole) => "whole",
                Stage::Ended(CollectionState::Cut) => "cut",
                Stage::Ended(CollectionState::Denied) => "denied",
                Stage::Ended(CollectionState::Skipped) => "skipped",
            },
            items: one.items,
            expected: (one.expected > 0).then_some(one.expected),
            calls: one.calls,
            retries: one.retries,
            throttled: one.throttled,
        };
        let collections = progress.collections().map(collection).into();
        Self { run, aws_calls: progress.calls(), collections }
    }
}
