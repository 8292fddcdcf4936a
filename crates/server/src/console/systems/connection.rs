//! `/systems/{system_id}/connection`: how a system signs in, and the test of that.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use keyreeve_engine::check::{Check, CheckState, LastTest, Rights};
use keyreeve_engine::key_rotation::stored_key;
use keyreeve_engine::rights::Right;
use keyreeve_model::{System, SystemId, SystemState};
use serde::Deserialize;

use super::checklist::way;
use super::profiles::may_change;
use super::{frame, tabs};
use crate::body::InPath;
use crate::console::form::{Dangerous, Nothing, Sent, Wrong, reasoned, sentence};
use crate::console::page::{Frame, Said, shown_as};
use crate::console::parts::{Badge, Cell, Empty, Facts, Link, Tabs, Tone};
use crate::console::spoken::spoken;
use crate::console::table::{Column, Table};
use crate::console::time::Time;
use crate::console::visitor::{Visitor, to};
use crate::parts::Parts;
use crate::problem::Problem;

const COLUMNS: [Column; 5] = [
    Column::plain("State"),
    Column::plain("What"),
    Column::plain("Found"),
    Column::plain("What to do"),
    Column::plain("Actions"),
];

#[derive(Template)]
#[template(path = "console/systems/connection.html")]
struct ConnectionPage {
    frame: Frame,
    name: String,
    badge: Badge,
    tabs: Tabs,
    facts: Facts,
    action: String,
    /// Whether whoever looks may test it.
    may_test: bool,
    wrong: Option<String>,
    found: Option<Found>,
    /// Where credentials are replaced, by whoever may.
    replace: Vec<Link>,
    /// Where a quarantine is ended, by whoever may.
    release: Option<Dangerous>,
}

/// What a test found, and which one that was.
struct Found {
    title: &'static str,
    said: Option<Tested>,
    table: Table,
}

/// Who made a test, when, and whether it is of what the system is now.
struct Tested {
    by: String,
    at: Time,
    since: &'static str,
}

impl Found {
    /// What has just been found.
    fn now(checks: &[Check]) -> Self {
        Self { title: "What the test found", said: None, table: table(checks) }
    }

    /// What was found the last time.
    fn before(test: &LastTest) -> Self {
        let since = match test.is_of_now {
            true => "",
            false => "The system signs in otherwise since, or for something else: test it again.",
        };
        Self {
            title: "What the last test found",
            said: Some(Tested { by: test.by.clone(), at: Time::at(test.at), since }),
            table: table(&test.checks),
        }
    }
}

/// Why a quarantine ends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Because {
    reason: String,
    #[serde(default)]
    confirm: String,
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
) -> Result<Response, Problem> {
    visitor.require(Right::Read, &system_id)?;
    let system = parts.store.get_system(&system_id).await?;
    let before = LastTest::of(&parts.store, &system).await?;
    Ok(answer(&visitor, &system, (None, before.as_ref().map(Found::before))))
}

/// Tries the connection. An AWS account that was not known is pinned, and a system whose credentials are of another one is
/// quarantined: so it is sent, and not only asked for.
pub(super) async fn test(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    Sent(Nothing {}): Sent<Nothing>,
) -> Result<Response, Problem> {
    visitor.require(Right::Operate, &system_id)?;
    let (desk, actor, id) = (parts.desk.clone(), visitor.actor.clone(), system_id.clone());
    let checked = parts.planning.run(move || async move { desk.check_system(&actor, &id).await }).await?;
    let outcome = match checked {
        Ok(checks) => (None, Some(Found::now(&checks))),
        Err(error) => (Some(Wrong::of(error.into())?), None),
    };
    let system = parts.store.get_system(&system_id).await?;
    Ok(answer(&visitor, &system, outcome))
}

/// Ends the quarantine of a system, unless its cause is still there.
/// The form of a release is on the page of the connection.
pub(super) async fn of_release(_: Visitor, InPath(system_id): InPath<SystemId>) -> Response {
    to(&super::within(&system_id, "connection"))
}

pub(super) async fn release(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    Sent(Because { reason, confirm }): Sent<Because>,
) -> Result<Response, Problem> {
    visitor.require(Right::Administer, &system_id)?;
    let (desk, actor, id) = (parts.desk.clone(), visitor.actor.clone(), system_id.clone());
    let typed = Dangerous::typed(&confirm, system_id.as_str());
    let wrong = match typed.and_then(|()| reasoned(&reason)) {
        Ok(why) => {
            let why = why.map(str::to_owned);
            let work = move || async move { desk.release_system(&actor, &id, why.as_deref()).await };
            match parts.planning.run(work).await? {
                Ok(_) => return Ok(Said::Released.to(&super::within(&system_id, "connection"))),
                Err(error) => Wrong::of(error.into())?,
            }
        }
        Err(wrong) => wrong,
    };
    let system = parts.store.get_system(&system_id).await?;
    Ok(filled_in(&visitor, &system, &reason, (Some(wrong), None)))
}

