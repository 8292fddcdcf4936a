//! `/systems/{system_id}/import-profiles`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use keyreeve_engine::rights::Right;
use keyreeve_model::{ImportProfile, ProfileName, SystemId};

use super::paging::Page;
use super::reason::Because;
use crate::auth::Caller;
use crate::body::{InBody, InPath, InQuery};
use crate::conditions::{Conditions, Unchanged};
use crate::parts::Parts;
use crate::problem::{Problem, Refused, RefusedBody};

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

/// Sets an import profile with its schedule, whole; it may be new.
#[utoipa::path(
    put, path = "/systems/{system_id}/import-profiles/{profile}", tag = "imports",
    params(("system_id" = SystemId, Path), ("profile" = ProfileName, Path)),
    request_body = ImportProfile, responses((status = 200, body = ImportProfile), RefusedBody)
)]
pub(crate) async fn set(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    InPath((system_id, name)): InPath<(SystemId, ProfileName)>,
    InBody { value: profile, .. }: InBody<ImportProfile>,
) -> Result<Json<ImportProfile>, Problem> {
    if profile.name != name {
        return Err(Problem::bad_request("the name of the profile is not that of the address"));
    }
    parts.desk.set_profile(&actor, &system_id, &profile).await?;
    Ok(Json(profile))
}

/// Takes an import profile away, with its schedule. The profile `default` stays.
#[utoipa::path(
    delete, path = "/systems/{system_id}/import-profiles/{profile}", tag = "imports",
    params(("system_id" = SystemId, Path), ("profile" = ProfileName, Path), Because),
    responses((status = 204), Refused)
)]
pub(crate) async fn remove(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    InPath((system_id, profile)): InPath<(SystemId, ProfileName)>,
    InQuery(Because { reason }): InQuery<Because>,
) -> Result<StatusCode, Problem> {
    parts.desk.remove_profile(&actor, &system_id, &profile, reason.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}
