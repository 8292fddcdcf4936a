//! Jobs that are tried again.

use jiff::Timestamp;
use keyreeve_model::{JobId, JobState, ProvisioningJob, TaskId, TaskState};
use serde_json::{Value as Json, json};

use super::create::{INTO_STEPS, insert_rows, step_row};
use super::deciding::released;
use super::ending;
use super::moves::{JobPlace, find_job, move_tasks};
use super::{Cap, NewStep, OpenDeletion, reading, rows};
use crate::audit::{Trail, recording};
use crate::row::{Row, to_json};
use crate::statement::statement;
use crate::systems::same_account;
use crate::time::to_millis;
use crate::transaction::{Transaction, reading};
use crate::{Store, StoreError};

/// Another try of a job.
#[derive(Debug, Clone, Copy)]
pub struct Retry<'a> {
    /// Who asks for it.
    pub actor: &'a str,
    /// What must not be exceeded without a second person.
    pub caps: &'a [Cap],
    /// What takes the place of what the job rests on, where that is exchanged.
    pub facts: Option<&'a Json>,
    /// The steps that take the place of those which are left of a task, where it was planned anew.
    pub steps: &'a [(TaskId, Vec<NewStep>)],
}

impl Store {
    /// Tries the tasks of a job again that failed or need a person, with the steps that were not applied. What is
    /// queued once more counts towards the caps as begun now, unless a second person has approved this very job.
    ///
    /// # Errors
    /// [`StoreError::JobNotFound`], [`StoreError::JobState`] when it has not failed, wholly or in part,
    /// [`StoreError::NothingToRetry`], [`StoreError::DeletionUnderWay`], [`StoreError::OverCap`].
    pub async fn retry_job(
        &self,
        id: JobId,
        retry: &Retry<'_>,
        now: Timestamp,
    ) -> Result<ProvisioningJob, StoreError> {
        let actor = retry.actor;
        recording!(self, "retrying the job", now, |transaction, trail| {
            let mut job = find_job(transaction, id).await?;
            require_failed(&job)?;
            if let Some(refused) = deletion_under_way(transaction, &job).await? {
                return Err(refused);
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
            let counted = "UPDATE provisioning_jobs SET tries = tries + 1, dismissed_by = NULL, \
                           dismissal_reason = NULL, dismissed_at = NULL WHERE job_id = $1";
            transaction.execute(statement!(counted, id.0)).await?;
            for (task, steps) in retry.steps.iter().filter(|(task, _)| tasks.contains(task)) {
                replace_steps(transaction, trail, (&job, *task), steps, actor, now).await?;
            }
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

    /// Why [`Store::retry_job`] would refuse to try a job again; `None` when it would not.
    ///
    /// # Errors
    /// [`StoreError::JobNotFound`].
    pub async fn retry_refused(
        &self,
        id: JobId,
        caps: &[Cap],
        now: Timestamp,
    ) -> Result<Option<StoreError>, StoreError> {
        let text = "SELECT COUNT(*), COUNT(CASE WHEN started_at >= $1 THEN 1 END) FROM tasks \
                    WHERE job_id = $2 AND kind = $3 AND state IN ('failed', 'needs_person')";
        reading!(self, "counting what a retry would begin", |transaction| {
            let job = find_job(transaction, id).await?;
            if let Err(refused) = require_failed(&job) {
                return Ok(Some(refused));
            }
            let failed =
                "SELECT COUNT(*) FROM tasks WHERE job_id = $1 AND state IN ('failed', 'needs_person')";
            if transaction.fetch_one(statement!(failed, id.0), |row| row.int(0)).await? == 0 {
                return Ok(Some(StoreError::NothingToRetry { job: id }));
            }
            if let Some(refused) = deletion_under_way(transaction, &job).await? {
                return Ok(Some(refused));
            }
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

/// Refuses to try a job again that has not failed, wholly or in part.
fn require_failed(job: &JobPlace) -> Result<(), StoreError> {
    match job.state {
        JobState::Failed | JobState::PartiallyFailed => Ok(()),
        from => Err(StoreError::JobState { job: job.id, from, to: JobState::Queued }),
    }
}

/// That another job, of this system or another one of its AWS account, is about to delete an account which a retry would
/// delete: nobody deletes it beside whoever has been asked to decide about that.
async fn deletion_under_way(
    transaction: &mut Transaction,
    job: &JobPlace,
) -> Result<Option<StoreError>, StoreError> {
    let text = concat!(
        "SELECT t.account, j.job_id, s.system_id, j.state FROM tasks t \
         JOIN tasks o ON o.account_external_id = t.account_external_id AND o.job_id <> t.job_id \
         JOIN provisioning_jobs j ON j.job_id = o.job_id JOIN systems s ON s.system_key = o.system_key \
         WHERE t.job_id = $1 AND t.kind = 'delete_account' AND t.state IN ('failed', 'needs_person') \
         AND o.kind = 'delete_account' AND o.finished_at IS NULL \
         AND o.state IN ('awaiting_approval', 'queued', 'running') AND o.system_key IN ",
        same_account!("$2"),
        " ORDER BY o.task_id LIMIT 1"
    );
    let read = |row: &Row| {
        let (job, system_id, state) = (JobId(row.int(1)?), row.word(2)?, row.word(3)?);
        Ok((row.text(0)?, OpenDeletion { job, system_id, state }))
    };
    let found = transaction.fetch_optional(statement!(text, job.id.0, job.system_key), read).await?;
    Ok(found.map(|(account, other)| StoreError::DeletionUnderWay {
        job: job.id,
        account,
        other: Some(Box::new(other)),
    }))
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

/// Puts other steps behind those of a task, of which none that was not done is made any more.
async fn replace_steps(
    transaction: &mut Transaction,
    trail: &mut Trail<'_>,
    (job, task): (&JobPlace, TaskId),
    steps: &[NewStep],
    actor: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let unsettled = "SELECT COUNT(*) FROM steps WHERE task_id = $1 AND state IN ('attempting', 'unknown')";
    if transaction.fetch_one(statement!(unsettled, task.0), |row| row.int(0)).await? > 0 {
        let what = format!("task {task} has a step whose outcome is not known, and cannot be planned anew");
        return Err(StoreError::Data { what });
    }
    let skip = "UPDATE steps SET state = 'skipped', finished_at = $1 \
                WHERE task_id = $2 AND state IN ('planned', 'not_applied') RETURNING seq";
    let mut skipped = transaction.fetch(statement!(skip, to_millis(now), task.0), |row| row.int(0)).await?;
    skipped.sort_unstable();
    let last = "SELECT COALESCE(MAX(seq), 0) FROM steps WHERE task_id = $1";
    let last = transaction.fetch_one(statement!(last, task.0), |row| row.int(0)).await?;
    let (mut rows, mut added) = (Vec::with_capacity(steps.len()), Vec::with_capacity(steps.len()));
    for (seq, step) in (last.saturating_add(1)..).zip(steps) {
        let after: Vec<i64> =
            step.after.iter().map(|before| i64::from(*before).saturating_add(last)).collect();
        added.push(seq);
        rows.push(step_row(task.0, seq, step, to_json(&after)?)?);
    }
    insert_rows(transaction, INTO_STEPS, rows).await?;
    let replans = "SELECT replans FROM tasks WHERE task_id = $1";
    let replans = transaction.fetch_one(statement!(replans, task.0), |row| row.int(0)).await?;
    let again: [i64; 0] = [];
    let subject = json!({
        "job": job.id, "task": task, "replans": replans, "again": again, "skipped": skipped, "added": added,
    });
    trail.note(actor, Some(&job.system_id), "steps_replaced", &subject);
    Ok(())
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
