//! `/systems/{system_id}/resources/{resource}`: who holds a group or policy, since when, and by whose job.

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use keyreeve_engine::rights::Right;
use keyreeve_model::{
    Assignment, AssignmentKind, AssignmentState, ExternalId, PolicyDocuments, Resource, ResourceType,
    SystemId, SystemState,
};
use keyreeve_store::{AsOf, AssignmentFilter};

use super::holders::{Holder, Holders, Place, Question};
use super::through;
use super::{assignable, called, ever_called, gone, link_of, maintained, of, versions, way};
use crate::body::InPath;
use crate::console::accounts::{self, Origins, at_moment, of_state};
use crate::console::address::asking;
use crate::console::document::{Document, Inline};
use crate::console::form::Field;
use crate::console::held;
use crate::console::imports;
use crate::console::moment::{AS_OF, moment_of, unknown_then};
use crate::console::numbers::counted;
use crate::console::page::{Frame, shown_as};
use crate::console::parts::{Badge, Cell, Choice, Empty, Facts, Link};
use crate::console::systems;
use crate::console::table::{Asked, Column, Filter, Shape, Table};
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;
use crate::rest::not_there;

/// The form that takes what is chosen away.
const FORM: &str = "removal";

const COLUMNS: [Column; 6] = [
    Column::sorted("holder", "Holder"),
    // Those beside the first are sorted by where few hold it ([`super::holders`]).
    Column::sorted("how", "How"),
    Column::sorted("since", "Since"),
    Column::sorted("by", "By"),
    Column::sorted("state", "State"),
    Column::acting("Remove"),
];
const FILTERS: [Filter; 2] = [
    Filter {
        name: "kind",
        label: "Holders",
        choices: &[
            ("account", "Accounts"),
            ("group_policy", "Groups"),
            (through::THROUGH, "Accounts, through groups"),
        ],
    },
    AS_OF,
];
/// As whoever may take it away sees it, and as all others do.
static CHANGING: Shape = Shape { columns: &COLUMNS, filters: &FILTERS, sort: "holder" };
static READING: Shape = Shape {
    columns: &[COLUMNS[0], COLUMNS[1], COLUMNS[2], COLUMNS[3], COLUMNS[4]],
    filters: &FILTERS,
    sort: "holder",
};

#[derive(Template)]
#[template(path = "console/resources/show.html")]
struct ShowPage {
    frame: Frame,
    name: String,
    address: String,
    as_of: Field,
    /// The moment that it is shown as of, unless that is now.
    then: Option<String>,
    badge: Badge,
    facts: Facts,
    inline: Inline,
    /// Of a policy: what is in force, and its versions.
    says: Option<(Option<Document>, Table)>,
    /// Of a group: its policies.
    policies: Option<Table>,
    holders: Table,
    /// Who holds it in all systems.
    everywhere: Link,
    /// Of a policy: through which groups it reaches accounts.
    through: Option<Through>,
    /// Where those that are chosen are sent to; none where nobody may be taken out.
    remove: Option<String>,
    form: &'static str,
    /// What is wrong with a removal that was asked for.
    nobody: Option<&'static str>,
}

/// That a policy reaches accounts through groups.
struct Through {
    said: String,
    /// The members of these groups, and all accounts that it reaches.
    members: Option<Link>,
    all: Link,
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath((system_id, resource)): InPath<(SystemId, ExternalId)>,
    asked: Asked,
) -> Result<Response, Problem> {
    answer(&visitor, &parts, (&system_id, &resource), asked, None).await
}

/// The page again, for whoever asked for a removal and chose nobody.
pub(super) async fn without_anybody(
    visitor: &Visitor,
    parts: &Parts,
    (system_id, resource): (&SystemId, &ExternalId),
) -> Result<Response, Problem> {
    let own = of(system_id, resource);
    // As it was narrowed down and sorted when they chose.
    let seen = visitor.look.address.parse().ok().filter(|seen: &Uri| seen.path() == own);
    let asked = seen.map_or_else(|| Asked::plain(own), |seen| Asked::of(&seen));
    let nobody = "Nobody was chosen. Mark above whom to take out, then ask for the plan.";
    answer(visitor, parts, (system_id, resource), asked, Some(nobody)).await
}

