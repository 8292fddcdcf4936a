//! From a resource as it is and as it is to be, to wishes for AWS and to what only we keep. Pure.

mod mirror;

use std::collections::{BTreeMap, BTreeSet};

use keyreeve_model::{ResourceName, ScimTags, Wish};
use serde_json::{Map, Value};

use crate::scim::path::Place;
use crate::scim::{Cause, Error, urn};

/// Brings the tags that mirror attributes, by the system's setting, in line with what a user is to be. All are meant of one
/// that is there `anew`, else those of what is otherwise.
///
/// # Errors
/// `invalidValue`.
pub(crate) fn with_mirrored(
    setting: &ScimTags,
    (before, anew): (&Map<String, Value>, bool),
    after: &mut Map<String, Value>,
) -> Result<(), Error> {
    mirror::mirror(setting, (before, anew), after)
}

/// What a change of a resource takes.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Changes {
    /// What is to be done at AWS, in order.
    pub(crate) wishes: Vec<Wish>,
    /// What AWS has no place for and is otherwise, by its name in SCIM; `null` for what is taken away.
    pub(crate) kept: Map<String, Value>,
    /// What the client calls the resource from now on, if that is otherwise.
    pub(crate) external_id: Option<Option<String>>,
}

/// What AWS knows of a user or a group, or what is worked out.
const NOT_KEPT: &[&str] = &[
    "schemas",
    "id",
    "externalId",
    "meta",
    "userName",
    "active",
    "groups",
    "entitlements",
    "displayName",
    "members",
    urn::AWS_USER,
    urn::AWS_GROUP,
];

impl Changes {
    /// What is otherwise of what we keep.
    fn between(before: &Map<String, Value>, after: &Map<String, Value>) -> Self {
        let keep = |name: &&String| *name == "displayName" || !NOT_KEPT.contains(&name.as_str());
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).filter(keep).collect();
        let changed = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
        let kept = changed.map(|name| (name.clone(), after.get(name).cloned().unwrap_or_default())).collect();
        let called = |resource| text(resource, Place::of("externalId"));
        let external_id = (called(before) != called(after)).then(|| called(after));
        Self { wishes: Vec::new(), kept, external_id }
    }

    /// What the client calls the resource from now on, if that is another word.
    pub(crate) fn new_name(&self) -> Option<&str> {
        self.external_id.as_ref()?.as_deref()
    }
}

/// A user that is to be made; with `password`, the client has chosen one.
///
/// # Errors
/// As [`of_user`].
pub(crate) fn creation(user: &Map<String, Value>, password: bool) -> Result<Changes, Error> {
    let mut changes = Changes::between(&Map::new(), user);
    let name = text(user, Place::of("userName")).unwrap_or_default();
    changes.wishes.push(Wish::CreateAccount {
        name: Some(name.clone()),
        path: text(user, aws("path")),
        groups: Vec::new(),
        policies: entitlements(user).into_iter().collect(),
        attributes: attributes(user),
        tags: tags(user),
        boundary: text(user, aws("permissionsBoundary")),
        deliver: None,
    });
    // An account is made with a console password, and that is taken again: a reactivation knows what to give back.
    if user.get("active") == Some(&Value::Bool(false)) {
        if password {
            return Err(no_way_in());
        }
        changes.wishes.push(Wish::DeactivateAccount { account: name });
    }
    Ok(changes)
}

/// What is known of a user besides the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Circumstances {
    /// A deactivation of ours took its ways in, and they can be given back.
    pub(crate) switched_off: bool,
    /// The client has chosen a password.
    pub(crate) password: bool,
    /// The client says that the user is not to be active. That is looked at though it seems to be so already: who has got
    /// a way in since the last import is not seen in a list.
    pub(crate) shut_out: bool,
}

/// A user that is to be otherwise.
///
/// # Errors
/// `invalidValue` for a password of a user that is not to be used: it would be a way in.
pub(crate) fn of_user(
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    circumstances: Circumstances,
) -> Result<Changes, Error> {
    let Circumstances { switched_off, password, shut_out } = circumstances;
    let mut changes = Changes::between(before, after);
    let account = text(before, Place::of("userName")).unwrap_or_default();
    let assign = |arn: &String| (account.clone(), ResourceName::Policy(arn.clone()));
    let (had, has) = (entitlements(before), entitlements(after));
    for (account, resource) in has.difference(&had).map(assign) {
        changes.wishes.push(Wish::AddAssignment { account, resource });
    }
    for (account, resource) in had.difference(&has).map(assign) {
        changes.wishes.push(Wish::RemoveAssignment { account, resource });
    }
    let active = |user: &Map<String, Value>| user.get("active").and_then(Value::as_bool);
    let to_be_used = match active(after) {
        Some(active) => active,
        None => active(before) != Some(false) && !switched_off,
    };
    if password && !to_be_used {
        return Err(no_way_in());
    }
    match (active(before), active(after)) {
        (was, Some(false)) if was != Some(false) || shut_out => {
            changes.wishes.push(Wish::DeactivateAccount { account: account.clone() });
        }
        (Some(false) | None, Some(true)) if switched_off => {
            changes.wishes.push(Wish::ReactivateAccount { account: account.clone(), deliver: None });
        }
        // It never had a way in that we took: it gets one. Of one that is not known nothing is replaced.
        (Some(false), Some(true)) => {
            changes.wishes.push(Wish::ResetPassword { account: account.clone(), deliver: None });
        }
        _ if password => {
            changes.wishes.push(Wish::ResetPassword { account: account.clone(), deliver: None });
        }
        _ => {}
    }
    // Last, so that the other wishes name the account as it is called when they are planned.
    changes.wishes.extend(update(account, before, after));
    Ok(changes)
}

