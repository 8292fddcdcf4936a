//! `cargo xtask scim` and `cargo xtask schemathesis`: testers that nobody here wrote, against `keyreeve serve` on a sandbox.
//!
//! A script under `xtask/peers` starts both and runs the testers. What they find is held against a file of deviations:
//! what is not listed there fails, and so does what is listed and not found.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::{
    compare, peers,
    workspace::{self, Depth},
};

/// A script that runs testers, and what they may find.
pub(crate) struct Testers {
    script: &'static str,
    deviations: &'static str,
}

/// Two testers of SCIM servers.
pub(crate) const SCIM: Testers =
    Testers { script: "xtask/peers/scim_testers.py", deviations: "xtask/peers/scim_deviations.txt" };

/// A fuzzer of what OpenAPI describes.
pub(crate) const SCHEMATHESIS: Testers =
    Testers { script: "xtask/peers/rest_fuzz.py", deviations: "xtask/peers/rest_deviations.txt" };

/// What testers are asked for.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// A binary to check; without it one is built
    #[arg(long)]
    binary: Option<PathBuf>,
}

impl Testers {
    /// Runs them, and gives what they found in a line.
    pub(crate) fn run(&self, root: &Path, options: &Options) -> Result<String> {
        let Self { script, deviations } = self;
        let target = workspace::metadata(root, Depth::Members)?.target_directory.into_std_path_buf();
        let binary = match &options.binary {
            Some(binary) => binary.clone(),
            None => compare::build(root, &target)?,
        };
        let python = peers::prepare(root, &target)?.folder.join("bin/python");
        let mut command = Command::new(python);
        command.arg("-B").arg(root.join(script)).arg("--keyreeve").arg(binary);
        command.arg("--deviations").arg(root.join(deviations)).stdin(Stdio::null()).stdout(Stdio::piped());
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("AWS_") || name.starts_with("KEYREEVE_")) {
                command.env_remove(name);
            }
        }
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("NO_PROXY", "127.0.0.1");
        let output =
            command.stderr(Stdio::inherit()).output().with_context(|| format!("starting {script}"))?;
        let said = String::from_utf8_lossy(&output.stdout);
        print!("{said}");
        if !output.status.success() {
            bail!("testers found what {deviations} does not say; it is above");
        }
        Ok(said.lines().last().unwrap_or_default().to_owned())
    }
}
