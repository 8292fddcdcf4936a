//! Putting a backup in the place of an SQLite store.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use serde_json::json;

use crate::audit::recording;
use crate::backup::sync_folder;
use crate::sqlite_file::{self, beside, files_beside, remove_empty_log, rename_database};
use crate::sqlite_hold::Hold;
use crate::{DatabaseUrl, KeyCustody, Store, StoreError, backup_is_sound};

mod brought_back;
mod gone_since;
mod turn;

pub use brought_back::BroughtBack;
use gone_since::Head;
pub use gone_since::{Compared, GoneSince, GoneToken};
use turn::Turn;

const DOING: &str = "restoring the backup";

/// What is added to the name of a store that was replaced, before a number that tells when.
pub(crate) const REPLACED: &str = ".replaced-";

/// What is added to the name of a store for the copy that is to take its place.
const RESTORING: &str = ".restoring";

/// The same for a copy that is only looked at.
const PLANNED: &str = ".restore-plan";

/// What restores that were killed have left beside a store: no restore that is under way has it.
#[must_use]
pub fn left_by_restores(store: &Path) -> Vec<PathBuf> {
    let mut left = files_beside(store, |ending| ending.starts_with(RESTORING) || ending.starts_with(PLANNED));
    left.retain(|path| !Turn::is_taken(path));
    left
}

/// A backup that is ready to take the place of an SQLite store: a copy of it lies beside the store and opens with the
/// key. Dropping it takes the copy away; the backup itself always stays as it is.
#[derive(Debug)]
pub struct Restoration {
    backup: PathBuf,
    copy: PathBuf,
    store: PathBuf,
    brought_back: BroughtBack,
    compared: Compared,
    /// Where the audit log of the store in the place ended then.
    head: Option<Head>,
    /// As of when both were compared: what has only run out since is no change.
    at: Timestamp,
    /// Let go after the copy is gone.
    _turn: Turn,
}

impl Restoration {
    /// Copies the backup beside the store, opens the copy with the key, writes into its audit log that it was restored,
    /// and sees that nobody uses the store. A backup that would not open, or a store in use, is refused here, before
    /// anything is changed, and so is a second restore of the same store beside this one.
    ///
    /// # Errors
    /// [`StoreError::BackupRefused`], [`StoreError::InUse`], [`StoreError::RestoreUnderWay`] or [`StoreError::Io`].
    pub async fn prepare(
        backup: &Path,
        store: &Path,
        custody: &dyn KeyCustody,
        actor: &str,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let prepared = Self::copied(backup, store, RESTORING, custody, (actor, now)).await?;
        Hold::take(store, now).await?.release().await;
        Ok(prepared)
    }

    /// The same to look at what there would be: the store may be in use, and a restore that is under way is not disturbed.
    ///
    /// # Errors
    /// [`StoreError::BackupRefused`] or [`StoreError::Io`].
    pub async fn plan(
        backup: &Path,
        store: &Path,
        custody: &dyn KeyCustody,
        actor: &str,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        // Others may plan beside it.
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let ending = format!("{PLANNED}-{}-{number}", std::process::id());
        Self::copied(backup, store, &ending, custody, (actor, now)).await
    }

    async fn copied(
        backup: &Path,
        store: &Path,
        ending: &str,
        custody: &dyn KeyCustody,
        by: (&str, Timestamp),
    ) -> Result<Self, StoreError> {
        let copy = beside(store, ending);
        let turn = Turn::take(store, &copy)?;
        let brought_back = copy_that_opens(backup, &copy, custody, by).await?;
        let (compared, head) = gone_since::compare(&copy, store, None, by.1).await;
        sqlite_file::remove_log(&copy);
        let (backup, store) = (backup.to_owned(), store.to_owned());
        Ok(Self { backup, copy, store, brought_back, compared, head, at: by.1, _turn: turn })
    }

    /// What there will be in the store's place.
    #[must_use]
    pub fn brought_back(&self) -> &BroughtBack {
        &self.brought_back
    }

    /// What of it is gone in the store that is in the place.
    #[must_use]
    pub fn compared(&self) -> &Compared {
        &self.compared
    }

    /// Puts the copy in the store's place, if still nobody uses that, if nothing was written there since it was compared,
    /// and if the copy still opens with the key. What was in the place stays under another name, which this gives.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::Io`], [`StoreError::BackupRefused`] when the key is another one by now, and
    /// [`StoreError::ChangedSinceCompared`], after which [`Self::compared`] says what there is now; the store is as it was
    /// then.
    pub async fn put_in_place(
        &mut self,
        custody: &dyn KeyCustody,
        now: Timestamp,
    ) -> Result<Option<PathBuf>, StoreError> {
        let mut hold = Hold::take(&self.store, now).await?;
        let swapped = self.checked_and_swapped(custody, &mut hold, now).await;
        hold.release().await;
        swapped
    }

