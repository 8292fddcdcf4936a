//! `GetAccountAuthorizationDetails`, and roles.

use std::sync::Arc;

use super::policies::Shown;
use super::{Answer, Call, answer, encoded, write_attached, write_tags};
use crate::protocol::error::ApiError;
use crate::protocol::paging::Entry;
use crate::protocol::params::Kind;
use crate::protocol::xml::Xml;
use crate::state::{Entity, Group, Policy, Role, User, after};

const FILTERS: [&str; 5] = ["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"];

/// One thing of the account, of whichever kind.
enum Thing<'a> {
    User(&'a Arc<User>),
    Group(&'a Arc<Group>),
    Role(&'a Arc<Role>),
    Own(&'a Arc<Policy>),
    Aws(Box<Shown>),
}

/// All kinds come mixed, in the order of their ids, so a page may hold only some of them.
pub(super) fn get_account_authorization_details(call: &Call<'_>) -> Answer {
    let filters = call.params.members("Filter");
    if let Some(bad) = filters.iter().find(|filter| !FILTERS.contains(filter)) {
        return Err(ApiError::validation(format!(
            "1 validation error detected: Value '[{bad}]' at 'filter' failed to satisfy constraint: Member \
             must satisfy constraint: [Member must satisfy enum value set: [{}]]",
            FILTERS.join(", ")
        )));
    }
    let wanted = |kind: &str| filters.is_empty() || filters.contains(&kind);
    let aws = if wanted("AWSManagedPolicy") { aws_in_use(call) } else { Vec::new() };
    let page = call.page(|key| {
        let key = key.map(str::to_owned);
        let mut aws = aws
            .iter()
            .filter(|(id, _)| key.as_ref().is_none_or(|key| id > key))
            .map(|(id, name)| (id.as_str(), *name))
            .collect::<Vec<_>>()
            .into_iter()
            .peekable();
        let mut own = after(&call.state.by_id, key.as_deref())
            .filter_map(|(id, entity)| Some((&**id, thing(call, entity, &wanted)?)))
            .peekable();
        std::iter::from_fn(move || {
            let aws_first = match (aws.peek(), own.peek()) {
                (Some((a, _)), Some((o, _))) => a < o,
                (a, _) => a.is_some(),
            };
            if aws_first {
                aws.next().and_then(|(id, name)| aws_entry(call, id, name))
            } else {
                own.next().map(entry)
            }
        })
    })?;
    answer(|xml| {
        write_all(call, xml, &page.items);
        page.write_end(xml);
    })
}

fn entry<'a>((id, thing): (&str, Thing<'a>)) -> Entry<Thing<'a>> {
    let name = match &thing {
        Thing::User(user) => user.name.clone(),
        Thing::Group(group) => group.name.clone(),
        Thing::Role(role) => role.name.clone(),
        Thing::Own(policy) => policy.name.clone(),
        Thing::Aws(_) => String::new(),
    };
    Entry::new(id, name, thing)
}

fn aws_entry<'a>(call: &Call<'_>, id: &str, name: &str) -> Option<Entry<Thing<'a>>> {
    let policy = crate::catalogue::all().get(name)?;
    Some(Entry::new(id, name, Thing::Aws(Box::new(Shown::aws_with_document(call.state, policy)))))
}

/// The AWS managed policies in use: id without prefix, and name. In the order of the ids.
fn aws_in_use(call: &Call<'_>) -> Vec<(String, &'static str)> {
    let policies = call.state.usage.keys().filter_map(|arn| call.state.aws_policy(arn));
    let mut found: Vec<(String, &str)> =
        policies.map(|policy| (policy.id.chars().skip(4).collect(), policy.name)).collect();
    found.sort();
    found
}

fn thing<'a>(call: &'a Call<'_>, entity: &Entity, wanted: &impl Fn(&str) -> bool) -> Option<Thing<'a>> {
    match entity {
        Entity::User(key) if wanted("User") => call.state.users.get(key).map(Thing::User),
        Entity::Group(key) if wanted("Group") => call.state.groups.get(key).map(Thing::Group),
        Entity::Role(key) if wanted("Role") => call.state.roles.get(key).map(Thing::Role),
        Entity::Policy(key) if wanted("LocalManagedPolicy") => call.state.policies.get(key).map(Thing::Own),
        _ => None,
    }
}

