//! An account that is not there any more, or was not at the moment that is asked for: since when, by which run or job, and
//! its history.

use askama::Template;
use axum::response::Response;
use keyreeve_model::{Account, System, TaskKind, TaskState};
use keyreeve_store::{AsOf, AskedTask, LastKnown};

use super::show::above;
use super::{at_moment, history, of};
use crate::console::imports;
use crate::console::jobs;
use crate::console::page::{Frame, shown};
use crate::console::parts::{Cell, Facts, Link};
use crate::console::systems;
use crate::console::table::Table;
use crate::console::time::Time;
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "console/accounts/gone.html")]
struct GonePage {
    frame: Frame,
    name: String,
    /// The moment that is asked for, at which it was not there.
    then: Option<String>,
    /// The name that is asked for, which it had before.
    before: Option<String>,
    /// Its page, where it is there.
    own: String,
    gone: bool,
    facts: Facts,
    links: Vec<Link>,
    history: Table,
    all: String,
}

/// The page of an account that is known of another moment than the one asked for.
pub(super) async fn page(
    visitor: &Visitor,
    parts: &Parts,
    (system, asked, as_of): (&System, &str, Option<&str>),
    LastKnown { object: account, gone }: LastKnown<Account>,
) -> Result<Response, Problem> {
    let store = &parts.store;
    let id = &system.system_id;
    let tasks = history::tasks(store, &account, history::MOST).await?;
    let events = store.account_events(id, &account.external_id, history::MOST).await?;
    let accepted = history::accepted(store, &account, history::MOST).await?;
    let own = of(id, &account.external_id);
    let is_its_own = account.external_id.as_str() == asked || account.name.eq_ignore_ascii_case(asked);
    let before = (!is_its_own).then(|| asked.to_owned());
    let mut links = Vec::new();
    let run = |run| Cell::link(imports::of(run), format!("Run {run}"));
    let mut facts = vec![
        ("Path", Cell::Code(account.path.clone())),
        ("ARN", Cell::Code(account.arn.clone())),
        ("Id", Cell::Code(account.external_id.to_string())),
        ("First seen", run(account.first_seen_run)),
    ];
    match gone {
        None => links.push(Link::new(own.clone(), "As it is now")),
        Some(gone) => {
            if let Some(last) = gone.last_run {
                facts.push(("Last seen", run(last)));
                let then = format!("run:{last}");
                links.push(Link::new(
                    at_moment(own.clone(), Some(&then)),
                    format!("As it was last, as of run {last}"),
                ));
            }
            facts.push(("Gone since", gone.published_at.map_or(Cell::None, |at| Cell::Time(Time::at(at)))));
            facts.push(("Seen to be gone by", run(gone.run)));
            facts.push(("Deleted by", deleted_by(&tasks)));
            // Another one may be called so by now.
            let named = store.account_called(id, AsOf::Now, &account.name).await?;
            links.extend(named.filter(|other| other.external_id != account.external_id).map(|other| {
                Link::new(
                    of(id, &other.external_id),
                    format!("Another account that is called {} now", other.name),
                )
            }));
        }
    }
    let mut frame = systems::frame(visitor, system, &account.name);
    frame.above.extend(above(system, as_of));
    let page = GonePage {
        frame,
        name: account.name.clone(),
        then: as_of.map(str::to_owned),
        before,
        own,
        gone: gone.is_some(),
        facts: Facts { facts },
        links,
        history: history::table(&events, &tasks, &accepted),
        all: format!("{}/history", of(id, &account.external_id)),
    };
    Ok(shown(&page))
}

/// Which job deleted it, if it was one of ours.
pub(super) fn deleted_by(tasks: &[AskedTask]) -> Cell {
    let deleted = |asked: &&AskedTask| {
        asked.task.kind == TaskKind::DeleteAccount && asked.task.state == TaskState::Succeeded
    };
    match tasks.iter().find(deleted) {
        Some(asked) => Cell::LinkOf(
            Link::new(jobs::of(asked.task.job), format!("Job {}", asked.task.job)),
            format!("of {}", asked.actor),
        ),
        None => Cell::text("no job of ours: that was done elsewhere"),
    }
}
