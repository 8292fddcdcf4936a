//! `/audit`: who did what, and whether the log of that is as it was written.

mod actions;
mod show;
mod verified;

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use keyreeve_engine::rights::Right;
use keyreeve_model::{JobId, SystemId};
use keyreeve_store::{AuditFilter, AuditRow, JobLine};

use self::verified::{Mark, Verified};
use super::address::{self, asking};
use super::form::Wrong;
use super::jobs;
use super::page::{Frame, Section, shown_as};
use super::parts::{Cell, Empty, Link};
use super::systems;
use super::table::{Asked, Column, Filter, Listing, Shape, Table};
use super::time::Time;
use super::visitor::{Visitor, to_form};
use crate::parts::Parts;
use crate::problem::Problem;

/// The field that says in which zone times are.
const ZONE: &str = "zone";
/// So much of what a row is about stands in a list, in characters.
const ABOUT: usize = 160;
/// The column of that.
const AT_ABOUT: usize = 5;

/// The pages. They share what the last verification found.
pub(super) fn router() -> Router<Parts> {
    Router::new()
        .route("/audit", get(list))
        .route("/audit/verify", post(verified::verify).get(to_form::<1>))
        .route("/audit/{seq}", get(show::page))
        .layer(Extension(Verified::default()))
}

static SHAPE: Shape = Shape {
    columns: &[
        Column::sorted("seq", "Row"),
        // Rows are written one after the other, so their times have the order of their numbers.
        Column::sorted("at", "When"),
        Column::plain("Who"),
        Column::plain("System"),
        Column::plain("Action"),
        Column::plain("About"),
        Column::plain("Verified"),
    ],
    filters: &[
        Filter { name: "system", label: "System ID", choices: &[] },
        Filter { name: "actor", label: "Who (* for any text)", choices: &[] },
        Filter { name: "action", label: "Action", choices: actions::ACTIONS },
        Filter { name: "account", label: "Account", choices: &[] },
        Filter { name: "since", label: "Since (date or time)", choices: &[] },
        Filter { name: "until", label: "Before (date or time)", choices: &[] },
        Filter { name: "zone", label: "Time zone of both (UTC, if empty)", choices: &[] },
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
    let (rows, wrong) = match (of_one, filter_of(&listing, wanted.clone(), parts.clock.now())) {
        (Some(_), _) => (Vec::new(), None),
        (None, Ok(filter)) => (found(&parts, &listing, filter).await?, None),
        (None, Err(wrong)) => (Vec::new(), Some(wrong)),
    };
    if let (true, Some(wrong)) = (listing.is_file(), &wrong) {
        return Err(Problem::bad_request(wrong.why.clone()));
    }
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
    let page = ListPage {
        frame: Frame::of(&visitor, Section::Audit, "Audit"),
        mark: verified.mark(&visitor, &parts).await?,
        rows: match &wrong {
            Some(wrong) => {
                let title = "What is asked for is not understood".to_owned();
                let empty = Empty { title, text: wrong.why.clone(), action: None };
                listing.unread("Audit log", empty, Some(wrong))
            }
            None => {
                let words = jobs_in_words(&parts, &rows).await?;
                let cells = |row: &AuditRow| {
                    let mut cells = cells(row, until, ABOUT);
                    if let (Some(about), Some(words)) = (cells.get_mut(AT_ABOUT), words.of(row)) {
                        *about = Cell::text(format!("{words} {}", about.in_a_file()));
                    }
                    cells
                };
                listing.table("Audit log", rows, |row| row.seq, cells, empty)?
            }
        },
        files: if of_one.is_some() { Vec::new() } else { files(wanted.as_ref()) },
    };
    let status = if wrong.is_some() { StatusCode::BAD_REQUEST } else { listing.status() };
    Ok(shown_as(status, &page))
}

fn name_of(system: Option<&SystemId>) -> &str {
    system.map_or("all", SystemId::as_str)
}

async fn found(parts: &Parts, listing: &Listing, filter: AuditFilter) -> Result<Vec<AuditRow>, Problem> {
    let oldest_first = !listing.reading().starts_with('-');
    let beyond = listing.after()?;
    // What the cursor says lies within what was asked for.
    let filter = AuditFilter {
        before: if oldest_first { filter.before } else { beyond.or(filter.before) },
        after: if oldest_first { beyond.or(filter.after) } else { filter.after },
        ..filter
    };
    let limit = listing.limit()?.saturating_add(1);
    Ok(match oldest_first {
        true => parts.store.oldest_audit(&filter, limit).await?,
        false => parts.store.audit(&filter, limit).await?,
    })
}

/// What the log is narrowed down to.
///
/// # Errors
/// Which field cannot be read.
fn filter_of(listing: &Listing, system_id: Option<SystemId>, now: Timestamp) -> Result<AuditFilter, Wrong> {
    let text = |name: &str| listing.filter(name).map(str::to_owned);
    let number = |name: &'static str| {
        let refuse = |_| Wrong::with(name, "rows have numbers from 1 on");
        listing.filter(name).map(|text| text.trim().parse::<i64>().map_err(refuse)).transpose()
    };
    let zone = match listing.filter(ZONE) {
        None => TimeZone::UTC,
        Some(name) => TimeZone::get(name.trim())
            .map_err(|_| Wrong::with(ZONE, "a time zone is called as in Europe/Berlin, or UTC"))?,
    };
    let time = |name| {
        listing.filter(name).map(|text| moment(text, &zone).map_err(|why| Wrong::with(name, why))).transpose()
    };
    let since = time("since")?;
    if since.is_some_and(|since| since > now) {
        return Err(Wrong::with("since", "that time is still to come"));
    }
    Ok(AuditFilter {
        system_id,
        actor: text("actor"),
        action: text("action"),
        account: text("account"),
        since,
        until: time("until")?,
        before: number("before")?,
        after: number("after")?,
    })
}

