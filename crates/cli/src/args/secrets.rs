//! `keyreeve secrets …`

use clap::{Args, Subcommand};

use super::Consent;
use super::reason::reason;
use crate::config::KeyPlace;

/// What can be done with the keys that secrets are sealed under.
#[derive(Debug, Subcommand)]
pub(crate) enum SecretsCommand {
    /// Give the store a new key, or keep it in another place; goes on with a change that was interrupted.
    Rekey(RekeyStore),
}

/// `secrets rekey`
#[derive(Debug, Args)]
pub(crate) struct RekeyStore {
    /// Where the new key is kept: file:/path, env:NAME, systemd:NAME or kms:ARN [default: where the old one is].
    #[arg(long, value_name = "PLACE")]
    pub(crate) to: Option<KeyPlace>,
    /// Make new data keys too, and seal every secret anew.
    #[arg(long)]
    pub(crate) data_keys: bool,
    /// Give the change up that was begun and not ended: the key of before stays, and the new one is not needed.
    #[arg(long, conflicts_with_all = ["to", "data_keys"])]
    pub(crate) abandon: bool,
    /// Why; it is written into the audit log.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) consent: Consent,
}
