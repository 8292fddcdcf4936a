//! `/systems/{system_id}/profiles/{profile}`: an import profile, with its schedule and its thresholds, made, set and taken
//! away.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::rights::Right;
use keyreeve_engine::schedule::ScheduleTimes;
use keyreeve_model::{ImportProfile, ProfileName, System, SystemId};
use serde::Deserialize;

use super::profile_form::{Filled, groups, profile, sent, values};
use super::profiles::{may_change, of, outcome, times};
use super::{frame_below, within};
use crate::body::InPath;
use crate::conditions::version;
use crate::console::form::{Dangerous, Field, Sent, Wrong, reasoned, status_of, whole};
use crate::console::page::{Frame, Said, shown_as};
use crate::console::parts::{Cell, Facts, Link};
use crate::console::settings::AskPage;
use crate::console::time::Time;
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

/// The names of the hidden field that says as what the profile was seen, and of the name of a new one.
const SEEN: &str = "seen";
const NAME: &str = "name";
/// Every system has one of this name, which stays.
const USUAL: &str = "default";

#[derive(Template)]
#[template(path = "console/systems/profile.html")]
struct ProfilePage {
    frame: Frame,
    title: String,
    action: String,
    seen: String,
    wrong: Option<String>,
    /// The name of a new one.
    name: Option<Field>,
    /// When it runs by itself.
    times: Option<Facts>,
    groups: Vec<(&'static str, Vec<Field>)>,
    may_change: bool,
    remove: Option<Link>,
    back: String,
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath((system_id, name)): InPath<(SystemId, ProfileName)>,
) -> Result<Response, Problem> {
    visitor.require(Right::Read, &system_id)?;
    let there = parts.store.get_import_profile(&system_id, &name).await?;
    asked(&visitor, &parts, &system_id, Form::of(&there)?, None).await
}

/// What the page of a form shows.
struct Form {
    /// `None` for a new one.
    of: Option<ProfileName>,
    /// What was typed for its name.
    name: String,
    values: Filled,
    seen: String,
}

impl Form {
    fn of(there: &ImportProfile) -> Result<Self, Problem> {
        let of = Some(there.name.clone());
        Ok(Self { of, name: String::new(), values: values(there), seen: version(there)? })
    }

    /// Of a new one, which begins as every system's own does.
    fn new() -> Result<Self, Problem> {
        let usual = ProfileName::new(USUAL).map_err(|why| Problem::bad_request(why.to_string()))?;
        let values = values(&ImportProfile::default_named(usual));
        Ok(Self { of: None, name: String::new(), values, seen: String::new() })
    }
}

pub(super) async fn set(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath((system_id, name)): InPath<(SystemId, ProfileName)>,
    Sent(mut form): Sent<BTreeMap<String, String>>,
) -> Result<Response, Problem> {
    visitor.require(Right::Administer, &system_id)?;
    let there = parts.store.get_import_profile(&system_id, &name).await?;
    let seen = form.remove(SEEN).unwrap_or_default();
    let values = sent(form, &values(&there))?;
    let wanted = profile(name.clone(), &values);
    let form = Form { of: Some(name), name: String::new(), values, seen };
    let is_seen = |there: Option<&ImportProfile>| {
        there.is_some_and(|there| version(there).is_ok_and(|is| is == form.seen))
    };
    let wrong = match wanted {
        Ok(wanted) => match parts.desk.set_profile(&visitor.actor, &system_id, &wanted, is_seen).await {
            Ok(()) => return Ok(Said::Saved.to(&of(&system_id, &wanted.name))),
            Err(error) => Wrong::of(error.into())?,
        },
        Err(wrong) => wrong,
    };
    asked(&visitor, &parts, &system_id, form, Some(wrong)).await
}

/// `/systems/{system_id}/new-profile`
pub(super) async fn new(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
) -> Result<Response, Problem> {
    visitor.require(Right::Administer, &system_id)?;
    asked(&visitor, &parts, &system_id, Form::new()?, None).await
}

pub(super) async fn make(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    Sent(mut form): Sent<BTreeMap<String, String>>,
) -> Result<Response, Problem> {
    visitor.require(Right::Administer, &system_id)?;
    form.remove(SEEN);
    let typed = form.remove(NAME).unwrap_or_default().trim().to_owned();
    let form = Form { values: sent(form, &Form::new()?.values)?, name: typed, ..Form::new()? };
    let wanted = form.name.parse::<ProfileName>().map_err(|why| Wrong::with(NAME, why));
    let wrong = match wanted.and_then(|name| profile(name, &form.values)) {
        Ok(wanted) => {
            let is_new = |there: Option<&ImportProfile>| there.is_none();
            match parts.desk.set_profile(&visitor.actor, &system_id, &wanted, is_new).await {
                Ok(()) => return Ok(Said::Saved.to(&of(&system_id, &wanted.name))),
                Err(_) if parts.store.get_import_profile(&system_id, &wanted.name).await.is_ok() => {
                    Wrong::with(NAME, "there is an import profile of this name; give another one")
                }
                Err(error) => Wrong::of(error.into())?,
            }
        }
        Err(wrong) => wrong,
    };
    asked(&visitor, &parts, &system_id, form, Some(wrong)).await
}

async fn asked(
    visitor: &Visitor,
    parts: &Parts,
    system_id: &SystemId,
    form: Form,
    wrong: Option<Wrong>,
) -> Result<Response, Problem> {
    let system = parts.store.get_system(system_id).await?;
    let status = status_of(wrong.as_ref());
    let title = form
        .of
        .as_ref()
        .map_or_else(|| "New import profile".to_owned(), |name| format!("Import profile {name}"));
    let mut frame = frame_of(visitor, &system, &title);
    let action = match &form.of {
        Some(name) => of(system_id, name),
        None => within(system_id, "new-profile"),
    };
    // A choice of the theme leads back by `GET`.
    frame.address.clone_from(&action);
    let times = match &form.of {
        Some(name) => times(parts, system_id).await?.get(name).map(when),
        None => None,
    };
    let removable = form.of.as_ref().filter(|name| name.as_str() != USUAL);
    let may_change = may_change(visitor, &system);
    let page = ProfilePage {
        frame,
        title,
        seen: form.seen,
        name: form.of.is_none().then(|| {
            Field::line(NAME, "Name")
                .value(&form.name)
                .hint("Letters, digits, dot, dash and underscore. It never changes.")
                .required()
                .unless(wrong.as_ref())
        }),
        times,
        groups: groups(&form.values, wrong.as_ref()),
        wrong: whole(wrong),
        may_change,
        remove: removable
            .filter(|_| may_change)
            .map(|_| Link::new(format!("{action}/remove"), "Remove the import profile…")),
        action,
        back: within(system_id, "profiles"),
    };
    Ok(shown_as(status, &page))
}

fn frame_of(visitor: &Visitor, system: &System, title: &str) -> Frame {
    let mut frame = frame_below(visitor, system, title);
    frame.above.push(Link::new(within(&system.system_id, "profiles"), "Import profiles"));
    frame
}

fn when(times: &ScheduleTimes) -> Facts {
    const NEXT: [&str; 3] = ["Next time", "After that", "And then"];
    let next = NEXT.into_iter().zip(&times.next_times);
    let mut facts: Vec<_> = next.map(|(name, at)| (name, Cell::Time(Time::at(*at)))).collect();
    if let Some(last) = &times.last_time {
        facts.push(("Last time", Cell::Time(Time::at(last.at))));
        facts.push(("What came of it", outcome(last)));
    }
    Facts { facts }
}

/// What the form of a removal sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Removal {
    seen: String,
    reason: String,
    confirm: String,
}

