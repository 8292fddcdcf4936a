//! Connections to an SQLite file. The database allows one writer, and readers never wait for it.
//!
//! Each connection has a thread of its own that does the database's work. A thread that works below others
//! ([`work_below_others`]) reads over connections apart, which it opens itself: what their threads do has its priority
//! then (on Linux a thread begins with that of the thread that makes it), and nobody else waits for one of them. All
//! write over the same connection: whoever held the place of the one writer at a low priority would keep all others
//! waiting.

use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

use sqlx::pool::PoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Pool, Sqlite};

use crate::dialect::Dialect;

/// How long a connection is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

thread_local! {
    static BELOW: Cell<bool> = const { Cell::new(false) };
}

/// From now on this thread reads over connections apart from those of others, which it opens itself. To be called once
/// its priority has been lowered.
pub fn work_below_others() {
    BELOW.set(true);
}

/// The connections of a process to its file.
#[derive(Clone)]
pub(crate) struct SqlitePools {
    writer: Pool<Sqlite>,
    readers: Pool<Sqlite>,
    /// Of threads that work below others.
    below: Pool<Sqlite>,
}

impl SqlitePools {
    pub(crate) fn of(path: &Path) -> Self {
        let options = sqlite_options(path);
        let reading = options.clone().pragma("query_only", "ON");
        Self {
            writer: pool(1).connect_lazy_with(options),
            readers: pool(4).connect_lazy_with(reading.clone()),
            below: pool(4).connect_lazy_with(reading),
        }
    }

    pub(crate) fn writer(&self) -> &Pool<Sqlite> {
        &self.writer
    }

    pub(crate) fn readers(&self) -> &Pool<Sqlite> {
        if BELOW.get() { &self.below } else { &self.readers }
    }

    pub(crate) async fn begin(
        &self,
        writing: bool,
    ) -> Result<sqlx::Transaction<'static, Sqlite>, sqlx::Error> {
        match writing {
            true => self.writer.begin_with(Dialect::Sqlite.begin_write()).await,
            false => self.readers().begin_with(Dialect::Sqlite.begin_read()).await,
        }
    }

    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.below.close().await;
        self.writer.close().await;
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
