//! A file to which the audit log is added, row by row.
//!
//! It is opened anew for each batch, so a file that was moved away is followed by a new one. What was added is on the disk
//! before it counts as taken.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use futures::future::BoxFuture;

use super::{AuditSink, Line, MOST_BYTES, NotTaken, SinkError};

/// A line that was cut is looked for in so much of a file's end.
const LONGEST_LINE: u64 = 16 * MOST_BYTES as u64;

/// What each row begins with.
const BEGINNING: &[u8] = b"{\"seq\":";

/// Where rows are added.
#[derive(Debug)]
pub struct FileSink {
    path: PathBuf,
}

impl FileSink {
    /// Adds to this file. Nothing is opened yet.
    ///
    /// # Errors
    /// The path is not whole.
    pub fn new(path: PathBuf) -> Result<Self, SinkError> {
        if !path.is_absolute() || path.file_name().is_none() {
            return Err(SinkError("`path` must be the whole path of a file, from the root".to_owned()));
        }
        Ok(Self { path })
    }
}

impl AuditSink for FileSink {
    fn take<'a>(&'a self, lines: &'a [Line]) -> BoxFuture<'a, Result<(), NotTaken>> {
        let path = self.path.clone();
        let mut text = String::with_capacity(lines.iter().map(|line| line.text.len() + 1).sum());
        for line in lines {
            text.push_str(&line.text);
            text.push('\n');
        }
        Box::pin(async move {
            let written = tokio::task::spawn_blocking(move || add(&path, text.as_bytes())).await;
            let broke_off = |_| NotTaken::from("the writing broke off".to_owned());
            written.map_err(broke_off)?.map_err(NotTaken::from)
        })
    }
}

/// Whether rows may be added to the file at this path, which need not be there yet.
///
/// # Errors
/// Why not, in words.
pub fn may_be_written(path: &Path) -> Result<(), String> {
    place_is_ours(path)?;
    match File::open(path) {
        Ok(mut file) => begins_with_a_row(&mut file),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

fn place_is_ours(path: &Path) -> Result<(), String> {
    let folder = path.parent().ok_or("it has no folder")?;
    let whole = folder.canonicalize().map_err(|error| format!("its folder: {error}"))?;
    for (place, ancestor) in whole.ancestors().enumerate() {
        let found = ancestor.metadata().map_err(|error| format!("its folder: {error}"))?;
        if !found.is_dir() {
            return Err("its folder is none".to_owned());
        }
        if others_may_write(&found, place > 0) {
            return Err("others may write its folder, or one above, and could put another file in its place"
                .to_owned());
        }
    }
    match path.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.to_string()),
        Ok(found) => is_ours(&found),
    }
}

fn is_ours(found: &Metadata) -> Result<(), String> {
    let kind = found.file_type();
    if kind.is_symlink() {
        return Err("it is a symbolic link".to_owned());
    }
    if !kind.is_file() {
        return Err("it is no file".to_owned());
    }
    if others_may_write(found, false) {
        return Err("others may write to it".to_owned());
    }
    Ok(())
}

/// Of a folder above the file's own it is enough that not everybody can take away what is another's: a system's own, such as
/// `/var/log`, may have a group that writes there.
#[cfg(unix)]
fn others_may_write(found: &Metadata, above: bool) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    const STICKY: u32 = 0o1000;
    match above {
        true => found.mode() & 0o002 != 0 && found.mode() & STICKY == 0,
        false => found.mode() & 0o022 != 0,
    }
}

#[cfg(not(unix))]
fn others_may_write(_found: &Metadata, _above: bool) -> bool {
    false
}

#[cfg(unix)]
fn is_the_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_the_same(_one: &Metadata, _other: &Metadata) -> bool {
    true
}

/// What a row has that is nobody else's.
#[derive(serde::Deserialize)]
#[expect(dead_code, reason = "that it is there is enough")]
struct Row {
    seq: i64,
    prev_hash: String,
    hash: String,
}