/// A time, by its own zone or offset where it has one, else in the zone that is given; or the beginning of a day there.
fn moment(text: &str, zone: &TimeZone) -> Result<Timestamp, &'static str> {
    let text = text.trim();
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    // A date is the beginning of its day.
    let local = text.parse::<DateTime>();
    local.ok().and_then(|local| zone.to_timestamp(local).ok()).ok_or(
        "a time is written as 2026-05-01 12:00, with a zone of its own as 2026-05-01T12:00:00Z, or as a date, 2026-05-01",
    )
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

/// What jobs are about, who decided about them, and why they were asked for; and of drift that was accepted, what drifted.
struct JobsInWords(BTreeMap<JobId, JobLine>);

impl JobsInWords {
    /// Of the job that a row is about, if it is about one as a whole: rows of tasks name what they are about. What only came
    /// after the row is not said there.
    fn of(&self, row: &AuditRow) -> Option<String> {
        let of_job = || job_of(row).and_then(|job| self.0.get(&job)).map(|line| jobs::in_words(line, row.at));
        drift_in_words(row).or_else(of_job)
    }
}

/// What drifted and was accepted; rows of earlier versions have the numbers of claims alone.
fn drift_in_words(row: &AuditRow) -> Option<String> {
    let text = |name: &str| row.subject.get(name).and_then(serde_json::Value::as_str);
    let (account, done) = text("account").zip(text("done")).filter(|_| row.action == "drift_accepted")?;
    let job = row.subject.get("job").and_then(serde_json::Value::as_i64)?;
    let aws_has = text("aws_has").map(|aws_has| format!(" AWS has: {aws_has}.")).unwrap_or_default();
    let why = text("reason").map(|why| format!(" Reason: {why}")).unwrap_or_default();
    Some(format!("{account} {done} by job {job}.{aws_has}{why}"))
}

fn job_of(row: &AuditRow) -> Option<JobId> {
    let job = row.subject.get("job").and_then(serde_json::Value::as_i64)?;
    row.action.starts_with("job_").then_some(JobId(job))
}

async fn jobs_in_words(parts: &Parts, rows: &[AuditRow]) -> Result<JobsInWords, Problem> {
    let mut ids: Vec<JobId> = rows.iter().filter_map(job_of).collect();
    ids.sort();
    ids.dedup();
    let lines = parts.store.job_lines_of(&ids).await?;
    Ok(JobsInWords(lines.into_iter().map(|line| (line.job.id, line)).collect()))
}

fn cells(row: &AuditRow, verified: Option<i64>, most: usize) -> Vec<Cell> {
    vec![
        Cell::link(of(row.seq), row.seq.to_string()),
        Cell::Time(Time::to_the_second(row.at)),
        Cell::text(row.actor.clone()),
        row.system_id.as_ref().map_or(Cell::None, |id| Cell::link(systems::of(id), id.to_string())),
        Cell::Named(actions::called(&row.action).to_owned(), row.action.clone()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_a_zone_is_one_of_the_zone_that_is_given() {
        let zone = |name: &str| TimeZone::get(name).unwrap();
        for (text, name, said) in [
            ("2026-05-01", "UTC", "2026-05-01T00:00:00Z"),
            ("2026-05-01", "Europe/Berlin", "2026-04-30T22:00:00Z"),
            (" 2026-05-01 12:00 ", "Europe/Berlin", "2026-05-01T10:00:00Z"),
            ("2026-05-01T12:00:30", "UTC", "2026-05-01T12:00:30Z"),
            ("2026-05-01T12:00:00Z", "Europe/Berlin", "2026-05-01T12:00:00Z"),
            ("2026-05-01T12:00:00+05:00", "Europe/Berlin", "2026-05-01T07:00:00Z"),
        ] {
            assert_eq!(moment(text, &zone(name)).unwrap().to_string(), said, "{text} {name}");
        }
        for none in ["", "yesterday", "2026-13-01", "12:00"] {
            assert!(moment(none, &TimeZone::UTC).is_err(), "{none}");
        }
    }
}
