//! What deactivations switched off and no reactivation has given back.

use std::collections::BTreeMap;

use keyreeve_model::{ExternalId, JobId, Manifest, SystemId, TaskState};

use crate::row::Row;
use crate::statement::{Statement, statement};
use crate::systems::same_account;
use crate::transaction::{Transaction, reading};
use crate::{Store, StoreError, systems};

/// What is known of an account that was switched off, or is being switched off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SwitchedOff {
    /// What its last deactivation that succeeded switched off; `None` when it was given back, or never was.
    pub manifest: Option<Manifest>,
    /// The job whose deactivation of it has not succeeded, and how far it got; `None` when another deactivation or
    /// reactivation was asked for later, or it was taken back.
    pub unfinished: Option<(JobId, TaskState)>,
    /// Another system of the same AWS account switched it off, and has not given it back.
    pub elsewhere: bool,
}

impl Store {
    /// What was switched off of accounts. Those of which nothing was, or is being, are left out.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn switched_off(
        &self,
        system: &SystemId,
        accounts: &[ExternalId],
    ) -> Result<BTreeMap<ExternalId, SwitchedOff>, StoreError> {
        reading!(self, "reading what was switched off", |transaction| {
            let key = systems::find(transaction, system, false).await?.key;
            let mut found: BTreeMap<ExternalId, SwitchedOff> = BTreeMap::new();
            for some in accounts.chunks(transaction.dialect().values_per_statement() - 1) {
                for (account, manifest) in manifests(transaction, key, some).await? {
                    found.entry(account).or_default().manifest = Some(manifest);
                }
                for (account, unfinished) in unfinished(transaction, key, some).await? {
                    found.entry(account).or_default().unfinished = Some(unfinished);
                }
            }
            for other in others_of_account(transaction, key).await? {
                for some in accounts.chunks(transaction.dialect().values_per_statement() - 1) {
                    for (account, _) in manifests(transaction, other, some).await? {
                        found.entry(account).or_default().elsewhere = true;
                    }
                }
            }
            Ok(found)
        })
        .await
    }
}

/// The other systems of the AWS account.
async fn others_of_account(transaction: &mut Transaction, system_key: i64) -> Result<Vec<i64>, StoreError> {
    let text = concat!(
        "SELECT system_key FROM systems WHERE system_key <> $1 AND system_key IN ",
        same_account!("$1")
    );
    transaction.fetch(statement!(text, system_key), |row| row.int(0)).await
}

/// What each account's latest deactivation switched off, unless a reactivation came after it.
async fn manifests(
    transaction: &mut Transaction,
    system_key: i64,
    accounts: &[ExternalId],
) -> Result<Vec<(ExternalId, Manifest)>, StoreError> {
    let text = latest(
        system_key,
        accounts,
        "kind, manifest",
        "state = 'succeeded' ORDER BY finished_at DESC, task_id DESC",
    );
    let read = |row: &Row| Ok((row.word(0)?, row.text(1)?, row.opt_json::<Manifest>(2)?));
    let found = transaction.fetch(text, read).await?.into_iter();
    let found = found.filter(|(_, kind, _)| kind == "deactivate_account");
    Ok(found.filter_map(|(account, _, manifest)| Some((account, manifest?))).collect())
}

/// The deactivations that are the latest that was asked for of their account and have not succeeded.
async fn unfinished(
    transaction: &mut Transaction,
    system_key: i64,
    accounts: &[ExternalId],
) -> Result<Vec<(ExternalId, (JobId, TaskState))>, StoreError> {
    let text =
        latest(system_key, accounts, "kind, job_id, state", "state <> 'cancelled' ORDER BY task_id DESC");
    let read = |row: &Row| Ok((row.word(0)?, row.text(1)?, (JobId(row.int(2)?), row.word(3)?)));
    let found = transaction.fetch(text, read).await?.into_iter();
    let open = |kind: &str, state| kind == "deactivate_account" && state != TaskState::Succeeded;
    Ok(found
        .filter(|(_, kind, (_, state))| open(kind, *state))
        .map(|(account, _, unfinished)| (account, unfinished))
        .collect())
}

/// Of each account, its external id and columns of the first of its deactivations and reactivations by a condition and
/// an order.
pub(super) fn latest(
    system_key: i64,
    accounts: &[ExternalId],
    columns: &'static str,
    first_by: &'static str,
) -> Statement {
    let mut text = Statement::building("WITH wanted (account) AS (VALUES ");
    text.bind_rows(accounts.iter().map(|account| vec![account.as_str().into()]));
    text.push(") SELECT w.account, ")
        .push(columns)
        .push(
            " FROM wanted w JOIN tasks t ON t.task_id = (SELECT l.task_id FROM tasks l \
             WHERE l.account_external_id = w.account AND l.kind IN ('deactivate_account', 'reactivate_account') \
             AND l.system_key = ",
        )
        .bind(system_key)
        .push(" AND ")
        .push(first_by)
        .push(" LIMIT 1)");
    text
}
