//! `keyreeve organization …`

use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use keyreeve_engine::organization::{DEFAULT_ROLE, Filter, RoleName, SystemIdPattern};
use keyreeve_model::{AwsAccountId, SystemId};

use super::reason::reason;
use super::{Consent, category, region};

/// What can be done with organizations.
#[derive(Debug, Subcommand)]
pub(crate) enum OrganizationCommand {
    /// Find the accounts of an AWS organization, and keep one system for each that is in use.
    Discover(Box<DiscoverAccounts>),
}

/// `organization discover`
#[derive(Debug, Args)]
pub(crate) struct DiscoverAccounts {
    /// The role in each member account, with its path if it has one: keyreeve, or /access/keyreeve.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_ROLE, value_parser = RoleName::new)]
    pub(crate) role_name: RoleName,
    #[command(flatten)]
    pub(crate) via: Via,
    #[command(flatten)]
    pub(crate) which: Which,
    /// What System IDs look like: a text with {account_id} or {name} in it.
    #[arg(long, value_name = "PATTERN", default_value = "aws-{account_id}", value_parser = SystemIdPattern::new)]
    pub(crate) system_id_pattern: SystemIdPattern,
    /// What new systems are filed under.
    #[arg(long, default_value = "AWS", value_parser = category)]
    pub(crate) category: String,
    /// The AWS region of new systems; it decides the partition [default: that of the environment].
    #[arg(long, value_parser = region)]
    pub(crate) region: Option<String>,
    /// How many accounts are tried at once.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) jobs: u16,
    /// Why; kept in the audit log.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) consent: Consent,
}

/// Whose credentials ask the organization: those of its management account, or of a delegated administrator.
#[derive(Debug, Args)]
#[group(multiple = false)]
#[command(next_help_heading = "Who asks the organization")]
pub(crate) struct Via {
    /// A system that is connected already.
    #[arg(long, value_name = "ID")]
    pub(crate) system: Option<SystemId>,
    /// A profile of the AWS configuration files.
    #[arg(long, value_name = "PROFILE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) aws_profile: Option<String>,
    /// The ordinary AWS credential chain (the default).
    #[arg(long)]
    pub(crate) ambient: bool,
}

/// Which accounts: those that any inclusion names (all, without one), less those that an exclusion names.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which accounts")]
pub(crate) struct Which {
    /// An organizational unit with all it holds, by id or path: ou-…, or /Workloads/Production. May be repeated, as
    /// those that follow.
    #[arg(long, value_name = "OU")]
    include_ou: Vec<String>,
    /// An organizational unit to leave out.
    #[arg(long, value_name = "OU")]
    exclude_ou: Vec<String>,
    /// An account.
    #[arg(long, value_name = "ID")]
    include_account: Vec<AwsAccountId>,
    /// An account to leave out.
    #[arg(long, value_name = "ID")]
    exclude_account: Vec<AwsAccountId>,
    /// Accounts with this tag.
    #[arg(long, value_name = "KEY=VALUE", value_parser = tag)]
    include_tag: Vec<(String, String)>,
    /// Accounts with this tag to leave out.
    #[arg(long, value_name = "KEY=VALUE", value_parser = tag)]
    exclude_tag: Vec<(String, String)>,
}

impl Which {
    pub(crate) fn filter(&self) -> Filter {
        let set = |accounts: &[AwsAccountId]| accounts.iter().cloned().collect::<BTreeSet<_>>();
        Filter {
            include_units: self.include_ou.clone(),
            exclude_units: self.exclude_ou.clone(),
            include_accounts: set(&self.include_account),
            exclude_accounts: set(&self.exclude_account),
            include_tags: self.include_tag.clone(),
            exclude_tags: self.exclude_tag.clone(),
        }
    }
}

fn tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as key=value".to_owned()),
    }
}
