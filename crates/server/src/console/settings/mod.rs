//! `/settings`: what is set for all systems together: tokens, people, the protect list, how old secrets are, and where
//! people are told.

mod notifications;
mod people;
mod person;
mod protections;
mod secrets;
mod tokens;

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use keyreeve_engine::rights::Right;
use keyreeve_model::{Role, SystemId};

use super::form::{Dangerous, Field, Takes, Wrong, status_of, whole};
use super::page::{Frame, Section, shown, shown_as};
use super::parts::{Badge, Cell, Link, Tab, Tabs, Tone};
use super::table::Table;
use super::visitor::{Visitor, to_form};
use crate::parts::Parts;
use crate::problem::Problem;

/// The pages.
pub(super) fn router() -> Router<Parts> {
    Router::new()
        .route("/settings", get(overview))
        .route("/settings/tokens", get(tokens::page).post(tokens::create))
        .route("/settings/tokens/{token}/revoke", get(tokens::ask).post(tokens::revoke))
        .route("/settings/people", get(people::page).post(people::add))
        .route("/settings/people/{person}", get(person::page))
        .route("/settings/people/{person}/role", post(person::set_role).get(to_form::<1>))
        .route("/settings/people/{person}/password", post(person::set_password).get(to_form::<1>))
        .route("/settings/people/{person}/access", post(person::set_access).get(to_form::<1>))
        .route("/settings/people/{person}/remove", post(person::remove).get(to_form::<1>))
        .route("/settings/protections", get(protections::page).post(protections::add))
        .route("/settings/protections/remove", get(protections::ask).post(protections::remove))
        .route("/settings/secrets", get(secrets::page))
        .route("/settings/notifications", get(notifications::page))
}

/// A place of the settings: its address, its name, what it is for, and whether it is for admins of all systems alone.
const PLACES: [(&str, &str, &str, bool); 5] = [
    (
        "tokens",
        "Tokens",
        "Programs sign in with a token, which has a role and may be limited to some systems.",
        true,
    ),
    ("people", "People", "Who may sign in, what they may do, and in which systems.", true),
    ("protections", "Protect list", "Accounts, paths and tags that nobody may change.", false),
    ("secrets", "Secrets", "How old the keys are that Keyreeve itself holds.", true),
    (
        "notifications",
        "Notifications",
        "Where people are told what they must know, as it is configured.",
        true,
    ),
];

