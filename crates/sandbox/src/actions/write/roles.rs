//! Roles, as far as tests of cross-account access need them made.

use super::documents::{self, size};
use super::{Done, Written, delete_conflict, tags};
use crate::actions::Call;
use crate::actions::details::{role, write_role_base};
use crate::actions::users::write_boundary;
use crate::actions::write_tags;
use crate::protocol::error::ApiError;
use crate::protocol::params::Kind;
use crate::state::quotas::{self, exceeded, room};
use crate::state::{State, Trust, no_such_role};

fn trust<'a>(call: &'a Call<'_>, name: &str) -> Result<(&'a str, Trust), ApiError> {
    let (document, trust) = documents::trust(call.params, name)?;
    let quota = quotas::ASSUME_ROLE_DOCUMENT_SIZE;
    if size(document) > quota {
        return Err(exceeded(format!("Cannot exceed quota for ACLSizePerRole: {quota}")));
    }
    Ok((document, trust))
}

pub(in crate::actions) fn create(call: &Call<'_>, state: &mut State) -> Written {
    let name = call.params.required("RoleName", Kind::RoleName)?;
    let path = call.params.optional("Path", Kind::Path)?.unwrap_or("/");
    let (document, trust) = trust(call, "AssumeRolePolicyDocument")?;
    let description = call.params.optional("Description", Kind::Description)?;
    let seconds = call.params.number("MaxSessionDuration", 3600, 3600, 43_200)?;
    let boundary = call.params.optional("PermissionsBoundary", Kind::Arn)?;
    let tags = tags::read(call.params)?;
    room(state.roles.len(), quotas::ROLES, "RolesPerAccount")?;
    state.create_role(name, path, trust, call.now)?;
    if let Some(arn) = boundary {
        state.require_attachable(arn)?;
        state.count_boundary(arn, 1);
    }
    state.change_role(name, |role| {
        role.trust_document = Some(document.to_owned());
        role.description = description.map(str::to_owned);
        role.max_session_seconds = seconds;
        role.boundary = boundary.map(str::to_owned);
        role.tags = tags;
    })?;
    let role = state.role(name).ok_or_else(|| no_such_role(name))?;
    Ok(Done::made(&role.id, |xml| {
        xml.element("Role", |xml| {
            write_role_base(call, xml, role);
            xml.optional("Description", role.description.as_deref());
            xml.number("MaxSessionDuration", u64::from(role.max_session_seconds));
            write_boundary(xml, role.boundary.as_deref());
            if !role.tags.is_empty() {
                write_tags(xml, &role.tags);
            }
        });
    }))
}

pub(in crate::actions) fn update_trust(call: &Call<'_>, state: &mut State) -> Written {
    let role = role(call)?;
    let (document, trust) = trust(call, "PolicyDocument")?;
    state.change_role(&role.name, |role| {
        role.trust = trust;
        role.trust_document = Some(document.to_owned());
    })?;
    Ok(Done::silent(role.trust_document.as_deref() != Some(document)))
}

/// Policies must be gone first.
pub(in crate::actions) fn delete(call: &Call<'_>, state: &mut State) -> Written {
    let role = role(call)?;
    if !role.attached.is_empty() {
        return Err(delete_conflict("Cannot delete entity, must detach all policies first."));
    }
    if !role.inline.is_empty() {
        return Err(delete_conflict("Cannot delete entity, must delete policies first."));
    }
    state.remove_role(&role.name)?;
    Ok(Done::silent(true))
}
