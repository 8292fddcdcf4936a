//! The calls a mapping may name, and where each has its place.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::property::TargetProperty;
use crate::{StepCall, TaskKind};

/// A call a mapping may name, by the name that AWS has for it. Closed: no other call can be mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[expect(missing_docs, reason = "the names are those of the IAM API Reference")]
pub enum Operation {
    CreateUser,
    UpdateUser,
    DeleteUser,
    CreateLoginProfile,
    UpdateLoginProfile,
    DeleteLoginProfile,
    AddUserToGroup,
    RemoveUserFromGroup,
    AttachUserPolicy,
    DetachUserPolicy,
    TagUser,
    PutUserPermissionsBoundary,
}

impl Operation {
    /// The name of the call.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateUser => "CreateUser",
            Self::UpdateUser => "UpdateUser",
            Self::DeleteUser => "DeleteUser",
            Self::CreateLoginProfile => "CreateLoginProfile",
            Self::UpdateLoginProfile => "UpdateLoginProfile",
            Self::DeleteLoginProfile => "DeleteLoginProfile",
            Self::AddUserToGroup => "AddUserToGroup",
            Self::RemoveUserFromGroup => "RemoveUserFromGroup",
            Self::AttachUserPolicy => "AttachUserPolicy",
            Self::DetachUserPolicy => "DetachUserPolicy",
            Self::TagUser => "TagUser",
            Self::PutUserPermissionsBoundary => "PutUserPermissionsBoundary",
        }
    }

    /// The call that a step makes; `None` for one that no mapping may name.
    #[must_use]
    pub fn of(call: &StepCall) -> Option<Self> {
        Some(match call {
            StepCall::CreateAccount { .. } => Self::CreateUser,
            StepCall::UpdateAccount { .. } => Self::UpdateUser,
            StepCall::DeleteAccount { .. } => Self::DeleteUser,
            StepCall::CreateLoginProfile { .. } => Self::CreateLoginProfile,
            StepCall::UpdateLoginProfile { .. } => Self::UpdateLoginProfile,
            StepCall::DeleteLoginProfile { .. } => Self::DeleteLoginProfile,
            StepCall::AddToGroup { .. } => Self::AddUserToGroup,
            StepCall::RemoveFromGroup { .. } => Self::RemoveUserFromGroup,
            StepCall::AttachPolicy { .. } => Self::AttachUserPolicy,
            StepCall::DetachPolicy { .. } => Self::DetachUserPolicy,
            StepCall::TagAccount { .. } => Self::TagUser,
            StepCall::SetBoundary { .. } => Self::PutUserPermissionsBoundary,
            _ => return None,
        })
    }

    /// The custom action without which a kind of task is not safe, or not possible: it must be the first one before
    /// the main call.
    #[must_use]
    pub fn required_before(task: TaskKind) -> Option<Self> {
        match task {
            TaskKind::CreateAccount => Some(Self::CreateUser),
            TaskKind::DeleteAccount => Some(Self::DeleteLoginProfile),
            _ => None,
        }
    }

    /// Whether it may be a custom action of a kind of task at a time. An account must not grow stronger by a task that
    /// stops half-way, so what gives something comes after the main call, except in a creation, where nobody can sign
    /// in before it; a deletion gives nothing, and nothing comes after it.
    #[must_use]
    pub fn may_be_action(self, task: TaskKind, when: ActionTime) -> bool {
        use TaskKind::{CreateAccount, DeactivateAccount, DeleteAccount, ReactivateAccount};
        let (before, deletion) = (when == ActionTime::Before, task == DeleteAccount);
        match self {
            _ if matches!(task, DeactivateAccount | ReactivateAccount) => false,
            Self::CreateUser => task == CreateAccount && before,
            Self::DeleteLoginProfile => deletion && before,
            Self::AddUserToGroup | Self::AttachUserPolicy => !deletion && (!before || task == CreateAccount),
            Self::RemoveUserFromGroup | Self::DetachUserPolicy => {
                task != CreateAccount && (!deletion || before)
            }
            Self::TagUser | Self::PutUserPermissionsBoundary => !deletion,
            Self::UpdateUser | Self::DeleteUser | Self::CreateLoginProfile | Self::UpdateLoginProfile => {
                false
            }
        }
    }

    /// Whether a custom action of this call takes a property.
    #[must_use]
    pub fn takes(self, property: &TargetProperty) -> bool {
        match self {
            Self::AddUserToGroup | Self::RemoveUserFromGroup => *property == TargetProperty::GroupName,
            Self::AttachUserPolicy | Self::DetachUserPolicy => *property == TargetProperty::PolicyArn,
            Self::TagUser => matches!(property, TargetProperty::Tag(_)),
            Self::PutUserPermissionsBoundary => *property == TargetProperty::PermissionsBoundary,
            _ => false,
        }
    }

    /// In words, which properties a custom action of this call takes.
    #[must_use]
    pub fn properties(self) -> &'static str {
        match self {
            Self::AddUserToGroup | Self::RemoveUserFromGroup => "group_name",
            Self::AttachUserPolicy | Self::DetachUserPolicy => "policy_arn",
            Self::TagUser => "tags.<key>",
            Self::PutUserPermissionsBoundary => "permissions_boundary",
            _ => "none",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// On which side of the main call a custom action is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum ActionTime {
    /// Before it.
    Before,
    /// After it.
    After,
}

impl ActionTime {
    /// The word used in JSON and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Before => "Before",
            Self::After => "After",
        }
    }
}
