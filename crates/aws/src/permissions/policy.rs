//! The policies that the connector needs: the reference policy, and one for imports alone.

use keyreeve_model::AwsAccountId;
use serde::Serialize;

/// The actions with which Keyreeve reads. Most of them support no resources, so they are granted on `*`.
pub const READ_ACTIONS: [&str; 5] = [
    "iam:ListUsers",
    "iam:ListGroups",
    "iam:ListPolicies",
    "iam:GetAccountAuthorizationDetails",
    "iam:GetLoginProfile",
];

/// The fourteen actions that are enough for everything the reference behaviour asks for.
pub const REFERENCE_ACTIONS: [&str; 14] = [
    "iam:ListUsers",
    "iam:ListGroups",
    "iam:ListPolicies",
    "iam:GetAccountAuthorizationDetails",
    "iam:GetLoginProfile",
    "iam:CreateUser",
    "iam:DeleteUser",
    "iam:CreateLoginProfile",
    "iam:UpdateLoginProfile",
    "iam:DeleteLoginProfile",
    "iam:AddUserToGroup",
    "iam:RemoveUserFromGroup",
    "iam:AttachUserPolicy",
    "iam:DetachUserPolicy",
];

/// The partitions of AWS (botocore's `partitions.json`).
pub const PARTITIONS: [&str; 8] =
    ["aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"];

/// A policy cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Not a name a partition could have.
    #[error("cannot write a policy for the partition {0:?}: use one like aws, aws-cn or aws-us-gov")]
    Partition(String),
    /// Not twelve digits.
    #[error("cannot write a policy for the AWS account {0:?}: an account id has twelve digits")]
    Account(String),
    /// It could not be written as JSON.
    #[error("cannot write a policy: it could not be put into JSON")]
    Json,
}

/// The reference policy as pretty ASCII JSON, ending in a line break.
///
/// `partition` must be shaped like one, so that partitions unknown today can be used. Without an account id the
/// resources are those of whichever account the policy is attached in (`*`).
///
/// # Errors
/// A partition or account id that cannot be one.
pub fn reference_policy(partition: &str, account_id: Option<&str>) -> Result<String, PolicyError> {
    let place = Place::of(partition, account_id)?;
    let (reading, changing) = REFERENCE_ACTIONS.split_at(READ_ACTIONS.len());
    let (users, assignments) = changing.split_at(5);
    let held = vec![place.all("user"), place.all("group"), place.all("policy")];
    written(vec![
        allow("KeyreeveRead", reading, vec!["*".to_owned()]),
        allow("KeyreeveUsers", users, vec![place.all("user")]),
        allow("KeyreeveAssignments", assignments, held),
    ])
}

/// The policy for imports and nothing else, in the same form: every action an import can make use of, and none that
/// changes anything.
///
/// # Errors
/// A partition or account id that cannot be one.
pub fn read_policy(partition: &str, account_id: Option<&str>) -> Result<String, PolicyError> {
    let place = Place::of(partition, account_id)?;
    written(vec![
        allow("KeyreeveRead", &READ_EVERYTHING, vec!["*".to_owned()]),
        allow("KeyreeveReadUsers", &READ_ONE_USER, vec![place.all("user")]),
    ])
}

/// Reading actions that support no resources (Service Authorization Reference, "AWS IAM").
const READ_EVERYTHING: [&str; 7] = [
    "iam:ListUsers",
    "iam:ListGroups",
    "iam:ListPolicies",
    "iam:GetAccountAuthorizationDetails",
    "iam:GetAccountSummary",
    "iam:GenerateCredentialReport",
    "iam:GetCredentialReport",
];

/// Reading actions on one user.
const READ_ONE_USER: [&str; 2] = ["iam:GetUser", "iam:GetLoginProfile"];

/// Where a policy is for.
struct Place<'a> {
    partition: &'a str,
    account: &'a str,
}