    async fn checked_and_swapped(
        &mut self,
        custody: &dyn KeyCustody,
        hold: &mut Hold,
        now: Timestamp,
    ) -> Result<Option<PathBuf>, StoreError> {
        let (compared, head) = gone_since::compare(&self.copy, &self.store, hold.connection(), self.at).await;
        let opened = Store::open(&DatabaseUrl::sqlite(&self.copy), custody).await;
        opened.map_err(|error| refusal(&self.backup, error))?.close().await;
        sqlite_file::remove_log(&self.copy);
        if compared == self.compared && head == self.head {
            return swap(&self.copy, &self.store, now).map_err(io);
        }
        (self.compared, self.head) = (compared, head);
        Err(StoreError::ChangedSinceCompared { place: self.store.display().to_string() })
    }
}

impl Drop for Restoration {
    fn drop(&mut self) {
        // Once it is in the place there is nothing of this name any more.
        sqlite_file::remove_unfinished(&self.copy);
    }
}

/// Copies the backup to where it waits, and opens the copy as the store will be opened, which also brings its tables
/// up to date.
async fn copy_that_opens(
    backup: &Path,
    incoming: &Path,
    custody: &dyn KeyCustody,
    (actor, now): (&str, Timestamp),
) -> Result<BroughtBack, StoreError> {
    let refused = |error| refusal(backup, error);
    if backup.is_dir() {
        let (backup, why) = (backup.display().to_string(), "it is a folder".to_owned());
        return Err(StoreError::BackupRefused { backup, why, advice: "give the path of a backup" });
    }
    // What a database has not written into its file yet lies beside it; a backup has nothing there.
    if beside(backup, "-wal").metadata().is_ok_and(|log| log.len() > 0) {
        let backup = backup.display().to_string();
        let why =
            format!("{backup}-wal beside it holds what was written last, so the file alone is not whole");
        let advice = "make a backup of that store with `keyreeve store backup`, and restore that";
        return Err(StoreError::BackupRefused { backup, why, advice });
    }
    backup_is_sound(backup).await.map_err(refused)?;
    // Left behind by a restore that was interrupted before it changed anything.
    sqlite_file::remove_unfinished(incoming);
    sqlite_file::make_empty(incoming).map_err(io)?;
    let copied = async {
        let mut from = File::open(backup).map_err(io)?;
        let mut to = File::options().write(true).open(incoming).map_err(io)?;
        std::io::copy(&mut from, &mut to).and_then(|_| to.sync_all()).map_err(io)?;
        let opened = Store::open(&DatabaseUrl::sqlite(incoming), custody).await.map_err(refused)?;
        let settled = async {
            note_restored(&opened, backup, actor, now).await?;
            let brought_back = BroughtBack::count(&opened, now).await?;
            opened.settle_file(DOING).await?;
            Ok(brought_back)
        }
        .await;
        opened.close().await;
        settled
    }
    .await;
    match &copied {
        Ok(_) => sqlite_file::remove_log(incoming),
        Err(_) => sqlite_file::remove_unfinished(incoming),
    }
    copied
}

/// Says in the log where it goes on: what was written after its end has no row any more.
async fn note_restored(store: &Store, backup: &Path, actor: &str, now: Timestamp) -> Result<(), StoreError> {
    recording!(store, DOING, now, |_transaction, trail| {
        let subject = json!({"backup": backup.display().to_string(), "head": trail.head()});
        trail.note(actor, None, "store_restored", &subject);
        Ok(())
    })
    .await
}

/// What to do about a backup of another key. Which keys there are is known to who knows the folders.
pub const KEY_OF_THE_BACKUP: &str = "name the key it was made under for this command: KEYREEVE_KEY=file:/whole/path, env:NAME, systemd:NAME or kms:ARN. \
                                     A key file that `secrets rekey` replaced has .old- and the first letters of its \
                                     fingerprint after its name";

/// What is wrong with a backup, naming the backup and not its copy.
fn refusal(backup: &Path, error: StoreError) -> StoreError {
    let backup = backup.display().to_string();
    let (why, advice) = match error {
        StoreError::NoStore { .. } => ("there is no such file".to_owned(), "give the path of a backup"),
        StoreError::NotAStore { .. } => {
            ("it is not a Keyreeve store".to_owned(), "give a file that `keyreeve store backup` has written")
        }
        StoreError::Damaged { what, .. } => (format!("it is damaged ({what})"), "take another backup"),
        StoreError::AuditAltered { .. } => {
            ("the tables or triggers of its audit log were altered".to_owned(), "take another backup")
        }
        StoreError::WrongKey => {
            ("it was made under another key than the one in place".to_owned(), KEY_OF_THE_BACKUP)
        }
        StoreError::KeyReplaced { version, by, .. } => (
            format!("the key in place is its key {version}, which key {by} had replaced by then"),
            "put the later key file of that store in its place first",
        ),
        StoreError::KeptElsewhere { kept, .. } => (
            format!("its key is kept at {kept}, which is not what `key` names"),
            "set `key` to where it is kept",
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
    let kept = beside(store, &format!("{REPLACED}{}", now.as_millisecond()));
    let there = store.exists();
    rename_database(store, &kept)?;
    if let Err(error) = std::fs::rename(incoming, store) {
        rename_database(&kept, store)?;
        return Err(error);
    }
    remove_empty_log(&kept);
    sync_folder(store)?;
    Ok(there.then_some(kept))
}

fn io(source: std::io::Error) -> StoreError {
    StoreError::Io { doing: DOING, source }
}
