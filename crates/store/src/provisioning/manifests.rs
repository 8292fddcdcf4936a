//! What deactivations switched off and no reactivation has given back.

use keyreeve_model::{ExternalId, JobId, Manifest, SystemId, TaskState};

use crate::row::Row;
use crate::statement::statement;
use crate::transaction::reading;
use crate::{Store, StoreError, systems};

impl Store {
    /// What the last deactivation of an account switched off; `None` when it was given back, or never was.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn open_manifest(
        &self,
        system: &SystemId,
        account: &ExternalId,
    ) -> Result<Option<Manifest>, StoreError> {
        let text = "SELECT kind, manifest FROM tasks WHERE system_key = $1 AND account_external_id = $2 \
                    AND kind IN ('deactivate_account', 'reactivate_account') AND state = 'succeeded' \
                    ORDER BY finished_at DESC, task_id DESC LIMIT 1";
        reading!(self, "reading what was switched off", |transaction| {
            let key = systems::find(transaction, system, false).await?.key;
            let read = |row: &Row| Ok((row.text(0)?, row.opt_json::<Manifest>(1)?));
            let latest = transaction.fetch_optional(statement!(text, key, account.as_str()), read).await?;
            Ok(latest.filter(|(kind, _)| kind == "deactivate_account").and_then(|(_, manifest)| manifest))
        })
        .await
    }

    /// The job whose deactivation of an account has not succeeded, and how far it got; `None` when another
    /// deactivation or reactivation was asked for later, or it was taken back.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn unfinished_deactivation(
        &self,
        system: &SystemId,
        account: &ExternalId,
    ) -> Result<Option<(JobId, TaskState)>, StoreError> {
        let text = "SELECT kind, job_id, state FROM tasks WHERE system_key = $1 AND account_external_id = $2 \
                    AND kind IN ('deactivate_account', 'reactivate_account') AND state <> 'cancelled' \
                    ORDER BY task_id DESC LIMIT 1";
        reading!(self, "reading what is being switched off", |transaction| {
            let key = systems::find(transaction, system, false).await?.key;
            let read = |row: &Row| Ok((row.text(0)?, JobId(row.int(1)?), row.word(2)?));
            let latest = transaction.fetch_optional(statement!(text, key, account.as_str()), read).await?;
            let unfinished =
                |kind: &str, state| kind == "deactivate_account" && state != TaskState::Succeeded;
            Ok(latest.filter(|(kind, _, state)| unfinished(kind, *state)).map(|(_, job, state)| (job, state)))
        })
        .await
    }
}
