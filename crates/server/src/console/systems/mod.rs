//! `/systems`: the connected AWS accounts.

mod checklist;
mod connection;
mod credential;
mod key;
mod mapping_reset;
mod mappings;
mod new;
mod policy;
mod profile;
mod profile_form;
mod profiles;
mod remove;
mod settings;
mod show;

pub(super) use checklist::called;

use std::collections::BTreeMap;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use keyreeve_engine::rights::Right;
use keyreeve_model::{System, SystemId, SystemState};
use keyreeve_store::{SystemFilter, SystemStanding};

use super::address;
use super::numbers::counted;
use super::page::{Frame, Section, shown_as};
use super::parts::{Badge, Cell, Empty, Link, Tab, Tabs};
use super::states::SYSTEM_STATES;
use super::table::{Asked, Column, Filter, Shape, Table};
use super::time::Time;
use super::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;
use crate::rest::SystemOrder;

/// The pages.
pub(super) fn router() -> Router<Parts> {
    Router::new()
        .route("/systems", get(list))
        .route("/new-system", get(new::page).post(new::register))
        .route("/systems/{system_id}", get(show::page))
        .route("/systems/{system_id}/connection", get(connection::page).post(connection::test))
        .route("/systems/{system_id}/release", post(connection::release).get(connection::of_release))
        .route("/systems/{system_id}/credential", get(credential::page).post(credential::replace))
        .route("/systems/{system_id}/rotate-key", get(key::page).post(key::rotate))
        .route("/systems/{system_id}/policy", get(policy::page))
        .route("/systems/{system_id}/profiles", get(profiles::page))
        .route("/systems/{system_id}/new-profile", get(profile::new).post(profile::make))
        .route("/systems/{system_id}/profiles/{profile}", get(profile::page).post(profile::set))
        .route(
            "/systems/{system_id}/profiles/{profile}/remove",
            get(profile::ask_removal).post(profile::remove),
        )
        .route("/systems/{system_id}/mappings", get(mappings::list))
        .route("/systems/{system_id}/mappings/{mapping}", get(mappings::page).post(mappings::set))
        .route(
            "/systems/{system_id}/mappings/{mapping}/reset",
            get(mapping_reset::page).post(mapping_reset::reset),
        )
        .route("/systems/{system_id}/settings", get(settings::page).post(settings::change))
        .route("/systems/{system_id}/remove", get(remove::page).post(remove::remove))
}

static SHAPE: Shape = Shape {
    columns: &[
        Column::sorted("name", "Name"),
        Column::sorted("system_id", "System ID"),
        Column::sorted("category", "Category"),
        Column::plain("State"),
        Column::plain("AWS account"),
        Column::plain("Last import"),
        Column::plain("Published"),
        Column::number("Accounts"),
        Column::sorted("created_at", "Registered"),
    ],
    filters: &[
        Filter { name: "q", label: "Name, ID, category or AWS account", choices: &[] },
        Filter { name: "state", label: "State", choices: SYSTEM_STATES },
    ],
    sort: "name",
};

#[derive(Template)]
#[template(path = "console/systems/list.html")]
struct ListPage {
    frame: Frame,
    /// Whether whoever looks may register one.
    may_add: bool,
    systems: Table,
}

async fn list(visitor: Visitor, State(parts): State<Parts>, asked: Asked) -> Result<Response, Problem> {
    visitor.actor.require(Right::Read)?;
    let listing = asked.of_shape(&SHAPE)?;
    let order: SystemOrder = listing.reading().parse()?;
    let now = parts.clock.now();
    let asked = SystemFilter {
        systems: visitor.actor.limits(),
        state: listing.filter("state").and_then(|state| serde_json::from_value(state.into()).ok()),
        removed: false,
        text: listing.filter("q"),
    };
    let slice = order.slice(listing.after()?, listing.limit()?);
    let systems = parts.store.systems_slice(&asked, &slice).await?;
    let ids: Vec<SystemId> = systems.iter().map(|system| system.system_id.clone()).collect();
    let standing = parts.store.standings(&ids).await?;
    let standing: BTreeMap<&SystemId, &SystemStanding> =
        standing.iter().map(|one| (&one.system_id, one)).collect();
    let cells = |system: &System| cells(system, standing.get(&system.system_id).copied(), now);
    if listing.is_file() {
        return listing.file(("all", "systems"), &systems, cells);
    }
    let may_add = visitor.may(Right::Administer) && visitor.actor.require_all_systems().is_ok();
    // Whoever sees some asks for nothing of those that were removed.
    let removed = if systems.is_empty() { removed(&visitor, &parts).await? } else { 0 };
    // A button above leads to a new one.
    let add = (may_add && removed == 0).then(|| Link::new("/new-system", "New system"));
    let empty = none(removed, add);
    let table = listing.table("Systems", systems, |system| order.place(system), cells, empty)?;
    let frame = Frame::of(&visitor, Section::Systems, "Systems");
    Ok(shown_as(listing.status(), &ListPage { frame, may_add, systems: table }))
}

