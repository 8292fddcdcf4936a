//! `cargo xtask bench scale`: what more processes are worth, and what they may not do together.
//!
//! One PostgreSQL, one sandbox that stands for AWS, and so many `keyreeve worker` processes as are asked for. First each has
//! jobs of many systems to work on, a fixed number at once, against an AWS that takes its time: with twice the workers there
//! should be twice the tasks in a second. Then so many processes import one AWS account at once, which has a cap: together
//! they may not ask more than it grants. What came of it is read where the calls arrive, not from what we say we did.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::postgres::{self, Postgres};

mod cap;
mod figures;
mod fleet;
mod ground;

use figures::Figures;

#[derive(clap::Args)]
pub(super) struct ScaleOptions {
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
    /// A release binary to measure; without it one is built
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// Measures, prints the tables, and writes `bench/scale.json` in the target folder.
pub(super) fn run(root: &Path, target: &Path, options: &ScaleOptions) -> Result<()> {
    let binary = match &options.binary {
        Some(binary) => binary.canonicalize().with_context(|| format!("finding {}", binary.display()))?,
        None => super::build(root, target)?,
    };
    let Some(programs) = postgres::find_or_install()? else {
        bail!("PostgreSQL is not installed; `{}` installs it", postgres::INSTALL);
    };
    let database = Postgres::start(&programs)?;
    println!("PostgreSQL {}, as tests use it: it does not wait for the disk.", database.version());
    let rounds = fleet::measure(&binary, database.make_database("fleet")?, options)?;
    let caps = cap::measure(&binary, database.make_database("cap")?, options)?;
    let figures = Figures { options, rounds, caps };
    println!("\n{}", figures.tables());
    let folder = target.join("bench");
    fs::create_dir_all(&folder)?;
    let path = folder.join("scale.json");
    fs::write(&path, serde_json::to_string_pretty(&figures.json())? + "\n")?;
    println!("\nEvery figure is in {}.", path.display());
    Ok(())
}
