//! Tasks asked for together.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Task, TaskState};
use crate::id::number_id;
use crate::{ImportRunId, SystemId};

number_id! {
    /// The number of a provisioning job. A later job has a greater number.
    JobId, "job", "a whole number, as `keyreeve job list` shows it"
}

/// A set of tasks asked for together, with who asked and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ProvisioningJob {
    /// Its number.
    pub id: JobId,
    /// The system it changes.
    pub system_id: SystemId,
    /// How far it got.
    pub state: JobState,
    /// Who asked.
    pub actor: String,
    /// Why.
    pub reason: Option<String>,
    /// The published run the plan was made on.
    pub baseline_run: Option<ImportRunId>,
    /// SHA-256 of what is done, to whom and in which order, as `plan-sha256` of the plan says it: an approval is of exactly
    /// this.
    pub plan_sha256: String,
    /// Why a second person must approve; empty when nobody must.
    pub approval_because: Vec<String>,
    /// Who approved or rejected it.
    pub decided_by: Option<String>,
    /// The reason they gave.
    pub decision_reason: Option<String>,
    /// When they did.
    pub decided_at: Option<Timestamp>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When its first task began.
    pub started_at: Option<Timestamp>,
    /// When its last task ended.
    pub finished_at: Option<Timestamp>,
    /// Who has seen that it failed, and left it at that: it needs nobody any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dismissed_by: Option<String>,
    /// The reason they gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dismissal_reason: Option<String>,
    /// When they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dismissed_at: Option<Timestamp>,
    /// Its tasks, in the order they were asked for.
    pub tasks: Vec<Task>,
}

impl ProvisioningJob {
    /// Whether somebody rejected it, which ended it at once. What was approved and taken back later ended after it was decided.
    #[must_use]
    pub fn is_rejected(&self) -> bool {
        self.state == JobState::Cancelled
            && self.decided_by.is_some()
            && self.started_at.is_none()
            && self.decided_at == self.finished_at
    }
}

/// How far a job got. [`JobState::may_become`] owns the legal moves, [`JobState::of_tasks`] the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// A second person must approve it.
    AwaitingApproval,
    /// It may begin.
    Queued,
    /// Tasks of it are under way, or wait for their time.
    Running,
    /// Every task succeeded.
    Succeeded,
    /// No task succeeded.
    Failed,
    /// Some tasks succeeded, others did not.
    PartiallyFailed,
    /// It was rejected or taken back before anything was done.
    Cancelled,
}

impl JobState {
    /// The word used in JSON, SQL and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingApproval => "awaiting_approval",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::PartiallyFailed => "partially_failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether a job in this state may move to another. `Queued` again: by `job retry`.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        use JobState::{AwaitingApproval, Cancelled, Failed, PartiallyFailed, Queued, Running, Succeeded};
        matches!(
            (self, next),
            (AwaitingApproval, Queued | Cancelled)
                | (Queued, Running | Cancelled | Failed)
                | (Running, Succeeded | Failed | PartiallyFailed | Cancelled)
                | (Failed | PartiallyFailed, Queued)
        )
    }

    /// Whether nothing more happens by itself.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::PartiallyFailed | Self::Cancelled)
    }

    /// How a job ends whose tasks ended like this; `None` while one of them has not ended.
    #[must_use]
    pub fn of_tasks(tasks: impl IntoIterator<Item = TaskState>) -> Option<Self> {
        let (mut succeeded, mut cancelled, mut other) = (0, 0, 0);
        for task in tasks {
            match task {
                TaskState::Succeeded => succeeded += 1,
                TaskState::Cancelled => cancelled += 1,
                TaskState::Failed | TaskState::NeedsPerson => other += 1,
                TaskState::AwaitingApproval | TaskState::Queued | TaskState::Running => return None,
            }
        }
        Some(match (succeeded, cancelled, other) {
            (_, 0, 0) => Self::Succeeded,
            (0, _, 0) => Self::Cancelled,
            (0, _, _) => Self::Failed,
            _ => Self::PartiallyFailed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_ends_as_its_tasks_did() {
        use TaskState::{Cancelled, Failed, NeedsPerson, Queued, Succeeded};
        let of = |tasks: &[TaskState]| JobState::of_tasks(tasks.iter().copied());
        assert_eq!(of(&[Succeeded, Succeeded]), Some(JobState::Succeeded));
        assert_eq!(of(&[Succeeded, Queued]), None);
        assert_eq!(of(&[Failed, NeedsPerson, Cancelled]), Some(JobState::Failed));
        assert_eq!(of(&[Succeeded, NeedsPerson]), Some(JobState::PartiallyFailed));
        assert_eq!(of(&[Succeeded, Cancelled]), Some(JobState::PartiallyFailed));
        assert_eq!(of(&[Cancelled]), Some(JobState::Cancelled));
    }
}
