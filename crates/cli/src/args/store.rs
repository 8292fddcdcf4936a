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