fn write_all(call: &Call<'_>, xml: &mut Xml, things: &[Thing<'_>]) {
    let users =
        things.iter().filter_map(|thing| if let Thing::User(user) = thing { Some(user) } else { None });
    xml.list("UserDetailList", users, |xml, user| write_user(call, xml, user));
    let groups =
        things.iter().filter_map(|thing| if let Thing::Group(group) = thing { Some(group) } else { None });
    xml.list("GroupDetailList", groups, |xml, group| write_group(call, xml, group));
    let roles =
        things.iter().filter_map(|thing| if let Thing::Role(role) = thing { Some(role) } else { None });
    xml.list("RoleDetailList", roles, |xml, role| write_role(call, xml, role));
    xml.open("Policies");
    for thing in things {
        let own;
        let shown = match thing {
            Thing::Own(policy) => {
                own = Shown::own(call.state, policy);
                &own
            }
            Thing::Aws(shown) => shown,
            _ => continue,
        };
        xml.element("member", |xml| {
            shown.write(xml);
            shown.write_versions(xml);
        });
    }
    xml.close("Policies");
}

fn write_inline<'a>(xml: &mut Xml, tag: &str, inline: impl IntoIterator<Item = (&'a String, &'a String)>) {
    xml.list(tag, inline, |xml, (name, document)| {
        xml.text("PolicyName", name);
        xml.text("PolicyDocument", &encoded(document));
    });
}

fn write_user(call: &Call<'_>, xml: &mut Xml, user: &User) {
    super::users::write_base(call, xml, user);
    if !user.inline.is_empty() {
        write_inline(xml, "UserPolicyList", &user.inline);
    }
    xml.open("GroupList");
    let groups = user.groups.iter().filter_map(|id| call.state.group_by_id(id));
    groups.for_each(|group| xml.text("member", &group.name));
    xml.close("GroupList");
    write_attached(xml, "AttachedManagedPolicies", &user.attached);
    super::users::write_boundary(xml, user.boundary.as_deref());
    write_tags(xml, &user.tags);
}

fn write_group(call: &Call<'_>, xml: &mut Xml, group: &Group) {
    super::groups::write_base(call, xml, group);
    write_inline(xml, "GroupPolicyList", &group.inline);
    write_attached(xml, "AttachedManagedPolicies", &group.attached);
}

pub(super) fn write_role_base(call: &Call<'_>, xml: &mut Xml, role: &Role) {
    xml.text("Path", &role.path);
    xml.text("RoleName", &role.name);
    xml.text("RoleId", &role.id);
    xml.text("Arn", &call.state.role_arn(role));
    xml.time("CreateDate", role.created);
    xml.text("AssumeRolePolicyDocument", &encoded(&role.trust_text(&call.state.partition)));
}

fn write_role(call: &Call<'_>, xml: &mut Xml, role: &Role) {
    write_role_base(call, xml, role);
    xml.list("InstanceProfileList", std::iter::empty::<()>(), |_, ()| ());
    write_inline(xml, "RolePolicyList", &role.inline);
    write_attached(xml, "AttachedManagedPolicies", &role.attached);
    super::users::write_boundary(xml, role.boundary.as_deref());
    write_tags(xml, &role.tags);
    xml.element("RoleLastUsed", |_| ());
}

pub(super) fn list_roles(call: &Call<'_>) -> Answer {
    let prefix = call.path_prefix(Kind::PathPrefix)?;
    let page = call.page(|key| {
        after(&call.state.roles, key)
            .filter(|(_, role)| role.path.starts_with(prefix))
            .map(|(key, role)| Entry::new(&**key, role.name.as_str(), role))
    })?;
    answer(|xml| {
        xml.list("Roles", &page.items, |xml, role| {
            write_role_base(call, xml, role);
            xml.number("MaxSessionDuration", u64::from(role.max_session_seconds));
        });
        page.write_end(xml);
    })
}

pub(super) fn role<'a>(call: &'a Call<'_>) -> Result<&'a Role, ApiError> {
    let name = call.params.required("RoleName", Kind::RoleName)?;
    let role = call.state.role(name).filter(|role| role.name == name);
    role.map(|role| &**role).ok_or_else(|| crate::state::no_such_role(name))
}

pub(super) fn get_role(call: &Call<'_>) -> Answer {
    let role = role(call)?;
    answer(|xml| {
        xml.element("Role", |xml| {
            write_role_base(call, xml, role);
            xml.optional("Description", role.description.as_deref());
            xml.number("MaxSessionDuration", u64::from(role.max_session_seconds));
            super::users::write_boundary(xml, role.boundary.as_deref());
            write_tags(xml, &role.tags);
            xml.element("RoleLastUsed", |_| ());
        });
    })
}

pub(super) fn list_attached_policies(call: &Call<'_>) -> Answer {
    let role = role(call)?;
    let prefix = call.path_prefix(Kind::PolicyPath)?;
    let arns = role.attached.iter().filter(|arn| super::policies::path_of(arn).starts_with(prefix));
    let page = call.page_of(arns.map(|arn| (arn.clone(), arn)).collect())?;
    answer(|xml| {
        write_attached(xml, "AttachedPolicies", page.items.iter().copied());
        page.write_end(xml);
    })
}
