//! The catalogue of AWS managed policies.
//!
//! Names, paths, dates and version numbers are AWS's; the documents are ours: written by hand for the
//! policies that decide something in identity governance, made from the name for the others.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::Timestamp;
use serde_json::json;

use crate::seeded::{Seeded, digest};

const DATA: &str = include_str!("../data/aws-managed-policies.txt");

/// One AWS managed policy.
#[derive(Debug, Clone)]
pub(crate) struct ManagedPolicy {
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    pub(crate) created: Timestamp,
    pub(crate) default_version: u32,
    pub(crate) id: String,
}

impl ManagedPolicy {
    /// Service-linked roles' policies cannot be attached to anything else.
    pub(crate) fn attachable(&self) -> bool {
        !self.path.starts_with("/aws-service-role/")
    }

    /// When the default version was made: some time after the policy itself.
    pub(crate) fn updated(&self) -> Timestamp {
        let days = if self.default_version > 1 { i64::from(self.default_version) * 29 } else { 0 };
        crate::clock::shift(self.created, days * 86_400)
    }

    /// The document of the default version.
    pub(crate) fn document(&self) -> String {
        written(self.name).unwrap_or_else(|| made_from_name(self.name))
    }
}

/// All of them, by name.
pub(crate) fn all() -> &'static BTreeMap<&'static str, ManagedPolicy> {
    &POLICIES
}

/// The policy with this path and name, as in `/job-function/Billing`.
pub(crate) fn find(path_and_name: &str) -> Option<&'static ManagedPolicy> {
    let name = path_and_name.rsplit('/').next()?;
    let policy = POLICIES.get(name)?;
    (path_and_name.strip_suffix(name)? == policy.path).then_some(policy)
}

type ByName = BTreeMap<&'static str, ManagedPolicy>;

static POLICIES: LazyLock<ByName> = LazyLock::new(read);

fn read() -> ByName {
    let mut path = "/";
    let mut policies = BTreeMap::new();
    for line in DATA.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with('/') {
            path = line;
            continue;
        }
        let mut words = line.split(' ');
        let (Some(name), Some(date), Some(version)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        let created = format!("{date}T12:00:00Z").parse().unwrap_or(Timestamp::UNIX_EPOCH);
        let id = Seeded::new(digest("aws managed policies"), name).base32("ANPA", 17);
        let default_version = version.parse().unwrap_or(1);
        policies.insert(name, ManagedPolicy { name, path, created, default_version, id });
    }
    policies
}

fn document(statements: serde_json::Value) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

fn allow(actions: &[&str]) -> String {
    document(json!([{"Effect": "Allow", "Action": actions, "Resource": "*"}]))
}

/// The documents that matter, in our own words but with AWS's meaning.
fn written(name: &str) -> Option<String> {
    let own = json!(["arn:*:iam::*:user/${aws:username}", "arn:*:iam::*:user/*/${aws:username}"]);
    Some(match name {
        "AdministratorAccess" => allow(&["*"]),
        "PowerUserAccess" => document(json!([
            {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"},
            {"Effect": "Allow", "Resource": "*", "Action": ["account:GetAccountInformation",
                "account:GetPrimaryEmail", "account:ListRegions", "iam:CreateServiceLinkedRole",
                "iam:DeleteServiceLinkedRole", "iam:ListRoles", "organizations:DescribeOrganization"]},
        ])),
        "IAMFullAccess" => allow(&[
            "iam:*",
            "organizations:DescribeAccount",
            "organizations:DescribeOrganization",
            "organizations:ListPolicies",
            "organizations:ListRoots",
        ]),
        "IAMReadOnlyAccess" => allow(&[
            "iam:GenerateCredentialReport",
            "iam:GenerateServiceLastAccessedDetails",
            "iam:Get*",
            "iam:List*",
            "iam:SimulateCustomPolicy",
            "iam:SimulatePrincipalPolicy",
        ]),
        "IAMUserChangePassword" => document(json!([
            {"Effect": "Allow", "Action": ["iam:ChangePassword"], "Resource": own},
            {"Effect": "Allow", "Action": ["iam:GetAccountPasswordPolicy"], "Resource": "*"},
        ])),
        "ReadOnlyAccess" => allow(&[
            "cloudformation:Describe*",
            "cloudtrail:Get*",
            "cloudwatch:Get*",
            "dynamodb:Get*",
            "ec2:Describe*",
            "iam:Get*",
            "iam:List*",
            "kms:Describe*",
            "lambda:Get*",
            "lambda:List*",
            "logs:Get*",
            "rds:Describe*",
            "s3:Get*",
            "s3:List*",
            "sns:List*",
            "sqs:Get*",
            "sts:GetCallerIdentity",
        ]),
        "ViewOnlyAccess" => allow(&[
            "cloudtrail:DescribeTrails",
            "ec2:Describe*",
            "iam:List*",
            "iam:GetAccountSummary",
            "lambda:ListFunctions",
            "logs:Describe*",
            "rds:Describe*",
            "s3:ListAllMyBuckets",
            "s3:ListBucket",
        ]),
        "SecurityAudit" => allow(&[
            "access-analyzer:List*",
            "cloudtrail:GetTrailStatus",
            "config:Describe*",
            "ec2:Describe*",
            "guardduty:List*",
            "iam:GenerateCredentialReport",
            "iam:Get*",
            "iam:List*",
            "kms:ListKeys",
            "s3:GetBucketPolicy",
            "s3:GetEncryptionConfiguration",
            "securityhub:Get*",
        ]),
        "AmazonS3FullAccess" => allow(&["s3:*", "s3-object-lambda:*"]),
        "AmazonS3ReadOnlyAccess" => allow(&["s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*"]),
        "AmazonEC2FullAccess" => allow(&["ec2:*", "elasticloadbalancing:*", "cloudwatch:*", "autoscaling:*"]),
        "AmazonEC2ReadOnlyAccess" => {
            allow(&["ec2:Describe*", "elasticloadbalancing:Describe*", "cloudwatch:Describe*"])
        }
        "CloudWatchReadOnlyAccess" => {
            allow(&["cloudwatch:Describe*", "cloudwatch:Get*", "cloudwatch:List*", "logs:Get*", "sns:List*"])
        }
        "Billing" => allow(&["aws-portal:*Billing", "billing:*", "budgets:*", "ce:*", "cur:*", "tax:*"]),
        "AWSDenyAll" => document(json!([{"Effect": "Deny", "Action": ["*"], "Resource": "*"}])),
        _ => return None,
    })
}

/// A plausible document: the service that the name speaks of, all of it or reading only.
fn made_from_name(name: &str) -> String {
    let bare = ["Amazon", "AWS", "Aws"].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    let mut service = String::new();
    for character in bare.chars() {
        let boundary = character.is_ascii_uppercase()
            && service.chars().last().is_some_and(|last| last.is_ascii_lowercase());
        if boundary || !character.is_ascii_alphanumeric() {
            break;
        }
        service.push(character);
    }
    let service = if service.is_empty() { "sts".to_owned() } else { service.to_ascii_lowercase() };
    let verbs: &[&str] = if name.contains("ReadOnly") || name.contains("View") {
        &["Describe*", "Get*", "List*"]
    } else if name.contains("FullAccess") || name.contains("Administrator") {
        &["*"]
    } else {
        &["Create*", "Describe*", "Get*", "List*", "Update*"]
    };
    let actions: Vec<String> = verbs.iter().map(|verb| format!("{service}:{verb}")).collect();
    document(json!([{"Effect": "Allow", "Action": actions, "Resource": "*"}]))
}
