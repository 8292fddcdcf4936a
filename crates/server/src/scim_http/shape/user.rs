//! An account as a `User`.

use jiff::Timestamp;
use keyreeve_engine::plan::MARKER_TAG;
use keyreeve_model::{
    Account, AccountStatus, Assignment, AssignmentKind, AssignmentState, LoginProfileState,
};
use keyreeve_store::{AccountPlace, ScimRecord};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Meta, finish, reference};
use crate::scim::etag::ETag;
use crate::scim::{ResourceType, urn};

/// What is known of an account beside itself.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Beside<'a> {
    /// What it holds itself.
    pub(crate) held: &'a [Assignment],
    /// What clients said of it.
    pub(crate) record: Option<&'a ScimRecord>,
    /// How often what is shown of it has become otherwise.
    pub(crate) revision: i64,
    /// When it was changed last, as far as that is known.
    pub(crate) changed_at: Option<Timestamp>,
}

/// Puts in what of the resource is known without reading it, in place of what another user had there.
pub(crate) fn put_at_hand(resource: &mut Map<String, Value>, place: &AccountPlace) {
    let texts = [("id", place.external_id.as_str()), ("userName", &*place.name)];
    for (name, text) in texts {
        match resource.get_mut(name) {
            Some(value) => *value = text.into(),
            None => drop(resource.insert(name.into(), text.into())),
        }
    }
    match active(place.status) {
        Some(active) => drop(resource.insert("active".into(), active.into())),
        None => drop(resource.remove("active")),
    }
}

/// The resource. What could not be read is left out.
pub(crate) fn user(
    user: &ResourceType,
    account: &Account,
    beside: Beside<'_>,
    base: &str,
) -> Map<String, Value> {
    let mut resource = beside.record.map(|record| record.attributes.clone()).unwrap_or_default();
    if let Value::Object(own) = json!(Own::of(account, beside, base)) {
        resource.extend(own);
    }
    finish(user, resource, beside.revision, times(account, beside), base)
}

/// The text of [`user`] for clients that want all of it: a page of users is not built as JSON first. `None` where
/// clients have said something of this one.
pub(crate) fn text(user: &ResourceType, account: &Account, beside: Beside<'_>, base: &str) -> Option<String> {
    if beside.record.is_some() {
        return None;
    }
    let own = serde_json::to_string(&Own::of(account, beside, base)).ok()?;
    let version = ETag::of_text(&own, beside.revision);
    let meta = Meta::of(user, account.external_id.as_str(), &version, times(account, beside), base);
    let meta = serde_json::to_string(&meta).ok()?;
    Some(format!("{},\"meta\":{meta}}}", own.strip_suffix('}')?))
}

/// When it was made, and when it was changed last.
fn times(account: &Account, beside: Beside<'_>) -> (Option<Timestamp>, Option<Timestamp>) {
    let changed = beside.changed_at.max(beside.record.map(|record| record.updated_at));
    (Some(account.created_at), changed)
}

/// What the account itself gives, in the order of names: what versions are made of.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Own<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    active: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entitlements: Vec<Entitlement<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    groups: Vec<Membership<'a>>,
    id: &'a str,
    schemas: [&'static str; 2],
    #[serde(rename = "urn:keyreeve:params:scim:schemas:extension:aws:2.0:User")]
    aws: Aws<'a>,
    user_name: &'a str,
}

#[derive(Serialize)]
struct Entitlement<'a> {
    display: &'a str,
    r#type: &'static str,
    value: &'a str,
}

/// A group that no listing resolved has only its name.
#[derive(Serialize)]
struct Membership<'a> {
    #[serde(rename = "$ref", skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    display: &'a str,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Aws<'a> {
    arn: &'a str,
    login_profile: Login,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_boundary: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Login {
    #[serde(skip_serializing_if = "Option::is_none")]
    password_reset_required: Option<bool>,
    state: LoginProfileState,
}

#[derive(Serialize)]
struct Tag<'a> {
    key: &'a str,
    value: &'a str,
}

impl<'a> Own<'a> {
    fn of(account: &'a Account, beside: Beside<'a>, base: &str) -> Self {
        let held = |kind| {
            let there =
                move |one: &&Assignment| one.kind == kind && one.state != AssignmentState::PendingRemove;
            beside.held.iter().filter(there)
        };
        let entitlement = |one: &'a Assignment| {
            let value = one.resource_arn.as_deref()?;
            Some(Entitlement { display: &one.resource_name, r#type: "policy", value })
        };
        let membership = |one: &'a Assignment| {
            let id = one.resource_external_id.as_ref();
            Membership {
                reference: id.map(|id| reference(base, "/Groups", id)),
                display: &one.resource_name,
                r#type: "direct",
                value: id.map(|id| id.as_str()),
            }
        };
        Self {
            active: active(account.status),
            entitlements: held(AssignmentKind::AccountPolicy).filter_map(entitlement).collect(),
            external_id: beside.record.and_then(|record| record.external_id.as_deref()),
            groups: held(AssignmentKind::AccountGroup).map(membership).collect(),
            id: account.external_id.as_str(),
            schemas: [urn::USER, urn::AWS_USER],
            aws: Aws::of(account),
            user_name: &account.name,
        }
    }
}

