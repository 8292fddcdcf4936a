//! `/systems/{system_id}/profiles`: what imports read, and when they run by themselves.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use keyreeve_engine::rights::Right;
use keyreeve_engine::schedule::{LastTime, ScheduleTimes};
use keyreeve_model::{ImportObject, ImportProfile, ProfileName, System, SystemId, SystemState};

use super::{frame, tabs, within};
use crate::body::InPath;
use crate::console::address;
use crate::console::form::sentence;
use crate::console::imports;
use crate::console::page::{Frame, shown_as};
use crate::console::parts::{Badge, Cell, Empty, Link, Tabs};
use crate::console::table::{Asked, Column, Filter, Shape, Table};
use crate::console::time::Time;
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

static SHAPE: Shape = Shape {
    columns: &[
        Column::sorted("profile", "Import profile"),
        Column::sorted("reads", "Reads"),
        Column::sorted("path", "Users below"),
        Column::sorted("schedule", "Schedule"),
        Column::sorted("zone", "Zone"),
        Column::sorted("next", "Next time"),
        Column::sorted("last", "Last time"),
        Column::sorted("outcome", "What came of it"),
    ],
    filters: &[
        Filter { name: "q", label: "Import profile", choices: &[] },
        Filter {
            name: "schedule",
            label: "Runs by itself",
            choices: &[("yes", "By a schedule"), ("no", "Never")],
        },
    ],
    sort: "profile",
};

#[derive(Template)]
#[template(path = "console/systems/profiles.html")]
struct ProfilesPage {
    frame: Frame,
    name: String,
    badge: Badge,
    tabs: Tabs,
    profiles: Table,
    /// Where whoever may makes another one.
    create: Option<Link>,
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    asked: Asked,
) -> Result<Response, Problem> {
    visitor.require(Right::Read, &system_id)?;
    let system = parts.store.get_system(&system_id).await?;
    let listing = asked.of_shape(&SHAPE)?;
    let wanted = listing.filter("q").map(str::to_lowercase);
    let scheduled = listing.filter("schedule").map(|wanted| wanted == "yes");
    let mut profiles = parts.store.list_import_profiles(&system_id).await?;
    profiles.retain(|profile| {
        wanted.as_ref().is_none_or(|wanted| profile.name.to_string().to_lowercase().contains(wanted))
            && scheduled.is_none_or(|scheduled| scheduled == profile.schedule.is_some())
    });
    let times = times(&parts, &system_id).await?;
    let cells = |profile: &ImportProfile| cells(&system_id, profile, times.get(&profile.name));
    let profiles = listing.arranged(profiles, cells);
    if listing.is_file() {
        return listing.file((system_id.as_str(), "import-profiles"), &profiles, cells);
    }
    let empty = Empty {
        title: "No import profile".to_owned(),
        text: "Nothing can be imported without one.".to_owned(),
        action: None,
    };
    let profiles = listing.cut(profiles)?;
    let profiles =
        listing.table("Import profiles", profiles, |(place, _)| *place, |(_, one)| cells(one), empty)?;
    let page = ProfilesPage {
        frame: frame(&visitor, &system, "Import profiles"),
        name: system.name.to_string(),
        badge: Badge::of_system(system.state),
        tabs: tabs(&system_id, "profiles"),
        profiles,
        create: may_change(&visitor, &system)
            .then(|| Link::new(within(&system_id, "new-profile"), "New import profile")),
    };
    Ok(shown_as(listing.status(), &page))
}

/// Whether whoever looks may change the profiles of a system, its mappings, or how it signs in.
pub(super) fn may_change(visitor: &Visitor, system: &System) -> bool {
    visitor.may(Right::Administer) && system.state != SystemState::Removed
}

/// When the schedules of a system have their times, by profile.
pub(super) async fn times(
    parts: &Parts,
    system_id: &SystemId,
) -> Result<BTreeMap<ProfileName, ScheduleTimes>, Problem> {
    let all = ScheduleTimes::of_system(&parts.store, system_id, parts.clock.now()).await?;
    Ok(all.into_iter().map(|times| (times.profile.clone(), times)).collect())
}

fn cells(system_id: &SystemId, profile: &ImportProfile, times: Option<&ScheduleTimes>) -> Vec<Cell> {
    let last = times.and_then(|times| times.last_time.as_ref());
    let moment = |at: Option<Timestamp>| at.map_or(Cell::None, |at| Cell::Time(Time::at(at)));
    vec![
        Cell::link(of(system_id, &profile.name), profile.name.to_string()),
        Cell::text(profile.objects.iter().map(|object| called(*object)).collect::<Vec<_>>().join(", ")),
        Cell::Code(profile.path_prefix.clone()),
        profile.schedule.as_ref().map_or(Cell::None, |schedule| Cell::Code(schedule.to_string())),
        profile.schedule.as_ref().map_or(Cell::None, |_| Cell::text(profile.time_zone.clone())),
        moment(times.and_then(|times| times.next_times.first().copied())),
        moment(last.map(|last| last.at)),
        last.map_or(Cell::None, outcome),
    ]
}

/// What came of a time of a schedule.
pub(super) fn outcome(last: &LastTime) -> Cell {
    match (last.run, &last.reason) {
        (Some(run), _) => Cell::link(imports::of(run), format!("Run {run}, {}", last.state)),
        (None, Some(reason)) => Cell::text(format!("Passed over: {}", sentence(reason))),
        (None, None) => Cell::text("Passed over"),
    }
}

/// What can be read, in words.
pub(super) fn called(object: ImportObject) -> &'static str {
    match object {
        ImportObject::Accounts => "accounts",
        ImportObject::LoginProfiles => "login profiles",
        ImportObject::Groups => "groups",
        ImportObject::Policies => "policies",
        ImportObject::Assignments => "assignments",
    }
}

/// The address of an import profile.
pub(super) fn of(system_id: &SystemId, profile: &ProfileName) -> String {
    address::of(&["systems", system_id.as_str(), "profiles", profile.as_str()])
}
