//! `cargo xtask bench import`: what an import costs, beside the floor of what it must cost and beside boto3.
//! `cargo xtask bench provision`: what a job of many tasks costs.
//! `cargo xtask bench console`: how long each page of the console takes, with much and with a tenth of it.
//! `cargo xtask bench scale`: what more processes are worth, whether they keep an AWS account's pace together, and
//! what grows with the number of systems.
//! `cargo xtask bench serve`: how long readers wait, idle and while an import runs.
//!
//! Each scenario starts an endpoint of its own; the programs take turns on it, run by run, so that whatever else
//! the machine does falls on all of them. A program whose answer is wrong ends the bench: its figures mean nothing.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::{
    peers,
    workspace::{self, Depth},
};

mod console;
mod endpoint;
mod figures;
mod http;
mod place;
mod program;
mod provision;
mod recorded;
mod scale;
mod serve;
mod setting;
mod times;

use endpoint::Endpoint;
use figures::{Figures, Row};
use program::{Program, Tools};
use recorded::Recorded;
use setting::{Scenario, Setting, Source};

/// What `cargo xtask bench` is asked for.
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Import whole accounts, and compare with the floor and with boto3
    Import(ImportOptions),
    /// Carry out a job of many mixed tasks, and compare with the calls and the time it must take
    Provision(provision::ProvisionOptions),
    /// Ask for every page of the console, with much in the store and with a tenth of it
    Console(console::ConsoleOptions),
    /// Give the same work to more and more processes on one PostgreSQL, and ask two fleets, one ten times the other
    Scale(scale::ScaleOptions),
    /// Read from a server that holds much, idle and while it imports
    Serve(serve::ServeOptions),
}

#[derive(clap::Args)]
struct ImportOptions {
    /// Users in the account (several with commas)
    #[arg(long, value_delimiter = ',', default_values_t = [200, 1_000, 5_000], value_parser = clap::value_parser!(u32).range(1..=5_000))]
    users: Vec<u32>,
    /// How the endpoint behaves (several with commas)
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Setting::Open, Setting::Latency, Setting::Rate])]
    setting: Vec<Setting>,
    /// Where login profiles are read from (several with commas)
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Source::PerUser, Source::CredentialReport])]
    source: Vec<Source>,
    /// An endpoint of your own, read with your own credentials; only our figures then
    #[arg(long, conflicts_with_all = ["kit", "users", "setting"])]
    endpoint: Option<String>,
    /// Folder of the simulator kit
    #[arg(long, env = "KEYREEVE_BENCH_KIT")]
    kit: Option<PathBuf>,
    /// Runs of each program; the median counts. What takes a minute or more is run once
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// 1,000 users, without a rate limit, one run
    #[arg(long)]
    quick: bool,
    /// Also 5,000 users one by one under the rate limit: more than four minutes for each program
    #[arg(long)]
    long: bool,
    /// A release binary to measure; without it one is built
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// Measures, prints the tables, and writes `bench/….json` in the target folder.
pub(crate) fn run(root: &Path, options: Options) -> Result<()> {
    match options.what {
        What::Import(options) => import(root, options),
        What::Provision(options) => {
            let target = workspace::metadata(root, Depth::Members)?.target_directory.into_std_path_buf();
            provision::run(root, &target, &options)
        }
        What::Console(options) => {
            let target = workspace::metadata(root, Depth::Members)?.target_directory.into_std_path_buf();
            console::run(root, &target, &options)
        }
        What::Scale(options) => {
            let target = workspace::metadata(root, Depth::Members)?.target_directory.into_std_path_buf();
            scale::run(root, &target, &options)
        }
        What::Serve(options) => {
            let target = workspace::metadata(root, Depth::Members)?.target_directory.into_std_path_buf();
            serve::run(root, &target, &options)
        }
    }
}

