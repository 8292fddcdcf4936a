//! `/search`: accounts, groups and policies of all systems that whoever looks may see, and those that are gone.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::rights::Right;
use keyreeve_model::ObjectType;
use keyreeve_store::Found;

use super::accounts;
use super::imports;
use super::numbers::grouped;
use super::page::{Frame, Section, shown_as};
use super::parts::{Badge, Cell, Empty, Link, Tone};
use super::resources;
use super::states::called_object;
use super::systems;
use super::table::{Asked, Column, Filter, Shape, Table, Total};
use super::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

/// So many are shown at most.
const MOST: usize = 1_000;

static SHAPE: Shape = Shape {
    columns: &[
        Column::plain("Name"),
        Column::plain("Type"),
        Column::plain("System ID"),
        Column::plain("Path"),
        Column::plain("State"),
    ],
    filters: &[
        Filter { name: "q", label: "Name, path, ARN or tag", choices: &[] },
        Filter {
            name: "type",
            label: "Type",
            choices: &[("account", "Accounts"), ("group", "Groups"), ("policy", "Policies")],
        },
        Filter { name: "state", label: "State", choices: &[("there", "Is there"), ("gone", "Gone")] },
        Filter { name: "system", label: "System ID", choices: &[] },
    ],
    sort: "",
};

#[derive(Template)]
#[template(path = "console/search.html")]
struct SearchPage {
    frame: Frame,
    found: Table,
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    asked: Asked,
) -> Result<Response, Problem> {
    visitor.actor.require(Right::Read)?;
    let mut listing = asked.of_shape(&SHAPE)?;
    let systems = visitor.systems_asked(&parts, &mut listing).await?;
    let (mut found, more) = match listing.filter("q") {
        Some(wanted) => parts.store.search(systems.as_deref(), wanted, MOST).await?,
        None => (Vec::new(), false),
    };
    let (of, state) = (listing.filter("type"), listing.filter("state"));
    found.retain(|one| {
        of.is_none_or(|of| of == kind(one.of))
            && state.is_none_or(|state| (state == "gone") == one.gone.is_some())
    });
    if listing.is_file() {
        return listing.file(("all", "found"), &found, cells);
    }
    let empty = Empty {
        title: "What is looked for?".to_owned(),
        text: "Write a part of a name, a path, an ARN or a tag: it is looked for in all systems.".to_owned(),
        action: None,
    };
    let total = match more {
        true => Total::MoreThan(found.len() as u64),
        false => Total::Exactly(found.len() as u64),
    };
    let listing = listing.with_total(Some(total));
    let found = listing.table(
        "What was found",
        listing.cut(found)?,
        |(place, _)| *place,
        |(_, one)| cells(one),
        empty,
    )?;
    let page = SearchPage {
        frame: Frame::of(&visitor, Section::Search, "Search"),
        found: match more {
            true => found.telling(&format!(
                "More than {} fit, and these are what was found first: say more of what is looked for.",
                grouped(MOST as u64)
            )),
            false => found,
        },
    };
    Ok(shown_as(listing.status(), &page))
}

/// As the filter has it.
fn kind(of: ObjectType) -> &'static str {
    match of {
        ObjectType::Group => "group",
        ObjectType::Policy | ObjectType::AwsManagedPolicy => "policy",
        _ => "account",
    }
}

fn cells(one: &Found) -> Vec<Cell> {
    let page = match one.of {
        ObjectType::Account => accounts::of(&one.system_id, &one.external_id),
        _ => resources::of(&one.system_id, &one.external_id),
    };
    let state = match (one.gone, one.status) {
        (Some(run), _) => {
            Cell::TextOf("Gone since".to_owned(), Link::new(imports::of(run), format!("run {run}")))
        }
        (None, Some(status)) => Cell::Badge(accounts::of_status(status)),
        (None, None) => Cell::Badge(Badge::new(Tone::Quiet, "Is there")),
    };
    vec![
        Cell::link(page, one.name.clone()),
        Cell::text(called_object(one.of)),
        Cell::link(systems::of(&one.system_id), one.system_id.to_string()),
        Cell::Code(one.path.clone()),
        state,
    ]
}
