//! Task mappings: which call a task makes, which value each target property gets, and which extra calls go before
//! and after.
//!
//! What a mapping cannot say is the order that keeps a half-done task safe: credentials off first, what blocks a
//! deletion before the deletion, the account before its password. That order is the planner's. [`TaskMapping::validate`]
//! refuses a mapping that would need another one, and custom actions come from a closed list of calls
//! ([`Operation`]) for which the planner knows how to read back whether they happened.

mod check;
mod defaults;
mod error;
mod operation;
mod property;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::TaskKind;

pub use error::{TaskMappingError, UnknownMapping};
pub use operation::{ActionTime, Operation};
pub(crate) use property::check_one_policy;
pub use property::{TargetProperty, check_group_name, check_policy_arn};

/// The mapping of some kinds of task, of one system. Its JSON and YAML form is stable:
///
/// ```json
/// {"name": "AWS - Group Assignment",
///  "main": {"add_assignment": "AddUserToGroup", "remove_assignment": "RemoveUserFromGroup"},
///  "rows": [], "custom_actions": []}
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TaskMapping {
    /// Which of the four mappings.
    pub name: MappingName,
    /// The kinds of task it serves, each with its main call. Fixed for each name: written down to be seen, and checked.
    pub main: BTreeMap<TaskKind, Operation>,
    /// Which target property of the main calls gets which value.
    #[serde(default)]
    pub rows: Vec<MappingRow>,
    /// Extra calls; those of the same task and time are made in the order in which they stand here.
    #[serde(default)]
    pub custom_actions: Vec<CustomAction>,
}

impl TaskMapping {
    /// The mapping that serves a kind of task, for a group or for anything else; `None` for deactivation and
    /// reactivation, whose calls are given by what the account has and cannot be mapped.
    #[must_use]
    pub fn serving(kind: TaskKind, of_group: bool) -> Option<MappingName> {
        match kind {
            TaskKind::CreateAccount | TaskKind::UpdateAccount | TaskKind::DeleteAccount => {
                Some(MappingName::User)
            }
            TaskKind::ResetPassword => Some(MappingName::PasswordReset),
            TaskKind::AddAssignment | TaskKind::RemoveAssignment if of_group => {
                Some(MappingName::GroupAssignment)
            }
            TaskKind::AddAssignment | TaskKind::RemoveAssignment => {
                Some(MappingName::AttachedPolicyAssignment)
            }
            TaskKind::DeactivateAccount | TaskKind::ReactivateAccount => None,
        }
    }

    /// The custom actions of a kind of task at a time, in their order.
    pub fn actions(&self, task: TaskKind, when: ActionTime) -> impl Iterator<Item = &CustomAction> {
        self.custom_actions.iter().filter(move |action| action.task == task && action.when == when)
    }

    /// Every row: those of the main calls, then those of the custom actions.
    pub fn all_rows(&self) -> impl Iterator<Item = &MappingRow> {
        self.rows.iter().chain(self.custom_actions.iter().flat_map(|action| &action.rows))
    }
}

/// The four mappings of a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum MappingName {
    /// Making, changing and deleting accounts.
    #[serde(rename = "AWS - User")]
    User,
    /// Groups of accounts.
    #[serde(rename = "AWS - Group Assignment")]
    GroupAssignment,
    /// Policies attached to accounts.
    #[serde(rename = "AWS - Attached Policy Assignment")]
    AttachedPolicyAssignment,
    /// New console passwords.
    #[serde(rename = "AWS - Password Reset")]
    PasswordReset,
}

impl MappingName {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 4] =
        [Self::User, Self::GroupAssignment, Self::AttachedPolicyAssignment, Self::PasswordReset];

    /// The name in JSON, SQL and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "AWS - User",
            Self::GroupAssignment => "AWS - Group Assignment",
            Self::AttachedPolicyAssignment => "AWS - Attached Policy Assignment",
            Self::PasswordReset => "AWS - Password Reset",
        }
    }
}

impl fmt::Display for MappingName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for MappingName {
    type Err = UnknownMapping;

    /// Takes the name in any case, with or without `AWS - `: `user`, `password reset`.
    fn from_str(text: &str) -> Result<Self, UnknownMapping> {
        let short = |text: &str| text.to_lowercase().trim().trim_start_matches("aws - ").to_owned();
        let wanted = short(text);
        let found = Self::ALL.into_iter().find(|name| short(name.as_str()) == wanted);
        found.ok_or_else(|| UnknownMapping(text.chars().take(80).collect()))
    }
}

/// Where the value of one target property comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MappingRow {
    /// The property that gets the value.
    pub property: TargetProperty,
    /// How the value is made of the source.
    pub operator: Operator,
    /// The name of an attribute, a text or an expression: see [`Operator`]. At most 1,024 characters.
    #[cfg_attr(feature = "schema", schema(max_length = 1024))]
    pub source: String,
    /// Whether 2, 3, … is appended to a value that is taken. Only of `user_name`, and there the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique: Option<bool>,
}

impl MappingRow {
    /// A row without options.
    #[must_use]
    pub fn new(property: TargetProperty, operator: Operator, source: impl Into<String>) -> Self {
        Self { property, operator, source: source.into(), unique: None }
    }

    /// Whether a value that is taken gets a number.
    #[must_use]
    pub fn is_unique(&self) -> bool {
        self.property == TargetProperty::UserName && self.unique.unwrap_or(true)
    }
}

/// How a value is made. A value that comes out empty means that the property is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Operator {
    /// The source names an attribute; its value is taken as it is.
    Map,
    /// The source is the value.
    Constant,
    /// The source is an expression over the attributes, the system and, in custom actions, the account.
    Expression,
}

impl Operator {
    /// The word used in JSON and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Map => "Map",
            Self::Constant => "Constant",
            Self::Expression => "Expression",
        }
    }
}

/// An extra call before or after the main one of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CustomAction {
    /// On which side of the main call.
    pub when: ActionTime,
    /// Of which kind of task.
    pub task: TaskKind,
    /// The call.
    pub operation: Operation,
    /// The properties of the call itself; `CreateUser` takes those of the mapping. An action that needs a value which
    /// comes out empty is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<MappingRow>,
}
