//! `cargo xtask bench serve`: how long readers wait for a server that holds much, idle and while it imports.
//!
//! The store holds the systems that `--systems` and `--users` say, filled once by imports from our sandbox and kept in
//! the target folder; each run works on a copy. Requests are sent at fixed times, whatever became of the ones before,
//! and each is measured from the time it was to be sent: a server that stands still for a second is charged that second
//! by everybody who would have come in it, not by one.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};

use crate::{companion::Companion, scratch::Scratch};

pub(super) mod account;
pub(super) mod client;
pub(super) mod figures;
mod load;
pub(super) mod mix;
pub(super) mod place;

use figures::{Figures, Phase};
use mix::Known;
use place::Filled;

/// Not counted at the beginning of a phase: caches and connections are still cold.
const WARM_UP: Duration = Duration::from_secs(3);

#[derive(clap::Args)]
pub(super) struct ServeOptions {
    /// Systems, each an AWS account of its own
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    systems: u32,
    /// Users in each; AWS lets an account have 5,000
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    users: u32,
    /// Requests a second
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// How long each of the two phases is measured
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(5..=600))]
    seconds: u32,
    /// After how many milliseconds the sandbox answers while it is imported from
    #[arg(long, default_value_t = 20)]
    latency_ms: u32,
    /// Fill the store anew
    #[arg(long)]
    fresh: bool,
    /// A release binary to measure; without it one is built
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// Measures, prints the tables, and writes `bench/serve.json` in the target folder.
pub(super) fn run(root: &Path, target: &Path, options: &ServeOptions) -> Result<()> {
    let binary = match &options.binary {
        Some(binary) => binary.canonicalize().with_context(|| format!("finding {}", binary.display()))?,
        None => super::build(root, target)?,
    };
    let shape = account::Shape { systems: options.systems, users: options.users };
    let kept = target.join("bench").join("serve").join(shape.to_string());
    if options.fresh && kept.exists() {
        fs::remove_dir_all(&kept).with_context(|| format!("removing {}", kept.display()))?;
    }
    let filled = place::fill(&binary, &kept, shape)?;
    println!(
        "{} systems hold {} accounts and {} assignments in {} MiB of SQLite.",
        shape.systems,
        filled.accounts,
        filled.assignments,
        filled.bytes >> 20
    );
    let figures = measure(&binary, (&kept, &filled), shape, options)?;
    println!("\n{}", figures.table());
    println!("\n{}", figures.target_table());
    let folder = target.join("bench");
    fs::create_dir_all(&folder)?;
    let path = folder.join("serve.json");
    fs::write(&path, serde_json::to_string_pretty(&figures.json())? + "\n")?;
    println!("\nEvery figure is in {}.", path.display());
    Ok(())
}

fn measure(
    binary: &Path,
    (kept, filled): (&Path, &Filled),
    shape: account::Shape,
    options: &ServeOptions,
) -> Result<Figures> {
    // Only the account that is imported from is needed now.
    let one = account::Shape { systems: 1, ..shape };
    let sandbox = account::Sandbox::start(binary, one)?;
    let changing = sandbox.populate()?;
    let copy = filled.copy()?;
    let server = Server::start(binary, (copy.path(), &kept.join("server.log")), &sandbox)?;
    let known = Known::gather(&server.address, &filled.token, shape)?;
    let load = load::Load {
        address: &server.address,
        token: &filled.token,
        rate: options.rate,
        measured: Duration::from_secs(u64::from(options.seconds)),
        warm_up: WARM_UP,
    };
    println!("{} requests a second for {} s, nothing else to do …", options.rate, options.seconds);
    let idle = load.run(&known, 1)?;
    let idle_peak = server.peak_mebibytes()?;
    sandbox.slow_down(options.latency_ms)?;
    println!("The same while imports of {} follow each other …", account::system(0));
    let over = AtomicBool::new(false);
    let (busy, imports) = thread::scope(|scope| {
        let importing = scope.spawn(|| import_until(&server, &filled.token, (&sandbox, &changing), &over));
        let busy = load.run(&known, 2);
        over.store(true, Ordering::Relaxed);
        let imports = importing.join().map_err(|_| anyhow!("the thread that asks for imports panicked"))?;
        Ok::<_, anyhow::Error>((busy?, imports?))
    })?;
    let peak_mebibytes = server.peak_mebibytes()?;
    let cpu_seconds = server.cpu_seconds()?;
    Ok(Figures {
        shape,
        accounts: filled.accounts,
        assignments: filled.assignments,
        rate: options.rate,
        latency_ms: options.latency_ms,
        phases: [Phase::new("idle", idle), Phase::new("importing", busy)],
        imports,
        idle_peak_mebibytes: idle_peak,
        peak_mebibytes,
        cpu_seconds,
    })
}

