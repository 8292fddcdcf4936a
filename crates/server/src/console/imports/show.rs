//! `/imports/{run}`: how far a run is, what it read whole, and what it changed or would change.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::export::suspicion_text;
use keyreeve_engine::import::{CollectionProgress, Progress, Stage};
use keyreeve_engine::rights::Right;
use keyreeve_model::{
    ChangeCounts, CollectionRecord, CollectionState, ImportRun, ImportRunId, ImportRunState,
};
use keyreeve_store::StoreError;

use super::{counts_in_words, of};
use crate::body::InPath;
use crate::console::approvers::deciders;
use crate::console::form::{Field, Wrong, sentence, status_of, whole};
use crate::console::page::{Frame, Section, shown_as};
use crate::console::parts::{Badge, Cell, Empty, Facts, Link, Tone};
use crate::console::systems;
use crate::console::table::{Column, Table};
use crate::console::time::Time;
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

const COLUMNS: [Column; 7] = [
    Column::plain("Collection"),
    Column::plain("State"),
    Column::number("Read"),
    Column::number("Expected"),
    Column::number("Calls"),
    Column::number("Retries"),
    Column::plain("Because"),
];

#[derive(Template)]
#[template(path = "console/imports/show.html")]
struct ShowPage {
    frame: Frame,
    run: String,
    badge: Badge,
    /// Where it is told what becomes of it; none once it has ended.
    live: Option<String>,
    facts: Facts,
    failure: Option<String>,
    suspicions: Vec<String>,
    warnings: Vec<String>,
    collections: Table,
    changes: Option<Link>,
    decision: Option<Decision>,
    /// Who may decide about it, for whoever may not.
    deciders: Option<String>,
    /// Why it can only be rejected, if that is so.
    out_of_date: Option<String>,
    /// What is wrong with a decision, if that is with all of it.
    wrong: Option<String>,
}

/// What is asked of whoever decides about a suspended run.
struct Decision {
    accept: String,
    reject: String,
    seen: String,
    reason: Field,
    confirm: Field,
    /// What is to be typed.
    name: String,
    because: Field,
    consequences: Vec<String>,
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(run): InPath<i64>,
) -> Result<Response, Problem> {
    let run = parts.desk.import_run(&visitor.actor, Right::Read, ImportRunId(run)).await?;
    answer(&visitor, &parts, &run, None).await
}

/// The page of a run, with what is wrong with a decision about it.
pub(super) async fn answer(
    visitor: &Visitor,
    parts: &Parts,
    run: &ImportRun,
    wrong: Option<Wrong>,
) -> Result<Response, Problem> {
    filled_in(visitor, parts, run, ["", ""], wrong).await
}

/// The page, with the reasons that were given for accepting and for rejecting it.
pub(super) async fn filled_in(
    visitor: &Visitor,
    parts: &Parts,
    run: &ImportRun,
    reasons: [&str; 2],
    wrong: Option<Wrong>,
) -> Result<Response, Problem> {
    let status = status_of(wrong.as_ref());
    let mut frame = Frame::of(visitor, Section::Imports, format!("Import run {}", run.id));
    frame.above = vec![
        Link::new("/imports", "Imports"),
        Link::new(systems::of(&run.system_id), run.system_id.to_string()),
    ];
    let running = run.state == ImportRunState::Running;
    let progress = parts.importer.under_way.progress(run.id).filter(|_| running);
    let collections = match &progress {
        Some(progress) => progress.collections().map(reading).into(),
        None => run.collections.iter().map(recorded).collect(),
    };
    let empty = Empty {
        title: "Nothing was read".to_owned(),
        text: match running {
            true => "The run is under way in another process, which tells what it read when it has ended."
                .to_owned(),
            false => "The run ended before it had read anything.".to_owned(),
        },
        action: None,
    };
    let waits = run.state == ImportRunState::Suspended && !visitor.may(Right::Approve);
    let deciders = match waits {
        true => Some(cannot(visitor, &deciders(parts, &run.system_id).await?)),
        false => None,
    };
    let page = ShowPage {
        frame,
        run: run.id.to_string(),
        badge: Badge::of_run(run.state),
        live: running.then(|| format!("/api/v1/import-runs/{}/events", run.id)),
        facts: facts(run, progress.as_ref()),
        failure: run.failure.as_ref().map(|failure| sentence(&failure.message)),
        suspicions: run.suspicions.iter().map(|one| sentence(&suspicion_text(one))).collect(),
        warnings: run.warnings.iter().map(|warning| sentence(&warning.message)).collect(),
        collections: Table::whole("What was read of each collection", &COLUMNS, collections, empty),
        changes: run
            .state
            .compared()
            .then(|| Link::new(format!("{}/changes", of(run.id)), difference(run.state))),
        decision: decision(visitor, run, reasons, wrong.as_ref())?,
        deciders,
        out_of_date: out_of_date(parts, run).await?,
        wrong: whole(wrong),
    };
    Ok(shown_as(status, &page))
}

/// Why whoever looks does not decide, and who may.
fn cannot(visitor: &Visitor, who: &str) -> String {
    let role = visitor.person.role.as_str();
    format!(
        "You cannot decide about it: your role here is {role}, and it takes an approver or an admin. {who}"
    )
}

