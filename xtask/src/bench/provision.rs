//! `cargo xtask bench provision`: what a job of many mixed tasks costs, beside what it must cost.
//!
//! The simulator kit carries out no writes, so this runs on our own sandbox, with its faults `latency` and `rate`.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{
    endpoint::{self, Counted},
    figures::Target,
    place::{Place, SYSTEM},
    setting::{Scenario, Setting, Source},
};
use crate::scratch::Scratch;

mod work;

/// Users and groups that the sandbox makes up besides.
const OTHERS: u32 = 100 + 7;
/// Calls at once: our setting `max_concurrent_requests` by default.
const SLOTS: u32 = 50;

#[derive(clap::Args)]
pub(super) struct ProvisionOptions {
    /// Tasks of the job: creations, updates, assignments, passwords, deactivations, deletions in turn
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(7..=5_000))]
    tasks: u32,
    /// How the sandbox behaves (several with commas)
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Setting::Latency, Setting::Rate])]
    setting: Vec<Setting>,
    /// A release binary to measure; without it one is built
    #[arg(long)]
    binary: Option<PathBuf>,
}

struct Measured {
    setting: Setting,
    floor: work::Floor,
    wall_seconds: f64,
    counted: Counted,
}

/// Measures, prints the tables, and writes `bench/provision.json` in the target folder.
pub(super) fn run(root: &Path, target: &Path, options: &ProvisionOptions) -> Result<()> {
    println!("On our own sandbox, with its latency and its rate: the simulator kit carries out no writes.");
    let binary = match &options.binary {
        Some(binary) => binary.canonicalize().with_context(|| format!("finding {}", binary.display()))?,
        None => super::build(root, target)?,
    };
    let measure = |&setting: &Setting| measure(&binary, options.tasks, setting);
    let all = options.setting.iter().map(measure).collect::<Result<Vec<_>>>()?;
    println!("\n| tasks | endpoint | needed calls | calls | throttled | critical path s | wall s |");
    println!("| ---: | --- | ---: | ---: | ---: | ---: | ---: |");
    for Measured { setting, floor, wall_seconds, counted } in &all {
        let (tasks, label, needed, path) =
            (options.tasks, setting.label(), floor.calls, floor.critical_path_seconds);
        let Counted { calls, throttled } = counted;
        println!("| {tasks} | {label} | {needed} | {calls} | {throttled} | {path:.2} | {wall_seconds:.2} |");
    }
    println!(
        "\n| tasks | endpoint | target | at most | measured | |\n| ---: | --- | --- | ---: | ---: | --- |"
    );
    for measured in &all {
        for target in measured.targets() {
            let verdict = if target.is_met() { "met" } else { "**missed**" };
            let (tasks, label) = (options.tasks, measured.setting.label());
            let Target { what, limit, value } = target;
            println!("| {tasks} | {label} | {what} | {limit:.2} | {value:.2} | {verdict} |");
        }
    }
    let folder = target.join("bench");
    fs::create_dir_all(&folder)?;
    let path = folder.join("provision.json");
    let scenarios: Vec<Value> = all.iter().map(|measured| measured.json(options.tasks)).collect();
    fs::write(&path, serde_json::to_string_pretty(&json!({"scenarios": scenarios}))? + "\n")?;
    println!("\nEvery figure is in {}.", path.display());
    Ok(())
}

fn measure(binary: &Path, tasks: u32, setting: Setting) -> Result<Measured> {
    let scenario = Scenario { users: 0, setting: Setting::Open, source: Source::PerUser };
    let endpoint = endpoint::start_sandbox(binary, scenario)?;
    let folder = Scratch::new("bench-provision")?;
    let place = Place { binary, endpoint: &endpoint, folder: &folder };
    prepare(place, tasks)?;
    endpoint.slow_down(setting)?;
    endpoint.reset()?;
    print!("{tasks} tasks, {}:", setting.label());
    std::io::stdout().flush()?;
    let began = Instant::now();
    let job = place.keyreeve(&["--output", "json", "job", "apply", "wishes.json", "--yes"], "")?;
    let wall_seconds = began.elapsed().as_secs_f64();
    println!(" {wall_seconds:.3} s");
    let job: Value = serde_json::from_slice(&job).context("reading the job")?;
    let done = |task: &&Value| task.get("state").is_some_and(|state| state == "succeeded");
    let tasks_of_job = job.get("tasks").and_then(Value::as_array).map(Vec::as_slice);
    let succeeded = tasks_of_job.unwrap_or_default().iter().filter(done).count();
    if succeeded != tasks as usize {
        bail!("{succeeded} of {tasks} tasks succeeded");
    }
    let counted = endpoint.counted()?.context("the sandbox counts its calls")?;
    let latency_seconds = f64::from(setting.latency_milliseconds()) / 1_000.0;
    let floor = work::floor(tasks, OTHERS, latency_seconds, SLOTS);
    Ok(Measured { setting, floor, wall_seconds, counted })
}

impl Measured {
    fn targets(&self) -> Vec<Target> {
        let calls = self.counted.calls as f64;
        let successful = calls - self.counted.throttled as f64;
        let mut targets = vec![Target {
            what: "calls / needed calls",
            limit: 1.05,
            value: calls / self.floor.calls as f64,
        }];
        if let Some(rate) = self.setting.rate() {
            let least = successful / f64::from(rate);
            let value = self.wall_seconds / least;
            targets.push(Target { what: "wall / (successful calls / rate)", limit: 1.15, value });
        } else if self.floor.critical_path_seconds > 0.0 {
            let value = self.wall_seconds / self.floor.critical_path_seconds;
            targets.push(Target { what: "wall / critical path", limit: 1.5, value });
        }
        targets
    }

    fn json(&self, tasks: u32) -> Value {
        let target = |target: &Target| json!({"what": target.what, "limit": target.limit, "value": target.value, "met": target.is_met()});
        json!({
            "tasks": tasks,
            "latency_ms": self.setting.latency_milliseconds(),
            "requests_per_second": self.setting.rate(),
            "needed_calls": self.floor.calls,
            "critical_path_seconds": self.floor.critical_path_seconds,
            "wall_seconds": self.wall_seconds,
            "calls": self.counted.calls,
            "throttled": self.counted.throttled,
            "targets": self.targets().iter().map(target).collect::<Vec<_>>(),
        })
    }
}

/// The account, the system and its import; none of it is timed.
fn prepare(place: Place<'_>, tasks: u32) -> Result<()> {
    place.endpoint.change(&work::state(tasks))?;
    fs::write(place.folder.path().join("wishes.json"), work::wishes(SYSTEM, tasks).to_string())?;
    place.connect()?;
    // So many would wait for a second person.
    let settings = ["permission_profile=lifecycle", "max_deletes=10000", "max_deactivations=10000"];
    place.keyreeve(&[["system", "set", SYSTEM].as_slice(), &settings].concat(), "")?;
    place.keyreeve(&["import", "run", SYSTEM], "")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttled_calls_count_as_calls_and_give_no_time() {
        let floor = work::Floor { calls: 200, critical_path_seconds: 1.0 };
        let counted = Counted { calls: 220, throttled: 20 };
        let values = |setting| {
            let measured = Measured { setting, floor, wall_seconds: 12.0, counted };
            measured.targets().iter().map(|target| target.value).collect::<Vec<_>>()
        };
        assert_eq!(values(Setting::Rate), [1.1, 1.2]);
        assert_eq!(values(Setting::Latency), [1.1, 12.0]);
    }
}
