//! What became of an account: what imports saw, and what was asked for here, on one time line.

use jiff::Timestamp;
use keyreeve_engine::export::changes::{ChangeLine, lines_of};
use keyreeve_model::{Account, ChangeKind};
use keyreeve_store::{AccountEvent, AskedTask, Store, StoreError};

use crate::console::form::sentence;
use crate::console::imports;
use crate::console::jobs;
use crate::console::parts::{Badge, Cell, Empty, Link, Tone};
use crate::console::states::{called, called_object, in_words};
use crate::console::table::{Column, Table};
use crate::console::time::Time;

/// So much is looked back at.
pub(super) const MOST: usize = 100;

const COLUMNS: [Column; 4] = [
    Column::plain("When"),
    Column::plain("Where it is from"),
    Column::plain("What"),
    Column::plain("Outcome"),
];

/// What was asked for of an account, the last first.
pub(super) async fn tasks(store: &Store, account: &Account) -> Result<Vec<AskedTask>, StoreError> {
    let most = u32::try_from(MOST).unwrap_or(u32::MAX);
    store.tasks_about(&account.system_id, std::slice::from_ref(&account.external_id), most).await
}

/// The time line, the newest first.
pub(super) fn table(events: &[AccountEvent], tasks: &[AskedTask]) -> Table {
    let seen = events.iter().map(|event| (event.published_at, of_run(event)));
    let asked = tasks.iter().map(|asked| (began(asked), of_task(asked)));
    let mut rows: Vec<(Option<Timestamp>, Vec<Cell>)> = seen.chain(asked).collect();
    // What has not begun has no time, and is the newest there is.
    rows.sort_by_key(|(at, _)| std::cmp::Reverse(at.unwrap_or(Timestamp::MAX)));
    let rows = rows.into_iter().take(MOST).map(|(_, row)| row).collect();
    let empty = Empty {
        title: "No history".to_owned(),
        text: "Nothing of it has changed since imports look back.".to_owned(),
        action: None,
    };
    Table::whole("History", &COLUMNS, rows, empty)
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

fn began(asked: &AskedTask) -> Option<Timestamp> {
    asked.task.finished_at.or(asked.task.started_at)
}

fn of_task(asked: &AskedTask) -> Vec<Cell> {
    let task = &asked.task;
    let result = task.result.clone().or_else(|| task.failure.as_ref().map(|failure| failure.message.clone()));
    let result = result.map(|result| format!(" {}", sentence(&result))).unwrap_or_default();
    vec![
        began(asked).map_or(Cell::None, |at| Cell::Time(Time::at(at))),
        Cell::LinkOf(Link::new(jobs::of(task.job), format!("Job {}", task.job)), format!("of {}", asked.actor)),
        Cell::text(format!("{}.{result}", called(task.kind))),
        Cell::Badge(Badge::of_task(task.state)),
    ]
}
