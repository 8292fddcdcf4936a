//! What the programs are run against: the neutral simulator kit, our own sandbox, or an endpoint of the caller's.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};

use super::{
    http, recorded,
    recorded::Recorded,
    setting::{Scenario, Setting},
};
use crate::{companion::Companion, scratch::Scratch, workspace};

/// Where the kit lies when nobody says otherwise, relative to the root of the workspace.
const USUAL_KIT: &str = "../shared/iamsim";
const ACCOUNT_ID: &str = "123456789012";

/// The kit's two programs and its baseline.
pub(super) struct Kit {
    simulator: PathBuf,
    pub(super) floor: PathBuf,
    pub(super) boto3_script: PathBuf,
    /// What it has on record of other programs.
    pub(super) recorded: Vec<Recorded>,
}

/// An endpoint that runs.
pub(super) struct Endpoint {
    pub(super) url: String,
    /// What the programs sign with; `None` takes the caller's own credentials.
    pub(super) key: Option<(String, String)>,
    counters: Counters,
    _server: Option<(Companion, Scratch)>,
}

/// Who counts the calls.
enum Counters {
    Kit,
    /// The sandbox's trace, on its admin port.
    Trace(String),
    /// Nobody but the program itself.
    Nobody,
}

/// What the endpoint counted since the last reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) calls: u64,
    pub(super) throttled: u64,
}

/// What is truly in the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Truth {
    pub(super) users: u64,
    pub(super) groups: u64,
    pub(super) policies: u64,
    pub(super) login_profiles: u64,
    pub(super) assignments: u64,
}

/// The kit in `given`, or where it usually lies; built in `target`, outside its own folder.
pub(super) fn prepare_kit(root: &Path, target: &Path, given: Option<&Path>) -> Result<Option<Kit>> {
    let folder = given.map_or_else(|| root.join(USUAL_KIT), Path::to_owned);
    if !folder.join("Cargo.toml").is_file() {
        if given.is_some() {
            bail!("{} holds no simulator kit (there is no Cargo.toml)", folder.display());
        }
        return Ok(None);
    }
    let recorded = recorded::read(&folder)?;
    // Cargo writes a lock file beside a manifest, and the kit's folder is not ours to write in.
    let built = target.join("bench-kit");
    let copy = built.join("source");
    for part in ["Cargo.toml", "src", "floor/Cargo.toml", "floor/src", "baselines"] {
        copy_changed(&folder.join(part), &copy.join(part))
            .with_context(|| format!("copying {part} of the simulator kit"))?;
    }
    println!("Building the simulator kit …");
    for manifest in ["Cargo.toml", "floor/Cargo.toml"] {
        let mut cargo = workspace::cargo(root);
        cargo.args(["build", "--release", "--quiet", "--manifest-path"]).arg(copy.join(manifest));
        let status = cargo.env("CARGO_TARGET_DIR", &built).status().context("starting cargo")?;
        if !status.success() {
            bail!("the simulator kit could not be built; cargo's output is above");
        }
    }
    let programs = built.join("release");
    Ok(Some(Kit {
        simulator: programs.join("iamsim"),
        floor: programs.join("floor"),
        boto3_script: copy.join("baselines/boto3_import.py"),
        recorded,
    }))
}

/// Copies a file or folder; files that are the same already are left alone, so that cargo does not build again.
fn copy_changed(from: &Path, to: &Path) -> Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy_changed(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut content = fs::read(from)?;
    if from.file_name().is_some_and(|name| name == "Cargo.toml") {
        // The copy may lie below our own workspace, and is no part of it.
        content.extend_from_slice(b"\n[workspace]\n");
    }
    if fs::read(to).ok().as_ref() != Some(&content) {
        fs::write(to, content)?;
    }
    Ok(())
}

impl Kit {
    /// Starts the simulator for a scenario.
    pub(super) fn start(&self, scenario: Scenario) -> Result<Endpoint> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = Scratch::new("bench-kit")?;
        let mut command = Command::new(&self.simulator);
        let groups = scenario.groups();
        let mut option = |name: &str, value: u32| {
            command.arg(name).arg(value.to_string());
        };
        option("--port", u32::from(port));
        option("--users", scenario.users);
        option("--groups", groups);
        option("--policies", groups * 3);
        option("--aws-managed", 1_300);
        option("--latency-ms", scenario.setting.latency_milliseconds());
        option("--rate", scenario.setting.rate().unwrap_or(0));
        let server = Companion::start(&command, "TERM", folder.path(), Stdio::null(), Stdio::inherit())?;
        let url = format!("http://127.0.0.1:{port}");
        let began = Instant::now();
        while let Err(error) = http::get(&url, "/_stats") {
            if began.elapsed() > Duration::from_secs(20) {
                return Err(error.context("the simulator does not answer"));
            }
            thread::sleep(Duration::from_millis(20));
        }
        // The simulator looks at the signature's scope and does not verify it.
        let key = Some(("AKIAIOSFODNN7EXAMPLE".to_owned(), "only-an-example".to_owned()));
        Ok(Endpoint { url, key, counters: Counters::Kit, _server: Some((server, folder)) })
    }
}

