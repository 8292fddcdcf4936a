//! `/audit`: who did what, and whether the log of that is as it was written.

mod show;
mod verified;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use jiff::Timestamp;
use jiff::civil::{Date, Time as TimeOfDay};
use jiff::tz::TimeZone;
use keyreeve_engine::rights::Right;
use keyreeve_model::SystemId;
use keyreeve_store::{AuditFilter, AuditRow};

use self::verified::{Mark, Verified};
use super::address::{self, asking};
use super::page::{Frame, Section, shown_as};
use super::parts::{Cell, Empty, Link};
use super::systems;
use super::table::{Asked, Column, Filter, Listing, Shape, Table};
use super::time::Time;
use super::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

/// So much of what a row is about stands in a list, in characters.
const ABOUT: usize = 160;

/// The pages. They share what the last verification found.
pub(super) fn router() -> Router<Parts> {
    Router::new()
        .route("/audit", get(list))
        .route("/audit/verify", post(verified::verify))
        .route("/audit/{seq}", get(show::page))
        .layer(Extension(Verified::default()))
}

static SHAPE: Shape = Shape {
    columns: &[
        Column::sorted("seq", "Row"),
        Column::plain("When"),
        Column::plain("Who"),
        Column::plain("System"),
        Column::plain("Action"),
        Column::plain("About"),
        Column::plain("Verified"),
    ],
    filters: &[
        Filter { name: "system", label: "System ID", choices: &[] },
        Filter { name: "actor", label: "Who", choices: &[] },
        Filter { name: "action", label: "Action", choices: &[] },
        Filter { name: "account", label: "Account", choices: &[] },
        Filter { name: "since", label: "Since (date or time, UTC)", choices: &[] },
        Filter { name: "until", label: "Before (date or time, UTC)", choices: &[] },
        Filter { name: "after", label: "After row", choices: &[] },
        Filter { name: "before", label: "Before row", choices: &[] },
    ],
    sort: "-seq",
};

#[derive(Template)]
#[template(path = "console/audit/list.html")]
struct ListPage {
    frame: Frame,
    mark: Option<Mark>,
    rows: Table,
    /// All of the log, or of a system, as a file.
    files: Vec<Link>,
}

async fn list(
    visitor: Visitor,
    State(parts): State<Parts>,
    Extension(verified): Extension<Verified>,
    asked: Asked,
) -> Result<Response, Problem> {
    visitor.actor.require(Right::Read)?;
    let listing = asked.of_shape(&SHAPE)?;
    let wanted: Option<SystemId> = match listing.filter("system") {
        Some(id) => Some(id.parse().map_err(|_| Problem::bad_request("there is no such System ID"))?),
        None => None,
    };
    if let Some(id) = &wanted {
        visitor.require(Right::Read, id)?;
    }
    let systems = visitor.systems(&parts).await?;
    // Who is limited to some systems reads the rows of one of them, and never those about none.
    let of_one = systems.as_ref().filter(|_| wanted.is_none());
    let rows = match of_one {
        Some(_) => Vec::new(),
        None => found(&parts, &listing, wanted.clone()).await?,
    };
    let until = verified.up_to();
    if listing.is_file() {
        return listing.file((name_of(wanted.as_ref()), "audit"), &rows, |row| cells(row, until, usize::MAX));
    }
    let empty = match of_one {
        Some(systems) => Empty {
            title: "Choose a system".to_owned(),
            text: "The rows about one system are shown at a time, as you are limited to some.".to_owned(),
            action: systems.first().map(|id| {
                Link::new(asking("/audit", [("system", id.as_str())]), format!("Show the rows about {id}"))
            }),
        },
        None => Empty {
            title: "Nothing was written down yet".to_owned(),
            text: "Whatever is changed here is written down before it is done.".to_owned(),
            action: None,
        },
    };
    let status = listing.status();
    let page = ListPage {
        frame: Frame::of(&visitor, Section::Audit, "Audit"),
        mark: verified.mark(&visitor, &parts).await?,
        rows: listing.table("Audit log", rows, |row| row.seq, |row| cells(row, until, ABOUT), empty)?,
        files: if of_one.is_some() { Vec::new() } else { files(wanted.as_ref()) },
    };
    Ok(shown_as(status, &page))
}

fn name_of(system: Option<&SystemId>) -> &str {
    system.map_or("all", SystemId::as_str)
}

async fn found(
    parts: &Parts,
    listing: &Listing,
    system_id: Option<SystemId>,
) -> Result<Vec<AuditRow>, Problem> {
    let text = |name: &str| listing.filter(name).map(str::to_owned);
    let number = |name: &str| -> Result<Option<i64>, Problem> {
        let refuse = |_| Problem::bad_request("rows have numbers from 1 on");
        listing.filter(name).map(|text| text.parse().map_err(refuse)).transpose()
    };
    let moment = |name: &str| listing.filter(name).map(moment).transpose();
    let (after, before, beyond) = (number("after")?, number("before")?, listing.after()?);
    let oldest_first = listing.order() == "seq";
    let filter = AuditFilter {
        system_id,
        actor: text("actor"),
        action: text("action"),
        account: text("account"),
        since: moment("since")?,
        until: moment("until")?,
        // What the cursor says lies within what was asked for.
        before: if oldest_first { before } else { beyond.or(before) },
        after: if oldest_first { beyond.or(after) } else { after },
    };
    let limit = listing.limit()?.saturating_add(1);
    Ok(match oldest_first {
        true => parts.store.oldest_audit(&filter, limit).await?,
        false => parts.store.audit(&filter, limit).await?,
    })
}

/// A time with its zone, or the beginning of a day.
fn moment(text: &str) -> Result<Timestamp, Problem> {
    let day = |date: Date| TimeZone::UTC.to_timestamp(date.to_datetime(TimeOfDay::midnight())).ok();
    let given = text.trim();
    let found = given.parse::<Timestamp>().ok().or_else(|| given.parse::<Date>().ok().and_then(day));
    found.ok_or_else(|| {
        Problem::bad_request(
            "a time is given with its zone (2026-05-01T12:00:00Z), or as a date (2026-05-01)",
        )
    })
}

fn files(system: Option<&SystemId>) -> Vec<Link> {
    let address = match system {
        Some(id) => address::of(&["api", "v1", "systems", id.as_str(), "exports", "audit"]),
        None => "/api/v1/exports/audit".to_owned(),
    };
    let of = if system.is_some() { "All rows about it" } else { "The whole log" };
    [("csv", "CSV"), ("jsonl", "JSON lines")]
        .map(|(format, called)| {
            Link::new(asking(&address, [("format", format)]), format!("{of} as {called}"))
        })
        .into()
}

fn cells(row: &AuditRow, verified: Option<i64>, most: usize) -> Vec<Cell> {
    vec![
        Cell::link(of(row.seq), row.seq.to_string()),
        Cell::Time(Time::at(row.at)),
        Cell::text(row.actor.clone()),
        row.system_id.as_ref().map_or(Cell::None, |id| Cell::link(systems::of(id), id.to_string())),
        Cell::Code(row.action.clone()),
        Cell::text(cut(&row.subject.to_string(), most)),
        Cell::Badge(verified::badge(row.seq, verified)),
    ]
}

fn cut(text: &str, most: usize) -> String {
    let mut cut: String = text.chars().take(most).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

/// The address of a row.
fn of(seq: i64) -> String {
    address::of(&["audit", &seq.to_string()])
}
