//! `/held`: who holds a group or policy, in all systems that whoever looks may see.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::rights::Right;
use keyreeve_model::{Assignment, Resource};
use keyreeve_store::{HeldFilter, HeldPlace, HeldSlice};

use super::accounts;
use super::address::asking;
use super::imports;
use super::page::{Frame, Section, shown_as};
use super::parts::{Cell, Empty, Link};
use super::resources;
use super::systems;
use super::table::{Asked, Column, Filter, Shape, Table};
use super::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

/// Where it is.
const ADDRESS: &str = "/held";

/// The systems come in the order in which they were registered: there is an index by that, and then by holder.
static SHAPE: Shape = Shape {
    columns: &[
        Column::sorted("system", "System ID"),
        Column::plain("Holder"),
        Column::plain("How"),
        Column::plain("Holds"),
        Column::plain("ARN"),
        Column::plain("Seen since"),
    ],
    filters: &[
        Filter { name: "resource", label: "Name or ARN of a group or policy", choices: &[] },
        Filter {
            name: "kind",
            label: "Holders",
            choices: &[
                ("account_group", "Members of the group"),
                ("account_policy", "Accounts that the policy is attached to"),
                ("group_policy", "Groups that the policy is attached to"),
            ],
        },
        Filter { name: "system", label: "System ID", choices: &[] },
    ],
    sort: "system",
};

#[derive(Template)]
#[template(path = "console/held.html")]
struct HeldPage {
    frame: Frame,
    held: Table,
}

/// The way to who holds what has this name or ARN.
pub(super) fn of(resource: &str) -> Link {
    Link::new(asking(ADDRESS, [("resource", resource)]), "Held in all systems")
}

/// The way to who holds this, or what is called so: what AWS maintains has the same ARN everywhere, all else but its name.
pub(super) fn of_resource(resource: &Resource) -> Link {
    let is_of_aws = resource.managed_by == Some(keyreeve_model::ManagedBy::Aws);
    of(if is_of_aws { &resource.arn } else { &resource.name })
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    asked: Asked,
) -> Result<Response, Problem> {
    visitor.actor.require(Right::Read)?;
    let mut listing = asked.of_shape(&SHAPE)?;
    let systems = visitor.systems_asked(&parts, &mut listing).await?;
    let slice = HeldSlice {
        descending: listing.reading().starts_with('-'),
        after: listing.after()?,
        limit: listing.limit()?.saturating_add(1),
    };
    let narrowed = ["system", "kind"].iter().any(|name| listing.filter(name).is_some());
    if narrowed && listing.filter("resource").is_none() {
        listing.is_not("resource", "Write the name or ARN whose holders are looked for.".to_owned())?;
    }
    let held = match listing.filter("resource") {
        None => Vec::new(),
        Some(resource) => {
            let kind = listing.filter("kind").and_then(|kind| serde_json::from_value(kind.into()).ok());
            let filter = HeldFilter { resource: resource.to_owned(), kind };
            parts.store.held_everywhere(systems.as_deref(), &filter, &slice).await?
        }
    };
    if listing.is_file() {
        return listing.file(("all", "held"), &held, cells);
    }
    let empty = Empty {
        title: "Whose holders are looked for?".to_owned(),
        text:
            "Write the whole name of a group or policy, or an ARN: who holds it is looked for in all systems."
                .to_owned(),
        action: None,
    };
    let held = listing.table("Who holds it", held, HeldPlace::of, cells, empty)?;
    let page = HeldPage { frame: Frame::of(&visitor, Section::Search, "Held in all systems"), held };
    Ok(shown_as(listing.status(), &page))
}

fn cells(one: &Assignment) -> Vec<Cell> {
    let holder = match one.kind.of_account() {
        true => accounts::of(&one.system_id, &one.subject_external_id),
        false => resources::of(&one.system_id, &one.subject_external_id),
    };
    let run = one.first_seen_run;
    vec![
        Cell::link(systems::of(&one.system_id), one.system_id.to_string()),
        Cell::link(holder, one.subject_name.clone()),
        Cell::text(resources::way(one.kind)),
        resources::link_of(one, None),
        one.resource_arn.clone().map_or(Cell::None, Cell::Code),
        Cell::link(imports::of(run), format!("Run {run}")),
    ]
}
