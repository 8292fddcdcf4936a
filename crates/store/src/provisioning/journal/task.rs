//! What happens to a task as a whole.

use jiff::Timestamp;
use keyreeve_model::{ExternalId, Failure, Manifest, RecreatePackage, TaskState};
use serde_json::json;

use super::super::folded;
use super::HeldTask;
use super::pending::Pending;
use crate::StoreError;
use crate::audit::Trail;
use crate::row::to_json;
use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::Transaction;

/// How a lease on a task ends.
pub(super) struct End<'a> {
    pub(super) state: TaskState,
    pub(super) not_before: Option<Timestamp>,
    pub(super) result: Option<&'a str>,
    pub(super) failure: Option<&'a Failure>,
}

/// Ends a lease: the task goes back into the queue, or ends. What waits for it and its job follow with the rest of what
/// is pending.
pub(super) async fn end(
    held: &mut HeldTask,
    transaction: &mut Transaction,
    trail: &mut Trail<'_>,
    pending: &mut Pending,
    end: End<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let End { state, not_before, result, failure } = end;
    let text = "UPDATE tasks SET state = $1, not_before = $2, result = $3, failure = $4, finished_at = $5, \
                lease_until = NULL, lease_worker = NULL WHERE task_id = $6";
    let ended = statement!(
        text,
        state.as_str(),
        not_before.map(to_millis),
        result.map(str::to_owned),
        failure.map(to_json).transpose()?,
        state.is_terminal().then(|| to_millis(now)),
        held.task.0,
    );
    transaction.execute(ended).await?;
    let from = std::mem::replace(&mut held.state, state);
    let action = if state.is_terminal() { "task_ended" } else { "task_postponed" };
    let failure = failure.map(|failure| failure.kind);
    held.note(trail, action, json!({"from": from, "to": state, "failure": failure}));
    if state.is_terminal() {
        pending.task_ended(held.job, state == TaskState::Succeeded);
    }
    Ok(())
}

/// Keeps the account's id and name. Tasks of the same job that wait for the account to be made learn its id too.
pub(super) async fn learn_account(
    held: &mut HeldTask,
    transaction: &mut Transaction,
    external_id: &ExternalId,
    name: &str,
) -> Result<(), StoreError> {
    if held.external_id.is_none() {
        let text = "UPDATE tasks SET account_external_id = $1 WHERE job_id = $2 AND finished_at IS NULL \
                    AND account_folded = $3 AND account_external_id IS NULL";
        let (id, job) = (external_id.as_str(), held.job.0);
        transaction.execute(statement!(text, id, job, folded(&held.account))).await?;
    }
    let text =
        "UPDATE tasks SET account_external_id = $1, account = $2, account_folded = $3 WHERE task_id = $4";
    let (id, task) = (external_id.as_str(), held.task.0);
    transaction.execute(statement!(text, id, name, folded(name), task)).await?;
    held.external_id = Some(external_id.clone());
    name.clone_into(&mut held.account);
    Ok(())
}

pub(super) async fn keep_manifest(
    held: &HeldTask,
    transaction: &mut Transaction,
    trail: &mut Trail<'_>,
    manifest: &Manifest,
) -> Result<(), StoreError> {
    let text = "UPDATE tasks SET manifest = $1 WHERE task_id = $2";
    transaction.execute(statement!(text, to_json(manifest)?, held.task.0)).await?;
    held.note(trail, "manifest_kept", json!({}));
    Ok(())
}

pub(super) async fn keep_package(
    held: &HeldTask,
    transaction: &mut Transaction,
    trail: &mut Trail<'_>,
    package: &RecreatePackage,
) -> Result<(), StoreError> {
    let text = "UPDATE tasks SET recreate = $1 WHERE task_id = $2";
    transaction.execute(statement!(text, to_json(package)?, held.task.0)).await?;
    held.note(trail, "recreate_package_kept", json!({}));
    Ok(())
}