/// `/systems/{system_id}/profiles/{profile}/remove`
pub(super) async fn ask_removal(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath((system_id, name)): InPath<(SystemId, ProfileName)>,
) -> Result<Response, Problem> {
    visitor.require(Right::Administer, &system_id)?;
    removal(&visitor, &parts, (&system_id, &name), ("", None)).await
}

pub(super) async fn remove(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath((system_id, name)): InPath<(SystemId, ProfileName)>,
    Sent(Removal { seen, reason, confirm }): Sent<Removal>,
) -> Result<Response, Problem> {
    visitor.require(Right::Administer, &system_id)?;
    let why = match Dangerous::typed(&confirm, name.as_str()).and_then(|()| reasoned(&reason)) {
        Ok(why) => why,
        Err(wrong) => return removal(&visitor, &parts, (&system_id, &name), (&reason, Some(wrong))).await,
    };
    let is_seen = |there: &ImportProfile| version(there).is_ok_and(|version| version == seen);
    match parts.desk.remove_profile(&visitor.actor, &system_id, &name, is_seen, why).await {
        Ok(()) => Ok(Said::ProfileRemoved.to(&within(&system_id, "profiles"))),
        Err(error) => {
            let wrong = Wrong::of(error.into())?;
            removal(&visitor, &parts, (&system_id, &name), (&reason, Some(wrong))).await
        }
    }
}

async fn removal(
    visitor: &Visitor,
    parts: &Parts,
    (system_id, name): (&SystemId, &ProfileName),
    (reason, wrong): (&str, Option<Wrong>),
) -> Result<Response, Problem> {
    let system = parts.store.get_system(system_id).await?;
    let there = parts.store.get_import_profile(system_id, name).await?;
    let mut frame = frame_of(visitor, &system, &format!("Remove {name}"));
    frame.above.push(Link::new(of(system_id, name), name.to_string()));
    let dangerous = Dangerous {
        action: format!("{}/remove", of(system_id, name)),
        title: "What follows from it",
        consequences: vec![
            "Nothing is imported through it any more, and its schedule ends with it.".to_owned(),
            "Runs through it, and what they found, stay as they are.".to_owned(),
        ],
        confirm: name.to_string(),
        button: "Remove the import profile",
        hidden: vec![(SEEN, version(&there)?)],
        reason: reason.to_owned(),
        wrong: None,
    };
    Ok(AskPage::answer(frame, format!("Remove the import profile {name}"), dangerous, wrong))
}
