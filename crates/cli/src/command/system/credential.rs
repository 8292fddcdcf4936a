//! The credentials that `system add` and `system set` are given.

use std::fmt::Write as _;

use keyreeve_connector::Connector as _;
use keyreeve_engine::systems::{BaseAsked, CredentialAsked, Taken, Trust};
use keyreeve_model::CredentialKind;
use serde_json::{Map, Value, json};

use super::external_id;

use crate::args::CredentialArguments;
use crate::command::Context;
use crate::command::connection::{self, Reach};
use crate::exit::Refusal;
use crate::output::paragraph;
use crate::terminal;

const DOING: &str = "taking the credentials";

/// Takes the credentials from the arguments, and the secret from where it is safe.
pub(super) fn asked(arguments: &CredentialArguments) -> Result<CredentialAsked, Refusal> {
    let secret = || terminal::secret_access_key(arguments.secret_access_key_stdin);
    let key = arguments.access_key_id.clone();
    if let Some(role_arn) = arguments.role_arn.clone() {
        let base = match (key, arguments.aws_profile.clone()) {
            (Some(access_key_id), _) => {
                Some(BaseAsked::AccessKey { access_key_id, secret_access_key: secret()? })
            }
            (None, profile) => profile.map(|name| BaseAsked::Profile { name }),
        };
        return Ok(CredentialAsked::Role { role_arn, base, via: arguments.via_role_arn.clone() });
    }
    if let Some(access_key_id) = key {
        return Ok(CredentialAsked::AccessKey { access_key_id, secret_access_key: secret()? });
    }
    let profile = arguments.aws_profile.clone();
    Ok(profile.map_or(CredentialAsked::Ambient, |name| CredentialAsked::Profile { name }))
}

/// The same as they are kept. `external_id` is that of a role, if there is one already.
pub(super) fn given(arguments: &CredentialArguments, external_id: Option<String>) -> Result<Taken, Refusal> {
    asked(arguments)?.taken(external_id).map_err(|error| Refusal::new(DOING, error.to_string()))
}

/// The same as a server is given them.
pub(super) fn sent(arguments: &CredentialArguments) -> Result<Value, Refusal> {
    if arguments.aws_profile.is_some() {
        let why = "a profile is one of the machine that keeps the store, and is named there alone";
        return Err(Refusal::new(DOING, why).hint(
            "give an access key, or give the command without --server on the machine where the store is",
        ));
    }
    let key = |access_key_id, secret: &keyreeve_model::Secret| json!({"kind": "access_key", "access_key_id": access_key_id, "secret_access_key": secret.expose()});
    Ok(match asked(arguments)? {
        CredentialAsked::AccessKey { access_key_id, secret_access_key } => {
            key(access_key_id, &secret_access_key)
        }
        CredentialAsked::Role { role_arn, base, via } => {
            let mut role = Map::new();
            role.insert("kind".to_owned(), "role".into());
            role.insert("role_arn".to_owned(), role_arn.into());
            role.insert("via".to_owned(), via.into());
            if let Some(BaseAsked::AccessKey { access_key_id, secret_access_key }) = base {
                role.insert("base".to_owned(), key(access_key_id, &secret_access_key));
            }
            Value::Object(role)
        }
        CredentialAsked::Ambient | CredentialAsked::Profile { .. } => json!({"kind": "ambient"}),
    })
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

/// Prints the trust policy a role must have, and warns where the role lets anybody of those who assume it in without our
/// external id.
pub(super) async fn print_trust_policy(context: &Context, given: &Taken) {
    let CredentialKind::Role { base, via, .. } = &given.kind else { return };
    let before = connection::behind_role(base.as_ref(), via, given.secret.clone());
    let before = match before {
        Ok(credential) => connection::connect(context, credential, None).await.ok(),
        Err(_) => None,
    };
    let identity = match before {
        Some(connector) => connector.identify().await.ok(),
        None => None,
    };
    if let Some(trust) = Trust::of(&given.kind, identity.as_ref()) {
        print_trust(&trust);
    }
    if identity.is_some() {
        external_id::asked(&Reach::of(context), &given.kind, given.secret.as_ref(), None).await.warn();
    }
}

/// Prints a trust policy.
pub(super) fn print_trust(trust: &Trust) {
    let mut text = format!("The role's trust policy must ask for this external id: {}\n", trust.external_id);
    if !trust.assumed_by_known {
        text.push_str("(replace ACCOUNT by the AWS account that keyreeve itself signs in with)\n");
    }
    // Writing to a text cannot fail.
    let _ = write!(
        text,
        "{:#}\nWhoever keyreeve signs in as must be allowed sts:AssumeRole on {} by a policy of its own.",
        trust.policy, trust.role_arn
    );
    paragraph(&text);
}
