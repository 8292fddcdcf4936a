//! `cargo xtask scim`: two testers of SCIM servers that nobody here wrote, against `keyreeve serve` on a sandbox.
//!
//! `xtask/peers/scim_testers.py` starts both and runs the testers. What they find is held against
//! `xtask/peers/scim_deviations.txt`: what is not listed there fails, and so does what is listed and not found.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::{
    compare, peers,
    workspace::{self, Depth},
};

const SCRIPT: &str = "xtask/peers/scim_testers.py";
const DEVIATIONS: &str = "xtask/peers/scim_deviations.txt";

/// What `cargo xtask scim` is asked for.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// A binary to check; without it one is built
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// Runs both testers, and gives what they found in a line.
pub(crate) fn run(root: &Path, options: &Options) -> Result<String> {
    let target = workspace::metadata(root, Depth::Members)?.target_directory.into_std_path_buf();
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => compare::build(root, &target)?,
    };
    let python = peers::prepare(root, &target)?.folder.join("bin/python");
    let mut script = Command::new(python);
    script.arg("-B").arg(root.join(SCRIPT)).arg("--keyreeve").arg(binary);
    script.arg("--deviations").arg(root.join(DEVIATIONS)).stdin(Stdio::null()).stdout(Stdio::piped());
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("AWS_") || name.starts_with("KEYREEVE_")) {
            script.env_remove(name);
        }
    }
    script.env("AWS_EC2_METADATA_DISABLED", "true").env("NO_PROXY", "127.0.0.1");
    let output = script.stderr(Stdio::inherit()).output().with_context(|| format!("starting {SCRIPT}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    print!("{said}");
    if !output.status.success() {
        bail!("SCIM testers found what {DEVIATIONS} does not say; it is above");
    }
    Ok(said.lines().last().unwrap_or_default().to_owned())
}
