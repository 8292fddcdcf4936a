//! `/settings/notifications`: where people are told what they must know. Only the configuration says so.

use axum::Extension;
use axum::response::Response;

use super::{ListPage, administers_all, frame, tabs};
use crate::console::page::shown;
use crate::console::parts::{Cell, Empty};
use crate::console::table::{Column, Table};
use crate::console::visitor::Visitor;
use crate::notify::Destination;
use crate::problem::Problem;
use crate::run::Destinations;

const COLUMNS: [Column; 3] = [Column::plain("By"), Column::plain("Where"), Column::plain("About it")];

pub(super) async fn page(
    visitor: Visitor,
    destinations: Option<Extension<Destinations>>,
) -> Result<Response, Problem> {
    administers_all(&visitor)?;
    let row = |one: &Destination| {
        vec![Cell::text(one.by), Cell::text(one.server.clone()), Cell::text(one.about.clone())]
    };
    let rows = destinations.iter().flat_map(|Extension(known)| known.0.iter()).map(row).collect();
    let empty = Empty {
        title: "Nobody is told".to_owned(),
        text: "Neither a webhook nor mail is configured. [notifications] of keyreeve.toml says where people are told."
            .to_owned(),
        action: None,
    };
    let page = ListPage {
        frame: frame(&visitor, "Notifications"),
        title: "Notifications",
        tabs: tabs(&visitor, "notifications"),
        table: Table::whole("Where people are told", &COLUMNS, rows, empty),
        adding: None,
        wrong: None,
    };
    Ok(shown(&page))
}