fn difference(state: ImportRunState) -> &'static str {
    match state {
        ImportRunState::Published => "What it changed",
        _ => "What it would change",
    }
}

/// Why a run that waits cannot be accepted any more: another was published since.
async fn out_of_date(parts: &Parts, run: &ImportRun) -> Result<Option<String>, Problem> {
    if run.state != ImportRunState::Suspended {
        return Ok(None);
    }
    let latest = parts.store.latest_published(&run.system_id).await?.map(|run| run.id);
    let newer = latest.filter(|_| latest != run.baseline_run);
    Ok(newer.map(|newer| {
        format!(
            "Run {newer} was published since this one was compared, so it can no longer be accepted. Reject it, and import anew."
        )
    }))
}

fn decision(
    visitor: &Visitor,
    run: &ImportRun,
    [reason, because]: [&str; 2],
    wrong: Option<&Wrong>,
) -> Result<Option<Decision>, Problem> {
    if run.state != ImportRunState::Suspended || !visitor.may(Right::Approve) {
        return Ok(None);
    }
    let Some(seen) = run.changes_sha256.clone() else {
        return Err(StoreError::EvidenceAltered { run: run.id }.into());
    };
    let counts = [
        ("Accounts", &run.changes.accounts),
        ("Groups and policies", &run.changes.resources),
        ("Assignments", &run.changes.assignments),
    ];
    let told = |(what, counts): (&str, &ChangeCounts)| format!("{what}: {}.", counts_in_words(counts));
    Ok(Some(Decision {
        accept: format!("{}/accept", of(run.id)),
        reject: format!("{}/reject", of(run.id)),
        seen,
        reason: Field::reason("reason", "Reason").value(reason).required().unless(wrong),
        confirm: Field::line("confirm", "System ID")
            .hint("Type it to accept: what the run saw gone is shown as gone then, and what was planned on it becomes stale.")
            .required()
            .unless(wrong),
        name: run.system_id.to_string(),
        because: Field::reason("because", "Why it is rejected").value(because).unless(wrong),
        consequences: counts.into_iter().map(told).collect(),
    }))
}

fn facts(run: &ImportRun, progress: Option<&Progress>) -> Facts {
    let time = |at: Option<jiff::Timestamp>| at.map_or(Cell::None, |at| Cell::Time(Time::at(at)));
    let mut facts = vec![
        ("System", Cell::link(systems::of(&run.system_id), run.system_id.to_string())),
        ("Profile", Cell::text(run.profile.to_string())),
        ("Begun", time(Some(run.started_at))),
        ("By", Cell::text(run.actor.clone())),
        ("Ended", time(run.finished_at)),
        ("Published", time(run.published_at)),
        (
            "Compared with",
            run.baseline_run.map_or(Cell::None, |run| Cell::link(of(run), format!("Run {run}"))),
        ),
        ("AWS calls", Cell::Number(progress.map_or(run.aws_calls, Progress::calls))),
    ];
    if let Some(at) = run.credential_report_at {
        facts.push(("Credential report of", time(Some(at))));
    }
    if run.state.compared() {
        facts.push(("Accounts", Cell::text(counts_in_words(&run.changes.accounts))));
        facts.push(("Groups and policies", Cell::text(counts_in_words(&run.changes.resources))));
        facts.push(("Assignments", Cell::text(counts_in_words(&run.changes.assignments))));
    }
    if let Some(by) = &run.decided_by {
        facts.push(("Decided by", Cell::text(by.clone())));
        facts.push(("Because", run.decision_reason.clone().map_or(Cell::None, Cell::Text)));
    }
    Facts { facts }
}

fn reading(one: CollectionProgress) -> Vec<Cell> {
    let badge = match one.stage {
        Stage::Waiting => Badge::new(Tone::Quiet, "Waiting"),
        Stage::Reading => Badge::new(Tone::Notice, "Reading"),
        Stage::Ended(state) => ended(state),
    };
    vec![
        Cell::text(systems::called(one.name)),
        Cell::Badge(badge),
        Cell::Number(one.items),
        if one.expected > 0 { Cell::Number(one.expected) } else { Cell::None },
        Cell::Number(one.calls),
        Cell::Number(one.retries),
        Cell::None,
    ]
}

fn recorded(one: &CollectionRecord) -> Vec<Cell> {
    vec![
        Cell::text(systems::called(one.name)),
        Cell::Badge(ended(one.state)),
        Cell::Number(one.items),
        Cell::None,
        Cell::Number(one.calls),
        Cell::Number(one.retries),
        one.reason.as_ref().map_or(Cell::None, |why| Cell::text(sentence(why))),
    ]
}

fn ended(state: CollectionState) -> Badge {
    match state {
        CollectionState::Whole => Badge::new(Tone::Good, "Whole"),
        CollectionState::Cut => Badge::new(Tone::Bad, "Cut"),
        CollectionState::Denied => Badge::new(Tone::Bad, "Denied"),
        CollectionState::Skipped => Badge::new(Tone::Quiet, "Skipped"),
    }
}
