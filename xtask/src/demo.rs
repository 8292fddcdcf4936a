//! `cargo xtask demo`: the whole way once, against a sandbox account: register, check, import, read, import again.
//!
//! Every command is the real one and is shown before its output. The account and everything that is stored about
//! it live in memory and in a temporary folder, and are gone at the end.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use crate::{
    companion::Companion,
    scratch::Scratch,
    workspace::{self, Depth},
};

mod evolve;

const ACCOUNT_ID: &str = "123456789012";
const SYSTEM: &str = "example";

/// The built binary and where it works.
struct Demo {
    binary: PathBuf,
    folder: Scratch,
    /// Where IAM and STS answer; set once the sandbox is ready.
    endpoint: Option<String>,
}

/// What the sandbox says when it is ready.
#[derive(Debug, PartialEq, Eq)]
struct Ready {
    endpoint_url: String,
    admin_url: String,
    access_key_id: String,
    secret_access_key: String,
}

/// Builds the binary of the workspace at `root` and walks through it.
pub(crate) fn run(root: &Path) -> Result<()> {
    let mut demo = Demo { binary: build(root)?, folder: Scratch::new("demo")?, endpoint: None };

    title("An AWS account to try things on: 64 users, made up, on this machine only");
    let (_sandbox, ready) = demo.start_sandbox()?;
    demo.endpoint = Some(ready.endpoint_url.clone());

    title("Register it as a system");
    demo.show(&["init"])?;
    demo.show_with_input(
        &[
            "system",
            "add",
            "--name",
            "Example AWS",
            "--system-id",
            SYSTEM,
            "--access-key-id",
            &ready.access_key_id,
            "--secret-access-key-stdin",
        ],
        &ready.secret_access_key,
    )?;
    demo.show(&["system", "check", SYSTEM])?;

    title("Import it, and see who holds what");
    demo.show(&["import", "run", SYSTEM])?;
    demo.show(&["account", "list", SYSTEM])?;
    demo.show(&["resource", "list", SYSTEM, "--type", "group"])?;
    let name = busiest_account(&demo.read(&["assignment", "list", SYSTEM])?)?;
    demo.show(&["assignment", "list", SYSTEM, "--account", &name])?;

    title("A day passes in the account: people join, leave and move. Import again, and see what changed");
    evolve::post(&ready.admin_url, &format!("/accounts/{ACCOUNT_ID}/evolve"))?;
    demo.show(&["import", "run", SYSTEM])?;
    let (before, after) = last_two_runs(&demo.read(&["import", "list", SYSTEM])?)?;
    demo.show(&["import", "diff", &before, &after])?;

    println!(
        "\nThat was all of it; the sandbox and its data are gone. With an AWS account of your own: README.md."
    );
    Ok(())
}

fn build(root: &Path) -> Result<PathBuf> {
    println!("Building keyreeve (a few minutes the first time) …");
    let status = workspace::cargo(root).args(["build", "--quiet", "-p", "keyreeve-cli"]).status()?;
    if !status.success() {
        bail!("keyreeve could not be built; cargo's output is above");
    }
    let target = workspace::metadata(root, Depth::Members)?.target_directory;
    Ok(target.join("debug").join("keyreeve").into_std_path_buf())
}

fn title(text: &str) {
    println!("\n── {text}");
}

impl Demo {
    /// The binary with nothing from the caller's own AWS or Keyreeve settings.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("AWS_") || name.starts_with("KEYREEVE_")) {
                command.env_remove(name);
            }
        }
        command.args(arguments).current_dir(self.folder.path());
        command.env("KEYREEVE_DATA_DIR", self.folder.path().join("data"));
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("NO_PROXY", "127.0.0.1");
        command.envs(self.endpoint.iter().map(|endpoint| ("AWS_ENDPOINT_URL", endpoint)));
        command
    }

    fn start_sandbox(&self) -> Result<(Companion, Ready)> {
        let wanted = [
            "sandbox",
            "--port",
            "0",
            "--admin-port",
            "0",
            "--account",
            ACCOUNT_ID,
            "--users",
            "64",
            "--seed",
            "7",
        ];
        println!("\n$ {} &", command_line(&wanted));
        let command = self.command(&[&["--output", "json"], wanted.as_slice()].concat());
        let mut sandbox =
            Companion::start(&command, "TERM", self.folder.path(), Stdio::piped(), Stdio::inherit())?;
        let mut line = String::new();
        BufReader::new(sandbox.stdout()?).read_line(&mut line).context("waiting for the sandbox")?;
        if line.is_empty() {
            bail!("the sandbox ended before it was ready; what it said is above");
        }
        let ready = Ready::parse(&line)?;
        println!("IAM and STS of account {ACCOUNT_ID} answer at {}", ready.endpoint_url);
        Ok((sandbox, ready))
    }

    /// Shows a command and what it prints.
    fn show(&self, arguments: &[&str]) -> Result<()> {
        self.show_with_input(arguments, "")
    }

    /// The same, with `input` on its standard input; the input is not shown.
    fn show_with_input(&self, arguments: &[&str], input: &str) -> Result<()> {
        let shown = command_line(arguments);
        println!("\n$ {shown}");
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().context("starting keyreeve")?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes()).with_context(|| format!("giving `{shown}` its input"))?;
        }
        let status = child.wait().with_context(|| format!("waiting for `{shown}`"))?;
        if !status.success() {
            bail!("`{shown}` ended with {status}; what it said is above");
        }
        Ok(())
    }

    /// What a reading command prints as JSON, without showing it.
    fn read(&self, arguments: &[&str]) -> Result<Value> {
        let shown = command_line(arguments);
        let output =
            self.command(&[&["--output", "json"], arguments].concat()).stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            bail!("`{shown}` ended with {}; what it said is above", output.status);
        }
        serde_json::from_slice(&output.stdout).with_context(|| format!("reading the JSON of `{shown}`"))
    }
}