impl<'a> Place<'a> {
    fn of(partition: &'a str, account_id: Option<&'a str>) -> Result<Self, PolicyError> {
        let shaped = partition.len() <= 32
            && partition.split('-').all(|part| {
                !part.is_empty()
                    && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            });
        if !shaped || partition.split('-').next() != Some("aws") {
            return Err(PolicyError::Partition(partition.chars().take(40).collect()));
        }
        match account_id {
            Some(id) if AwsAccountId::new(id).is_err() => {
                Err(PolicyError::Account(id.chars().take(40).collect()))
            }
            id => Ok(Self { partition, account: id.unwrap_or("*") }),
        }
    }

    /// All users, groups or policies of the account.
    fn all(&self, kind: &str) -> String {
        format!("arn:{}:iam::{}:{kind}/*", self.partition, self.account)
    }
}

fn allow(sid: &'static str, action: &'static [&'static str], resource: Vec<String>) -> Statement {
    Statement { sid, effect: "Allow", action, resource }
}

fn written(statement: Vec<Statement>) -> Result<String, PolicyError> {
    let document = Document { version: "2012-10-17", statement };
    serde_json::to_string_pretty(&document).map(|json| json + "\n").map_err(|_| PolicyError::Json)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    sid: &'static str,
    effect: &'static str,
    action: &'static [&'static str],
    resource: Vec<String>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_policy_grants_the_fourteen_actions_and_no_more() {
        for partition in PARTITIONS {
            let text = reference_policy(partition, None).unwrap();
            assert!(text.is_ascii() && text.ends_with("}\n"));
            let json: serde_json::Value = serde_json::from_str(&text).unwrap();
            let actions: Vec<_> = json["Statement"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(|statement| statement["Action"].as_array().unwrap())
                .map(|action| action.as_str().unwrap())
                .collect();
            assert_eq!(actions, REFERENCE_ACTIONS);
            let users = format!("arn:{partition}:iam::*:user/*");
            assert_eq!(json["Statement"][1]["Resource"], serde_json::json!([users]));
        }
        assert_eq!(REFERENCE_ACTIONS.iter().collect::<BTreeSet<_>>().len(), 14);
        assert_eq!(REFERENCE_ACTIONS[..5], READ_ACTIONS);
    }

    #[test]
    fn the_policy_for_imports_grants_what_the_profile_promises_and_nothing_that_writes() {
        for partition in PARTITIONS {
            let text = read_policy(partition, None).unwrap();
            assert!(text.is_ascii() && text.ends_with("}\n"));
            let json: serde_json::Value = serde_json::from_str(&text).unwrap();
            let expected = serde_json::json!({
                "Version": "2012-10-17",
                "Statement": [
                    { "Sid": "KeyreeveRead", "Effect": "Allow", "Action": READ_EVERYTHING, "Resource": ["*"] },
                    {
                        "Sid": "KeyreeveReadUsers", "Effect": "Allow", "Action": READ_ONE_USER,
                        "Resource": [format!("arn:{partition}:iam::*:user/*")]
                    }
                ]
            });
            assert_eq!(json, expected);
        }
        let granted: BTreeSet<_> = READ_EVERYTHING.into_iter().chain(READ_ONE_USER).collect();
        let promised = crate::profile_actions(keyreeve_model::PermissionProfile::Read);
        assert_eq!(granted, promised.into_iter().collect());
        assert!(read_policy("azure", None).is_err() && read_policy("aws", Some("1")).is_err());
    }

    #[test]
    fn partition_and_account_are_checked() {
        let text = reference_policy("aws-cn", Some("123456789012")).unwrap();
        assert!(text.contains("\"arn:aws-cn:iam::123456789012:policy/*\""), "{text}");
        for bad in ["", "AWS", "aws-", "-aws", "azure", "aws cn", "aws\"", "aws:iam"] {
            assert_eq!(reference_policy(bad, None), Err(PolicyError::Partition(bad.into())));
        }
        assert_eq!(reference_policy("aws", Some("123")), Err(PolicyError::Account("123".into())));
    }
}
