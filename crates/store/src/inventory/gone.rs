//! What is not there any more: as it was last, and which run did not see it any more.

use jiff::Timestamp;
use keyreeve_model::{Account, ExternalId, ImportRunId, Resource, SystemId};

use super::Reading;
use crate::history::{self, STILL};
use crate::row::Row;
use crate::statement::{Statement, statement};
use crate::transaction::{Transaction, reading};
use crate::{AsOf, Store, StoreError, kept};

/// An object as it was last.
#[derive(Debug, Clone)]
pub struct LastKnown<T> {
    /// As it was.
    pub object: T,
    /// Since when it is gone; `None` when it is still there.
    pub gone: Option<Gone>,
}

/// Since when something is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone {
    /// The run that did not see it any more.
    pub run: ImportRunId,
    /// When that was published.
    pub published_at: Option<Timestamp>,
    /// The last published run in which it was.
    pub last_run: Option<ImportRunId>,
}

impl Store {
    /// An account that was there at some time, by its id or else a name that it had; of several that had the name, the last
    /// one. It is given as it was last, whatever it was called by then.
    /// `None` when no import has ever seen one, or what is known of it is not kept.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn account_last_known(
        &self,
        system_id: &SystemId,
        given: &str,
    ) -> Result<Option<LastKnown<Account>>, StoreError> {
        reading!(self, "looking for an account of the past", |transaction| {
            let Some(reading) = Reading::begin(transaction, system_id, AsOf::Now).await? else {
                return Ok(None);
            };
            const BY_ID: &str = "v.external_id = ";
            let given_up = kept::floor(transaction).await?;
            let last = |mut text: Statement, condition: &'static str, wanted: &str| {
                text.push(" WHERE v.system_key = ").bind(reading.system.key);
                text.push(" AND v.valid_to_run > ").bind(given_up);
                text.push(" AND ").push(condition).bind(wanted);
                text.push(if condition.ends_with('(') { ")" } else { "" });
                text.push(" ORDER BY v.valid_to_run DESC, v.external_id LIMIT 1");
                text
            };
            let mut found: Option<ExternalId> = None;
            for condition in [BY_ID, "lower(v.name) = lower("] {
                if found.is_none() {
                    let ids = Statement::building("SELECT v.external_id FROM account_versions v");
                    found =
                        transaction.fetch_optional(last(ids, condition, given), |row| row.word(0)).await?;
                }
            }
            let Some(id) = found else { return Ok(None) };
            // Who had the name may have gone on under another one.
            let read = |row: &Row| history::read_account(row, system_id, &reading.coverage);
            let object =
                transaction.fetch_one(last(history::select_accounts(), BY_ID, id.as_str()), read).await?;
            let until = Statement::building("SELECT v.valid_to_run FROM account_versions v");
            let until = transaction.fetch_one(last(until, BY_ID, id.as_str()), |row| row.int(0)).await?;
            Ok(Some(LastKnown { object, gone: gone(transaction, reading.system.key, until).await? }))
        })
        .await
    }

    /// A group or policy that was there at some time; `None` when no import has ever seen it.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn resource_last_known(
        &self,
        system_id: &SystemId,
        external_id: &ExternalId,
    ) -> Result<Option<LastKnown<Resource>>, StoreError> {
        reading!(self, "looking for a resource of the past", |transaction| {
            let Some(reading) = Reading::begin(transaction, system_id, AsOf::Now).await? else {
                return Ok(None);
            };
            last_known(transaction, &reading, (system_id, external_id)).await
        })
        .await
    }

    /// The groups and policies that are called so or were at some time, ignoring case, each with the name that it had and as it
    /// was last; no more than 20.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn resources_ever_called(
        &self,
        system_id: &SystemId,
        name: &str,
    ) -> Result<Vec<(String, LastKnown<Resource>)>, StoreError> {
        reading!(self, "looking for resources by a name of the past", |transaction| {
            let Some(reading) = Reading::begin(transaction, system_id, AsOf::Now).await? else {
                return Ok(Vec::new());
            };
            let mut text = Statement::building(
                "SELECT v.external_id, MAX(v.name) FROM resource_versions v WHERE v.system_key = ",
            );
            text.bind(reading.system.key)
                .push(" AND v.valid_to_run > ")
                .bind(kept::floor(transaction).await?);
            text.push(" AND lower(v.name) = lower(").bind(name);
            text.push(") GROUP BY v.external_id ORDER BY v.external_id LIMIT 20");
            let ids: Vec<(ExternalId, String)> =
                transaction.fetch(text, |row| Ok((row.word(0)?, row.text(1)?))).await?;
            let mut found = Vec::new();
            for (id, had) in ids {
                let last = last_known(transaction, &reading, (system_id, &id)).await?;
                found.extend(last.map(|last| (had, last)));
            }
            Ok(found)
        })
        .await
    }
}

async fn last_known(
    transaction: &mut Transaction,
    reading: &Reading,
    (system_id, external_id): (&SystemId, &ExternalId),
) -> Result<Option<LastKnown<Resource>>, StoreError> {
    let given_up = kept::floor(transaction).await?;
    let last = |mut text: Statement| {
        text.push(" WHERE v.system_key = ").bind(reading.system.key);
        text.push(" AND v.valid_to_run > ").bind(given_up);
        text.push(" AND v.external_id = ").bind(external_id.as_str());
        text.push(" ORDER BY v.valid_to_run DESC LIMIT 1");
        text
    };
    let read = |row: &Row| history::read_resource(row, system_id, &reading.coverage);
    let Some(object) = transaction.fetch_optional(last(history::select_resources()), read).await? else {
        return Ok(None);
    };
    let until = Statement::building("SELECT v.valid_to_run FROM resource_versions v");
    let until = transaction.fetch_one(last(until), |row| row.int(0)).await?;
    Ok(Some(LastKnown { object, gone: gone(transaction, reading.system.key, until).await? }))
}

async fn gone(transaction: &mut Transaction, key: i64, until: i64) -> Result<Option<Gone>, StoreError> {
    const BEFORE: &str = "SELECT MAX(run_id) FROM import_runs \
                          WHERE system_key = $1 AND state = 'published' AND run_id < $2";
    const WHEN: &str = "SELECT published_at FROM import_runs WHERE run_id = $1";
    if until == STILL {
        return Ok(None);
    }
    let last_run = transaction.fetch_one(statement!(BEFORE, key, until), |row| row.opt_int(0)).await?;
    let published = transaction.fetch_optional(statement!(WHEN, until), |row| row.opt_time(0)).await?;
    Ok(Some(Gone {
        run: ImportRunId(until),
        published_at: published.flatten(),
        last_run: last_run.map(ImportRunId),
    }))
}
