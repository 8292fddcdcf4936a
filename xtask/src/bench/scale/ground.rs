//! Where it is measured: a store on PostgreSQL of its own, with a system for each AWS account of a sandbox.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, anyhow};
use serde_json::Value;

use super::super::serve::{account::Sandbox, place};
use crate::{companion::Companion, scratch::Scratch};

/// The store, and how it is asked.
pub(super) struct Ground<'a> {
    binary: &'a Path,
    /// The database's address.
    database: String,
    /// The key is here.
    data: Scratch,
    pub(super) sandbox: Sandbox,
}

/// A call that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) action: String,
    /// AWS account and user.
    pub(super) whom: (String, String),
    /// Of a write, whether it changed something.
    pub(super) applied: Option<bool>,
    pub(super) began_micros: u64,
    pub(super) ended_micros: u64,
}

impl<'a> Ground<'a> {
    /// A new store in this database.
    pub(super) fn new(binary: &'a Path, database: String, sandbox: Sandbox) -> Result<Self> {
        let ground = Self { binary, database, data: Scratch::new("bench-scale")?, sandbox };
        ground.ask(&["init"], "")?;
        Ok(ground)
    }

    /// Our binary on this store.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = place::command(self.binary, self.data.path());
        command.env("KEYREEVE_DATABASE", &self.database).env("HOME", self.data.path());
        command.env("AWS_ENDPOINT_URL", self.sandbox.url()).env("AWS_REGION", "us-east-1");
        command.current_dir(self.data.path()).args(arguments);
        command
    }

    /// What it prints when it is asked for this.
    pub(super) fn ask(&self, arguments: &[&str], input: &str) -> Result<Vec<u8>> {
        place::answer(self.command(arguments), arguments, input)
    }

    /// As [`Ground::ask`], of what prints JSON.
    pub(super) fn json(&self, arguments: &[&str]) -> Result<Value> {
        let printed = self.ask(&[&["--output", "json"], arguments].concat(), "")?;
        serde_json::from_slice(&printed).context("reading what was printed")
    }

    /// Adds a system for an AWS account of the sandbox, with these settings.
    pub(super) fn add(&self, system: &str, account: u32, settings: &[&str]) -> Result<()> {
        let (id, secret) = self.sandbox.key(account)?;
        let add = ["system", "add", "--name", system, "--system-id", system, "--region", "us-east-1"];
        self.ask(&[&add[..], &["--access-key-id", &id, "--secret-access-key-stdin"]].concat(), &secret)?;
        self.ask(&[&["system", "set", system][..], settings].concat(), "").map(drop)
    }

    /// A worker, which ends when this is dropped.
    pub(super) fn worker(&self, at_once: u32) -> Result<Worker> {
        let folder = Scratch::new("bench-worker")?;
        let mut command = self.command(&["worker"]);
        command.env("KEYREEVE_IMPORT_JOBS", at_once.to_string());
        let said = folder.path().join("said");
        let said = std::fs::File::create(&said).context("making a worker's log")?;
        let running = Companion::start(&command, "TERM", folder.path(), Stdio::null(), said.into())?;
        Ok(Worker { _running: running, _folder: folder })
    }

    /// The calls since the last time, in the order in which they arrived, but for those that ask who one is.
    pub(super) fn calls(&self) -> Result<Vec<Call>> {
        let trace = self.sandbox.trace()?;
        let all = trace.as_array().ok_or_else(|| anyhow!("the sandbox gave no list of calls"))?;
        let text =
            |one: &Value, what: &str| one.get(what).and_then(Value::as_str).unwrap_or_default().to_owned();
        let micros = |one: &Value, what: &str| one.get(what).and_then(Value::as_u64);
        let calls = all.iter().filter(|one| text(one, "action") != "GetCallerIdentity").map(|one| {
            let began = micros(one, "started_micros").unwrap_or(0);
            Call {
                action: text(one, "action"),
                whom: (text(one, "account"), text(one, "subject")),
                applied: one.get("applied").and_then(Value::as_bool),
                began_micros: began,
                ended_micros: micros(one, "ended_micros").unwrap_or(began),
            }
        });
        Ok(calls.collect())
    }
}

/// A `keyreeve worker`.
pub(super) struct Worker {
    _running: Companion,
    _folder: Scratch,
}

/// The file that a list of wishes is handed over in.
pub(super) fn wishes(folder: &Scratch, system: &str, wishes: &[Value]) -> Result<PathBuf> {
    let path = folder.path().join(format!("{system}.json"));
    let text = serde_json::json!({"system": system, "wishes": wishes}).to_string();
    std::fs::write(&path, text).context("writing what is wished")?;
    Ok(path)
}
