//! Reading jobs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use keyreeve_model::{ExternalId, JobId, JobState, ProvisioningJob, SystemId, TaskId, TaskKind};

use super::rows;
use crate::row::Row;
use crate::statement::{Statement, statement};
use crate::systems::same_account;
use crate::time::to_millis;
use crate::transaction::{Transaction, reading};
use crate::{JobSlice, Store, StoreError, systems};

/// A deletion that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenDeletion {
    /// Its job.
    pub job: JobId,
    /// The system of that.
    pub system_id: SystemId,
    /// How it stands.
    pub state: JobState,
}

impl Store {
    /// One job with its tasks and their steps.
    ///
    /// # Errors
    /// [`StoreError::JobNotFound`].
    pub async fn job(&self, id: JobId) -> Result<ProvisioningJob, StoreError> {
        reading!(self, "reading the job", |transaction| rows::job(transaction, id).await).await
    }

    /// The job that a task belongs to.
    ///
    /// # Errors
    /// [`StoreError::TaskNotFound`].
    pub async fn job_of_task(&self, task: TaskId) -> Result<JobId, StoreError> {
        reading!(self, "reading the task", |transaction| {
            let text = "SELECT job_id FROM tasks WHERE task_id = $1";
            transaction
                .fetch_optional(statement!(text, task.0), |row| Ok(JobId(row.int(0)?)))
                .await?
                .ok_or(StoreError::TaskNotFound { task })
        })
        .await
    }

    /// What the plan of a job rests on, as it was given.
    ///
    /// # Errors
    /// [`StoreError::JobNotFound`].
    pub async fn job_facts(&self, id: JobId) -> Result<serde_json::Value, StoreError> {
        reading!(self, "reading what the job rests on", |transaction| {
            let text = "SELECT facts FROM provisioning_jobs WHERE job_id = $1";
            transaction
                .fetch_optional(statement!(text, id.0), |row| row.json(0))
                .await?
                .ok_or(StoreError::JobNotFound { job: id })
        })
        .await
    }

