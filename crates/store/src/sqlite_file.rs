//! The SQLite file itself: made with care, and looked at before it is opened.
//!
//! SQLite takes an empty file for an empty database. That must never happen to a store, so the header is read
//! here first (<https://www.sqlite.org/fileformat.html>, "The Database Header").

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::{StoreError, folder_of};

/// "KyRv": what the header of a Keyreeve store carries as `application_id`. The first migration writes it.
const APPLICATION_ID: u32 = 0x4b79_5276;

const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Makes an empty file that only its owner can read, if nothing is there.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`] when something is.
pub(crate) fn make_empty(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path).map(|_| ())
}

/// What SQLite calls a database's log and the index of it: endings of the database's own name.
pub(crate) const LOG: [&str; 2] = ["-wal", "-shm"];

/// Takes away an SQLite database and all that SQLite keeps beside it; what is not there is no error.
///
/// # Errors
/// The first file that cannot be removed; the others are gone all the same.
pub fn remove_database(path: &Path) -> std::io::Result<()> {
    let beside = LOG.into_iter().chain(["-journal"]).map(|ending| beside(path, ending));
    let mut removed = Ok(());
    for file in std::iter::once(path.to_owned()).chain(beside) {
        match std::fs::remove_file(file) {
            Err(error) if error.kind() != ErrorKind::NotFound => removed = removed.and(Err(error)),
            _ => {}
        }
    }
    removed
}

/// Gives a database another name, its log first; what is not there is no error.
pub(crate) fn rename_database(from: &Path, to: &Path) -> std::io::Result<()> {
    for ending in LOG.into_iter().chain([""]) {
        match std::fs::rename(beside(from, ending), beside(to, ending)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Takes away a file that [`make_empty`] made and nobody could finish.
pub(crate) fn remove_unfinished(path: &Path) {
    // A file that cannot be removed is found, and named, by the next attempt to create the store.
    let _ = remove_database(path);
}

/// Takes away the log of a file that holds all of it already.
pub(crate) fn remove_log(path: &Path) {
    for ending in LOG {
        let _ = std::fs::remove_file(beside(path, ending));
    }
}

/// The same, if nothing is in the log.
pub(crate) fn remove_empty_log(path: &Path) {
    if std::fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() == 0) {
        remove_log(path);
    }
}

/// What lies beside a file under its name with an ending that is looked for, in the order of the names.
pub(crate) fn files_beside(path: &Path, is_one: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Vec::new() };
    let Ok(entries) = std::fs::read_dir(folder_of(path)) else { return Vec::new() };
    let ends_so = |found: &PathBuf| {
        let found = found.file_name().and_then(|found| found.to_str());
        found.and_then(|found| found.strip_prefix(name)).is_some_and(&is_one)
    };
    let mut found: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(ends_so).collect();
    found.sort();
    found
}

/// Refuses a file that is missing, foreign or visibly damaged. Gives its length in bytes.
pub(crate) fn inspect(path: &Path, place: &str) -> Result<u64, StoreError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(StoreError::NoStore { place: place.to_owned() });
        }
        Err(source) => return Err(StoreError::Io { doing: "opening the store's file", source }),
    };
    let read = |source| StoreError::Io { doing: "reading the store's file", source };
    let length = file.metadata().map_err(read)?.len();
    let mut start = Vec::with_capacity(100);
    file.by_ref().take(100).read_to_end(&mut start).map_err(read)?;
    let damaged = |what: &str| StoreError::Damaged { place: place.to_owned(), what: what.to_owned() };
    let Some(header) = Header::read(&start) else {
        return Err(match start.first() {
            None => damaged("the file is empty"),
            Some(_) if start.iter().all(|byte| *byte == 0) => damaged("its beginning is zeroed"),
            Some(_) => damaged("it does not begin as an SQLite database does"),
        });
    };
    if header.application_id != APPLICATION_ID {
        return Err(StoreError::NotAStore { place: place.to_owned() });
    }
    if !header.page_size.is_power_of_two() || header.page_size < 512 {
        return Err(damaged("the page size in its header is impossible"));
    }
    // While a log waits to be moved into the file, the file may rightly be shorter than its header says.
    let log_waits = std::fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0);
    if !log_waits && header.pages.saturating_mul(header.page_size) > length {
        return Err(damaged("the file is shorter than its header says"));
    }
    Ok(length)
}

/// What is needed of the header.
struct Header {
    page_size: u64,
    pages: u64,
    application_id: u32,
}

impl Header {
    fn read(start: &[u8]) -> Option<Self> {
        if start.get(..16)? != MAGIC {
            return None;
        }
        let page_size = match u16::from_be_bytes(start.get(16..18)?.try_into().ok()?) {
            1 => 65_536,
            size => u64::from(size),
        };
        let word = |at: usize| -> Option<u32> {
            Some(u32::from_be_bytes(start.get(at..at.checked_add(4)?)?.try_into().ok()?))
        };
        Some(Self { page_size, pages: u64::from(word(28)?), application_id: word(68)? })
    }
}

/// The path of a file that belongs to another: its name and an ending.
#[must_use]
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
