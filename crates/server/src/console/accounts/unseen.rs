//! Accounts that were made here and that no import has seen yet: beside the list, and a page of what was done of each.

use std::collections::BTreeSet;

use askama::Template;
use axum::response::Response;
use keyreeve_engine::unseen::Unseen;
use keyreeve_model::{ExternalId, JobId, System};
use keyreeve_store::StoreError;

use super::show::above;
use super::{history, of};
use crate::console::form::sentence;
use crate::console::jobs;
use crate::console::numbers::counted;
use crate::console::page::{Frame, shown};
use crate::console::parts::Link;
use crate::console::systems;
use crate::console::table::Table;
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

/// So many are named beside the list.
const NAMED: usize = 20;

/// Those that no import has seen, beside the list of those that one has.
pub(super) struct Made {
    pub(super) said: String,
    pub(super) named: Vec<Link>,
    /// Whether there are more than are named.
    pub(super) more: bool,
}

impl Made {
    /// Of a system; `None` when imports have seen all.
    pub(super) async fn of(
        parts: &Parts,
        system: &System,
        unseen: &Unseen,
    ) -> Result<Option<Self>, StoreError> {
        let ids: Vec<ExternalId> = unseen.made_ids().map(|(id, _)| id.clone()).collect();
        if ids.is_empty() {
            return Ok(None);
        }
        let seen = parts.store.accounts_by_id(&system.system_id, &ids).await?;
        let seen: BTreeSet<ExternalId> = seen.into_iter().map(|account| account.external_id).collect();
        let mut made: Vec<(&str, &ExternalId)> =
            unseen.made_ids().filter(|(id, _)| !seen.contains(*id)).map(|(id, name)| (name, id)).collect();
        made.sort_unstable();
        if made.is_empty() {
            return Ok(None);
        }
        let link = |(name, id): &(&str, &ExternalId)| Link::new(of(&system.system_id, id), *name);
        Ok(Some(Self {
            said: format!(
                "{} made since the last import:",
                counted(made.len(), "account was", "accounts were")
            ),
            named: made.iter().take(NAMED).map(link).collect(),
            more: made.len() > NAMED,
        }))
    }
}

#[derive(Template)]
#[template(path = "console/accounts/unseen.html")]
struct UnseenPage {
    frame: Frame,
    name: String,
    job: Link,
    system: Link,
    /// What was done of it.
    done: Vec<String>,
    history: Table,
}

/// The page of an account that a job made, by its name or its id.
pub(super) async fn page(
    visitor: &Visitor,
    parts: &Parts,
    (system, unseen): (&System, &Unseen),
    (account, job): (&str, JobId),
) -> Result<Response, Problem> {
    let by_id = account.parse().ok().filter(|id: &ExternalId| !unseen.of(id).is_empty());
    let id = by_id.or_else(|| unseen.now_called(account).next().cloned());
    let name = id.as_ref().and_then(|id| unseen.name_of(id)).unwrap_or(account).to_owned();
    let done = id.as_ref().map(|id| unseen.of(id)).unwrap_or_default();
    let tasks = match &id {
        Some(id) => {
            let most = u32::try_from(history::MOST).unwrap_or(u32::MAX);
            parts.store.tasks_about(&system.system_id, std::slice::from_ref(id), most).await?
        }
        None => Vec::new(),
    };
    let mut frame = systems::frame(visitor, system, &name);
    frame.above.extend(above(system, None));
    let page = UnseenPage {
        frame,
        job: Link::new(jobs::of(job), format!("Job {job}")),
        system: Link::new(systems::of(&system.system_id), "Import the system"),
        done: done.iter().map(|fact| sentence(&format!("it {}", fact.words()))).collect(),
        history: history::table(&[], &tasks, &[]),
        name,
    };
    Ok(shown(&page))
}
