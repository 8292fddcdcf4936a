//! Asking for a job.

use jiff::Timestamp;
use keyreeve_model::{JobId, JobState, ProvisioningJob, TaskId, TaskState};
use serde_json::json;

use super::moves::{self, JobPlace};
use super::{NewJob, NewStep, NewTask, WithJob, ending, folded, given, reading, rows};
use crate::audit::{Trail, recording};
use crate::data_keys::KeyRing;
use crate::row::to_json;
use crate::scim::mark::require_unchanged;
use crate::scim::said;
use crate::statement::{Statement, Value, statement};
use crate::time::to_millis;
use crate::transaction::Transaction;
use crate::{CrashPoint, Store, StoreError, request_keys, systems};

impl Store {
    /// Writes a job down with its tasks and steps. It waits for approval if there is a reason to, else for a worker.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`], [`StoreError::SystemRemoved`]; [`StoreError::Data`] when a task waits for one
    /// that the job does not have; [`StoreError::OverCap`].
    pub async fn create_job(&self, new: &NewJob, now: Timestamp) -> Result<ProvisioningJob, StoreError> {
        self.create_job_with(new, WithJob::default(), now).await
    }

    /// As [`Store::create_job`], with what belongs to it, all or nothing.
    ///
    /// # Errors
    /// As [`Store::create_job`]; [`StoreError::RequestTaken`], [`StoreError::ScimExternalIdTaken`], [`StoreError::ScimChanged`].
    pub async fn create_job_with(
        &self,
        new: &NewJob,
        with: WithJob<'_>,
        now: Timestamp,
    ) -> Result<ProvisioningJob, StoreError> {
        check_edges(&new.tasks)?;
        recording!(self, "queuing the job", now, |transaction, trail| {
            let system = systems::find(transaction, &new.system_id, false).await?;
            if system.system.removed_at.is_some() {
                return Err(StoreError::SystemRemoved { system_id: new.system_id.clone() });
            }
            require_unchanged(transaction, system.key, with.since).await?;
            let state = match new.approval_because.as_slice() {
                [] => JobState::Queued,
                _ => JobState::AwaitingApproval,
            };
            if state == JobState::Queued {
                check_caps(transaction, system.key, new, now).await?;
            }
            let id = insert_job(transaction, system.key, state, new, now).await?;
            if let Some(request) = with.request {
                request_keys::came_to(transaction, request, Some(id), None).await?;
            }
            let (system_id, actor) = (new.system_id.clone(), new.actor.clone());
            let mut job = JobPlace { id, system_key: system.key, system_id, actor, state };
            note_job(trail, &job, new);
            let first = next_task(transaction).await?;
            insert_tasks(transaction, trail, &job, first, new, with).await?;
            let tasks: Vec<TaskId> = (first..).take(new.tasks.len()).map(TaskId).collect();
            put_beside(transaction, &self.keys, &job, &tasks, with).await?;
            insert_edges(transaction, first, &new.tasks).await?;
            insert_steps(transaction, first, &new.tasks).await?;
            ending::end_job_if_over(transaction, trail, &mut job, now).await?;
            let job = rows::job(transaction, id).await?;
            CrashPoint::BeforeJobCommit.pass();
            Ok(job)
        })
        .await
        .inspect(|_| CrashPoint::AfterJobCommit.pass())
    }
}

impl Store {
    /// Puts other passwords and other words in the place of those that a job waits with for a second person: whoever asked
    /// for it has asked once more. A job that waits no more keeps what it has.
    ///
    /// # Errors
    /// [`StoreError::JobNotFound`], [`StoreError::ScimExternalIdTaken`].
    pub async fn replace_with_job(
        &self,
        id: JobId,
        with: WithJob<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        recording!(self, "changing what a job waits with", now, |transaction, trail| {
            let job = moves::find_job(transaction, id).await?;
            if job.state != JobState::AwaitingApproval {
                return Ok(());
            }
            require_unchanged(transaction, job.system_key, with.since).await?;
            let text = "SELECT task_id FROM tasks WHERE job_id = $1 ORDER BY task_id";
            let tasks = transaction.fetch(statement!(text, id.0), |row| Ok(TaskId(row.int(0)?))).await?;
            put_beside(transaction, &self.keys, &job, &tasks, with).await?;
            if !with.passwords.is_empty() {
                trail.note(&job.actor, Some(&job.system_id), "secrets_renewed", &json!({"job": id}));
            }
            Ok(())
        })
        .await
    }
}

