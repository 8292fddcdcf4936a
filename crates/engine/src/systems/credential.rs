//! Credentials that a system is to have, as somebody gives them, and what of them is taken.

use keyreeve_model::{AwsAccountId, CredentialKind, RoleBase, Secret};
use uuid::Uuid;

/// Credentials that somebody gives a system.
#[derive(Debug, Clone)]
pub enum CredentialAsked {
    /// An access key of an IAM user.
    AccessKey {
        /// The public half.
        access_key_id: String,
        /// The secret half.
        secret_access_key: Secret,
    },
    /// A named profile of the AWS configuration files.
    Profile {
        /// Its name.
        name: String,
    },
    /// Whatever the process finds.
    Ambient,
    /// A role.
    Role {
        /// Its ARN.
        role_arn: String,
        /// What it is assumed with; `None` is whatever the process finds.
        base: Option<BaseAsked>,
        /// Roles that are assumed before it, in this order.
        via: Vec<String>,
    },
}

/// What a role is assumed with.
#[derive(Debug, Clone)]
pub enum BaseAsked {
    /// An access key of an IAM user.
    AccessKey {
        /// The public half.
        access_key_id: String,
        /// The secret half.
        secret_access_key: Secret,
    },
    /// A named profile of the AWS configuration files.
    Profile {
        /// Its name.
        name: String,
    },
}

/// Credentials as they are kept: what is stored openly, and what is sealed.
#[derive(Debug, Clone)]
pub struct Taken {
    /// What is stored openly.
    pub kind: CredentialKind,
    /// What is sealed.
    pub secret: Option<Secret>,
}

/// Credentials are none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// The secret half stands where the public one belongs.
    #[error("that is as long as a secret access key, which is no access key id")]
    SecretAsId,
    /// IAM service model, `accessKeyIdType`.
    #[error("an access key id has 16 to 128 letters and digits, like AKIAIOSFODNN7EXAMPLE")]
    AccessKeyId,
    /// There is no secret half.
    #[error("the secret access key is empty")]
    NoSecret,
    /// It has no name.
    #[error("the name of a profile is not empty")]
    Profile,
    /// It is the ARN of something else.
    #[error("a role's ARN looks like arn:aws:iam::123456789012:role/name")]
    RoleArn,
    /// No role is assumed from one partition to another.
    #[error("{other} and {role_arn} are of two partitions, and no role is assumed across them")]
    TwoPartitions {
        /// One of the roles that are assumed before.
        other: String,
        /// The role.
        role_arn: String,
    },
    /// It was not made up here.
    #[error("give the external id exactly as keyreeve printed it")]
    ExternalId,
}

impl CredentialAsked {
    /// What of it is kept. A role gets this external id, or one that is made up.
    ///
    /// # Errors
    /// See [`NotTaken`].
    pub fn taken(self, external_id: Option<String>) -> Result<Taken, NotTaken> {
        let open = |kind| Taken { kind, secret: None };
        Ok(match self {
            Self::AccessKey { access_key_id, secret_access_key } => {
                let (access_key_id, secret) = key(&access_key_id, secret_access_key)?;
                Taken { kind: CredentialKind::AccessKey { access_key_id }, secret: Some(secret) }
            }
            Self::Profile { name } => open(CredentialKind::Profile { name: profile(name)? }),
            Self::Ambient => open(CredentialKind::Ambient),
            Self::Role { role_arn, base, via } => {
                let role_arn = self::role_arn(&role_arn)?;
                let via: Vec<String> = via.iter().map(|one| self::role_arn(one)).collect::<Result<_, _>>()?;
                let partition = |arn: &str| account_of_role(arn).map(|(_, partition)| partition);
                if let Some(other) = via.iter().find(|other| partition(other) != partition(&role_arn)) {
                    return Err(NotTaken::TwoPartitions { other: other.clone(), role_arn });
                }
                let external_id = external_id.unwrap_or_else(|| Uuid::new_v4().to_string());
                let (base, secret) = match base {
                    None => (None, None),
                    Some(BaseAsked::Profile { name }) => {
                        (Some(RoleBase::Profile { name: profile(name)? }), None)
                    }
                    Some(BaseAsked::AccessKey { access_key_id, secret_access_key }) => {
                        let (access_key_id, secret) = key(&access_key_id, secret_access_key)?;
                        (Some(RoleBase::AccessKey { access_key_id }), Some(secret))
                    }
                };
                Taken { kind: CredentialKind::Role { role_arn, external_id, base, via }, secret }
            }
        })
    }
}

