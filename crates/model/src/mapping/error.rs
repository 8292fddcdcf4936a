//! Why a mapping is refused.

use super::{ActionTime, MappingName, Operation, TargetProperty};
use crate::{NameError, TaskKind};

/// No mapping has that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no task mapping {0:?}: use AWS - User, AWS - Group Assignment, AWS - Attached Policy Assignment or AWS - \
     Password Reset (the part after the dash is enough)"
)]
pub struct UnknownMapping(pub String);

/// A task mapping cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaskMappingError {
    /// The main call of a task is missing, or another than the planner makes.
    #[error(
        "{name} must have the main call {} of {} and cannot have another: extra calls are custom actions", operation.as_str(), task.as_str()
    )]
    MainCall {
        /// The mapping.
        name: MappingName,
        /// The kind of task.
        task: TaskKind,
        /// What its main call is.
        operation: Operation,
    },
    /// The mapping has a main call or a custom action of a task it does not serve.
    #[error(
        "{name} does not serve the task {}: {}",
        task.as_str(),
        elsewhere(*task)
    )]
    NotServed {
        /// The mapping.
        name: MappingName,
        /// The kind of task.
        task: TaskKind,
    },
    /// A row for a property that has no place there.
    #[error("{place} has no property {property}; it takes: {takes}")]
    Property {
        /// The mapping or custom action.
        place: String,
        /// The property.
        property: TargetProperty,
        /// What it takes instead.
        takes: &'static str,
    },
    /// Two rows for one property.
    #[error("{place} has two rows for {property}; leave one")]
    Twice {
        /// The mapping or custom action.
        place: String,
        /// The property.
        property: TargetProperty,
    },
    /// A custom action without the property it is about.
    #[error("{place} needs a row for {takes}")]
    Incomplete {
        /// The custom action.
        place: String,
        /// What it takes.
        takes: &'static str,
    },
    /// The source of a row cannot be used.
    #[error("the row for {property} cannot be used: {why}")]
    Source {
        /// The property.
        property: TargetProperty,
        /// Why.
        why: String,
    },
    /// A constant is no name, path or tag.
    #[error("the row for {property} cannot be used: {source}")]
    Constant {
        /// The property.
        property: TargetProperty,
        /// What is wrong with it.
        #[source]
        source: NameError,
    },
    /// `unique` where nothing can be made unique.
    #[error("the row for {0} cannot be unique: only user_name can")]
    Unique(TargetProperty),
    /// The custom action that must come first is missing, or is not the first.
    #[error(
        "the task {} needs the custom action {} Before its main call, once and as the first one: {}",
        task.as_str(),
        operation.as_str(),
        reason(*operation)
    )]
    Required {
        /// The kind of task.
        task: TaskKind,
        /// The action that must come first.
        operation: Operation,
    },
    /// A custom action that has no place there.
    #[error(
        "{operation} cannot be a custom action {} the main call of {}: {}",
        when.as_str(),
        task.as_str(),
        allowed(*task, *when)
    )]
    Action {
        /// The call.
        operation: Operation,
        /// At which time.
        when: ActionTime,
        /// Of which kind of task.
        task: TaskKind,
    },
    /// More than a task may hold.
    #[error("there are more than {limit} {what}; leave some out")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The most there may be.
        limit: usize,
    },
}

fn elsewhere(task: TaskKind) -> String {
    match (super::TaskMapping::serving(task, true), super::TaskMapping::serving(task, false)) {
        (Some(group), Some(other)) if group == other => format!("{group} does"),
        (Some(group), Some(other)) => format!("{group} and {other} do"),
        _ => "its calls follow from what the account has and cannot be mapped".to_owned(),
    }
}

fn reason(operation: Operation) -> &'static str {
    match operation {
        Operation::CreateUser => "there is no account to give a password to before it",
        _ => "the password must be gone before anything else is taken away",
    }
}

fn allowed(task: TaskKind, when: ActionTime) -> String {
    const ACTIONS: [Operation; 8] = [
        Operation::CreateUser,
        Operation::DeleteLoginProfile,
        Operation::AddUserToGroup,
        Operation::AttachUserPolicy,
        Operation::RemoveUserFromGroup,
        Operation::DetachUserPolicy,
        Operation::TagUser,
        Operation::PutUserPermissionsBoundary,
    ];
    let names: Vec<&str> = ACTIONS
        .into_iter()
        .filter(|operation| operation.may_be_action(task, when))
        .map(Operation::as_str)
        .collect();
    if names.is_empty() {
        "there can be none".to_owned()
    } else {
        format!("those that can are {}", names.join(", "))
    }
}