fn answer(visitor: &Visitor, system: &System, outcome: (Option<Wrong>, Option<Found>)) -> Response {
    filled_in(visitor, system, "", outcome)
}

/// The page, with the reason that was given for the end of a quarantine.
fn filled_in(
    visitor: &Visitor,
    system: &System,
    reason: &str,
    (wrong, found): (Option<Wrong>, Option<Found>),
) -> Response {
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut facts = vec![
        (
            "Signs in with",
            match system.state {
                SystemState::Removed => Cell::text("nothing: its credentials were wiped when it was removed"),
                _ => Cell::text(way(system)),
            },
        ),
        (
            "AWS account",
            system
                .aws_account_id
                .as_ref()
                .map_or(Cell::text("not known yet"), |id| Cell::Code(id.to_string())),
        ),
        ("Permission profile", Cell::Code(system.settings.permission_profile.as_str().to_owned())),
    ];
    if let Some(why) = &system.state_reason {
        facts.push(("Why nothing runs", Cell::text(sentence(&why.message))));
    }
    let (beside, above) = Wrong::parted(wrong);
    let release = || {
        Dangerous {
        action: super::within(&system.system_id, "release"),
        title: "End the quarantine",
        consequences: vec![
            "It is looked first whether its cause is still there: credentials of another AWS account keep a system in quarantine.".to_owned(),
            "From then on imports and changes run again, with the credentials that it has now.".to_owned(),
        ],
        confirm: system.system_id.to_string(),
        button: "Release",
        hidden: Vec::new(),
        reason: reason.to_owned(),
        wrong: beside,
    }
    };
    let page = ConnectionPage {
        frame: frame(visitor, system, "Connection"),
        name: system.name.to_string(),
        badge: Badge::of_system(system.state),
        tabs: tabs(&system.system_id, "connection"),
        facts: Facts { facts },
        action: super::within(&system.system_id, "connection"),
        may_test: visitor.may(Right::Operate) && system.state != SystemState::Removed,
        wrong: above,
        found,
        replace: replace(visitor, system),
        release: (system.state == SystemState::Quarantined && visitor.may(Right::Administer)).then(release),
    };
    shown_as(status, &page)
}

/// The ways to other credentials.
fn replace(visitor: &Visitor, system: &System) -> Vec<Link> {
    if !may_change(visitor, system) {
        return Vec::new();
    }
    let link = |what: &str, text: &str| Link::new(super::within(&system.system_id, what), text);
    let key = stored_key(system).is_ok().then(|| link("rotate-key", "Replace the access key…"));
    [link("credential", "Other credentials…")].into_iter().chain(key).collect()
}

fn table(checks: &[Check]) -> Table {
    let row = |check: &Check| {
        let actions: Vec<String> = check.actions.iter().map(ToString::to_string).collect();
        vec![
            Cell::Badge(badge(check)),
            Cell::text(check.name.replace('_', " ")),
            Cell::text(spoken(&check.message)),
            check.advice.as_ref().map_or(Cell::None, |advice| Cell::text(sentence(advice))),
            if actions.is_empty() { Cell::None } else { Cell::Codes(actions) },
        ]
    };
    let empty = Empty { title: "Nothing was looked at".to_owned(), text: String::new(), action: None };
    Table::whole("What the test found", &COLUMNS, checks.iter().map(row).collect(), empty)
}

fn badge(check: &Check) -> Badge {
    match (check.rights, check.state) {
        (Some(Rights::Allowed), _) => Badge::new(Tone::Good, "Allowed"),
        (Some(Rights::Withheld), _) => Badge::new(Tone::Notice, "Withheld"),
        (Some(Rights::Denied), CheckState::Error) => Badge::new(Tone::Bad, "Denied"),
        (Some(Rights::Denied), _) => Badge::new(Tone::Warning, "Denied"),
        (Some(Rights::Wider), _) => Badge::new(Tone::Warning, "Too broad"),
        (_, CheckState::Ok) => Badge::new(Tone::Good, "OK"),
        (_, CheckState::Warning) => Badge::new(Tone::Warning, "Warning"),
        (_, CheckState::Error) => Badge::new(Tone::Bad, "Error"),
        (_, CheckState::Unknown) => Badge::new(Tone::Quiet, "Unknown"),
    }
}
