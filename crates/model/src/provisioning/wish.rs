//! What somebody asks for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Delivery, TaskKind};

/// One change that is asked for. In a file: `{"task": "delete_account", "account": "ada"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "task", rename_all = "snake_case", deny_unknown_fields)]
pub enum Wish {
    /// Makes an account with a console password, groups and policies.
    CreateAccount {
        /// Its name; left out, the task mapping makes one of the attributes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Its path; left out, the task mapping says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
        /// Names of groups it shall be in.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        groups: Vec<String>,
        /// ARNs of policies that shall be attached to it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        policies: Vec<String>,
        /// What the task mapping may use: `first`, `last`, `department`, ….
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        attributes: BTreeMap<String, String>,
        /// Its tags.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        tags: BTreeMap<String, String>,
        /// The ARN of its permissions boundary.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        boundary: Option<String>,
        /// How the password reaches its owner; left out, the system's setting decides.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deliver: Option<Delivery>,
    },
    /// Renames or moves an account, or changes its tags or boundary.
    UpdateAccount {
        /// Its present name.
        account: String,
        /// The new name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        new_name: Option<String>,
        /// The new path.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        new_path: Option<String>,
        /// Tags to set.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        tags: BTreeMap<String, String>,
        /// Keys of tags to take away.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        untag: Vec<String>,
        /// The ARN of the permissions boundary to set, or `none` to take it away.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        boundary: Option<String>,
    },
    /// Takes every way in away, so that it can be given back.
    DeactivateAccount {
        /// Its name.
        account: String,
    },
    /// Gives back what a deactivation took, with a new password.
    ReactivateAccount {
        /// Its name.
        account: String,
        /// How the password reaches its owner.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deliver: Option<Delivery>,
    },
    /// Deletes an account and everything that blocks that.
    DeleteAccount {
        /// Its name.
        account: String,
    },
    /// Replaces the console password, or gives one where there is none.
    ResetPassword {
        /// The account's name.
        account: String,
        /// How the password reaches its owner.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deliver: Option<Delivery>,
    },
    /// Gives an account a group or a policy.
    AddAssignment {
        /// The account's name.
        account: String,
        /// What it gets.
        #[serde(flatten)]
        resource: ResourceName,
    },
    /// Takes a group or a policy away from an account.
    RemoveAssignment {
        /// The account's name.
        account: String,
        /// What it loses.
        #[serde(flatten)]
        resource: ResourceName,
    },
}

/// A group by its name or a policy by its ARN: `{"group": "developers"}`, `{"policy": "arn:aws:…"}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ResourceName {
    /// A group, by name.
    Group(String),
    /// A managed policy, by ARN.
    Policy(String),
}

impl ResourceName {
    /// The name or ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Group(name) => name,
            Self::Policy(arn) => arn,
        }
    }
}

impl Wish {
    /// Which kind of task it becomes.
    #[must_use]
    pub fn kind(&self) -> TaskKind {
        match self {
            Self::CreateAccount { .. } => TaskKind::CreateAccount,
            Self::UpdateAccount { .. } => TaskKind::UpdateAccount,
            Self::DeactivateAccount { .. } => TaskKind::DeactivateAccount,
            Self::ReactivateAccount { .. } => TaskKind::ReactivateAccount,
            Self::DeleteAccount { .. } => TaskKind::DeleteAccount,
            Self::ResetPassword { .. } => TaskKind::ResetPassword,
            Self::AddAssignment { .. } => TaskKind::AddAssignment,
            Self::RemoveAssignment { .. } => TaskKind::RemoveAssignment,
        }
    }

    /// The account it is about; `None` for a creation whose name the task mapping makes.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::CreateAccount { name, .. } => name.as_deref(),
            Self::UpdateAccount { account, .. }
            | Self::DeactivateAccount { account }
            | Self::ReactivateAccount { account, .. }
            | Self::DeleteAccount { account }
            | Self::ResetPassword { account, .. }
            | Self::AddAssignment { account, .. }
            | Self::RemoveAssignment { account, .. } => Some(account),
        }
    }

    /// How a password is to be delivered, if the wish says so.
    #[must_use]
    pub fn deliver(&self) -> Option<&Delivery> {
        match self {
            Self::CreateAccount { deliver, .. }
            | Self::ReactivateAccount { deliver, .. }
            | Self::ResetPassword { deliver, .. } => deliver.as_ref(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_read_from_their_json_form_and_unknown_fields_are_refused() {
        let read = |text: &str| serde_json::from_str::<Wish>(text);
        let wish = read(r#"{"task": "add_assignment", "account": "ada", "group": "ops"}"#).unwrap();
        let resource = ResourceName::Group("ops".into());
        assert_eq!(wish, Wish::AddAssignment { account: "ada".into(), resource });
        let wish = read(r#"{"task": "reset_password", "account": "ada", "deliver": "link"}"#).unwrap();
        assert_eq!(wish.deliver(), Some(&Delivery::Link));
        for bad in [
            r#"{"task": "delete_account"}"#,
            r#"{"task": "delete_account", "account": "ada", "approved_by": "me"}"#,
            r#"{"task": "delete_everything"}"#,
            r#"{"task": "add_assignment", "account": "ada"}"#,
            r#"{"task": "add_assignment", "account": "ada", "group": "ops", "policy": "arn:x"}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
