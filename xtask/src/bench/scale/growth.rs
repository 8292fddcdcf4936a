//! What grows with the number of systems: a fleet of AWS accounts beside one of a tenth as many.
//!
//! Both fleets are filled once, by imports from our sandbox, and kept in the target folder; the systems of the smaller one are
//! the first of the larger one. Then both are asked the same by turns, by one server for each, one request at a time.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use super::super::serve::account::{self, Shape};

mod figures;
mod fill;
mod measure;
mod people;
mod queries;
mod store;
mod written;

pub(super) use figures::Grown;
use fill::Filled;
use store::{Databases, Store};

/// While nothing is measured PostgreSQL does not wait for the disk.
const FILLING: [&str; 6] = [
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "shared_buffers=512MB",
    "max_wal_size=4GB",
    "maintenance_work_mem=256MB",
];
/// What a machine of 2 GB has for it; all else is as PostgreSQL comes, so that it waits for the disk.
const MEASURED: [&str; 3] = ["shared_buffers=512MB", "effective_cache_size=1536MB", "max_wal_size=2GB"];

#[derive(Debug, Clone, clap::Args)]
pub(super) struct GrowthOptions {
    /// Where the fleets are kept (several with commas)
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Database::Sqlite, Database::Postgresql])]
    pub(super) database: Vec<Database>,
    /// Five times as many systems in PostgreSQL
    #[arg(long)]
    pub(super) large: bool,
    /// Systems of the larger fleet, instead of 200 in SQLite and 1,000 in PostgreSQL
    #[arg(long, value_parser = clap::value_parser!(u32).range(100..=20_000))]
    pub(super) fleet_systems: Option<u32>,
    /// Users in each of them
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(100..=5_000))]
    pub(super) fleet_users: u32,
    /// How often each is asked, beside the first times, which are not counted
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(5..=10_000))]
    pub(super) rounds: u32,
    /// Fill the fleets anew
    #[arg(long)]
    pub(super) fresh: bool,
}

/// What a fleet can be kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Database {
    Sqlite,
    Postgresql,
}

impl Database {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgresql => "postgresql",
        }
    }

    /// The larger fleet.
    fn shape(self, options: &GrowthOptions) -> Shape {
        let systems = match (self, options.fleet_systems) {
            (_, Some(systems)) => systems,
            (Self::Sqlite, None) => 200,
            (Self::Postgresql, None) if options.large => 5_000,
            (Self::Postgresql, None) => 1_000,
        };
        Shape { systems, users: options.fleet_users }
    }
}

/// Fills what is not filled yet, and measures.
pub(super) fn run(
    binary: &Path,
    target: &Path,
    database: Database,
    options: &GrowthOptions,
) -> Result<Grown> {
    let all = database.shape(options);
    let tenth = Shape { systems: all.systems / 10, ..all };
    let place = target.join("bench").join("growth").join(database.word());
    fs::create_dir_all(&place).with_context(|| format!("making {}", place.display()))?;
    store::can_be_asked(database)?;
    let folder = |shape: Shape| place.join(shape.to_string());
    if options.fresh || [tenth, all].iter().any(|&shape| !fill::is_done(&folder(shape))) {
        let databases = Databases::start(&place, database, &FILLING)?;
        for shape in [tenth, all] {
            let store = Store::new(binary, &databases, (&folder(shape), shape));
            fill::fill(&store, &folder(shape), shape, options.fresh)?;
        }
    }
    let databases = Databases::start(&place, database, &MEASURED)?;
    let fleet = |shape: Shape| {
        let store = Store::new(binary, &databases, (&folder(shape), shape));
        // A newer version of ours may have to change a store that is kept: now, not while it is measured.
        store.ask("http://127.0.0.1:9", &["system", "show", &account::system(0)], "")?;
        Ok::<_, anyhow::Error>(Fleet {
            shape,
            store: store.changeable()?,
            filled: fill::known(&folder(shape))?,
        })
    };
    let (tenth, all) = (fleet(tenth)?, fleet(all)?);
    println!("Asking both fleets by turns …");
    let measured = measure::measure(binary, [&tenth, &all], (&place, options.rounds))?;
    Ok(Grown { database, server: databases.called(&MEASURED), fleets: measured })
}

/// A fleet whose store may be changed.
struct Fleet<'a> {
    shape: Shape,
    store: Store<'a>,
    filled: Filled,
}
