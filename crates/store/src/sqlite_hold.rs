//! Holding an SQLite store's file, so that nobody else uses it.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteLockingMode};
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection};

use crate::StoreError;
use crate::dialect::{Meaning, meaning_of};
use crate::time::{from_millis, to_millis};

/// How long another process may take to end what it is doing with the file.
const PATIENCE: Duration = Duration::from_secs(1);

/// Work whose lease has not run out: what it is, its number, and until when.
const LIVE_WORK: [&str; 2] = [
    "SELECT 'import run ' || run_id, lease_until FROM import_runs \
     WHERE state = 'running' AND lease_until > $1 ORDER BY lease_until DESC LIMIT 1",
    "SELECT 'task ' || task_id || ' of job ' || job_id, lease_until FROM tasks \
     WHERE state = 'running' AND lease_until > $1 ORDER BY lease_until DESC LIMIT 1",
];

/// The only use of a store's file. There is nothing to hold where no file is, and where it is too damaged to be
/// opened: then nobody can work with it either.
pub(crate) struct Hold(Option<SqliteConnection>);

impl Hold {
    /// Locks the file against everybody else. Whoever has a store open keeps SQLite's shared lock on its file, and
    /// the operating system takes that back when a process dies.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has the file open, or some work's lease is still alive.
    pub(crate) async fn take(store: &Path, now: Timestamp) -> Result<Self, StoreError> {
        if !store.exists() {
            return Ok(Self(None));
        }
        let in_use = |by: &str, advice| StoreError::InUse {
            place: store.display().to_string(),
            by: by.to_owned(),
            advice,
        };
        let mut connection = match lock(store).await {
            Ok(connection) => connection,
            Err(error) if meaning_of(&error) == Meaning::Transient => {
                return Err(in_use("another process has it open", END_IT.to_owned()));
            }
            Err(_) => return Ok(Self(None)),
        };
        if let Some((work, until)) = live_work(&mut connection, now).await {
            // Nothing of the file was changed, so nothing is lost when closing it fails.
            let _ = connection.close().await;
            let advice =
                format!("end the process that works on it, or, if that was killed, try again after {until}");
            return Err(in_use(&format!("{work} is under way"), advice));
        }
        // The file alone is to be the store when it is renamed. Its log goes with it, should this fail.
        let _ = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await;
        Ok(Self(Some(connection)))
    }

    /// What to read the file with meanwhile, where there is one that can be read: it lets nobody else in.
    pub(crate) fn connection(&mut self) -> Option<&mut SqliteConnection> {
        self.0.as_mut()
    }

    /// Lets go. SQLite sees by itself that the file was renamed, and touches no log under the old name.
    pub(crate) async fn release(self) {
        if let Some(connection) = self.0 {
            let _ = connection.close().await;
        }
    }
}

const END_IT: &str = "end every other keyreeve that uses this store, then try again";

/// With this locking mode SQLite takes the exclusive lock when it first reads a file with a write-ahead log, and
/// keeps it (<https://www.sqlite.org/wal.html#use_of_wal_without_shared_memory>).
async fn lock(store: &Path) -> Result<SqliteConnection, sqlx::Error> {
    let mut connection = SqliteConnectOptions::new()
        .filename(store)
        .create_if_missing(false)
        .locking_mode(SqliteLockingMode::Exclusive)
        .busy_timeout(PATIENCE)
        .disable_statement_logging()
        .connect()
        .await?;
    for text in ["BEGIN EXCLUSIVE", "COMMIT"] {
        sqlx::query(text).execute(&mut connection).await?;
    }
    Ok(connection)
}

/// Work under way. What cannot be read, because the file is damaged or of another version, holds nothing up.
async fn live_work(connection: &mut SqliteConnection, now: Timestamp) -> Option<(String, Timestamp)> {
    for text in LIVE_WORK {
        let found = sqlx::query(text).bind(to_millis(now)).fetch_optional(&mut *connection).await;
        if let Ok(Some(row)) = found
            && let (Ok(work), Ok(until)) = (row.try_get::<String, _>(0), row.try_get::<i64, _>(1))
            && let Ok(until) = from_millis(until)
        {
            return Some((work, until));
        }
    }
    None
}
