//! What nobody here wrote and tests run against, from npm, in a folder of its own beside the other peers: an identity
//! provider, and rules of accessibility.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::postgres::{apt_get, is_root};

const PACKAGE: &str = "xtask/peers/package.json";

/// Installs exactly what the package asks for below the peers' folder, unless it is there, and says what that is.
pub(crate) fn prepare(root: &Path, peers: &Path) -> Result<String> {
    let wanted = fs::read_to_string(root.join(PACKAGE)).with_context(|| format!("reading {PACKAGE}"))?;
    let said = said(&wanted)?;
    let folder = peers.join("node");
    let stamp = folder.join("installed.json");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(said);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).context("removing an unfinished or older folder of npm's peers")?;
    }
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("package.json"), &wanted)?;
    if !has_npm() {
        if !(is_root()? && Path::new("/usr/bin/apt-get").exists()) {
            bail!("there is no npm (on Debian: apt-get install nodejs npm)");
        }
        println!("there is no npm; running apt-get install nodejs npm");
        apt_get(&["update", "-q"])?;
        apt_get(&["install", "-y", "-q", "--no-install-recommends", "nodejs", "npm"])?;
    }
    // A lock file would hold the addresses of whatever registry is configured here.
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]);
    let status = npm.current_dir(&folder).stdin(Stdio::null()).status().context("starting npm")?;
    if !status.success() {
        bail!("npm install failed ({status})");
    }
    // Written last: a folder without it is unfinished.
    fs::write(stamp, wanted)?;
    Ok(said)
}

fn has_npm() -> bool {
    let mut npm = Command::new("npm");
    npm.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    npm.status().is_ok_and(|status| status.success())
}

/// The packages that we ask for, for the reader.
fn said(package: &str) -> Result<String> {
    let package: serde_json::Value =
        serde_json::from_str(package).with_context(|| format!("reading {PACKAGE}"))?;
    let wanted = package
        .get("dependencies")
        .and_then(serde_json::Value::as_object)
        .context("the package asks for nothing")?;
    let one = |(name, version): (&String, &serde_json::Value)| {
        format!("{name} {}", version.as_str().unwrap_or_default())
    };
    Ok(wanted.iter().map(one).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_pinned() {
        let text = fs::read_to_string(crate::workspace::root().unwrap().join(PACKAGE)).unwrap();
        let said = said(&text).unwrap();
        let mut names = Vec::new();
        for one in said.split(", ") {
            let (name, version) = one.split_once(' ').unwrap();
            assert!(
                version.split('.').count() == 3 && version.split('.').all(|part| part.parse::<u32>().is_ok()),
                "{said}"
            );
            names.push(name);
        }
        assert_eq!(names, ["axe-core", "oidc-provider"]);
    }
}
