//! Who may do what. Policies are not evaluated here: the connector and roles may do everything that is not
//! denied by name; another user may do everything when holding `AdministratorAccess`, change the own password
//! when holding `IAMUserChangePassword` or when the password policy lets all users do so, else nothing.

use crate::actions::{Call, Service};
use crate::protocol::error::ApiError;
use crate::world::CONNECTOR;

pub(super) fn authorise(call: &Call<'_>, service: Service) -> Result<(), ApiError> {
    if call.action == "GetCallerIdentity" {
        return Ok(());
    }
    if is_allowed(call) {
        return Ok(());
    }
    Err(denial(call, service))
}

/// AWS's refusal of this call.
pub(super) fn denial(call: &Call<'_>, service: Service) -> ApiError {
    let action = format!("{}:{}", service.name(), call.action);
    ApiError::access_denied(&call.caller.arn, &action, &resource(call))
}

fn is_allowed(call: &Call<'_>) -> bool {
    let caller = call.caller;
    let names: Vec<&str> = [Some(caller.arn.as_str()), caller.user.as_deref(), caller.role.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    if call.world.is_denied(&names, call.action) {
        return false;
    }
    let Some(name) = &caller.user else { return true };
    name == CONNECTOR || holds(call, name, "AdministratorAccess") || may_change_password(call, name)
}

fn may_change_password(call: &Call<'_>, name: &str) -> bool {
    let policy = call.state.password_policy.as_ref();
    ["ChangePassword", "GetAccountPasswordPolicy"].contains(&call.action)
        && (policy.is_some_and(|policy| policy.allow_users_to_change)
            || holds(call, name, "IAMUserChangePassword"))
}

/// Whether the user has this AWS managed policy, directly or through a group.
fn holds(call: &Call<'_>, name: &str, policy: &str) -> bool {
    let arn = format!("arn:{}:iam::aws:policy/{policy}", call.state.partition);
    call.state.user(name).is_ok_and(|user| {
        user.attached.contains(&arn)
            || user
                .groups
                .iter()
                .filter_map(|id| call.state.group_by_id(id))
                .any(|group| group.attached.contains(&arn))
    })
}

/// The resource as AWS's message names it.
fn resource(call: &Call<'_>) -> String {
    let state = call.state;
    let param = |name: &str| call.params.get(name);
    match call.action {
        "ListUsers" => state.arn("user", "/", ""),
        "ListGroups" => state.arn("group", "/", ""),
        "ListRoles" => state.arn("role", "/", ""),
        "ListPolicies" => "policy path /".to_owned(),
        _ => {
            // What group somebody is in is a matter of the group (Service Authorization Reference).
            let about_group = ["AddUserToGroup", "RemoveUserFromGroup"].contains(&call.action);
            if let Some(name) = param("UserName").filter(|_| !about_group) {
                let known = state.user(name).map(|user| state.user_arn(user));
                return known.unwrap_or_else(|_| format!("user {name}"));
            }
            if let Some(name) = param("GroupName") {
                let known = state.group(name).map(|group| state.group_arn(group));
                return known.unwrap_or_else(|_| format!("group {name}"));
            }
            let arn = param("PolicyArn").map(|arn| format!("policy {arn}"));
            arn.or_else(|| param("RoleArn").map(str::to_owned)).unwrap_or_else(|| "*".to_owned())
        }
    }
}
