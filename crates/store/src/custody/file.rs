//! The key in a file that only its owner can read.

use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::{KeyCustody, KeyRecord, MadeKey};
use crate::backup::sync_folder;
use crate::{CrashPoint, KeyError, StoreKey, beside};

/// The key in a file that only its owner can read.
#[derive(Debug, Clone)]
pub struct FileCustody(pub PathBuf);

#[async_trait]
impl KeyCustody for FileCustody {
    fn place(&self) -> String {
        format!("file:{}", self.0.display())
    }

    async fn open(&self, _: &KeyRecord) -> Result<StoreKey, KeyError> {
        StoreKey::read_file(&self.0)
    }

    async fn make(&self, _: &str, _: i64) -> Result<MadeKey, KeyError> {
        Ok(MadeKey { key: made_or_found(&self.0)?, sealed: None })
    }
}

/// The file of a key that is about to take another one's place: it lies beside the place until [`Self::put_in_place`].
#[derive(Debug, Clone)]
pub struct NextFileCustody(pub PathBuf);

impl NextFileCustody {
    /// Where the key waits.
    #[must_use]
    pub fn waiting(&self) -> PathBuf {
        beside(&self.0, ".next")
    }

    /// Where the key that was in the place is kept from then on: under a name of its own, whatever is restored later.
    #[must_use]
    pub fn kept(&self, fingerprint: &str) -> PathBuf {
        let short: String = fingerprint.chars().take(8).collect();
        beside(&self.0, &format!(".old-{short}"))
    }

    /// Puts the waiting key in its place, and keeps the one that was there. At each moment there is a whole key in the
    /// place, if there was one before. Gives where the one of this fingerprint is, if it was kept from there; what was done
    /// already is not done again.
    ///
    /// # Errors
    /// [`KeyError::AlreadyThere`] when another key lies where the old one is to be kept, [`KeyError::Io`].
    pub fn put_in_place(&self, fingerprint: &str) -> Result<Option<PathBuf>, KeyError> {
        let (waiting, kept) = (self.waiting(), self.kept(fingerprint));
        let refused = |source| KeyError::Io { doing: "replacing", path: self.0.clone(), source };
        if !waiting.exists() {
            return Ok(kept.exists().then_some(kept));
        }
        if self.0.exists() {
            // After a restore with a key of before, another one lies in the place.
            let aside = match StoreKey::read_file(&self.0) {
                Ok(there) => self.kept(&there.fingerprint()),
                Err(error @ (KeyError::Io { .. } | KeyError::Missing { .. })) => return Err(error),
                // Whatever it is, it is not lost.
                Err(_) => kept.clone(),
            };
            keep(&self.0, &aside)?;
            sync_folder(&self.0).map_err(refused)?;
            CrashPoint::BeforeKeySwap.pass();
        }
        std::fs::rename(&waiting, &self.0).and_then(|()| sync_folder(&self.0)).map_err(refused)?;
        CrashPoint::AfterKeySwap.pass();
        Ok(kept.exists().then_some(kept))
    }
}

impl NextFileCustody {
    /// Whether the key of that fingerprint waits, or lies in the place.
    #[must_use]
    pub fn has(&self, fingerprint: &str) -> bool {
        key_file_holds(&self.waiting(), fingerprint) || key_file_holds(&self.0, fingerprint)
    }

    /// Takes the key of a change that was given up out of the way, whether it waits or lies in the place already: it is
    /// kept as others of before are, so that the place is free. If the key that stays was kept from there, it is in the
    /// place again. Gives where the given-up key is, if it was there; what was done already is not done again.
    ///
    /// # Errors
    /// As [`Self::put_in_place`].
    pub fn put_aside(&self, given_up: &str, stays: &str) -> Result<Option<PathBuf>, KeyError> {
        let refused = |source| KeyError::Io { doing: "putting aside", path: self.0.clone(), source };
        let (waiting, aside, before) = (self.waiting(), self.kept(given_up), self.kept(stays));
        if key_file_holds(&waiting, given_up) {
            std::fs::rename(&waiting, &aside).and_then(|()| sync_folder(&self.0)).map_err(refused)?;
        } else if key_file_holds(&self.0, given_up) {
            keep(&self.0, &aside)?;
            let freed = match key_file_holds(&before, stays) {
                true => std::fs::rename(&before, &self.0),
                false => std::fs::remove_file(&self.0),
            };
            freed.and_then(|()| sync_folder(&self.0)).map_err(refused)?;
        }
        Ok(key_file_holds(&aside, given_up).then_some(aside))
    }
}

/// Whether this file holds the key of that fingerprint.
#[must_use]
pub fn key_file_holds(path: &Path, fingerprint: &str) -> bool {
    StoreKey::read_file(path).is_ok_and(|key| key.fingerprint() == fingerprint)
}

/// Gives a key file a second name. An interrupted attempt may have done so.
fn keep(path: &Path, kept: &Path) -> Result<(), KeyError> {
    match std::fs::hard_link(path, kept) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let same = StoreKey::read_file(path)?.fingerprint() == StoreKey::read_file(kept)?.fingerprint();
            if same { Ok(()) } else { Err(KeyError::AlreadyThere { path: kept.to_owned() }) }
        }
        linked => linked.map_err(|source| KeyError::Io { doing: "keeping", path: path.to_owned(), source }),
    }
}

#[async_trait]
impl KeyCustody for NextFileCustody {
    fn place(&self) -> String {
        FileCustody(self.0.clone()).place()
    }

    /// The key may have been put in its place by now.
    async fn open(&self, record: &KeyRecord) -> Result<StoreKey, KeyError> {
        match StoreKey::read_file(&self.waiting()) {
            Ok(key) if key.fingerprint() == record.fingerprint => Ok(key),
            Ok(_) | Err(KeyError::Missing { .. }) => StoreKey::read_file(&self.0),
            Err(error) => Err(error),
        }
    }

    async fn make(&self, _: &str, _: i64) -> Result<MadeKey, KeyError> {
        let key = made_or_found(&self.waiting())?;
        CrashPoint::AfterNextKey.pass();
        Ok(MadeKey { key, sealed: None })
    }
}

/// Makes the key file, or takes the one that an interrupted attempt made.
fn made_or_found(path: &Path) -> Result<StoreKey, KeyError> {
    if std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == 0) {
        // The file was opened, and nothing was written: it can be no store's key. Making it anew tells of failure.
        let _ = std::fs::remove_file(path);
    }
    match StoreKey::create_file(path) {
        Err(KeyError::AlreadyThere { .. }) => StoreKey::read_file(path),
        made => made,
    }
}
