//! `keyreeve policy …`

use clap::{Args, Subcommand, ValueEnum};

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
}

/// `policy generate`
#[derive(Debug, Args)]
pub(crate) struct GeneratePolicy {
    /// Which permissions it grants.
    #[arg(long, value_enum, default_value_t = PolicyProfile::Reference)]
    pub(crate) profile: PolicyProfile,
    /// The AWS partition: aws, aws-cn, aws-us-gov, ….
    #[arg(long, default_value = "aws")]
    pub(crate) partition: String,
    /// The AWS account the policy is for; without it, whichever account it is attached in.
    #[arg(long)]
    pub(crate) account_id: Option<String>,
}
