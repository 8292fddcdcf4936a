//! `/imports`: what was read of systems, and what became of it.

mod changes;
mod compare;
mod decide;
mod show;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use keyreeve_engine::desk::{DeskError, ImportAsked};
use keyreeve_engine::import::ImportError;
use keyreeve_engine::rights::Right;
use keyreeve_model::{ChangeCounts, ImportRun, ImportRunId, ProfileName, SystemId};
use keyreeve_store::{RunSlice, StoreError};
use serde::Deserialize;

use super::address;
use super::form::Sent;
use super::page::{Frame, Section, shown_as};
use super::parts::{Badge, Cell, Empty};
use super::states::RUN_STATES;
use super::systems;
use super::table::{Asked, Column, Filter, Shape, Table};
use super::time::Time;
use super::visitor::{Visitor, to, to_form};
use crate::parts::Parts;
use crate::problem::Problem;

/// The pages.
pub(super) fn router() -> Router<Parts> {
    Router::new()
        .route("/imports", get(list).post(begin))
        .route("/imports/{run}", get(show::page))
        .route("/imports/{run}/changes", get(changes::page))
        .route("/systems/{system_id}/compare", get(compare::page))
        .route("/imports/{run}/accept", post(decide::accept).get(to_form::<1>))
        .route("/imports/{run}/reject", post(decide::reject).get(to_form::<1>))
}

static SHAPE: Shape = Shape {
    columns: &[
        Column::sorted("run", "Run"),
        Column::plain("System"),
        Column::plain("Profile"),
        Column::plain("State"),
        // Runs are numbered as they begin. There is no index by any other column.
        Column::sorted("begun", "Begun"),
        Column::plain("By"),
        Column::plain("Accounts"),
        Column::plain("Resources"),
        Column::plain("Assignments"),
        Column::number("AWS calls"),
    ],
    filters: &[
        Filter { name: "system", label: "System ID", choices: &[] },
        Filter { name: "state", label: "State", choices: RUN_STATES },
    ],
    sort: "-run",
};

#[derive(Template)]
#[template(path = "console/imports/list.html")]
struct ListPage {
    frame: Frame,
    runs: Table,
}

async fn list(visitor: Visitor, State(parts): State<Parts>, asked: Asked) -> Result<Response, Problem> {
    visitor.actor.require(Right::Read)?;
    let mut listing = asked.of_shape(&SHAPE)?;
    let systems = visitor.systems_asked(&parts, &mut listing).await?;
    let slice = RunSlice {
        systems,
        state: listing.filter("state").and_then(|state| serde_json::from_value(state.into()).ok()),
        beyond: listing.after()?,
        oldest_first: !listing.reading().starts_with('-'),
        limit: listing.limit()?.saturating_add(1),
    };
    let runs = parts.store.import_runs(&slice).await?;
    if listing.is_file() {
        return listing.file(("all", "import-runs"), &runs, cells);
    }
    let empty = Empty {
        title: "Nothing was imported yet".to_owned(),
        text: "An import reads a system whole. It is begun on the page of the system, or by a schedule."
            .to_owned(),
        action: None,
    };
    let runs = listing.table("Import runs", runs, |run: &ImportRun| run.id, cells, empty)?;
    let frame = Frame::of(&visitor, Section::Imports, "Imports");
    Ok(shown_as(listing.status(), &ListPage { frame, runs }))
}

fn cells(run: &ImportRun) -> Vec<Cell> {
    let counted = |counts: &ChangeCounts| match run.state.compared() {
        true => Cell::text(counts_of(counts)),
        false => Cell::None,
    };
    vec![
        Cell::link(of(run.id), run.id.to_string()),
        Cell::link(systems::of(&run.system_id), run.system_id.to_string()),
        Cell::text(run.profile.to_string()),
        Cell::Badge(Badge::of_run(run.state)),
        Cell::Time(Time::at(run.started_at)),
        Cell::text(run.actor.clone()),
        counted(&run.changes.accounts),
        counted(&run.changes.resources),
        counted(&run.changes.assignments),
        Cell::Number(run.aws_calls),
    ]
}

/// How many came, changed and went, in one cell; and how many merely became known or unknown, where there are any.
fn counts_of(counts: &ChangeCounts) -> String {
    let mut text = format!("+{} ~{} −{}", counts.created, counts.changed, counts.deleted);
    if counts.seen_differently > 0 {
        text.push_str(&format!(" ({} seen otherwise)", counts.seen_differently));
    }
    text
}

/// How many came, changed and went, in words.
fn counts_in_words(counts: &ChangeCounts) -> String {
    let mut text = format!("{} new, {} changed, {} gone", counts.created, counts.changed, counts.deleted);
    if counts.seen_differently > 0 {
        text.push_str(&format!(", {} only seen otherwise", counts.seen_differently));
    }
    text
}

/// The address of a run.
pub(super) fn of(run: ImportRunId) -> String {
    address::of(&["imports", &run.to_string()])
}

/// The run that is under way, where an import is refused because of it.
fn under_way(error: &DeskError) -> Option<ImportRunId> {
    let of_store = |error: &StoreError| match error {
        StoreError::ImportRunning { run, .. } => Some(*run),
        _ => None,
    };
    match error {
        DeskError::Store(error) => of_store(error),
        DeskError::Import(error) => match &**error {
            ImportError::Store(error) => of_store(error),
            _ => None,
        },
        _ => None,
    }
}

/// An import that is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Import {
    system: SystemId,
    profile: ProfileName,
}

async fn begin(
    visitor: Visitor,
    State(parts): State<Parts>,
    Sent(Import { system, profile }): Sent<Import>,
) -> Result<Response, Problem> {
    let asked = ImportAsked { system_id: system, profile, preview: false };
    let importer = parts.importer.clone();
    let (actor, stop) = (&visitor.actor, parts.stop.clone());
    match parts.desk.import(actor, asked, importer, &parts.importing, stop).await {
        Ok(run) => Ok(to(&of(run.id))),
        // It was sent twice, or somebody else was quicker: that is the import that is waited for.
        Err(error) => match under_way(&error) {
            Some(run) => Ok(to(&of(run))),
            None => Err(error.into()),
        },
    }
}
