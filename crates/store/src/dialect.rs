//! Every true difference between SQLite and PostgreSQL, each as a function with a name.
//!
//! Everything else is one text for both: `$1`, `ON CONFLICT`, `RETURNING`, partial indexes, `LIKE … ESCAPE`.
//! Texts that are compared or sorted are declared `COLLATE "C"` in PostgreSQL's migrations, so that both
//! databases compare bytes and `lower()` folds ASCII only.

use sqlx::postgres::PgSeverity;

use crate::error::DatabaseFailure;
use crate::statement::Text;

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// How a transaction that will write begins. SQLite takes the only write lock at once, so that it cannot
    /// fail half-way for want of it; PostgreSQL locks rows as it goes, see [`Self::lock_row`].
    pub(crate) fn begin_write(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED",
        }
    }

    /// How a transaction that only reads begins: all its statements see the same moment.
    pub(crate) fn begin_read(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// What makes a `SELECT` of one row keep other writers off it until the end of the transaction. Rows
    /// that only refer to it can be written meanwhile.
    pub(crate) fn lock_row(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR NO KEY UPDATE",
        }
    }

    /// As [`Self::lock_row`], of those rows that nobody else has locked; the others are left out.
    pub(crate) fn lock_free_rows(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR NO KEY UPDATE SKIP LOCKED",
        }
    }

    /// The same of heads `h` of errands that are looked for together with others' rows.
    pub(crate) fn lock_free_heads(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE OF h SKIP LOCKED",
        }
    }

    /// The database's own time, in microseconds since 1970; PostgreSQL's goes on within a transaction.
    pub(crate) fn clock_micros(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
            Self::Postgres => "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)",
        }
    }

    /// Reads where the audit log ends, and keeps other writers off it until the end of the transaction.
    pub(crate) fn lock_audit_head(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT seq, hash, mac FROM audit_head WHERE marker = 1",
            Self::Postgres => "SELECT seq, hash, mac FROM audit_head WHERE marker = 1 FOR NO KEY UPDATE",
        }
    }

    /// How many values one statement may carry that is sent once: SQLite's limit is 32,766 as compiled,
    /// PostgreSQL's 65,535. Fewer are used, because longer statements are not faster.
    pub(crate) fn values_per_statement(self) -> usize {
        match self {
            Self::Sqlite => 8_000,
            Self::Postgres => 16_000,
        }
    }

    /// A text as the database reads it fastest. SQLite takes `$7` for a name and looks it up among all the others,
    /// which takes time in the square of their number; a mere `?` it counts
    /// (<https://www.sqlite.org/lang_expr.html#varparam>). Built texts hold each `$n` once, in order, and no other `$`.
    pub(crate) fn places(self, built: String) -> String {
        match self {
            Self::Sqlite => counted(&built),
            Self::Postgres => built,
        }
    }

    /// A text that is sent many times, see [`Text::Repeated`].
    pub(crate) fn repeated(self, built: String) -> Text {
        Text::Repeated(self.places(built).into())
    }

    /// What comes before and after a statement that looks up many keys at once. PostgreSQL's planner knows nothing
    /// yet of rows that were just loaded, takes them for few and would compare each with each; SQLite always goes
    /// through the index.
    pub(crate) fn around_many_keys(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(("SET LOCAL enable_nestloop = off", "SET LOCAL enable_nestloop = on")),
        }
    }

    /// Several rows of a group as one text: a list of JSON lists, in no order. A row less is a message less between
    /// the database and us.
    pub(crate) fn json_of_rows(self, columns: &str) -> String {
        match self {
            Self::Sqlite => format!("json_group_array(json_array({columns}))"),
            Self::Postgres => format!("CAST(json_agg(json_build_array({columns})) AS TEXT)"),
        }
    }

    /// The number that the object of a JSON text has under a name; null where it has none.
    pub(crate) fn number_in(self, text: &str, name: &str) -> String {
        match self {
            Self::Sqlite => format!("({text} ->> '{name}')"),
            Self::Postgres => format!("CAST(CAST({text} AS JSON) ->> '{name}' AS BIGINT)"),
        }
    }

    /// What has a table be read through one index, which knows less than others of the rows and has their order: SQLite counts
    /// columns that are given, PostgreSQL knows what the order is worth.
    pub(crate) fn through(self, index: &str) -> String {
        match self {
            Self::Sqlite => format!(" INDEXED BY {index}"),
            Self::Postgres => String::new(),
        }
    }

    /// Whether a table can be seen, as 1 or 0; the name is `$1`.
    pub(crate) fn table_exists(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "SELECT CAST(COUNT(*) AS BIGINT) FROM sqlite_schema WHERE type = 'table' AND name = $1"
            }
            Self::Postgres => {
                "SELECT CASE WHEN to_regclass($1) IS NULL THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END"
            }
        }
    }

    /// The database's own description of our tables, one text a row. Only SQLite's can be damaged without the
    /// database noticing, so only SQLite's is looked at.
    pub(crate) fn schema_texts(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "SELECT type || ' ' || name || ' ' || tbl_name || ' ' || coalesce(sql, '') FROM sqlite_schema \
                 WHERE name NOT LIKE 'sqlite_stat%' ORDER BY type, name"
            }
            Self::Postgres => "SELECT 'postgres'",
        }
    }

    /// The audit log's tables and triggers, each with the statement that made it, as the database keeps it; of PostgreSQL
    /// the triggers in force, each with what it does.
    pub(crate) fn audit_schema_texts(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema \
                 WHERE tbl_name IN ('audit_log', 'audit_head') AND type IN ('table', 'trigger') ORDER BY name"
            }
            Self::Postgres => {
                "SELECT 'trigger ' || t.tgname, p.prosrc FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid \
                 WHERE t.tgrelid IN ('audit_log'::regclass, 'audit_head'::regclass) AND NOT t.tgisinternal \
                 AND t.tgenabled = 'O' ORDER BY t.tgname"
            }
        }
    }

    /// What kind each of them is of, and its name.
    pub(crate) fn audit_objects(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Sqlite => &[
                ("TABLE", "audit_log"),
                ("TABLE", "audit_head"),
                ("TRIGGER", "audit_log_is_not_altered"),
                ("TRIGGER", "audit_log_is_not_emptied"),
                ("TRIGGER", "audit_head_stays"),
            ],
            Self::Postgres => &[
                ("TRIGGER", "audit_log_stays"),
                ("TRIGGER", "audit_log_is_not_emptied"),
                ("TRIGGER", "audit_head_stays"),
            ],
        }
    }

    /// The number of the transaction under way, by which those that saw the store before it are told; SQLite lets them go on
    /// seeing what they saw.
    pub(crate) fn transaction_number(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT CAST(NULL AS INTEGER)",
            Self::Postgres => "SELECT txid_current()",
        }
    }

    /// What keeps two processes from migrating at once. SQLite's write lock does so already.
    pub(crate) fn lock_migrations(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("SELECT pg_advisory_xact_lock(7732459016342)"),
        }
    }

    /// What waits for all who have looked which version the store has and are still at it, and lets nobody look before this
    /// transaction has ended. SQLite's write lock does so already.
    pub(crate) fn lock_version(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("LOCK TABLE schema_migrations IN ACCESS EXCLUSIVE MODE"),
        }
    }
}

