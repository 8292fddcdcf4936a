//! Fresh places for stores, on both databases.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use keyreeve_store::{DatabaseUrl, Restoration, Store, StoreError, StoreKey};
use sqlx::Executor;
use tempfile::TempDir;

use crate::sample::at;

/// A place for one store; what is in it goes when this is dropped.
pub(crate) struct Place {
    pub(crate) url: DatabaseUrl,
    pub(crate) key: StoreKey,
    pub(crate) folder: TempDir,
    pub(crate) schema: Option<String>,
}

/// The address of the PostgreSQL server for tests.
pub(crate) fn postgres_url() -> String {
    std::env::var("KEYREEVE_TEST_POSTGRES").expect(
        "KEYREEVE_TEST_POSTGRES is not set: it names the PostgreSQL server for tests; `cargo xtask test` starts one",
    )
}

impl Place {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::sqlite(folder.path().join("store.db"));
        Self { url, key: StoreKey::generate().unwrap(), folder, schema: None }
    }

    pub(crate) async fn postgres() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let schema = format!("t{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst));
        let server = postgres_url();
        let mut connection = raw_postgres(&server).await;
        for text in [format!("DROP SCHEMA IF EXISTS {schema} CASCADE"), format!("CREATE SCHEMA {schema}")] {
            connection.execute(sqlx::AssertSqlSafe(text)).await.unwrap();
        }
        let separator = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{separator}options=-csearch_path%3D{schema}").parse().unwrap();
        Self {
            url,
            key: StoreKey::generate().unwrap(),
            folder: tempfile::tempdir().unwrap(),
            schema: Some(schema),
        }
    }

    /// One place on each database.
    pub(crate) async fn both() -> [Self; 2] {
        [Self::sqlite(), Self::postgres().await]
    }

    pub(crate) async fn create(&self) -> Store {
        Store::create(&self.url, self.key.clone(), at(0)).await.unwrap()
    }

    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.url, self.key.clone()).await.unwrap()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }

    /// Runs a statement behind the store's back.
    pub(crate) async fn tamper(&self, text: &str) {
        self.try_tamper(text).await.unwrap();
    }

    /// Runs a statement behind the store's back, which the database may refuse.
    pub(crate) async fn try_tamper(&self, text: &str) -> Result<(), sqlx::Error> {
        let text = sqlx::AssertSqlSafe(text.to_owned());
        match &self.schema {
            None => {
                use sqlx::{ConnectOptions, Connection};
                let mut connection =
                    sqlx::sqlite::SqliteConnectOptions::new().filename(self.file()).connect().await.unwrap();
                let done = connection.execute(text).await;
                connection.close().await.unwrap();
                done.map(|_| ())
            }
            Some(schema) => {
                let mut connection = raw_postgres(&postgres_url()).await;
                let path = format!("SET search_path = {schema}");
                connection.execute(sqlx::AssertSqlSafe(path)).await.unwrap();
                connection.execute(text).await.map(|_| ())
            }
        }
    }

    /// Makes a database that is no store, and runs a statement in it.
    pub(crate) async fn tamper_new(&self, text: &str) {
        std::fs::File::create_new(self.file()).unwrap();
        self.tamper(text).await;
    }

    /// One number, read behind the store's back.
    pub(crate) async fn number(&self, text: &str) -> i64 {
        let text = sqlx::AssertSqlSafe(text.to_owned());
        match &self.schema {
            None => {
                use sqlx::{ConnectOptions, Connection};
                let mut connection =
                    sqlx::sqlite::SqliteConnectOptions::new().filename(self.file()).connect().await.unwrap();
                let number = sqlx::query_scalar(text).fetch_one(&mut connection).await.unwrap();
                connection.close().await.unwrap();
                number
            }
            Some(schema) => {
                let mut connection = raw_postgres(&postgres_url()).await;
                let path = format!("SET search_path = {schema}");
                connection.execute(sqlx::AssertSqlSafe(path)).await.unwrap();
                sqlx::query_scalar(text).fetch_one(&mut connection).await.unwrap()
            }
        }
    }

    /// One text, read behind the store's back.
    pub(crate) async fn text(&self, text: &str) -> String {
        let text = sqlx::AssertSqlSafe(text.to_owned());
        match &self.schema {
            None => {
                use sqlx::{ConnectOptions, Connection};
                let mut connection =
                    sqlx::sqlite::SqliteConnectOptions::new().filename(self.file()).connect().await.unwrap();
                let found = sqlx::query_scalar(text).fetch_one(&mut connection).await.unwrap();
                connection.close().await.unwrap();
                found
            }
            Some(schema) => {
                let mut connection = raw_postgres(&postgres_url()).await;
                let path = format!("SET search_path = {schema}");
                connection.execute(sqlx::AssertSqlSafe(path)).await.unwrap();
                sqlx::query_scalar(text).fetch_one(&mut connection).await.unwrap()
            }
        }
    }

    /// The digest that the store keeps of the database's own description of its tables.
    pub(crate) async fn schema_digest(&self) -> String {
        let texts = match &self.schema {
            None => {
                use sqlx::{ConnectOptions, Connection};
                let mut connection =
                    sqlx::sqlite::SqliteConnectOptions::new().filename(self.file()).connect().await.unwrap();
                let text = "SELECT type || ' ' || name || ' ' || tbl_name || ' ' || coalesce(sql, '') \
                            FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%' ORDER BY type, name";
                let texts: Vec<String> = sqlx::query_scalar(text).fetch_all(&mut connection).await.unwrap();
                connection.close().await.unwrap();
                texts
            }
            Some(_) => vec!["postgres".to_owned()],
        };
        keyreeve_model::digest_hex(texts.join("\n").as_bytes())
    }

    /// How many version rows there are, open and closed.
    pub(crate) async fn version_rows(&self) -> i64 {
        self.number(
            "SELECT (SELECT COUNT(*) FROM account_versions) + (SELECT COUNT(*) FROM resource_versions) + \
             (SELECT COUNT(*) FROM assignment_versions)",
        )
        .await
    }
}

/// Puts a backup in a store's place, as the command does once it was confirmed.
pub(crate) async fn restore(
    backup: &Path,
    store: &Path,
    key: &StoreKey,
    now: Timestamp,
) -> Result<Option<PathBuf>, StoreError> {
    Restoration::prepare(backup, store, key, "local:test", now).await?.put_in_place(key, now).await
}

pub(crate) async fn raw_postgres(server: &str) -> sqlx::PgConnection {
    use sqlx::Connection;
    sqlx::PgConnection::connect(server).await.expect("the PostgreSQL server for tests answers")
}
