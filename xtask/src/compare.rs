//! `cargo xtask compare`: an import of accounts that nobody here emulates, field by field beside what boto3 reads.
//!
//! moto and ministack are started here, so that they end with us; `xtask/peers/compare_import.py` does the rest.

use std::{
    fs::File,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    companion::Companion,
    peers,
    scratch::Scratch,
    workspace::{self, Depth},
};

const SCRIPT: &str = "xtask/peers/compare_import.py";
const LONGEST_START: Duration = Duration::from_secs(120);

/// What `cargo xtask compare` is asked for.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// Only this emulator
    #[arg(long, value_parser = ["moto", "ministack"])]
    emulator: Option<String>,
    /// Users to seed, in place of 1,000 (moto) and 300 (ministack)
    #[arg(long)]
    users: Option<u32>,
    /// A binary to check; without it one is built
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// An emulator of AWS.
struct Emulator {
    name: &'static str,
    program: &'static str,
    users: u32,
    configure: fn(&mut Command, &str),
}

/// An emulator that listens; it ends when this is dropped, before its folder goes.
struct Running {
    endpoint: String,
    _server: Companion,
    _folder: Scratch,
}

const EMULATORS: &[Emulator] = &[
    Emulator {
        name: "moto",
        program: "moto_server",
        users: 1_000,
        configure: |command, port| {
            command.args(["-H", "127.0.0.1", "-p", port]).env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true");
        },
    },
    Emulator {
        name: "ministack",
        program: "ministack",
        users: 300,
        configure: |command, port| {
            command.env("AUTH", "true").env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port);
        },
    },
];

/// Compares on each emulator; the note says on how many accounts. Any difference is an error.
pub(crate) fn run(root: &Path, options: &Options) -> Result<String> {
    let target = workspace::metadata(root, Depth::Members)?.target_directory.into_std_path_buf();
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => build(root, &target)?,
    };
    let peers = peers::prepare(root, &target)?.folder.join("bin");
    let wanted = |emulator: &&Emulator| options.emulator.as_ref().is_none_or(|name| name == emulator.name);
    let mut notes = Vec::new();
    for emulator in EMULATORS.iter().filter(wanted) {
        let users = options.users.unwrap_or(emulator.users);
        emulator.compare(root, &peers, &binary, users)?;
        notes.push(format!("{} {users} users", emulator.name));
    }
    Ok(format!("{}: no differences", notes.join(", ")))
}

pub(crate) fn build(root: &Path, target: &Path) -> Result<PathBuf> {
    let status = workspace::cargo(root).args(["build", "--quiet", "-p", "keyreeve-cli"]).status()?;
    if !status.success() {
        bail!("keyreeve could not be built; cargo's output is above");
    }
    Ok(target.join("debug").join("keyreeve"))
}

impl Emulator {
    fn compare(&self, root: &Path, peers: &Path, binary: &Path, users: u32) -> Result<()> {
        let running = self.start(peers)?;
        let mut script = Command::new(peers.join("python"));
        script.arg("-B").arg(root.join(SCRIPT)).args([
            "--emulator",
            self.name,
            "--endpoint",
            &running.endpoint,
        ]);
        script.args(["--users", &users.to_string()]).arg("--keyreeve").arg(binary);
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("AWS_")) {
                script.env_remove(name);
            }
        }
        script.env("AWS_EC2_METADATA_DISABLED", "true").env("NO_PROXY", "127.0.0.1").stdin(Stdio::null());
        let status = script.status().with_context(|| format!("starting {SCRIPT}"))?;
        if !status.success() {
            bail!("the import of {} is not what boto3 reads; the differences are above", self.name);
        }
        Ok(())
    }

    /// Starts the emulator on a free port of 127.0.0.1 and waits until it listens.
    fn start(&self, peers: &Path) -> Result<Running> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = Scratch::new(self.name)?;
        let log = folder.path().join("log");
        let mut command = Command::new(peers.join(self.program));
        (self.configure)(&mut command, &port.to_string());
        command.current_dir(folder.path());
        let written = File::create(&log)?;
        let mut server = Companion::start(&command, "TERM", folder.path(), Stdio::null(), written.into())?;
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = server.ended()? {
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                bail!("{} ended with {status} before it listened: {said}", self.name);
            }
            if began.elapsed() > LONGEST_START {
                bail!("{} does not listen after {} s", self.name, LONGEST_START.as_secs());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(Running { endpoint: format!("http://127.0.0.1:{port}"), _server: server, _folder: folder })
    }
}
