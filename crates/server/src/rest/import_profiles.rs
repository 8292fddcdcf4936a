//! `/systems/{system_id}/import-profiles`

use axum::Json;
use axum::extract::State;
use keyreeve_engine::rights::Right;
use keyreeve_model::{ImportProfile, ProfileName, SystemId};

use super::paging::Page;
use crate::auth::Caller;
use crate::body::{InBody, InPath};
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
    params(("system_id" = SystemId, Path), ("profile" = ProfileName, Path)),
    responses((status = 200, body = ImportProfile), Refused)
)]
pub(crate) async fn get(
    caller: Caller,
    State(parts): State<Parts>,
    InPath((system_id, profile)): InPath<(SystemId, ProfileName)>,
) -> Result<Json<ImportProfile>, Problem> {
    caller.require(Right::Read, &system_id)?;
    Ok(Json(parts.store.get_import_profile(&system_id, &profile).await?))
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
