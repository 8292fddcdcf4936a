//! The browser that the console's tests drive: found, or installed.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use anyhow::Result;

use crate::postgres::{apt_get, is_root};

/// What a person without it is told to run.
pub(crate) const INSTALL: &str = "apt-get install -y --no-install-recommends chromium chromium-driver";

/// The version of the driver, or `None` where it is not installed and cannot be.
pub(crate) fn find_or_install() -> Result<Option<String>> {
    if let Some(found) = version() {
        return Ok(Some(found));
    }
    if !(is_root()? && Path::new("/usr/bin/apt-get").exists()) {
        return Ok(None);
    }
    println!("there is no chromedriver; running {INSTALL}");
    apt_get(&["update", "-q"])?;
    apt_get(&["install", "-y", "-q", "--no-install-recommends", "chromium", "chromium-driver"])?;
    Ok(version())
}

/// As it calls itself, such as `ChromeDriver 148.0.7778.167`.
fn version() -> Option<String> {
    let mut driver = Command::new("chromedriver");
    let output = driver.arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let words: Vec<&str> = said.split_whitespace().take(2).collect();
    (output.status.success() && words.len() == 2).then(|| words.join(" "))
}