impl<'a> Aws<'a> {
    fn of(account: &'a Account) -> Self {
        // The mark by which an account of ours is known again is nobody's tag.
        let tags = account.tags.iter().flatten().filter(|(key, _)| *key != MARKER_TAG);
        Self {
            arn: &account.arn,
            login_profile: Login {
                password_reset_required: account.login_profile.password_reset_required,
                state: account.login_profile.state,
            },
            path: &account.path,
            permissions_boundary: account.permissions_boundary.as_deref(),
            tags: tags.map(|(key, value)| Tag { key, value }).collect(),
        }
    }
}

fn active(status: AccountStatus) -> Option<bool> {
    match status {
        AccountStatus::Enabled => Some(true),
        AccountStatus::Disabled => Some(false),
        AccountStatus::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use keyreeve_model::{CredentialSource, Credentials, ExternalId, ImportRunId, LoginProfile, SystemId};

    use super::*;
    use crate::scim::projection::Projection;
    use crate::scim::{Model, Switches};

    fn id(text: &str) -> ExternalId {
        ExternalId::new(text).unwrap()
    }

    fn account(status: AccountStatus) -> Account {
        let tags = [("team", "r\"ed"), (MARKER_TAG, "1")].map(|(key, value)| (key.into(), value.into()));
        Account {
            system_id: SystemId::new("s").unwrap(),
            external_id: id("AIDA1"),
            name: "ada".into(),
            path: "/staff/".into(),
            arn: "arn:aws:iam::111122223333:user/staff/ada".into(),
            status,
            login_profile: LoginProfile { password_reset_required: Some(true), ..LoginProfile::unknown() },
            access_keys: None,
            mfa_active: None,
            credentials: Credentials { source: CredentialSource::None, as_of: None },
            created_at: "2026-01-02T03:04:05.006Z".parse().unwrap(),
            password_last_used_at: None,
            tags: Some(tags.into()),
            permissions_boundary: (status == AccountStatus::Enabled).then(|| "arn:b".into()),
            inline_policies: None,
            first_seen_run: ImportRunId(1),
            last_seen_run: ImportRunId(1),
        }
    }

    fn held(kind: AssignmentKind, resolved: bool, state: AssignmentState) -> Assignment {
        Assignment {
            system_id: SystemId::new("s").unwrap(),
            kind,
            subject_name: "ada".into(),
            subject_external_id: id("AIDA1"),
            resource_external_id: resolved.then(|| id("AGPA1")),
            resource_arn: resolved.then(|| "arn:aws:iam::aws:policy/P".into()),
            resource_name: "admins <&>".into(),
            state,
            first_seen_run: ImportRunId(1),
            last_seen_run: ImportRunId(1),
        }
    }

    /// A page of users is written in another way than a user alone: both give the same, and the same version.
    #[test]
    fn the_text_is_that_of_the_resource() {
        use AssignmentKind::{AccountGroup, AccountPolicy};
        use AssignmentState::{Actual, PendingAdd, PendingRemove};
        let model = Model::new(Switches::default());
        let all = [
            held(AccountGroup, true, Actual),
            held(AccountGroup, false, PendingAdd),
            held(AccountGroup, true, PendingRemove),
            held(AccountPolicy, true, Actual),
            held(AccountPolicy, false, Actual),
        ];
        for status in [AccountStatus::Enabled, AccountStatus::Disabled, AccountStatus::Unknown] {
            for (held, changed_at, revision) in
                [(&all[..], Some("2026-05-05T00:00:00Z".parse().unwrap()), 7), (&[], None, 0)]
            {
                let beside = Beside { held, record: None, revision, changed_at };
                let account = account(status);
                let base = "https://k.example/scim/v2/s";
                let whole = user(&model.user, &account, beside, base);
                assert_eq!(whole["meta"]["version"], ETag::of_resource(&whole, revision).as_str());
                let shown = Value::Object(Projection::default().show(&model.user, whole));
                let text = text(&model.user, &account, beside, base).unwrap();
                assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), shown);
            }
        }
    }

    #[test]
    fn of_whom_a_client_has_said_something_there_is_no_text() {
        let model = Model::new(Switches::default());
        let record = ScimRecord {
            attributes: Map::new(),
            external_id: None,
            made_by: None,
            deleted_by: None,
            updated_at: Timestamp::UNIX_EPOCH,
        };
        let beside = Beside { record: Some(&record), ..Beside::default() };
        assert_eq!(text(&model.user, &account(AccountStatus::Unknown), beside, ""), None);
    }
}