/// What is said where no system is connected, though some may have been, with the way to a new one or else to those.
pub(super) fn none(removed: u64, add: Option<Link>) -> Empty {
    if removed == 0 {
        return Empty {
            title: "No system yet".to_owned(),
            text: "A system is one AWS account that is connected. Nothing is governed before there is one."
                .to_owned(),
            action: add,
        };
    }
    let were = counted(removed, "system was removed", "systems were removed");
    Empty {
        title: "No system is connected".to_owned(),
        text: format!("{were}; what was known of them is readable, under Systems, State Removed."),
        action: Some(add.unwrap_or_else(|| Link::new("/systems?state=removed", "Show what was removed"))),
    }
}

/// How many systems of a visitor were removed.
pub(super) async fn removed(visitor: &Visitor, parts: &Parts) -> Result<u64, Problem> {
    let removed = SystemFilter {
        systems: visitor.actor.limits(),
        state: Some(SystemState::Removed),
        ..SystemFilter::default()
    };
    Ok(parts.store.count_systems(&removed).await?)
}

fn cells(system: &System, standing: Option<&SystemStanding>, now: jiff::Timestamp) -> Vec<Cell> {
    let published = standing.and_then(|one| one.published);
    vec![
        Cell::link(of(&system.system_id), system.name.to_string()),
        Cell::Code(system.system_id.to_string()),
        Cell::text(system.category.clone()),
        Cell::Badge(Badge::of_system(system.state)),
        system.aws_account_id.as_ref().map_or(Cell::None, |account| Cell::Code(account.to_string())),
        standing
            .and_then(|one| one.last)
            .map_or(Cell::None, |(_, state, _)| Cell::Badge(Badge::of_run(state))),
        published.map_or(Cell::None, |(_, at)| Cell::Time(Time::ago(at, now))),
        standing.and_then(|one| one.users).map_or(Cell::None, Cell::Number),
        Cell::Time(Time::at(system.created_at)),
    ]
}

/// The address of a system.
pub(super) fn of(system_id: &SystemId) -> String {
    address::of(&["systems", system_id.as_str()])
}

/// The address of something of a system.
pub(super) fn within(system_id: &SystemId, what: &str) -> String {
    address::of(&["systems", system_id.as_str(), what])
}

/// The frame of a page of a system.
pub(super) fn frame(visitor: &Visitor, system: &System, title: &str) -> Frame {
    let mut frame = Frame::of(visitor, Section::Systems, format!("{title} · {}", system.name));
    frame.above = vec![Link::new("/systems", "Systems")];
    frame
}

/// A removed system has nothing to be changed any more.
///
/// # Errors
/// It was removed.
fn in_use(system: &System) -> Result<(), Problem> {
    match system.state {
        SystemState::Removed => Err(Problem::new(
            StatusCode::CONFLICT,
            "system_removed",
            "the system was removed, and nothing of it is changed any more",
        )),
        _ => Ok(()),
    }
}

/// The frame of a page below that of a system, which leads back to it.
pub(super) fn frame_below(visitor: &Visitor, system: &System, title: &str) -> Frame {
    let mut frame = frame(visitor, system, title);
    frame.above.push(Link::new(of(&system.system_id), system.name.to_string()));
    frame
}

/// The pages of a system, one beside the other.
pub(super) fn tabs(system_id: &SystemId, current: &str) -> Tabs {
    let tab = |(label, what): (&'static str, &str)| Tab {
        label,
        address: if what.is_empty() { of(system_id) } else { within(system_id, what) },
        current: what == current,
    };
    let all = [
        ("Overview", ""),
        ("Accounts", "accounts"),
        ("Resources", "resources"),
        ("Compare", "compare"),
        ("Drift", "drift"),
        ("Jobs", "jobs"),
        ("Connection", "connection"),
        ("Policy", "policy"),
        ("Import profiles", "profiles"),
        ("Task mappings", "mappings"),
        ("Settings", "settings"),
    ];
    let mut entries: Vec<Tab> = all.into_iter().map(tab).collect();
    let imports = address::asking("/imports", [("system", system_id.as_str())]);
    // Beside what they found.
    entries.insert(3, Tab { label: "Imports", address: imports, current: false });
    Tabs { entries }
}
