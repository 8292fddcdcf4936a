//! `keyreeve protect …`

use clap::{Args, Subcommand};
use keyreeve_model::{ProtectionKind, SystemId};

use super::Unasked;
use super::reason::reason;

/// What can be done with a system's protect list.
#[derive(Debug, Subcommand)]
pub(crate) enum ProtectCommand {
    /// List what nobody may change.
    List(ListProtections),
    /// Protect an account, all accounts below a path, or all with a tag.
    Add(AddProtection),
    /// End a protection.
    Remove(RemoveProtection),
}

/// `protect list`
#[derive(Debug, Args)]
pub(crate) struct ListProtections {
    /// The System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
}

/// One entry of the list.
#[derive(Debug, Args)]
pub(crate) struct ChangeProtection {
    /// The System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
    #[command(flatten)]
    what: Protected,
    #[command(flatten)]
    pub(crate) unasked: Unasked,
}

/// `protect add`
#[derive(Debug, Args)]
pub(crate) struct AddProtection {
    #[command(flatten)]
    pub(crate) on: ChangeProtection,
    /// Why; kept with it.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub(crate) reason: Option<String>,
}

/// `protect remove`
#[derive(Debug, Args)]
pub(crate) struct RemoveProtection {
    #[command(flatten)]
    pub(crate) on: ChangeProtection,
    /// Why; kept in the audit log.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub(crate) reason: Option<String>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Protected {
    /// The account of this name, ignoring case.
    #[arg(long, value_name = "NAME", allow_hyphen_values = true, value_parser = filled)]
    account: Option<String>,
    /// All accounts whose path begins with this.
    #[arg(long, value_name = "/PATH/", value_parser = path)]
    path: Option<String>,
    /// All accounts with this tag: the key alone, or key and value.
    #[arg(long, value_name = "KEY[=VALUE]", allow_hyphen_values = true, value_parser = tag)]
    tag: Option<String>,
}

impl ChangeProtection {
    /// What is protected.
    pub(crate) fn kind(&self) -> ProtectionKind {
        let Protected { account, path, tag } = &self.what;
        match (account, path) {
            (Some(name), _) => ProtectionKind::Account(name.clone()),
            (None, Some(prefix)) => ProtectionKind::Path(prefix.clone()),
            (None, None) => ProtectionKind::Tag(tag.clone().unwrap_or_default()),
        }
    }
}

fn filled(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// A path as IAM has them: `/` alone, or with a `/` at either end.
fn path(text: &str) -> Result<String, String> {
    if text.starts_with('/') && text.ends_with('/') {
        Ok(text.to_owned())
    } else {
        Err("a path begins and ends with '/', like /break-glass/".to_owned())
    }
}

fn tag(text: &str) -> Result<String, String> {
    match text.split_once('=').map_or(text, |(key, _)| key) {
        "" => Err("a tag has a key: write it as key or key=value".to_owned()),
        _ => Ok(text.to_owned()),
    }
}
