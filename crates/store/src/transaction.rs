//! Transactions: the only way to the database, so the one place of errors, retries and planted faults.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use sqlx::{AssertSqlSafe, Postgres, SqlSafeStr, SqlStr, Sqlite};

use crate::audit::{AuditCheckpoint, Checkpoints};
use crate::dialect::{Dialect, Meaning, describe, is_surely_refused, meaning_of};
use crate::row::Row;
use crate::statement::{Statement, Text, postgres_arguments, sqlite_arguments, statement};
use crate::url::Kept;
use crate::writable::Writes;
use crate::{Store, StoreError};

/// So often at least a transaction is begun before a transient refusal is passed on.
const ATTEMPTS: u32 = 5;
/// So long it is begun again and again: many workers may want the same rows, and another server may have to take over.
const PATIENCE: Duration = Duration::from_secs(30);
/// From one time to the next it is waited so long at most, in milliseconds.
const LONGEST_WAIT: u64 = 320;

enum Inner {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// A text that is put together anew each time is kept prepared by a connection to SQLite if it is no longer, in bytes:
/// there are few such texts, and many that name thousands of things.
const KEPT_TEXT: usize = 4_096;

/// An open transaction. Dropped without commit, it is rolled back.
pub(crate) struct Transaction {
    inner: Inner,
    doing: &'static str,
    place: String,
    /// Whether statements are kept prepared.
    keeps: Kept,
    /// Where it is noted how writing went; `None` of what only reads.
    writes: Option<Arc<Writes>>,
    pub(crate) checkpoints: Arc<Checkpoints>,
    /// Where the audit log ends once this is committed.
    pub(crate) checkpoint: Option<AuditCheckpoint>,
    /// It has made data keys, which are nobody's until it is committed.
    pub(crate) keys_made: bool,
    #[cfg(feature = "faults")]
    faults: std::sync::Arc<crate::faults::Faults>,
}

impl Transaction {
    /// Which database it runs on.
    pub(crate) fn dialect(&self) -> Dialect {
        match self.inner {
            Inner::Sqlite(_) => Dialect::Sqlite,
            Inner::Postgres(_) => Dialect::Postgres,
        }
    }

    /// The connection to PostgreSQL, for what it alone has.
    pub(crate) fn postgres(&mut self) -> Option<&mut sqlx::PgConnection> {
        match &mut self.inner {
            Inner::Sqlite(_) => None,
            Inner::Postgres(transaction) => Some(&mut **transaction),
        }
    }

    /// Runs a statement and tells how many rows it wrote.
    pub(crate) async fn execute(&mut self, statement: Statement) -> Result<u64, StoreError> {
        self.check_fault()?;
        self.execute_inner(statement).await.map_err(|error| self.failed(&error))
    }

    async fn execute_inner(&mut self, statement: Statement) -> Result<u64, sqlx::Error> {
        let (text, kept) = self.prepare(statement.text);
        Ok(match &mut self.inner {
            Inner::Sqlite(transaction) => {
                let arguments = sqlite_arguments(statement.values)?;
                let query = sqlx::query_with::<Sqlite, _>(text, arguments).persistent(kept);
                query.execute(&mut **transaction).await?.rows_affected()
            }
            Inner::Postgres(transaction) => {
                let arguments = postgres_arguments(statement.values)?;
                let query = sqlx::query_with::<Postgres, _>(text, arguments).persistent(kept);
                query.execute(&mut **transaction).await?.rows_affected()
            }
        })
    }

    /// The text for the driver, and whether it keeps it prepared.
    fn prepare(&self, text: Text) -> (SqlStr, bool) {
        let may_keep = self.keeps == Kept::Yes;
        match text {
            Text::Fixed(text) => (text.into_sql_str(), may_keep),
            Text::Built(text) => {
                // Preparing takes SQLite longer than what is asked of it mostly does. PostgreSQL would plan for values.
                let kept = matches!(self.inner, Inner::Sqlite(_)) && text.len() <= KEPT_TEXT;
                (AssertSqlSafe(self.dialect().places(text)).into_sql_str(), kept)
            }
            Text::Repeated(text) => (AssertSqlSafe(text).into_sql_str(), may_keep),
        }
    }

