//! Where a measured program runs: a folder of its own, an endpoint, and nothing of the caller's settings.

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use anyhow::{Context, Result, bail};

use super::endpoint::Endpoint;
use crate::scratch::Scratch;

/// The system that our own binary works on.
pub(super) const SYSTEM: &str = "bench";

#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// Our own binary.
    pub(super) binary: &'a Path,
    pub(super) endpoint: &'a Endpoint,
    pub(super) folder: &'a Scratch,
}

impl Place<'_> {
    /// A program with nothing from the caller's own AWS or Keyreeve settings (but for its credentials at an
    /// endpoint of the caller's).
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let Some(name) = name.to_str() else { continue };
            let foreign = name.starts_with("AWS_") && self.endpoint.key.is_some();
            if foreign || name.starts_with("KEYREEVE_") {
                command.env_remove(name);
            }
        }
        if let Some((id, secret)) = &self.endpoint.key {
            command.env("AWS_ACCESS_KEY_ID", id).env("AWS_SECRET_ACCESS_KEY", secret);
            command.env("AWS_REGION", "us-east-1").env("AWS_DEFAULT_REGION", "us-east-1");
            command.env("HOME", self.folder.path());
        }
        command.env("AWS_ENDPOINT_URL", &self.endpoint.url).env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("NO_PROXY", "127.0.0.1").env("KEYREEVE_DATA_DIR", self.folder.path().join("data"));
        command.current_dir(self.folder.path());
        command
    }

    /// Runs our own binary; gives what it prints.
    pub(super) fn keyreeve(&self, arguments: &[&str], input: &str) -> Result<Vec<u8>> {
        let shown = format!("keyreeve {}", arguments.iter().take(4).copied().collect::<Vec<_>>().join(" "));
        let mut command = self.command(self.binary);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("starting `{shown}`"))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        let Output { status, stdout, stderr } = child.wait_with_output()?;
        if !status.success() {
            bail!("`{shown}` ended with {status}: {}", String::from_utf8_lossy(&stderr).trim());
        }
        Ok(stdout)
    }

    /// Makes the store, and registers the endpoint's account.
    pub(super) fn connect(&self) -> Result<()> {
        self.keyreeve(&["init"], "")?;
        let system = ["system", "add", "--name", "Bench", "--system-id", SYSTEM, "--region", "us-east-1"];
        match &self.endpoint.key {
            Some((id, secret)) => {
                let key = ["--access-key-id", id, "--secret-access-key-stdin"];
                self.keyreeve(&[system.as_slice(), &key].concat(), secret)?;
            }
            None => drop(self.keyreeve(&[system.as_slice(), &["--ambient"]].concat(), "")?),
        }
        Ok(())
    }
}
