//! Where the log ended at some moment, signed, in a file outside the database: rows that are cut off the log's end, with
//! the head put back that was there before them, are missed by it.
//!
//! It is written within a second of a commit, so it is never later than the truth, and it never goes back: what it says
//! is seen to be held by the log before it is written anew. Each machine has its own, of what it has seen.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::Sha256;

use super::{AuditHead, key_version, recording};
use crate::backup::sync_folder;
use crate::data_keys::{DataKey, Scope};
use crate::restore::REPLACED;
use crate::statement::statement;
use crate::transaction::{Transaction, reading};
use crate::{Store, StoreError, beside, folder_of};

/// What its file's name begins with, before what tells stores apart.
pub const CHECKPOINT_NAME: &str = "audit-checkpoint-";
/// It is written so long after a commit at the latest.
const WITHIN: Duration = Duration::from_secs(1);

/// Where the log ended at some moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditCheckpoint {
    /// Which store's log.
    pub store: String,
    /// Its last row.
    pub seq: i64,
    /// The hash of that.
    pub hash: String,
    /// When.
    pub at: Timestamp,
    /// What proves that a holder of the store's key wrote this.
    code: String,
}

impl AuditCheckpoint {
    pub(crate) fn signed(
        (version, key): (i64, &DataKey),
        store: &str,
        AuditHead { seq, hash }: &AuditHead,
        at: Timestamp,
    ) -> Self {
        let mut made =
            Self { store: store.to_owned(), seq: *seq, hash: hash.clone(), at, code: String::new() };
        made.code = made.code_by(version, key);
        made
    }

    /// The row.
    #[must_use]
    pub fn head(&self) -> AuditHead {
        AuditHead { seq: self.seq, hash: self.hash.clone() }
    }

    fn code_by(&self, version: i64, key: &DataKey) -> String {
        let mut block = zeroize::Zeroizing::new([0_u8; 64]);
        block.iter_mut().zip(key.bytes()).for_each(|(to, from)| *to = *from);
        let mut mac = Hmac::<Sha256>::new((&*block).into());
        let Self { store, seq, hash, at, .. } = self;
        mac.update(format!("keyreeve\0audit_checkpoint\0{store}\0{seq}\0{hash}\0{at}").as_bytes());
        let code: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{version}:{code}")
    }
}

/// The checkpoint of a store, as this process keeps it.
#[derive(Debug, Default)]
pub(crate) struct Checkpoints(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The file; `None` where none is kept.
    place: Option<PathBuf>,
    store: String,
    /// What the file says and the log was seen to hold.
    held: Option<AuditHead>,
    /// What the file says, of another log or of the one before a restore: it is written over.
    replaceable: Option<AuditHead>,
    /// What the file says, since another process wrote it.
    strange: Option<AuditHead>,
    /// What is to be written.
    latest: Option<AuditCheckpoint>,
    /// The log has lost what it should hold, or the file is none of ours: it stays as it is.
    missed: bool,
    due: bool,
}

impl Checkpoints {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store that checkpoints are made of, where any are.
    pub(crate) fn store(&self) -> Option<String> {
        let state = self.state();
        state.place.is_some().then(|| state.store.clone())
    }

    /// What the log must hold if `found` is its end: `None` if that is known.
    fn to_look_for(&self, found: &AuditHead) -> Option<AuditHead> {
        let state = self.state();
        let own = state.latest.as_ref().is_some_and(|latest| latest.head() == *found);
        match &state.strange {
            _ if state.missed || state.place.is_none() => None,
            Some(strange) => Some(strange.clone()),
            None if own => None,
            None => {
                let latest = state.latest.as_ref().map(AuditCheckpoint::head);
                latest.or_else(|| state.held.clone()).filter(|held| held != found)
            }
        }
    }

    fn seen(&self, head: AuditHead, held: bool) {
        let mut state = self.state();
        if !held {
            tracing::error!(
                row = head.seq,
                "the audit log has lost a row that it had: somebody cut or replaced it"
            );
            state.missed = true;
        } else if state.strange.as_ref() == Some(&head) {
            state.held = state.strange.take();
        }
    }

