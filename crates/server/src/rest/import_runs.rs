//! `/systems/{system_id}/import-runs` and `/import-runs/{run}`

use axum::Json;
use axum::extract::State;
use keyreeve_engine::rights::Right;
use keyreeve_model::{ChangeSet, ImportRun, ImportRunId, SystemId};

use super::paging::{Page, Pages};
use crate::auth::Caller;
use crate::body::{InPath, InQuery};
use crate::parts::Parts;
use crate::problem::{Problem, Refused};

/// Lists the import runs of a system, the newest first.
#[utoipa::path(
    get, path = "/systems/{system_id}/import-runs", tag = "imports",
    params(("system_id" = SystemId, Path), Pages), responses((status = 200, body = Page<ImportRun>), Refused)
)]
pub(crate) async fn list(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    InQuery(asked): InQuery<Pages>,
) -> Result<Json<Page<ImportRun>>, Problem> {
    caller.require(Right::Read, &system_id)?;
    let paging = asked.paging();
    let (before, limit) = (paging.after()?, paging.limit()?);
    let runs = parts.store.list_import_runs(&system_id, before, limit + 1).await?;
    Ok(Json(Page::of(runs, limit, |run| run.id)))
}

/// Shows an import run: what it read whole, what it changed, and why it was suspended or failed.
#[utoipa::path(
    get, path = "/import-runs/{run}", tag = "imports", params(("run" = i64, Path, minimum = 1)),
    responses((status = 200, body = ImportRun), Refused)
)]
pub(crate) async fn get(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(run): InPath<i64>,
) -> Result<Json<ImportRun>, Problem> {
    Ok(Json(readable(&caller, &parts, ImportRunId(run)).await?))
}

/// Lists what an import run changed against the one before it.
#[utoipa::path(
    get, path = "/import-runs/{run}/changes", tag = "imports", params(("run" = i64, Path, minimum = 1)),
    responses((status = 200, body = ChangeSet), Refused)
)]
pub(crate) async fn changes(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(run): InPath<i64>,
) -> Result<Json<ChangeSet>, Problem> {
    let run = readable(&caller, &parts, ImportRunId(run)).await?;
    Ok(Json(parts.store.import_changes(run.id).await?))
}

/// A run of a system that the caller may read. Others are told apart from none only by who may read them.
async fn readable(caller: &Caller, parts: &Parts, id: ImportRunId) -> Result<ImportRun, Problem> {
    caller.0.require(Right::Read)?;
    let run = parts.store.get_import_run(id).await?;
    if !caller.0.reaches(&run.system_id) {
        return Err(keyreeve_store::StoreError::RunNotFound { run: id }.into());
    }
    Ok(run)
}
