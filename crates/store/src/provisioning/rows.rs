//! Jobs, tasks and steps as they are read from their rows.

use std::collections::{BTreeMap, BTreeSet};

use keyreeve_model::{
    Delivery, ExternalId, JobId, ProvisioningJob, Step, StepCall, SystemId, Task, TaskId, TaskKind, Wish,
};

use crate::row::Row;
use crate::statement::Statement;
use crate::transaction::Transaction;
use crate::{JobSlice, StoreError};

/// A task as it is stored.
pub(super) struct StoredTask {
    pub(super) task: Task,
    pub(super) delivery: Option<Delivery>,
    pub(super) epoch: i64,
}

/// Which tasks.
#[derive(Clone, Copy)]
pub(super) enum Of {
    /// All of the jobs with these numbers.
    Jobs,
    /// Those with these numbers.
    Tasks,
}

impl Of {
    fn column(self) -> &'static str {
        match self {
            Self::Jobs => "t.job_id",
            Self::Tasks => "t.task_id",
        }
    }
}

pub(super) const JOB_COLUMNS: &str = "SELECT j.job_id, s.system_id, j.state, j.actor, j.reason, j.baseline_run, j.plan_sha256, \
                           j.approval_because, j.decided_by, j.decision_reason, j.decided_at, j.created_at, \
                           j.started_at, j.finished_at, j.dismissed_by, j.dismissal_reason, j.dismissed_at";
pub(super) const JOBS: &str = " FROM provisioning_jobs j JOIN systems s ON s.system_key = j.system_key";

const TASK_COLUMNS: &str = "SELECT t.task_id, t.job_id, s.system_id, t.kind, t.wish, t.account, \
                            t.account_external_id, t.state, t.notices, t.not_before, t.replans, t.crashes, \
                            t.result, t.failure, t.manifest, t.recreate, t.started_at, t.finished_at, t.delivery, \
                            t.lease_epoch \
                            FROM tasks t JOIN systems s ON s.system_key = t.system_key";

const STEP_COLUMNS: &str = "SELECT t.task_id, p.seq, p.call, p.operation, p.reason, p.after, p.state, p.attempts, \
                            p.attempted_at, p.finished_at, p.unchanged, p.request_id, p.failure \
                            FROM steps p JOIN tasks t ON t.task_id = p.task_id";

/// One job with its tasks and steps.
pub(super) async fn job(transaction: &mut Transaction, id: JobId) -> Result<ProvisioningJob, StoreError> {
    let mut text = Statement::building(JOB_COLUMNS);
    text.push(JOBS).push(" WHERE j.job_id = ").bind(id.0);
    let mut job =
        transaction.fetch_optional(text, read_job).await?.ok_or(StoreError::JobNotFound { job: id })?;
    job.tasks = tasks(transaction, Of::Jobs, &[id.0], true).await?.into_iter().map(|s| s.task).collect();
    Ok(job)
}

/// The last jobs of a system, the newest first, with their tasks but without steps.
pub(super) async fn jobs(
    transaction: &mut Transaction,
    system_key: i64,
    slice: &JobSlice,
) -> Result<Vec<ProvisioningJob>, StoreError> {
    let mut text = Statement::building(JOB_COLUMNS);
    text.push(JOBS).push(" WHERE j.system_key = ").bind(system_key);
    if let Some(before) = slice.before {
        text.push(" AND j.job_id < ").bind(before.0);
    }
    if let Some(after) = slice.after {
        text.push(" AND j.job_id > ").bind(after.0);
    }
    if let Some(state) = slice.state {
        text.push(" AND j.state = ").bind(state.as_str());
    }
    text.push(if slice.oldest_first { " ORDER BY j.job_id" } else { " ORDER BY j.job_id DESC" });
    text.push(" LIMIT ").bind(i64::from(slice.limit));
    let mut jobs = transaction.fetch(text, read_job).await?;
    let numbers: Vec<i64> = jobs.iter().map(|job| job.id.0).collect();
    let mut of_job: BTreeMap<JobId, Vec<Task>> = BTreeMap::new();
    for stored in tasks(transaction, Of::Jobs, &numbers, false).await? {
        of_job.entry(stored.task.job).or_default().push(stored.task);
    }
    for job in &mut jobs {
        job.tasks = of_job.remove(&job.id).unwrap_or_default();
    }
    Ok(jobs)
}

/// Tasks, in order of their numbers, with or without their steps.
pub(super) async fn tasks(
    transaction: &mut Transaction,
    of: Of,
    numbers: &[i64],
    with_steps: bool,
) -> Result<Vec<StoredTask>, StoreError> {
    let mut found = Vec::new();
    for numbers in numbers.chunks(transaction.dialect().values_per_statement()) {
        let text = among(TASK_COLUMNS, of, numbers, " ORDER BY t.task_id");
        let mut tasks = transaction.fetch(text, read_task).await?;
        let edges = "SELECT t.task_id, e.waits_for FROM task_edges e JOIN tasks t ON t.task_id = e.task_id";
        let edges = transaction
            .fetch(among(edges, of, numbers, " ORDER BY e.waits_for"), |row| Ok((row.int(0)?, row.int(1)?)))
            .await?;
        let mut steps = Vec::new();
        if with_steps {
            let text = among(STEP_COLUMNS, of, numbers, " ORDER BY t.task_id, p.seq");
            steps = transaction.fetch(text, |row| Ok((row.int(0)?, read_step(row)?))).await?;
        }
        let (mut edges, mut steps) = (by_task(edges), by_task(steps));
        for stored in &mut tasks {
            let number = stored.task.id.0;
            let after = edges.remove(&number).unwrap_or_default();
            stored.task.after = after.into_iter().map(TaskId).collect();
            stored.task.steps = in_order(steps.remove(&number).unwrap_or_default());
        }
        found.append(&mut tasks);
    }
    found.sort_by_key(|stored| stored.task.id);
    Ok(found)
}