/// The text with `?` for each `$n`.
fn counted(text: &str) -> String {
    let mut counted = String::with_capacity(text.len());
    for (number, piece) in text.split('$').enumerate() {
        if number > 0 {
            counted.push('?');
        }
        counted.push_str(if number > 0 {
            piece.trim_start_matches(|c: char| c.is_ascii_digit())
        } else {
            piece
        });
    }
    counted
}

/// What a database error means to us, read from its code.
///
/// SQLite's codes are its extended result codes in decimal (<https://www.sqlite.org/rescode.html>);
/// PostgreSQL's are SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The same transaction may succeed when begun again.
    Transient,
    /// The file is damaged or no database.
    Damaged,
    /// The disk is full.
    Full,
    /// It can be read, but not written.
    Unwritable,
    /// Anything else.
    Other,
}

/// Reads the meaning of an error.
pub(crate) fn meaning_of(error: &sqlx::Error) -> Meaning {
    let sqlx::Error::Database(error) = error else { return Meaning::Other };
    let Some(code) = error.code() else { return Meaning::Other };
    match code.parse::<i64>() {
        // SQLite's primary code is the low byte of the extended one: BUSY 5, LOCKED 6, READONLY 8, CORRUPT 11,
        // FULL 13, CANTOPEN 14 (such as a log in a folder that cannot be written), NOTADB 26.
        // IOERR_SHMSIZE: the log's index could not grow, for which a full disk is the reason.
        Ok(4874) => Meaning::Full,
        Ok(number) if code.len() < 5 => match number & 0xff {
            5 | 6 => Meaning::Transient,
            11 | 26 => Meaning::Damaged,
            13 => Meaning::Full,
            8 | 14 => Meaning::Unwritable,
            _ => Meaning::Other,
        },
        // Serialisation failure, deadlock, lock not available, shutting down, starting up; disk full; read-only.
        _ => match code.as_ref() {
            "40001" | "40P01" | "55P03" | "57P01" | "57P02" | "57P03" => Meaning::Transient,
            "53100" => Meaning::Full,
            "25006" => Meaning::Unwritable,
            _ => Meaning::Other,
        },
    }
}

