//! Making, changing and deleting groups.

use super::{Done, Written, delete_conflict};
use crate::actions::Call;
use crate::actions::groups::{group, write_base};
use crate::protocol::params::Kind;
use crate::state::State;
use crate::state::quotas::{self, room};

pub(in crate::actions) fn create(call: &Call<'_>, state: &mut State) -> Written {
    let name = call.params.required("GroupName", Kind::Name)?;
    let path = call.params.optional("Path", Kind::Path)?.unwrap_or("/");
    room(state.groups.len(), quotas::GROUPS, "GroupsPerAccount")?;
    state.create_group(name, path, call.now)?;
    let group = state.group(name)?;
    Ok(Done::made(&group.id, |xml| xml.element("Group", |xml| write_base(call, xml, group))))
}

pub(in crate::actions) fn update(call: &Call<'_>, state: &mut State) -> Written {
    let new_path = call.params.optional("NewPath", Kind::Path)?;
    let new_name = call.params.optional("NewGroupName", Kind::Name)?;
    let group = group(call)?;
    let new_path = new_path.filter(|path| *path != group.path);
    let new_name = new_name.filter(|name| *name != group.name);
    if let Some(path) = new_path {
        state.change_group(&group.name, |group| path.clone_into(&mut group.path))?;
    }
    if let Some(name) = new_name {
        state.rename_group(&group.name, name)?;
    }
    Ok(Done::silent(new_path.is_some() || new_name.is_some()))
}

/// Members and policies must be gone first.
pub(in crate::actions) fn delete(call: &Call<'_>, state: &mut State) -> Written {
    let group = group(call)?;
    let first = [
        (!group.members.is_empty(), "remove users from group"),
        (!group.attached.is_empty(), "detach all policies"),
        (!group.inline.is_empty(), "delete policies"),
    ]
    .into_iter()
    .find_map(|(holds, message)| holds.then_some(message));
    if let Some(message) = first {
        return Err(delete_conflict(format!("Cannot delete entity, must {message} first.")));
    }
    state.remove_group(&group.name)?;
    Ok(Done::silent(true))
}
