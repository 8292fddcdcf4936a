//! What many entries of one transaction write in the same way is gathered, and written by one statement.
//!
//! A statement is a way to the database's thread and back, which takes longer than the writing itself: an entry that
//! had its own cost a transaction of fifty entries several times what it costs like this.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use keyreeve_model::{ExternalId, JobId, TaskId};

use super::super::moves::find_job;
use super::super::{claim_facts, ending};
use crate::StoreError;
use crate::audit::Trail;
use crate::statement::{Statement, Value};
use crate::time::to_millis;
use crate::transaction::Transaction;

/// What is not written yet.
pub(in super::super) struct Pending {
    now: Timestamp,
    /// Steps by what is pending of them.
    attempted: BTreeSet<(TaskId, u32)>,
    settled: BTreeMap<(TaskId, u32), Settled>,
    /// Claims, and the accounts they are about. None of them supersedes another one.
    claims: Vec<claim_facts::NewClaim>,
    topics: BTreeSet<(i64, ExternalId, String)>,
    /// Jobs that tasks of have ended, and whether one did otherwise than succeed.
    ended: BTreeMap<JobId, bool>,
}

/// How a call of a step ended.
pub(in super::super) struct Settled {
    pub(in super::super) state: &'static str,
    pub(in super::super) unchanged: Option<bool>,
    pub(in super::super) request_id: Option<String>,
    /// As JSON.
    pub(in super::super) failure: Option<String>,
    /// Nothing is to come of it.
    pub(in super::super) over: bool,
}

impl Pending {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            now,
            attempted: BTreeSet::new(),
            settled: BTreeMap::new(),
            claims: Vec::new(),
            topics: BTreeSet::new(),
            ended: BTreeMap::new(),
        }
    }

    /// A step is attempted once more.
    pub(super) async fn attempt(
        &mut self,
        transaction: &mut Transaction,
        task: TaskId,
        seq: u32,
    ) -> Result<(), StoreError> {
        self.one_at_a_time(transaction, task, seq).await?;
        self.attempted.insert((task, seq));
        Ok(())
    }

    /// A call of a step has ended.
    pub(super) async fn settle(
        &mut self,
        transaction: &mut Transaction,
        task: TaskId,
        seq: u32,
        settled: Settled,
    ) -> Result<(), StoreError> {
        self.one_at_a_time(transaction, task, seq).await?;
        self.settled.insert((task, seq), settled);
        Ok(())
    }

    /// Writes what is pending, if that is about the same step.
    async fn one_at_a_time(
        &mut self,
        transaction: &mut Transaction,
        task: TaskId,
        seq: u32,
    ) -> Result<(), StoreError> {
        if self.attempted.contains(&(task, seq)) || self.settled.contains_key(&(task, seq)) {
            self.flush(transaction).await?;
        }
        Ok(())
    }

    /// A claim is opened. What is pending is written before it, if it supersedes part of that.
    pub(in super::super) async fn claim(
        &mut self,
        transaction: &mut Transaction,
        claim: claim_facts::NewClaim,
    ) -> Result<(), StoreError> {
        let about = (claim.system_key, claim.external_id.clone(), claim.topic.clone());
        if claim.is_about_all() || self.topics.contains(&about) {
            self.flush(transaction).await?;
        }
        self.topics.insert(about);
        self.claims.push(claim);
        Ok(())
    }

    /// A task of a job has ended.
    pub(super) fn task_ended(&mut self, job: JobId, succeeded: bool) {
        *self.ended.entry(job).or_default() |= !succeeded;
    }

    /// Writes what is pending.
    pub(super) async fn flush(&mut self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let most = transaction.dialect().values_per_statement();
        let attempted: Vec<_> = std::mem::take(&mut self.attempted).into_iter().collect();
        for some in attempted.chunks(most / 2 - 1) {
            let written = transaction.execute(attempts(some, self.now)).await?;
            all_written(some.len(), written)?;
        }
        let settled: Vec<_> = std::mem::take(&mut self.settled).into_iter().collect();
        for some in settled.chunks(most / SETTLED_COLUMNS) {
            let written = transaction.execute(outcomes(some, self.now)).await?;
            all_written(some.len(), written)?;
        }
        self.topics.clear();
        claim_facts::open(transaction, &std::mem::take(&mut self.claims), self.now).await
    }

    /// Writes what is pending, and then what follows from the ends of tasks: for those that wait for them, and for
    /// their job.
    pub(super) async fn finish(
        mut self,
        transaction: &mut Transaction,
        trail: &mut Trail<'_>,
    ) -> Result<(), StoreError> {
        self.flush(transaction).await?;
        for (job, failed) in self.ended {
            let mut job = find_job(transaction, job).await?;
            if failed {
                ending::fail_waiting(transaction, trail, &job, self.now).await?;
            }
            ending::end_job_if_over(transaction, trail, &mut job, self.now).await?;
        }
        Ok(())
    }
}

fn all_written(expected: usize, written: u64) -> Result<(), StoreError> {
    if written == expected as u64 {
        return Ok(());
    }
    Err(StoreError::Data { what: format!("{written} steps were written where {expected} were meant") })
}

/// Marks steps as attempted.
pub(in super::super) fn attempts(steps: &[(TaskId, u32)], now: Timestamp) -> Statement {
    let mut text = Statement::building("WITH made (task_id, seq) AS (VALUES ");
    text.bind_rows(steps.iter().map(|(task, seq)| vec![task.0.into(), i64::from(*seq).into()]));
    text.push(") UPDATE steps SET state = 'attempting', attempts = steps.attempts + 1, attempted_at = ");
    text.bind(to_millis(now)).push(", finished_at = NULL FROM made m ").push(SAME_STEP);
    text
}

const SETTLED_COLUMNS: usize = 7;

/// Writes down how the calls of steps ended.
pub(in super::super) fn outcomes(steps: &[((TaskId, u32), Settled)], now: Timestamp) -> Statement {
    let mut text = Statement::building(
        "WITH made (task_id, seq, state, unchanged, request_id, failure, finished_at) AS (VALUES ",
    );
    text.bind_rows(steps.iter().map(|((task, seq), settled)| {
        let row: [Value; SETTLED_COLUMNS] = [
            task.0.into(),
            i64::from(*seq).into(),
            settled.state.into(),
            settled.unchanged.map(i64::from).into(),
            settled.request_id.clone().into(),
            settled.failure.clone().into(),
            settled.over.then(|| to_millis(now)).into(),
        ];
        row.into()
    }));
    text.push(
        ") UPDATE steps SET state = m.state, unchanged = m.unchanged, request_id = m.request_id, \
         failure = m.failure, finished_at = m.finished_at FROM made m ",
    )
    .push(SAME_STEP);
    text
}

const SAME_STEP: &str = "WHERE steps.task_id = m.task_id AND steps.seq = m.seq";