/// Starts our own sandbox for a scenario. It knows latency, but no rate.
pub(super) fn start_sandbox(binary: &Path, scenario: Scenario) -> Result<Endpoint> {
    let folder = Scratch::new("bench-sandbox")?;
    let groups = scenario.groups();
    let mut command = Command::new(binary);
    command.args(["--output", "json", "sandbox", "--port", "0", "--admin-port", "0", "--seed", "7"]);
    command.args(["--account", ACCOUNT_ID, "--users", &scenario.users.to_string()]);
    command.args(["--groups", &groups.to_string(), "--policies", &(groups * 3).to_string()]);
    command.env("KEYREEVE_DATA_DIR", folder.path());
    let mut server = Companion::start(&command, "TERM", folder.path(), Stdio::piped(), Stdio::inherit())?;
    let mut line = String::new();
    BufReader::new(server.stdout()?).read_line(&mut line).context("waiting for the sandbox")?;
    let ready: Value = serde_json::from_str(&line).context("reading the sandbox's first line")?;
    let text = |pointer: &str| {
        let value = ready.pointer(pointer).and_then(Value::as_str);
        value.map(str::to_owned).ok_or_else(|| anyhow!("the sandbox's first line has no {pointer}"))
    };
    let admin_url = text("/admin_url")?;
    if let latency @ 1.. = scenario.setting.latency_milliseconds() {
        let rule = json!([{"match": {"action": "*"}, "effect": {"kind": "latency", "ms": latency}}]);
        http::ask(&admin_url, "POST", "/faults", &rule.to_string())?;
    }
    Ok(Endpoint {
        url: text("/endpoint_url")?,
        key: Some((text("/accounts/0/access_key_id")?, text("/accounts/0/secret_access_key")?)),
        counters: Counters::Trace(admin_url),
        _server: Some((server, folder)),
    })
}

impl Endpoint {
    /// An endpoint that somebody else runs, read with the caller's own credentials.
    pub(super) fn given(url: &str) -> Self {
        Self { url: url.to_owned(), key: None, counters: Counters::Nobody, _server: None }
    }

    /// The port on this machine, for a program that takes nothing else.
    pub(super) fn port(&self) -> &str {
        self.url.rsplit(':').next().unwrap_or_default()
    }

    /// Changes the sandbox's account behind IAM's back.
    pub(super) fn change(&self, changes: &Value) -> Result<()> {
        self.admin("POST", &format!("/accounts/{ACCOUNT_ID}/mutate"), changes)
    }

    /// From now on the sandbox answers as the setting says, with a bucket of one second's calls.
    pub(super) fn slow_down(&self, setting: Setting) -> Result<()> {
        let mut rules = Vec::new();
        if let ms @ 1.. = setting.latency_milliseconds() {
            rules.push(json!({"effect": {"kind": "latency", "ms": ms}}));
        }
        if let Some(rate) = setting.rate() {
            rules.push(json!({"effect": {"kind": "rate", "per_second": rate}}));
        }
        self.admin("POST", "/faults", &json!(rules))
    }

    fn admin(&self, method: &str, path: &str, body: &Value) -> Result<()> {
        let Counters::Trace(admin) = &self.counters else { bail!("only our own sandbox can be changed") };
        http::ask(admin, method, path, &body.to_string()).map(drop)
    }

    /// Counts from zero, and lets the bucket of the rate fill up.
    pub(super) fn reset(&self) -> Result<()> {
        match &self.counters {
            Counters::Kit => http::ask(&self.url, "POST", "/_reset", "").map(drop),
            Counters::Trace(admin) => http::ask(admin, "DELETE", "/trace", "").map(drop),
            Counters::Nobody => Ok(()),
        }
    }

    /// The calls since the last reset; `None` where nobody counts.
    pub(super) fn counted(&self) -> Result<Option<Counted>> {
        match &self.counters {
            Counters::Kit => {
                let stats = http::get(&self.url, "/_stats")?;
                let number = |name| number(&stats, name);
                Ok(Some(Counted { calls: number("calls")?, throttled: number("throttled")? }))
            }
            Counters::Trace(admin) => {
                let trace = http::get(admin, "/trace")?;
                let calls = trace.as_array().ok_or_else(|| anyhow!("the sandbox's trace is not a list"))?;
                let throttled = calls.iter().filter(|call| call["error"].as_str() == Some("Throttling"));
                Ok(Some(Counted { calls: calls.len() as u64, throttled: throttled.count() as u64 }))
            }
            Counters::Nobody => Ok(None),
        }
    }

    /// What is truly in the account; `None` where the endpoint does not say.
    pub(super) fn truth(&self) -> Result<Option<Truth>> {
        if !matches!(self.counters, Counters::Kit) {
            return Ok(None);
        }
        let stats = http::get(&self.url, "/_stats")?;
        let account =
            stats.get("account").ok_or_else(|| anyhow!("the simulator's figures have no account"))?;
        let number = |name| number(account, name);
        Ok(Some(Truth {
            users: number("users")?,
            groups: number("groups")?,
            policies: number("customer_policies")? + number("aws_managed_policies")?,
            login_profiles: number("login_profiles")?,
            assignments: number("user_group")? + number("user_policy")? + number("group_policy")?,
        }))
    }
}

fn number(value: &Value, name: &str) -> Result<u64> {
    value.get(name).and_then(Value::as_u64).ok_or_else(|| anyhow!("the simulator's figures have no {name}"))
}
