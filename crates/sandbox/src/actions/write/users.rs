//! Making, changing and deleting users.

use super::{Done, Written, delete_conflict, settled, tags, temporarily_unmodifiable};
use crate::actions::Call;
use crate::actions::users::{write_base, write_boundary};
use crate::actions::write_tags;
use crate::clock::shift;
use crate::protocol::error::ApiError;
use crate::protocol::params::Kind;
use crate::state::quotas::{self, room};
use crate::state::{NewUser, State, User, name_key};

pub(in crate::actions) fn create(call: &Call<'_>, state: &mut State) -> Written {
    let name = call.params.required("UserName", Kind::NewUserName)?;
    let path = call.params.optional("Path", Kind::Path)?.unwrap_or("/");
    let boundary = call.params.optional("PermissionsBoundary", Kind::Arn)?;
    let tags = tags::read(call.params)?;
    room(state.users.len(), quotas::USERS, "UsersPerAccount")?;
    if let Some(arn) = boundary {
        state.require_attachable(arn)?;
    }
    let user = state.create_user(NewUser { name, path, tags, boundary }, call.now)?;
    name_is_free(call, name)?;
    Ok(Done::made(&user.id, |xml| {
        xml.element("User", |xml| {
            write_base(call, xml, &user);
            write_boundary(xml, user.boundary.as_deref());
            if !user.tags.is_empty() {
                write_tags(xml, &user.tags);
            }
        });
    }))
}

/// Refuses the name of a user who was deleted not long ago.
fn name_is_free(call: &Call<'_>, name: &str) -> Result<(), ApiError> {
    let wait = i64::from(call.world.consistency().user_name_settles_seconds);
    match call.state.deleted_users.get(&*name_key(name)) {
        Some(deleted) if shift(*deleted, wait) > call.now => Err(temporarily_unmodifiable(format!(
            "The user with name {name} cannot be created while it is being deleted. Please wait several \
             minutes before trying again."
        ))),
        _ => Ok(()),
    }
}

/// Another path, another name, or both. A name that differs in its case alone is taken, by the user itself.
pub(in crate::actions) fn update(call: &Call<'_>, state: &mut State) -> Written {
    let new_path = call.params.optional("NewPath", Kind::Path)?;
    let new_name = call.params.optional("NewUserName", Kind::NewUserName)?;
    let user = call.user(Kind::UserName)?;
    settled(call, user)?;
    let new_path = new_path.filter(|path| *path != user.path);
    let new_name = new_name.filter(|name| *name != user.name);
    if let Some(path) = new_path {
        state.change_user(&user.name, |user| path.clone_into(&mut user.path))?;
    }
    if let Some(name) = new_name {
        state.rename_user(&user.name, name)?;
    }
    Ok(Done::silent(new_path.is_some() || new_name.is_some()))
}

/// Nine kinds of things must be gone first (IAM API Reference, `DeleteUser`); tags and the boundary go along.
pub(in crate::actions) fn delete(call: &Call<'_>, state: &mut State) -> Written {
    let user = call.user(Kind::UserName)?;
    if let Some(message) = what_must_go_first(user) {
        return Err(delete_conflict(format!("Cannot delete entity, must {message} first.")));
    }
    state.remove_user(&user.name, call.now)?;
    Ok(Done::silent(true))
}

fn what_must_go_first(user: &User) -> Option<&'static str> {
    [
        (!user.groups.is_empty(), "remove users from group"),
        (!user.attached.is_empty(), "detach all policies"),
        (!user.inline.is_empty(), "delete policies"),
        (user.login_profile.is_some(), "delete login profile"),
        (!user.keys.is_empty(), "delete access keys"),
        (!user.mfa.is_empty(), "delete MFA device"),
        (!user.certificates.is_empty(), "delete certificates"),
        (!user.ssh_keys.is_empty(), "remove referenced objects"),
        (!user.service_credentials.is_empty(), "remove tokens from principal"),
    ]
    .into_iter()
    .find_map(|(holds, message)| holds.then_some(message))
}

/// Another boundary in place of the one before, if any.
pub(in crate::actions) fn put_boundary(call: &Call<'_>, state: &mut State) -> Written {
    let arn = call.params.required("PermissionsBoundary", Kind::Arn)?;
    let user = call.user(Kind::NewUserName)?;
    state.require_attachable(arn)?;
    state.set_boundary(&user.name, Some(arn)).map(Done::silent)
}

/// No error when there is none.
pub(in crate::actions) fn delete_boundary(call: &Call<'_>, state: &mut State) -> Written {
    let user = call.user(Kind::NewUserName)?;
    state.set_boundary(&user.name, None).map(Done::silent)
}
