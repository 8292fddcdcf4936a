//! Many systems, each with a job, and so many workers.

use std::{
    collections::BTreeMap,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};

use super::super::serve::account::{Inhabitants, Sandbox, Shape};
use super::WorkOptions;
use super::ground::{Call, Ground, wishes};
use crate::scratch::Scratch;

/// Who is in each AWS account before.
const INHABITANTS: Inhabitants = Inhabitants { groups: 2, policies: 2 };
const USERS: u32 = 20;
/// Calls of one system at once.
const CALLS_AT_ONCE: &str = "max_concurrent_requests=4";
const LONGEST_ROUND: Duration = Duration::from_secs(3_600);

/// What so many workers did.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Round {
    pub(super) workers: u32,
    pub(super) tasks: usize,
    pub(super) calls: usize,
    /// From the first call to the end of the last.
    pub(super) seconds: f64,
}

impl Round {
    pub(super) fn tasks_per_second(&self) -> f64 {
        self.tasks as f64 / self.seconds.max(f64::MIN_POSITIVE)
    }
}

/// A round for each number of workers, all with the same work.
pub(super) fn measure(binary: &Path, database: String, options: &WorkOptions) -> Result<Vec<Round>> {
    let shape = Shape { systems: options.systems, users: USERS };
    let sandbox = Sandbox::start_with(binary, 0, shape, INHABITANTS)?;
    let ground = Ground::new(binary, database, sandbox)?;
    println!("Connecting {} AWS accounts and importing them …", options.systems);
    for number in 0..options.systems {
        let system = system(number);
        ground.add(&system, number, &[CALLS_AT_ONCE, "permission_profile=full"])?;
        ground.ask(&["import", "run", &system], "")?;
    }
    options.workers.iter().map(|&workers| round(&ground, workers, options)).collect()
}

fn round(ground: &Ground<'_>, workers: u32, options: &WorkOptions) -> Result<Round> {
    let folder = Scratch::new("bench-wishes")?;
    let mut jobs = Vec::new();
    for number in 0..options.systems {
        let create = |task| json!({"task": "create_account", "name": format!("by{workers}.{task:03}")});
        let wished: Vec<Value> = (0..options.tasks).map(create).collect();
        let path = wishes(&folder, &system(number), &wished)?;
        let path = path.to_str().context("the name of a folder for scratch is no text")?;
        let job = ground.json(&["job", "apply", path, "--yes", "--no-wait"])?;
        let id = job.get("id").and_then(Value::as_i64).ok_or_else(|| anyhow!("a job has no id: {job}"))?;
        jobs.push(id.to_string());
    }
    ground.sandbox.forget_calls()?;
    ground.sandbox.slow_down(options.latency_ms)?;
    let begun = Instant::now();
    let working = (0..workers).map(|_| ground.worker(options.at_once)).collect::<Result<Vec<_>>>()?;
    while let Some(job) = jobs.last() {
        let state = ground.json(&["job", "show", job])?;
        match state.get("state").and_then(Value::as_str) {
            Some("succeeded") => drop(jobs.pop()),
            Some("queued" | "running") => thread::sleep(Duration::from_millis(500)),
            _ => bail!("a job was to succeed: {state}"),
        }
        if begun.elapsed() > LONGEST_ROUND {
            bail!("{} jobs have not ended after an hour", jobs.len());
        }
    }
    drop(working);
    ground.sandbox.answer_at_once()?;
    let calls = ground.calls()?;
    let tasks = (options.systems * options.tasks) as usize;
    done_once(&calls, tasks)?;
    let round = Round { workers, tasks, calls: calls.len(), seconds: seconds(&calls) };
    println!("{workers} workers: {tasks} tasks, {} calls in {:.1} s", round.calls, round.seconds);
    Ok(round)
}

fn system(number: u32) -> String {
    format!("fleet-{number:05}")
}

fn seconds(calls: &[Call]) -> f64 {
    let began = calls.iter().map(|call| call.began_micros).min().unwrap_or(0);
    let ended = calls.iter().map(|call| call.ended_micros).max().unwrap_or(0);
    ended.saturating_sub(began) as f64 / 1_000_000.0
}

/// Each account was created, and once; nothing was changed by two calls at once.
fn done_once(calls: &[Call], tasks: usize) -> Result<()> {
    let mut created = BTreeMap::new();
    for call in calls.iter().filter(|call| call.action == "CreateUser" && call.applied == Some(true)) {
        *created.entry(&call.whom).or_insert(0) += 1;
    }
    if created.len() != tasks || created.values().any(|times| *times != 1) {
        bail!("{tasks} accounts were to be created once each: {} were, some several times", created.len());
    }
    let mut until: BTreeMap<_, u64> = BTreeMap::new();
    for call in calls.iter().filter(|call| call.applied.is_some()) {
        let before = until.insert(&call.whom, call.ended_micros).unwrap_or(0);
        if before > call.began_micros {
            bail!("two calls changed {:?} at the same time", call.whom);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(user: &str, began_micros: u64) -> Call {
        Call {
            action: "CreateUser".to_owned(),
            whom: ("111122223333".to_owned(), user.to_owned()),
            applied: Some(true),
            began_micros,
            ended_micros: began_micros + 10,
        }
    }

    #[test]
    fn what_was_done_twice_not_at_all_or_at_once_is_no_figure() {
        assert!(done_once(&[create("a", 0), create("b", 0)], 2).is_ok());
        assert!(done_once(&[create("a", 0)], 2).is_err());
        assert!(done_once(&[create("a", 0), create("a", 20), create("b", 0)], 2).is_err());
        let attach = Call { action: "AttachUserPolicy".to_owned(), ..create("a", 5) };
        assert!(done_once(&[create("a", 0), attach.clone(), create("b", 0)], 2).is_err());
        assert!(done_once(&[create("a", 0), Call { began_micros: 10, ..attach }, create("b", 0)], 2).is_ok());
    }

    #[test]
    fn the_time_is_from_the_first_call_to_the_end_of_the_last() {
        let calls = [create("a", 1_000_000), create("b", 2_999_990)];
        assert!((seconds(&calls) - 2.0).abs() < 1e-9);
        let round = Round { workers: 1, tasks: 8, calls: 2, seconds: seconds(&calls) };
        assert!((round.tasks_per_second() - 4.0).abs() < 1e-9);
    }
}
