//! `keyreeve audit …`

use clap::{Args, Subcommand};
use keyreeve_model::SystemId;

/// What can be done with the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List what was done, the latest first.
    List(ListAudit),
    /// Prove that no row was altered, taken away, put in or moved, and show the log's end.
    Verify,
}

/// `audit list`
#[derive(Debug, Args)]
pub(crate) struct ListAudit {
    /// Only what was done about this system.
    #[arg(long = "system", value_name = "ID")]
    pub(crate) system_id: Option<SystemId>,
    /// Only what was done by tasks about this account, by the name it had then.
    #[arg(long, value_name = "NAME", requires = "system_id", allow_hyphen_values = true)]
    pub(crate) account: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) limit: u32,
}
