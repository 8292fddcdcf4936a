//! Files that are read whole: nothing is waited for that may never come.

use std::fs::File;
use std::io::{Error, ErrorKind};
use std::path::Path;

/// Opens a file to read it, and nothing that is none: whoever opens a pipe waits for somebody who writes to it, and a device
/// may have no end. A link to a file is one.
///
/// # Errors
/// `InvalidInput` of what is no file; when it cannot be opened.
pub fn open_regular_file(path: &Path) -> std::io::Result<File> {
    let refused = || Error::new(ErrorKind::InvalidInput, "it is no regular file");
    if !std::fs::metadata(path)?.is_file() {
        return Err(refused());
    }
    let file = File::open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(refused()) }
}
