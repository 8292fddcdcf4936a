//! `/systems/{system_id}/import-runs` and `/import-runs/{run}`

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keyreeve_engine::desk::{DeskError, ImportAsked};
use keyreeve_engine::rights::Right;
use keyreeve_model::{ChangeSet, ImportRun, ImportRunId, ProfileName, SystemId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::changes::Decision;
use super::fields::{Fields, Partly};
use super::numbered::{Numbered, Order};
use super::paging::{Mark, Page, Paging};
use super::secrets::accepted;
use crate::auth::Caller;
use crate::body::{InBody, InPath, InQuery};
use crate::conditions::{Conditions, Unchanged};
use crate::once::{Begun, Once, reused, to_its_end};
use crate::parts::Parts;
use crate::problem::{Problem, Refused, RefusedBody};

/// Lists the import runs of a system, the newest first unless another order is asked for.
#[utoipa::path(
    get, path = "/systems/{system_id}/import-runs", tag = "imports",
    params(("system_id" = SystemId, Path), Numbered),
    responses((status = 200, body = Page<ImportRun>), Refused)
)]
pub(crate) async fn list(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    mark: Mark,
    InQuery(asked): InQuery<Numbered>,
) -> Result<Json<Page<Partly<ImportRun>>>, Problem> {
    caller.require(Right::Read, &system_id)?;
    let fields = Fields::named(asked.fields.as_deref())?;
    let paging = Paging(asked.cursor, asked.limit);
    let (beyond, limit) = (paging.after(&mark)?, paging.limit()?);
    let runs = match asked.sort.unwrap_or_default() {
        Order::NewestFirst => parts.store.list_import_runs(&system_id, beyond, limit + 1).await?,
        Order::OldestFirst => parts.store.oldest_import_runs(&system_id, beyond, limit + 1).await?,
    };
    Ok(Json(Page::of(runs, limit, &mark, |run| run.id).only(&fields)))
}

/// Shows an import run: what it read whole, what it changed, and why it was suspended or failed.
#[utoipa::path(
    get, path = "/import-runs/{run}", tag = "imports",
    params(("run" = i64, Path, minimum = 1), ("If-None-Match" = Option<String>, Header)),
    responses((status = 200, body = ImportRun, headers(("ETag" = String))), Unchanged, Refused)
)]
pub(crate) async fn get(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(run): InPath<i64>,
    conditions: Conditions,
) -> Result<Response, Problem> {
    conditions.answer(&readable(&caller, &parts, ImportRunId(run)).await?)
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

/// An import that is asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewImport {
    /// The profile to run through; `default` if it is left out.
    #[serde(default)]
    profile: Option<ProfileName>,
    /// Only compare; publish nothing.
    #[serde(default)]
    preview: bool,
}

/// Why a suspended run is published.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acceptance {
    /// Why.
    #[schema(min_length = 1, max_length = 1_000)]
    reason: String,
}

/// Begins an import of a system. One is under way at a time; a second one is refused.
#[utoipa::path(
    post, path = "/systems/{system_id}/import-runs", tag = "imports",
    params(
        ("system_id" = SystemId, Path),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")
    ),
    request_body = NewImport,
    responses((status = 202, description = "The run, which goes on.", body = ImportRun), RefusedBody)
)]
pub(crate) async fn begin(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    once: Once,
    InBody { value, sha256 }: InBody<NewImport>,
) -> Result<Response, Problem> {
    caller.require(Right::Operate, &system_id)?;
    let place = (&system_id, "POST /systems/{system_id}/import-runs".to_owned());
    let claim = match once.begin(&parts, &caller, place, &sha256).await? {
        Begun::New(claim) => claim,
        Begun::Run(run) => {
            let run = parts.desk.import_run(&caller.0, Right::Operate, run).await?;
            return Ok(begun(run, true));
        }
        Begun::Job(_) | Begun::Done(_) => return Err(reused()),
    };
    let NewImport { profile, preview } = value;
    let profile = match profile {
        Some(profile) => profile,
        None => DEFAULT.parse().map_err(|_| Problem::bad_request("a profile must be named"))?,
    };
    let asked = ImportAsked { system_id, profile, preview };
    let (importer, stop) = (parts.importer.clone(), parts.stop.clone());
    let work = {
        let (parts, claim) = (parts.clone(), claim.clone());
        async move {
            let run = parts.desk.import(&caller.0, asked, importer, &parts.importing, stop).await?;
            if let Some(claim) = &claim {
                parts.store.request_came_to_run(claim, run.id).await?;
            }
            Ok::<_, DeskError>(run)
        }
    };
    Ok(begun(to_its_end(&parts, claim, work).await?, false))
}

/// The profile that every system has.
const DEFAULT: &str = "default";

fn begun(run: ImportRun, repeated: bool) -> Response {
    let location = format!("{}/import-runs/{}", super::PREFIX, run.id);
    accepted(Json(run).into_response(), &location, repeated)
}

/// Publishes exactly what a suspended run found.
#[utoipa::path(
    post, path = "/import-runs/{run}/accept", tag = "imports", params(("run" = i64, Path, minimum = 1)),
    request_body = Acceptance, responses((status = 200, body = ImportRun), RefusedBody)
)]
pub(crate) async fn accept(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    InPath(run): InPath<i64>,
    InBody { value: Acceptance { reason }, .. }: InBody<Acceptance>,
) -> Result<Json<ImportRun>, Problem> {
    Ok(Json(parts.desk.accept(&actor, ImportRunId(run), &reason).await?))
}

/// Discards a suspended run; what was known before still stands.
#[utoipa::path(
    post, path = "/import-runs/{run}/reject", tag = "imports", params(("run" = i64, Path, minimum = 1)),
    request_body = Decision, responses((status = 200, body = ImportRun), RefusedBody)
)]
pub(crate) async fn reject(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    InPath(run): InPath<i64>,
    InBody { value: Decision { reason }, .. }: InBody<Decision>,
) -> Result<Json<ImportRun>, Problem> {
    Ok(Json(parts.desk.discard(&actor, ImportRunId(run), reason.as_deref()).await?))
}

/// A run of a system that the caller may read. Others are told apart from none only by who may read them.
async fn readable(caller: &Caller, parts: &Parts, id: ImportRunId) -> Result<ImportRun, Problem> {
    Ok(parts.desk.import_run(&caller.0, Right::Read, id).await?)
}
