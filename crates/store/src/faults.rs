//! Planted faults, for tests only: a chosen store call fails as if the disk or the network had.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::error::DatabaseFailure;
use crate::{Store, StoreError};

/// Counts down to the call that fails; 0 means none will.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    calls_left: AtomicU64,
    refusals_left: AtomicU64,
    commits_left: AtomicU64,
    drops_left: AtomicU64,
    calls_made: AtomicU64,
    rows_read: AtomicU64,
}

impl Faults {
    /// A row was handed over.
    pub(crate) fn read_row(&self) {
        self.rows_read.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn check(&self, doing: &'static str) -> Result<(), StoreError> {
        self.calls_made.fetch_add(1, Ordering::SeqCst);
        if counted_down(&self.refusals_left) {
            return Err(StoreError::Database { doing, source: planted(true) });
        }
        if counted_down(&self.calls_left) {
            return Err(StoreError::Io { doing, source: io::Error::other("planted fault") });
        }
        Ok(())
    }

    pub(crate) fn drop_this_commit(&self, doing: &'static str) -> Option<StoreError> {
        counted_down(&self.drops_left).then(|| StoreError::CommitUnknown { doing, source: planted(false) })
    }

    pub(crate) fn lose_this_answer(&self, doing: &'static str) -> Option<StoreError> {
        counted_down(&self.commits_left).then(|| StoreError::CommitUnknown { doing, source: planted(false) })
    }
}

fn planted(transient: bool) -> DatabaseFailure {
    DatabaseFailure { message: "planted fault".to_owned(), transient, unique: false }
}

fn counted_down(left: &AtomicU64) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) == Ok(1)
}

/// Whether a test wants a text of this table to be another one when the store is moved: the variable
/// `KEYREEVE_SPOIL_MOVE_OF` names it.
pub(crate) fn spoils_move_of(table: &str) -> bool {
    std::env::var("KEYREEVE_SPOIL_MOVE_OF").is_ok_and(|named| named == table)
}

/// Runs statements on a PostgreSQL, for tests that make a place there: only this crate knows a driver.
///
/// # Errors
/// When there is none, or it refuses.
pub async fn tell_postgres(url: &str, statements: &str) -> Result<(), io::Error> {
    let mut connection = PgConnection::connect(url).await.map_err(io::Error::other)?;
    let told = sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut connection).await;
    told.map(|_| ()).map_err(io::Error::other)
}

/// The first column of what a PostgreSQL answers, as texts.
///
/// # Errors
/// As [`tell_postgres`].
pub async fn ask_postgres(url: &str, question: &str) -> Result<Vec<String>, io::Error> {
    let mut connection = PgConnection::connect(url).await.map_err(io::Error::other)?;
    let answer = sqlx::query_scalar(AssertSqlSafe(question.to_owned())).fetch_all(&mut connection).await;
    answer.map_err(io::Error::other)
}

impl Store {
    /// The `n`-th database call from now on fails with [`StoreError::Io`] before it reaches the database. Every
    /// begin, statement and commit counts, the first is 1.
    pub fn fail_call(&self, n: u64) {
        self.faults.calls_left.store(n, Ordering::SeqCst);
    }

    /// The `n`-th database call from now on is refused the way a busy database or a deadlock refuses it: the store
    /// begins the transaction again by itself.
    pub fn refuse_call(&self, n: u64) {
        self.faults.refusals_left.store(n, Ordering::SeqCst);
    }

    /// The `n`-th commit of a writing transaction from now on happens, but its answer is lost:
    /// [`StoreError::CommitUnknown`].
    pub fn lose_commit_answer(&self, n: u64) {
        self.faults.commits_left.store(n, Ordering::SeqCst);
    }

    /// The `n`-th commit of a transaction from now on does not happen, and the answer is the same as if it had been
    /// lost: [`StoreError::CommitUnknown`].
    pub fn drop_commit(&self, n: u64) {
        self.faults.drops_left.store(n, Ordering::SeqCst);
    }

    /// SQLite's writer finds no more room in the file from now on, until its connection is made anew.
    ///
    /// # Errors
    /// When the database refuses that.
    pub async fn fill_disk(&self) -> Result<(), StoreError> {
        let crate::connect::Pools::Sqlite(pools) = &self.pools else { return Ok(()) };
        // Fewer than there are: SQLite then takes as many as there are.
        let filled = sqlx::query("PRAGMA max_page_count = 1").execute(pools.writer()).await;
        filled
            .map(|_| ())
            .map_err(|error| crate::transaction::failure("filling the disk", &self.place, &error))
    }

    /// Whether a planted fault is still waiting: `false` after it fired, so a loop over `n` knows its end.
    #[must_use]
    pub fn fault_pending(&self) -> bool {
        let Faults { calls_left, refusals_left, commits_left, drops_left, .. } = &*self.faults;
        [calls_left, refusals_left, commits_left, drops_left]
            .iter()
            .any(|left| left.load(Ordering::SeqCst) > 0)
    }

    /// How many database calls were made, and how many rows were read by them. Every begin, statement and commit counts.
    #[must_use]
    pub fn work_done(&self) -> (u64, u64) {
        let Faults { calls_made, rows_read, .. } = &*self.faults;
        (calls_made.load(Ordering::SeqCst), rows_read.load(Ordering::SeqCst))
    }

    /// Takes planted faults back.
    pub fn clear_faults(&self) {
        self.fail_call(0);
        self.refuse_call(0);
        self.lose_commit_answer(0);
        self.drop_commit(0);
    }
}
