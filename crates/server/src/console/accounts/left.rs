//! The accounts of a system that are gone: the list of accounts, with the status that it is asked for by.

use std::collections::BTreeMap;

use axum::response::Response;
use jiff::Timestamp;
use keyreeve_model::{ImportRunId, System};
use keyreeve_store::Found;

use super::{FILTERS, ListPage, of};
use crate::console::imports;
use crate::console::page::shown_as;
use crate::console::parts::{Badge, Cell, Empty, Tone};
use crate::console::systems;
use crate::console::table::{Asked, Column, Shape, Total};
use crate::console::time::Time;
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

/// The status that the list of accounts is asked for.
pub(super) const GONE: &str = "gone";

static SHAPE: Shape = Shape {
    columns: &[
        Column::sorted("name", "Name"),
        Column::sorted("path", "Path"),
        Column::plain("Status"),
        Column::sorted("gone", "Seen to be gone by"),
        // Runs are published one after the other, so that is the order of their runs.
        Column::sorted("when", "When"),
    ],
    filters: &FILTERS,
    sort: "-gone",
};

/// The list of those that are gone, the last first.
pub(super) async fn list(
    visitor: &Visitor,
    parts: &Parts,
    system: &System,
    asked: Asked,
) -> Result<Response, Problem> {
    let mut listing = asked.of_shape(&SHAPE)?;
    for filter in FILTERS.iter().filter(|filter| !["q", "status", "path"].contains(&filter.name)) {
        if listing.filter(filter.name).is_some() {
            let why =
                "is not looked for of accounts that are gone: they are found by name, path, ARN and tag";
            listing.is_not(filter.name, format!("{} {why}", filter.label))?;
        }
    }
    let id = &system.system_id;
    let mut found = parts.store.gone_accounts(id, listing.filter("q").unwrap_or_default()).await?;
    found.retain(|one| listing.filter("path").is_none_or(|path| one.path.starts_with(path)));
    let order = listing.order();
    match order.trim_start_matches('-') {
        "name" => found.sort_by(|one, other| one.name.cmp(&other.name)),
        "path" => found.sort_by(|one, other| (&one.path, &one.name).cmp(&(&other.path, &other.name))),
        _ => found.sort_by_key(|one| one.gone),
    }
    if order.starts_with('-') {
        found.reverse();
    }
    let total = Total::Exactly(found.len() as u64);
    let rows = match listing.is_file() {
        true => (1..).zip(found).collect(),
        false => listing.cut(found)?,
    };
    let runs: Vec<ImportRunId> = rows.iter().filter_map(|(_, one)| one.gone).collect();
    let published = parts.store.published_at(&runs).await?;
    let cells = |(_, one): &(usize, Found)| cells(one, &published);
    if listing.is_file() {
        return listing.file((id.as_str(), "accounts"), &rows, cells);
    }
    let listing = listing.with_total(Some(total));
    let empty = Empty {
        title: "No account is gone".to_owned(),
        text: "Each account that an import has seen is still there.".to_owned(),
        action: None,
    };
    let page = ListPage {
        frame: systems::frame(visitor, system, "Accounts"),
        name: system.name.to_string(),
        badge: Badge::of_system(system.state),
        tabs: systems::tabs(id, "accounts"),
        create: None,
        made: None,
        accounts: listing.table("Accounts that are gone", rows, |(place, _)| *place, cells, empty)?,
        key_ages: None,
    };
    Ok(shown_as(listing.status(), &page))
}

fn cells(one: &Found, published: &BTreeMap<ImportRunId, Timestamp>) -> Vec<Cell> {
    let at = one.gone.and_then(|run| published.get(&run));
    vec![
        Cell::link(of(&one.system_id, &one.external_id), one.name.clone()),
        Cell::Code(one.path.clone()),
        Cell::Badge(Badge::new(Tone::Bad, "Gone")),
        one.gone.map_or(Cell::None, |run| Cell::link(imports::of(run), format!("Run {run}"))),
        at.map_or(Cell::None, |at| Cell::Time(Time::at(*at))),
    ]
}
