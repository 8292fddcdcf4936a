//! Who is in which group. Neither adding twice nor removing a stranger is an error.

use super::{Done, Written};
use crate::actions::Call;
use crate::actions::groups::group;
use crate::protocol::error::ApiError;
use crate::protocol::params::Kind;
use crate::state::quotas::{self, room};
use crate::state::{Group, State, User};

/// The user is looked for before the group.
fn both<'a>(call: &'a Call<'_>) -> Result<(&'a User, &'a Group), ApiError> {
    call.params.required("GroupName", Kind::Name)?;
    Ok((call.user(Kind::UserName)?, group(call)?))
}

pub(in crate::actions) fn add(call: &Call<'_>, state: &mut State) -> Written {
    let (user, group) = both(call)?;
    if !user.groups.contains(&group.id) {
        room(user.groups.len(), quotas::GROUPS_PER_USER, "GroupsPerUser")?;
    }
    state.add_to_group(&user.name, &group.name).map(Done::silent)
}

pub(in crate::actions) fn remove(call: &Call<'_>, state: &mut State) -> Written {
    let (user, group) = both(call)?;
    state.remove_from_group(&user.name, &group.name).map(Done::silent)
}
