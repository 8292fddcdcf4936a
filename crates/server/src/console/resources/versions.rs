//! `/systems/{system_id}/resources/{resource}/versions`: what a version of a policy says, or what two say otherwise.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::rights::Right;
use keyreeve_model::{ExternalId, PolicyDocuments, PolicyVersion, SystemId};
use keyreeve_store::AsOf;
use serde::Deserialize;

use super::of;
use super::show::found;
use crate::body::{InPath, InQuery, at_most};
use crate::console::address::asking;
use crate::console::document::{Compared, Document};
use crate::console::form::{Field, Takes};
use crate::console::imports;
use crate::console::page::{Frame, shown};
use crate::console::parts::{Badge, Cell, Empty, Link, Tone};
use crate::console::systems;
use crate::console::table::{Column, Table};
use crate::console::time::Time;
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

const COLUMNS: [Column; 5] = [
    Column::plain("Version"),
    Column::plain("Made"),
    Column::plain("State"),
    Column::plain("First seen"),
    Column::plain("Difference"),
];

/// Which version, and since which.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    #[serde(default, deserialize_with = "at_most::<64, _>")]
    from: Option<String>,
    #[serde(default, deserialize_with = "at_most::<64, _>")]
    to: Option<String>,
}

#[derive(Template)]
#[template(path = "console/resources/versions.html")]
struct VersionsPage {
    frame: Frame,
    name: String,
    action: String,
    from: Field,
    to: Field,
    /// What is shown.
    title: String,
    document: Option<Document>,
    compared: Option<Compared>,
    versions: Table,
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath((system_id, resource)): InPath<(SystemId, ExternalId)>,
    InQuery(Which { from, to }): InQuery<Which>,
) -> Result<Response, Problem> {
    visitor.require(Right::Read, &system_id)?;
    let system = parts.store.get_system(&system_id).await?;
    let resource = found(&parts, &system_id, AsOf::Now, &resource).await?;
    let documents = parts.store.resource_documents(&resource, AsOf::Now).await?;
    let address = of(&system_id, &resource.external_id);
    let one = |wanted: &str| {
        let found = documents.versions.iter().find(|one| one.version_id == wanted);
        found.ok_or_else(|| {
            Problem::not_found(format!("no import has seen a version {wanted:?} of this policy"))
        })
    };
    let (from, to) = (from.filter(|from| !from.is_empty()), to.filter(|to| !to.is_empty()));
    let from = from.as_deref().map(one).transpose()?;
    let to = match to.as_deref() {
        Some(to) => Some(one(to)?),
        None => documents.versions.iter().find(|one| one.is_default).or(documents.versions.first()),
    };
    let (title, document, compared) = match (from, to) {
        (Some(from), Some(to)) => compared(from, to),
        (_, Some(to)) => {
            let title = format!("What {} says", to.version_id);
            (title, Some(Document::new("document", &*to.version_id, to.document.as_deref())), None)
        }
        (_, None) => (String::new(), None, None),
    };
    let choices: Vec<(String, String)> =
        documents.versions.iter().map(|one| (one.version_id.clone(), called(one))).collect();
    let none = (String::new(), "No other: show it".to_owned());
    let field = |name, label, choices, chosen: Option<&PolicyVersion>| {
        Field::new(name, label, Takes::OneOf(choices))
            .value(chosen.map_or("", |one| one.version_id.as_str()))
            .required()
    };
    let mut frame = systems::frame_below(&visitor, &system, &format!("Versions of {}", resource.name));
    frame.above.push(Link::new(systems::within(&system_id, "resources"), "Resources"));
    frame.above.push(Link::new(address.clone(), resource.name.clone()));
    let page = VersionsPage {
        frame,
        name: resource.name.clone(),
        action: format!("{address}/versions"),
        from: field("from", "Since", std::iter::once(none).chain(choices.clone()).collect(), from),
        to: field("to", "Version", choices, to),
        title,
        document,
        compared,
        versions: table(&address, &documents),
    };
    Ok(shown(&page))
}

fn compared(from: &PolicyVersion, to: &PolicyVersion) -> (String, Option<Document>, Option<Compared>) {
    let title = format!("From {} to {}", from.version_id, to.version_id);
    match (&from.document, &to.document) {
        (Some(before), Some(after)) => (title, None, Some(Compared::between(before, after))),
        // One of them is not known, so neither is what is different.
        _ => (title, Some(Document::new("document", "Document", None)), None),
    }
}

fn called(one: &PolicyVersion) -> String {
    let version = &one.version_id;
    if one.is_default { format!("{version}, in force") } else { version.clone() }
}

/// The versions of a policy, the newest first.
pub(super) fn table(address: &str, documents: &PolicyDocuments) -> Table {
    let versions = &documents.versions;
    let in_force = versions.iter().find(|one| one.is_default);
    let link = |given: &[(&str, &str)], text: String| {
        Cell::link(asking(&format!("{address}/versions"), given.iter().copied()), text)
    };
    let row = |one: &PolicyVersion| {
        let state = match (one.is_default, one.gone_run) {
            (true, _) => Badge::new(Tone::Good, "In force"),
            (false, None) => Badge::new(Tone::Quiet, "Kept in AWS"),
            (false, Some(_)) => Badge::new(Tone::Quiet, "Gone from AWS"),
        };
        let difference = match in_force {
            Some(other) if !one.is_default => link(
                &[("from", &one.version_id), ("to", &other.version_id)],
                format!("To {}", other.version_id),
            ),
            _ => Cell::None,
        };
        vec![
            link(&[("to", &one.version_id)], one.version_id.clone()),
            one.created_at.map_or(Cell::text("unknown"), |at| Cell::Time(Time::at(at))),
            Cell::Badge(state),
            Cell::link(imports::of(one.first_seen_run), format!("Run {}", one.first_seen_run)),
            difference,
        ]
    };
    let empty = Empty {
        title: "Its versions are not known".to_owned(),
        text: "No import has read them. The next one whose profile reads policies does, unless AWS does not let it or \
               does not say them; of AWS's own policies only those are read that somebody holds."
            .to_owned(),
        action: None,
    };
    Table::whole("Versions", &COLUMNS, versions.iter().map(row).collect(), empty)
}
