//! One change, and how far it got.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{JobId, Manifest, Obstacle, RecreatePackage, Step, Wish};
use crate::id::number_id;
use crate::{ExternalId, Failure, SystemId};

number_id! {
    /// The number of a task. A later task has a greater number.
    TaskId, "task", "a whole number, as `keyreeve job show` shows it"
}

/// One change asked for, planned into steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Task {
    /// Its number.
    pub id: TaskId,
    /// The job it belongs to.
    pub job: JobId,
    /// The system it changes.
    pub system_id: SystemId,
    /// Which kind of change.
    pub kind: TaskKind,
    /// What was asked for.
    pub wish: Wish,
    /// The account's name, as it was when the task was planned.
    pub account: String,
    /// The account's id; `None` for one that is yet to be made.
    pub account_external_id: Option<ExternalId>,
    /// How far it got.
    pub state: TaskState,
    /// Tasks of the same job that must have succeeded before it begins.
    pub after: Vec<TaskId>,
    /// Its steps, in an order that respects their edges.
    pub steps: Vec<Step>,
    /// What a person should know before it runs; none of it stops the task.
    pub notices: Vec<Obstacle>,
    /// Not before this moment.
    pub not_before: Option<Timestamp>,
    /// How often its steps were planned anew.
    pub replans: u32,
    /// How often the process died while it ran it.
    pub crashes: u32,
    /// How it ended, in a sentence.
    pub result: Option<String>,
    /// Why it failed or needs a person.
    pub failure: Option<Failure>,
    /// What a deactivation switched off.
    pub manifest: Option<Manifest>,
    /// What is needed to make a deleted account again.
    pub recreate: Option<RecreatePackage>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// The kinds of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Makes an account.
    CreateAccount,
    /// Renames or moves one, or changes its tags or boundary.
    UpdateAccount,
    /// Takes every way in away.
    DeactivateAccount,
    /// Gives back what a deactivation took.
    ReactivateAccount,
    /// Deletes an account.
    DeleteAccount,
    /// Replaces the console password.
    ResetPassword,
    /// Gives a group or a policy.
    AddAssignment,
    /// Takes a group or a policy away.
    RemoveAssignment,
}

impl TaskKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::CreateAccount,
        Self::UpdateAccount,
        Self::DeactivateAccount,
        Self::ReactivateAccount,
        Self::DeleteAccount,
        Self::ResetPassword,
        Self::AddAssignment,
        Self::RemoveAssignment,
    ];

    /// The word used in JSON, SQL and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateAccount => "create_account",
            Self::UpdateAccount => "update_account",
            Self::DeactivateAccount => "deactivate_account",
            Self::ReactivateAccount => "reactivate_account",
            Self::DeleteAccount => "delete_account",
            Self::ResetPassword => "reset_password",
            Self::AddAssignment => "add_assignment",
            Self::RemoveAssignment => "remove_assignment",
        }
    }
}

/// How far a task got. [`TaskState::may_become`] owns the legal moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// A second person must approve its job first.
    AwaitingApproval,
    /// It may begin, or go on, when its time has come.
    Queued,
    /// A worker is at it.
    Running,
    /// Done, as far as the connected system said; an import confirms it.
    Succeeded,
    /// It could not be done.
    Failed,
    /// It was taken back before anything of it was done.
    Cancelled,
    /// What happened cannot be proved, or a person must decide how to go on.
    NeedsPerson,
}

impl TaskState {
    /// The word used in JSON, SQL and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingApproval => "awaiting_approval",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::NeedsPerson => "needs_person",
        }
    }

    /// Whether a task in this state may move to another. `Queued` again: by `job retry`.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        use TaskState::{AwaitingApproval, Cancelled, Failed, NeedsPerson, Queued, Running, Succeeded};
        matches!(
            (self, next),
            (AwaitingApproval, Queued | Cancelled)
                | (Queued, Running | Cancelled | Failed | NeedsPerson)
                | (Running, Queued | Succeeded | Failed | NeedsPerson | Cancelled)
                | (Failed | NeedsPerson, Queued)
        )
    }

    /// Whether nothing more happens by itself.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled | Self::NeedsPerson)
    }
}
