//! `/settings/people`: who may sign in.

use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::desk::PersonAsked;
use keyreeve_model::{Person, Role, Secret};
use serde::Deserialize;

use super::tokens::of_problem;
use super::{
    Adding, ListPage, ONLY, administers_all, frame, limited_to, named, role, role_badge, status_of, systems,
    tabs, whole,
};
use crate::body::GivenSecret;
use crate::console::address;
use crate::console::form::{Field, Sent, Takes, Wrong};
use crate::console::page::{Said, shown_as};
use crate::console::parts::{Badge, Cell, Empty, Tone};
use crate::console::table::{Asked, Column, Filter, Shape};
use crate::console::time::Time;
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

static SHAPE: Shape = Shape {
    columns: &[
        Column::sorted("name", "Name"),
        Column::sorted("called", "Called"),
        Column::sorted("signs_in", "Signs in with"),
        Column::sorted("role", "Role"),
        Column::sorted("systems", "Systems"),
        Column::sorted("state", "State"),
        Column::sorted("added", "Added"),
        Column::sorted("last", "Last signed in"),
    ],
    filters: &[
        Filter { name: "q", label: "Name", choices: &[] },
        Filter { name: "state", label: "State", choices: &[("active", "Active"), ("disabled", "Disabled")] },
    ],
    sort: "name",
};

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    name: String,
    role: String,
    reach: String,
    systems: String,
    password: GivenSecret,
}

/// What is in the fields, but for the password: the name, the role, the systems.
type Filled<'a> = (&'a str, &'a str, (&'a str, &'a str));

/// Nobody is given all systems by what was not chosen.
const FILLED: Filled<'static> = ("", "viewer", (ONLY, ""));

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    asked: Asked,
) -> Result<Response, Problem> {
    answer(&visitor, &parts, asked, FILLED, None).await
}

async fn answer(
    visitor: &Visitor,
    parts: &Parts,
    asked: Asked,
    (name, of_role, of_systems): Filled<'_>,
    wrong: Option<Wrong>,
) -> Result<Response, Problem> {
    let mut people = parts.desk.people(&visitor.actor).await?;
    let listing = asked.of_shape(&SHAPE)?;
    let wanted = listing.filter("q").map(str::to_lowercase);
    let state = listing.filter("state");
    people.retain(|person| {
        let has = |wanted: &String| {
            let called = person.shown_as.as_deref().unwrap_or_default().to_lowercase();
            person.name.to_lowercase().contains(wanted) || called.contains(wanted)
        };
        wanted.as_ref().is_none_or(has)
            && state.is_none_or(|state| badge(person).text.eq_ignore_ascii_case(state))
    });
    people.sort_by(|one, other| one.name.cmp(&other.name));
    let people = listing.arranged(people, cells);
    if listing.is_file() {
        return listing.file(("all", "people"), &people, cells);
    }
    let empty = Empty {
        title: "Nobody yet".to_owned(),
        text: "Whoever is to look here needs a name and a password, or an identity provider.".to_owned(),
        action: None,
    };
    let people = listing.cut(people)?;
    let table = listing.table("People", people, |(place, _)| *place, |(_, person)| cells(person), empty)?;
    let of = wrong.as_ref();
    let mut fields = vec![
        Field::line("name", "Name")
            .value(name)
            .hint("Small letters, digits and . _ @ + -. It never changes.")
            .required()
            .unless(of),
        role(of_role.parse().unwrap_or(Role::Viewer), of),
    ];
    fields.extend(systems(of_systems, of));
    fields.push(
        Field::new("password", "First password", Takes::Secret)
            .hint("12 characters or more. They change it themselves.")
            .required()
            .unless(of),
    );
    let page = ListPage {
        frame: frame(visitor, "People"),
        title: "People",
        tabs: tabs(visitor, "people"),
        table,
        adding: Some(Adding {
            title: "New person",
            about: "",
            action: "/settings/people",
            fields,
            hidden: Vec::new(),
            button: "Add",
        }),
        wrong: whole(wrong.clone()),
    };
    Ok(shown_as(of.map_or(listing.status(), |wrong| status_of(Some(wrong))), &page))
}

pub(super) fn badge(person: &Person) -> Badge {
    match person.disabled_at {
        None => Badge::new(Tone::Good, "Active"),
        Some(_) => Badge::new(Tone::Quiet, "Disabled"),
    }
}

fn cells(person: &Person) -> Vec<Cell> {
    vec![
        Cell::link(of(&person.name), person.name.clone()),
        person.shown_as.clone().map_or(Cell::None, Cell::Text),
        Cell::text(if person.is_of_provider() { "Identity provider" } else { "Password" }),
        role_badge(person.role),
        limited_to(&person.systems),
        Cell::Badge(badge(person)),
        Cell::Time(Time::at(person.created_at)),
        person.signed_in_at.map_or(Cell::None, |at| Cell::Time(Time::at(at))),
    ]
}

/// The address of somebody.
pub(super) fn of(name: &str) -> String {
    address::of(&["settings", "people", name])
}

pub(super) async fn add(
    visitor: Visitor,
    State(parts): State<Parts>,
    asked: Asked,
    Sent(New { name, role, reach, systems, password: GivenSecret(password) }): Sent<New>,
) -> Result<Response, Problem> {
    administers_all(&visitor)?;
    let filled = (name.as_str(), role.as_str(), (reach.as_str(), systems.as_str()));
    match add_as(&visitor, &parts, filled, password).await {
        Ok(person) => Ok(Said::Added.to(&of(&person.name))),
        Err(refused) => answer(&visitor, &parts, asked, filled, Some(refused?)).await,
    }
}

async fn add_as(
    visitor: &Visitor,
    parts: &Parts,
    (name, role, (reach, systems)): Filled<'_>,
    password: Secret,
) -> Result<Person, Result<Wrong, Problem>> {
    let asked = PersonAsked {
        name: name.parse().map_err(|why| Ok(Wrong::with("name", why)))?,
        role: role.parse().map_err(|why| Ok(Wrong::with("role", why)))?,
        systems: named(reach, systems).map_err(Ok)?,
        password,
    };
    parts.desk.add_person(&visitor.actor, asked).await.map_err(|error| of_problem(error.into()))
}
