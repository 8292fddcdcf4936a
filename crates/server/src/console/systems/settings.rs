//! `/systems/{system_id}/settings`: what can be changed of a system.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use keyreeve_engine::export::word;
use keyreeve_engine::rights::Right;
use keyreeve_engine::systems::{Given, patched};
use keyreeve_model::{PermissionProfile, ScimTags, System, SystemId};

use super::profiles::may_change;
use super::{frame, tabs};
use crate::body::InPath;
use crate::conditions::version;
use crate::console::form::{Field, Sent, Takes, Wrong};
use crate::console::page::{Frame, Said, shown_as};
use crate::console::parts::{Badge, Tabs};
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

/// The name of the hidden field that says as what the system was seen.
const SEEN: &str = "seen";

#[derive(Template)]
#[template(path = "console/systems/settings.html")]
struct SettingsPage {
    frame: Frame,
    name: String,
    badge: Badge,
    tabs: Tabs,
    action: String,
    seen: String,
    wrong: Option<String>,
    may_change: bool,
    groups: Vec<(&'static str, Vec<Field>)>,
}

/// The permission profiles, and what they are called.
pub(super) fn profiles() -> Vec<(String, String)> {
    use PermissionProfile::{Full, Lifecycle, Read, Reference};
    let called = [
        (Read, "Read: nothing is changed"),
        (Reference, "Reference: the fourteen actions"),
        (Lifecycle, "Lifecycle: accounts from their first day to their last"),
        (Full, "Full: every feature"),
    ];
    called.into_iter().map(|(profile, text)| (profile.as_str().to_owned(), text.to_owned())).collect()
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
) -> Result<Response, Problem> {
    visitor.require(Right::Read, &system_id)?;
    let system = parts.store.get_system(&system_id).await?;
    let values = values(&system);
    asked(&visitor, &system, &values, version(&system)?, None)
}

/// Saves all that is different from what was seen, or nothing.
pub(super) async fn change(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    Sent(mut sent): Sent<BTreeMap<String, String>>,
) -> Result<Response, Problem> {
    visitor.require(Right::Administer, &system_id)?;
    let system = parts.store.get_system(&system_id).await?;
    let before = values(&system);
    let seen = sent.remove(SEEN).unwrap_or_default();
    if sent.keys().any(|name| !before.contains_key(name.as_str())) {
        return Err(Problem::bad_request("what was sent is not what the form has"));
    }
    // What is switched off is not sent.
    let mut values = before.clone();
    for (name, value) in &mut values {
        *value = match sent.remove(*name) {
            Some(sent) => sent.trim().to_owned(),
            None if SWITCHES.contains(name) => "false".to_owned(),
            None => return Err(Problem::bad_request("what was sent is not all that the form has")),
        };
    }
    let given = |name: &str, value: &str| {
        let none = value.is_empty() && MAY_BE_NONE.contains(&name);
        Given::Text(if none { "none" } else { value }.to_owned())
    };
    let changed = values.iter().filter(|(name, value)| before.get(*name) != Some(*value));
    let wanted: Vec<(String, Given)> =
        changed.map(|(name, value)| ((*name).to_owned(), given(name, value))).collect();
    if wanted.is_empty() {
        return Ok(Said::NothingChanged.to(&super::within(&system_id, "settings")));
    }
    let is_seen = |system: &System| version(system).is_ok_and(|version| version == seen);
    match parts.desk.change_system(&visitor.actor, &system_id, is_seen, &wanted).await {
        Ok(_) => Ok(Said::Saved.to(&super::within(&system_id, "settings"))),
        Err(error) => {
            let wrong = place_of(Wrong::of(error.into())?, &system, &wanted, &values);
            asked(&visitor, &system, &values, seen, Some(wrong))
        }
    }
}

/// What may be left empty.
const MAY_BE_NONE: [&str; 4] = ["region", "deny_all_policy", "max_requests_per_second", "scim_tags"];

/// What is on or off.
const SWITCHES: [&str; 5] = [
    "prioritise_delete_tasks",
    "group_policy_writes",
    "keep_last_administrator",
    "approve_administrators",
    "scim_entitlements",
];

/// Everything that the form has, by name.
fn values(system: &System) -> BTreeMap<&'static str, String> {
    let settings = &system.settings;
    BTreeMap::from([
        ("name", system.name.to_string()),
        ("category", system.category.clone()),
        ("region", system.region.clone().unwrap_or_default()),
        ("permission_profile", settings.permission_profile.as_str().to_owned()),
        ("prioritise_delete_tasks", settings.prioritise_delete_tasks.to_string()),
        ("first_sign_in", word(&settings.first_sign_in)),
        ("password_delivery", word(&settings.password_delivery)),
        ("deny_all_policy", settings.deny_all_policy.clone().unwrap_or_default()),
        ("group_policy_writes", settings.group_policy_writes.to_string()),
        ("max_deletes", settings.max_deletes.to_string()),
        ("max_deactivations", settings.max_deactivations.to_string()),
        ("approve_administrators", settings.approve_administrators.to_string()),
        ("unclaimed_password_days", settings.unclaimed_password_days.to_string()),
        ("keep_last_administrator", settings.keep_last_administrator.to_string()),
        (
            "max_requests_per_second",
            settings.max_requests_per_second.map(|rate| rate.to_string()).unwrap_or_default(),
        ),
        ("max_concurrent_requests", settings.max_concurrent_requests.to_string()),
        ("scim_delete", word(&settings.scim_delete)),
        ("scim_password", word(&settings.scim_password)),
        ("scim_entitlements", settings.scim_entitlements.to_string()),
        ("scim_tags", mirrored(&settings.scim_tags)),
        ("scim_wait_seconds", settings.scim_wait_seconds.to_string()),
    ])
}

