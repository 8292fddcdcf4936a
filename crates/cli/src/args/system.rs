//! `keyreeve system …`

use clap::{Args, Subcommand};
use keyreeve_engine::systems::{self, NotTaken};
use keyreeve_model::{SystemId, SystemName};

use super::reason::reason;
use super::{Consent, Unasked};

/// What can be done with systems.
#[derive(Debug, Subcommand)]
pub(crate) enum SystemCommand {
    /// Register an AWS account.
    Add(AddSystem),
    /// List the systems.
    List(ListSystems),
    /// Show one system.
    Show(SystemArgument),
    /// Check that a system can be reached, and what may be read.
    Check(SystemArgument),
    /// Change a system's name, category, region, settings or credentials.
    Set(SetSystem),
    /// End a system's quarantine.
    Release(ReleaseSystem),
    /// Replace the access key that a system signs in with; goes on with a rotation that was interrupted.
    RotateKey(RotateKey),
    /// Remove a system; its history is kept.
    Remove(RemoveSystem),
}

/// Which system.
#[derive(Debug, Args)]
pub(crate) struct SystemArgument {
    /// Its System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
}

/// `system list`
#[derive(Debug, Args)]
pub(crate) struct ListSystems {
    /// Also those that were removed.
    #[arg(long)]
    pub(crate) removed: bool,
}

/// `system remove`
#[derive(Debug, Args)]
pub(crate) struct RemoveSystem {
    /// Its System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
    /// Why; kept in the audit log.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) consent: Consent,
}

/// `system release`
#[derive(Debug, Args)]
pub(crate) struct ReleaseSystem {
    /// Its System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
    /// Why; kept in the audit log.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) unasked: Unasked,
}

/// `system rotate-key`
#[derive(Debug, Args)]
pub(crate) struct RotateKey {
    /// Its System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
    /// Why; it is written into the audit log.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) consent: Consent,
}

/// `system add`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("credential").required(true).multiple(true).args(CREDENTIALS))]
pub(crate) struct AddSystem {
    /// The display name; unique.
    #[arg(long, value_parser = SystemName::given)]
    pub(crate) name: SystemName,
    /// The System ID; unique, never changed, and never used again.
    #[arg(long)]
    pub(crate) system_id: SystemId,
    /// What it is filed under; a new word makes a new category.
    #[arg(long, default_value = "AWS", value_parser = category)]
    pub(crate) category: String,
    /// How it is reached.
    #[arg(long, default_value = "aws", value_parser = ["aws"])]
    pub(crate) technology: String,
    /// What is governed in it.
    #[arg(long, default_value = "access_rights", value_parser = ["access_rights"])]
    pub(crate) content: String,
    /// The AWS region; it decides the partition [default: that of the environment or the profile, else us-east-1].
    #[arg(long, value_parser = region)]
    pub(crate) region: Option<String>,
    #[command(flatten)]
    pub(crate) credential: CredentialArguments,
}

/// `system set`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("credential").multiple(true).args(CREDENTIALS).conflicts_with("settings"))]
pub(crate) struct SetSystem {
    /// Its System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
    /// name=…, category=…, region=… (or none), or a setting such as max_requests_per_second=20.
    #[arg(value_name = "KEY=VALUE", value_parser = assignment, required_unless_present = "credential")]
    pub(crate) settings: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) credential: CredentialArguments,
    /// The external id that an earlier `system set --role-arn` printed.
    #[arg(long, value_name = "ID", requires = "role_arn", value_parser = external_id)]
    pub(crate) external_id: Option<String>,
}

const CREDENTIALS: [&str; 4] = ["access_key_id", "aws_profile", "role_arn", "ambient"];

/// How to sign in to AWS. A secret is never given here, because other users could read it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Credentials")]
pub(crate) struct CredentialArguments {
    /// The access key of an IAM user; its secret is read from standard input, or asked for on a terminal.
    #[arg(long, value_name = "AKIA…", value_parser = access_key_id, conflicts_with_all = ["aws_profile", "ambient"])]
    pub(crate) access_key_id: Option<String>,
    /// Read the secret access key from standard input: one line.
    #[arg(long, requires = "access_key_id")]
    pub(crate) secret_access_key_stdin: bool,
    /// A profile of the AWS configuration files.
    #[arg(
        long,
        value_name = "PROFILE",
        value_parser = clap::builder::NonEmptyStringValueParser::new(),
        conflicts_with = "ambient"
    )]
    pub(crate) aws_profile: Option<String>,
    /// A role to assume with the ambient credentials, or with the access key or profile that is given, too; its trust
    /// policy must ask for an external id that is made up and printed.
    #[arg(long, value_name = "ARN", value_parser = role_arn, conflicts_with = "ambient")]
    pub(crate) role_arn: Option<String>,
    /// A role to assume before that one; may be given again, in the order in which they are assumed.
    #[arg(long, value_name = "ARN", value_parser = role_arn, requires = "role_arn")]
    pub(crate) via_role_arn: Vec<String>,
    /// The ordinary AWS credential chain: environment, web identity, container, instance.
    #[arg(long)]
    pub(crate) ambient: bool,
}

impl CredentialArguments {
    /// Whether any was given.
    pub(crate) fn given(&self) -> bool {
        self.access_key_id.is_some() || self.aws_profile.is_some() || self.role_arn.is_some() || self.ambient
    }
}

/// `key=value`
pub(super) fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as key=value".to_owned()),
    }
}

/// An AWS region.
pub(crate) fn region(text: &str) -> Result<String, String> {
    if keyreeve_aws::partition_of_region(text).is_some() {
        return Ok(text.to_owned());
    }
    let known =
        keyreeve_aws::REGIONS.map(|(partition, regions)| format!("{partition}: {}", regions.join(", ")));
    Err(format!("that is no AWS region. The regions of each partition are {}", known.join("; ")))
}

/// A category.
pub(crate) fn category(text: &str) -> Result<String, String> {
    systems::category(text).map_err(|error| error.to_string())
}

/// An access key id.
fn access_key_id(text: &str) -> Result<String, String> {
    systems::access_key_id(text).map_err(|error| error.to_string())
}

/// The ARN of a role, in a partition that there is.
fn role_arn(text: &str) -> Result<String, String> {
    let partition = text.split(':').nth(1).unwrap_or_default();
    let arn = systems::role_arn(text).ok().filter(|_| keyreeve_aws::PARTITIONS.contains(&partition));
    arn.ok_or_else(|| NotTaken::RoleArn.to_string())
}

/// An external id of our own making.
fn external_id(text: &str) -> Result<String, String> {
    systems::external_id(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_and_partitions_are_checked() {
        assert!(region("us-gov-west-1").is_ok());
        for bad in ["", "eu central", "EU-WEST-1", "eu-nowhere-1", "aws-global"] {
            assert!(region(bad).is_err(), "{bad}");
        }
        assert!(role_arn("arn:aws-cn:iam::123456789012:role/path/x").is_ok());
        assert!(role_arn("arn:aws-nowhere:iam::123456789012:role/x").is_err());
    }
}
