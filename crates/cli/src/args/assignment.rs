//! `keyreeve assignment …`

use clap::{Args, Subcommand, ValueEnum};
use keyreeve_model::{AssignmentKind, SystemId};
use keyreeve_store::{AssignmentFilter, HeldFilter};

use super::{ChangeAssignment, Moment};

/// What can be done with assignments.
#[derive(Debug, Subcommand)]
pub(crate) enum AssignmentCommand {
    /// List who holds what.
    List(ListAssignments),
    /// Give an account a group or a policy.
    Add(ChangeAssignment),
    /// Take a group or a policy away from an account.
    Remove(ChangeAssignment),
}

/// `assignment list`
#[derive(Debug, Args)]
pub(crate) struct ListAssignments {
    /// The System ID.
    #[arg(value_name = "ID", required_unless_present = "all_systems")]
    pub(crate) system_id: Option<SystemId>,
    /// Who holds one group or policy in all systems, as the last imports saw it; it takes --resource.
    #[arg(
        long,
        requires = "resource",
        conflicts_with_all = ["system_id", "account", "group", "policy", "as_of"]
    )]
    all_systems: bool,
    /// The group or policy (name in any case, or ARN) whose holders are listed by --all-systems.
    // What it requires is in the way of an ID, and then goes unsaid.
    #[arg(
        long,
        value_name = "NAME|ARN",
        requires = "all_systems",
        conflicts_with = "system_id",
        allow_hyphen_values = true
    )]
    resource: Option<String>,
    /// Only what this account (name in any case, or external id) holds.
    #[arg(long, allow_hyphen_values = true)]
    account: Option<String>,
    /// Only assignments of this group (name in any case, or external id), as holder or as what is held.
    #[arg(long, allow_hyphen_values = true)]
    group: Option<String>,
    /// Only assignments of this policy (name in any case, external id or ARN).
    #[arg(long, allow_hyphen_values = true)]
    policy: Option<String>,
    /// Only this kind.
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    #[command(flatten)]
    pub(crate) moment: Moment,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Kind {
    AccountGroup,
    AccountPolicy,
    GroupPolicy,
}

impl ListAssignments {
    /// Whose holders are listed, of all systems.
    pub(crate) fn held(&self) -> Option<HeldFilter> {
        let resource = self.resource.clone().filter(|_| self.all_systems)?;
        Some(HeldFilter { resource, kind: self.kind() })
    }

    fn kind(&self) -> Option<AssignmentKind> {
        self.kind.map(|kind| match kind {
            Kind::AccountGroup => AssignmentKind::AccountGroup,
            Kind::AccountPolicy => AssignmentKind::AccountPolicy,
            Kind::GroupPolicy => AssignmentKind::GroupPolicy,
        })
    }

    /// The filter in the store's terms.
    pub(crate) fn filter(&self) -> AssignmentFilter {
        AssignmentFilter {
            account: self.account.clone(),
            group: self.group.clone(),
            policy: self.policy.clone(),
            kind: self.kind(),
        }
    }
}