/// Imports the first system again and again, each time with something to publish. Gives how long each took.
fn import_until(
    server: &Server,
    token: &str,
    (sandbox, changing): (&account::Sandbox, &account::Changing),
    over: &AtomicBool,
) -> Result<Vec<f64>> {
    let mut client = client::Client::new(&server.address, token);
    let mut seconds = Vec::new();
    while !over.load(Ordering::Relaxed) {
        sandbox.change(changing, seconds.len())?;
        let began = Instant::now();
        import_changes(&mut client)?;
        seconds.push(began.elapsed().as_secs_f64());
    }
    Ok(seconds)
}

/// Imports the first system, where something has changed. Gives the run.
pub(super) fn import_changes(client: &mut client::Client<'_>) -> Result<i64> {
    let run = import_once(client, Duration::from_millis(50))?;
    let changed = run.pointer("/changes/accounts/changed").and_then(Value::as_u64).unwrap_or(0);
    if run.get("state").is_none_or(|state| state != "published") || changed == 0 {
        bail!("an import did not publish what had changed: {run}");
    }
    run.get("id").and_then(Value::as_i64).ok_or_else(|| anyhow!("the run has no id: {run}"))
}

/// Imports the first system, and asks every so often whether that has ended. Gives what is said of the run.
pub(super) fn import_once(client: &mut client::Client<'_>, every: Duration) -> Result<Value> {
    let path = format!("/api/v1/systems/{}/import-runs", account::system(0));
    let mut run: Value = client.json("POST", &path, Some("{}"))?;
    let id = run.get("id").and_then(Value::as_i64).ok_or_else(|| anyhow!("the run has no id: {run}"))?;
    while run.get("state").is_some_and(|state| state == "running") {
        thread::sleep(every);
        run = client.json("GET", &format!("/api/v1/import-runs/{id}"), None)?;
    }
    Ok(run)
}

/// The release binary as a process of its own.
pub(super) struct Server {
    pub(super) address: String,
    id: u32,
    _companion: Companion,
    _scratch: Scratch,
}

impl Server {
    pub(super) fn start(binary: &Path, places: (&Path, &Path), sandbox: &account::Sandbox) -> Result<Self> {
        Self::start_on(binary, places, sandbox, None)
    }

    /// On this database, or on the file in its data folder.
    pub(super) fn start_on(
        binary: &Path,
        (data, log): (&Path, &Path),
        sandbox: &account::Sandbox,
        database: Option<&str>,
    ) -> Result<Self> {
        let scratch = Scratch::new("bench-serve")?;
        let said = fs::File::create(log).with_context(|| format!("making {}", log.display()))?;
        let mut command = place::command(binary, data);
        command.args(["--output", "json", "serve", "--listen", "127.0.0.1:0"]);
        command.env("AWS_ENDPOINT_URL", sandbox.url()).env("AWS_REGION", "us-east-1");
        command.env("HOME", scratch.path()).current_dir(scratch.path());
        if let Some(database) = database {
            command.env("KEYREEVE_DATABASE", database);
        }
        let mut companion = Companion::start(&command, "TERM", scratch.path(), Stdio::piped(), said.into())?;
        let mut line = String::new();
        BufReader::new(companion.stdout()?).read_line(&mut line).context("waiting for the server")?;
        let ready: Value = serde_json::from_str(&line).context("reading the server's first line")?;
        let url = ready.get("url").and_then(Value::as_str);
        let address = url.and_then(|url| url.strip_prefix("http://")).map(str::to_owned);
        let address = address.ok_or_else(|| anyhow!("the server did not say where it answers: {line}"))?;
        let name = binary.file_name().unwrap_or_default().to_string_lossy();
        // Linux keeps 15 bytes of it.
        let id = companion.program(name.get(..15).unwrap_or(&name))?;
        Ok(Self { address, id, _companion: companion, _scratch: scratch })
    }

    /// The most memory that the process has had at once, as Linux counts it.
    pub(super) fn peak_mebibytes(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<f64>().ok());
        Ok(kibibytes.ok_or_else(|| anyhow!("Linux does not say how much memory the server has had"))?
            / 1024.0)
    }

    /// User and system time of the process so far, in the hundredths of a second that Linux counts.
    fn cpu_seconds(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id))?;
        let after = stat.rsplit(')').next().unwrap_or_default();
        let number = |place: usize| after.split_whitespace().nth(place)?.parse::<f64>().ok();
        let ticks = number(11).zip(number(12)).map(|(user, system)| user + system);
        Ok(ticks.ok_or_else(|| anyhow!("Linux does not say how long the server has worked"))? / 100.0)
    }
}

/// A word for what is written as JSON.
fn milliseconds(micros: u64) -> Value {
    json!(micros as f64 / 1_000.0)
}
