//! `/systems/{system_id}/protections`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use keyreeve_engine::rights::Right;
use keyreeve_model::{Protection, ProtectionKind, SystemId};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::paging::Page;
use crate::auth::Caller;
use crate::body::{InBody, InPath, InQuery, at_most};
use crate::parts::Parts;
use crate::problem::{Problem, Refused, RefusedBody};

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

/// The kinds of what is protected.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Protects {
    /// The account of this name, ignoring case.
    Account,
    /// All accounts whose path begins with this.
    Path,
    /// All accounts with this tag: `key` or `key=value`.
    Tag,
}

impl Protects {
    fn what(self, value: String) -> ProtectionKind {
        match self {
            Self::Account => ProtectionKind::Account(value),
            Self::Path => ProtectionKind::Path(value),
            Self::Tag => ProtectionKind::Tag(value),
        }
    }
}

/// What is to be protected.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewProtection {
    /// Which kind it is.
    kind: Protects,
    /// The name, the path or the tag.
    #[schema(min_length = 1, max_length = 512)]
    value: String,
    /// Why.
    #[serde(default)]
    #[schema(max_length = 1_000)]
    reason: Option<String>,
}

/// What is to be protected no more.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndedProtection {
    /// Which kind it is.
    #[param(inline)]
    kind: Protects,
    /// The name, the path or the tag.
    #[param(min_length = 1, max_length = 512)]
    value: String,
    /// Why.
    #[param(max_length = 1_000)]
    #[serde(default, deserialize_with = "at_most::<1_000, _>")]
    reason: Option<String>,
}

/// Puts something on the protect list of a system: nobody may change it any more.
#[utoipa::path(
    post, path = "/systems/{system_id}/protections", tag = "protections", params(("system_id" = SystemId, Path)),
    request_body = NewProtection, responses((status = 200, body = Protection), RefusedBody)
)]
pub(crate) async fn add(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    InBody { value: asked, .. }: InBody<NewProtection>,
) -> Result<Json<Protection>, Problem> {
    let NewProtection { kind, value, reason } = asked;
    Ok(Json(parts.desk.protect(&actor, &system_id, kind.what(value), reason).await?))
}

/// Takes something off the protect list of a system.
#[utoipa::path(
    delete, path = "/systems/{system_id}/protections", tag = "protections",
    params(("system_id" = SystemId, Path), EndedProtection), responses((status = 204), Refused)
)]
pub(crate) async fn remove(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    InQuery(EndedProtection { kind, value, reason }): InQuery<EndedProtection>,
) -> Result<StatusCode, Problem> {
    parts.desk.end_protection(&actor, &system_id, &kind.what(value), reason.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}