/// Whether a line that was cut is the beginning of a row.
fn is_beginning(line: &[u8]) -> bool {
    line.starts_with(BEGINNING) || BEGINNING.starts_with(line)
}

/// Refuses a file whose first line is no row of ours: nothing is cut off or added to what is somebody else's. One that is
/// empty, or has but the beginning of a row, is ours.
fn begins_with_a_row(file: &mut File) -> Result<(), String> {
    let mut line = Vec::new();
    let mut reader = BufReader::new(&mut *file).take(LONGEST_LINE);
    reader.read_until(b'\n', &mut line).map_err(|error| error.to_string())?;
    let is_ours = match line.last() {
        None => true,
        Some(b'\n') => serde_json::from_slice::<Row>(&line).is_ok(),
        Some(_) => is_beginning(&line),
    };
    if is_ours {
        Ok(())
    } else {
        Err("it holds something else than an audit log, and is left as it is".to_owned())
    }
}

/// Adds to the file, and makes sure that it lasts.
fn add(path: &Path, text: &[u8]) -> Result<(), String> {
    let said = |error: std::io::Error| error.to_string();
    place_is_ours(path)?;
    let (mut file, is_new) = open(path)?;
    let opened = file.metadata().map_err(said)?;
    // What was looked at is what was opened, and nothing that was put there in between.
    if !is_the_same(&opened, &path.symlink_metadata().map_err(said)?) {
        return Err("another file was put in its place just now".to_owned());
    }
    is_ours(&opened)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => return Err("another process writes to it".to_owned()),
        // Not every file system has locks.
        Err(TryLockError::Error(error)) => tracing::debug!(%error, "the file of an audit sink is not locked"),
        Ok(()) => {}
    }
    begins_with_a_row(&mut file)?;
    let end = whole_end(&mut file)?;
    if end < opened.len() {
        file.set_len(end).map_err(said)?;
    }
    let written = file.write_all(text).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // No half line stays; if even that fails, the next one who adds takes it away.
        let _ = file.set_len(end);
        return Err(said(error));
    }
    if is_new && let Some(folder) = path.parent() {
        // The file's name lasts too. Not every system knows how to do this to a folder.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(())
}

/// Whether it is new, too. Neither way follows a link at the end of the path that was not there a moment ago unseen.
fn open(path: &Path) -> Result<(File, bool), String> {
    let mut options = OpenOptions::new();
    options.read(true).append(true);
    match options.open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            options.create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            options.open(path).map(|file| (file, true)).map_err(|error| error.to_string())
        }
        opened => opened.map(|file| (file, false)).map_err(|error| error.to_string()),
    }
}

