//! Reading what is known now of accounts that the caller names by id, and of accounts little, but of all.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use keyreeve_model::{Account, AccountStatus, ExternalId, SystemId, TaskId, Wish};

use super::Reading;
use super::kept::Kept;
use crate::dialect::Dialect;
use crate::history::{self, Coverage, Versions};
use crate::import_runs::latest_published;
use crate::row::Row;
use crate::statement::{Statement, Value};
use crate::transaction::{Transaction, reading};
use crate::{AsOf, Store, StoreError, systems};

/// What lists of accounts are put in order by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountPlace {
    /// Its id.
    pub external_id: ExternalId,
    /// Its name.
    pub name: Arc<str>,
    /// Its name in lower case, by which it is sorted.
    pub folded_name: Arc<str>,
    /// Whether somebody can sign in as it.
    pub status: AccountStatus,
}

impl AccountPlace {
    /// The place of an account.
    #[must_use]
    pub fn new(external_id: ExternalId, name: String, status: AccountStatus) -> Self {
        let (folded, name) = (name.to_lowercase(), Arc::from(name));
        let folded_name = if *folded == *name { Arc::clone(&name) } else { folded.into() };
        Self { external_id, name, folded_name, status }
    }
}

/// The places of the accounts of some systems, about 100 bytes each.
pub(crate) type Places = Kept<[AccountPlace], 200_000>;

impl Store {
    /// Id, name and status of every account, by name ignoring case, then id. They are read once for each run that is
    /// published.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn account_places(&self, system_id: &SystemId) -> Result<Arc<[AccountPlace]>, StoreError> {
        reading!(self, "listing the accounts' names", |transaction| {
            let key = systems::find(transaction, system_id, false).await?.key;
            let Some(run) = latest_published(transaction, key).await?.map(|run| run.id) else {
                return Ok(Arc::default());
            };
            if let Some(known) = self.places.get(key, run) {
                return Ok(known);
            }
            let columns =
                "SELECT v.external_id, v.name, v.status FROM account_versions v WHERE v.system_key = ";
            let mut text = Statement::building(columns);
            text.bind(key).push(" AND ");
            Versions::Current.condition(&mut text, "v");
            let read = |row: &Row| Ok(AccountPlace::new(row.word(0)?, row.text(1)?, row.word(2)?));
            let mut places = transaction.fetch_together(text, 3, read).await?;
            places.sort_unstable_by(|one, other| {
                (&one.folded_name, &one.external_id).cmp(&(&other.folded_name, &other.external_id))
            });
            let places: Arc<[AccountPlace]> = places.into();
            self.places.keep(key, run, &places);
            Ok(places)
        })
        .await
    }

    /// The accounts of these ids; those that are not known are left out. In no order.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn accounts_by_id(
        &self,
        system_id: &SystemId,
        ids: &[ExternalId],
    ) -> Result<Vec<Account>, StoreError> {
        reading!(self, "reading the accounts", |transaction| {
            let Some(reading) = Reading::begin(transaction, system_id, AsOf::Now).await? else {
                return Ok(Vec::new());
            };
            accounts_of(transaction, &reading, system_id, ids).await
        })
        .await
    }

    /// The accounts of these ids in several systems; those that are not known are left out. In no order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn accounts_of_many(&self, ids: &[(SystemId, ExternalId)]) -> Result<Vec<Account>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let named: BTreeSet<&SystemId> = ids.iter().map(|(system, _)| system).collect();
        let named: Vec<SystemId> = named.into_iter().cloned().collect();
        reading!(self, "reading accounts of systems", |transaction| {
            let keys = systems::keys_of(transaction, &named, true).await?;
            let of_key: HashMap<i64, &SystemId> = keys.iter().map(|(id, key)| (*key, id)).collect();
            let all: Vec<i64> = keys.values().copied().collect();
            let coverage = Coverage::of_many(transaction, &all).await?;
            let placed: Vec<(i64, &ExternalId)> =
                ids.iter().filter_map(|(system, id)| Some((*keys.get(system)?, id))).collect();
            let mut found = Vec::new();
            for some in placed.chunks(transaction.dialect().values_per_statement() / 2 - 8) {
                let mut text = history::select_accounts_of_many();
                text.push(" WHERE (v.system_key, v.external_id) IN (VALUES ");
                let row = |(key, id): &(i64, &ExternalId)| vec![Value::from(*key), id.as_str().into()];
                text.bind_rows(some.iter().map(row)).push(") AND ");
                Versions::Current.condition(&mut text, "v");
                let read = |row: &Row| {
                    let key = row.int(history::ACCOUNT_COLUMNS)?;
                    let account = of_key.get(&key).zip(coverage.get(&key));
                    account.map(|(id, coverage)| history::read_account(row, id, coverage)).transpose()
                };
                let columns = history::ACCOUNT_COLUMNS + 1;
                found.extend(transaction.fetch_together(text, columns, read).await?.into_iter().flatten());
            }
            Ok(found)
        })
        .await
    }

    /// What was asked for by these tasks, with the names and paths that were made of it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn wishes_of(&self, tasks: &[TaskId]) -> Result<BTreeMap<TaskId, Wish>, StoreError> {
        reading!(self, "reading what tasks were asked to do", |transaction| {
            let mut found = BTreeMap::new();
            for some in tasks.chunks(transaction.dialect().values_per_statement() - 1) {
                let mut text =
                    Statement::building("SELECT task_id, wish FROM tasks WHERE task_id IN (VALUES ");
                text.bind_rows(some.iter().map(|task| vec![Value::from(task.0)])).push(")");
                found.extend(transaction.fetch(text, |row| Ok((TaskId(row.int(0)?), row.json(1)?))).await?);
            }
            Ok(found)
        })
        .await
    }
}

/// The accounts of these ids, in no order.
pub(super) async fn accounts_of(
    transaction: &mut Transaction,
    reading: &Reading,
    system_id: &SystemId,
    ids: &[ExternalId],
) -> Result<Vec<Account>, StoreError> {
    let mut found = Vec::new();
    for some in chunks(transaction.dialect(), ids) {
        let mut text = reading.select(history::select_accounts());
        push_in(&mut text, " AND v.external_id IN (VALUES ", some);
        let read = |row: &_| history::read_account(row, system_id, &reading.coverage);
        found.extend(transaction.fetch_together(text, history::ACCOUNT_COLUMNS, read).await?);
    }
    Ok(found)
}

/// So many ids as one statement takes.
pub(super) fn chunks(dialect: Dialect, ids: &[ExternalId]) -> std::slice::Chunks<'_, ExternalId> {
    // A few values besides are bound in each statement.
    ids.chunks(dialect.values_per_statement() - 8)
}

pub(super) fn push_in(text: &mut Statement, before: &str, ids: &[ExternalId]) {
    text.push(before).bind_rows(ids.iter().map(|id| vec![id.as_str().into()])).push(")");
}