fn among(columns: &str, of: Of, numbers: &[i64], order: &str) -> Statement {
    let mut text = Statement::building(columns);
    text.push(" WHERE ").push(of.column()).push(" IN (");
    for (at, number) in numbers.iter().enumerate() {
        text.push(if at == 0 { "" } else { ", " }).bind(*number);
    }
    text.push(")").push(order);
    text
}

fn by_task<T>(rows: Vec<(i64, T)>) -> BTreeMap<i64, Vec<T>> {
    let mut found: BTreeMap<i64, Vec<T>> = BTreeMap::new();
    for (task, value) in rows {
        found.entry(task).or_default().push(value);
    }
    found
}

/// Steps by number, but none before one that it waits for: a plan made later may put new steps before old ones.
fn in_order(steps: Vec<Step>) -> Vec<Step> {
    let known: BTreeSet<u32> = steps.iter().map(|step| step.seq).collect();
    let (mut waiting, mut ordered, mut over) = (steps, Vec::new(), BTreeSet::new());
    while !waiting.is_empty() {
        let ready = |step: &Step| step.after.iter().all(|seq| over.contains(seq) || !known.contains(seq));
        // Of steps that wait for each other, which no plan has, the first goes first.
        let next = waiting.remove(waiting.iter().position(ready).unwrap_or(0));
        over.insert(next.seq);
        ordered.push(next);
    }
    ordered
}

pub(super) fn count(value: i64) -> Result<u32, StoreError> {
    u32::try_from(value).map_err(|_| StoreError::Data { what: "a count is out of range".to_owned() })
}

pub(super) fn read_job(row: &Row) -> Result<ProvisioningJob, StoreError> {
    Ok(ProvisioningJob {
        id: JobId(row.int(0)?),
        system_id: row.word(1)?,
        state: row.word(2)?,
        actor: row.text(3)?,
        reason: row.opt_text(4)?,
        baseline_run: row.opt_int(5)?.map(keyreeve_model::ImportRunId),
        plan_sha256: row.text(6)?,
        approval_because: row.json(7)?,
        decided_by: row.opt_text(8)?,
        decision_reason: row.opt_text(9)?,
        decided_at: row.opt_time(10)?,
        created_at: row.time(11)?,
        started_at: row.opt_time(12)?,
        finished_at: row.opt_time(13)?,
        dismissed_by: row.opt_text(14)?,
        dismissal_reason: row.opt_text(15)?,
        dismissed_at: row.opt_time(16)?,
        tasks: Vec::new(),
    })
}

fn read_task(row: &Row) -> Result<StoredTask, StoreError> {
    let system_id: SystemId = row.word(2)?;
    let kind: TaskKind = row.word(3)?;
    let wish: Wish = row.json(4)?;
    let account_external_id: Option<ExternalId> = row.opt_word(6)?;
    Ok(StoredTask {
        delivery: row.opt_word(18)?,
        epoch: row.int(19)?,
        task: Task {
            id: TaskId(row.int(0)?),
            job: JobId(row.int(1)?),
            system_id,
            kind,
            wish,
            account: row.text(5)?,
            account_external_id,
            state: row.word(7)?,
            after: Vec::new(),
            steps: Vec::new(),
            notices: row.json(8)?,
            not_before: row.opt_time(9)?,
            replans: count(row.int(10)?)?,
            crashes: count(row.int(11)?)?,
            result: row.opt_text(12)?,
            failure: row.opt_json(13)?,
            manifest: row.opt_json(14)?,
            recreate: row.opt_json(15)?,
            started_at: row.opt_time(16)?,
            finished_at: row.opt_time(17)?,
        },
    })
}

fn read_step(row: &Row) -> Result<Step, StoreError> {
    let call: StepCall = row.json(2)?;
    Ok(Step {
        seq: count(row.int(1)?)?,
        call,
        operation: row.text(3)?,
        reason: row.word(4)?,
        after: row.json(5)?,
        state: row.word(6)?,
        attempts: count(row.int(7)?)?,
        attempted_at: row.opt_time(8)?,
        finished_at: row.opt_time(9)?,
        unchanged: row.opt_flag(10)?,
        request_id: row.opt_text(11)?,
        failure: row.opt_json(12)?,
    })
}

#[cfg(test)]
mod tests {
    use keyreeve_model::StepReason;

    use super::*;

    fn step(seq: u32, after: &[u32]) -> Step {
        let call = StepCall::DeleteAccount { account: "ada".into() };
        Step::planned(seq, call, "DeleteUser", StepReason::Asked, after.to_vec())
    }

    #[test]
    fn a_step_that_waits_for_a_later_one_comes_after_it_and_nothing_is_lost() {
        let order = |steps: &[Step]| in_order(steps.to_vec()).iter().map(|s| s.seq).collect::<Vec<_>>();
        assert_eq!(order(&[step(1, &[]), step(2, &[1, 4]), step(3, &[]), step(4, &[3])]), [1, 3, 4, 2]);
        assert_eq!(order(&[step(1, &[2]), step(2, &[1]), step(3, &[9])]), [3, 1, 2]);
    }
}