/// Keeps what belongs to a job besides its tasks.
async fn put_beside(
    transaction: &mut Transaction,
    keys: &KeyRing,
    job: &JobPlace,
    tasks: &[TaskId],
    with: WithJob<'_>,
) -> Result<(), StoreError> {
    for (place, password) in with.passwords {
        let none = || StoreError::Data { what: format!("job {} has no task {place} for a password", job.id) };
        let task = tasks.get(*place).ok_or_else(none)?;
        given::keep(transaction, keys, &job.system_id, *task, password).await?;
    }
    if let Some(said) = with.said {
        said::put_off(transaction, job.scim(), job.id, said).await?;
    }
    Ok(())
}

fn check_edges(tasks: &[NewTask]) -> Result<(), StoreError> {
    for (place, task) in tasks.iter().enumerate() {
        if let Some(other) = task.after.iter().find(|other| **other >= tasks.len() || **other == place) {
            let what = format!("task {place} of a new job waits for task {other}, which it cannot wait for");
            return Err(StoreError::Data { what });
        }
    }
    Ok(())
}

/// Nobody else asks for a job before this transaction ends, so the count stays true.
async fn check_caps(
    transaction: &mut Transaction,
    system_key: i64,
    new: &NewJob,
    now: Timestamp,
) -> Result<(), StoreError> {
    for cap in &new.caps {
        let asked = new.tasks.iter().filter(|task| task.wish.kind() == cap.kind).count() as u64;
        if asked == 0 {
            continue;
        }
        let since = now.checked_sub(cap.within).unwrap_or(Timestamp::MIN);
        let recent = reading::count_recent(transaction, system_key, &[cap.kind], since).await?;
        if asked.saturating_add(recent) > cap.at_most {
            let retried = None;
            return Err(StoreError::OverCap { kind: cap.kind, asked, recent, at_most: cap.at_most, retried });
        }
    }
    Ok(())
}

async fn insert_job(
    transaction: &mut Transaction,
    system_key: i64,
    state: JobState,
    new: &NewJob,
    now: Timestamp,
) -> Result<JobId, StoreError> {
    let text = "INSERT INTO provisioning_jobs (system_key, state, actor, reason, baseline_run, plan_sha256, \
                approval_because, facts, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING job_id";
    let insert = statement!(
        text,
        system_key,
        state.as_str(),
        new.actor.as_str(),
        new.reason.clone(),
        new.baseline_run.map(|run| run.0),
        new.plan_sha256.as_str(),
        to_json(&new.approval_because)?,
        to_json(&new.facts)?,
        to_millis(now),
    );
    transaction.fetch_one(insert, |row| Ok(JobId(row.int(0)?))).await
}

fn note_job(trail: &mut Trail<'_>, job: &JobPlace, new: &NewJob) {
    let subject = json!({
        "job": job.id,
        "to": job.state,
        "reason": new.reason,
        "plan_sha256": new.plan_sha256,
        "approval_because": new.approval_because,
        "tasks": new.tasks.len(),
    });
    trail.note(&new.actor, Some(&job.system_id), "job_created", &subject);
}

/// The number of the next task. Tasks are never deleted, and nobody else writes any before this transaction ends.
async fn next_task(transaction: &mut Transaction) -> Result<i64, StoreError> {
    let last =
        transaction.fetch_one(statement!("SELECT MAX(task_id) FROM tasks"), |row| row.opt_int(0)).await?;
    Ok(last.unwrap_or(0) + 1)
}

/// Writes rows by as few statements as their number of values allows.
pub(super) async fn insert_rows(
    transaction: &mut Transaction,
    into: &'static str,
    rows: Vec<Vec<Value>>,
) -> Result<(), StoreError> {
    let width = rows.first().map_or(1, Vec::len).max(1);
    let most = transaction.dialect().values_per_statement() / width;
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let mut text = Statement::building(into);
        text.bind_rows(rows.by_ref().take(most));
        transaction.execute(text).await?;
    }
    Ok(())
}

