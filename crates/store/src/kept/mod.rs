//! How much of history is kept.
//!
//! A single number says it for all systems: versions that ended in that run or in one before it are given up, and so is what
//! people once decided about. It moves in one transaction with its word in the audit log, and from then on nobody is shown
//! what lies before it, whether or not it was removed yet. Removing it follows, a little at a time ([`forget`](self::forget)),
//! and may be broken off and gone on with whenever that is.
//!
//! Of one system all is kept from the last run on that was published up to that number: no version that held then has ended
//! by it. What holds now never lies before it, so of a system that was not imported for long all that is known stays.

mod forget;
mod give_up;
mod parts;

use jiff::Timestamp;
use keyreeve_model::{ImportRunId, SystemId};

use crate::import_runs::StoredRun;
use crate::row::Row;
use crate::statement::statement;
use crate::transaction::{Transaction, reading};
use crate::{Store, StoreError, systems};

pub use give_up::GivenUp;

/// What is left to be removed of what was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftToRemove {
    /// Nothing that can be.
    Nothing,
    /// Something that is still read by somebody who began before it was given up. To look again costs nobody anything.
    IsRead,
    /// Something that could not be locked. Who waits for a lock has others wait behind, so it is not to be tried at once.
    InUse,
    /// There may be more.
    Some,
}

impl Store {
    /// Since when the history of a system is kept; `None` where all of it is.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn history_kept_since(&self, system_id: &SystemId) -> Result<Option<Timestamp>, StoreError> {
        reading!(self, "reading how much of history is kept", |transaction| {
            let key = systems::find(transaction, system_id, false).await?.key;
            let floor = floor(transaction).await?;
            Ok(first_kept(transaction, key, floor).await?.map(|(_, since)| since))
        })
        .await
    }
}

/// Versions that ended in this run or in one before it are given up; zero where all are kept.
pub(crate) async fn floor(transaction: &mut Transaction) -> Result<i64, StoreError> {
    let text = "SELECT floor_run FROM history_kept WHERE marker = 1";
    Ok(transaction.fetch_optional(statement!(text), |row| row.int(0)).await?.unwrap_or_default())
}

/// The first run of a system as of which all is kept, and when it was published; `None` where all runs are kept.
pub(crate) async fn first_kept(
    transaction: &mut Transaction,
    system_key: i64,
    floor: i64,
) -> Result<Option<(i64, Timestamp)>, StoreError> {
    const BEFORE: &str =
        "SELECT COUNT(*) FROM import_runs WHERE system_key = $1 AND state = 'published' AND run_id < $2";
    const LAST: &str = "SELECT run_id, published_at FROM import_runs WHERE system_key = $1 AND state = 'published' \
                        AND run_id <= $2 ORDER BY run_id DESC LIMIT 1";
    if floor == 0 {
        return Ok(None);
    }
    let Some((run, since)) =
        transaction.fetch_optional(statement!(LAST, system_key, floor), read_run).await?
    else {
        return Ok(None);
    };
    // Before its first run there was nothing to be given up.
    let before = transaction.fetch_one(statement!(BEFORE, system_key, run), |row| row.int(0)).await?;
    Ok((before > 0).then_some((run, since)))
}

fn read_run(row: &Row) -> Result<(i64, Timestamp), StoreError> {
    Ok((row.int(0)?, row.time(1)?))
}

/// Refuses a published run of a system as of which not all is kept. What the last one said is what there is now.
///
/// # Errors
/// [`StoreError::HistoryNotKept`].
pub(crate) async fn require_as_of(
    transaction: &mut Transaction,
    (system_key, system_id): (i64, &SystemId),
    run: ImportRunId,
) -> Result<(), StoreError> {
    let floor = floor(transaction).await?;
    if run.0 > floor {
        return Ok(());
    }
    match first_kept(transaction, system_key, floor).await? {
        Some((first, since)) if run.0 < first => {
            Err(StoreError::HistoryNotKept { system_id: system_id.clone(), since })
        }
        _ => Ok(()),
    }
}

/// Refuses what a run changed, or would have, where that is not kept. What waits for somebody to decide always is.
///
/// # Errors
/// [`StoreError::HistoryNotKept`].
pub(crate) async fn require_changes(
    transaction: &mut Transaction,
    stored: &StoredRun,
) -> Result<(), StoreError> {
    const AT: &str = "SELECT published_at FROM import_runs WHERE run_id = $1";
    let floor = floor(transaction).await?;
    if stored.run.id.0 > floor || stored.run.state == keyreeve_model::ImportRunState::Suspended {
        return Ok(());
    }
    let since = match first_kept(transaction, stored.system_key, floor).await? {
        Some((_, since)) => since,
        None => transaction.fetch_one(statement!(AT, floor), |row| row.time(0)).await?,
    };
    Err(StoreError::HistoryNotKept { system_id: stored.run.system_id.clone(), since })
}
