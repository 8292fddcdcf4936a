//! What people decide about a job.

use jiff::Timestamp;
use keyreeve_model::{JobId, JobState, ProvisioningJob, TaskId, TaskState};
use serde_json::{Value as Json, json};

use super::ending::{self, UNTOUCHED};
use super::moves::{JobPlace, TasksMove, find_job, move_tasks};
use super::{Cap, folded, reading, rows};
use crate::audit::{Trail, recording};
use crate::row::to_json;
use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::{Transaction, reading};
use crate::{Store, StoreError};

impl Store {
    /// Approves or rejects a job that waits for it. A rejected job is cancelled.
    ///
    /// # Errors
    /// [`StoreError::JobNotFound`], [`StoreError::JobState`] when it does not wait for approval,
    /// [`StoreError::OwnApproval`] when the actor asked for it (names are compared ignoring case);
    /// [`StoreError::OwnAccount`] when the actor approves it and an account in it has the actor's name.
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
            if approve && let Some(account) = own_account(transaction, id, actor).await? {
                return Err(StoreError::OwnAccount { job: id, actor: actor.to_owned(), account });
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

    /// Tries the tasks of a job again that failed or need a person, with the steps that were not applied. What is
    /// queued once more counts towards the caps as begun now, unless a second person has approved this very job.
    ///
    /// # Errors
    /// [`StoreError::JobNotFound`], [`StoreError::JobState`] when it has not failed, wholly or in part,
    /// [`StoreError::NothingToRetry`], [`StoreError::OverCap`].
    pub async fn retry_job(
        &self,
        id: JobId,
        retry: &Retry<'_>,
        now: Timestamp,
    ) -> Result<ProvisioningJob, StoreError> {
        let actor = retry.actor;
        recording!(self, "retrying the job", now, |transaction, trail| {
            let mut job = find_job(transaction, id).await?;
            if !matches!(job.state, JobState::Failed | JobState::PartiallyFailed) {
                return Err(StoreError::JobState { job: id, from: job.state, to: JobState::Queued });
            }
            if let Some(facts) = retry.facts {
                exchange_facts(transaction, trail, &job, facts, actor).await?;
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
            let counted = "UPDATE provisioning_jobs SET tries = tries + 1 WHERE job_id = $1";
            transaction.execute(statement!(counted, id.0)).await?;
            plan_again(transaction, trail, &job, &tasks, actor).await?;
            begin_anew(transaction, &tasks, now).await?;
            ending::fail_waiting(transaction, trail, &job, now).await?;
            if !was_approved(transaction, id).await? {
                check_caps(transaction, &job, retry.caps, now).await?;
            }
            ending::end_job_if_over(transaction, trail, &mut job, now).await?;
            rows::job(transaction, id).await
        })
        .await
    }
}

impl Store {
    /// Why [`Store::retry_job`] would refuse to try a job again, if it would exceed a cap.
    ///
    /// # Errors
    /// [`StoreError::JobNotFound`].
    pub async fn retry_over_cap(
        &self,
        id: JobId,
        caps: &[Cap],
        now: Timestamp,
    ) -> Result<Option<StoreError>, StoreError> {
        let text = "SELECT COUNT(*), COUNT(CASE WHEN started_at >= $1 THEN 1 END) FROM tasks \
                    WHERE job_id = $2 AND kind = $3 AND state IN ('failed', 'needs_person')";
        reading!(self, "counting what a retry would begin", |transaction| {
            let job = find_job(transaction, id).await?;
            if was_approved(transaction, id).await? {
                return Ok(None);
            }
            for cap in caps {
                let since = now.checked_sub(cap.within).unwrap_or(Timestamp::MIN);
                let of_job = statement!(text, to_millis(since), id.0, cap.kind.as_str());
                let (asked, counted) =
                    transaction.fetch_one(of_job, |row| Ok((row.int(0)?, row.int(1)?))).await?;
                let all = reading::count_recent(transaction, job.system_key, &[cap.kind], since).await?;
                let (asked, counted) =
                    (u64::try_from(asked).unwrap_or(0), u64::try_from(counted).unwrap_or(0));
                let recent = all.saturating_sub(counted);
                if asked > 0 && recent + asked > cap.at_most {
                    let (kind, at_most, retried) = (cap.kind, cap.at_most, Some(id));
                    return Ok(Some(StoreError::OverCap { kind, asked, recent, at_most, retried }));
                }
            }
            Ok(None)
        })
        .await
    }
}

/// Another try of a job.
#[derive(Debug, Clone, Copy)]
pub struct Retry<'a> {
    /// Who asks for it.
    pub actor: &'a str,
    /// What must not be exceeded without a second person.
    pub caps: &'a [Cap],
    /// What takes the place of what the job rests on, where that is exchanged.
    pub facts: Option<&'a Json>,
}

/// The account of a job that has the actor's name, as far as names tell: who it is for must not approve it.
async fn own_account(
    transaction: &mut Transaction,
    id: JobId,
    actor: &str,
) -> Result<Option<String>, StoreError> {
    // `local:ada` is ada of the operating system.
    let name = actor.rsplit_once(':').map_or(actor, |(_, name)| name);
    let text =
        "SELECT account FROM tasks WHERE job_id = $1 AND account_folded IN ($2, $3) ORDER BY task_id LIMIT 1";
    let find = statement!(text, id.0, folded(name), folded(actor));
    transaction.fetch_optional(find, |row| row.text(0)).await
}

async fn exchange_facts(
    transaction: &mut Transaction,
    trail: &mut Trail<'_>,
    job: &JobPlace,
    facts: &Json,
    actor: &str,
) -> Result<(), StoreError> {
    let text = "UPDATE provisioning_jobs SET facts = $1 WHERE job_id = $2";
    transaction.execute(statement!(text, to_json(facts)?, job.id.0)).await?;
    trail.note(actor, Some(&job.system_id), "secrets_renewed", &json!({"job": job.id}));
    Ok(())
}

/// Whether a second person has agreed to the job; a rejected one is not tried again.
async fn was_approved(transaction: &mut Transaction, id: JobId) -> Result<bool, StoreError> {
    let text = "SELECT decided_by FROM provisioning_jobs WHERE job_id = $1";
    transaction.fetch_one(statement!(text, id.0), |row| Ok(row.opt_text(0)?.is_some())).await
}

/// What had begun begins anew now, so that it counts however long ago it failed.
async fn begin_anew(
    transaction: &mut Transaction,
    tasks: &[TaskId],
    now: Timestamp,
) -> Result<(), StoreError> {
    let text = "UPDATE tasks SET started_at = $1 WHERE task_id = $2 AND started_at IS NOT NULL";
    for task in tasks {
        transaction.execute(statement!(text, to_millis(now), task.0)).await?;
    }
    Ok(())
}

/// Nobody else asks for anything before this transaction ends, so the count stays true. What is tried again is among
/// what is open.
async fn check_caps(
    transaction: &mut Transaction,
    job: &JobPlace,
    caps: &[Cap],
    now: Timestamp,
) -> Result<(), StoreError> {
    let text = "SELECT COUNT(*) FROM tasks WHERE job_id = $1 AND kind = $2 AND state = 'queued'";
    for cap in caps {
        let asked =
            transaction.fetch_one(statement!(text, job.id.0, cap.kind.as_str()), |row| row.int(0)).await?;
        let asked = u64::try_from(asked).unwrap_or(0);
        if asked == 0 {
            continue;
        }
        let since = now.checked_sub(cap.within).unwrap_or(Timestamp::MIN);
        let all = reading::count_recent(transaction, job.system_key, &[cap.kind], since).await?;
        if all > cap.at_most {
            let recent = all.saturating_sub(asked);
            let retried = Some(job.id);
            return Err(StoreError::OverCap { kind: cap.kind, asked, recent, at_most: cap.at_most, retried });
        }
    }
    Ok(())
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
