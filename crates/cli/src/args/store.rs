//! `keyreeve store …`

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Consent;

/// What can be done with the store.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Write a copy of the store while it is in use. The key is not in it: keep that apart.
    Backup(BackUp),
    /// Put a backup in the store's place.
    Restore(Restore),
    /// Move the store from SQLite to an empty PostgreSQL database.
    Migrate(Migrate),
}

/// `store backup`
#[derive(Debug, Args)]
pub(crate) struct BackUp {
    /// Where to; nothing may be there yet.
    pub(crate) file: PathBuf,
}

/// `store restore`
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) consent: Consent,
}

/// `store migrate`
#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// Where to: postgres://USER@HOST/DATABASE, without a password (that is in PGPASSWORD or .pgpass, or the address comes by
    /// standard input). The database must be empty.
    #[arg(long, value_name = "URL", required_unless_present = "to_stdin", conflicts_with = "to_stdin")]
    pub(crate) to: Option<String>,
    /// Read the address from standard input: one that has a password.
    #[arg(long)]
    pub(crate) to_stdin: bool,
    #[command(flatten)]
    pub(crate) consent: Consent,
}
