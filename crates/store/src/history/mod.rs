//! The history of objects: one row for each span of runs in which an object did not change.
//!
//! A row holds from `valid_from_run` up to, not including, `valid_to_run`; [`STILL`] means it holds now. What moves
//! with every run without the object changing (when it was last seen, the age of its credentials' reading) is not
//! written but computed from the published runs, see [`Coverage`].

mod accounts;
mod assignments;
mod coverage;
mod resources;
mod write;

use std::collections::HashMap;

use keyreeve_model::{ChangeSet, ImportRunId, Inventory, SystemId, difference};

use crate::StoreError;
use crate::dialect::Dialect;
use crate::row::Row;
use crate::statement::Statement;
use crate::transaction::Transaction;

pub(crate) use accounts::{ACCOUNT_COLUMNS, select_accounts, select_accounts_of_many};
pub(crate) use assignments::{
    ASSIGNMENT_COLUMNS, GROUP_HELD, SEARCH_ASSIGNMENTS, read_held, select_assignments, select_everywhere,
    select_found_assignments, select_held,
};
pub(crate) use coverage::Coverage;
pub(crate) use resources::{RESOURCE_COLUMNS, select_resources};
pub(crate) use write::write_changes;

/// The `valid_to_run` of a row that still holds.
pub(crate) const STILL: i64 = i64::MAX;

/// Adds the condition on versions `v` that they hold now, with its number written out: an index over these alone is found by what
/// is written, not by what is bound.
pub(crate) fn push_holding(text: &mut Statement) {
    text.push("v.valid_to_run = ").push(&STILL.to_string());
}

/// Two moments of the history to be compared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) from: ImportRunId,
    pub(crate) to: ImportRunId,
}

impl Span {
    /// What one run did: no version begins or ends between it and the run before it.
    pub(crate) fn of_run(run: ImportRunId) -> Self {
        Self { from: ImportRunId(run.0.saturating_sub(1)), to: run }
    }

    /// The same the other way round.
    pub(crate) fn reversed(self) -> Self {
        Self { from: self.to, to: self.from }
    }
}

/// Which versions are read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Versions {
    /// Those that hold now.
    Current,
    /// Those that held at a run.
    At(ImportRunId),
    /// Those that held at the end of the span, but not at its beginning.
    NewIn(Span),
}

impl Versions {
    /// Adds the condition on a version table with the given alias.
    pub(crate) fn condition(self, text: &mut Statement, alias: &str) {
        self.push(text, alias, "");
    }

    /// As [`Self::condition`], where something else finds fewer rows: SQLite does not search by this one. PostgreSQL finds
    /// the parts of the table by it that it need not look into, and knows how many rows it would find.
    pub(crate) fn condition_beside(self, text: &mut Statement, alias: &str, dialect: Dialect) {
        self.push(
            text,
            alias,
            match dialect {
                Dialect::Sqlite => "+",
                Dialect::Postgres => "",
            },
        );
    }

    fn push(self, text: &mut Statement, alias: &str, before: &str) {
        let column = |name: &str| format!("{before}{alias}.{name}");
        let (since, until) = (column("valid_from_run"), column("valid_to_run"));
        match self {
            Self::Current => {
                text.push(&until).push(" = ").bind(STILL);
            }
            Self::At(run) => {
                text.push(&since).push(" <= ").bind(run.0).push(" AND ").push(&until).push(" > ").bind(run.0);
            }
            // Between neighbours there is one run that begins versions, or ends them; so an index has them in their order.
            Self::NewIn(Span { from, to }) if to.0 == from.0 + 1 => {
                text.push(&since).push(" = ").bind(to.0).push(" AND ").push(&until).push(" > ").bind(to.0);
            }
            Self::NewIn(Span { from, to }) if from.0 == to.0 + 1 => {
                text.push(&until).push(" = ").bind(from.0).push(" AND ").push(&since).push(" <= ").bind(to.0);
            }
            Self::NewIn(span) => {
                Self::At(span.to).push(text, alias, before);
                // Seen from the later moment the row began in between, seen from the earlier one it ended there.
                if span.from < span.to {
                    text.push(" AND ").push(&since).push(" > ").bind(span.from.0);
                } else {
                    text.push(" AND ").push(&until).push(" <= ").bind(span.from.0);
                }
            }
        }
    }
}

/// Reads whole tables of one system: accounts, resources and assignments in their order.
pub(crate) async fn load(
    transaction: &mut Transaction,
    system_id: &SystemId,
    system_key: i64,
    versions: Versions,
    coverage: &Coverage,
) -> Result<Inventory, StoreError> {
    let where_system = |mut text: Statement| {
        text.push(" WHERE v.system_key = ").bind(system_key).push(" AND ");
        versions.condition(&mut text, "v");
        text
    };
    let accounts = transaction
        .fetch(where_system(select_accounts()), |row| accounts::read(row, system_id, coverage))
        .await?;
    let resources = transaction
        .fetch(where_system(select_resources()), |row| resources::read(row, system_id, coverage))
        .await?;
    let paths = holder_paths(transaction, system_key, versions, coverage).await?;
    let mut of_accounts = where_system(select_held(transaction.dialect()));
    of_accounts.push(" AND v.kind <> 'group_policy'").push(GROUP_HELD);
    let mut assignments = Vec::new();
    let mut keep = |row: &Row| {
        assignments.extend(read_held(row, system_id, coverage, paths.as_ref())?);
        Ok(())
    };
    transaction.fetch(of_accounts, &mut keep).await?;
    let mut of_groups = where_system(select_assignments());
    of_groups.push(" AND v.kind = 'group_policy'");
    let read = |row: &Row| assignments::read(row, system_id, coverage, paths.as_ref());
    assignments.extend(transaction.fetch(of_groups, read).await?);
    let mut inventory = Inventory { accounts, resources, assignments };
    inventory.sort();
    Ok(inventory)
}

/// Reads accounts, resources or assignments by a statement that a caller has completed.
pub(crate) use accounts::read as read_account;
pub(crate) use assignments::read as read_assignment;
pub(crate) use resources::read as read_resource;

/// The paths of the accounts by external id; `None` when every covering run read all paths, so that no path
/// matters.
pub(crate) async fn holder_paths(
    transaction: &mut Transaction,
    system_key: i64,
    versions: Versions,
    coverage: &Coverage,
) -> Result<Option<HashMap<String, String>>, StoreError> {
    if coverage.any_path() {
        return Ok(None);
    }
    let at = match versions {
        Versions::NewIn(span) => Versions::At(span.to),
        versions => versions,
    };
    let mut text =
        Statement::building("SELECT v.external_id, v.path FROM account_versions v WHERE v.system_key = ");
    text.bind(system_key).push(" AND ");
    at.condition(&mut text, "v");
    let paths = transaction.fetch(text, |row| Ok((row.text(0)?, row.text(1)?))).await?;
    Ok(Some(paths.into_iter().collect()))
}

/// What is different between the two ends of a span, read from the versions that begin or end in it.
pub(crate) async fn changes(
    transaction: &mut Transaction,
    system_id: &SystemId,
    system_key: i64,
    span: Span,
) -> Result<ChangeSet, StoreError> {
    let coverage = Coverage::at(transaction, system_key, span.from).await?;
    let gone = Versions::NewIn(span.reversed());
    let before = load(transaction, system_id, system_key, gone, &coverage).await?;
    let coverage = Coverage::at(transaction, system_key, span.to).await?;
    let after = load(transaction, system_id, system_key, Versions::NewIn(span), &coverage).await?;
    Ok(difference(before, after))
}
