//! Writing history: versions that no longer hold are closed, new ones opened. Nothing else is written.

use std::cmp::Ordering;

use keyreeve_model::{Change, ChangeSet, ImportRunId};

use super::STILL;
use crate::StoreError;
use crate::statement::{Statement, Value, statement};
use crate::transaction::Transaction;

/// From how many keys on comparing all at once is sure to be faster than one by one.
const MANY_KEYS: usize = 50;

/// An object as version rows: its key, and its columns in the order of [`Version::INSERT`].
pub(super) trait Version {
    /// What the refusal of changes calls it.
    const OBJECT_TYPE: &'static str;
    /// `INSERT INTO … (system_key, key columns, valid_from_run, valid_to_run, first_seen_run, other columns) VALUES `.
    const INSERT: &'static str;
    /// How many columns that names.
    const COLUMNS: usize;
    /// `UPDATE … SET valid_to_run = `.
    const CLOSE: &'static str;
    /// The key column, or several in parentheses.
    const KEY: &'static str;
    /// How many key columns there are.
    const KEY_COLUMNS: usize;

    /// The key columns.
    fn key_values(&self) -> Vec<Value>;
    /// The order of the keys, in which rows are written: so an index grows at its end instead of everywhere.
    fn compare_keys(&self, other: &Self) -> Ordering;
    /// The run that saw the object first.
    fn first_seen(&self) -> ImportRunId;
    /// The other columns.
    fn values(&self) -> Result<Vec<Value>, StoreError>;
}

/// Makes a run's changes part of the history. The caller's transaction publishes the run as well, or neither.
pub(crate) async fn write_changes(
    transaction: &mut Transaction,
    system_key: i64,
    run: ImportRunId,
    changes: &ChangeSet,
) -> Result<(), StoreError> {
    write_each(transaction, system_key, run, &changes.accounts).await?;
    write_each(transaction, system_key, run, &changes.resources).await?;
    write_each(transaction, system_key, run, &changes.assignments).await
}

async fn write_each<T: Version + Sync>(
    transaction: &mut Transaction,
    system_key: i64,
    run: ImportRunId,
    changes: &[Change<T>],
) -> Result<(), StoreError> {
    close(transaction, system_key, run, changes).await?;
    open(transaction, system_key, run, changes).await
}

/// Ends the current version of everything that changed or went.
async fn close<T: Version + Sync>(
    transaction: &mut Transaction,
    system_key: i64,
    run: ImportRunId,
    changes: &[Change<T>],
) -> Result<(), StoreError> {
    let ending: Vec<&T> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Created { .. } => None,
            Change::Changed { before, .. } => Some(before.as_ref()),
            Change::Deleted { before } => Some(before),
        })
        .collect();
    for chunk in ending.chunks((transaction.dialect().values_per_statement() - 3) / T::KEY_COLUMNS) {
        let mut text = Statement::building(T::CLOSE);
        text.bind(run.0).push(" WHERE system_key = ").bind(system_key);
        text.push(" AND valid_to_run = ").bind(STILL).push(" AND ").push(T::KEY).push(" IN (VALUES ");
        text.bind_rows(chunk.iter().map(|object| object.key_values())).push(")");
        let around = transaction.dialect().around_many_keys().filter(|_| chunk.len() >= MANY_KEYS);
        if let Some((before, _)) = around {
            transaction.execute(statement!(before)).await?;
        }
        let (expected, found) = (chunk.len() as u64, transaction.execute(text).await?);
        if let Some((_, after)) = around {
            transaction.execute(statement!(after)).await?;
        }
        if expected != found {
            return Err(StoreError::ChangesDoNotFit { run, object_type: T::OBJECT_TYPE, expected, found });
        }
    }
    Ok(())
}

/// Begins a version of everything that appeared or changed.
async fn open<T: Version + Sync>(
    transaction: &mut Transaction,
    system_key: i64,
    run: ImportRunId,
    changes: &[Change<T>],
) -> Result<(), StoreError> {
    let mut beginning: Vec<(&T, ImportRunId)> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Created { after } => Some((after, run)),
            Change::Changed { before, after, .. } => Some((after, before.first_seen())),
            Change::Deleted { .. } => None,
        })
        .collect();
    beginning.sort_by(|(one, _), (other, _)| one.compare_keys(other));
    for chunk in beginning.chunks(transaction.dialect().values_per_statement() / T::COLUMNS) {
        let mut rows = Vec::with_capacity(chunk.len());
        for (object, first_seen) in chunk {
            let mut row = Vec::with_capacity(T::COLUMNS);
            row.push(Value::from(system_key));
            row.extend(object.key_values());
            row.extend([run.0.into(), STILL.into(), first_seen.0.into()]);
            row.extend(object.values()?);
            rows.push(row);
        }
        let expected = rows.len() as u64;
        let mut text = Statement::building(T::INSERT);
        text.bind_rows(rows).push(" ON CONFLICT DO NOTHING");
        let written = transaction.execute(text).await?;
        if expected != written {
            let found = expected.abs_diff(written);
            return Err(StoreError::ChangesDoNotFit { run, object_type: T::OBJECT_TYPE, expected: 0, found });
        }
    }
    Ok(())
}
