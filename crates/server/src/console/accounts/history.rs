//! `/systems/{system_id}/accounts/{account}/history`: what became of an account, what imports saw and what was asked for
//! here, on one time line. The page of the account has its beginning.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use keyreeve_engine::export::changes::{ChangeLine, lines_of};
use keyreeve_engine::rights::Right;
use keyreeve_model::{Account, ChangeKind, SystemId};
use keyreeve_store::{AcceptedDrift, AccountEvent, AsOf, AskedTask, Decided, Store, StoreError};

use super::of;
use super::show::above;
use crate::body::InPath;
use crate::console::form::sentence;
use crate::console::imports;
use crate::console::jobs;
use crate::console::page::{Frame, shown_as};
use crate::console::parts::{Badge, Cell, Empty, Link, Tone};
use crate::console::states::{called_object, in_words, wished};
use crate::console::systems;
use crate::console::table::{Asked, Column, Filter, Shape, Table};
use crate::console::time::Time;
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

/// So much is looked back at on the page of an account.
pub(super) const MOST: usize = 20;
/// And so much on the page of its history: of what imports saw, and of what was asked for here.
const ALL: usize = 1_000;

const COLUMNS: [Column; 4] = [
    Column::sorted("when", "When"),
    Column::sorted("from", "Where it is from"),
    Column::sorted("what", "What"),
    Column::sorted("outcome", "Outcome"),
];

static SHAPE: Shape = Shape {
    columns: &COLUMNS,
    filters: &[
        Filter { name: "q", label: "What", choices: &[] },
        Filter {
            name: "from",
            label: "Where it is from",
            choices: &[("import", "Imports"), ("job", "Jobs"), ("drift", "Accepted drift")],
        },
    ],
    sort: "-when",
};

/// What happened once.
struct Event {
    /// `None` where the log of imports tells none.
    at: Option<Timestamp>,
    from: &'static str,
    what: String,
    cells: Vec<Cell>,
}

