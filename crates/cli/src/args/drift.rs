//! `keyreeve drift …`

use clap::{Args, Subcommand};
use keyreeve_model::SystemId;

use super::Unasked;
use super::reason::reason;

/// What can be done about changes of ours that AWS does not have any more.
#[derive(Debug, Subcommand)]
pub(crate) enum DriftCommand {
    /// List what was changed here and is not so in AWS.
    List(ListDrift),
    /// Accept what AWS has in the place of it.
    Accept(AcceptDrift),
}

/// `drift list`
#[derive(Debug, Args)]
pub(crate) struct ListDrift {
    /// The System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
}

/// `drift accept`
#[derive(Debug, Args)]
pub(crate) struct AcceptDrift {
    /// The System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
    /// Which changes: their numbers, as `drift list` shows them.
    #[arg(value_name = "CLAIM", required = true)]
    pub(crate) claims: Vec<i64>,
    /// Why; kept in the audit log.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) unasked: Unasked,
}
