//! `/systems/{system_id}/jobs` and `/jobs/{job}`

use axum::Json;
use axum::extract::State;
use keyreeve_engine::rights::Right;
use keyreeve_model::{JobId, ProvisioningJob, SystemId};
use keyreeve_store::StoreError;

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

/// Shows a job with its tasks and every step of them.
#[utoipa::path(
    get, path = "/jobs/{job}", tag = "jobs", params(("job" = i64, Path, minimum = 1)),
    responses((status = 200, body = ProvisioningJob), Refused)
)]
pub(crate) async fn get(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(job): InPath<i64>,
) -> Result<Json<ProvisioningJob>, Problem> {
    caller.0.require(Right::Read)?;
    let job = parts.store.job(JobId(job)).await?;
    if !caller.0.reaches(&job.system_id) {
        return Err(StoreError::JobNotFound { job: job.id }.into());
    }
    Ok(Json(job))
}