fn import(root: &Path, mut options: ImportOptions) -> Result<()> {
    if options.quick {
        options.users = vec![1_000];
        options.setting.retain(|setting| *setting != Setting::Rate);
        options.runs = 1;
    }
    let target = workspace::metadata(root, Depth::Members)?.target_directory.into_std_path_buf();
    let tools = prepare(root, &target, &options)?;
    let (scenarios, left_out) =
        setting::scenarios(&options.users, &options.setting, &options.source, options.long);
    let mut all = Vec::new();
    if let Some(url) = &options.endpoint {
        for &source in &options.source {
            let scenario = Scenario { users: 0, setting: Setting::Open, source };
            all.push(measure(&tools, &Endpoint::given(url), scenario, &[Program::Ours], options.runs)?);
        }
    } else {
        for scenario in scenarios {
            all.push(measure_fresh(&tools, scenario, options.runs)?);
        }
    }
    let recorded = tools.kit.as_ref().map(|kit| kit.recorded.as_slice()).unwrap_or_default();
    let written = write_json(&target, &all, recorded)?;
    println!("\n{}", figures::table(&all));
    if options.endpoint.is_none() && tools.kit.is_some() {
        println!("\n{}", figures::target_table(&all));
        let targets: Vec<_> = all.iter().flat_map(Figures::targets).collect();
        let met = targets.iter().filter(|target| target.is_met()).count();
        println!("\n{met} of {} targets met.", targets.len());
        if recorded.is_empty() {
            println!("\nThe kit has nothing on record of other programs (it has no {}).", recorded::FILE);
        } else {
            println!("\n{}", recorded::table(recorded, &all));
            println!(
                "\nMeasured elsewhere on another day: `<` stands before what was cut off before its end."
            );
        }
    }
    for Scenario { users, setting, source } in left_out {
        println!(
            "Left out: {users} users, {}, {} (more than four minutes for each program; --long runs it).",
            setting.label(),
            source.word()
        );
    }
    println!("Every run is in {}.", written.display());
    Ok(())
}

fn prepare(root: &Path, target: &Path, options: &ImportOptions) -> Result<Tools> {
    let kit = match &options.endpoint {
        Some(_) => None,
        None => endpoint::prepare_kit(root, target, options.kit.as_deref())?,
    };
    if kit.is_none() && options.endpoint.is_none() {
        println!("There is no simulator kit here: our own figures alone, on our own sandbox.");
        println!("The sandbox checks signatures, shares the machine, and knows no rate limit.");
    }
    let keyreeve = match &options.binary {
        Some(binary) => binary.canonicalize().with_context(|| format!("finding {}", binary.display()))?,
        None => build(root, target)?,
    };
    let python = peers::prepare(root, target)?.folder.join("bin/python");
    Ok(Tools { keyreeve, python, scripts: root.join("xtask/peers"), kit })
}

fn build(root: &Path, target: &Path) -> Result<PathBuf> {
    println!("Building keyreeve with optimisation (several minutes the first time) …");
    let status =
        workspace::cargo(root).args(["build", "--release", "--quiet", "-p", "keyreeve-cli"]).status()?;
    if !status.success() {
        bail!("keyreeve could not be built; cargo's output is above");
    }
    Ok(target.join("release").join("keyreeve"))
}

/// Starts an endpoint for the scenario and measures on it.
fn measure_fresh(tools: &Tools, scenario: Scenario, runs: u32) -> Result<Figures> {
    let runs = scenario.runs(runs);
    match &tools.kit {
        Some(kit) => measure(tools, &kit.start(scenario)?, scenario, Program::on_kit(scenario), runs),
        None => {
            let endpoint = endpoint::start_sandbox(&tools.keyreeve, scenario)?;
            measure(tools, &endpoint, scenario, &[Program::Ours], runs)
        }
    }
}

/// The programs take turns.
fn measure(
    tools: &Tools,
    endpoint: &Endpoint,
    scenario: Scenario,
    programs: &[Program],
    runs: u32,
) -> Result<Figures> {
    let mut rows: Vec<Row> = programs.iter().map(|&program| Row { program, runs: Vec::new() }).collect();
    print!("{} users, {}, {}:", scenario.users, scenario.setting.label(), scenario.source.word());
    for _ in 0..runs {
        for row in &mut rows {
            let measured = row.program.measure(tools, endpoint, scenario)?;
            print!(" {} {:.3} s", row.program.label(), measured.wall_seconds);
            std::io::stdout().flush()?;
            row.runs.push(measured);
        }
    }
    println!();
    Ok(Figures { scenario, rows })
}

fn write_json(target: &Path, all: &[Figures], recorded: &[Recorded]) -> Result<PathBuf> {
    let folder = target.join("bench");
    fs::create_dir_all(&folder)?;
    let path = folder.join("import.json");
    let scenarios: Vec<_> = all.iter().map(Figures::json).collect();
    let text = serde_json::to_string_pretty(&json!({
        "scenarios": scenarios,
        "on_record": recorded::json(recorded, all),
    }))?;
    fs::write(&path, text + "\n").with_context(|| format!("writing {}", path.display()))?;
    Ok(path)
}
