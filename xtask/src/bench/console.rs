//! `cargo xtask bench console`: how long the server takes for each page of the console.
//!
//! Two stores are filled by imports from our sandbox: one with all accounts, one whose systems have a tenth of them. In each a
//! few jobs are asked for, and one system is imported twice, so that every page has something to show. Then somebody signs in,
//! and asks for each page in turn, again and again, one request at a time over a connection that is kept: what is measured is
//! the server's time and that of the loopback. Pages that ask AWS something before they answer are left out, as their time is
//! AWS's.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::serve::{
    Server, account,
    account::Shape,
    client::Client,
    import_changes,
    place::{self, Filled},
};

mod figures;
mod pages;

use figures::{Figures, Measured};
use pages::Known;

/// Who looks.
const NAME: &str = "bench";
const PASSWORD: &str = "a sentence of some words";
/// Accounts that are changed, so that there are jobs.
const JOBS: usize = 20;

#[derive(clap::Args)]
pub(super) struct ConsoleOptions {
    /// Accounts in all systems together
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(2_000..=1_000_000))]
    accounts: u32,
    /// Systems that they are in; AWS lets each have 5,000
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    systems: u32,
    /// How often each page is asked for
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(5..=10_000))]
    rounds: u32,
    /// Fill the stores anew
    #[arg(long)]
    fresh: bool,
    /// A release binary to measure; without it one is built
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// Measures, prints the tables, and writes `bench/console.json` in the target folder.
pub(super) fn run(root: &Path, target: &Path, options: &ConsoleOptions) -> Result<()> {
    let users = options.accounts / options.systems;
    if !(1_000..=100_000).contains(&users) {
        bail!(
            "a system would have {users} accounts; choose --accounts and --systems so that it has 1,000 to 100,000"
        );
    }
    let binary = match &options.binary {
        Some(binary) => binary.canonicalize().with_context(|| format!("finding {}", binary.display()))?,
        None => super::build(root, target)?,
    };
    let measured = |users: u32| {
        let shape = Shape { systems: options.systems, users };
        // The same stores as those of `bench serve`.
        let kept = target.join("bench").join("serve").join(shape.to_string());
        if options.fresh && kept.exists() {
            fs::remove_dir_all(&kept).with_context(|| format!("removing {}", kept.display()))?;
        }
        let filled = place::fill(&binary, &kept, shape)?;
        println!(
            "{} accounts and {} assignments: asking for each page …",
            filled.accounts, filled.assignments
        );
        measure(&binary, (&kept, &filled), shape, options.rounds)
    };
    let figures = Figures { tenth: measured(users / 10)?, all: measured(users)? };
    println!("\n{}", figures.table());
    println!("\n{}", figures.summary());
    let folder = target.join("bench");
    fs::create_dir_all(&folder)?;
    let path = folder.join("console.json");
    fs::write(&path, serde_json::to_string_pretty(&figures.json())? + "\n")?;
    println!("\nEvery figure is in {}.", path.display());
    Ok(())
}

fn measure(binary: &Path, (kept, filled): (&Path, &Filled), shape: Shape, rounds: u32) -> Result<Measured> {
    // Only the account that is imported from is needed now.
    let sandbox = account::Sandbox::start(binary, Shape { systems: 1, ..shape })?;
    let changing = sandbox.populate()?;
    let copy = filled.copy()?;
    let add = ["person", "add", NAME, "--role", "admin", "--password-stdin"];
    place::ask(binary, copy.path(), sandbox.url(), &add, PASSWORD)?;
    let server = Server::start(binary, (copy.path(), &kept.join("server.log")), &sandbox)?;
    let mut client = Client::new(&server.address, &filled.token);
    sandbox.change(&changing, 0)?;
    let run = import_changes(&mut client)?;
    let job = ask_for_jobs(&mut client)?;
    client.sign_in(NAME, PASSWORD)?;
    let known = Known::gather(&mut client, (run, job))?;
    let mut measured = Measured::new(filled.accounts, filled.assignments);
    measured.first_view = first_view(&mut client)?;
    for turn in 0..=rounds as usize {
        for (page, path) in known.pages(turn) {
            let began = Instant::now();
            let (status, answer) = client.ask("GET", &path, None)?;
            let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            if status != 200 {
                bail!("{path} was answered with {status}: {}", String::from_utf8_lossy(&answer));
            }
            // The first time around caches are cold.
            if turn > 0 {
                measured.add(page, micros, answer.len());
            }
        }
    }
    Ok(measured)
}

/// Asks for some accounts of the first system to be put into a group, each by a job of its own, and waits for each. AWS lets
/// nobody be created beside 5,000 users.
fn ask_for_jobs(client: &mut Client<'_>) -> Result<i64> {
    let system = account::system(0);
    let mut names = |what: &str| {
        let listed = client.json("GET", &format!("/api/v1/systems/{system}/{what}"), None)?;
        let items = listed.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let name = |one: &Value| Some(one.get("name")?.as_str()?.to_owned());
        Ok::<Vec<String>, anyhow::Error>(items.iter().filter_map(name).collect())
    };
    let group = names("resources?type=group&limit=1")?.pop().context("there is no group")?;
    let mut last = 0;
    for name in names(&format!("accounts?limit={JOBS}"))? {
        let body = json!({
            "wishes": [{"task": "add_assignment", "account": name, "group": group}],
            "reason": "to have some",
        });
        let job = client.json("POST", &format!("/api/v1/systems/{system}/jobs"), Some(&body.to_string()))?;
        // Who is in the group already needs no job.
        let Some(id) = job.get("id").and_then(Value::as_i64) else { continue };
        last = id;
        let address = format!("/api/v1/jobs/{last}");
        let ended = loop {
            let job = client.json("GET", &address, None)?;
            if job.get("finished_at").is_some_and(|at| !at.is_null()) {
                break job;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        };
        if ended.get("state").and_then(Value::as_str) != Some("succeeded") {
            bail!("job {last} was to succeed: {ended}");
        }
    }
    if last == 0 {
        bail!("{system} has no account that a job could change");
    }
    Ok(last)
}

/// What a browser transfers that sees the first page for the first time: the page, style, script and icon.
fn first_view(client: &mut Client<'_>) -> Result<usize> {
    let (_, page) = client.ask("GET", "/", None)?;
    let text = String::from_utf8_lossy(&page).into_owned();
    let mut bytes = page.len();
    for address in text.split('"').filter(|part| part.starts_with("/console/")) {
        bytes += client.ask("GET", address, None)?.1.len();
    }
    Ok(bytes)
}
