//! Keeping leases, and what becomes of a crash that was none.
//!
//! Renewals are many, and nothing of them is told: they go without the audit log's lock, so that a hundred tasks under
//! way do not stand in the way of whoever has something to tell. Claims look again, under the rows' own locks, whether
//! what had run out still has.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use keyreeve_model::TaskId;
use serde_json::json;

use super::TaskLease;
use super::moves::find_job;
use crate::audit::recording;
use crate::statement::{Statement, statement};
use crate::time::to_millis;
use crate::transaction::{Transaction, writing};
use crate::{Store, StoreError};

impl Store {
    /// Keeps a lease for another while. It can also be had back after it ran out, as long as nobody else took the
    /// account.
    ///
    /// # Errors
    /// [`StoreError::TaskLeaseLost`].
    pub async fn renew_task_lease(
        &self,
        lease: &TaskLease,
        now: Timestamp,
        lease_for: Duration,
    ) -> Result<(), StoreError> {
        let until = to_millis(now.checked_add(lease_for).unwrap_or(Timestamp::MAX));
        let text = "UPDATE tasks SET lease_until = $1 \
                    WHERE task_id = $2 AND lease_epoch = $3 AND lease_token = $4 AND state = 'running' \
                    AND (lease_place IS NULL OR lease_place IN (SELECT token FROM account_places))";
        let renewed = writing!(self, "renewing the task's lease", |transaction| {
            let renewal = statement!(text, until, lease.task.0, lease.epoch, lease.token.as_str());
            transaction.execute(renewal).await
        })
        .await?;
        match renewed {
            0 => Err(StoreError::TaskLeaseLost { task: lease.task }),
            _ => Ok(()),
        }
    }

    /// Keeps many leases at once, as [`Self::renew_task_lease`] does each, and gives those that are kept.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn renew_task_leases(
        &self,
        leases: &[TaskLease],
        now: Timestamp,
        lease_for: Duration,
    ) -> Result<HashSet<TaskId>, StoreError> {
        let until = to_millis(now.checked_add(lease_for).unwrap_or(Timestamp::MAX));
        let mut kept = writing!(self, "renewing the leases of tasks", |transaction| {
            let mut kept = HashSet::new();
            for some in leases.chunks(transaction.dialect().values_per_statement() / 2) {
                let free = free_of(transaction, some).await?;
                if !free.is_empty() {
                    let mut text = Statement::building("UPDATE tasks SET lease_until = ");
                    text.bind(until).push(" WHERE task_id IN (");
                    transaction.execute(listed(text, free.iter().copied())).await?;
                }
                kept.extend(free);
            }
            Ok(kept)
        })
        .await?;
        // Somebody writes about these at this moment: each is waited for with nothing else locked.
        for lease in leases {
            if !kept.contains(&lease.task) {
                match self.renew_task_lease(lease, now, lease_for).await {
                    Ok(()) => {
                        kept.insert(lease.task);
                    }
                    Err(StoreError::TaskLeaseLost { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(kept)
    }

    /// Takes back that the end of this lease was counted as a crash of the worker: it was only cut off from the database,
    /// or stood still, and has ended its work on the task. Says whether it was counted.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn withdraw_crash(&self, lease: &TaskLease, now: Timestamp) -> Result<bool, StoreError> {
        recording!(self, "taking a counted crash back", now, |transaction, trail| {
            let text = "UPDATE tasks SET crashes = crashes - 1, crashed_token = NULL \
                        WHERE task_id = $1 AND crashed_token = $2 AND crashes > 0";
            let withdrawn = transaction.execute(statement!(text, lease.task.0, lease.token.as_str())).await?;
            if withdrawn > 0 {
                let job = find_job(transaction, lease.job).await?;
                let subject = json!({"job": lease.job, "task": lease.task, "epoch": lease.epoch});
                trail.note(&job.actor, Some(&job.system_id), "task_crash_withdrawn", &subject);
            }
            Ok(withdrawn > 0)
        })
        .await
    }
}

/// Of these leases, the tasks that still are under them and that nobody else has locked; they are locked now.
async fn free_of(transaction: &mut Transaction, leases: &[TaskLease]) -> Result<HashSet<TaskId>, StoreError> {
    let text = Statement::building(
        "SELECT task_id, lease_epoch, lease_token FROM tasks WHERE state = 'running' \
         AND (lease_place IS NULL OR lease_place IN (SELECT token FROM account_places)) AND task_id IN (",
    );
    let mut text = listed(text, leases.iter().map(|lease| lease.task));
    text.push(transaction.dialect().lock_free_rows());
    let found =
        transaction.fetch(text, |row| Ok((TaskId(row.int(0)?), row.int(1)?, row.opt_text(2)?))).await?;
    let held = |task: &TaskId, epoch: i64, token: &Option<String>| {
        let is_it = |lease: &TaskLease| lease.epoch == epoch && token.as_ref() == Some(&lease.token);
        leases.iter().any(|lease| lease.task == *task && is_it(lease))
    };
    Ok(found
        .into_iter()
        .filter(|(task, epoch, token)| held(task, *epoch, token))
        .map(|found| found.0)
        .collect())
}

fn listed(mut text: Statement, tasks: impl Iterator<Item = TaskId>) -> Statement {
    for (at, task) in tasks.enumerate() {
        text.push(if at == 0 { "" } else { ", " }).bind(task.0);
    }
    text.push(")");
    text
}