#[derive(Template)]
#[template(path = "console/settings/overview.html")]
struct OverviewPage {
    frame: Frame,
    places: Vec<(Link, &'static str)>,
}

async fn overview(visitor: Visitor) -> Result<Response, Problem> {
    visitor.actor.require(Right::Read)?;
    let all = may_administer_all(&visitor);
    let place = |(what, name, about, for_admins): &(&str, &str, &'static str, bool)| {
        (all || !for_admins).then(|| (Link::new(format!("/settings/{what}"), *name), *about))
    };
    let places = PLACES.iter().filter_map(place).collect();
    Ok(shown(&OverviewPage { frame: Frame::of(&visitor, Section::Settings, "Settings"), places }))
}

/// A list of the settings, and the form that adds to it.
#[derive(Template)]
#[template(path = "console/settings/list.html")]
struct ListPage {
    frame: Frame,
    title: &'static str,
    tabs: Tabs,
    table: Table,
    adding: Option<Adding>,
    wrong: Option<String>,
}

struct Adding {
    title: &'static str,
    /// What follows from it, where that is to be said.
    about: &'static str,
    action: &'static str,
    fields: Vec<Field>,
    /// What it is sent as.
    hidden: Vec<(&'static str, String)>,
    button: &'static str,
}

/// Asks once more before something is taken away.
#[derive(Template)]
#[template(path = "console/settings/ask.html")]
pub(super) struct AskPage {
    frame: Frame,
    title: String,
    wrong: Option<String>,
    dangerous: Dangerous,
}

impl AskPage {
    /// The page, with what is wrong beside the field that is typed into, or above the form.
    pub(super) fn answer(
        mut frame: Frame,
        title: String,
        dangerous: Dangerous,
        wrong: Option<Wrong>,
    ) -> Response {
        frame.title = format!("{title} · Settings");
        let status = status_of(wrong.as_ref());
        let (beside, whole) = Wrong::parted(wrong);
        let dangerous = Dangerous { wrong: beside, ..dangerous };
        shown_as(status, &Self { frame, title, wrong: whole, dangerous })
    }
}

/// Whether pages show them the way there. That is no refusal, which would stand in the audit log.
fn may_administer_all(visitor: &Visitor) -> bool {
    visitor.may(Right::Administer) && visitor.actor.require_all_systems().is_ok()
}

fn administers_all(visitor: &Visitor) -> Result<(), Problem> {
    visitor.actor.require(Right::Administer)?;
    Ok(visitor.actor.require_all_systems()?)
}

/// The frame of a page of the settings.
fn frame(visitor: &Visitor, title: &str) -> Frame {
    let mut frame = Frame::of(visitor, Section::Settings, format!("{title} · Settings"));
    frame.above = vec![Link::new("/settings", "Settings")];
    frame
}

/// Those that whoever looks may see, one beside the other.
fn tabs(visitor: &Visitor, current: &str) -> Tabs {
    let all = may_administer_all(visitor);
    let tab = |(what, label, _, for_admins): &(&str, &'static str, &str, bool)| {
        let address = format!("/settings/{what}");
        (all || !for_admins).then(|| Tab { label, address, current: *what == current })
    };
    Tabs { entries: PLACES.iter().filter_map(tab).collect() }
}

fn role(value: Role, wrong: Option<&Wrong>) -> Field {
    let called = [
        (Role::Viewer, "Viewer: looks"),
        (Role::Operator, "Operator: imports, and asks for changes"),
        (Role::Approver, "Approver: looks, and decides what others asked for"),
        (Role::Admin, "Admin: everything"),
    ];
    let choices = called.map(|(role, called)| (role.as_str().to_owned(), called.to_owned()));
    Field::new("role", "Role", Takes::OneOf(choices.into())).value(value.as_str()).required().unless(wrong)
}

/// The fields of which systems somebody is limited to. That it is all of them is a choice, and not what is left when the
/// last one is taken away.
fn systems((reach, systems): (&str, &str), wrong: Option<&Wrong>) -> Vec<Field> {
    let reaches = [(ALL, "All systems, and those to come"), (ONLY, "Only these systems")];
    let reaches = reaches.map(|(one, called)| (one.to_owned(), called.to_owned()));
    vec![
        Field::new("reach", "For", Takes::OneOf(reaches.into())).value(reach).required().unless(wrong),
        Field::line("systems", "Only these systems")
            .value(systems)
            .hint("Their System IDs, with commas between.")
            .depends()
            .unless(wrong),
    ]
}

/// All systems, as the form sends it.
const ALL: &str = "all";
/// Only those that are named.
const ONLY: &str = "only";

/// What stands in the fields of the systems.
fn written(systems: &[SystemId]) -> (&'static str, String) {
    let ids = systems.iter().map(SystemId::as_str).collect::<Vec<_>>().join(", ");
    (if systems.is_empty() { ALL } else { ONLY }, ids)
}

/// The systems that a form names, each once; none for all.
fn named(reach: &str, systems: &str) -> Result<Vec<SystemId>, Wrong> {
    let refused = |why: &str| Err(Wrong::with("systems", why));
    match (reach, systems.trim()) {
        (ALL, "") => return Ok(Vec::new()),
        (ALL, _) => return refused("it is for all systems, and some are named; choose one of the two"),
        (ONLY, "") => return refused("no system is named; name one at least, or choose all systems"),
        (ONLY, _) => {}
        _ => return Err(Wrong::with("reach", "choose all systems, or only those that are named")),
    }
    let mut named = Vec::new();
    for id in systems.split(',').map(str::trim) {
        if id.is_empty() {
            return refused("there is a comma with no System ID beside it");
        }
        let id = id.parse().map_err(|why| Wrong::with("systems", why))?;
        if !named.contains(&id) {
            named.push(id);
        }
    }
    Ok(named)
}

fn limited_to(systems: &[SystemId]) -> Cell {
    if systems.is_empty() { Cell::text("All") } else { Cell::text(written(systems).1) }
}

fn role_badge(role: Role) -> Cell {
    let tone = if role == Role::Admin { Tone::Notice } else { Tone::Quiet };
    Cell::Badge(Badge::new(tone, role.as_str()))
}
