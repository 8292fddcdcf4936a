//! Custom actions as calls.

use std::collections::BTreeMap;

use keyreeve_model::{
    ActionTime, CustomAction, Operation, StepCall, TargetProperty, TaskKind, TaskMapping, check_tags,
};

use super::values::{Values, group_name, policy_arn};
use super::{MappedAccount, MappingError, Sources};

/// The account that actions are about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holder<'a> {
    pub(super) account: &'a str,
    pub(super) path: &'a str,
    /// Of an account that is to be made.
    pub(super) tags: Option<&'a BTreeMap<String, String>>,
    /// Of an account that is to be made.
    pub(super) permissions_boundary: Option<&'a str>,
}

impl<'a> From<&'a MappedAccount> for Holder<'a> {
    fn from(mapped: &'a MappedAccount) -> Self {
        Self {
            account: &mapped.account,
            path: &mapped.path,
            tags: Some(&mapped.tags),
            permissions_boundary: mapped.permissions_boundary.as_deref(),
        }
    }
}

/// The calls of the custom actions of a task at a time. An action without a value is left out.
pub(super) fn calls(
    mapping: &TaskMapping,
    task: TaskKind,
    when: ActionTime,
    sources: Sources<'_>,
    holder: Holder<'_>,
) -> Result<Vec<StepCall>, MappingError> {
    let values = Values::of(sources, Some(holder));
    let mut calls = Vec::new();
    for action in mapping.actions(task, when) {
        calls.extend(call(action, &values, holder)?);
    }
    Ok(calls)
}

fn call(
    action: &CustomAction,
    values: &Values<'_>,
    holder: Holder<'_>,
) -> Result<Option<StepCall>, MappingError> {
    let account = holder.account.to_owned();
    Ok(match action.operation {
        Operation::CreateUser => Some(StepCall::CreateAccount {
            account,
            path: holder.path.to_owned(),
            tags: holder.tags.cloned().unwrap_or_default(),
            permissions_boundary: holder.permissions_boundary.map(str::to_owned),
        }),
        Operation::DeleteLoginProfile => Some(StepCall::DeleteLoginProfile { account }),
        Operation::AddUserToGroup => {
            group(action, values)?.map(|group| StepCall::AddToGroup { account, group })
        }
        Operation::RemoveUserFromGroup => {
            group(action, values)?.map(|group| StepCall::RemoveFromGroup { account, group })
        }
        Operation::AttachUserPolicy => {
            policy(action, values)?.map(|policy_arn| StepCall::AttachPolicy { account, policy_arn })
        }
        Operation::DetachUserPolicy => {
            policy(action, values)?.map(|policy_arn| StepCall::DetachPolicy { account, policy_arn })
        }
        Operation::PutUserPermissionsBoundary => {
            policy(action, values)?.map(|policy_arn| StepCall::SetBoundary { account, policy_arn })
        }
        Operation::TagUser => {
            let tags = tags(action, values)?;
            (!tags.is_empty()).then_some(StepCall::TagAccount { account, tags })
        }
        // Main calls; a mapping that was checked has them nowhere else.
        Operation::UpdateUser
        | Operation::DeleteUser
        | Operation::CreateLoginProfile
        | Operation::UpdateLoginProfile => None,
    })
}

/// The value of the one row of an action.
fn only(
    action: &CustomAction,
    values: &Values<'_>,
) -> Result<Option<(TargetProperty, String)>, MappingError> {
    let Some(row) = action.rows.first() else { return Ok(None) };
    let value = values.value(row)?;
    Ok((!value.is_empty()).then(|| (row.property.clone(), value)))
}

fn group(action: &CustomAction, values: &Values<'_>) -> Result<Option<String>, MappingError> {
    only(action, values)?.map(|(property, name)| group_name(property, name)).transpose()
}

fn policy(action: &CustomAction, values: &Values<'_>) -> Result<Option<String>, MappingError> {
    only(action, values)?.map(|(property, arn)| policy_arn(property, arn)).transpose()
}

fn tags(action: &CustomAction, values: &Values<'_>) -> Result<BTreeMap<String, String>, MappingError> {
    let mut tags = BTreeMap::new();
    for row in &action.rows {
        let TargetProperty::Tag(key) = &row.property else { continue };
        let value = values.value(row)?;
        if !value.is_empty() {
            tags.insert(key.clone(), value);
        }
    }
    check_tags(&tags).map_err(MappingError::Tags)?;
    Ok(tags)
}
