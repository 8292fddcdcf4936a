//! `keyreeve aws …`

use clap::{Args, Subcommand, ValueEnum};
use keyreeve_model::{SystemId, SystemName};

use super::policy::{PolicyLimits, PolicyProfile};
use super::{Consent, system};

/// What an administrator of AWS can have done.
#[derive(Debug, Subcommand)]
pub(crate) enum AwsCommand {
    /// Make the connector's own access, with an administrator's credentials, and register the system.
    ///
    /// Makes the policy of `policy generate`, and a user with an access key, or a role with an external id. What is there
    /// already is left as it is, or completed; a second access key is never made. With --print nothing is made, and AWS is
    /// not asked.
    Bootstrap(Box<Bootstrap>),
}

/// How the access is written instead of made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Template {
    /// A template of AWS CloudFormation, in JSON.
    Cloudformation,
    /// Resources of Terraform's AWS provider.
    Terraform,
}

/// `aws bootstrap`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("who").required(true).args(["user", "role"]))]
pub(crate) struct Bootstrap {
    /// The System ID to register.
    #[arg(long)]
    pub(crate) system_id: SystemId,
    /// The display name to register [default: the System ID].
    #[arg(long, value_parser = SystemName::given)]
    pub(crate) name: Option<SystemName>,
    /// Make this user, with an access key that is sealed into the store and never shown.
    #[arg(long, value_name = "NAME", value_parser = own_name)]
    pub(crate) user: Option<String>,
    /// Make this role, with an external id.
    #[arg(long, value_name = "NAME", value_parser = own_name, requires = "trusted_principal")]
    pub(crate) role: Option<String>,
    /// Whom the role trusts: the user, role or account that Keyreeve signs in with.
    #[arg(long, value_name = "ARN", value_parser = principal, requires = "role")]
    pub(crate) trusted_principal: Option<String>,
    /// Which permissions it gets.
    #[arg(long, value_enum, default_value_t = PolicyProfile::Lifecycle)]
    pub(crate) profile: PolicyProfile,
    #[command(flatten)]
    pub(crate) limits: PolicyLimits,
    /// The administrator's profile of the AWS configuration files [default: the ambient credentials].
    #[arg(long, value_name = "PROFILE")]
    pub(crate) aws_profile: Option<String>,
    /// The AWS region; it decides the partition.
    #[arg(long, value_parser = system::region)]
    pub(crate) region: Option<String>,
    /// An access key of the user whose secret nobody has: it is deleted, and another one made.
    #[arg(long, value_name = "AKIA…", requires = "user")]
    pub(crate) replace_key: Option<String>,
    /// Write the same as text instead of making it.
    #[arg(long, value_enum, value_name = "AS", conflicts_with_all = ["replace_key", "plan", "yes"])]
    pub(crate) print: Option<Template>,
    #[command(flatten)]
    pub(crate) consent: Consent,
    /// Why; kept in the audit log, and in AWS as the description of the policy and the role.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub(crate) reason: Option<String>,
}

/// The name of a user, role or policy of ours; a number may follow in the policy's.
fn own_name(text: &str) -> Result<String, String> {
    let fits = (1..=60).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte));
    if fits {
        Ok(text.to_owned())
    } else {
        Err("a name has 1 to 60 of the characters A-Z a-z 0-9 _+=,.@-".to_owned())
    }
}

/// A user, a role or an account, by ARN.
fn principal(text: &str) -> Result<String, String> {
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    let fits = match fields.as_slice() {
        ["arn", partition, "iam", "", account, resource] => {
            keyreeve_aws::PARTITIONS.contains(partition)
                && keyreeve_model::AwsAccountId::new(*account).is_ok()
                && (*resource == "root" || resource.starts_with("user/") || resource.starts_with("role/"))
                && text.bytes().all(|byte| byte.is_ascii_graphic())
                && !text.contains(['*', '?', '$', '"'])
        }
        _ => false,
    };
    if fits {
        Ok(text.to_owned())
    } else {
        Err("a principal looks like arn:aws:iam::123456789012:root, or names one user or role there"
            .to_owned())
    }
}

/// What IAM takes as a description (`policyDescriptionType`, and what stands before it).
fn reason(text: &str) -> Result<String, String> {
    let fits = text.len() <= 800 && text.chars().all(|char| (' '..='~').contains(&char));
    if fits { Ok(text.to_owned()) } else { Err("AWS takes up to 800 characters of ASCII".to_owned()) }
}
