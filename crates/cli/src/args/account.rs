//! `keyreeve account …`

use clap::{Args, Subcommand, ValueEnum};
use keyreeve_model::{AccountStatus, SystemId};
use keyreeve_store::{AccountFilter, Mfa};

use super::{ChangeAccount, CreateAccount, Moment, NewPassword, UpdateAccount, path_prefix};

/// What can be done with accounts.
#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// List accounts.
    List(ListAccounts),
    /// Show one account with all it holds.
    Show(ShowAccount),
    /// Make an account with a console password, groups and policies.
    Create(CreateAccount),
    /// Rename or move an account, change its tags or its boundary.
    Update(UpdateAccount),
    /// Take every way in away, so that it can be given back.
    ///
    /// With the reference policy alone (`permission_profile=reference`) access keys cannot be switched off: only console
    /// access is removed.
    Deactivate(ChangeAccount),
    /// Give back what a deactivation took, with a new password.
    Reactivate(NewPassword),
    /// Delete an account and everything that blocks that.
    Delete(ChangeAccount),
    /// Replace the console password, or give one where there is none.
    ResetPassword(NewPassword),
}

/// `account list`
#[derive(Debug, Args)]
pub(crate) struct ListAccounts {
    /// The System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
    /// Only names with this in them, ignoring case; * and ? stand for any text and any letter.
    #[arg(long)]
    name: Option<String>,
    /// Only paths that begin with this, as /staff/.
    #[arg(long, value_name = "PREFIX", value_parser = path_prefix)]
    path: Option<String>,
    /// Only members of this group (name in any case, or external id).
    #[arg(long, allow_hyphen_values = true)]
    group: Option<String>,
    /// Only those that this policy (name in any case, external id or ARN) is attached to.
    #[arg(long, allow_hyphen_values = true)]
    policy: Option<String>,
    /// Also those that are in a group which the policy is attached to.
    #[arg(long, requires = "policy")]
    with_groups: bool,
    /// Only accounts with an active multi-factor device, without one, or of which that is unknown.
    #[arg(long, value_enum)]
    mfa: Option<MfaState>,
    /// Only accounts of this status.
    #[arg(long, value_enum)]
    status: Option<Status>,
    #[command(flatten)]
    pub(crate) moment: Moment,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Status {
    Enabled,
    Disabled,
    Unknown,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum MfaState {
    Yes,
    No,
    Unknown,
}

impl ListAccounts {
    /// The filter in the store's terms.
    pub(crate) fn filter(&self) -> AccountFilter {
        AccountFilter {
            name: self.name.clone(),
            path_prefix: self.path.clone(),
            group: self.group.clone(),
            policy: self.policy.clone(),
            through_groups: self.with_groups,
            mfa: self.mfa.map(|mfa| match mfa {
                MfaState::Yes => Mfa::Active,
                MfaState::No => Mfa::Inactive,
                MfaState::Unknown => Mfa::Unknown,
            }),
            status: self.status.map(|status| match status {
                Status::Enabled => AccountStatus::Enabled,
                Status::Disabled => AccountStatus::Disabled,
                Status::Unknown => AccountStatus::Unknown,
            }),
            ..AccountFilter::default()
        }
    }
}

/// `account show`
#[derive(Debug, Args)]
pub(crate) struct ShowAccount {
    /// The System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
    /// The account's name (if no account has it in this case, in any other), or its external id.
    #[arg(value_name = "NAME", allow_hyphen_values = true)]
    pub(crate) account: String,
    #[command(flatten)]
    pub(crate) moment: Moment,
}
