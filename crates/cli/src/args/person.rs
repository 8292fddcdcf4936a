//! `keyreeve person …`

use clap::{Args, Subcommand};
use keyreeve_model::{PersonName, Role, SystemId};

use super::reason::reason;

/// What can be done with people who sign in.
#[derive(Debug, Subcommand)]
pub(crate) enum PersonCommand {
    /// Add somebody with a password, asked for or read from standard input.
    Add(AddPerson),
    /// List everybody.
    List,
    /// Give somebody another password; their sessions end.
    SetPassword(SetPassword),
    /// Say what somebody may do; their sessions end.
    SetRole(SetRole),
    /// Keep somebody from signing in; their sessions end.
    Disable(NamedPerson),
    /// Let somebody sign in again.
    Enable(NamedPerson),
    /// Remove somebody; what they did stays in the audit log.
    Remove(RemovePerson),
}

/// What somebody may do.
#[derive(Debug, Args)]
pub(crate) struct Granted {
    /// viewer (reads), operator (imports and asks for changes), approver (reads and approves), or admin.
    #[arg(long)]
    pub(crate) role: Role,
    /// Only for this system; may be given several times. Left out, for all.
    #[arg(long = "system", value_name = "ID")]
    pub(crate) systems: Vec<SystemId>,
}

/// `person add`
#[derive(Debug, Args)]
pub(crate) struct AddPerson {
    /// Who acts, for approvals and the audit log: small letters, digits, '.', '_', '@', '+', '-'.
    #[arg(value_name = "NAME")]
    pub(crate) name: PersonName,
    #[command(flatten)]
    pub(crate) granted: Granted,
    /// Read the password from standard input, in one line, instead of asking for it.
    #[arg(long)]
    pub(crate) password_stdin: bool,
}

/// `person set-password`
#[derive(Debug, Args)]
pub(crate) struct SetPassword {
    /// Who.
    #[arg(value_name = "NAME")]
    pub(crate) name: PersonName,
    /// Read the password from standard input, in one line, instead of asking for it.
    #[arg(long)]
    pub(crate) password_stdin: bool,
}

/// `person set-role`
#[derive(Debug, Args)]
pub(crate) struct SetRole {
    /// Who.
    #[arg(value_name = "NAME")]
    pub(crate) name: PersonName,
    #[command(flatten)]
    pub(crate) granted: Granted,
}

/// `person disable`, `person enable`
#[derive(Debug, Args)]
pub(crate) struct NamedPerson {
    /// Who; also somebody whom an identity provider vouches for.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

/// `person remove`
#[derive(Debug, Args)]
pub(crate) struct RemovePerson {
    /// Who; also somebody whom an identity provider vouches for.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Why; kept in the audit log.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub(crate) reason: Option<String>,
}
