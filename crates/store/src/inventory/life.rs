//! What became of one account, run by run.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use keyreeve_model::{ChangeSet, ExternalId, ImportRunId, Inventory, Resource, SystemId, difference};

use super::Reading;
use crate::history::{self, STILL};
use crate::row::Row;
use crate::statement::{Statement, Value};
use crate::transaction::{Transaction, reading};
use crate::{AsOf, Store, StoreError, kept};

/// So many versions of one account, and of what it holds, are looked back at.
pub(super) const MOST_VERSIONS: i64 = 500;

/// What a run saw changed of an account.
#[derive(Debug, Clone)]
pub struct AccountEvent {
    /// The run.
    pub run: ImportRunId,
    /// When it was published.
    pub published_at: Option<Timestamp>,
    /// What was different then: of the account, and of what it holds itself.
    pub changes: ChangeSet,
}

/// What a run that saw something first says of when that came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenIn {
    /// When it was published.
    pub published_at: Timestamp,
    /// When it had read all.
    pub read_until: Timestamp,
    /// When the run before it, which had not seen it, began to read; `None` where there was none.
    pub not_before: Option<Timestamp>,
}

/// From which run on, and until which one, a version held.
type Held = (i64, i64);

impl Store {
    /// What runs saw changed of an account, the newest first, and no more than so many of them. Runs whose changes are not kept
    /// are left out, see [`Store::history_kept_since`].
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn account_events(
        &self,
        system_id: &SystemId,
        account: &ExternalId,
        most: usize,
    ) -> Result<Vec<AccountEvent>, StoreError> {
        reading!(self, "reading the history of an account", |transaction| {
            let Some(reading) = Reading::begin(transaction, system_id, AsOf::Now).await? else {
                return Ok(Vec::new());
            };
            let of = |text, subject, order| versions_of(text, (reading.system.key, account), subject, order);
            let (own, held) = ("external_id", "subject_external_id");
            let by_key = ", v.kind, v.resource_key";
            let spans = |table: &str| {
                let mut text = Statement::building("SELECT v.valid_from_run, v.valid_to_run FROM ");
                text.push(table).push(" v");
                text
            };
            let read_span = |row: &Row| Ok::<Held, StoreError>((row.int(0)?, row.int(1)?));
            let coverage = &reading.coverage;
            let when = transaction.fetch(of(spans("account_versions"), own, ""), read_span).await?;
            let read = |row: &Row| history::read_account(row, system_id, coverage);
            let accounts = transaction.fetch(of(history::select_accounts(), own, ""), read).await?;
            let held_when =
                transaction.fetch(of(spans("assignment_versions"), held, by_key), read_span).await?;
            let read = |row: &Row| history::read_assignment(row, system_id, coverage, None);
            let assignments =
                transaction.fetch(of(history::select_assignments(), held, by_key), read).await?;

            let given_up = kept::floor(transaction).await?;
            let runs = boundaries((&when, &held_when), given_up, most);
            let published = published(transaction, &runs).await?;
            let seen = |run: i64, end: fn(&Held) -> i64| {
                let at = |held: &&Held| end(held) == run;
                let accounts = when.iter().zip(&accounts).filter(|(held, _)| at(held));
                let assignments = held_when.iter().zip(&assignments).filter(|(held, _)| at(held));
                let mut inventory = Inventory {
                    accounts: accounts.map(|(_, one)| one.clone()).collect(),
                    assignments: assignments.map(|(_, one)| one.clone()).collect(),
                    resources: Vec::new(),
                };
                inventory.sort();
                inventory
            };
            let event = |run: &ImportRunId| AccountEvent {
                run: *run,
                published_at: published.get(run).copied(),
                changes: difference(seen(run.0, |held| held.1), seen(run.0, |held| held.0)),
            };
            Ok(runs.iter().map(event).collect())
        })
        .await
    }

