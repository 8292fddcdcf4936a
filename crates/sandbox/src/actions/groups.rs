//! Reads about groups.

use super::{Answer, Call, answer, encoded, write_attached};
use crate::protocol::error::ApiError;
use crate::protocol::paging::Entry;
use crate::protocol::params::Kind;
use crate::protocol::xml::Xml;
use crate::state::{Group, after};

/// What every form of a group has.
pub(super) fn write_base(call: &Call<'_>, xml: &mut Xml, group: &Group) {
    xml.text("Path", &group.path);
    xml.text("GroupName", &group.name);
    xml.text("GroupId", &group.id);
    xml.text("Arn", &call.state.group_arn(group));
    xml.time("CreateDate", group.created);
}

pub(super) fn group<'a>(call: &'a Call<'_>) -> Result<&'a Group, ApiError> {
    let name = call.params.required("GroupName", Kind::Name)?;
    let group = call.state.group(name)?;
    // In its exact case only, as with users.
    if group.name == name { Ok(group) } else { Err(ApiError::no_such_group(name)) }
}

/// Neither members nor policies.
pub(super) fn list_groups(call: &Call<'_>) -> Answer {
    let prefix = call.path_prefix(Kind::PathPrefix)?;
    let page = call.page(|key| {
        after(&call.state.groups, key)
            .filter(|(_, group)| group.path.starts_with(prefix))
            .map(|(key, group)| Entry::new(&**key, group.name.as_str(), group))
    })?;
    answer(|xml| {
        xml.list("Groups", &page.items, |xml, group| write_base(call, xml, group));
        page.write_end(xml);
    })
}

/// The group and a page of its members.
pub(super) fn get_group(call: &Call<'_>) -> Answer {
    let group = group(call)?;
    let members = group.members.iter().filter_map(|id| call.state.user_by_id(id));
    let page = call.page_of(members.map(|user| (user.name.clone(), user)).collect())?;
    answer(|xml| {
        xml.element("Group", |xml| write_base(call, xml, group));
        xml.list("Users", &page.items, |xml, user| super::users::write_base(call, xml, user));
        page.write_end(xml);
    })
}

pub(super) fn list_attached_policies(call: &Call<'_>) -> Answer {
    let group = group(call)?;
    let prefix = call.path_prefix(Kind::PolicyPath)?;
    let arns = group.attached.iter().filter(|arn| super::policies::path_of(arn).starts_with(prefix));
    let page = call.page_of(arns.map(|arn| (arn.clone(), arn)).collect())?;
    answer(|xml| {
        write_attached(xml, "AttachedPolicies", page.items.iter().copied());
        page.write_end(xml);
    })
}

pub(super) fn list_inline_policies(call: &Call<'_>) -> Answer {
    let group = group(call)?;
    let page = call.page_of(group.inline.keys().map(|name| (name.clone(), name)).collect())?;
    answer(|xml| {
        xml.open("PolicyNames");
        page.items.iter().for_each(|name| xml.text("member", name));
        xml.close("PolicyNames");
        page.write_end(xml);
    })
}

pub(super) fn get_inline_policy(call: &Call<'_>) -> Answer {
    let group = group(call)?;
    let name = call.params.required("PolicyName", Kind::Name)?;
    let document = group.inline.get(name).ok_or_else(|| no_such_inline(name))?;
    answer(|xml| {
        xml.text("GroupName", &group.name);
        xml.text("PolicyName", name);
        xml.text("PolicyDocument", &encoded(document));
    })
}

pub(super) fn no_such_inline(name: &str) -> ApiError {
    ApiError::no_such_entity(format!("The group policy with name {name} cannot be found."))
}
