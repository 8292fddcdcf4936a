//! One call of a task, written down before and after.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::StepCall;
use crate::Failure;

/// One step: exactly one call that changes something, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Step {
    /// Its place in the task, from 1.
    pub seq: u32,
    /// The call.
    #[serde(flatten)]
    pub call: StepCall,
    /// The call as the connected system names it: `CreateUser`.
    pub operation: String,
    /// Why the step is there.
    pub reason: StepReason,
    /// Steps of the same task that must be over before it begins.
    pub after: Vec<u32>,
    /// How far it got.
    pub state: StepState,
    /// How often the call was made; throttled calls do not count.
    pub attempts: u32,
    /// When the latest attempt began.
    pub attempted_at: Option<Timestamp>,
    /// When its outcome was known.
    pub finished_at: Option<Timestamp>,
    /// Whether the call found it already so; `None` while that is not known.
    pub unchanged: Option<bool>,
    /// The connected system's id of the request that settled it.
    pub request_id: Option<String>,
    /// Why the latest attempt failed.
    pub failure: Option<Failure>,
}

impl Step {
    /// A step that nobody has tried yet.
    #[must_use]
    pub fn planned(seq: u32, call: StepCall, operation: &str, reason: StepReason, after: Vec<u32>) -> Self {
        Self {
            seq,
            call,
            operation: operation.to_owned(),
            reason,
            after,
            state: StepState::Planned,
            attempts: 0,
            attempted_at: None,
            finished_at: None,
            unchanged: None,
            request_id: None,
            failure: None,
        }
    }
}

/// Why a step is part of its task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StepReason {
    /// The wish names it.
    Asked,
    /// The main call of the task, by its task mapping.
    TaskMapping,
    /// A custom action of the task mapping.
    CustomAction,
    /// It blocks the deletion.
    Blocker,
    /// So that the first sign-in can succeed.
    FirstSignIn,
    /// Part of switching the account off.
    Deactivation,
    /// Part of switching on what was switched off.
    Reactivation,
}

impl StepReason {
    /// The word used in JSON and SQL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::TaskMapping => "task_mapping",
            Self::CustomAction => "custom_action",
            Self::Blocker => "blocker",
            Self::FirstSignIn => "first_sign_in",
            Self::Deactivation => "deactivation",
            Self::Reactivation => "reactivation",
        }
    }
}

/// How far a step got. [`StepState::may_become`] owns the legal moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not attempted, or to be attempted again.
    Planned,
    /// Written down; the call may be on its way.
    Attempting,
    /// The answer was lost: it may have happened. To be settled by reading back.
    Unknown,
    /// It happened.
    Applied,
    /// It did not happen, and will not be tried again.
    NotApplied,
    /// It was not needed any more.
    Skipped,
}

impl StepState {
    /// The word used in JSON, SQL and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Attempting => "attempting",
            Self::Unknown => "unknown",
            Self::Applied => "applied",
            Self::NotApplied => "not_applied",
            Self::Skipped => "skipped",
        }
    }

    /// Whether a step in this state may move to another. An attempt that was found open after a crash is unknown; one
    /// that seemed not to have happened may turn out to be applied after all.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        use StepState::{Applied, Attempting, NotApplied, Planned, Skipped, Unknown};
        matches!(
            (self, next),
            (Planned, Attempting | Skipped | NotApplied | Applied)
                | (Attempting | Unknown, Planned | Unknown | Applied | NotApplied)
                | (NotApplied, Planned)
        )
    }

    /// Whether the steps that wait for this one may begin.
    #[must_use]
    pub fn is_done(self) -> bool {
        matches!(self, Self::Applied | Self::Skipped)
    }
}