fn key(id: &str, secret: Secret) -> Result<(String, Secret), NotTaken> {
    let id = access_key_id(id)?;
    if secret.expose().is_empty() { Err(NotTaken::NoSecret) } else { Ok((id, secret)) }
}

fn profile(name: String) -> Result<String, NotTaken> {
    if name.is_empty() { Err(NotTaken::Profile) } else { Ok(name) }
}

/// An access key id: 16 to 128 letters, digits and underscores (IAM service model, `accessKeyIdType`).
///
/// # Errors
/// [`NotTaken::SecretAsId`], [`NotTaken::AccessKeyId`].
pub fn access_key_id(text: &str) -> Result<String, NotTaken> {
    let fits = (16..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match fits {
        _ if text.len() == 40 => Err(NotTaken::SecretAsId),
        true => Ok(text.to_owned()),
        false => Err(NotTaken::AccessKeyId),
    }
}

/// The ARN of one role; what may be a wildcard is none. A partition is `aws` or one that begins with it (IAM User Guide,
/// "IAM ARNs").
///
/// # Errors
/// [`NotTaken::RoleArn`].
pub fn role_arn(text: &str) -> Result<String, NotTaken> {
    let mut parts = text.splitn(6, ':');
    let mut next = || parts.next().unwrap_or_default();
    let (arn, partition, service, region, account, role) = (next(), next(), next(), next(), next(), next());
    let is_partition = partition.strip_prefix("aws").is_some_and(|rest| {
        rest.is_empty()
            || rest.strip_prefix('-').is_some_and(|rest| {
                !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
            })
    });
    let fits = arn == "arn"
        && is_partition
        && service == "iam"
        && region.is_empty()
        && AwsAccountId::new(account).is_ok()
        && role.strip_prefix("role/").is_some_and(names_one_role)
        && text.len() <= 2048
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(text.to_owned()) } else { Err(NotTaken::RoleArn) }
}

/// A path and a name of `[A-Za-z0-9_+=,.@-]` (IAM service model, `roleNameType`).
fn names_one_role(path_and_name: &str) -> bool {
    let name = path_and_name.rsplit('/').next().unwrap_or_default();
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
        && !path_and_name.contains(['*', '?'])
}

/// An external id of our own making.
///
/// # Errors
/// [`NotTaken::ExternalId`].
pub fn external_id(text: &str) -> Result<String, NotTaken> {
    match Uuid::try_parse(text) {
        Ok(id) if id.get_version_num() == 4 && id.to_string() == text => Ok(text.to_owned()),
        _ => Err(NotTaken::ExternalId),
    }
}

/// The AWS account and the partition that a role's ARN names.
#[must_use]
pub fn account_of_role(role_arn: &str) -> Option<(AwsAccountId, String)> {
    let mut parts = role_arn.split(':').skip(1);
    let partition = parts.next()?.to_owned();
    let account = AwsAccountId::new(parts.nth(2)?).ok()?;
    Some((account, partition))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_arns_of_roles_pass() {
        assert!(role_arn("arn:aws-cn:iam::123456789012:role/path/x").is_ok());
        for bad in [
            "",
            "role/x",
            "arn:aws:iam::123456789012:user/x",
            "arn:aws:iam::1:role/x",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/a b",
            "arn:aws:iam::123456789012:role/*",
            "arn:aws-:iam::123456789012:role/x",
            "arn:awsx:iam::123456789012:role/x",
            "arn:other:iam::123456789012:role/x",
        ] {
            assert!(role_arn(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn external_ids_are_of_our_own_making() {
        assert!(external_id(&Uuid::new_v4().to_string()).is_ok());
        assert!(external_id("my-own").is_err());
    }

    #[test]
    fn a_roles_arn_names_its_account() {
        let (account, partition) = account_of_role("arn:aws-cn:iam::123456789012:role/a/b").unwrap();
        assert_eq!((account.as_str(), partition.as_str()), ("123456789012", "aws-cn"));
        assert!(account_of_role("arn:aws:iam:x").is_none());
    }
}
