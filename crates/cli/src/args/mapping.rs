//! `keyreeve mapping …`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use keyreeve_model::{MappingName, SystemId, TaskKind};

use super::Unasked;
use super::reason::reason;

/// What can be done with task mappings.
#[derive(Debug, Subcommand)]
pub(crate) enum MappingCommand {
    /// List the task mappings of a system.
    List(ListMappings),
    /// Show one task mapping; as JSON in the form that `mapping set` reads.
    Show(ShowMapping),
    /// Replace a task mapping, or go back to the default.
    Set(SetMapping),
    /// Show what a task mapping makes of some attributes. Nothing is changed.
    Try(TryMapping),
}

/// `mapping list`
#[derive(Debug, Args)]
pub(crate) struct ListMappings {
    /// The System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
}

/// `mapping show`
#[derive(Debug, Args)]
pub(crate) struct ShowMapping {
    /// The System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
    /// The mapping: user, "group assignment", "attached policy assignment" or "password reset".
    pub(crate) name: MappingName,
}

/// `mapping set`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["file", "default"]))]
pub(crate) struct SetMapping {
    /// The System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
    /// The mapping: user, "group assignment", "attached policy assignment" or "password reset".
    pub(crate) name: MappingName,
    /// A file with the mapping, YAML or JSON (- is standard input).
    #[arg(long)]
    pub(crate) file: Option<PathBuf>,
    /// The default.
    #[arg(long)]
    pub(crate) default: bool,
    /// Why; kept in the audit log.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) unasked: Unasked,
}

/// `mapping try`
#[derive(Debug, Args)]
pub(crate) struct TryMapping {
    /// The System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
    /// The mapping: user, "group assignment", "attached policy assignment" or "password reset".
    #[arg(value_name = "MAPPING")]
    pub(crate) mapping: MappingName,
    /// An attribute, such as first=Ada; as often as there are attributes.
    #[arg(long = "attribute", value_name = "KEY=VALUE", value_parser = super::system::assignment)]
    pub(crate) attributes: Vec<(String, String)>,
    /// The account's name: given for a new account, or that of an account there is.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Which kind of task; without it, the first one that the mapping serves.
    #[arg(long, value_parser = task)]
    pub(crate) task: Option<TaskKind>,
    /// Try the mapping in this file (YAML or JSON) instead of the one that is set.
    #[arg(long)]
    pub(crate) file: Option<PathBuf>,
}

fn task(text: &str) -> Result<TaskKind, String> {
    TaskKind::ALL.into_iter().find(|task| task.as_str() == text).ok_or_else(|| {
        let known = TaskKind::ALL.map(TaskKind::as_str).join(", ");
        format!("give one of {known}")
    })
}
