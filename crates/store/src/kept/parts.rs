//! The parts in which PostgreSQL keeps what ended: the last one is open, and has all numbers from its first one on. As time
//! goes by it is closed at a number that no run has yet, and another one begun; one that is given up whole is dropped.
//!
//! Both lock a table for a moment, so they give up at once where somebody else is at it, and are tried again later. Each
//! table has a transaction of its own: who reads takes several, and would be waited for while waiting.

use std::time::Duration;

use jiff::Timestamp;

use super::{LeftToRemove, floor};
use crate::connect::Pools;
use crate::history::STILL;
use crate::row::Row;
use crate::statement::{Statement, statement};
use crate::time::to_millis;
use crate::transaction::{Transaction, reading};
use crate::{CrashPoint, Store, StoreError};

const TABLES: [&str; 3] = ["account_versions", "resource_versions", "assignment_versions"];

/// So long at most others wait because of us.
const AT_MOST: &str = "SET LOCAL lock_timeout = '500ms'";

/// A part of what ended: from which number on, and up to which one that it does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    /// As a statement names it.
    name: String,
    from: i64,
    to: i64,
}

impl Store {
    /// Whether tables of history are in parts.
    pub(super) fn is_in_parts(&self) -> bool {
        matches!(self.pools, Pools::Postgres(_))
    }

    /// Begins another part of history in each table whose last one has been open for so long. There is nothing to do on SQLite,
    /// and nothing that must be done: an open part takes whatever ends.
    ///
    /// # Errors
    /// When the database cannot be read, or refuses for another reason than that somebody is in the way.
    pub async fn divide_history(&self, every: Duration, now: Timestamp) -> Result<(), StoreError> {
        if !self.is_in_parts() {
            return Ok(());
        }
        let since = to_millis(now.checked_sub(every).unwrap_or(Timestamp::MIN));
        for table in TABLES {
            let due = reading!(self, "looking at the parts of history", |transaction| {
                Ok(due(transaction, table, since).await?.is_some())
            })
            .await?;
            if due {
                self.divide(table, since).await.or_else(later)?;
            }
        }
        Ok(())
    }

    async fn divide(&self, table: &'static str, since: i64) -> Result<(), StoreError> {
        let mut begun = self.begin("beginning another part of history", true).await?;
        let transaction = &mut begun;
        transaction.execute(statement!(AT_MOST)).await?;
        tell(transaction, format!("LOCK TABLE ONLY {table} IN ACCESS EXCLUSIVE MODE")).await?;
        // Somebody else may have been faster.
        let Some(open) = due(transaction, table, since).await? else { return Ok(()) };
        // Runs that nobody sees yet have greater numbers than those that are there, and have ended nothing.
        let last = "SELECT COALESCE(MAX(run_id), CAST(0 AS BIGINT)) FROM import_runs";
        let cut = transaction.fetch_one(statement!(last), |row| row.int(0)).await?.saturating_add(1);
        let (closed, ended) = (format!("{table}_until_{cut}"), format!("{table}_ended"));
        let from = if open.from == 0 { "MINVALUE".to_owned() } else { open.from.to_string() };
        for text in [
            format!("ALTER TABLE {table} DETACH PARTITION {ended}"),
            format!("ALTER TABLE {ended} RENAME TO {closed}"),
            format!("ALTER TABLE {table} ATTACH PARTITION {closed} FOR VALUES FROM ({from}) TO ({cut})"),
            format!("CREATE TABLE {ended} PARTITION OF {table} FOR VALUES FROM ({cut}) TO ({STILL})"),
        ] {
            tell(transaction, text).await?;
        }
        begun.commit().await
    }

    /// Drops a part of each table that is given up whole.
    pub(super) async fn drop_old_parts(&self) -> Result<LeftToRemove, StoreError> {
        let mut left = LeftToRemove::Nothing;
        for table in TABLES {
            let old = reading!(self, "looking for old parts of history", |transaction| {
                Ok((old_part(transaction, table).await?.is_some(), is_read(transaction).await?))
            })
            .await?;
            left = left.max(match old {
                (false, _) => LeftToRemove::Nothing,
                (true, true) => LeftToRemove::IsRead,
                (true, false) => match self.drop_part(table).await {
                    Ok(()) => LeftToRemove::Some,
                    Err(error) if error.is_transient() => LeftToRemove::InUse,
                    Err(error) => return Err(error),
                },
            });
        }
        Ok(left)
    }

