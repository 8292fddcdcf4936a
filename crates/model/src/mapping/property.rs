//! The properties that can get a value.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a row gives a value to. In text form: `user_name`, `path`, `tags.cost-center`, ….
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum TargetProperty {
    /// `user_name`: the name of an account to be made, where the wish gives none. [`crate::check_account_name`].
    UserName,
    /// `path`: the path of an account to be made, where the wish gives none; without a value, `/`.
    /// [`crate::check_path`].
    Path,
    /// `tags.<key>`: one tag; a tag of the same key in the wish goes first. [`crate::check_tags`].
    Tag(String),
    /// `permissions_boundary`: the ARN of the policy that bounds an account, where the wish gives none.
    PermissionsBoundary,
    /// `password_reset_required`: whether the password must be changed at the next sign-in. It always must, so the one
    /// value is the constant `true`; the row is there to be seen.
    PasswordResetRequired,
    /// `group_name`: the group of a custom action `AddUserToGroup` or `RemoveUserFromGroup`.
    GroupName,
    /// `policy_arn`: the policy of a custom action `AttachUserPolicy` or `DetachUserPolicy`.
    PolicyArn,
}

/// A property was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no target property {0:?}: use user_name, path, tags.<key>, permissions_boundary, \
     password_reset_required, or in a custom action group_name, policy_arn"
)]
pub struct UnknownProperty(String);

impl fmt::Display for TargetProperty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UserName => f.write_str("user_name"),
            Self::Path => f.write_str("path"),
            Self::Tag(key) => write!(f, "tags.{key}"),
            Self::PermissionsBoundary => f.write_str("permissions_boundary"),
            Self::PasswordResetRequired => f.write_str("password_reset_required"),
            Self::GroupName => f.write_str("group_name"),
            Self::PolicyArn => f.write_str("policy_arn"),
        }
    }
}

impl FromStr for TargetProperty {
    type Err = UnknownProperty;

    fn from_str(text: &str) -> Result<Self, UnknownProperty> {
        match (text, text.strip_prefix("tags.")) {
            (_, Some(key)) if !key.is_empty() => Ok(Self::Tag(key.to_owned())),
            ("user_name", _) => Ok(Self::UserName),
            ("path", _) => Ok(Self::Path),
            ("permissions_boundary", _) => Ok(Self::PermissionsBoundary),
            ("password_reset_required", _) => Ok(Self::PasswordResetRequired),
            ("group_name", _) => Ok(Self::GroupName),
            ("policy_arn", _) => Ok(Self::PolicyArn),
            _ => Err(UnknownProperty(text.chars().take(80).collect())),
        }
    }
}

impl TryFrom<String> for TargetProperty {
    type Error = UnknownProperty;

    fn try_from(text: String) -> Result<Self, UnknownProperty> {
        text.parse()
    }
}

impl From<TargetProperty> for String {
    fn from(property: TargetProperty) -> Self {
        property.to_string()
    }
}

/// The name of a group: `groupNameType` of the IAM service model, 1 to 128 of `[A-Za-z0-9_+=,.@-]`.
///
/// # Errors
/// What it must look like.
pub fn check_group_name(name: &str) -> Result<(), &'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if (1..=128).contains(&name.len()) && name.chars().all(allowed) {
        Ok(())
    } else {
        Err("the name of a group is 1 to 128 letters, digits and _+=,.@- of ASCII")
    }
}

/// The ARN of one managed policy, without wildcards in its name (`policyNameType`: `[\w+=,.@-]+`).
///
/// # Errors
/// What it must look like.
pub(crate) fn check_one_policy(arn: &str) -> Result<(), &'static str> {
    check_policy_arn(arn)?;
    let name = arn.rsplit('/').next().unwrap_or_default();
    let whole =
        name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)) && !arn.contains(['*', '?']);
    if whole { Ok(()) } else { Err(LIKE_A_POLICY) }
}

const LIKE_A_POLICY: &str =
    "the ARN of a policy looks like arn:aws:iam::123456789012:policy/name or arn:aws:iam::aws:policy/name";

/// The ARN of a managed policy: `arnType` of the IAM service model (20 to 2,048 characters), of the service `iam`.
///
/// # Errors
/// What it must look like.
pub fn check_policy_arn(arn: &str) -> Result<(), &'static str> {
    let mut parts = arn.splitn(6, ':');
    let mut next = || parts.next().unwrap_or_default();
    let (prefix, partition, service, region, account, resource) =
        (next(), next(), next(), next(), next(), next());
    let owner = account == "aws" || account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let shaped = prefix == "arn" && !partition.is_empty() && service == "iam" && region.is_empty() && owner;
    let named = resource.strip_prefix("policy/").is_some_and(|name| !name.is_empty() && !name.ends_with('/'));
    if shaped && named && arn.len() <= 2048 && arn.bytes().all(|byte| (0x21..=0x7e).contains(&byte)) {
        Ok(())
    } else {
        Err(LIKE_A_POLICY)
    }
}
