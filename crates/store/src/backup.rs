//! Backups of an SQLite store.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use sqlx::{ConnectOptions, Connection, Row, SqliteConnection};

use crate::connect::Pools;
use crate::sqlite_file;
use crate::transaction::failure;
use crate::{Store, StoreError};

impl Store {
    /// Writes a backup of the whole store, as of one moment, while it is in use. The file has mode 0600; it holds
    /// ciphertexts only, but also everything else: keep it as safe as the store, and apart from the key.
    ///
    /// # Errors
    /// [`StoreError::BackupNotWritten`] when the file cannot be made or is there already, [`StoreError::DiskFull`],
    /// [`StoreError::UsePgDump`] for PostgreSQL.
    pub async fn backup(&self, target: &Path) -> Result<(), StoreError> {
        const DOING: &str = "backing the store up";
        let Pools::Sqlite(pools) = &self.pools else {
            return Err(StoreError::UsePgDump { doing: DOING });
        };
        sqlite_file::make_empty(target).map_err(|error| not_written(target, &error))?;
        let io = |source| StoreError::Io { doing: DOING, source };
        let written = async {
            // VACUUM INTO accepts an existing file as long as it is empty (https://www.sqlite.org/lang_vacuum.html).
            sqlx::query("VACUUM INTO $1")
                .bind(target.to_string_lossy().into_owned())
                .execute(pools.writer())
                .await
                .map_err(|error| failure(DOING, &target.display().to_string(), &error))?;
            File::open(target).and_then(|file| file.sync_all()).map_err(io)?;
            sync_folder(target).map_err(io)
        }
        .await;
        if written.is_err() {
            sqlite_file::remove_unfinished(target);
        }
        written
    }

    /// Looks at every page of an SQLite store, and says what is wrong. Takes time in proportion to its size.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub async fn check(&self) -> Result<(), StoreError> {
        match &self.pools {
            Pools::Sqlite(pools) => {
                let mut connection = pools
                    .readers()
                    .acquire()
                    .await
                    .map_err(|error| failure("checking the store", &self.place, &error))?;
                quick_check(&mut connection, &self.place).await
            }
            Pools::Postgres(_) => Ok(()),
        }
    }
}

/// Whether a file is a sound SQLite store by itself. It is only read, and nothing is made beside it; nobody may be
/// writing to it.
///
/// # Errors
/// What is wrong with it: [`StoreError::NoStore`], [`StoreError::NotAStore`], [`StoreError::Damaged`].
pub async fn backup_is_sound(path: &Path) -> Result<(), StoreError> {
    let place = path.display().to_string();
    sqlite_file::inspect(path, &place)?;
    let refused = |error: sqlx::Error| failure("checking the backup", &place, &error);
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .read_only(true)
        .immutable(true)
        .disable_statement_logging();
    let mut connection = options.connect().await.map_err(refused)?;
    let checked = quick_check(&mut connection, &place).await;
    let closed = connection.close().await.map_err(refused);
    checked.and(closed)
}

/// Why a backup's file cannot be made.
fn not_written(target: &Path, error: &std::io::Error) -> StoreError {
    let folder = folder_of(target);
    let (why, advice) = match error.kind() {
        ErrorKind::AlreadyExists => (
            "something of that name is there already".to_owned(),
            "give a name that is free: a backup replaces nothing",
        ),
        ErrorKind::NotFound => (
            format!("there is no folder {}", folder.display()),
            "make the folder first, or give another place",
        ),
        ErrorKind::NotADirectory => {
            (format!("{} is not a folder", folder.display()), "give a place in a folder")
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => (
            format!("the folder {} cannot be written ({error})", folder.display()),
            "make it writable, or give another place",
        ),
        ErrorKind::StorageFull => ("the disk is full".to_owned(), "make room, or give another place"),
        _ => (error.to_string(), "give another place"),
    };
    StoreError::BackupNotWritten { backup: target.display().to_string(), why, advice }
}

pub(crate) fn sync_folder(path: &Path) -> std::io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// The folder a file is in; that of a bare name is the one we are in.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Lets SQLite look at every page, without comparing indexes with their tables.
async fn quick_check(connection: &mut SqliteConnection, place: &str) -> Result<(), StoreError> {
    let found = sqlx::query("PRAGMA quick_check(1)")
        .fetch_one(connection)
        .await
        .and_then(|row| row.try_get::<String, _>(0))
        .map_err(|error| failure("checking the store", place, &error))?;
    match found.as_str() {
        "ok" => Ok(()),
        // What SQLite says of pages tells people nothing.
        _ => {
            tracing::warn!(found, "SQLite's look at every page found an error");
            let what = "a look at every page found some that are not as they were written".to_owned();
            Err(StoreError::Damaged { place: place.to_owned(), what })
        }
    }
}
