//! `/imports/{run}/changes`: what a run changed, or would change, against the one before it.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::export::changes::{ChangeLine, lines_of};
use keyreeve_engine::rights::Right;
use keyreeve_model::{ChangeKind, ImportRunId, ImportRunState};

use super::of;
use crate::body::InPath;
use crate::console::page::{Frame, Section, shown};
use crate::console::parts::{Badge, Cell, Empty, Link, Tone};
use crate::console::states::{OBJECT_TYPES, called_object};
use crate::console::table::{Asked, Column, Filter, Shape, Table};
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

static SHAPE: Shape = Shape {
    columns: &[
        Column::plain("Change"),
        Column::sorted("type", "Type"),
        Column::plain("Name"),
        Column::plain("What is different"),
    ],
    filters: &[
        Filter { name: "q", label: "Name", choices: &[] },
        Filter { name: "type", label: "Type", choices: OBJECT_TYPES },
        Filter {
            name: "change",
            label: "Change",
            choices: &[("created", "Created"), ("changed", "Changed"), ("deleted", "Deleted")],
        },
    ],
    sort: "type",
};

#[derive(Template)]
#[template(path = "console/imports/changes.html")]
struct ChangesPage {
    frame: Frame,
    title: &'static str,
    changes: Table,
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(run): InPath<i64>,
    asked: Asked,
) -> Result<Response, Problem> {
    let run = parts.desk.import_run(&visitor.actor, Right::Read, ImportRunId(run)).await?;
    let listing = asked.of_shape(&SHAPE)?;
    let changes = parts.store.import_changes(run.id).await?;
    let wanted = listing.filter("q").map(str::to_lowercase);
    let (of_type, kind) = (listing.filter("type"), listing.filter("change"));
    let fits = |line: &ChangeLine| {
        of_type.is_none_or(|wanted| wanted == line.object_type.as_str())
            && kind.is_none_or(|wanted| wanted == word(line.kind))
            && wanted.as_ref().is_none_or(|wanted| line.name.to_lowercase().contains(wanted))
    };
    let mut lines: Vec<ChangeLine> = lines_of(&changes).into_iter().filter(fits).collect();
    if listing.order().starts_with('-') {
        lines.reverse();
    }
    if listing.is_file() {
        return listing.file((run.system_id.as_str(), "changes"), &lines, cells);
    }
    let lines = listing.cut(lines)?;
    let empty = Empty {
        title: "Nothing is different".to_owned(),
        text: "The run read what was known already.".to_owned(),
        action: None,
    };
    let key = |(place, _): &(usize, ChangeLine)| *place;
    let table = listing.table("Changes", lines, key, |(_, line)| cells(line), empty)?;
    let title = match run.state {
        ImportRunState::Published => "What it changed",
        _ => "What it would change",
    };
    let mut frame = Frame::of(&visitor, Section::Imports, format!("Changes · Import run {}", run.id));
    frame.above =
        vec![Link::new("/imports", "Imports"), Link::new(of(run.id), format!("Import run {}", run.id))];
    Ok(shown(&ChangesPage { frame, title, changes: table }))
}

fn word(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Created => "created",
        ChangeKind::Changed => "changed",
        ChangeKind::Deleted => "deleted",
    }
}

fn cells(line: &ChangeLine) -> Vec<Cell> {
    let badge = match line.kind {
        ChangeKind::Created => Badge::new(Tone::Good, "Created"),
        ChangeKind::Changed => Badge::new(Tone::Notice, "Changed"),
        ChangeKind::Deleted => Badge::new(Tone::Bad, "Deleted"),
    };
    let details = line.details();
    vec![
        Cell::Badge(badge),
        Cell::text(called_object(line.object_type)),
        Cell::text(line.name.clone()),
        if details.is_empty() { Cell::None } else { Cell::text(details) },
    ]
}