    /// When a change of each account was last attempted, applied or not.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn last_attempts(
        &self,
        system: &SystemId,
    ) -> Result<HashMap<ExternalId, Timestamp>, StoreError> {
        let text = "SELECT t.account_external_id, MAX(p.attempted_at) FROM steps p \
                    JOIN tasks t ON t.task_id = p.task_id \
                    WHERE t.system_key = $1 AND t.account_external_id IS NOT NULL AND p.attempted_at IS NOT NULL \
                    GROUP BY t.account_external_id";
        reading!(self, "looking for what was changed", |transaction| {
            let system = systems::find(transaction, system, false).await?;
            let found = statement!(text, system.key);
            let rows: Vec<(ExternalId, Timestamp)> =
                transaction.fetch(found, |row| Ok((row.word(0)?, row.time(1)?))).await?;
            Ok(rows.into_iter().collect())
        })
        .await
    }

    /// The jobs that have not ended, of all systems.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn open_jobs(&self) -> Result<Vec<JobId>, StoreError> {
        let text = "SELECT job_id FROM provisioning_jobs \
                    WHERE state IN ('awaiting_approval', 'queued', 'running') ORDER BY job_id";
        reading!(self, "looking for open jobs", |transaction| {
            transaction.fetch(statement!(text), |row| Ok(JobId(row.int(0)?))).await
        })
        .await
    }

    /// The accounts that other tasks are at, of the system and of all others of its AWS account: those of which something
    /// was attempted and that have not ended, and unless only what was `begun` is asked for, those that a worker has.
    /// By name in lower case, each with the first task at it.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn accounts_under_way(
        &self,
        system: &SystemId,
        beside: TaskId,
        begun: bool,
        now: Timestamp,
    ) -> Result<BTreeMap<String, TaskId>, StoreError> {
        reading!(self, "looking what is under way", |transaction| {
            let key = systems::find(transaction, system, false).await?.key;
            let text = concat!(
                "SELECT t.account_folded, t.task_id FROM tasks t WHERE t.system_key IN ",
                same_account!("$1"),
                " AND t.task_id <> $2 AND t.finished_at IS NULL AND (($4 = 0 AND t.state = 'running' AND t.lease_until > $3) \
                 OR EXISTS (SELECT 1 FROM steps p WHERE p.task_id = t.task_id AND p.attempts > 0)) \
                 ORDER BY t.task_id DESC"
            );
            let found = statement!(text, key, beside.0, to_millis(now), i64::from(begun));
            let read = |row: &Row| Ok((row.text(0)?, TaskId(row.int(1)?)));
            Ok(transaction.fetch(found, read).await?.into_iter().collect())
        })
        .await
    }

    /// Deletions of some accounts that have not ended, of the system and of all others of its AWS account: waiting for
    /// approval, queued or running. Each with the first job that has one, and how that stands.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn deletions_under_way(
        &self,
        system: &SystemId,
        accounts: &[ExternalId],
    ) -> Result<BTreeMap<ExternalId, OpenDeletion>, StoreError> {
        if accounts.is_empty() {
            return Ok(BTreeMap::new());
        }
        reading!(self, "looking for deletions under way", |transaction| {
            let key = systems::find(transaction, system, false).await?.key;
            let text = concat!(
                "SELECT t.account_external_id, j.job_id, s.system_id, j.state FROM tasks t \
                 JOIN provisioning_jobs j ON j.job_id = t.job_id JOIN systems s ON s.system_key = t.system_key \
                 WHERE t.system_key IN ",
                same_account!("$1"),
                " AND t.finished_at IS NULL AND t.kind = 'delete_account' \
                 AND t.state IN ('awaiting_approval', 'queued', 'running') \
                 AND t.account_external_id IS NOT NULL ORDER BY t.task_id DESC"
            );
            let read = |row: &Row| {
                let (job, system_id, state) = (JobId(row.int(1)?), row.word(2)?, row.word(3)?);
                Ok((row.word(0)?, OpenDeletion { job, system_id, state }))
            };
            let found: Vec<(ExternalId, OpenDeletion)> =
                transaction.fetch(statement!(text, key), read).await?;
            let asked: BTreeSet<&ExternalId> = accounts.iter().collect();
            Ok(found.into_iter().filter(|(id, _)| asked.contains(id)).collect())
        })
        .await
    }

    /// The last jobs of a system, the newest first (only those before a given one, for turning pages), with their tasks but without the tasks' steps.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn jobs(
        &self,
        system: &SystemId,
        before: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<ProvisioningJob>, StoreError> {
        reading!(self, "listing the jobs", |transaction| {
            let system = systems::find(transaction, system, false).await?;
            rows::jobs(transaction, system.key, &JobSlice { before, limit, ..JobSlice::default() }).await
        })
        .await
    }

    /// A part of the jobs of a system, as [`Store::jobs`] has them.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn jobs_slice(
        &self,
        system: &SystemId,
        slice: &JobSlice,
    ) -> Result<Vec<ProvisioningJob>, StoreError> {
        reading!(self, "listing the jobs", |transaction| {
            let system = systems::find(transaction, system, false).await?;
            rows::jobs(transaction, system.key, slice).await
        })
        .await
    }

    /// How many tasks of these kinds have begun in a system since a moment, or are still open: queued, running or
    /// awaiting approval, however long ago they were asked for.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn recent_tasks(
        &self,
        system: &SystemId,
        kinds: &[TaskKind],
        since: Timestamp,
    ) -> Result<u64, StoreError> {
        if kinds.is_empty() {
            return Ok(0);
        }
        reading!(self, "counting what was asked for lately", |transaction| {
            let system = systems::find(transaction, system, false).await?;
            count_recent(transaction, system.key, kinds, since).await
        })
        .await
    }
}

/// See [`Store::recent_tasks`]; at least one kind is given.
pub(super) async fn count_recent(
    transaction: &mut Transaction,
    system_key: i64,
    kinds: &[TaskKind],
    since: Timestamp,
) -> Result<u64, StoreError> {
    let mut text = Statement::building("SELECT COUNT(*) FROM tasks WHERE system_key = ");
    text.bind(system_key).push(" AND (started_at >= ").bind(to_millis(since));
    text.push(" OR state IN ('awaiting_approval', 'queued', 'running')) AND kind IN (");
    for (at, kind) in kinds.iter().enumerate() {
        text.push(if at == 0 { "" } else { ", " }).bind(kind.as_str());
    }
    text.push(")");
    let found = transaction.fetch_one(text, |row| row.int(0)).await?;
    Ok(u64::try_from(found).unwrap_or(0))
}
