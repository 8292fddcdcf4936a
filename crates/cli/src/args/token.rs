//! `keyreeve token …`

use clap::{Args, Subcommand};
use keyreeve_engine::desk::check_owner;
use keyreeve_model::hidden::check_line;
use keyreeve_model::{Role, SystemId, TokenId};

use super::reason::reason;

/// What can be done with tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token, and show it this once.
    Create(CreateToken),
    /// List all tokens, without their secret halves.
    List,
    /// Take a token back; it lets nobody in any more.
    Revoke(RevokeToken),
}

/// `token create`
#[derive(Debug, Args)]
pub(crate) struct CreateToken {
    /// Whose it is: who acts, for approvals and the audit log.
    #[arg(long, value_name = "NAME", value_parser = owner)]
    pub(crate) owner: String,
    /// viewer (reads), operator (imports and asks for changes), approver (reads and approves), or admin.
    #[arg(long)]
    pub(crate) role: Role,
    /// Only for this system; may be given several times. Left out, for all.
    #[arg(long = "system", value_name = "ID")]
    pub(crate) systems: Vec<SystemId>,
    /// After how many days it stops working; left out, never.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub(crate) expires_in_days: Option<u32>,
}

/// `token revoke`
#[derive(Debug, Args)]
pub(crate) struct RevokeToken {
    /// The token's id: what stands after keyreeve_pat_, up to the next _.
    #[arg(value_name = "ID", value_parser = id)]
    pub(crate) token: TokenId,
    /// Why; kept in the audit log.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub(crate) reason: Option<String>,
}

/// A name under which nobody else acts.
fn owner(text: &str) -> Result<String, String> {
    check_line(text).map_err(|hidden| hidden.to_string())?;
    check_owner(text).map(|()| text.to_owned())
}

/// The id, also of a whole token: once others could read it among the arguments, it had better be revoked.
fn id(text: &str) -> Result<TokenId, String> {
    let half = text.strip_prefix("keyreeve_pat_").map_or(text, |rest| rest.split('_').next().unwrap_or(rest));
    Ok(TokenId(half.to_owned()))
}
