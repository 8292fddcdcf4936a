//! A private folder for one run, gone when it is dropped.

use std::{
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};

/// A folder under the system's temporary one that only its owner may enter.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Makes a folder whose name begins with `purpose`; one that is already there is never taken over.
    pub(crate) fn new(purpose: &str) -> Result<Self> {
        let nanoseconds =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
        let name = format!("keyreeve-{purpose}-{}-{nanoseconds}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("making the folder {path:?}"))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing is lost if it stays: it lies in the folder that the system clears.
        let _ = fs::remove_dir_all(&self.0);
    }
}
