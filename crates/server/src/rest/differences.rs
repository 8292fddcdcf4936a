//! `/systems/{system_id}/differences`

use axum::Json;
use axum::extract::State;
use keyreeve_engine::desk::Difference;
use keyreeve_engine::moment::Moment;
use keyreeve_model::{Account, Assignment, Change, ChangeSet, ImportRunId, Resource, SystemId};
use keyreeve_store::AsOf;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::paging::{Mark, Page, Paging};
use crate::auth::Caller;
use crate::body::{InPath, InQuery, at_most};
use crate::parts::Parts;
use crate::problem::{Problem, Refused};

/// Between which two.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Between {
    /// `next` of the page before.
    #[param(max_length = 4096)]
    #[serde(default, deserialize_with = "at_most::<4096, _>")]
    cursor: Option<String>,
    /// How many entries at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// The earlier one: `run:N`, a time, or the end of a day (UTC).
    #[param(max_length = 64, example = "run:1")]
    from: String,
    /// The later one, said in the same way; what was published last if it is left out.
    #[param(max_length = 64, example = "2026-05-01")]
    to: Option<String>,
}

/// Something that is different.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Different {
    /// An account.
    Account(Change<Account>),
    /// A group or a policy.
    Resource(Change<Resource>),
    /// An assignment.
    Assignment(Change<Assignment>),
}

/// A page of differences, and between which runs they are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Differences {
    /// The earlier run.
    from: ImportRunId,
    /// The later run.
    to: ImportRunId,
    #[serde(flatten)]
    page: Page<Different>,
}

/// Lists what is different between two published import runs of a system: accounts, then resources, then assignments, each
/// by name. All pages are about the runs of the first one.
#[utoipa::path(
    get, path = "/systems/{system_id}/differences", tag = "imports", params(("system_id" = SystemId, Path), Between),
    responses((status = 200, body = Differences), Refused)
)]
pub(crate) async fn list(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    mark: Mark,
    InQuery(Between { cursor, limit, from, to }): InQuery<Between>,
) -> Result<Json<Differences>, Problem> {
    let paging = Paging(cursor, limit);
    let (after, limit) = (paging.after::<(i64, i64, usize)>(&mark)?, paging.limit()?);
    let moment = |name: &str, text: &str| {
        let moment: Moment = text.parse().map_err(|why| Problem::bad_request(format!("{name}: {why}")))?;
        moment.as_of(parts.clock.now()).map_err(|to_come| Problem::bad_request(format!("{name}: {to_come}")))
    };
    let run = |id| AsOf::Run(ImportRunId(id));
    let (between, begin) = match after {
        Some((from, to, last)) => ((run(from), run(to)), last.saturating_add(1)),
        None => {
            let to = to.as_deref().map_or(Ok(AsOf::Now), |to| moment("to", to))?;
            ((moment("from", &from)?, to), 0)
        }
    };
    let Difference { from, to, changes } = parts.desk.difference(&actor, &system_id, between).await?;
    let fitting = (limit as usize).saturating_add(1);
    let found: Vec<(usize, Different)> = one_list(changes).enumerate().skip(begin).take(fitting).collect();
    let page = Page::of(found, limit, &mark, |(place, _)| (from.0, to.0, *place));
    Ok(Json(Differences { from, to, page: page.each(|(_, different)| different) }))
}

fn one_list(changes: ChangeSet) -> impl Iterator<Item = Different> {
    let ChangeSet { accounts, resources, assignments } = changes;
    let accounts = accounts.into_iter().map(Different::Account);
    accounts
        .chain(resources.into_iter().map(Different::Resource))
        .chain(assignments.into_iter().map(Different::Assignment))
}
