//! Putting a backup in the place of an SQLite store.

use std::fs::File;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::backup::sync_folder;
use crate::sqlite_file::{self, beside};
use crate::sqlite_hold::Hold;
use crate::{DatabaseUrl, Store, StoreError, StoreKey, backup_is_sound};

const DOING: &str = "restoring the backup";

/// Whether [`restore`] would put this backup in the store's place now: it is sound and opens with the key, and nobody
/// uses the store. Nothing stays changed.
///
/// # Errors
/// Those of [`restore`].
pub async fn can_restore(
    backup: &Path,
    store: &Path,
    key: &StoreKey,
    now: Timestamp,
) -> Result<(), StoreError> {
    let incoming = copy_that_opens(backup, store, key).await?;
    sqlite_file::remove_unfinished(&incoming);
    Hold::take(store, now).await?.release().await;
    Ok(())
}

/// Puts a backup in the place of an SQLite store that nobody uses. A copy of the backup is opened with the key first,
/// so a backup that would not open replaces nothing; the backup itself stays as it is, and so does the store that was
/// in the place, under another name. Gives that name.
///
/// # Errors
/// [`StoreError::BackupRefused`], [`StoreError::InUse`] or [`StoreError::Io`]; the store is as it was then.
pub async fn restore(
    backup: &Path,
    store: &Path,
    key: &StoreKey,
    now: Timestamp,
) -> Result<Option<PathBuf>, StoreError> {
    let incoming = copy_that_opens(backup, store, key).await?;
    let hold = match Hold::take(store, now).await {
        Ok(hold) => hold,
        Err(error) => {
            sqlite_file::remove_unfinished(&incoming);
            return Err(error);
        }
    };
    let swapped = swap(&incoming, store, now).map_err(io);
    hold.release().await;
    swapped
}

/// Copies the backup beside the store, and opens the copy as the store will be opened, which also brings its tables
/// up to date.
async fn copy_that_opens(backup: &Path, store: &Path, key: &StoreKey) -> Result<PathBuf, StoreError> {
    let refused = |error| refusal(backup, error);
    if backup.is_dir() {
        let (backup, why) = (backup.display().to_string(), "it is a folder".to_owned());
        return Err(StoreError::BackupRefused { backup, why, advice: "give the path of a backup" });
    }
    backup_is_sound(backup).await.map_err(refused)?;
    let incoming = beside(store, ".restoring");
    // Left behind by a restore that was interrupted before it changed anything.
    sqlite_file::remove_unfinished(&incoming);
    sqlite_file::make_empty(&incoming).map_err(io)?;
    let copied = async {
        let mut from = File::open(backup).map_err(io)?;
        let mut to = File::options().write(true).open(&incoming).map_err(io)?;
        std::io::copy(&mut from, &mut to).and_then(|_| to.sync_all()).map_err(io)?;
        let opened = Store::open(&DatabaseUrl::sqlite(&incoming), key.clone()).await.map_err(refused)?;
        let settled = opened.settle_file(DOING).await;
        opened.close().await;
        settled
    }
    .await;
    if let Err(error) = copied {
        sqlite_file::remove_unfinished(&incoming);
        return Err(error);
    }
    sqlite_file::remove_log(&incoming);
    Ok(incoming)
}

/// What is wrong with a backup, naming the backup and not its copy.
fn refusal(backup: &Path, error: StoreError) -> StoreError {
    let backup = backup.display().to_string();
    let (why, advice) = match error {
        StoreError::NoStore { .. } => ("there is no such file".to_owned(), "give the path of a backup"),
        StoreError::NotAStore { .. } => {
            ("it is not a Keyreeve store".to_owned(), "give a file that `keyreeve store backup` has written")
        }
        StoreError::Damaged { what, .. } => (format!("it is damaged ({what})"), "take another backup"),
        StoreError::WrongKey => (
            "it was made under another key than the one in place".to_owned(),
            "put the key file of that store in its place first",
        ),
        StoreError::NewerVersion { found, known, .. } => (
            format!("a newer Keyreeve made it (schema version {found}, this one knows up to {known})"),
            "restore it with the newer Keyreeve",
        ),
        StoreError::MigrationAltered { .. } => {
            ("a different build of Keyreeve made it".to_owned(), "restore it with the build that made it")
        }
        other => return other,
    };
    StoreError::BackupRefused { backup, why, advice }
}

/// Renames what is in the place, with its log, to a name that tells when, and the backup's copy to the place. What
/// was renamed is named back when the copy cannot take the place.
fn swap(incoming: &Path, store: &Path, now: Timestamp) -> std::io::Result<Option<PathBuf>> {
    let kept = beside(store, &format!(".replaced-{}", now.as_millisecond()));
    let there = store.exists();
    for ending in ["-wal", "-shm"] {
        rename_if_there(&beside(store, ending), &beside(&kept, ending))?;
    }
    rename_if_there(store, &kept)?;
    if let Err(error) = std::fs::rename(incoming, store) {
        for ending in ["", "-wal", "-shm"] {
            rename_if_there(&beside(&kept, ending), &beside(store, ending))?;
        }
        return Err(error);
    }
    if std::fs::metadata(beside(&kept, "-wal")).is_ok_and(|log| log.len() == 0) {
        sqlite_file::remove_log(&kept);
    }
    sync_folder(store)?;
    Ok(there.then_some(kept))
}

fn rename_if_there(from: &Path, to: &Path) -> std::io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn io(source: std::io::Error) -> StoreError {
    StoreError::Io { doing: DOING, source }
}
