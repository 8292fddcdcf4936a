//! The key in a file that only its owner can read.

use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::{KeyCustody, KeyRecord, MadeKey};
use crate::{KeyError, StoreKey};

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