    /// The log ends here: it will be written within a second, or when the store is closed.
    pub(crate) fn committed(self: &Arc<Self>, checkpoint: AuditCheckpoint) {
        let mut state = self.state();
        if state.latest.as_ref().is_none_or(|latest| latest.seq < checkpoint.seq) {
            state.latest = Some(checkpoint);
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if !std::mem::replace(&mut state.due, true) {
            let later = Arc::downgrade(self);
            // Detached on purpose: what is not written by the process's end is written when this is dropped.
            drop(runtime.spawn(async move {
                tokio::time::sleep(WITHIN).await;
                if let Some(checkpoints) = later.upgrade() {
                    checkpoints.write();
                }
            }));
        }
    }

    /// Writes what is to be written.
    pub(crate) fn write(&self) {
        let mut state = self.state();
        state.due = false;
        let State { place: Some(place), latest: Some(latest), missed: false, held, replaceable, .. } =
            &*state
        else {
            return;
        };
        if held.as_ref() == Some(&latest.head()) {
            return;
        }
        match exchange(place, held.as_ref().or(replaceable.as_ref()), latest) {
            Ok(None) => {
                state.held = state.latest.as_ref().map(AuditCheckpoint::head);
                state.replaceable = None;
            }
            Ok(Some(strange)) => state.strange = Some(strange),
            Err(error) => tracing::warn!(%error, "the checkpoint of the audit log could not be written"),
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.write();
    }
}

/// Puts a checkpoint in the place of the one that is expected there. Gives another one that is.
fn exchange(
    place: &Path,
    expected: Option<&AuditHead>,
    new: &AuditCheckpoint,
) -> std::io::Result<Option<AuditHead>> {
    // Other processes wait.
    let folder = File::open(folder_of(place))?;
    folder.lock()?;
    match read(place)?.map(|found| found.head()) {
        Some(found) if found == new.head() => return Ok(None),
        Some(found) if Some(&found) != expected => return Ok(Some(found)),
        _ => {}
    }
    put(place, new).map(|()| None)
}

fn put(place: &Path, new: &AuditCheckpoint) -> std::io::Result<()> {
    let waiting = beside(place, ".next");
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&waiting)?;
    file.write_all(format!("{}\n", serde_json::to_string(new)?).as_bytes())?;
    file.sync_data()?;
    std::fs::rename(&waiting, place)?;
    sync_folder(place)
}

/// # Errors
/// `InvalidData` of a file that is no checkpoint.
fn read(place: &Path) -> std::io::Result<Option<AuditCheckpoint>> {
    match std::fs::read_to_string(place) {
        Ok(text) => Ok(Some(serde_json::from_str(&text)?)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The file of a store's checkpoint. A copy of a store has the store's id: an SQLite file has one of its own by where it is.
fn name_of(store: &str, database: Option<&Path>) -> String {
    let database = database.map(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let name = name.strip_suffix(ending_of_replaced(path).unwrap_or_default()).unwrap_or(name);
        let folder = folder_of(path);
        folder.canonicalize().unwrap_or_else(|_| folder.to_owned()).join(name).display().to_string()
    });
    let database = database.unwrap_or_default();
    let digest = keyreeve_model::digest_hex(format!("{store}\0{database}").as_bytes());
    format!("{CHECKPOINT_NAME}{}", digest.get(..16).unwrap_or_default())
}

/// The file of earlier versions: of all copies of a store in one, and of stores that were made in the same minute.
fn earlier_name_of(store: &str) -> String {
    let short: String = store.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
    format!("{CHECKPOINT_NAME}{short}")
}

/// What a restore has added to the name of a store that it put aside.
fn ending_of_replaced(database: &Path) -> Option<&str> {
    let name = database.file_name()?.to_str()?;
    let ending = name.get(name.rfind(REPLACED)?..)?;
    let number = ending.strip_prefix(REPLACED)?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(ending)
}

/// In the transaction that adds rows after `found`: whether the log still holds what was seen of it.
pub(super) async fn look(transaction: &mut Transaction, found: &AuditHead) -> Result<(), StoreError> {
    let checkpoints = Arc::clone(&transaction.checkpoints);
    if let Some(seen) = checkpoints.to_look_for(found) {
        let held = holds(transaction, &seen).await?;
        checkpoints.seen(seen, held);
    }
    Ok(())
}

async fn holds(transaction: &mut Transaction, head: &AuditHead) -> Result<bool, StoreError> {
    let text = "SELECT hash FROM audit_log WHERE seq = $1";
    let found = transaction.fetch_optional(statement!(text, head.seq), |row| row.text(0)).await?;
    Ok(found.as_ref() == Some(&head.hash) || (head.seq == 0 && head.hash == super::BEGINNING))
}

/// When the log was last put back to that of a backup. A row of it is proved with the rest of the log.
async fn restored_at(transaction: &mut Transaction) -> Result<Option<Timestamp>, StoreError> {
    let text = "SELECT MAX(at) FROM audit_log WHERE action = 'store_restored'";
    transaction.fetch_one(statement!(text), |row| row.opt_time(0)).await
}

/// How the log stands to its checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckpointState {
    /// There is none yet.
    None,
    /// The log holds it.
    Held(AuditCheckpoint),
    /// The log holds that row no more, or another in its place.
    Missed(AuditCheckpoint),
    /// It was written before a restore that the log tells of, and the log goes on from the backup.
    BeforeRestore(AuditCheckpoint, Timestamp),
    /// It is of another store, and says nothing of this one.
    OfAnother(AuditCheckpoint),
    /// The file is no checkpoint that was written with this store's key.
    Altered(PathBuf),
}

impl Store {
    /// Keeps a checkpoint of the audit log in a folder from now on. `false`: the log does not hold the one that is there,
    /// or that is none of this store's key; it is left as it is then.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn keep_audit_checkpoint(&self, folder: &Path) -> Result<bool, StoreError> {
        let store = self.keys.kek()?.store_id.clone();
        let database = self.url.sqlite_path();
        let ending = database.and_then(ending_of_replaced).unwrap_or_default();
        let place = beside(&folder.join(name_of(&store, database)), ending);
        let earlier = beside(&folder.join(earlier_name_of(&store)), ending);
        let is_ours = || read(&earlier).is_ok_and(|found| found.is_some_and(|found| found.store == store));
        let from_earlier = !place.exists() && is_ours();
        {
            let mut state = self.checkpoints.state();
            let at = if from_earlier { &earlier } else { &place };
            (state.place, state.store) = (Some(at.clone()), store);
        }
        let found = self.audit_checkpoint().await?;
        let mut state = self.checkpoints.state();
        if from_earlier
            && matches!(found, CheckpointState::Held(_))
            && std::fs::rename(&earlier, &place).is_ok()
        {
            state.place = Some(place);
        }
        match found {
            CheckpointState::None => {}
            CheckpointState::BeforeRestore(checkpoint, _) | CheckpointState::OfAnother(checkpoint) => {
                state.replaceable = Some(checkpoint.head());
            }
            CheckpointState::Held(checkpoint) => state.held = Some(checkpoint.head()),
            CheckpointState::Missed(_) | CheckpointState::Altered(_) => {
                state.missed = true;
            }
        }
        Ok(!state.missed)
    }

    /// Keeps the checkpoint of a store that is moved here, where that one keeps its own, and lets it begin with the row
    /// that tells of the move: one that lies there is of an earlier move, after which all of this was emptied.
    pub(crate) fn take_over_checkpoint(&self, from: &Self) {
        let (before, store) = {
            let state = from.checkpoints.state();
            (state.place.clone(), state.store.clone())
        };
        let Some(before) = before else { return };
        let place = folder_of(&before).join(name_of(&store, self.url.sqlite_path()));
        let mut state = self.checkpoints.state();
        state.replaceable = read(&place).ok().flatten().map(|found| found.head());
        (state.place, state.store) = (Some(place), store);
    }

    /// Writes the checkpoint now, and not within a second.
    pub fn write_audit_checkpoint(&self) {
        self.checkpoints.write();
    }

    /// How the log stands to the checkpoint that is kept of it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn audit_checkpoint(&self) -> Result<CheckpointState, StoreError> {
        let Some(place) = self.checkpoints.state().place.clone() else { return Ok(CheckpointState::None) };
        // Before the log: what is written meanwhile is later than this.
        let found = match read(&place) {
            Ok(None) => return Ok(CheckpointState::None),
            Ok(Some(found)) => found,
            Err(_) => return Ok(CheckpointState::Altered(place)),
        };
        if found.store != self.keys.kek()?.store_id {
            return Ok(CheckpointState::OfAnother(found));
        }
        reading!(self, "comparing the audit log with its checkpoint", |transaction| {
            if !self.is_signed(transaction, &found).await? {
                return Ok(CheckpointState::Altered(place.clone()));
            }
            let found = found.clone();
            if holds(transaction, &found.head()).await? {
                return Ok(CheckpointState::Held(found));
            }
            Ok(match restored_at(transaction).await?.filter(|restored| *restored > found.at) {
                Some(restored) => CheckpointState::BeforeRestore(found, restored),
                None => CheckpointState::Missed(found),
            })
        })
        .await
    }