    /// Runs a statement and turns each row into a value as it arrives.
    pub(crate) async fn fetch<T>(
        &mut self,
        statement: Statement,
        mut read: impl FnMut(&Row) -> Result<T, StoreError> + Send,
    ) -> Result<Vec<T>, StoreError>
    where
        T: Send,
    {
        self.check_fault()?;
        let mut found = Vec::new();
        let mut misread = None;
        let mut keep = |row: Row| match read(&row) {
            Ok(value) => {
                found.push(value);
                true
            }
            Err(error) => {
                misread = Some(error);
                false
            }
        };
        let outcome = self.each_row(statement, &mut keep).await;
        outcome.map_err(|error| self.failed(&error))?;
        misread.map_or(Ok(found), Err)
    }

    /// As [`Self::fetch`], for what may be in memory at once: SQLite's driver hands each row over by itself, from another
    /// thread, which takes longer than to find it; so it comes as one. `columns` is how many the statement names, none of
    /// them bytes.
    pub(crate) async fn fetch_together<T: Send>(
        &mut self,
        statement: Statement,
        columns: usize,
        mut read: impl FnMut(&Row) -> Result<T, StoreError> + Send,
    ) -> Result<Vec<T>, StoreError> {
        if let Inner::Postgres(_) = &self.inner {
            return self.fetch(statement, read).await;
        }
        let mut found = Vec::new();
        for text in self.fetch(statement.together(columns), |row| row.text(0)).await? {
            for row in Row::all_of(&text)? {
                #[cfg(feature = "faults")]
                self.faults.read_row();
                found.push(read(&row)?);
            }
        }
        Ok(found)
    }

