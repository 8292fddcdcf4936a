//! The emulators that nobody here wrote, in a Python environment of their own under the target folder.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, anyhow, bail};

use crate::postgres::{apt_get, is_root};

/// The variable that hands the environment's folder to the tests.
pub(crate) const FOLDER_VARIABLE: &str = "KEYREEVE_TEST_PEERS";
const REQUIREMENTS: &str = "xtask/peers/requirements.txt";

/// An environment with the peers installed.
pub(crate) struct Peers {
    pub(crate) folder: PathBuf,
    /// The peers and their versions, for the reader.
    pub(crate) versions: String,
}

/// An environment that holds exactly what the requirements say, made now if it is not there.
pub(crate) fn prepare(root: &Path, target: &Path) -> Result<Peers> {
    let wanted =
        fs::read_to_string(root.join(REQUIREMENTS)).with_context(|| format!("reading {REQUIREMENTS}"))?;
    let versions = versions(&wanted);
    let folder = target.join("peers");
    let stamp = folder.join("installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(Peers { folder, versions });
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).context("removing an unfinished or older environment of the peers")?;
    }
    make_environment(&folder)?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "-r"]).arg(root.join(REQUIREMENTS));
    run(pip.stdin(Stdio::null())).context("installing the peers from PyPI")?;
    // Written last: an environment without it is unfinished.
    fs::write(stamp, wanted)?;
    Ok(Peers { folder, versions })
}

/// The first paragraph of the requirements, on one line: what we ask for, without what it brings along.
fn versions(requirements: &str) -> String {
    let first =
        requirements.lines().take_while(|line| !line.is_empty()).filter(|line| !line.starts_with('#'));
    first.map(|line| line.replace("==", " ")).collect::<Vec<_>>().join(", ")
}

fn make_environment(folder: &Path) -> Result<()> {
    let make = || {
        let mut python = Command::new("python3");
        python.args(["-m", "venv"]).arg(folder).stdin(Stdio::null()).stdout(Stdio::null());
        run(&mut python)
    };
    let Err(error) = make() else { return Ok(()) };
    // Debian keeps the module `venv` apart from Python itself.
    if !(is_root()? && Path::new("/usr/bin/apt-get").exists()) {
        return Err(error.context("making a Python environment (on Debian: apt-get install python3-venv)"));
    }
    println!("python3 cannot make an environment; running apt-get install python3-venv");
    apt_get(&["update", "-q"])?;
    apt_get(&["install", "-y", "-q", "--no-install-recommends", "python3", "python3-venv"])?;
    let _ = fs::remove_dir_all(folder);
    make().context("making a Python environment")
}

fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_owned();
    let status = command.status().map_err(|error| anyhow!("{program:?} could not be started: {error}"))?;
    if !status.success() {
        bail!("{program:?} failed ({status})");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_requirement_is_pinned_and_the_peers_come_first() {
        let text = fs::read_to_string(crate::workspace::root().unwrap().join(REQUIREMENTS)).unwrap();
        let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        assert!(lines.all(|line| line.split("==").count() == 2), "a requirement is not pinned");
        let versions = versions(&text);
        assert!(
            ["boto3 ", "duckdb ", "ministack ", "moto[server] ", "schemathesis ", "scim2-tester "]
                .iter()
                .all(|name| versions.contains(name)),
            "{versions}"
        );
        assert_eq!(versions.split(", ").count(), 7);
    }
}
