//! What was asked for accounts here.

use std::collections::BTreeMap;

use jiff::Timestamp;
use keyreeve_model::{ExternalId, SystemId, Task};

use super::rows::{Of, tasks};
use crate::statement::{Statement, Value};
use crate::transaction::reading;
use crate::{Store, StoreError, systems};

/// A task, and who asked for it.
#[derive(Debug, Clone)]
pub struct AskedTask {
    /// The task, without its steps.
    pub task: Task,
    /// Whoever asked for its job.
    pub actor: String,
    /// Why they did.
    pub reason: Option<String>,
    /// When they did.
    pub asked_at: Timestamp,
    /// Who decided about its job, if somebody had to.
    pub decided: Option<Decided>,
}

/// Who decided about a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// Who.
    pub by: String,
    /// Why they did so, where they said.
    pub reason: Option<String>,
    /// Whether they rejected it: [`keyreeve_model::ProvisioningJob::is_rejected`].
    pub rejected: bool,
}

impl Store {
    /// The last tasks about some accounts, the newest first, without their steps, and no more than so many of them.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn tasks_about(
        &self,
        system: &SystemId,
        accounts: &[ExternalId],
        most: u32,
    ) -> Result<Vec<AskedTask>, StoreError> {
        if accounts.is_empty() {
            return Ok(Vec::new());
        }
        reading!(self, "reading what was asked for accounts", |transaction| {
            let key = systems::find(transaction, system, false).await?.key;
            let mut jobs = BTreeMap::new();
            for some in accounts.chunks(transaction.dialect().values_per_statement() - 2) {
                let mut text = Statement::building(
                    "SELECT t.task_id, j.actor, j.reason, j.decided_by, j.decision_reason, \
                     CAST(CASE WHEN j.state = 'cancelled' AND j.started_at IS NULL AND j.decided_at = j.finished_at \
                     THEN 1 ELSE 0 END AS BIGINT), j.created_at FROM tasks t JOIN provisioning_jobs j ON j.job_id = t.job_id \
                     WHERE t.system_key = ",
                );
                text.bind(key).push(" AND t.account_external_id IN (VALUES ");
                text.bind_rows(some.iter().map(|id| vec![Value::from(id.as_str())]));
                text.push(") ORDER BY t.task_id DESC LIMIT ").bind(i64::from(most));
                let read = |row: &crate::row::Row| {
                    let (reason, rejected) = (row.opt_text(4)?, row.int(5)? == 1);
                    let decided = row.opt_text(3)?.map(|by| Decided { by, reason, rejected });
                    Ok((row.int(0)?, (row.text(1)?, row.opt_text(2)?, decided, row.time(6)?)))
                };
                jobs.extend(transaction.fetch(text, read).await?);
            }
            let numbers: Vec<i64> = jobs.keys().rev().take(most as usize).copied().collect();
            let mut found = Vec::with_capacity(numbers.len());
            for stored in tasks(transaction, Of::Tasks, &numbers, false).await? {
                if let Some((actor, reason, decided, asked_at)) = jobs.remove(&stored.task.id.0) {
                    found.push(AskedTask { task: stored.task, actor, reason, asked_at, decided });
                }
            }
            found.reverse();
            Ok(found)
        })
        .await
    }
}
