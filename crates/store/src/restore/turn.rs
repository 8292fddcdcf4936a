//! One restore of a store at a time.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use super::io;
use crate::sqlite_file::LOG;
use crate::{StoreError, beside};

/// The right to the copy that lies beside a store while it is restored. The operating system takes it back when a
/// process dies.
#[derive(Debug)]
pub(super) struct Turn {
    path: PathBuf,
    /// Locked as long as it is open.
    _file: File,
}

impl Turn {
    /// # Errors
    /// [`StoreError::RestoreUnderWay`] when another process has it, [`StoreError::Io`].
    pub(super) fn take(store: &Path, copy: &Path) -> Result<Self, StoreError> {
        let path = beside(copy, ".lock");
        let mut options = File::options();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let file = options.open(&path).map_err(io)?;
        let under_way = || StoreError::RestoreUnderWay { place: store.display().to_string() };
        match file.try_lock() {
            Ok(()) if is_still_there(&file, &path) => Ok(Self { path, _file: file }),
            Ok(()) | Err(TryLockError::WouldBlock) => Err(under_way()),
            Err(TryLockError::Error(error)) => Err(io(error)),
        }
    }
}

impl Turn {
    /// Whether a process is at the copy that this file is, or lies beside.
    pub(super) fn is_taken(file: &Path) -> bool {
        let name = file.display().to_string();
        let copy = LOG.iter().chain(&[".lock"]).find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
        let lock = File::open(beside(Path::new(copy), ".lock"));
        lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // While it is locked; whoever opened it meanwhile sees that it is gone. What stays is empty, and holds nothing up.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Whether the file that is locked is the one of this name: its holder of before may just have taken it away.
#[cfg(unix)]
fn is_still_there(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let of = |found: std::fs::Metadata| (found.dev(), found.ino());
    file.metadata().map(of).is_ok_and(|ours| std::fs::metadata(path).map(of).is_ok_and(|there| there == ours))
}

/// Where a file that is open cannot be taken away, it is there.
#[cfg(not(unix))]
fn is_still_there(_: &File, _: &Path) -> bool {
    true
}
