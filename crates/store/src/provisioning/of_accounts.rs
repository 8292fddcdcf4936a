//! What was asked for accounts here.

use std::collections::BTreeMap;

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
            let mut actors = BTreeMap::new();
            for some in accounts.chunks(transaction.dialect().values_per_statement() - 2) {
                let mut text = Statement::building(
                    "SELECT t.task_id, j.actor FROM tasks t JOIN provisioning_jobs j ON j.job_id = t.job_id \
                     WHERE t.system_key = ",
                );
                text.bind(key).push(" AND t.account_external_id IN (VALUES ");
                text.bind_rows(some.iter().map(|id| vec![Value::from(id.as_str())]));
                text.push(") ORDER BY t.task_id DESC LIMIT ").bind(i64::from(most));
                let read = |row: &crate::row::Row| Ok((row.int(0)?, row.text(1)?));
                actors.extend(transaction.fetch(text, read).await?);
            }
            let numbers: Vec<i64> = actors.keys().rev().take(most as usize).copied().collect();
            let mut found = Vec::with_capacity(numbers.len());
            for stored in tasks(transaction, Of::Tasks, &numbers, false).await? {
                let actor = actors.get(&stored.task.id.0).cloned().unwrap_or_default();
                found.push(AskedTask { task: stored.task, actor });
            }
            found.reverse();
            Ok(found)
        })
        .await
    }
}