fn no_way_in() -> Error {
    Error::new(
        Cause::InvalidValue,
        "password cannot be set: the user is not active, and it would be a way in",
    )
}

fn update(account: String, before: &Map<String, Value>, after: &Map<String, Value>) -> Option<Wish> {
    let changed = |place: Place| text(after, place).filter(|now| text(before, place).as_ref() != Some(now));
    let (had, has) = (tags(before), tags(after));
    let boundary = aws("permissionsBoundary");
    let boundary = match (text(before, boundary), text(after, boundary)) {
        (Some(_), None) => Some("none".to_owned()),
        _ => changed(boundary),
    };
    let (new_name, new_path) = (changed(Place::of("userName")), changed(aws("path")));
    let set: BTreeMap<String, String> =
        has.iter().filter(|(key, value)| had.get(*key) != Some(*value)).map(owned).collect();
    let kept = |key: &str| has.keys().any(|other| other.eq_ignore_ascii_case(key));
    let untag: Vec<String> = had.keys().filter(|key| !kept(key)).cloned().collect();
    let nothing = new_name.is_none() && new_path.is_none() && boundary.is_none();
    if nothing && set.is_empty() && untag.is_empty() {
        return None;
    }
    Some(Wish::UpdateAccount { account, new_name, new_path, tags: set, untag, boundary })
}

/// A group whose members are to be others. `names` has the names of users by id.
///
/// # Errors
/// `invalidValue` for a member that is no user of the system.
pub(crate) fn of_group(
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    names: &BTreeMap<String, String>,
) -> Result<Changes, Error> {
    let group = text(before, Place::of("displayName")).unwrap_or_default();
    let external_id = Changes::between(before, after).external_id;
    let mut changes = Changes { external_id, ..Changes::default() };
    let (had, has) = (values(before, "members"), values(after, "members"));
    for id in has.difference(&had) {
        let unknown =
            || Error::new(Cause::InvalidValue, "members cannot be set: a value is no user of this system");
        let account = names.get(id).cloned().ok_or_else(unknown)?;
        let resource = ResourceName::Group(group.clone());
        changes.wishes.push(Wish::AddAssignment { account, resource });
    }
    for id in had.difference(&has) {
        // Who is there no more has left the group already.
        let Some(account) = names.get(id).cloned() else { continue };
        let resource = ResourceName::Group(group.clone());
        changes.wishes.push(Wish::RemoveAssignment { account, resource });
    }
    Ok(changes)
}

/// The ids of all members that a change of a group is about.
pub(crate) fn members_changed(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<String> {
    values(before, "members").symmetric_difference(&values(after, "members")).cloned().collect()
}

/// What a task mapping may use of a person.
fn attributes(user: &Map<String, Value>) -> BTreeMap<String, String> {
    let name = |sub| Place { sub_attribute: Some(sub), ..Place::of("name") };
    let mail = || {
        let all = user.get("emails")?.as_array()?;
        let first = all.iter().find(|one| one.get("primary") == Some(&Value::Bool(true))).or(all.first());
        first?.get("value")?.as_str().map(str::to_owned)
    };
    let found = [
        ("first", text(user, name("givenName"))),
        ("last", text(user, name("familyName"))),
        ("display_name", text(user, Place::of("displayName"))),
        ("email", mail()),
        ("department", text(user, enterprise("department"))),
        ("employee_number", text(user, enterprise("employeeNumber"))),
    ];
    found.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn enterprise(attribute: &'static str) -> Place {
    Place { extension: Some(urn::ENTERPRISE_USER), attribute, sub_attribute: None }
}

fn aws(attribute: &'static str) -> Place {
    Place { extension: Some(urn::AWS_USER), attribute, sub_attribute: None }
}

fn text(resource: &Map<String, Value>, place: Place) -> Option<String> {
    place.values_in(resource).into_iter().find_map(Value::as_str).map(str::to_owned)
}

fn entitlements(user: &Map<String, Value>) -> BTreeSet<String> {
    values(user, "entitlements")
}

fn values(resource: &Map<String, Value>, list: &'static str) -> BTreeSet<String> {
    let place = Place { sub_attribute: Some("value"), ..Place::of(list) };
    place.values_in(resource).into_iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn tags(user: &Map<String, Value>) -> BTreeMap<String, String> {
    let list = aws("tags").values_in(user);
    let tag = |tag: &&Value| {
        let value = tag.get("value").and_then(Value::as_str).unwrap_or_default();
        Some((tag.get("key")?.as_str()?.to_owned(), value.to_owned()))
    };
    list.iter().filter_map(tag).collect()
}

fn owned((key, value): (&String, &String)) -> (String, String) {
    (key.clone(), value.clone())
}

#[cfg(test)]
mod tests;
