//! `/systems/{system_id}/resources`: the groups and policies of a system, now or as of any moment.

mod ever_called;
mod gone;
mod holders;
mod remove;
mod show;
mod through;
mod versions;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use keyreeve_engine::rights::Right;
use keyreeve_model::{Assignment, AssignmentKind, ExternalId, ManagedBy, Resource, ResourceType, SystemId};
use keyreeve_store::{AsOf, ResourceFilter, ResourceOrder, Slice};

use super::accounts::at_moment;
use super::address;
use super::moment::{AS_OF, Unread, moment_of};
use super::page::{Frame, shown_as};
use super::parts::{Badge, Cell, Empty, Tabs, Tone};
use super::systems;
use super::table::{Asked, Column, Filter, Listing, Shape, Table, Total};
use super::visitor::{Visitor, to_form};
use crate::body::InPath;
use crate::parts::Parts;
use crate::problem::Problem;

/// The pages.
pub(super) fn router() -> Router<Parts> {
    Router::new()
        .route("/systems/{system_id}/resources", get(list))
        .route("/systems/{system_id}/resources/{resource}", get(show::page))
        .route("/systems/{system_id}/resources/{resource}/versions", get(versions::page))
        .route("/systems/{system_id}/resources/{resource}/remove", post(remove::plan).get(to_form::<1>))
}

/// By whom they are maintained, lists are narrowed down by, and not sorted: there is no index by that.
static SHAPE: Shape = Shape {
    columns: &[
        Column::sorted("name", "Name"),
        Column::sorted("type", "Type"),
        Column::sorted("path", "Path"),
        Column::plain("Maintained by"),
        Column::plain("Can be assigned"),
        Column::plain("ARN"),
    ],
    filters: &[
        Filter { name: "q", label: "Name", choices: &[] },
        Filter { name: "type", label: "Type", choices: &[("group", "Groups"), ("policy", "Policies")] },
        Filter {
            name: "managed_by",
            label: "Maintained by",
            choices: &[("customer", "This AWS account"), ("aws", "AWS")],
        },
        Filter { name: "path", label: "Path begins with", choices: &[] },
        AS_OF,
    ],
    sort: "name",
};

#[derive(Template)]
#[template(path = "console/resources/list.html")]
struct ListPage {
    frame: Frame,
    name: String,
    badge: Badge,
    tabs: Tabs,
    resources: Table,
}

async fn list(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    asked: Asked,
) -> Result<Response, Problem> {
    visitor.require(Right::Read, &system_id)?;
    let listing = asked.of_shape(&SHAPE)?;
    let system = parts.store.get_system(&system_id).await?;
    let read = match moment_of(listing.filter(AS_OF.name), parts.clock.now()) {
        Ok(moment) => listed(&parts, &system_id, &listing, moment).await,
        Err(wrong) => Err(Unread::Moment(wrong)),
    };
    let mut listing = listing;
    if let (Ok(resources), Ok(moment)) = (&read, moment_of(listing.filter(AS_OF.name), parts.clock.now()))
        && !listing.is_file()
        && listing.goes_on(resources.len())
    {
        let most = u32::try_from(Total::FAR).unwrap_or(u32::MAX).saturating_add(1);
        let counted = parts.store.count_resources(&system_id, moment, &filter(&listing), most).await?;
        listing = listing.with_total(Some(Total::of(counted)));
    }
    let (by, _) = order(&listing.reading());
    let (status, resources) = match read {
        Ok(resources) => {
            let cells = |resource: &Resource| cells(resource, listing.filter(AS_OF.name));
            if listing.is_file() {
                return listing.file((system_id.as_str(), "resources"), &resources, cells);
            }
            let place = |one: &Resource| by.place(one);
            (listing.status(), listing.table("Resources", resources, place, cells, nothing())?)
        }
        Err(unread) => unread.table(&listing, "Resources", &system_id)?,
    };
    let page = ListPage {
        frame: systems::frame(&visitor, &system, "Resources"),
        name: system.name.to_string(),
        badge: Badge::of_system(system.state),
        tabs: systems::tabs(&system_id, "resources"),
        resources,
    };
    Ok(shown_as(status, &page))
}

/// The groups and policies that are asked for, and one more if there are more.
async fn listed(
    parts: &Parts,
    system_id: &SystemId,
    listing: &Listing,
    moment: AsOf,
) -> Result<Vec<Resource>, Unread> {
    let (by, descending) = order(&listing.reading());
    let slice = Slice { by, descending, after: listing.after()?, limit: listing.limit()?.saturating_add(1) };
    let found = parts.store.resources_slice(system_id, moment, &filter(listing), &slice).await;
    found.map_err(|error| Unread::of(error, moment))
}

/// What the list is sorted by, and whether it begins with the last.
fn order(word: &str) -> (ResourceOrder, bool) {
    let (key, descending) = word.strip_prefix('-').map_or((word, false), |key| (key, true));
    let by = match key {
        "path" => ResourceOrder::Path,
        "type" => ResourceOrder::Type,
        _ => ResourceOrder::Name,
    };
    (by, descending)
}

fn filter(listing: &Listing) -> ResourceFilter {
    ResourceFilter {
        kind: listing.filter("type").and_then(|kind| serde_json::from_value(kind.into()).ok()),
        name: listing.filter("q").map(str::to_owned),
        path_prefix: listing.filter("path").map(str::to_owned),
        managed_by: listing.filter("managed_by").and_then(|by| serde_json::from_value(by.into()).ok()),
    }
}

fn nothing() -> Empty {
    Empty {
        title: "No group and no policy".to_owned(),
        text: "The last import saw none within its scope.".to_owned(),
        action: None,
    }
}

fn cells(resource: &Resource, as_of: Option<&str>) -> Vec<Cell> {
    vec![
        Cell::link(at_moment(of(&resource.system_id, &resource.external_id), as_of), resource.name.clone()),
        Cell::text(called(resource.kind)),
        Cell::Code(resource.path.clone()),
        maintained(resource),
        Cell::Badge(assignable(resource)),
        Cell::Code(resource.arn.clone()),
    ]
}

fn called(kind: ResourceType) -> &'static str {
    match kind {
        ResourceType::Group => "Group",
        ResourceType::Policy => "Policy",
    }
}

fn maintained(resource: &Resource) -> Cell {
    match resource.managed_by {
        Some(ManagedBy::Aws) => Cell::text("AWS"),
        Some(ManagedBy::Customer) => Cell::text("This AWS account"),
        None => Cell::None,
    }
}

fn assignable(resource: &Resource) -> Badge {
    match resource.attachable {
        true => Badge::new(Tone::Good, "Yes"),
        false => Badge::new(Tone::Quiet, "No"),
    }
}

/// The address of a group or policy. Its id names it: names can be anything that IAM takes, and change.
pub(super) fn of(system_id: &SystemId, resource: &ExternalId) -> String {
    address::of(&["systems", system_id.as_str(), "resources", resource.as_str()])
}

/// The resource of an assignment; a link where a listing resolved it.
pub(super) fn link_of(one: &Assignment, as_of: Option<&str>) -> Cell {
    match &one.resource_external_id {
        Some(id) => Cell::link(at_moment(of(&one.system_id, id), as_of), one.resource_name.clone()),
        None => Cell::text(one.resource_name.clone()),
    }
}

/// How somebody holds something.
pub(super) fn way(kind: AssignmentKind) -> &'static str {
    match kind {
        AssignmentKind::AccountGroup => "Member",
        AssignmentKind::AccountPolicy => "Attached to the account",
        AssignmentKind::GroupPolicy => "Attached to the group",
    }
}
