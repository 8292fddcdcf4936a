//! `/imports/{run}/changes`: what a run changed, or would change, against the one before it.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::export::changes::{ChangeLine, lines_of};
use keyreeve_engine::rights::Right;
use keyreeve_model::{Change, ChangeKind, ChangeSet, Compare, ImportRun, ImportRunId, ImportRunState};
use keyreeve_store::{ChangeFilter, ChangePlace, ChangeSlice, PlacedChange};
use serde::de::DeserializeOwned;

use super::{counts_in_words, of};
use crate::body::InPath;
use crate::console::accounts;
use crate::console::page::{Frame, Section, shown_as};
use crate::console::parts::{Badge, Cell, Empty, Link, Tone};
use crate::console::resources;
use crate::console::states::{OBJECT_TYPES, called_object};
use crate::console::table::{Asked, Column, Filter, Listing, Shape, Table};
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

/// The columns of lists of changes.
pub(in crate::console) const COLUMNS: [Column; 4] = [
    Column::plain("Change"),
    Column::sorted("type", "Type"),
    Column::plain("Name"),
    Column::plain("What is different"),
];
/// And what they are narrowed down by.
pub(in crate::console) const FILTERS: [Filter; 3] = [
    Filter { name: "q", label: "Name", choices: &[] },
    Filter { name: "type", label: "Type", choices: OBJECT_TYPES },
    Filter {
        name: "change",
        label: "Change",
        choices: &[("created", "Created"), ("changed", "Changed"), ("deleted", "Deleted")],
    },
];

static SHAPE: Shape = Shape { columns: &COLUMNS, filters: &FILTERS, sort: "type" };

#[derive(Template)]
#[template(path = "console/imports/changes.html")]
struct ChangesPage {
    frame: Frame,
    title: &'static str,
    /// How many there are in all, and what is in the list and in no number.
    counts: Vec<String>,
    filtered: bool,
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
    let (filter, slice) = asked_for(&listing, listing.after()?)?;
    let changes = parts.store.import_changes_slice(run.id, &filter, &slice).await?;
    let published = run.state == ImportRunState::Published;
    let cells = |change: &PlacedChange| cells_of(change, published);
    if listing.is_file() {
        return listing.file((run.system_id.as_str(), "changes"), &changes, cells);
    }
    let empty = Empty {
        title: "Nothing is different".to_owned(),
        text: "The run read what was known already.".to_owned(),
        action: None,
    };
    let filtered = FILTERS.iter().any(|filter| listing.filter(filter.name).is_some());
    let table = listing.table("Changes", changes, |(place, _)| place.clone(), cells, empty)?;
    let title = match run.state {
        ImportRunState::Published => "What it changed",
        _ => "What it would change",
    };
    let mut frame = Frame::of(&visitor, Section::Imports, format!("Changes · Import run {}", run.id));
    frame.above =
        vec![Link::new("/imports", "Imports"), Link::new(of(run.id), format!("Import run {}", run.id))];
    let page = ChangesPage { frame, title, counts: counts(&run), filtered, changes: table };
    Ok(shown_as(listing.status(), &page))
}

/// How many changes the run has of each kind.
fn counts(run: &ImportRun) -> Vec<String> {
    let counts = [
        ("Accounts", &run.changes.accounts),
        ("Groups and policies", &run.changes.resources),
        ("Assignments", &run.changes.assignments),
    ];
    counts.map(|(what, counts)| format!("{what}: {}.", counts_in_words(counts))).into()
}

/// Which changes a list is asked for, and which part of them.
pub(in crate::console) fn asked_for(
    listing: &Listing,
    after: Option<ChangePlace>,
) -> Result<(ChangeFilter, ChangeSlice), Problem> {
    fn one_of<T: DeserializeOwned>(word: Option<&str>) -> Option<T> {
        word.and_then(|word| serde_json::from_value(word.into()).ok())
    }
    let filter = ChangeFilter {
        object_type: one_of(listing.filter("type")),
        kind: one_of(listing.filter("change")),
        text: listing.filter("q").map(str::to_owned),
    };
    let slice = ChangeSlice {
        descending: listing.reading().starts_with('-'),
        after,
        limit: listing.limit()?.saturating_add(1),
    };
    Ok((filter, slice))
}

/// A change in a row of such a list, between what was published.
pub(in crate::console) fn cells(change: &PlacedChange) -> Vec<Cell> {
    cells_of(change, true)
}

/// A change in a row. What a run that is not published saw come has no page.
fn cells_of((_, change): &PlacedChange, published: bool) -> Vec<Cell> {
    let (sight, page) = (is_of_sight(change), page_of(change, published));
    lines_of(change).first().map(|line| of_line(line, sight, page)).unwrap_or_default()
}

/// The page of what was changed, also of what is gone; of an assignment, that of who holds it.
fn page_of(change: &ChangeSet, published: bool) -> Option<String> {
    fn of<T: Compare>(changes: &[Change<T>], published: bool) -> Option<&T> {
        let known = |change: &&Change<T>| published || change.kind() != ChangeKind::Created;
        changes.first().filter(known).map(Change::object)
    }
    let account = of(&change.accounts, published).map(|one| accounts::of(&one.system_id, &one.external_id));
    let resource =
        || of(&change.resources, published).map(|one| resources::of(&one.system_id, &one.external_id));
    let holder = || {
        of(&change.assignments, published).map(|one| match one.kind.of_account() {
            true => accounts::of(&one.system_id, &one.subject_external_id),
            false => resources::of(&one.system_id, &one.subject_external_id),
        })
    };
    account.or_else(resource).or_else(holder)
}

/// Whether something merely became known or unknown, so that nobody need have changed it: such a change is in no number.
fn is_of_sight(change: &ChangeSet) -> bool {
    change.accounts.iter().any(Change::in_sight_only)
        || change.resources.iter().any(Change::in_sight_only)
        || change.assignments.iter().any(Change::in_sight_only)
}

fn of_line(line: &ChangeLine, sight: bool, page: Option<String>) -> Vec<Cell> {
    let badge = match line.kind {
        ChangeKind::Created => Badge::new(Tone::Good, "Created"),
        ChangeKind::Changed if sight => Badge::new(Tone::Quiet, "Seen otherwise"),
        ChangeKind::Changed => Badge::new(Tone::Notice, "Changed"),
        ChangeKind::Deleted => Badge::new(Tone::Bad, "Deleted"),
    };
    let details = line.details();
    vec![
        Cell::Badge(badge),
        Cell::text(called_object(line.object_type)),
        page.map_or(Cell::text(line.name.clone()), |page| Cell::link(page, line.name.clone())),
        if details.is_empty() { Cell::None } else { Cell::text(details) },
    ]
}
