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

/// The folder of an environment that holds exactly what the requirements say, made now if it is not there.
pub(crate) fn prepare(root: &Path, target: &Path) -> Result<PathBuf> {
    let wanted =
        fs::read_to_string(root.join(REQUIREMENTS)).with_context(|| format!("reading {REQUIREMENTS}"))?;
    let folder = target.join("peers");
    let stamp = folder.join("installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).context("removing an unfinished or older environment of the peers")?;
    }
    make_environment(&folder)?;
    let python = folder.join("bin/python");
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "-r"]).arg(root.join(REQUIREMENTS));
    run(pip.stdin(Stdio::null())).context("installing the peers from PyPI")?;
    // Written last: an environment without it is unfinished.
    fs::write(stamp, wanted)?;
    Ok(folder)
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
