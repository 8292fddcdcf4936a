//! `/systems/{system_id}/jobs` and `/jobs/{job}`

use axum::Json;
use axum::extract::State;
use keyreeve_engine::desk::{Keeps, Standing};
use keyreeve_engine::rights::Right;
use keyreeve_model::{JobId, ProvisioningJob, SystemId};
use serde::Serialize;
use utoipa::ToSchema;

use super::paging::{Page, Pages};
use crate::auth::Caller;
use crate::body::{InPath, InQuery};
use crate::parts::Parts;
use crate::problem::{Problem, Refused};

/// Lists the jobs of a system, the newest first, with their tasks but without the tasks' steps.
#[utoipa::path(
    get, path = "/systems/{system_id}/jobs", tag = "jobs",
    params(("system_id" = SystemId, Path), Pages), responses((status = 200, body = Page<ProvisioningJob>), Refused)
)]
pub(crate) async fn list(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    InQuery(asked): InQuery<Pages>,
) -> Result<Json<Page<ProvisioningJob>>, Problem> {
    caller.require(Right::Read, &system_id)?;
    let paging = asked.paging();
    let (before, limit) = (paging.after()?, paging.limit()?);
    let jobs = parts.store.jobs(&system_id, before, limit + 1).await?;
    Ok(Json(Page::of(jobs, limit, |job| job.id)))
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
    get, path = "/jobs/{job}", tag = "jobs", params(("job" = i64, Path, minimum = 1)),
    responses((status = 200, body = ShownJob), Refused)
)]
pub(crate) async fn get(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(job): InPath<i64>,
) -> Result<Json<ShownJob>, Problem> {
    let job = parts.desk.job(&caller.0, Right::Read, JobId(job)).await?;
    let standing = Standing::of(&parts.store, &job, parts.clock.now()).await?;
    let standing = standing.map(|Standing { keeps, why }| Stands { keeps, why });
    Ok(Json(ShownJob { job, standing }))
}
