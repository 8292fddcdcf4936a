//! Reads about users.

use super::{Answer, Call, answer, encoded, write_attached, write_tags};
use crate::protocol::error::ApiError;
use crate::protocol::paging::Entry;
use crate::protocol::params::Kind;
use crate::protocol::xml::Xml;
use crate::state::{User, after, no_such_login_profile};

/// What every form of a user has.
pub(super) fn write_base(call: &Call<'_>, xml: &mut Xml, user: &User) {
    xml.text("Path", &user.path);
    xml.text("UserName", &user.name);
    xml.text("UserId", &user.id);
    xml.text("Arn", &call.state.user_arn(user));
    xml.time("CreateDate", user.created);
}

pub(super) fn write_boundary(xml: &mut Xml, boundary: Option<&str>) {
    if let Some(arn) = boundary {
        xml.element("PermissionsBoundary", |xml| {
            xml.text("PermissionsBoundaryType", "PermissionsBoundaryPolicy");
            xml.text("PermissionsBoundaryArn", arn);
        });
    }
}

fn write_last_used(xml: &mut Xml, user: &User) {
    if let Some(at) = user.password_last_used {
        xml.time("PasswordLastUsed", at);
    }
}

/// Has `PasswordLastUsed`, but neither tags nor boundary.
pub(super) fn list_users(call: &Call<'_>) -> Answer {
    let prefix = call.path_prefix(Kind::PathPrefix)?;
    let page = call.page(|key| {
        after(&call.state.users, key)
            .filter(|(_, user)| user.path.starts_with(prefix))
            .map(|(key, user)| Entry::new(&**key, user.name.as_str(), user))
    })?;
    answer(|xml| {
        xml.list("Users", &page.items, |xml, user| {
            write_base(call, xml, user);
            write_last_used(xml, user);
        });
        page.write_end(xml);
    })
}

pub(super) fn get_user(call: &Call<'_>) -> Answer {
    let user = call.user_or_self(Kind::UserName)?;
    answer(|xml| {
        xml.element("User", |xml| {
            write_base(call, xml, user);
            write_last_used(xml, user);
            write_boundary(xml, user.boundary.as_deref());
            if !user.tags.is_empty() {
                write_tags(xml, &user.tags);
            }
        });
    })
}

/// No password and no user give the same code.
pub(super) fn get_login_profile(call: &Call<'_>) -> Answer {
    let user = call.user_or_self(Kind::NewUserName)?;
    let profile = user.login_profile.as_ref().ok_or_else(|| no_such_login_profile(&user.name))?;
    answer(|xml| {
        xml.element("LoginProfile", |xml| {
            xml.text("UserName", &user.name);
            xml.time("CreateDate", profile.created);
            xml.flag("PasswordResetRequired", profile.reset_required);
        });
    })
}

pub(super) fn list_user_tags(call: &Call<'_>) -> Answer {
    let user = call.user(Kind::UserName)?;
    let page = call.page_of(user.tags.iter().map(|tag| (tag.0.clone(), tag.clone())).collect())?;
    answer(|xml| {
        write_tags(xml, &page.items);
        page.write_end(xml);
    })
}

pub(super) fn list_groups_for_user(call: &Call<'_>) -> Answer {
    let user = call.user(Kind::UserName)?;
    let groups = user.groups.iter().filter_map(|id| call.state.group_by_id(id));
    let page = call.page_of(groups.map(|group| (group.name.clone(), group)).collect())?;
    answer(|xml| {
        xml.list("Groups", &page.items, |xml, group| super::groups::write_base(call, xml, group));
        page.write_end(xml);
    })
}

pub(super) fn list_attached_policies(call: &Call<'_>) -> Answer {
    let user = call.user(Kind::NewUserName)?;
    let prefix = call.path_prefix(Kind::PolicyPath)?;
    let arns = user.attached.iter().filter(|arn| super::policies::path_of(arn).starts_with(prefix));
    let page = call.page_of(arns.map(|arn| (arn.clone(), arn)).collect())?;
    answer(|xml| {
        write_attached(xml, "AttachedPolicies", page.items.iter().copied());
        page.write_end(xml);
    })
}

pub(super) fn list_inline_policies(call: &Call<'_>) -> Answer {
    let user = call.user(Kind::UserName)?;
    let page = call.page_of(user.inline.keys().map(|name| (name.clone(), name)).collect())?;
    answer(|xml| {
        xml.open("PolicyNames");
        page.items.iter().for_each(|name| xml.text("member", name));
        xml.close("PolicyNames");
        page.write_end(xml);
    })
}

pub(super) fn get_inline_policy(call: &Call<'_>) -> Answer {
    let user = call.user(Kind::UserName)?;
    let name = call.params.required("PolicyName", Kind::Name)?;
    let document = user.inline.get(name).ok_or_else(|| no_such_inline(name))?;
    answer(|xml| {
        xml.text("UserName", &user.name);
        xml.text("PolicyName", name);
        xml.text("PolicyDocument", &encoded(document));
    })
}

pub(super) fn no_such_inline(name: &str) -> ApiError {
    ApiError::no_such_entity(format!("The user policy with name {name} cannot be found."))
}
