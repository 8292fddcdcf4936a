//! An account as a `User`.

use jiff::Timestamp;
use keyreeve_engine::plan::MARKER_TAG;
use keyreeve_model::{
    Account, AccountStatus, Assignment, AssignmentKind, AssignmentState, LoginProfileState,
};
use keyreeve_store::{AccountPlace, ScimRecord};
use serde_json::{Map, Value, json};

use super::{finish, put, put_list, reference};
use crate::scim::{ResourceType, urn};

/// What is known of an account beside itself.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Beside<'a> {
    /// What it holds itself.
    pub(crate) held: &'a [Assignment],
    /// What clients said of it.
    pub(crate) record: Option<&'a ScimRecord>,
    /// When it was changed last, as far as that is known.
    pub(crate) changed_at: Option<Timestamp>,
}

/// What of the resource is known without reading it.
pub(crate) fn at_hand(place: &AccountPlace) -> Map<String, Value> {
    let mut resource = Map::new();
    resource.insert("id".into(), json!(place.external_id));
    resource.insert("userName".into(), json!(place.name));
    put_active(&mut resource, place.status);
    resource
}

/// The resource. What could not be read is left out.
pub(crate) fn user(
    user: &ResourceType,
    account: &Account,
    beside: Beside<'_>,
    base: &str,
) -> Map<String, Value> {
    let mut resource = beside.record.map(|record| record.attributes.clone()).unwrap_or_default();
    resource.insert("id".into(), json!(account.external_id));
    resource.insert("userName".into(), json!(account.name));
    if let Some(external_id) = beside.record.and_then(|record| record.external_id.as_ref()) {
        resource.insert("externalId".into(), json!(external_id));
    }
    put_active(&mut resource, account.status);
    let held = |kind| {
        let there = move |one: &&Assignment| one.kind == kind && one.state != AssignmentState::PendingRemove;
        beside.held.iter().filter(there)
    };
    let groups = held(AssignmentKind::AccountGroup).map(|one| group(one, base)).collect();
    put_list(&mut resource, "groups", groups);
    let policies = held(AssignmentKind::AccountPolicy).filter_map(entitlement).collect();
    put_list(&mut resource, "entitlements", policies);
    resource.insert(urn::AWS_USER.into(), extension(account));
    let changed = beside.changed_at.max(beside.record.map(|record| record.updated_at));
    finish(user, resource, (Some(account.created_at), changed), base)
}

fn put_active(resource: &mut Map<String, Value>, status: AccountStatus) {
    match status {
        AccountStatus::Enabled => drop(resource.insert("active".into(), json!(true))),
        AccountStatus::Disabled => drop(resource.insert("active".into(), json!(false))),
        AccountStatus::Unknown => {}
    }
}

fn group(membership: &Assignment, base: &str) -> Value {
    let mut group = json!({"display": membership.resource_name, "type": "direct"});
    // A group that no listing resolved has only its name.
    if let Some(id) = &membership.resource_external_id {
        put(&mut group, "value", id.as_str());
        put(&mut group, "$ref", reference(base, "/Groups", id));
    }
    group
}

fn entitlement(attached: &Assignment) -> Option<Value> {
    let arn = attached.resource_arn.as_ref()?;
    Some(json!({"value": arn, "display": attached.resource_name, "type": "policy"}))
}

fn extension(account: &Account) -> Value {
    let state = match account.login_profile.state {
        LoginProfileState::Present => "present",
        LoginProfileState::Absent => "absent",
        LoginProfileState::Unknown => "unknown",
    };
    let mut login = json!({"state": state});
    if let Some(reset) = account.login_profile.password_reset_required {
        put(&mut login, "passwordResetRequired", reset);
    }
    let mut extension = json!({"path": account.path, "arn": account.arn, "loginProfile": login});
    // The mark by which an account of ours is known again is nobody's tag.
    let tags = account.tags.iter().flatten().filter(|(key, _)| *key != MARKER_TAG);
    let tags: Vec<Value> = tags.map(|(key, value)| json!({"key": key, "value": value})).collect();
    if !tags.is_empty() {
        put(&mut extension, "tags", tags);
    }
    if let Some(boundary) = &account.permissions_boundary {
        put(&mut extension, "permissionsBoundary", boundary.as_str());
    }
    extension
}