#[derive(Template)]
#[template(path = "console/accounts/history.html")]
struct HistoryPage {
    frame: Frame,
    name: String,
    /// What imports saw before that is not kept.
    kept_since: Option<Time>,
    history: Table,
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath((system_id, account)): InPath<(SystemId, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    visitor.require(Right::Read, &system_id)?;
    let store = &parts.store;
    let listing = asked.of_shape(&SHAPE)?;
    let system = store.get_system(&system_id).await?;
    let account = match store.get_account(&system_id, AsOf::Now, &account).await {
        Err(error @ StoreError::AccountNotFound { .. }) => {
            store.account_last_known(&system_id, &account).await?.ok_or(error)?.object
        }
        found => found?,
    };
    let tasks = tasks(store, &account, ALL).await?;
    let events = store.account_events(&system_id, &account.external_id, ALL).await?;
    let wanted = listing.filter("q").map(str::to_lowercase);
    let from = listing.filter("from");
    let accepted = accepted(store, &account, ALL).await?;
    let mut line = time_line(&events, &tasks, &accepted);
    line.retain(|event| {
        from.is_none_or(|from| from == event.from)
            && wanted.as_ref().is_none_or(|wanted| event.what.to_lowercase().contains(wanted))
    });
    match listing.order() {
        "when" => line.reverse(),
        "-when" => {}
        _ => line = listing.arranged(line, |event| event.cells.clone()),
    }
    if listing.is_file() {
        let what = format!("{}-history", account.name);
        return listing.file((system_id.as_str(), &what), &line, |event| event.cells.clone());
    }
    let line = listing.cut(line)?;
    let history =
        listing.table("History", line, |(place, _)| *place, |(_, event)| event.cells.clone(), nothing())?;
    let mut frame = systems::frame(&visitor, &system, &format!("History of {}", account.name));
    frame.above.extend(above(&system, None));
    frame.above.push(Link::new(of(&system_id, &account.external_id), account.name.clone()));
    let kept_since = store.history_kept_since(&system_id).await?.map(Time::at);
    Ok(shown_as(listing.status(), &HistoryPage { frame, name: account.name, kept_since, history }))
}

/// What was asked for of an account, the last first, and no more than so much of it.
pub(super) async fn tasks(
    store: &Store,
    account: &Account,
    most: usize,
) -> Result<Vec<AskedTask>, StoreError> {
    let most = u32::try_from(most).unwrap_or(u32::MAX);
    store.tasks_about(&account.system_id, std::slice::from_ref(&account.external_id), most).await
}

/// Drift of an account that somebody accepted, the last first, and no more than so much of it.
pub(super) async fn accepted(
    store: &Store,
    account: &Account,
    most: usize,
) -> Result<Vec<AcceptedDrift>, StoreError> {
    let most = u32::try_from(most).unwrap_or(u32::MAX);
    store.accepted_drift_of(&account.system_id, &account.external_id, most).await
}

/// The beginning of the time line, the newest first.
pub(super) fn table(events: &[AccountEvent], tasks: &[AskedTask], accepted: &[AcceptedDrift]) -> Table {
    let rows = time_line(events, tasks, accepted).into_iter().take(MOST).map(|event| event.cells).collect();
    Table::whole("History", &COLUMNS, rows, nothing())
}

fn nothing() -> Empty {
    Empty {
        title: "No history".to_owned(),
        text: "Nothing of it has changed since imports look back.".to_owned(),
        action: None,
    }
}

fn time_line(events: &[AccountEvent], tasks: &[AskedTask], accepted: &[AcceptedDrift]) -> Vec<Event> {
    let event = |at, from, cells: Vec<Cell>| {
        let what = cells.get(2).map(Cell::in_a_file).unwrap_or_default();
        Event { at, from, what, cells }
    };
    let seen = events.iter().map(|one| event(one.published_at, "import", of_run(one)));
    let asked = tasks.iter().map(|asked| event(Some(when(asked)), "job", of_task(asked)));
    let accepted = accepted.iter().map(|one| event(Some(one.at), "drift", of_drift(one)));
    let mut line: Vec<Event> = seen.chain(asked).chain(accepted).collect();
    line.sort_by_key(|event| std::cmp::Reverse(event.at.unwrap_or(Timestamp::MAX)));
    line
}

fn of_run(event: &AccountEvent) -> Vec<Cell> {
    let told: Vec<String> = lines_of(&event.changes).iter().map(told).collect();
    vec![
        event.published_at.map_or(Cell::None, |at| Cell::Time(Time::at(at))),
        Cell::link(imports::of(event.run), format!("Import run {}", event.run)),
        Cell::text(told.join(" ")),
        Cell::Badge(Badge::new(Tone::Quiet, "Seen")),
    ]
}

fn told(line: &ChangeLine) -> String {
    let object = called_object(line.object_type);
    let became = match line.kind {
        ChangeKind::Created => "is new",
        ChangeKind::Changed => "has changed",
        ChangeKind::Deleted => "is gone",
    };
    let details = Some(in_words(line)).filter(|details| !details.is_empty());
    let details = details.map(|details| format!(" ({details})")).unwrap_or_default();
    format!("{object} {} {became}{details}.", line.name)
}

/// When it ended; what has not, when it began, and what waits, when it was asked for.
fn when(asked: &AskedTask) -> Timestamp {
    asked.task.finished_at.or(asked.task.started_at).unwrap_or(asked.asked_at)
}

fn of_drift(accepted: &AcceptedDrift) -> Vec<Cell> {
    let AcceptedDrift { account, fact, job, by, reason, at, .. } = accepted;
    let by = by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let done =
        format!("{account} {} by job {job}; that AWS has it otherwise was accepted{by}.", fact.words());
    let said = [Some(done), reason.as_ref().map(|why| stopped(format!("Reason: {why}")))];
    vec![
        Cell::Time(Time::at(*at)),
        Cell::LinkOf(
            Link::new(jobs::of(*job), format!("Job {job}")),
            "and what AWS has in the place of it".to_owned(),
        ),
        Cell::text(said.into_iter().flatten().collect::<Vec<_>>().join(" ")),
        Cell::Badge(Badge::new(Tone::Quiet, "Accepted")),
    ]
}

/// What people wrote, with the full stop that many leave out.
fn stopped(text: String) -> String {
    if text.ends_with(['.', '!', '?', '…']) { text } else { text + "." }
}

fn of_task(asked: &AskedTask) -> Vec<Cell> {
    let AskedTask { task, actor, reason, decided, .. } = asked;
    let result = task.result.clone().or_else(|| task.failure.as_ref().map(|failure| failure.message.clone()));
    let rejection = decided.as_ref().filter(|decided| decided.rejected);
    let said = [
        Some(format!("{}.", wished(&task.wish, None))),
        // Of what was rejected, that is the result.
        result.filter(|_| rejection.is_none()).map(|result| sentence(&result)),
        reason.as_ref().map(|why| stopped(format!("Reason: {why}"))),
        rejection
            .and_then(|decided| decided.reason.as_ref())
            .map(|why| stopped(format!("Rejected because: {why}"))),
    ];
    let by = match decided {
        Some(Decided { by, rejected: true, .. }) => format!("of {actor}, rejected by {by}"),
        Some(Decided { by, .. }) => format!("of {actor}, approved by {by}"),
        None => format!("of {actor}"),
    };
    vec![
        Cell::Time(Time::at(when(asked))),
        Cell::LinkOf(Link::new(jobs::of(task.job), format!("Job {}", task.job)), by),
        Cell::text(said.into_iter().flatten().collect::<Vec<_>>().join(" ")),
        Cell::Badge(match rejection {
            Some(_) => Badge::new(Tone::Quiet, "Rejected"),
            None => Badge::of_task(task.state),
        }),
    ]
}
