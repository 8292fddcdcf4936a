//! Writing history: versions that no longer hold are closed, new ones opened. Nothing else is written.

use std::cmp::Ordering;

use futures::future::join;
use keyreeve_model::{Change, ChangeSet, ImportRunId};

use super::STILL;
use crate::dialect::Dialect;
use crate::statement::{Statement, Text, Value, rows_text, statement};
use crate::transaction::Transaction;
use crate::{CrashPoint, StoreError};

/// How many rows one statement inserts. With a tenth of it the way to the database's thread and back costs as much
/// as a fifth of a whole import; with more nothing is gained, and there is less to make ready meanwhile.
const ROWS_PER_INSERT: usize = 250;
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

    /// Adds the key columns.
    fn push_key(&self, values: &mut Vec<Value>);
    /// The order of the keys, in which rows are written: so an index grows at its end instead of everywhere.
    fn compare_keys(&self, other: &Self) -> Ordering;
    /// The run that saw the object first.
    fn first_seen(&self) -> ImportRunId;
    /// Adds the other columns.
    fn push_others(&self, values: &mut Vec<Value>) -> Result<(), StoreError>;
}

/// Makes a run's changes part of the history. The caller's transaction publishes the run as well, or neither.
pub(crate) async fn write_changes(
    transaction: &mut Transaction,
    system_key: i64,
    run: ImportRunId,
    changes: &ChangeSet,
) -> Result<(), StoreError> {
    write_each(transaction, system_key, run, &changes.accounts).await?;
    CrashPoint::MidPublish.pass();
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
        text.bind_rows(chunk.iter().map(|object| {
            let mut key = Vec::with_capacity(T::KEY_COLUMNS);
            object.push_key(&mut key);
            key
        }))
        .push(")");
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

/// Begins a version of everything that appeared or changed. While the database writes some rows, the values of the
/// next are made ready.
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
    beginning.sort_unstable_by(|(one, _), (other, _)| one.compare_keys(other));
    let inserts = Inserts::new::<T>(transaction.dialect(), beginning.len());
    let mut chunks = beginning.chunks(ROWS_PER_INSERT);
    let mut insert = || {
        let Some(chunk) = chunks.next() else { return Ok(None) };
        inserts.of(system_key, run, chunk).map(|statement| Some((chunk.len() as u64, statement)))
    };
    let mut next = insert()?;
    while let Some((expected, statement)) = next {
        let (written, following) = join(transaction.execute(statement), async { insert() }).await;
        let found = expected.abs_diff(written?);
        if found > 0 {
            return Err(StoreError::ChangesDoNotFit { run, object_type: T::OBJECT_TYPE, expected: 0, found });
        }
        next = following?;
    }
    Ok(())
}

/// The statements that insert rows of one table. All but the last have the same text.
struct Inserts {
    whole: Option<Text>,
}

impl Inserts {
    fn new<T: Version>(dialect: Dialect, rows: usize) -> Self {
        let whole = (rows > ROWS_PER_INSERT).then(|| dialect.repeated(Self::text::<T>(ROWS_PER_INSERT)));
        Self { whole }
    }

    fn text<T: Version>(rows: usize) -> String {
        rows_text(T::INSERT, T::COLUMNS, rows, " ON CONFLICT DO NOTHING")
    }

    fn of<T: Version>(
        &self,
        system_key: i64,
        run: ImportRunId,
        rows: &[(&T, ImportRunId)],
    ) -> Result<Statement, StoreError> {
        let mut values = Vec::with_capacity(rows.len() * T::COLUMNS);
        for (object, first_seen) in rows {
            values.push(system_key.into());
            object.push_key(&mut values);
            values.extend([run.0.into(), STILL.into(), first_seen.0.into()]);
            object.push_others(&mut values)?;
        }
        let text = match &self.whole {
            Some(whole) if rows.len() == ROWS_PER_INSERT => whole.clone(),
            _ => Text::Built(Self::text::<T>(rows.len())),
        };
        Ok(Statement { text, values })
    }
}
