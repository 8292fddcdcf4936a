//! Attaching managed policies. Attaching twice is no error, detaching twice is.

use std::collections::BTreeSet;

use super::{Done, Written};
use crate::actions::Call;
use crate::actions::details::role;
use crate::actions::groups::group;
use crate::protocol::error::ApiError;
use crate::protocol::params::Kind;
use crate::state::State;
use crate::state::quotas::{self, room};

fn arn<'a>(call: &'a Call<'_>) -> Result<&'a str, ApiError> {
    call.params.required("PolicyArn", Kind::Arn)
}

/// Refuses what does not exist, cannot be attached or is one too many.
fn attachable(
    state: &State,
    held: &BTreeSet<String>,
    arn: &str,
    quota: u64,
    name: &str,
) -> Result<(), ApiError> {
    state.require_attachable(arn)?;
    if held.contains(arn) { Ok(()) } else { room(held.len(), quota, name) }
}

pub(in crate::actions) fn attach_to_user(call: &Call<'_>, state: &mut State) -> Written {
    let (arn, user) = (arn(call)?, call.user(Kind::NewUserName)?);
    attachable(state, &user.attached, arn, quotas::ATTACHED_PER_USER, "PoliciesPerUser")?;
    state.attach_user_policy(&user.name, arn).map(Done::silent)
}

pub(in crate::actions) fn detach_from_user(call: &Call<'_>, state: &mut State) -> Written {
    let (arn, user) = (arn(call)?, call.user(Kind::NewUserName)?);
    state.detach_user_policy(&user.name, arn)?;
    Ok(Done::silent(true))
}

pub(in crate::actions) fn attach_to_group(call: &Call<'_>, state: &mut State) -> Written {
    let (arn, group) = (arn(call)?, group(call)?);
    attachable(state, &group.attached, arn, quotas::ATTACHED_PER_GROUP, "PoliciesPerGroup")?;
    state.attach_group_policy(&group.name, arn).map(Done::silent)
}

pub(in crate::actions) fn detach_from_group(call: &Call<'_>, state: &mut State) -> Written {
    let (arn, group) = (arn(call)?, group(call)?);
    state.detach_group_policy(&group.name, arn)?;
    Ok(Done::silent(true))
}

pub(in crate::actions) fn attach_to_role(call: &Call<'_>, state: &mut State) -> Written {
    let (arn, role) = (arn(call)?, role(call)?);
    attachable(state, &role.attached, arn, quotas::ATTACHED_PER_ROLE, "PoliciesPerRole")?;
    state.attach_role_policy(&role.name, arn).map(Done::silent)
}

pub(in crate::actions) fn detach_from_role(call: &Call<'_>, state: &mut State) -> Written {
    let (arn, role) = (arn(call)?, role(call)?);
    state.detach_role_policy(&role.name, arn)?;
    Ok(Done::silent(true))
}
