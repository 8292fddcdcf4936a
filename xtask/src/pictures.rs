//! `cargo xtask pictures`: the pictures of `docs/guide`, from the console on a sandbox, as a browser shows them.
//!
//! A test of the server walks the pages and takes them (`crates/server/tests/it/browser/pictures.rs`), so that they show what
//! there is, and nothing of a machine that somebody uses.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

use crate::{browser, workspace};

const TEST: &str = "browser::pictures::the_pages_of_the_guide_are_shown_without_a_complaint";
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
    // All members, as when everything is tested: what was built for that is of use here.
    cargo.args(["test", "--quiet", "--workspace", "--test", "it", "--", "--exact", TEST]);
    if !cargo.env("KEYREEVE_TEST_PICTURES", &folder).status()?.success() {
        bail!("the pictures could not be taken; what the test said is above");
    }
    let mut pictures = 0;
    for entry in fs::read_dir(&folder)? {
        let entry = entry?;
        let bytes = entry.metadata()?.len();
        if bytes > MOST_BYTES {
            bail!("{} has {bytes} bytes, and a picture has {MOST_BYTES} at most", entry.path().display());
        }
        pictures += 1;
    }
    Ok(format!("{pictures} pictures are in {FOLDER}: look at them before they are committed."))
}
