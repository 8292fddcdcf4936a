//! What follows when tasks end: those that wait for them, their job, and all of a system that is removed.

use jiff::Timestamp;
use keyreeve_model::{Effect, Failure, FailureKind, JobId, JobState, TaskState};
use serde_json::json;

use super::moves::{JobPlace, TasksMove, find_job, move_tasks};
use crate::StoreError;
use crate::audit::Trail;
use crate::statement::statement;
use crate::time::truncated;
use crate::transaction::Transaction;

/// Nothing of the task was attempted.
pub(super) const UNTOUCHED: &str = " AND NOT EXISTS (SELECT 1 FROM steps p WHERE p.task_id = tasks.task_id \
                                    AND (p.attempts > 0 OR p.state IN ('attempting', 'unknown', 'applied')))";

const WAITS_IN_VAIN: &str = " AND EXISTS (SELECT 1 FROM task_edges e JOIN tasks d ON d.task_id = e.waits_for \
                             WHERE e.task_id = tasks.task_id \
                             AND d.state IN ('failed', 'cancelled', 'needs_person'))";

/// Fails the tasks of a job that wait for one that ended otherwise than succeeded, and those that wait for them.
pub(super) async fn fail_waiting(
    transaction: &mut Transaction,
    trail: &mut Trail<'_>,
    job: &JobPlace,
    now: Timestamp,
) -> Result<(), StoreError> {
    let failure = Failure {
        kind: FailureKind::Permanent,
        message: "a task it waits for did not succeed; mend that one and retry the job".to_owned(),
        effect: Effect::None,
        at: truncated(now),
    };
    loop {
        let moved = TasksMove {
            from: TaskState::Queued,
            to: TaskState::Failed,
            narrowing: WAITS_IN_VAIN,
            actor: &job.actor,
            action: "task_failed",
            result: Some("a task it waits for did not succeed"),
            failure: Some(&failure),
        };
        if move_tasks(transaction, trail, job, moved, now).await?.is_empty() {
            return Ok(());
        }
    }
}

/// Ends a job whose last task has ended.
pub(super) async fn end_job_if_over(
    transaction: &mut Transaction,
    trail: &mut Trail<'_>,
    job: &mut JobPlace,
    now: Timestamp,
) -> Result<(), StoreError> {
    let text = "SELECT task_id FROM tasks WHERE job_id = $1 AND finished_at IS NULL LIMIT 1";
    if transaction.fetch_optional(statement!(text, job.id.0), |row| row.int(0)).await?.is_some() {
        return Ok(());
    }
    let text = "SELECT state, COUNT(*) FROM tasks WHERE job_id = $1 GROUP BY state";
    let ends = transaction
        .fetch(statement!(text, job.id.0), |row| Ok((row.word::<TaskState>(0)?, row.int(1)?)))
        .await?;
    let states = ends.iter().flat_map(|(state, number)| {
        std::iter::repeat_n(*state, usize::try_from(*number).unwrap_or(usize::MAX))
    });
    let Some(end) = JobState::of_tasks(states) else {
        return Err(StoreError::Data { what: format!("a task of job {} has ended in no end state", job.id) });
    };
    let actor = job.actor.clone();
    if job.state == JobState::Queued && !job.state.may_become(end) {
        // Some of it was done before a retry; only a job that runs ends like that.
        job.become_state(transaction, trail, JobState::Running, (&actor, "job_started", json!({})), now)
            .await?;
    }
    job.become_state(transaction, trail, end, (&actor, "job_ended", json!({})), now).await
}

/// Ends all jobs of a system that is being removed: what was not touched is cancelled, the rest needs a person.
pub(crate) async fn end_jobs_of(
    transaction: &mut Transaction,
    trail: &mut Trail<'_>,
    system_key: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let failure = Failure {
        kind: FailureKind::Interrupted,
        message: "the system was removed while the task was under way; look at the account in AWS".to_owned(),
        effect: Effect::Unknown,
        at: truncated(now),
    };
    let text = "SELECT job_id FROM provisioning_jobs WHERE system_key = $1 AND finished_at IS NULL";
    let jobs = transaction.fetch(statement!(text, system_key), |row| Ok(JobId(row.int(0)?))).await?;
    for id in jobs {
        let mut job = find_job(transaction, id).await?;
        let actor = job.actor.clone();
        for (from, to, narrowing) in [
            (TaskState::AwaitingApproval, TaskState::Cancelled, ""),
            (TaskState::Queued, TaskState::Cancelled, UNTOUCHED),
            (TaskState::Queued, TaskState::NeedsPerson, ""),
            (TaskState::Running, TaskState::NeedsPerson, ""),
        ] {
            let failure = (to == TaskState::NeedsPerson).then_some(&failure);
            let (action, result) = ("task_ended", Some("the system was removed"));
            let moved = TasksMove { from, to, narrowing, actor: &actor, action, result, failure };
            move_tasks(transaction, trail, &job, moved, now).await?;
        }
        end_job_if_over(transaction, trail, &mut job, now).await?;
    }
    Ok(())
}