async fn answer(
    visitor: &Visitor,
    parts: &Parts,
    (system_id, resource): (&SystemId, &ExternalId),
    asked: Asked,
    nobody: Option<&'static str>,
) -> Result<Response, Problem> {
    visitor.require(Right::Read, system_id)?;
    let store = &parts.store;
    let system = store.get_system(system_id).await?;
    let may_change = system.state == SystemState::Active && visitor.may(Right::Operate);
    let shape = if may_change { &CHANGING } else { &READING };
    let mut listing = asked.of_shape(shape)?.with_apart(&[AS_OF.name]);
    // Where nothing is known as of that, the resource is shown as it is now, and that is said.
    let (mut moment, mut wrong) = match moment_of(listing.filter(AS_OF.name), parts.clock.now()) {
        Ok(moment) => (moment, None),
        Err(wrong) => (AsOf::Now, Some(wrong)),
    };
    let mut one = store.find_resource(system_id, moment, resource).await;
    if let Err(error) = one {
        one = match unknown_then(error, moment) {
            Ok(why) => {
                (moment, wrong) = (AsOf::Now, Some(why));
                store.find_resource(system_id, moment, resource).await
            }
            Err(error) => Err(error),
        };
    }
    let then = listing.filter(AS_OF.name).filter(|_| wrong.is_none()).map(str::to_owned);
    let Some(resource) = one? else {
        return match store.resource_last_known(system_id, resource).await? {
            Some(known) => Ok(gone::page(visitor, (&system, then.as_deref()), known)),
            // It may be a name.
            None => ever_called::page(visitor, parts, (&system, then.as_deref()), resource).await,
        };
    };
    let may_change = may_change && moment == AsOf::Now;
    let groups = match resource.kind {
        ResourceType::Policy => through::groups(store, &resource, moment).await?,
        ResourceType::Group => Vec::new(),
    };
    let through =
        (resource.kind == ResourceType::Policy).then(|| reaches(&resource, &groups, then.as_deref()));
    let Holders { rows: held, origins } =
        Question { store, resource: &resource, moment, groups }.answer(&mut listing).await?;
    let cells = |(_, one): &(Place, Holder)| one.cells(&origins, (then.as_deref(), may_change));
    if listing.is_file() {
        return match wrong {
            Some(wrong) => Err(Problem::bad_request(wrong.why)),
            None => listing.file((system_id.as_str(), "holders"), &held, cells),
        };
    }
    let empty = Empty {
        title: "Nobody holds it".to_owned(),
        text: "No account has it, and no group.".to_owned(),
        action: None,
    };
    let policies = match resource.kind {
        ResourceType::Group => Some(policies(parts, &resource, moment, then.as_deref()).await?),
        ResourceType::Policy => None,
    };
    let documents = store.resource_documents(&resource, moment).await?;
    let status = match (&wrong, nobody) {
        (Some(_), _) => StatusCode::BAD_REQUEST,
        (None, Some(_)) => StatusCode::UNPROCESSABLE_ENTITY,
        (None, None) => listing.status(),
    };
    let removable = may_change && wrong.is_none() && held.iter().any(|(_, one)| one.is_removable());
    let mut frame = systems::frame_below(visitor, &system, &resource.name);
    frame
        .above
        .push(Link::new(at_moment(systems::within(system_id, "resources"), then.as_deref()), "Resources"));
    let page = ShowPage {
        frame,
        name: resource.name.clone(),
        address: of(system_id, &resource.external_id),
        as_of: Field::line(AS_OF.name, AS_OF.label)
            .value(listing.filter(AS_OF.name).unwrap_or_default())
            .unless(wrong.as_ref()),
        then: then.clone(),
        badge: Badge::new(crate::console::parts::Tone::Quiet, called(resource.kind)),
        facts: facts(&resource),
        says: (resource.kind == ResourceType::Policy).then(|| says(&resource, &documents)),
        inline: Inline::of(documents.inline),
        policies,
        holders: match wrong {
            Some(wrong) => {
                let empty = Empty {
                    title: "Nothing is known as of that".to_owned(),
                    text: wrong.why.clone(),
                    action: None,
                };
                listing.unread("Holders", empty, Some(&wrong))
            }
            None => listing.table("Holders", held, |(place, _)| place.clone(), cells, empty)?,
        },
        everywhere: held::of_resource(&resource),
        through,
        remove: removable.then(|| format!("{}/remove", of(system_id, &resource.external_id))),
        form: FORM,
        nobody,
    };
    Ok(shown_as(status, &page))
}

/// A group or policy, or that it is not there.
pub(super) async fn found(
    parts: &Parts,
    system_id: &SystemId,
    moment: AsOf,
    resource: &ExternalId,
) -> Result<Resource, Problem> {
    let found = parts.store.find_resource(system_id, moment, resource).await?;
    found.ok_or_else(|| not_there(system_id, resource, moment))
}

/// Who holds a resource.
pub(super) fn held_by(resource: &Resource, holders: Option<&str>) -> AssignmentFilter {
    match resource.kind {
        ResourceType::Group => AssignmentFilter {
            group: Some(resource.external_id.to_string()),
            kind: Some(AssignmentKind::AccountGroup),
            ..AssignmentFilter::default()
        },
        ResourceType::Policy => AssignmentFilter {
            policy: Some(resource.arn.clone()),
            kind: holders.map(|holders| match holders {
                "group_policy" => AssignmentKind::GroupPolicy,
                _ => AssignmentKind::AccountPolicy,
            }),
            ..AssignmentFilter::default()
        },
    }
}

