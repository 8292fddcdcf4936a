//! Connections to an SQLite file. The database allows one writer, and readers never wait for it.
//!
//! Each connection has a thread of its own that does the database's work. A thread that works below others
//! ([`work_below_others`]) has connections apart, which it opens itself: what their threads do has its priority then
//! (on Linux a thread begins with that of the thread that makes it), and nobody else waits for one of them.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Pool, Sqlite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::dialect::Dialect;

/// How long a connection or a turn to write is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

thread_local! {
    static BELOW: Cell<bool> = const { Cell::new(false) };
}

/// From now on this thread uses connections apart from those of others, which it opens itself. To be called once its
/// priority has been lowered.
pub fn work_below_others() {
    BELOW.set(true);
}

/// The connections of a process to its file.
pub(crate) struct SqlitePools {
    usual: Pair,
    below: Pair,
    /// Whose turn it is to write. SQLite lets whoever comes at the right moment in; here who waits longest comes next.
    turn: Arc<Semaphore>,
}

struct Pair {
    writer: Pool<Sqlite>,
    readers: Pool<Sqlite>,
}

/// A transaction, with the turn to write where it writes.
pub(crate) type Begun = (sqlx::Transaction<'static, Sqlite>, Option<OwnedSemaphorePermit>);

impl SqlitePools {
    pub(crate) fn of(path: &Path) -> Self {
        Self { usual: Pair::of(path), below: Pair::of(path), turn: Arc::new(Semaphore::new(1)) }
    }

    pub(crate) fn writer(&self) -> &Pool<Sqlite> {
        &self.own().writer
    }

    pub(crate) fn readers(&self) -> &Pool<Sqlite> {
        &self.own().readers
    }

    pub(crate) async fn begin(&self, writing: bool) -> Result<Begun, sqlx::Error> {
        if !writing {
            return Ok((self.readers().begin_with(Dialect::Sqlite.begin_read()).await?, None));
        }
        let turn = timeout(PATIENCE, Arc::clone(&self.turn).acquire_owned()).await;
        let turn = turn.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        Ok((self.writer().begin_with(Dialect::Sqlite.begin_write()).await?, Some(turn)))
    }

    pub(crate) async fn close(&self) {
        for pair in [&self.usual, &self.below] {
            pair.readers.close().await;
        }
        for pair in [&self.usual, &self.below] {
            pair.writer.close().await;
        }
    }

    fn own(&self) -> &Pair {
        if BELOW.get() { &self.below } else { &self.usual }
    }
}

impl Pair {
    fn of(path: &Path) -> Self {
        let options = sqlite_options(path);
        let readers = options.clone().pragma("query_only", "ON");
        Self { writer: pool(1).connect_lazy_with(options), readers: pool(4).connect_lazy_with(readers) }
    }
}

/// Durable above all: a commit has reached the disk before it is answered.
fn sqlite_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("secure_delete", "ON")
        .busy_timeout(Duration::from_secs(5))
        .row_buffer_size(1_000)
        .statement_cache_capacity(256)
        .disable_statement_logging()
}

/// A file needs no liveness test before each use. But SQLite ends a transaction by itself when it finds no room, and the
/// driver, which cannot roll back what is over, takes it for open ever after: such a connection is made anew.
fn pool(connections: u32) -> PoolOptions<Sqlite> {
    PoolOptions::new()
        .before_acquire(|connection: &mut sqlx::SqliteConnection, _| {
            Box::pin(async move { Ok(!connection.is_in_transaction()) })
        })
        .max_connections(connections)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(PATIENCE)
}
