//! What people decide about a job.

use jiff::Timestamp;
use keyreeve_model::{JobId, JobState, ProvisioningJob, TaskId, TaskState};
use serde_json::json;

use super::ending::{self, UNTOUCHED};
use super::moves::{JobPlace, TasksMove, find_job, move_tasks};
use super::rows;
use crate::audit::{Trail, recording};
use crate::row::to_json;
use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::Transaction;
use crate::{Store, StoreError};

impl Store {
    /// Approves or rejects a job that waits for it. A rejected job is cancelled.
    ///
    /// # Errors
    /// [`StoreError::JobNotFound`], [`StoreError::JobState`] when it does not wait for approval,
    /// [`StoreError::OwnApproval`] when the actor asked for it (names are compared ignoring case).
    pub async fn decide_job(
        &self,
        id: JobId,
        approve: bool,
        actor: &str,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<ProvisioningJob, StoreError> {
        recording!(self, "deciding the job", now, |transaction, trail| {
            let mut job = find_job(transaction, id).await?;
            let to = if approve { JobState::Queued } else { JobState::Cancelled };
            if job.state != JobState::AwaitingApproval {
                return Err(StoreError::JobState { job: id, from: job.state, to });
            }
            if job.actor.to_lowercase() == actor.to_lowercase() {
                return Err(StoreError::OwnApproval { job: id, actor: actor.to_owned() });
            }
            let text = "UPDATE provisioning_jobs SET decided_by = $1, decision_reason = $2, decided_at = $3 \
                        WHERE job_id = $4";
            let reason = reason.map(str::to_owned);
            transaction.execute(statement!(text, actor, reason.clone(), to_millis(now), id.0)).await?;
            let (action, moved) = if approve {
                ("job_approved", released(TaskState::AwaitingApproval, actor))
            } else {
                ("job_rejected", cancelled(TaskState::AwaitingApproval, "", actor))
            };
            let said = (actor, action, json!({"reason": reason}));
            job.become_state(transaction, trail, to, said, now).await?;
            move_tasks(transaction, trail, &job, moved, now).await?;
            rows::job(transaction, id).await
        })
        .await
    }

    /// Takes a job back: tasks of which nothing was attempted are cancelled, the others go on. When none goes on,
    /// the job ends.
    ///
    /// # Errors
    /// [`StoreError::JobNotFound`], [`StoreError::JobState`] when it has ended.
    pub async fn cancel_job(
        &self,
        id: JobId,
        actor: &str,
        now: Timestamp,
    ) -> Result<ProvisioningJob, StoreError> {
        recording!(self, "cancelling the job", now, |transaction, trail| {
            let mut job = find_job(transaction, id).await?;
            job.require_move(JobState::Cancelled)?;
            trail.note(actor, Some(&job.system_id), "job_cancel_asked", &json!({"job": id}));
            if job.state == JobState::AwaitingApproval {
                let said = (actor, "job_cancelled", json!({}));
                job.become_state(transaction, trail, JobState::Cancelled, said, now).await?;
                let moved = cancelled(TaskState::AwaitingApproval, "", actor);
                move_tasks(transaction, trail, &job, moved, now).await?;
            } else {
                let moved = cancelled(TaskState::Queued, UNTOUCHED, actor);
                move_tasks(transaction, trail, &job, moved, now).await?;
                ending::fail_waiting(transaction, trail, &job, now).await?;
                ending::end_job_if_over(transaction, trail, &mut job, now).await?;
            }
            rows::job(transaction, id).await
        })
        .await
    }

    /// Tries the tasks of a job again that failed or need a person, with the steps that were not applied.
    ///
    /// # Errors
    /// [`StoreError::JobNotFound`], [`StoreError::JobState`] when it has not failed, wholly or in part,
    /// [`StoreError::NothingToRetry`].
    pub async fn retry_job(
        &self,
        id: JobId,
        actor: &str,
        now: Timestamp,
    ) -> Result<ProvisioningJob, StoreError> {
        recording!(self, "retrying the job", now, |transaction, trail| {
            let mut job = find_job(transaction, id).await?;
            if !matches!(job.state, JobState::Failed | JobState::PartiallyFailed) {
                return Err(StoreError::JobState { job: id, from: job.state, to: JobState::Queued });
            }
            let said = (actor, "job_retried", json!({}));
            job.become_state(transaction, trail, JobState::Queued, said, now).await?;
            let mut tasks = Vec::new();
            for from in [TaskState::Failed, TaskState::NeedsPerson] {
                tasks.extend(move_tasks(transaction, trail, &job, released(from, actor), now).await?);
            }
            if tasks.is_empty() {
                return Err(StoreError::NothingToRetry { job: id });
            }
            plan_again(transaction, trail, &job, &tasks, actor).await?;
            ending::fail_waiting(transaction, trail, &job, now).await?;
            ending::end_job_if_over(transaction, trail, &mut job, now).await?;
            rows::job(transaction, id).await
        })
        .await
    }
}

impl Store {
    /// Exchanges what a job that has failed rests on, before it is tried again.
    ///
    /// # Errors
    /// [`StoreError::JobNotFound`], [`StoreError::JobState`] when it has not failed.
    pub async fn exchange_job_facts(
        &self,
        id: JobId,
        facts: &serde_json::Value,
        actor: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        recording!(self, "preparing the job for another try", now, |transaction, trail| {
            let job = find_job(transaction, id).await?;
            if !matches!(job.state, JobState::Failed | JobState::PartiallyFailed) {
                return Err(StoreError::JobState { job: id, from: job.state, to: JobState::Queued });
            }
            let text = "UPDATE provisioning_jobs SET facts = $1 WHERE job_id = $2";
            transaction.execute(statement!(text, to_json(facts)?, id.0)).await?;
            trail.note(actor, Some(&job.system_id), "secrets_renewed", &json!({"job": id}));
            Ok(())
        })
        .await
    }
}

fn released(from: TaskState, actor: &str) -> TasksMove<'_> {
    let (to, action) = (TaskState::Queued, "task_queued");
    TasksMove { from, to, narrowing: "", actor, action, result: None, failure: None }
}

fn cancelled<'a>(from: TaskState, narrowing: &'static str, actor: &'a str) -> TasksMove<'a> {
    let result = Some("taken back before anything of it was done");
    let (to, action) = (TaskState::Cancelled, "task_cancelled");
    TasksMove { from, to, narrowing, actor, action, result, failure: None }
}

/// Plans the steps again that were not applied. They carry no time of an attempt until the next one: by that a worker
/// sees that they were left and taken up again.
async fn plan_again(
    transaction: &mut Transaction,
    trail: &mut Trail<'_>,
    job: &JobPlace,
    tasks: &[TaskId],
    actor: &str,
) -> Result<(), StoreError> {
    let text = "UPDATE steps SET state = 'planned', attempted_at = NULL, finished_at = NULL \
                WHERE state = 'not_applied' AND task_id = $1 RETURNING seq";
    for task in tasks {
        let mut steps = transaction.fetch(statement!(text, task.0), |row| row.int(0)).await?;
        steps.sort_unstable();
        for step in steps {
            let subject =
                json!({"job": job.id, "task": task, "step": step, "from": "not_applied", "to": "planned"});
            trail.note(actor, Some(&job.system_id), "step_planned_again", &subject);
        }
    }
    Ok(())
}
