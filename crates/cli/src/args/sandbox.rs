//! `keyreeve sandbox`

use clap::Args;
use keyreeve_model::AwsAccountId;

/// Runs until Ctrl-C. Everything is in memory and on 127.0.0.1.
#[derive(Debug, Args)]
pub(crate) struct RunSandbox {
    /// The port that AWS tools are pointed at; 0 takes a free one.
    #[arg(long, default_value_t = 4566)]
    pub(crate) port: u16,
    /// The port for seeding, faults, clock and trace; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub(crate) admin_port: u16,
    /// An AWS account id; give it several times for several accounts.
    #[arg(long = "account", value_name = "ID", default_value = "111122223333")]
    pub(crate) accounts: Vec<AwsAccountId>,
    /// Make an AWS organization owned by the first account, with so many made-up member accounts.
    #[arg(long, value_name = "MEMBERS", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) organization: Option<u32>,
    /// The role in each member account that the first account may assume.
    #[arg(
        long,
        value_name = "NAME",
        requires = "organization",
        default_value = "OrganizationAccountAccessRole"
    )]
    pub(crate) member_role: String,
    /// Made-up users in each account.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub(crate) users: u32,
    /// Made-up groups in each account.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    pub(crate) groups: u32,
    /// Made-up customer policies in each account.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(0..=5_000))]
    pub(crate) policies: u32,
    /// What the connector may do: everything; reference, read, lifecycle or full (the policies that `keyreeve policy
    /// generate` writes); or a file that holds a policy. It may be given several times.
    #[arg(long = "connector-policy", value_name = "POLICY", default_value = "everything")]
    pub(crate) connector_policies: Vec<String>,
    /// The same seed makes the same people, keys and secrets.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}
