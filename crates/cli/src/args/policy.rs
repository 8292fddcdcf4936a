//! `keyreeve policy …`

use clap::{Args, Subcommand};

/// What can be done with the connector's own policies.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Write the policy that the connector's user or role needs.
    Generate(GeneratePolicy),
}

/// `policy generate`
#[derive(Debug, Args)]
pub(crate) struct GeneratePolicy {
    /// Which permissions it grants: the fourteen actions of the reference policy.
    #[arg(long, default_value = "reference", value_parser = ["reference"])]
    pub(crate) profile: String,
    /// The AWS partition: aws, aws-cn, aws-us-gov, ….
    #[arg(long, default_value = "aws")]
    pub(crate) partition: String,
    /// The AWS account the policy is for; without it, whichever account it is attached in.
    #[arg(long)]
    pub(crate) account_id: Option<String>,
}
