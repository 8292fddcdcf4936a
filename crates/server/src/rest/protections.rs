//! `/systems/{system_id}/protections`

use axum::Json;
use axum::extract::State;
use keyreeve_engine::rights::Right;
use keyreeve_model::{Protection, SystemId};

use super::paging::Page;
use crate::auth::Caller;
use crate::body::InPath;
use crate::parts::Parts;
use crate::problem::{Problem, Refused};

/// Lists what nobody may change in a system.
#[utoipa::path(
    get, path = "/systems/{system_id}/protections", tag = "protections", params(("system_id" = SystemId, Path)),
    responses((status = 200, body = Page<Protection>), Refused)
)]
pub(crate) async fn list(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
) -> Result<Json<Page<Protection>>, Problem> {
    caller.require(Right::Read, &system_id)?;
    Ok(Json(Page::whole(parts.store.protections(&system_id).await?)))
}