/// Whether an answer to a commit says for sure that it did not happen. A server that shuts down may have written it
/// already (<https://www.postgresql.org/docs/current/warm-standby.html#SYNCHRONOUS-REPLICATION>), and a connection pooler
/// says in its own words that the server's connection broke, whenever that was; such answers end the connection, or are of
/// the classes of broken connections, of an unknown end (`40003`), of a system's or of an internal error.
pub(crate) fn is_surely_refused(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else { return false };
    let Some(error) = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() else { return true };
    let ends = matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic);
    let code = error.code();
    let unsure = ["08", "57P", "58", "XX"].iter().any(|class| code.starts_with(class)) || code == "40003";
    !ends && !unsure
}

/// The error in words, without any value that was sent: of a database error only its own first line and code.
pub(crate) fn describe(error: &sqlx::Error, transient: bool) -> DatabaseFailure {
    let message = match error {
        sqlx::Error::Database(error) => {
            let code = error.code().map(|code| format!(" (code {code})")).unwrap_or_default();
            format!("{}{code}", error.message())
        }
        sqlx::Error::Io(error) => format!("the connection failed: {error}"),
        sqlx::Error::Tls(_) => {
            "the TLS handshake failed; check sslmode and the server's certificate".to_owned()
        }
        sqlx::Error::PoolTimedOut => "no connection became free in time".to_owned(),
        sqlx::Error::PoolClosed => "the store was closed".to_owned(),
        sqlx::Error::WorkerCrashed => "the database's own thread has stopped".to_owned(),
        sqlx::Error::Configuration(_) => "the address does not fit the database".to_owned(),
        sqlx::Error::Protocol(_) => "the answer could not be understood".to_owned(),
        _ => "the database driver failed".to_owned(),
    };
    let unique = matches!(error, sqlx::Error::Database(error) if error.is_unique_violation());
    DatabaseFailure { message, transient, unique }
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::SqliteConnectOptions;
    use sqlx::{ConnectOptions, Connection, SqliteConnection};

    use super::counted;
    use crate::StoreError;
    use crate::transaction::failure;

    async fn said(connection: &mut SqliteConnection, text: &'static str) -> StoreError {
        failure("importing", "/srv/store.db", &sqlx::query(text).execute(connection).await.unwrap_err())
    }

    #[tokio::test]
    async fn a_full_disk_and_a_store_that_cannot_be_written_are_said_in_plain_words() {
        let mut small = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        sqlx::raw_sql("CREATE TABLE rows (bytes BLOB); PRAGMA max_page_count = 2")
            .execute(&mut small)
            .await
            .unwrap();
        let full = said(&mut small, "INSERT INTO rows VALUES (zeroblob(100000))").await;
        assert!(matches!(full, StoreError::DiskFull { .. }), "{full:?}");
        let text = full.to_string();
        assert!(
            text.starts_with("importing: the disk that holds /srv/store.db is full")
                && text.contains("make room")
        );
        sqlx::query("PRAGMA query_only = ON").execute(&mut small).await.unwrap();
        let unwritable = said(&mut small, "DELETE FROM rows").await;
        assert!(matches!(unwritable, StoreError::Unwritable { .. }), "{unwritable:?}");
        let nowhere = SqliteConnectOptions::new().filename("/nowhere/at/all.db").create_if_missing(true);
        let unwritable = failure("opening", "/nowhere", &nowhere.connect().await.unwrap_err());
        assert!(matches!(unwritable, StoreError::Unwritable { .. }), "{unwritable:?}");
    }

    #[test]
    fn places_are_counted_in_order() {
        assert_eq!(counted("a = $1 AND b IN ($2, $10)"), "a = ? AND b IN (?, ?)");
        assert_eq!(counted("SELECT 1"), "SELECT 1");
    }
}
