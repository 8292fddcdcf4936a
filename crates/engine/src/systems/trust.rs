//! What the trust policy of a role must say.

use keyreeve_connector::Identity;
use keyreeve_model::CredentialKind;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account_of_role;

/// What the trust policy of a role must say, so that a system signs in through it and nobody else is let in by mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Trust {
    /// The role.
    pub role_arn: String,
    /// What it must ask for.
    pub external_id: String,
    /// Whether it is known who assumes it; else `ACCOUNT` stands in the policy for the AWS account of whoever does.
    pub assumed_by_known: bool,
    /// The policy.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub policy: Value,
}

impl Trust {
    /// Of a role: it names whoever assumes it, which is the role before it in a chain, else the account of the credentials
    /// that begin it.
    #[must_use]
    pub fn of(credential: &CredentialKind, base: Option<&Identity>) -> Option<Self> {
        let CredentialKind::Role { role_arn, external_id, via, .. } = credential else { return None };
        let partition =
            account_of_role(role_arn).map_or_else(|| "aws".to_owned(), |(_, partition)| partition);
        let principal = match (via.last(), base) {
            (Some(role), _) => role.clone(),
            (None, Some(identity)) => format!("arn:{partition}:iam::{}:root", identity.account_id),
            (None, None) => format!("arn:{partition}:iam::ACCOUNT:root"),
        };
        Some(Self {
            role_arn: role_arn.clone(),
            external_id: external_id.clone(),
            assumed_by_known: !via.is_empty() || base.is_some(),
            policy: trust_policy(&principal, external_id),
        })
    }
}

/// The policy of a role that trusts `principal`, if it brings this external id.
#[must_use]
pub fn trust_policy(principal: &str, external_id: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "AWS": principal },
            "Action": "sts:AssumeRole",
            "Condition": { "StringEquals": { "sts:ExternalId": external_id } }
        }]
    })
}