impl Ready {
    fn parse(line: &str) -> Result<Self> {
        let json: Value = serde_json::from_str(line).context("reading the sandbox's first line")?;
        let text = |pointer: &str| {
            let value = json.pointer(pointer).and_then(Value::as_str);
            value.map(str::to_owned).ok_or_else(|| anyhow!("the sandbox's first line has no {pointer}"))
        };
        Ok(Self {
            endpoint_url: text("/endpoint_url")?,
            admin_url: text("/admin_url")?,
            access_key_id: text("/accounts/0/access_key_id")?,
            secret_access_key: text("/accounts/0/secret_access_key")?,
        })
    }
}

/// The command as one would type it.
fn command_line(arguments: &[&str]) -> String {
    let quoted = arguments.iter().map(|argument| {
        let plain = |character: char| character.is_alphanumeric() || "-_./:=@+,".contains(character);
        if argument.is_empty() || !argument.chars().all(plain) {
            format!("'{}'", argument.replace('\'', "'\\''"))
        } else {
            (*argument).to_owned()
        }
    });
    std::iter::once("keyreeve".to_owned()).chain(quoted).collect::<Vec<_>>().join(" ")
}

/// The account with the most assignments: the most to look at. Of equals, the first by name.
fn busiest_account(assignments: &Value) -> Result<String> {
    let list = assignments.as_array().ok_or_else(|| anyhow!("`assignment list` did not give a list"))?;
    let mut counts = std::collections::BTreeMap::new();
    for name in list.iter().filter_map(|assignment| assignment.get("account")?.as_str()) {
        *counts.entry(name).or_insert(0) += 1;
    }
    let busiest = counts.into_iter().rev().max_by_key(|&(_, count)| count);
    busiest
        .map(|(name, _)| name.to_owned())
        .ok_or_else(|| anyhow!("no account of the sandbox holds anything"))
}

/// The ids of the last two published runs, the older one first.
fn last_two_runs(runs: &Value) -> Result<(String, String)> {
    let list = runs.as_array().ok_or_else(|| anyhow!("`import list` did not give a list"))?;
    let published = list.iter().filter(|run| run.get("state").and_then(Value::as_str) == Some("published"));
    let mut found: Vec<i64> = published.filter_map(|run| run.get("id")?.as_i64()).collect();
    found.sort_unstable();
    match found.as_slice() {
        [.., before, after] => Ok((before.to_string(), after.to_string())),
        _ => bail!("there are fewer than two published imports to compare"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_ready_line_is_read() {
        let line = r#"{"endpoint_url":"http://127.0.0.1:1","admin_url":"http://127.0.0.1:2",
            "accounts":[{"account_id":"1","access_key_id":"AKIA1","secret_access_key":"s"}]}"#;
        assert_eq!(Ready::parse(line).unwrap().access_key_id, "AKIA1");
        assert!(Ready::parse("{}").unwrap_err().to_string().contains("/endpoint_url"));
    }

    #[test]
    fn commands_are_shown_as_one_would_type_them() {
        assert_eq!(command_line(&["a", "--name", "Example AWS"]), "keyreeve a --name 'Example AWS'");
        assert_eq!(command_line(&["it's", "x@y.z"]), "keyreeve 'it'\\''s' x@y.z");
    }

    #[test]
    fn the_account_with_the_most_assignments_is_shown() {
        let list =
            json!([{"account": "b"}, {"account": "c"}, {"account": "b"}, {"account": "c"}, {"group": "g"}]);
        assert_eq!(busiest_account(&list).unwrap(), "b");
        assert!(busiest_account(&json!([])).is_err());
    }

    #[test]
    fn the_last_two_published_runs_are_compared_in_order() {
        let run = |id: i64, state: &str| json!({"id": id, "state": state});
        let runs = json!([run(10, "published"), run(11, "failed"), run(9, "published"), run(2, "published")]);
        assert_eq!(last_two_runs(&runs).unwrap(), ("9".to_owned(), "10".to_owned()));
        assert!(last_two_runs(&json!([])).is_err());
    }
}
