//! `cargo xtask bench scale`: what more processes are worth, what they may not do together, and what grows with a fleet.
//!
//! One PostgreSQL, one sandbox that stands for AWS, and so many `keyreeve worker` processes as are asked for. First each has
//! jobs of many systems to work on, a fixed number at once, against an AWS that takes its time: with twice the workers there
//! should be twice the tasks in a second. Then so many processes import one AWS account at once, which has a cap: together
//! they may not ask more than it grants. What came of it is read where the calls arrive, not from what we say we did. What
//! grows with the number of systems is in [`growth`].

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::postgres::{self, Postgres};

mod cap;
mod figures;
mod fleet;
mod ground;
mod growth;
mod guide;

use figures::Figures;

#[derive(clap::Args)]
pub(super) struct ScaleOptions {
    /// Only this part (several with commas)
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Part::Workers, Part::Growth])]
    only: Vec<Part>,
    #[command(flatten)]
    work: WorkOptions,
    #[command(flatten)]
    growth: growth::GrowthOptions,
    /// Write the tables into the guide
    #[arg(long)]
    write: bool,
    /// A release binary to measure; without it one is built
    #[arg(long)]
    binary: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// What more processes are worth, and whether they keep an AWS account's cap
    Workers,
    /// What grows with the number of systems
    Growth,
}

/// What so many processes are given.
#[derive(Debug, Clone, clap::Args)]
struct WorkOptions {
    /// Processes (several with commas); the first is what the others are held against
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4, 8], value_parser = clap::value_parser!(u32).range(1..=64))]
    workers: Vec<u32>,
    /// Systems with a job each
    #[arg(long, default_value_t = 48, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    systems: u32,
    /// Accounts that a job creates
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    tasks: u32,
    /// Systems that a worker works on at once
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    at_once: u32,
    /// After how many milliseconds AWS answers
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    latency_ms: u32,
    /// Calls a second that the AWS account is to be asked at most which all import at once
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    cap: u32,
}

/// Measures, prints the tables, and writes `bench/scale….json` in the target folder.
pub(super) fn run(root: &Path, target: &Path, options: &ScaleOptions) -> Result<()> {
    let binary = match &options.binary {
        Some(binary) => binary.canonicalize().with_context(|| format!("finding {}", binary.display()))?,
        None => super::build(root, target)?,
    };
    let folder = target.join("bench");
    fs::create_dir_all(&folder)?;
    if options.only.contains(&Part::Workers) {
        let figures = workers(&binary, &options.work)?;
        println!("\n{}", figures.tables());
        note(&folder.join("scale.json"), &figures.json())?;
        if options.write {
            guide::write(root, "workers", &figures.guide())?;
        }
    }
    if options.only.contains(&Part::Growth) {
        for &database in &options.growth.database {
            let grown = growth::run(&binary, target, database, &options.growth)?;
            println!("\n{}\n{}", grown.tables(), grown.summary());
            note(&folder.join(format!("scale-{}.json", grown.part())), &grown.json())?;
            if options.write {
                guide::write(root, grown.part(), &grown.tables())?;
            }
        }
    }
    Ok(())
}

fn workers<'a>(binary: &Path, options: &'a WorkOptions) -> Result<Figures<'a>> {
    let Some(programs) = postgres::find_or_install()? else {
        bail!("PostgreSQL is not installed; `{}` installs it", postgres::INSTALL);
    };
    let database = Postgres::start(&programs)?;
    println!("PostgreSQL {}, as tests use it: it does not wait for the disk.", database.version());
    let rounds = fleet::measure(binary, database.make_database("fleet")?, options)?;
    let caps = cap::measure(binary, database.make_database("cap")?, options)?;
    Ok(Figures { options, rounds, caps })
}

fn note(path: &Path, figures: &Value) -> Result<()> {
    fs::write(path, serde_json::to_string_pretty(figures)? + "\n")?;
    println!("\nEvery figure is in {}.", path.display());
    Ok(())
}
