//! Fills a fleet through the front door: systems are added and imported, so many AWS accounts of a sandbox at a time.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::people;
use super::store::Store;
use crate::bench::serve::account::{Sandbox, Shape, system};

/// Who looks at the console.
pub(super) const NAME: &str = "bench";
pub(super) const PASSWORD: &str = "a sentence of some words";
/// Users that the sandbox holds at once, about 25 KiB each.
const AT_ONCE: u32 = 25_000;
/// Systems that are imported at once.
const JOBS: &str = "4";
const LEASE: Duration = Duration::from_secs(31);

/// What is known of a fleet that is being filled, or is filled.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Filled {
    /// Systems that are in.
    pub(super) systems: u32,
    /// Whether that are all.
    pub(super) done: bool,
    pub(super) token: String,
    pub(super) accounts: u64,
    pub(super) assignments: u64,
    pub(super) resources: u64,
    /// Of the whole database, of what is known of accounts, and of assignments.
    pub(super) bytes: [u64; 3],
    /// Of the first imports that were not interrupted: users, calls, and seconds by the clock.
    pub(super) first_users: u64,
    pub(super) first_calls: u64,
    pub(super) first_seconds: f64,
}

fn note(folder: &Path) -> std::path::PathBuf {
    folder.join("filled.json")
}

/// Whether a fleet is filled to its end.
pub(super) fn is_done(folder: &Path) -> bool {
    known(folder).is_ok_and(|filled| filled.done)
}

/// What is noted of a fleet.
pub(super) fn known(folder: &Path) -> Result<Filled> {
    let path = note(folder);
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("reading what {} says", path.display()))
}

fn write(folder: &Path, filled: &Filled) -> Result<()> {
    fs::create_dir_all(folder)?;
    // A note that was cut off would be read as none, and the fleet filled anew.
    let new = folder.join("filled.json.new");
    fs::write(&new, serde_json::to_string_pretty(filled)? + "\n").context("noting what is filled")?;
    fs::rename(&new, note(folder)).context("noting what is filled")
}

/// Fills a fleet, or goes on where that was interrupted.
pub(super) fn fill(store: &Store<'_>, folder: &Path, shape: Shape, fresh: bool) -> Result<()> {
    let mut filled = match known(folder) {
        Ok(filled) if !fresh => filled,
        _ => begin(store, folder)?,
    };
    if filled.done {
        return Ok(());
    }
    println!("Filling a fleet of {} systems with {} users each; it is kept.", shape.systems, shape.users);
    let began = Instant::now();
    let before = filled.systems;
    while filled.systems < shape.systems {
        let some = (AT_ONCE / shape.users).max(1).min(shape.systems - filled.systems);
        batch(store, Shape { systems: some, ..shape }, &mut filled)?;
        write(folder, &filled)?;
        let users = u64::from(filled.systems - before) * u64::from(shape.users);
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "{} of {} systems; {seconds:.0} s, {:.0} s for 100,000 accounts.",
            filled.systems,
            shape.systems,
            seconds / users.max(1) as f64 * 100_000.0
        );
    }
    store.settle()?;
    let count = |table: &str| {
        store.number(&format!("SELECT count(*) FROM {table} WHERE valid_to_run = 9223372036854775807"))
    };
    filled.accounts = count("account_versions")?;
    filled.assignments = count("assignment_versions")?;
    filled.resources = count("resource_versions")?;
    filled.bytes = store.bytes()?;
    filled.done = true;
    write(folder, &filled)
}

fn begin(store: &Store<'_>, folder: &Path) -> Result<Filled> {
    let nowhere = "http://127.0.0.1:9";
    let path = note(folder);
    if path.exists() {
        fs::remove_file(&path).context("removing the note of a fleet")?;
    }
    store.make()?;
    let made = store.json(nowhere, &["token", "create", "--owner", "bench", "--role", "admin"])?;
    let token = made.get("token").and_then(Value::as_str).ok_or_else(|| anyhow!("no token was made"))?;
    store.ask(nowhere, &["person", "add", NAME, "--role", "admin", "--password-stdin"], PASSWORD)?;
    let filled = Filled { token: token.to_owned(), ..Filled::default() };
    write(folder, &filled)?;
    Ok(filled)
}

/// The next systems.
fn batch(store: &Store<'_>, shape: Shape, filled: &mut Filled) -> Result<()> {
    let numbers = filled.systems..filled.systems + shape.systems;
    let sandbox = Sandbox::start_with(store.binary, filled.systems, shape, people::INHABITANTS)?;
    let listed = store.json(sandbox.url(), &["system", "list"])?;
    let id = |one: &Value| Some(one.get("system_id")?.as_str()?.to_owned());
    let ours: BTreeSet<String> = numbers.clone().map(system).collect();
    let listed = listed.as_array().into_iter().flatten().filter_map(id);
    let there: BTreeSet<String> = listed.filter(|id| ours.contains(id)).collect();
    let category = format!("Fleet {:05}", filled.systems);
    for number in numbers {
        people::populate(&sandbox, number)?;
        let name = system(number);
        if there.contains(&name) {
            continue;
        }
        let (id, secret) = sandbox.key(number)?;
        let add = ["system", "add", "--name", &name, "--system-id", &name, "--category", &category];
        let key = ["--region", "us-east-1", "--access-key-id", &id, "--secret-access-key-stdin"];
        store.ask(sandbox.url(), &[&add[..], &key].concat(), &secret)?;
    }
    let arguments = ["import", "run", "--all", "--category", &category, "--jobs", JOBS];
    if !there.is_empty() {
        // An import that an interruption has left keeps its system for so long.
        thread::sleep(LEASE);
    }
    let began = Instant::now();
    let runs = store.json(sandbox.url(), &arguments)?;
    let seconds = began.elapsed().as_secs_f64();
    let runs = runs.as_array().map(Vec::as_slice).unwrap_or_default();
    let published = |run: &Value| run.get("state").is_some_and(|state| state == "published");
    if runs.len() != shape.systems as usize || !runs.iter().all(published) {
        bail!("{} systems were to be imported: {}", shape.systems, Value::from(runs));
    }
    let sum = |place: &str| runs.iter().filter_map(|run| run.pointer(place)?.as_u64()).sum::<u64>();
    let created = sum("/changes/accounts/created");
    // What was imported before an interruption is not counted, nor is the time of the others.
    if there.is_empty() {
        filled.first_users += created;
        filled.first_calls += sum("/aws_calls");
        filled.first_seconds += seconds;
    }
    filled.systems += shape.systems;
    Ok(())
}