    /// When runs were published; those that were not are left out.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn published_at(
        &self,
        runs: &[ImportRunId],
    ) -> Result<BTreeMap<ImportRunId, Timestamp>, StoreError> {
        reading!(self, "reading when runs were published", |transaction| {
            published(transaction, runs).await
        })
        .await
    }

    /// When runs were published, and between which moments came to be what they saw first; those that were not published
    /// are left out.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn seen_in(&self, runs: &[ImportRunId]) -> Result<BTreeMap<ImportRunId, SeenIn>, StoreError> {
        reading!(self, "reading when runs saw what they saw", |transaction| {
            let mut found = BTreeMap::new();
            for some in runs.chunks(transaction.dialect().values_per_statement() - 1) {
                let mut text = Statement::building(
                    "SELECT r.run_id, r.published_at, COALESCE(r.finished_at, r.published_at), b.started_at \
                     FROM import_runs r LEFT JOIN import_runs b ON b.run_id = r.baseline_run \
                     WHERE r.published_at IS NOT NULL AND r.run_id IN (VALUES ",
                );
                text.bind_rows(some.iter().map(|run| vec![Value::from(run.0)])).push(")");
                let read = |row: &Row| {
                    let published_at = row.time(1)?;
                    // A run that waited for somebody had read all long before.
                    let read_until = row.time(2)?.min(published_at);
                    Ok((
                        ImportRunId(row.int(0)?),
                        SeenIn { published_at, read_until, not_before: row.opt_time(3)? },
                    ))
                };
                found.extend(transaction.fetch(text, read).await?);
            }
            Ok(found)
        })
        .await
    }

    /// One group or policy, by its external id.
    ///
    /// # Errors
    /// [`StoreError::NotImported`], and those of [`Store::list_accounts`].
    pub async fn find_resource(
        &self,
        system_id: &SystemId,
        as_of: AsOf,
        external_id: &ExternalId,
    ) -> Result<Option<Resource>, StoreError> {
        reading!(self, "reading a resource", |transaction| {
            let reading = Reading::known(transaction, system_id, as_of).await?;
            let mut text = reading.select(history::select_resources());
            text.push(" AND v.external_id = ").bind(external_id.as_str());
            let read = |row: &Row| history::read_resource(row, system_id, &reading.coverage);
            transaction.fetch_optional(text, read).await
        })
        .await
    }
}

/// The versions of one account, or of what it holds, the newest first. They are found by the account, and put in order then:
/// an index that had the order would be gone through for the whole system.
pub(super) fn versions_of(
    mut text: Statement,
    (system_key, account): (i64, &ExternalId),
    subject: &str,
    order: &str,
) -> Statement {
    text.push(" WHERE v.system_key = ").bind(system_key);
    text.push(" AND v.").push(subject).push(" = ").bind(account.as_str());
    text.push(" ORDER BY +v.valid_to_run DESC").push(order);
    text.push(" LIMIT ").bind(MOST_VERSIONS);
    text
}

/// The runs at which a version began or ended, the newest first. Below the oldest version that was read, some of it may
/// not have been; neither are those that are given up.
fn boundaries((accounts, assignments): (&[Held], &[Held]), given_up: i64, most: usize) -> Vec<ImportRunId> {
    let floor = |held: &[Held]| match i64::try_from(held.len()) {
        Ok(number) if number < MOST_VERSIONS => 0,
        _ => held.iter().map(|(_, until)| *until).min().unwrap_or_default(),
    };
    let floor = floor(accounts).max(floor(assignments)).max(given_up);
    let ends = accounts.iter().chain(assignments).flat_map(|(since, until)| [*since, *until]);
    let ends: BTreeSet<i64> = ends.filter(|run| *run != STILL && *run > floor).collect();
    ends.into_iter().rev().take(most).map(ImportRunId).collect()
}

async fn published(
    transaction: &mut Transaction,
    runs: &[ImportRunId],
) -> Result<BTreeMap<ImportRunId, Timestamp>, StoreError> {
    let mut found = BTreeMap::new();
    for some in runs.chunks(transaction.dialect().values_per_statement() - 1) {
        let mut text = Statement::building(
            "SELECT run_id, published_at FROM import_runs WHERE published_at IS NOT NULL AND run_id IN (VALUES ",
        );
        text.bind_rows(some.iter().map(|run| vec![Value::from(run.0)])).push(")");
        found.extend(transaction.fetch(text, |row| Ok((ImportRunId(row.int(0)?), row.time(1)?))).await?);
    }
    Ok(found)
}
