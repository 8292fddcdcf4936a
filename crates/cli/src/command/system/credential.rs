//! The credentials that `system add` and `system set` are given.

use std::fmt::Write as _;

use keyreeve_connector::Connector as _;
use keyreeve_model::{AwsAccountId, CredentialKind, RoleBase, Secret};

use super::external_id;

use crate::args::CredentialArguments;
use crate::command::{Context, connection};
use crate::exit::Refusal;
use crate::output::paragraph;
use crate::terminal;

/// What is stored openly, and what is sealed.
pub(super) struct Given {
    pub(super) kind: CredentialKind,
    pub(super) secret: Option<Secret>,
}

/// Takes the credentials from the arguments, and the secret from where it is safe. `external_id` is that of a role,
/// if there is one already.
pub(super) fn given(arguments: &CredentialArguments, external_id: Option<String>) -> Result<Given, Refusal> {
    let open = |kind| Given { kind, secret: None };
    if let Some(role_arn) = arguments.role_arn.clone() {
        return role(arguments, role_arn, external_id);
    }
    if let Some(access_key_id) = arguments.access_key_id.clone() {
        let secret = terminal::secret_access_key(arguments.secret_access_key_stdin)?;
        return Ok(Given { kind: CredentialKind::AccessKey { access_key_id }, secret: Some(secret) });
    }
    if let Some(name) = arguments.aws_profile.clone() {
        return Ok(open(CredentialKind::Profile { name }));
    }
    Ok(open(CredentialKind::Ambient))
}

/// A role, with what it is assumed with. All roles of a chain are of one partition.
fn role(
    arguments: &CredentialArguments,
    role_arn: String,
    external_id: Option<String>,
) -> Result<Given, Refusal> {
    let partition = |arn: &str| account_of_role(arn).map(|(_, partition)| partition);
    let via = arguments.via_role_arn.clone();
    if let Some(other) = via.iter().find(|other| partition(other) != partition(&role_arn)) {
        let why = format!("{other} and {role_arn} are of two partitions, and no role is assumed across them");
        return Err(Refusal::new("taking the credentials", why));
    }
    let secret = match &arguments.access_key_id {
        Some(_) => Some(terminal::secret_access_key(arguments.secret_access_key_stdin)?),
        None => None,
    };
    let base = match (&arguments.access_key_id, &arguments.aws_profile) {
        (Some(access_key_id), _) => Some(RoleBase::AccessKey { access_key_id: access_key_id.clone() }),
        (None, Some(name)) => Some(RoleBase::Profile { name: name.clone() }),
        (None, None) => None,
    };
    let external_id = external_id.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    Ok(Given { kind: CredentialKind::Role { role_arn, external_id, base, via }, secret })
}

/// The AWS account and the partition that a role's ARN names.
pub(super) fn account_of_role(role_arn: &str) -> Option<(AwsAccountId, String)> {
    let mut parts = role_arn.split(':').skip(1);
    let partition = parts.next()?.to_owned();
    let account = AwsAccountId::new(parts.nth(2)?).ok()?;
    Some((account, partition))
}

/// A region must lie in the partition of what it is for.
pub(super) fn check_region(
    doing: &str,
    region: Option<&str>,
    partition: Option<&str>,
) -> Result<(), Refusal> {
    let (Some(region), Some(partition)) = (region, partition) else { return Ok(()) };
    match keyreeve_aws::partition_of_region(region) {
        Some(other) if other != partition => Err(Refusal::new(
            doing,
            format!("the region {region} is of the partition {other}, but the system is in {partition}"),
        )
        .hint(regions_hint(partition))),
        _ => Ok(()),
    }
}

/// Which regions a partition has.
pub(super) fn regions_hint(partition: &str) -> String {
    format!(
        "any region of the partition does, because IAM answers for all of it; those of {partition} are: {}",
        keyreeve_aws::regions_of(partition).join(", ")
    )
}

/// Prints the trust policy a role must have, naming whoever it is assumed by: the role before it in a chain, else the
/// account of the credentials that begin it. Warns where the role lets anybody of them in without our external id.
pub(super) async fn print_trust_policy(context: &Context, given: &Given) {
    let CredentialKind::Role { role_arn, external_id, base, via } = &given.kind else { return };
    let partition = account_of_role(role_arn).map_or_else(|| "aws".to_owned(), |(_, partition)| partition);
    let before = connection::behind_role(base.as_ref(), via, given.secret.clone());
    let before = match before {
        Ok(credential) => connection::connect(context, credential, None).await.ok(),
        Err(_) => None,
    };
    let identity = match before {
        Some(connector) => connector.identify().await.ok(),
        None => None,
    };
    let mut text = format!("The role's trust policy must ask for this external id: {external_id}\n");
    let principal = match (via.last(), &identity) {
        (Some(role), _) => role.clone(),
        (None, Some(identity)) => format!("arn:{partition}:iam::{}:root", identity.account_id),
        (None, None) => {
            text.push_str("(replace ACCOUNT by the AWS account that keyreeve itself signs in with)\n");
            format!("arn:{partition}:iam::ACCOUNT:root")
        }
    };
    let policy = trust_policy(&principal, external_id);
    // Writing to a text cannot fail.
    let _ = write!(
        text,
        "{policy:#}\nWhoever keyreeve signs in as must be allowed sts:AssumeRole on {role_arn} by a policy of its own."
    );
    paragraph(&text);
    if identity.is_some() {
        external_id::asked(context, &given.kind, given.secret.as_ref(), None).await.warn();
    }
}

/// The policy of a role that trusts `principal`, if it brings this external id.
pub(in crate::command) fn trust_policy(principal: &str, external_id: &str) -> serde_json::Value {
    serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "AWS": principal },
            "Action": "sts:AssumeRole",
            "Condition": { "StringEquals": { "sts:ExternalId": external_id } }
        }]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roles_arn_names_its_account() {
        let (account, partition) = account_of_role("arn:aws-cn:iam::123456789012:role/a/b").unwrap();
        assert_eq!((account.as_str(), partition.as_str()), ("123456789012", "aws-cn"));
        assert!(account_of_role("arn:aws:iam:x").is_none());
    }
}