    async fn drop_part(&self, table: &'static str) -> Result<(), StoreError> {
        let mut begun = self.begin("dropping an old part of history", true).await?;
        let transaction = &mut begun;
        transaction.execute(statement!(AT_MOST)).await?;
        tell(transaction, format!("LOCK TABLE ONLY {table} IN ACCESS EXCLUSIVE MODE")).await?;
        if let Some(old) = old_part(transaction, table).await? {
            tell(transaction, format!("DROP TABLE {}", old.name)).await?;
        }
        CrashPoint::BeforePartDropped.pass();
        begun.commit().await
    }
}

/// What somebody is in the way of is done another time.
fn later(error: StoreError) -> Result<(), StoreError> {
    match error.is_transient() {
        true => Ok(()),
        false => Err(error),
    }
}

async fn tell(transaction: &mut Transaction, text: String) -> Result<(), StoreError> {
    transaction.execute(Statement::building(&text)).await.map(|_| ())
}

/// The parts of a table that have what ended, the oldest first; the last one is open.
async fn parts(transaction: &mut Transaction, table: &str) -> Result<Vec<Part>, StoreError> {
    const PARTS: &str = "SELECT CAST(CAST(p.oid AS regclass) AS TEXT), \
            COALESCE(CAST(substring(p.bounds FROM 'FROM \\(''?(\\d+)') AS BIGINT), CAST(0 AS BIGINT)) AS first, \
            CAST(substring(p.bounds FROM 'TO \\(''?(\\d+)') AS BIGINT) \
        FROM (SELECT c.oid, pg_get_expr(c.relpartbound, c.oid) AS bounds FROM pg_inherits i \
              JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = CAST($1 AS regclass)) p \
        WHERE p.bounds NOT LIKE '%TO (MAXVALUE)' ORDER BY first";
    let read = |row: &Row| Ok(Part { name: row.text(0)?, from: row.int(1)?, to: row.int(2)? });
    transaction.fetch(statement!(PARTS, table), read).await
}

/// The open part of a table, where a run that may have ended something in it began before a moment.
async fn due(transaction: &mut Transaction, table: &str, since: i64) -> Result<Option<Part>, StoreError> {
    const BEGAN: &str = "SELECT started_at FROM import_runs WHERE run_id >= $1 ORDER BY run_id LIMIT 1";
    let Some(open) = parts(transaction, table).await?.pop().filter(|part| part.to == STILL) else {
        return Ok(None);
    };
    let began = transaction.fetch_optional(statement!(BEGAN, open.from), |row| row.int(0)).await?;
    Ok(Some(open).filter(|_| began.is_some_and(|began| began <= since)))
}

/// A part that is given up whole.
async fn old_part(transaction: &mut Transaction, table: &str) -> Result<Option<Part>, StoreError> {
    let floor = floor(transaction).await?;
    Ok(parts(transaction, table).await?.into_iter().find(|part| part.to <= floor.saturating_add(1)))
}

/// Whether somebody reads who began to before it was decided what is given up: who has not looked into a part by the time
/// it is dropped would find less than there was.
async fn is_read(transaction: &mut Transaction) -> Result<bool, StoreError> {
    const READERS: &str = "SELECT CASE WHEN EXISTS (SELECT 1 FROM history_kept k JOIN pg_stat_activity a \
            ON a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_xmin IS NOT NULL \
            WHERE k.moved_in < txid_snapshot_xmax(txid_current_snapshot()) \
            AND age(a.backend_xmin) >= age(CAST(CAST(k.moved_in % 4294967296 AS TEXT) AS xid))) \
        THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END";
    transaction.fetch_one(statement!(READERS), |row| row.flag(0)).await
}
