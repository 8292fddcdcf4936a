//! The reference policy.

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
    let shaped = partition.len() <= 32
        && partition.split('-').all(|part| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
    if !shaped || partition.split('-').next() != Some("aws") {
        return Err(PolicyError::Partition(partition.chars().take(40).collect()));
    }
    let account = match account_id {
        Some(id) if AwsAccountId::new(id).is_err() => {
            return Err(PolicyError::Account(id.chars().take(40).collect()));
        }
        id => id.unwrap_or("*"),
    };
    let resource = |kind: &str| format!("arn:{partition}:iam::{account}:{kind}/*");
    let (reading, changing) = REFERENCE_ACTIONS.split_at(READ_ACTIONS.len());
    let (users, assignments) = changing.split_at(5);
    let allow = |sid, action, resource| Statement { sid, effect: "Allow", action, resource };
    let document = Document {
        version: "2012-10-17",
        statement: vec![
            allow("KeyreeveRead", reading, vec!["*".to_owned()]),
            allow("KeyreeveUsers", users, vec![resource("user")]),
            allow(
                "KeyreeveAssignments",
                assignments,
                vec![resource("user"), resource("group"), resource("policy")],
            ),
        ],
    };
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
    fn partition_and_account_are_checked() {
        let text = reference_policy("aws-cn", Some("123456789012")).unwrap();
        assert!(text.contains("\"arn:aws-cn:iam::123456789012:policy/*\""), "{text}");
        for bad in ["", "AWS", "aws-", "-aws", "azure", "aws cn", "aws\"", "aws:iam"] {
            assert_eq!(reference_policy(bad, None), Err(PolicyError::Partition(bad.into())));
        }
        assert_eq!(reference_policy("aws", Some("123")), Err(PolicyError::Account("123".into())));
    }
}