    async fn is_signed(
        &self,
        transaction: &mut Transaction,
        found: &AuditCheckpoint,
    ) -> Result<bool, StoreError> {
        let Some(version) = key_version(&found.code) else { return Ok(false) };
        match self.keys.opened(transaction, &Scope::store(), version).await {
            Ok(key) => Ok(found.code_by(version, &key) == found.code),
            // That key is gone since; what was signed with it is held against the log all the same.
            Err(StoreError::SecretUnreadable { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Keeps the checkpoint as it is now for the store that a restore has put aside under this name, whose log goes on to
    /// where it says: that store is read with it from then on, and not with what is seen of this one.
    ///
    /// # Errors
    /// When the file cannot be copied.
    pub fn leave_audit_checkpoint_to(&self, replaced: &Path) -> Result<(), StoreError> {
        let place = self.checkpoints.state().place.clone();
        let (Some(place), Some(ending)) = (place, ending_of_replaced(replaced)) else { return Ok(()) };
        let io = |source| StoreError::Io { doing: "keeping the checkpoint of the replaced store", source };
        match std::fs::copy(&place, beside(&place, ending)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(io(error)),
            _ => sync_folder(&place).map_err(io),
        }
    }

    /// Lets the checkpoint begin anew where the log ends now, and says so in the log: a backup was restored, or somebody
    /// has looked into it.
    ///
    /// # Errors
    /// When the store or the file cannot be written.
    pub async fn renew_audit_checkpoint(
        &self,
        actor: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let before = match self.audit_checkpoint().await? {
            CheckpointState::Held(found)
            | CheckpointState::Missed(found)
            | CheckpointState::BeforeRestore(found, _) => {
                json!({"seq": found.seq, "hash": found.hash, "at": found.at})
            }
            CheckpointState::None | CheckpointState::OfAnother(_) | CheckpointState::Altered(_) => {
                serde_json::Value::Null
            }
        };
        recording!(self, "renewing the audit log's checkpoint", now, |_transaction, trail| {
            let subject = json!({"before": before, "reason": reason});
            trail.note(actor, None, "audit_checkpoint_renewed", &subject);
            Ok(())
        })
        .await?;
        let mut state = self.checkpoints.state();
        let (Some(place), Some(latest)) = (state.place.clone(), state.latest.clone()) else { return Ok(()) };
        let io = |source| StoreError::Io { doing: "renewing the audit log's checkpoint", source };
        put(&place, &latest).map_err(io)?;
        (state.held, state.strange, state.missed) = (Some(latest.head()), None, false);
        state.replaceable = None;
        Ok(())
    }
}
