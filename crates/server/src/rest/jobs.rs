//! `/systems/{system_id}/jobs` and `/jobs/{job}`

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::desk::{Keeps, Standing};
use keyreeve_engine::rights::Right;
use keyreeve_model::{JobId, JobState, ProvisioningJob, SystemId};
use keyreeve_store::JobSlice;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::fields::{Fields, Partly};
use super::numbered::Order;
use super::paging::{Mark, Page, Paging};
use crate::auth::Caller;
use crate::body::{InPath, InQuery, at_most};
use crate::conditions::{Conditions, Unchanged};
use crate::parts::Parts;
use crate::problem::{Problem, Refused};

/// Which jobs.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// `next` of the page before.
    #[param(max_length = 4096)]
    #[serde(default, deserialize_with = "at_most::<4096, _>")]
    cursor: Option<String>,
    /// How many entries at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// In which order; the newest first unless another one is asked for.
    #[param(inline)]
    sort: Option<Order>,
    /// Only these fields of each entry, with commas between.
    #[param(max_length = 1_000)]
    #[serde(default, deserialize_with = "at_most::<1_000, _>")]
    fields: Option<String>,
    /// Only those in this state.
    #[param(inline)]
    state: Option<JobState>,
}

/// Lists the jobs of a system, the newest first unless another order is asked for, with their tasks but without the tasks'
/// steps.
#[utoipa::path(
    get, path = "/systems/{system_id}/jobs", tag = "jobs",
    params(("system_id" = SystemId, Path), Filter),
    responses((status = 200, body = Page<ProvisioningJob>), Refused)
)]
pub(crate) async fn list(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    mark: Mark,
    InQuery(asked): InQuery<Filter>,
) -> Result<Json<Page<Partly<ProvisioningJob>>>, Problem> {
    caller.require(Right::Read, &system_id)?;
    let fields = Fields::named(asked.fields.as_deref())?;
    let paging = Paging(asked.cursor, asked.limit);
    let (beyond, limit): (Option<JobId>, u32) = (paging.after(&mark)?, paging.limit()?);
    let oldest_first = asked.sort == Some(Order::OldestFirst);
    let (before, after) = if oldest_first { (None, beyond) } else { (beyond, None) };
    let slice = JobSlice { state: asked.state, before, after, oldest_first, limit: limit + 1 };
    let jobs = parts.store.jobs_slice(&system_id, &slice).await?;
    Ok(Json(Page::of(jobs, limit, &mark, |job| job.id).only(&fields)))
}

/// A job as it is shown.
#[derive(Serialize, ToSchema)]
pub(crate) struct ShownJob {
    #[serde(flatten)]
    job: ProvisioningJob,
    /// What keeps it from its end, or from a good one; null when nothing does.
    standing: Option<Stands>,
}

/// What keeps a job from its end.
#[derive(Serialize, ToSchema)]
struct Stands {
    /// What, for programs.
    #[schema(value_type = String)]
    keeps: Keeps,
    /// What, in a sentence.
    why: String,
}

/// Shows a job with its tasks and every step of them, and what keeps it from its end.
#[utoipa::path(
    get, path = "/jobs/{job}", tag = "jobs",
    params(("job" = i64, Path, minimum = 1), ("If-None-Match" = Option<String>, Header)),
    responses((status = 200, body = ShownJob, headers(("ETag" = String))), Unchanged, Refused)
)]
pub(crate) async fn get(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(job): InPath<i64>,
    conditions: Conditions,
) -> Result<Response, Problem> {
    let job = parts.desk.job(&caller.0, Right::Read, JobId(job)).await?;
    let standing = Standing::of(&parts.store, &job, parts.clock.now()).await?;
    let standing = standing.map(|Standing { keeps, why }| Stands { keeps, why });
    conditions.answer(&ShownJob { job, standing })
}