async fn insert_tasks(
    transaction: &mut Transaction,
    trail: &mut Trail<'_>,
    job: &JobPlace,
    first: i64,
    new: &NewJob,
    with: WithJob<'_>,
) -> Result<(), StoreError> {
    let state = match job.state {
        JobState::AwaitingApproval => TaskState::AwaitingApproval,
        _ => TaskState::Queued,
    };
    let mut rows: Vec<Vec<Value>> = Vec::with_capacity(new.tasks.len());
    for (place, task) in new.tasks.iter().enumerate() {
        let number = first.saturating_add(i64::try_from(place).unwrap_or(i64::MAX));
        rows.push(vec![
            number.into(),
            job.id.0.into(),
            job.system_key.into(),
            task.wish.kind().as_str().into(),
            to_json(&task.wish)?.into(),
            task.account.as_str().into(),
            folded(&task.account).into(),
            task.account_external_id.as_ref().map(ToString::to_string).into(),
            state.as_str().into(),
            to_json(&task.notices)?.into(),
            task.delivery.as_ref().map(ToString::to_string).into(),
            task.manifest.as_ref().map(to_json).transpose()?.into(),
            task.recreate.as_ref().map(to_json).transpose()?.into(),
        ]);
        let mut subject = json!({
            "job": job.id,
            "task": TaskId(number),
            "to": state,
            "kind": task.wish.kind(),
            "account": task.account,
            "steps": task.steps.iter().map(|step| step.operation.as_str()).collect::<Vec<_>>(),
        });
        if with.passwords.iter().any(|(given, _)| *given == place) {
            subject = moves::with(subject, json!({"password": "given"}));
        }
        trail.note(&job.actor, Some(&job.system_id), "task_created", &subject);
    }
    let into = "INSERT INTO tasks (task_id, job_id, system_key, kind, wish, account, account_folded, \
                account_external_id, state, notices, delivery, manifest, recreate, replans, crashes, lease_epoch) \
                VALUES ";
    let rows = rows.into_iter().map(|mut row| {
        row.extend([0_i64.into(), 0_i64.into(), 0_i64.into()]);
        row
    });
    insert_rows(transaction, into, rows.collect()).await
}

async fn insert_edges(
    transaction: &mut Transaction,
    first: i64,
    tasks: &[NewTask],
) -> Result<(), StoreError> {
    let mut rows: Vec<Vec<Value>> = Vec::new();
    for (number, task) in (first..).zip(tasks) {
        let others: std::collections::BTreeSet<usize> = task.after.iter().copied().collect();
        for other in others {
            let waits_for = i64::try_from(other).unwrap_or(i64::MAX).saturating_add(first);
            rows.push(vec![number.into(), waits_for.into()]);
        }
    }
    insert_rows(transaction, "INSERT INTO task_edges (task_id, waits_for) VALUES ", rows).await
}

async fn insert_steps(
    transaction: &mut Transaction,
    first: i64,
    tasks: &[NewTask],
) -> Result<(), StoreError> {
    let mut rows: Vec<Vec<Value>> = Vec::new();
    for (number, task) in (first..).zip(tasks) {
        for (seq, step) in (1_i64..).zip(&task.steps) {
            rows.push(step_row(number, seq, step, to_json(&step.after)?)?);
        }
    }
    insert_rows(transaction, INTO_STEPS, rows).await
}

/// A step that is planned, for [`INTO_STEPS`]; `after` are the numbers of those before it, as JSON.
pub(super) fn step_row(task: i64, seq: i64, step: &NewStep, after: String) -> Result<Vec<Value>, StoreError> {
    Ok(vec![
        task.into(),
        seq.into(),
        to_json(&step.call)?.into(),
        step.operation.as_str().into(),
        step.reason.as_str().into(),
        after.into(),
        "planned".into(),
        0_i64.into(),
    ])
}

/// What every statement that adds steps begins with.
pub(super) const INTO_STEPS: &str =
    "INSERT INTO steps (task_id, seq, call, operation, reason, after, state, attempts) VALUES ";