    async fn each_row(
        &mut self,
        statement: Statement,
        keep: &mut (dyn FnMut(Row) -> bool + Send),
    ) -> Result<(), sqlx::Error> {
        let (text, kept) = self.prepare(statement.text);
        match &mut self.inner {
            Inner::Sqlite(transaction) => {
                let arguments = sqlite_arguments(statement.values)?;
                let query = sqlx::query_with::<Sqlite, _>(text, arguments).persistent(kept);
                let mut rows = query.fetch(&mut **transaction);
                while let Some(row) = rows.try_next().await? {
                    #[cfg(feature = "faults")]
                    self.faults.read_row();
                    if !keep(Row::Sqlite(row)) {
                        break;
                    }
                }
            }
            Inner::Postgres(transaction) => {
                let arguments = postgres_arguments(statement.values)?;
                let query = sqlx::query_with::<Postgres, _>(text, arguments).persistent(kept);
                let mut rows = query.fetch(&mut **transaction);
                while let Some(row) = rows.try_next().await? {
                    #[cfg(feature = "faults")]
                    self.faults.read_row();
                    if !keep(Row::Postgres(row)) {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Runs a statement that gives at most one row.
    pub(crate) async fn fetch_optional<T: Send>(
        &mut self,
        statement: Statement,
        read: impl FnMut(&Row) -> Result<T, StoreError> + Send,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.fetch(statement, read).await?.pop())
    }

    /// Runs a statement that gives exactly one row.
    pub(crate) async fn fetch_one<T: Send>(
        &mut self,
        statement: Statement,
        read: impl FnMut(&Row) -> Result<T, StoreError> + Send,
    ) -> Result<T, StoreError> {
        self.fetch_optional(statement, read)
            .await?
            .ok_or_else(|| StoreError::Data { what: "a row that must exist is missing".to_owned() })
    }

    /// Runs a text of several statements without values.
    pub(crate) async fn execute_script(&mut self, text: &'static str) -> Result<(), StoreError> {
        self.check_fault()?;
        let outcome = match &mut self.inner {
            Inner::Sqlite(transaction) => sqlx::raw_sql(text).execute(&mut **transaction).await.map(|_| ()),
            Inner::Postgres(transaction) => sqlx::raw_sql(text).execute(&mut **transaction).await.map(|_| ()),
        };
        outcome.map_err(|error| self.failed(&error))
    }

    /// The greatest version that migrations have brought the store to.
    pub(crate) async fn greatest_version(&mut self) -> Result<i64, StoreError> {
        let mut read = Ok(0);
        let mut keep = |row: Row| {
            read = row.int(0);
            false
        };
        let newest = statement!("SELECT MAX(version) FROM schema_migrations");
        self.each_row(newest, &mut keep).await.map_err(|error| self.failed(&error))?;
        read
    }

    /// Makes everything written so far last.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        self.check_fault()?;
        #[cfg(feature = "faults")]
        if let Some(error) = self.faults.drop_this_commit(self.doing) {
            return Err(error);
        }
        #[cfg(feature = "faults")]
        let lost = self.faults.lose_this_answer(self.doing);
        let (doing, place, writes) = (self.doing, self.place, self.writes);
        let (checkpoints, checkpoint) = (self.checkpoints, self.checkpoint);
        let outcome = match self.inner {
            Inner::Sqlite(transaction) => transaction.commit().await,
            Inner::Postgres(transaction) => transaction.commit().await,
        };
        #[cfg(feature = "faults")]
        if let (Ok(()), Some(error)) = (&outcome, lost) {
            return Err(error);
        }
        let outcome = outcome.map_err(|error| match &error {
            error if is_surely_refused(error) => failure(doing, &place, error),
            error => StoreError::CommitUnknown { doing, source: describe(error, false) },
        });
        if let Some(writes) = writes {
            match &outcome {
                Ok(()) => {
                    writes.went_well();
                    checkpoint.into_iter().for_each(|checkpoint| checkpoints.committed(checkpoint));
                }
                Err(error) => writes.refused(error),
            }
        }
        outcome
    }

    fn failed(&self, error: &sqlx::Error) -> StoreError {
        let error = failure(self.doing, &self.place, error);
        self.writes.iter().for_each(|writes| writes.refused(&error));
        error
    }

    #[cfg(feature = "faults")]
    fn check_fault(&self) -> Result<(), StoreError> {
        self.faults.check(self.doing)
    }

    #[cfg(not(feature = "faults"))]
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "the same shape as with planted faults"
    )]
    fn check_fault(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A driver's error in our words. A connection that breaks before the commit was sent has changed nothing, so it
/// counts as transient.
pub(crate) fn failure(doing: &'static str, place: &str, error: &sqlx::Error) -> StoreError {
    match meaning_of(error) {
        Meaning::Damaged => {
            tracing::warn!(%error, doing, "the database is damaged");
            let what = "what was read is not what the database wrote".to_owned();
            StoreError::Damaged { place: place.to_owned(), what }
        }
        Meaning::Full => StoreError::DiskFull { doing, place: place.to_owned() },
        Meaning::Unwritable => StoreError::Unwritable { doing, place: place.to_owned() },
        meaning => {
            let transient = meaning == Meaning::Transient || matches!(error, sqlx::Error::Io(_));
            StoreError::Database { doing, source: describe(error, transient) }
        }
    }
}

impl Store {
    /// Begins a transaction.
    pub(crate) async fn begin(&self, doing: &'static str, writing: bool) -> Result<Transaction, StoreError> {
        #[cfg(feature = "faults")]
        self.faults.check(doing)?;
        let writes = writing.then(|| Arc::clone(&self.writes));
        let inner = self.pools.begin(writing).await.map_err(|error| {
            let error = failure(doing, &self.place, &error);
            writes.iter().for_each(|writes| writes.refused(&error));
            error
        })?;
        let mut transaction = Transaction {
            inner: match inner {
                crate::connect::Begun::Sqlite(transaction) => Inner::Sqlite(transaction),
                crate::connect::Begun::Postgres(transaction) => Inner::Postgres(transaction),
            },
            doing,
            place: self.place.clone(),
            keeps: self.url.1,
            writes,
            checkpoints: Arc::clone(&self.checkpoints),
            checkpoint: None,
            keys_made: false,
            #[cfg(feature = "faults")]
            faults: self.faults.clone(),
        };
        self.is_not_outgrown(&mut transaction, writing).await?;
        Ok(transaction)
    }
}

/// How often a transaction was begun, and what was done about it.
pub(crate) struct Attempts {
    made: u32,
    since: Instant,
    /// It was looked whether the store's key was changed.
    key_looked_at: bool,
}

impl Attempts {
    /// Of one that is begun for the first time.
    pub(crate) fn first() -> Self {
        Self { made: 1, since: Instant::now(), key_looked_at: false }
    }
}

/// What comes after a transaction that ended.
pub(crate) enum Next {
    /// It is begun again.
    Again,
    /// It ends as it did.
    End,
    /// It ends with this error, which says more.
    EndWith(StoreError),
}

impl Store {
    /// Whether a transaction that ended like this should be begun again; waits a little if so. One that wanted a key which
    /// this process does not hold is begun again, once, with the key fetched anew.
    pub(crate) async fn what_next(&self, error: Option<&StoreError>, attempts: &mut Attempts) -> Next {
        match error {
            Some(StoreError::KeyChanged) if !attempts.key_looked_at => {
                attempts.key_looked_at = true;
                self.key_anew().await.map_or_else(Next::EndWith, |()| Next::Again)
            }
            Some(error)
                if error.is_transient()
                    && (attempts.made < ATTEMPTS || attempts.since.elapsed() < PATIENCE) =>
            {
                tokio::time::sleep(wait_before(attempts.made)).await;
                attempts.made += 1;
                Next::Again
            }
            _ => Next::End,
        }
    }
}

/// How long it is waited before a transaction is begun once more: ever longer, and no two for equally long, so that those
/// who were in each other's way are not so again.
fn wait_before(made: u32) -> Duration {
    let longest = LONGEST_WAIT.min(5 << made.min(7));
    let part = getrandom::u32().map_or(1.0, |drawn| f64::from(drawn) / f64::from(u32::MAX));
    Duration::from_millis(longest).mul_f64(0.5 + part / 2.0)
}

/// `writing!(store, "doing what", |transaction| …)`: does some work in one writing transaction, and again from the
/// start when the database asks for that. A future of `Result<_, StoreError>`; an error rolls everything back.
///
/// A macro and not a method with a closure, because futures of async closures that borrow are not yet known to the
/// compiler to be `Send`.
macro_rules! writing {
    ($store:expr, $doing:expr, |$transaction:ident| $work:expr $(,)?) => {
        async {
            let mut attempts = $crate::transaction::Attempts::first();
            loop {
                let outcome: Result<_, $crate::StoreError> = async {
                    let mut begun = $store.begin($doing, true).await?;
                    let value = {
                        let $transaction = &mut begun;
                        let done: Result<_, $crate::StoreError> = async { $work }.await;
                        done?
                    };
                    begun.commit().await?;
                    Ok(value)
                }
                .await;
                match $store.what_next(outcome.as_ref().err(), &mut attempts).await {
                    $crate::transaction::Next::Again => {}
                    $crate::transaction::Next::End => break outcome,
                    $crate::transaction::Next::EndWith(error) => break Err(error),
                }
            }
        }
    };
}
pub(crate) use writing;

/// `reading!(store, "doing what", |transaction| …)`: does some reading in one transaction, so that all of it sees
/// the same moment.
macro_rules! reading {
    ($store:expr, $doing:expr, |$transaction:ident| $work:expr $(,)?) => {
        async {
            let mut attempts = $crate::transaction::Attempts::first();
            loop {
                let outcome: Result<_, $crate::StoreError> = async {
                    let mut begun = $store.begin($doing, false).await?;
                    let $transaction = &mut begun;
                    let done: Result<_, $crate::StoreError> = async { $work }.await;
                    done
                }
                .await;
                match $store.what_next(outcome.as_ref().err(), &mut attempts).await {
                    $crate::transaction::Next::Again => {}
                    $crate::transaction::Next::End => break outcome,
                    $crate::transaction::Next::EndWith(error) => break Err(error),
                }
            }
        }
    };
}
pub(crate) use reading;
