//! Reading what entries speak of.

use std::collections::{BTreeMap, BTreeSet};

use keyreeve_model::{JobId, TaskId};

use super::super::rows::count;
use super::super::{JournalEntry, JournalEvent};
use super::{HeldStep, HeldTask};
use crate::StoreError;
use crate::row::Row;
use crate::statement::{Statement, Value};
use crate::transaction::Transaction;

/// A task, or why its rows cannot be understood. That is its own trouble and not that of others in the transaction.
pub(super) type Found = Result<HeldTask, StoreError>;

/// The tasks that entries speak of, with the steps they speak of.
pub(super) async fn load(
    transaction: &mut Transaction,
    entries: &[JournalEntry],
) -> Result<BTreeMap<TaskId, Found>, StoreError> {
    let tasks: BTreeSet<TaskId> = entries.iter().map(|entry| entry.lease.task).collect();
    let tasks: Vec<TaskId> = tasks.into_iter().collect();
    let mut held = BTreeMap::new();
    for some in tasks.chunks(transaction.dialect().values_per_statement()) {
        let mut text = Statement::building(
            "SELECT t.task_id, t.job_id, t.system_key, s.system_id, j.actor, t.state, t.lease_epoch, t.account, \
             t.account_external_id, CASE WHEN t.lease_place IS NULL OR EXISTS \
             (SELECT 1 FROM account_places p WHERE p.token = t.lease_place) THEN t.lease_token END FROM tasks t JOIN provisioning_jobs j ON j.job_id = t.job_id \
             JOIN systems s ON s.system_key = t.system_key WHERE t.task_id IN (",
        );
        for (at, task) in some.iter().enumerate() {
            text.push(if at == 0 { "" } else { ", " }).bind(task.0);
        }
        text.push(")");
        held.extend(transaction.fetch(text, |row| Ok((TaskId(row.int(0)?), read_held(row)))).await?);
    }
    load_steps(transaction, entries, &mut held).await?;
    Ok(held)
}

/// The steps that are wanted, as `wanted (task_id, seq)`. A row value that is looked up `IN (VALUES …)` makes SQLite
/// read all steps there are; a join goes through the index.
const WANTED: &str = ") SELECT p.task_id, p.seq, p.state, p.attempts, p.operation, \
                      (SELECT COUNT(*) FROM password_deliveries d \
                       WHERE d.task_id = p.task_id AND d.seq = p.seq AND d.state = 'candidate') \
                      FROM wanted w JOIN steps p ON p.task_id = w.task_id";

/// Reads single steps, by task and number.
pub(in super::super) fn single_steps(wanted: &[(i64, i64)]) -> Statement {
    let mut text = Statement::building("WITH wanted (task_id, seq) AS (VALUES ");
    text.bind_rows(wanted.iter().map(|(task, seq)| vec![Value::from(*task), Value::from(*seq)]));
    text.push(WANTED).push(" AND p.seq = w.seq");
    text
}

/// Reads all steps of tasks.
pub(in super::super) fn all_steps(wanted: &[i64]) -> Statement {
    let mut text = Statement::building("WITH wanted (task_id) AS (VALUES ");
    text.bind_rows(wanted.iter().map(|task| vec![Value::from(*task)])).push(WANTED);
    text
}

async fn load_steps(
    transaction: &mut Transaction,
    entries: &[JournalEntry],
    held: &mut BTreeMap<TaskId, Found>,
) -> Result<(), StoreError> {
    let (mut single, mut whole) = (BTreeSet::new(), BTreeSet::new());
    for entry in entries {
        let task = entry.lease.task.0;
        match &entry.event {
            JournalEvent::Attempt { seq, .. }
            | JournalEvent::NotMade { seq }
            | JournalEvent::Outcome { seq, .. }
            | JournalEvent::DestroyPassword { seq } => {
                single.insert((task, i64::from(*seq)));
            }
            JournalEvent::ReplaceSteps { .. } => {
                whole.insert(task);
            }
            _ => {}
        }
    }
    let most = transaction.dialect().values_per_statement() / 2;
    let (single, whole): (Vec<_>, Vec<_>) = (single.into_iter().collect(), whole.into_iter().collect());
    let texts = single.chunks(most).map(single_steps).chain(whole.chunks(most).map(all_steps));
    for text in texts {
        for (task, step) in
            transaction.fetch(text, |row| Ok((TaskId(row.int(0)?), read_held_step(row)))).await?
        {
            match (held.get_mut(&task), step) {
                (Some(Ok(task)), Ok((seq, step))) => {
                    task.steps.insert(seq, step);
                }
                (Some(found), Err(unreadable)) => *found = Err(unreadable),
                _ => {}
            }
        }
    }
    Ok(())
}

fn read_held(row: &Row) -> Result<HeldTask, StoreError> {
    Ok(HeldTask {
        task: TaskId(row.int(0)?),
        job: JobId(row.int(1)?),
        system_key: row.int(2)?,
        system_id: row.word(3)?,
        actor: row.text(4)?,
        state: row.word(5)?,
        epoch: row.int(6)?,
        account: row.text(7)?,
        external_id: row.opt_word(8)?,
        token: row.opt_text(9)?,
        steps: BTreeMap::new(),
    })
}

fn read_held_step(row: &Row) -> Result<(u32, HeldStep), StoreError> {
    let step = HeldStep {
        state: row.word(2)?,
        attempts: count(row.int(3)?)?,
        operation: row.text(4)?,
        sealed: row.int(5)? > 0,
    };
    Ok((count(row.int(1)?)?, step))
}