/// Where the last whole line of a file ends: a process that was killed while it wrote leaves a half one.
fn whole_end(file: &mut File) -> Result<u64, String> {
    let said = |error: std::io::Error| error.to_string();
    let length = file.seek(SeekFrom::End(0)).map_err(said)?;
    let begin = length.saturating_sub(LONGEST_LINE);
    if length == 0 {
        return Ok(0);
    }
    let mut last = [0];
    file.seek(SeekFrom::Start(length - 1)).and_then(|_| file.read_exact(&mut last)).map_err(said)?;
    if last == *b"\n" {
        return Ok(length);
    }
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(begin)).and_then(|_| file.read_to_end(&mut tail)).map_err(said)?;
    match tail.iter().rposition(|byte| *byte == b'\n') {
        Some(place) => Ok(begin + place as u64 + 1),
        // All of it is the beginning of a row, or it is not ours.
        None if begin == 0 && is_beginning(&tail) => Ok(0),
        None => Err("it does not end with a line of ours, and is left as it is".to_owned()),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    const ROW: &str = "{\"seq\":1,\"prev_hash\":\"a\",\"hash\":\"b\"}\n";

    #[test]
    fn what_is_no_log_of_ours_is_neither_cut_nor_added_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.txt");
        let cut = format!("{ROW}{{\"seq\":2,\"at");
        for (text, ours) in [
            ("", true),
            (ROW, true),
            (cut.as_str(), true),
            ("{\"se", true),
            ("one line\nhalf a line", false),
            ("{\"seq\":1}\n", false),
            ("SQLite format 3\0", false),
            ("\n", false),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(may_be_written(&path).is_ok(), ours, "{text:?}");
            assert_eq!(add(&path, ROW.as_bytes()).is_ok(), ours, "{text:?}");
            let now = std::fs::read_to_string(&path).unwrap();
            assert!(if ours { now.ends_with(ROW) } else { now == text }, "{text:?}: {now:?}");
        }
    }

    #[test]
    fn rows_are_added_and_a_line_that_was_cut_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        add(&path, ROW.as_bytes()).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, format!("{ROW}{{\"seq\":2,\"at")).unwrap();
        add(&path, b"{\"seq\":2}\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{ROW}{{\"seq\":2}}\n"));
        std::fs::write(&path, "{\"seq\":1,\"a").unwrap();
        add(&path, b"{\"seq\":1}\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"seq\":1}\n");
        // What is no beginning of a row is somebody else's.
        std::fs::write(&path, "root:x:0:0").unwrap();
        assert!(add(&path, b"{\"seq\":1}\n").unwrap_err().contains("left as it is"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "root:x:0:0");
    }

    #[test]
    fn a_file_that_was_moved_away_is_followed_by_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        add(&path, b"1\n").unwrap();
        std::fs::rename(&path, folder.path().join("audit.jsonl.1")).unwrap();
        add(&path, b"2\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "2\n");
    }

    #[test]
    fn links_folders_pipes_and_what_others_may_write_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("target"), "").unwrap();
        symlink(at("target"), at("link")).unwrap();
        symlink(at("nowhere"), at("dangling")).unwrap();
        std::fs::create_dir(at("folder")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
        std::fs::write(at("open"), "").unwrap();
        mode(&at("open"), 0o620);
        std::fs::create_dir(at("wide")).unwrap();
        mode(&at("wide"), 0o777);
        std::fs::create_dir(at("sticky")).unwrap();
        mode(&at("sticky"), 0o1777);
        std::fs::create_dir(at("wide/inner")).unwrap();
        std::fs::create_dir_all(at("group/inner")).unwrap();
        mode(&at("group"), 0o775);
        add(&at("group/inner/audit"), b"x\n").unwrap();
        symlink(at("wide"), at("round")).unwrap();
        for (name, why) in [
            ("link", "symbolic link"),
            ("dangling", "symbolic link"),
            ("folder", "no file"),
            ("pipe", "no file"),
            ("open", "others may write to it"),
            ("wide/audit", "others may write its folder"),
            ("wide/inner/audit", "others may write its folder"),
            ("round/audit", "others may write its folder"),
            ("sticky/audit", "others may write its folder"),
            ("group/audit", "others may write its folder"),
            ("missing/audit", "its folder"),
        ] {
            let refused = add(&at(name), b"x\n").unwrap_err();
            assert!(refused.contains(why), "{name}: {refused}");
        }
        assert_eq!(std::fs::read_to_string(at("target")).unwrap(), "");
        assert!(!at("nowhere").exists());
    }

    #[test]
    fn one_process_at_a_time_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        add(&path, ROW.as_bytes()).unwrap();
        let held = File::open(&path).unwrap();
        held.lock().unwrap();
        assert!(add(&path, b"2\n").unwrap_err().contains("another process"));
        drop(held);
        add(&path, b"2\n").unwrap();
    }

    #[test]
    fn a_path_is_a_whole_one() {
        for path in ["audit.jsonl", "./audit.jsonl", "", "/", "/var/.."] {
            assert!(FileSink::new(path.into()).is_err(), "{path}");
        }
        assert!(FileSink::new("/var/log/keyreeve/audit.jsonl".into()).is_ok());
    }
}
