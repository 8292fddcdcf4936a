//! `/systems/{system_id}/import-profiles`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use keyreeve_engine::rights::Right;
use keyreeve_engine::schedule::{ScheduleTimes, TimesError};
use keyreeve_model::{ImportProfile, ProfileName, SystemId};

use super::paging::Page;
use super::reason::Because;
use crate::auth::Caller;
use crate::body::{InBody, InPath, InQuery};
use crate::conditions::{Conditions, Unchanged, changed};
use crate::parts::Parts;
use crate::problem::{Problem, Refused, RefusedBody, RefusedVersion};

/// Lists the import profiles of a system, by name.
#[utoipa::path(
    get, path = "/systems/{system_id}/import-profiles", tag = "imports", params(("system_id" = SystemId, Path)),
    responses((status = 200, body = Page<ImportProfile>), Refused)
)]
pub(crate) async fn list(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
) -> Result<Json<Page<ImportProfile>>, Problem> {
    caller.require(Right::Read, &system_id)?;
    Ok(Json(Page::whole(parts.store.list_import_profiles(&system_id).await?)))
}

/// Lists what the schedules of a system's import profiles will do, and did last.
#[utoipa::path(
    get, path = "/systems/{system_id}/import-schedules", tag = "imports", params(("system_id" = SystemId, Path)),
    responses((status = 200, body = Page<ScheduleTimes>), Refused)
)]
pub(crate) async fn schedules(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
) -> Result<Json<Page<ScheduleTimes>>, Problem> {
    caller.require(Right::Read, &system_id)?;
    Ok(Json(Page::whole(ScheduleTimes::of_system(&parts.store, &system_id, parts.clock.now()).await?)))
}

impl From<TimesError> for Problem {
    fn from(error: TimesError) -> Self {
        match error {
            TimesError::Store(error) => error.into(),
            error @ TimesError::Schedule(..) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "not_looked_at", error.to_string())
            }
        }
    }
}

/// Shows an import profile.
#[utoipa::path(
    get, path = "/systems/{system_id}/import-profiles/{profile}", tag = "imports",
    params(("system_id" = SystemId, Path), ("profile" = ProfileName, Path), ("If-None-Match" = Option<String>, Header)),
    responses((status = 200, body = ImportProfile, headers(("ETag" = String))), Unchanged, Refused)
)]
pub(crate) async fn get(
    caller: Caller,
    State(parts): State<Parts>,
    InPath((system_id, profile)): InPath<(SystemId, ProfileName)>,
    conditions: Conditions,
) -> Result<Response, Problem> {
    caller.require(Right::Read, &system_id)?;
    conditions.answer(&parts.store.get_import_profile(&system_id, &profile).await?)
}

/// Sets an import profile with its schedule, whole. `If-Match` says as which the caller saw it; of a new one,
/// `If-None-Match: *` that there must be none yet.
#[utoipa::path(
    put, path = "/systems/{system_id}/import-profiles/{profile}", tag = "imports",
    params(
        ("system_id" = SystemId, Path), ("profile" = ProfileName, Path), ("If-Match" = Option<String>, Header),
        ("If-None-Match" = Option<String>, Header),
    ),
    request_body = ImportProfile,
    responses((status = 200, body = ImportProfile, headers(("ETag" = String))), RefusedBody, RefusedVersion)
)]
pub(crate) async fn set(
    caller: Caller,
    State(parts): State<Parts>,
    InPath((system_id, name)): InPath<(SystemId, ProfileName)>,
    conditions: Conditions,
    InBody { value: profile, .. }: InBody<ImportProfile>,
) -> Result<Response, Problem> {
    caller.require(Right::Administer, &system_id)?;
    conditions.must_match_or_be_new()?;
    if profile.name != name {
        return Err(Problem::bad_request("the name of the profile is not that of the address"));
    }
    let is_seen = |there: Option<&ImportProfile>| conditions.is_about_what_is(there);
    parts.desk.set_profile(&caller.0, &system_id, &profile, is_seen).await?;
    changed(&profile)
}

/// Takes an import profile away, with its schedule, as the caller saw it (`If-Match`). The profile `default` stays.
#[utoipa::path(
    delete, path = "/systems/{system_id}/import-profiles/{profile}", tag = "imports",
    params(("system_id" = SystemId, Path), ("profile" = ProfileName, Path), ("If-Match" = String, Header), Because),
    responses((status = 204), Refused, RefusedVersion)
)]
pub(crate) async fn remove(
    caller: Caller,
    State(parts): State<Parts>,
    InPath((system_id, profile)): InPath<(SystemId, ProfileName)>,
    conditions: Conditions,
    InQuery(Because { reason }): InQuery<Because>,
) -> Result<StatusCode, Problem> {
    caller.require(Right::Administer, &system_id)?;
    conditions.must_match()?;
    let is_seen = |there: &ImportProfile| conditions.is_about(there);
    parts.desk.remove_profile(&caller.0, &system_id, &profile, is_seen, reason.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}
