//! `keyreeve policy …`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use keyreeve_engine::own_policy;
use keyreeve_model::{PermissionProfile, SystemId};

/// What can be done with the connector's own policies.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Write the policy that the connector's user or role needs.
    Generate(GeneratePolicy),
}

/// What a policy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyProfile {
    /// The fourteen actions of the reference policy.
    Reference,
    /// What imports make use of, and nothing that changes anything.
    Read,
    /// The whole life cycle of accounts, with tags, renaming, and everything that blocks a deletion.
    Lifecycle,
    /// Every feature: the life cycle, and permissions boundaries.
    Full,
}

impl From<PolicyProfile> for PermissionProfile {
    fn from(profile: PolicyProfile) -> Self {
        match profile {
            PolicyProfile::Reference => Self::Reference,
            PolicyProfile::Read => Self::Read,
            PolicyProfile::Lifecycle => Self::Lifecycle,
            PolicyProfile::Full => Self::Full,
        }
    }
}

/// `policy generate`
#[derive(Debug, Args)]
pub(crate) struct GeneratePolicy {
    /// Which permissions it grants [default: those of --system, else reference].
    #[arg(long, value_enum)]
    pub(crate) profile: Option<PolicyProfile>,
    /// The AWS partition: aws, aws-cn, aws-us-gov, … [default: that of --system, else aws].
    #[arg(long)]
    pub(crate) partition: Option<String>,
    /// The AWS account the policy is for [default: that of --system, else whichever it is attached in].
    #[arg(long)]
    pub(crate) account_id: Option<String>,
    /// Take from a system's settings, its protect list and its AWS account what the policy must grant and forbid.
    #[arg(long, value_name = "ID")]
    pub(crate) system: Option<SystemId>,
    /// Write files into this folder instead: keyreeve-policy.json, or keyreeve-policy-1.json and so on.
    #[arg(long, value_name = "DIR")]
    pub(crate) output_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) limits: PolicyLimits,
}

/// What a policy is limited to.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct PolicyLimits {
    /// Govern the users under this path alone; may be given again.
    #[arg(long = "path", value_name = "/PATH/")]
    pub(crate) paths: Vec<String>,
    /// Change the members of this group alone, or of all groups under a path; may be given again.
    #[arg(long, value_name = "NAME|ARN|/PATH/*")]
    pub(crate) groups: Vec<String>,
    /// Attach and detach this policy alone; the ARN may have wildcards; may be given again.
    #[arg(long, value_name = "ARN")]
    pub(crate) policies: Vec<String>,
    /// Make users, and attach policies to them, with this permissions boundary alone.
    #[arg(long, value_name = "ARN")]
    pub(crate) boundary: Option<String>,
    /// Accounts that nothing may change; may be given again.
    #[arg(long, value_name = "NAME|/PATH/*")]
    pub(crate) break_glass: Vec<String>,
    /// The user or role that the connector signs in as, which it must not change.
    #[arg(long, value_name = "NAME|ARN")]
    pub(crate) connector: Vec<String>,
    /// Let the connector replace its own access key.
    #[arg(long)]
    pub(crate) rotate_own_key: bool,
}

impl GeneratePolicy {
    /// What is wanted, in the engine's terms.
    pub(crate) fn asked(&self) -> own_policy::PolicyAsked {
        own_policy::PolicyAsked {
            profile: self.profile.map(PermissionProfile::from),
            partition: self.partition.clone(),
            account_id: self.account_id.clone(),
            limits: self.limits.asked(),
        }
    }
}

impl PolicyLimits {
    /// The same in the engine's terms.
    pub(crate) fn asked(&self) -> own_policy::PolicyLimits {
        let Self { paths, groups, policies, boundary, break_glass, connector, rotate_own_key } = self.clone();
        own_policy::PolicyLimits {
            path: paths,
            groups,
            policies,
            boundary,
            break_glass,
            connector,
            rotate_own_key,
        }
    }
}