/// Attributes and the keys of their tags, as they are typed.
fn mirrored(tags: &ScimTags) -> String {
    tags.iter().map(|(attribute, key)| format!("{}={key}", attribute.as_str())).collect::<Vec<_>>().join(", ")
}

/// Which setting a refusal is about: the first that is refused alone.
fn place_of(
    wrong: Wrong,
    system: &System,
    wanted: &[(String, Given)],
    values: &BTreeMap<&'static str, String>,
) -> Wrong {
    let alone = |one: &&(String, Given)| match one.0.as_str() {
        // Its partition says whether it fits, which is looked up.
        "region" => wrong.why.to_lowercase().contains("region"),
        _ => patched(system, std::slice::from_ref(*one)).is_err(),
    };
    let refused = wanted.iter().find(alone).map(|(name, _)| name.as_str());
    let field = values.keys().copied().find(|name| Some(*name) == refused);
    Wrong { field, ..wrong }
}

fn asked(
    visitor: &Visitor,
    system: &System,
    values: &BTreeMap<&'static str, String>,
    seen: String,
    wrong: Option<Wrong>,
) -> Result<Response, Problem> {
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = SettingsPage {
        frame: frame(visitor, system, "Settings"),
        name: system.name.to_string(),
        badge: Badge::of_system(system.state),
        tabs: tabs(&system.system_id, "settings"),
        action: super::within(&system.system_id, "settings"),
        seen,
        groups: groups(values, wrong.as_ref()),
        wrong: wrong.filter(|wrong| wrong.field.is_none()).map(|wrong| wrong.why),
        may_change: may_change(visitor, system),
    };
    Ok(shown_as(status, &page))
}

fn groups(values: &BTreeMap<&'static str, String>, wrong: Option<&Wrong>) -> Vec<(&'static str, Vec<Field>)> {
    let field = |name: &'static str, label, takes, hint| {
        let value = values.get(name).map(String::as_str).unwrap_or_default();
        Field::new(name, label, takes).value(value).hint(hint).unless(wrong)
    };
    let line = |name, label, hint| field(name, label, Takes::Line(Vec::new()), hint);
    let number = |name, label, hint| field(name, label, Takes::Number, hint);
    let switch = |name, label, hint| field(name, label, Takes::Switch, hint);
    let one_of = |name, label, choices: &[(&str, &str)], hint| {
        let choices = choices.iter().map(|(one, called)| ((*one).to_owned(), (*called).to_owned()));
        field(name, label, Takes::OneOf(choices.collect()), hint).required()
    };
    let definition = vec![
        line("name", "Name", "").required(),
        line("category", "Category", "").required(),
        line("region", "Region", "One of the partition of the system; that of the server if it is empty."),
    ];
    let provisioning = vec![
        switch(
            "prioritise_delete_tasks",
            "Prioritise delete tasks",
            "On: a deletion takes away first what stands in its way, and its plan shows that. Off: it fails while groups or policies are left.",
        ),
        field(
            "permission_profile",
            "Permission profile",
            Takes::OneOf(profiles()),
            "What the policy of its user or role grants. Nothing beyond it is tried.",
        )
        .required(),
        one_of(
            "first_sign_in",
            "First sign-in",
            &[
                ("attach", "Attach the policy that allows it"),
                ("refuse", "Refuse the task"),
                ("ignore", "Go on"),
            ],
            "What to do when a new user could not change the first password.",
        ),
        one_of(
            "password_delivery",
            "Passwords are handed over",
            &[
                ("link", "By a one-time secret"),
                ("recipient", "Encrypted to a key"),
                ("operator", "To the operator"),
            ],
            "If whoever asks does not say.",
        ),
        line(
            "deny_all_policy",
            "Policy of deactivated accounts",
            "ARN of a policy that denies everything; a deactivation attaches it. None if it is empty.",
        ),
        switch(
            "group_policy_writes",
            "Policies of groups may be changed",
            "It is kept, and has no effect yet: no task changes the policies of a group.",
        ),
        number(
            "unclaimed_password_days",
            "A password that nobody opened is unclaimed after days",
            "From 1 to 365. Home says so then, and as soon as a one-time secret has expired.",
        )
        .required(),
    ];
    let limits = vec![
        number("max_deletes", "Deletions without a second person", "In one hour, and in one job.").required(),
        number("max_deactivations", "Deactivations without a second person", "In one hour, and in one job.")
            .required(),
        switch(
            "approve_administrators",
            "Who may do everything needs a second person",
            "On: a second person must approve what lets an account do everything in the AWS account, by a policy or a group that it is given.",
        ),
        switch("keep_last_administrator", "The last administrator is protected", ""),
        number(
            "max_requests_per_second",
            "Requests a second",
            "At most, from 0.1 to 10000; as fast as AWS allows if it is empty.",
        ),
        number("max_concurrent_requests", "Requests at once", "At most, from 1 to 500.").required(),
    ];
    let scim = vec![
        one_of(
            "scim_delete",
            "A deletion over SCIM",
            &[("deactivate", "Deactivates the account"), ("delete", "Deletes it")],
            "",
        ),
        one_of(
            "scim_password",
            "A password chosen over SCIM",
            &[("refuse", "Is refused"), ("accept", "Is taken")],
            "",
        ),
        switch("scim_entitlements", "SCIM clients may attach and detach policies", ""),
        line(
            "scim_tags",
            "Attributes mirrored to tags",
            "ATTRIBUTE=KEY with commas between, such as displayName=Name. None if it is empty; the permission profile reference sends no tags.",
        ),
        number("scim_wait_seconds", "SCIM clients wait seconds", "At most, from 1 to 300.").required(),
    ];
    vec![("Definition", definition), ("Provisioning", provisioning), ("Limits", limits), ("SCIM", scim)]
}