/// Through which groups a policy reaches accounts.
fn reaches(policy: &Resource, groups: &[Assignment], as_of: Option<&str>) -> Through {
    let own = of(&policy.system_id, &policy.external_id);
    let asked = [("kind", Some(through::THROUGH)), (AS_OF.name, as_of)];
    let members = asking(&own, asked.into_iter().filter_map(|(name, value)| Some((name, value?))));
    Through {
        said: match groups.len() {
            0 => "No group has it, so it reaches nobody through one.".to_owned(),
            number => {
                format!(
                    "{} it, and through them their members do.",
                    counted(number, "group holds", "groups hold")
                )
            }
        },
        members: (!groups.is_empty())
            .then(|| Link::new(format!("{members}#holders"), "Show who holds it through groups")),
        all: Link::new(through::all(policy, as_of), "All accounts that it reaches"),
    }
}

fn holder(one: &Assignment, as_of: Option<&str>) -> Cell {
    let address = match one.kind.of_account() {
        true => accounts::of(&one.system_id, &one.subject_external_id),
        false => of(&one.system_id, &one.subject_external_id),
    };
    Cell::link(at_moment(address, as_of), one.subject_name.clone())
}

pub(super) fn is_removable(one: &Assignment) -> bool {
    one.kind.of_account() && one.state != AssignmentState::PendingRemove
}

/// Somebody who holds it without anything between.
pub(super) fn of_holder(
    one: &Assignment,
    origins: &Origins,
    (then, may_change): (Option<&str>, bool),
) -> Vec<Cell> {
    let mut cells = vec![
        holder(one, then),
        Cell::text(way(one.kind)),
        origins.since(one),
        origins.by(one),
        Cell::Badge(of_state(one.state)),
    ];
    if may_change {
        cells.push(choice(one));
    }
    cells
}

fn choice(one: &Assignment) -> Cell {
    if !is_removable(one) {
        return Cell::None;
    }
    Cell::Choice(Choice {
        form: FORM,
        name: "holder",
        value: one.subject_external_id.to_string(),
        label: format!("Remove {}", one.subject_name),
    })
}

async fn policies(
    parts: &Parts,
    group: &Resource,
    moment: AsOf,
    as_of: Option<&str>,
) -> Result<Table, Problem> {
    const OF_GROUP: [Column; 4] =
        [Column::plain("Policy"), Column::plain("ARN"), Column::plain("Since"), Column::plain("By")];
    let filter = AssignmentFilter {
        group: Some(group.external_id.to_string()),
        kind: Some(AssignmentKind::GroupPolicy),
        ..AssignmentFilter::default()
    };
    let held = parts.store.list_assignments(&group.system_id, moment, &filter).await?;
    let origins = Origins::of(&parts.store, &group.system_id, held.iter()).await?;
    let row = |one: &Assignment| {
        let arn = one.resource_arn.clone().map_or(Cell::None, Cell::Code);
        vec![link_of(one, as_of), arn, origins.since(one), origins.by(one)]
    };
    let empty = Empty {
        title: "No managed policy".to_owned(),
        text: "None is attached to the group.".to_owned(),
        action: None,
    };
    Ok(Table::whole("Policies of the group", &OF_GROUP, held.iter().map(row).collect(), empty))
}

/// What of a policy is in force, and its versions.
fn says(policy: &Resource, documents: &PolicyDocuments) -> (Option<Document>, Table) {
    let in_force = documents.versions.iter().find(|one| one.is_default);
    let text = in_force.and_then(|one| one.document.as_deref());
    // Where no version is known at all, their table says so.
    let document = (!documents.versions.is_empty()).then(|| Document::new("document", &*policy.name, text));
    let table = versions::table(&of(&policy.system_id, &policy.external_id), documents);
    (document, table)
}

fn facts(resource: &Resource) -> Facts {
    let run = |run| Cell::link(imports::of(run), format!("Run {run}"));
    let mut facts = vec![
        ("Path", Cell::Code(resource.path.clone())),
        ("ARN", Cell::Code(resource.arn.clone())),
        ("Id", Cell::Code(resource.external_id.to_string())),
    ];
    if resource.kind == ResourceType::Policy {
        facts.push(("Maintained by", maintained(resource)));
        facts.push(("Can be assigned", Cell::Badge(assignable(resource))));
        facts.push(("Version in force", resource.default_version.clone().map_or(Cell::None, Cell::Code)));
    }
    facts.push(("First seen", run(resource.first_seen_run)));
    facts.push(("Last seen", run(resource.last_seen_run)));
    Facts { facts }
}
