//! The store: filled once by imports, kept, and copied for each run.

use std::{
    fs,
    io::Write,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};

use super::account::{Sandbox, Shape, system};
use crate::scratch::Scratch;

/// The store of a shape.
pub(in crate::bench) struct Filled {
    data: PathBuf,
    pub(in crate::bench) token: String,
    pub(in crate::bench) accounts: u64,
    pub(in crate::bench) assignments: u64,
    pub(in crate::bench) bytes: u64,
}

/// Our binary with nothing of the caller's settings.
pub(in crate::bench) fn command(binary: &Path, data: &Path) -> Command {
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("AWS_") || name.starts_with("KEYREEVE_")) {
            command.env_remove(name);
        }
    }
    command.env("KEYREEVE_DATA_DIR", data).env("NO_PROXY", "127.0.0.1");
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

/// The store of this shape, made if there is none.
pub(in crate::bench) fn fill(binary: &Path, kept: &Path, shape: Shape) -> Result<Filled> {
    let (data, note) = (kept.join("data"), kept.join("filled.json"));
    if !note.is_file() {
        println!("Filling a store with {} systems of {} users; it is kept.", shape.systems, shape.users);
        if data.exists() {
            fs::remove_dir_all(&data).context("removing a store that was not filled to its end")?;
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&data)?;
        let began = Instant::now();
        let filled = import_all(binary, &data, shape)?;
        println!("That took {:.0} s.", began.elapsed().as_secs_f64());
        fs::write(&note, filled.to_string()).context("noting that the store is filled")?;
    }
    let filled: Value = serde_json::from_str(&fs::read_to_string(&note)?).context("reading the note")?;
    let number = |name: &str| filled.get(name).and_then(Value::as_u64).unwrap_or(0);
    let token = filled.get("token").and_then(Value::as_str).unwrap_or_default().to_owned();
    let bytes = fs::metadata(data.join("keyreeve.db"))?.len();
    Ok(Filled { token, accounts: number("accounts"), assignments: number("assignments"), bytes, data })
}

fn import_all(binary: &Path, data: &Path, shape: Shape) -> Result<Value> {
    let sandbox = Sandbox::start(binary, shape)?;
    sandbox.populate()?;
    let run = |arguments: &[&str], input: &str| ask(binary, data, sandbox.url(), arguments, input);
    run(&["init"], "")?;
    for number in 0..shape.systems {
        let (id, secret) = sandbox.key(number)?;
        let name = system(number);
        let add = ["system", "add", "--name", &name, "--system-id", &name, "--region", "us-east-1"];
        run(&[add.as_slice(), &["--access-key-id", &id, "--secret-access-key-stdin"]].concat(), &secret)?;
    }
    let (mut accounts, mut assignments) = (0, 0);
    for number in 0..shape.systems {
        let ended = run(&["--output", "json", "import", "run", &system(number)], "")?;
        let ended: Value = serde_json::from_slice(&ended).context("reading the import's outcome")?;
        let created = |what: &str| {
            let place = format!("/changes/{what}/created");
            ended.pointer(&place).and_then(Value::as_u64).ok_or_else(|| anyhow!("nothing was imported"))
        };
        accounts += created("accounts")?;
        assignments += created("assignments")?;
    }
    let made = run(&["--output", "json", "token", "create", "--owner", "bench", "--role", "admin"], "")?;
    let made: Value = serde_json::from_slice(&made).context("reading the token")?;
    let token = made.get("token").and_then(Value::as_str).ok_or_else(|| anyhow!("no token was made"))?;
    Ok(json!({"token": token, "accounts": accounts, "assignments": assignments}))
}

/// What our binary prints, asked on a store.
pub(in crate::bench) fn ask(
    binary: &Path,
    data: &Path,
    endpoint: &str,
    arguments: &[&str],
    input: &str,
) -> Result<Vec<u8>> {
    let mut command = command(binary, data);
    command.args(arguments).env("AWS_ENDPOINT_URL", endpoint).env("AWS_REGION", "us-east-1");
    answer(command, arguments, input)
}

/// What a command prints that has these arguments of ours.
pub(in crate::bench) fn answer(mut command: Command, arguments: &[&str], input: &str) -> Result<Vec<u8>> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let shown = format!("keyreeve {}", arguments.iter().take(5).copied().collect::<Vec<_>>().join(" "));
    let mut child = command.spawn().with_context(|| format!("starting `{shown}`"))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let done = child.wait_with_output()?;
    if !done.status.success() {
        bail!("`{shown}` ended with {}: {}", done.status, String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(done.stdout)
}

impl Filled {
    /// A copy that may be written to.
    pub(in crate::bench) fn copy(&self) -> Result<Scratch> {
        let copy = Scratch::new("bench-data")?;
        for entry in fs::read_dir(&self.data)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                fs::copy(entry.path(), copy.path().join(entry.file_name()))
                    .context("copying the filled store")?;
            }
        }
        Ok(copy)
    }
}
