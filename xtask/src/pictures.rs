//! `cargo xtask pictures`: the pictures of `docs/guide`, from the console on a sandbox, as a browser shows them.
//!
//! A test of the server walks the pages and takes them (`crates/server/tests/it/browser/pictures.rs`), so that they show what
//! there is, and nothing of a machine that somebody uses.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

use crate::{browser, workspace};

const TEST: &str = "browser::pictures::of_the_guide";
/// Where they are, in the project.
const FOLDER: &str = "docs/guide/images";
/// A picture has so many bytes at most.
const MOST_BYTES: u64 = 100 << 10;

/// Takes them, and says how many there are.
pub(crate) fn run(root: &Path) -> Result<String> {
    if browser::find_or_install()?.is_none() {
        bail!("there is no chromedriver; install it: {}", browser::INSTALL);
    }
    let folder = root.join(FOLDER);
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let mut cargo = workspace::cargo(root);
    cargo.args([
        "test",
        "--quiet",
        "--package",
        "keyreeve-server",
        "--test",
        "it",
        "--",
        "--ignored",
        "--exact",
        TEST,
    ]);
    if !cargo.env("KEYREEVE_TEST_PICTURES", &folder).status()?.success() {
        bail!("the pictures could not be taken; what the test said is above");
    }
    let mut pictures = 0;
    for entry in fs::read_dir(&folder)? {
        let (path, bytes) = (entry.as_ref().map(fs::DirEntry::path).ok(), entry?.metadata()?.len());
        let name = path.map(|path| path.display().to_string()).unwrap_or_default();
        if bytes > MOST_BYTES {
            bail!("{name} has {bytes} bytes, and a picture has {MOST_BYTES} at most");
        }
        pictures += 1;
    }
    Ok(format!("{pictures} pictures are in {FOLDER}: look at them before they are committed."))
}
