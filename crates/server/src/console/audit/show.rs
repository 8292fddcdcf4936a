//! `/audit/{seq}`: one row of the log, with all that it is about.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::rights::Right;
use keyreeve_model::JobId;
use keyreeve_store::{AuditFilter, AuditRow};

use super::actions::called;
use super::verified::{Verified, badge};
use crate::body::InPath;
use crate::console::jobs;
use crate::console::page::{Frame, Section, shown};
use crate::console::parts::{Badge, Cell, Copied, Facts, Link};
use crate::console::systems;
use crate::console::time::Time;
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "console/audit/show.html")]
struct ShowPage {
    frame: Frame,
    seq: i64,
    badge: Badge,
    verified_at: Option<Time>,
    facts: Facts,
    subject: Copied,
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    Extension(verified): Extension<Verified>,
    InPath(seq): InPath<i64>,
) -> Result<Response, Problem> {
    visitor.actor.require(Right::Read)?;
    let filter = AuditFilter {
        after: Some(seq.saturating_sub(1)),
        before: Some(seq.saturating_add(1)),
        ..AuditFilter::default()
    };
    let found = parts.store.audit(&filter, 1).await?.into_iter().find(|row| row.seq == seq);
    // A row of others is not there for them.
    let may_see = |row: &AuditRow| match &row.system_id {
        Some(id) => visitor.actor.reaches(id),
        None => visitor.actor.require_all_systems().is_ok(),
    };
    let row = found.filter(may_see).ok_or_else(|| Problem::not_found("the audit log has no such row"))?;
    let mut frame =
        Frame::of(&visitor, Section::Audit, format!("Row {seq}: {} · Audit", called(&row.action)));
    frame.above = vec![Link::new("/audit", "Audit")];
    let until = verified.up_to();
    let page = ShowPage {
        frame,
        seq,
        badge: badge(seq, until),
        verified_at: verified.at().filter(|_| until.is_some_and(|last| seq <= last)).map(Time::at),
        facts: facts(&row, super::jobs_in_words(&parts, std::slice::from_ref(&row)).await?.of(&row)),
        subject: Copied { id: "subject".to_owned(), text: format!("{:#}", row.subject) },
    };
    Ok(shown(&page))
}

fn facts(row: &AuditRow, job_in_words: Option<String>) -> Facts {
    let mut facts = vec![
        ("When", Cell::Time(Time::to_the_second(row.at))),
        ("Who", Cell::text(row.actor.clone())),
        ("Action", Cell::text(called(&row.action))),
        ("Word of the log", Cell::Code(row.action.clone())),
        (
            "System",
            row.system_id.as_ref().map_or(Cell::None, |id| Cell::link(systems::of(id), id.to_string())),
        ),
    ];
    if let Some(job) = row.subject.get("job").and_then(serde_json::Value::as_i64) {
        facts.push(("Job", Cell::link(jobs::of(JobId(job)), format!("Job {job}"))));
        let what = if row.action == "drift_accepted" { "What was accepted" } else { "What was asked for" };
        facts.extend(job_in_words.map(|words| (what, Cell::text(words))));
    }
    facts.push(("Hash of the row before", Cell::Code(row.prev_hash.clone())));
    facts.push(("Hash", Cell::Code(row.hash.clone())));
    Facts { facts }
}
