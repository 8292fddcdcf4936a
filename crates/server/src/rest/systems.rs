//! `/systems`

use axum::Json;
use axum::extract::State;
use keyreeve_engine::rights::Right;
use keyreeve_model::{System, SystemId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::paging::{Page, Paging};
use crate::auth::Caller;
use crate::body::{InPath, InQuery, at_most};
use crate::parts::Parts;
use crate::problem::{Problem, Refused};

/// Which systems.
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
    /// Also those that were removed.
    #[serde(default)]
    removed: bool,
}

/// Lists the systems that the caller's token is for, by System ID.
#[utoipa::path(
    get, path = "/systems", tag = "systems", params(Filter),
    responses((status = 200, body = Page<System>), Refused)
)]
pub(crate) async fn list(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    InQuery(filter): InQuery<Filter>,
) -> Result<Json<Page<System>>, Problem> {
    actor.require(Right::Read)?;
    let paging = Paging(filter.cursor, filter.limit);
    let (after, limit) = (paging.after::<SystemId>()?, paging.limit()?);
    let mut systems = parts.store.list_systems(filter.removed).await?;
    systems.retain(|system| {
        actor.reaches(&system.system_id) && after.as_ref().is_none_or(|after| system.system_id > *after)
    });
    systems.sort_by(|a, b| a.system_id.cmp(&b.system_id));
    Ok(Json(Page::of(systems, limit, |system| system.system_id.clone())))
}

/// Shows one system.
#[utoipa::path(
    get, path = "/systems/{system_id}", tag = "systems", params(("system_id" = SystemId, Path)),
    responses((status = 200, body = System), Refused)
)]
pub(crate) async fn get(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
) -> Result<Json<System>, Problem> {
    caller.require(Right::Read, &system_id)?;
    Ok(Json(parts.store.get_system(&system_id).await?))
}
