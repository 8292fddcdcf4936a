//! `/systems/{system_id}/drift`

use axum::Json;
use axum::extract::State;
use keyreeve_engine::drift::DriftedChange;
use keyreeve_engine::rights::Right;
use keyreeve_model::SystemId;
use keyreeve_store::ClaimId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::paging::Page;
use crate::auth::Caller;
use crate::body::{InBody, InPath};
use crate::parts::Parts;
use crate::problem::{Problem, Refused, RefusedBody};

/// Lists what was changed here and is not so in AWS, the newest first.
///
/// Each ends when an import sees it again as it was made here, when a job changes the same once more, or when it is accepted.
#[utoipa::path(
    get, path = "/systems/{system_id}/drift", tag = "drift", params(("system_id" = SystemId, Path)),
    responses((status = 200, body = Page<DriftedChange>), Refused)
)]
pub(crate) async fn list(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
) -> Result<Json<Page<DriftedChange>>, Problem> {
    caller.require(Right::Read, &system_id)?;
    Ok(Json(Page::whole(DriftedChange::of_system(&parts.store, &system_id, u32::MAX).await?)))
}

/// What is to stay as AWS has it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcceptedDrift {
    /// The numbers of the changes.
    #[schema(max_items = 1_000)]
    claims: Vec<i64>,
    /// Why; kept in the audit log.
    #[serde(default)]
    #[schema(max_length = 1_000)]
    reason: Option<String>,
}

/// What was accepted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EndedDrift {
    /// How many of them had not ended before.
    accepted: u64,
}

/// Accepts what AWS has in the place of changes that were made here: they are no drift any more.
#[utoipa::path(
    post, path = "/systems/{system_id}/drift/accept", tag = "drift", params(("system_id" = SystemId, Path)),
    request_body = AcceptedDrift, responses((status = 200, body = EndedDrift), RefusedBody)
)]
pub(crate) async fn accept(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    InBody { value: AcceptedDrift { claims, reason }, .. }: InBody<AcceptedDrift>,
) -> Result<Json<EndedDrift>, Problem> {
    if claims.len() > MOST {
        return Err(Problem::bad_request("more than 1000 changes are accepted at once; send them in parts"));
    }
    let claims: Vec<ClaimId> = claims.into_iter().map(ClaimId).collect();
    let accepted = parts.desk.accept_drift(&actor, &system_id, &claims, reason.as_deref()).await?;
    Ok(Json(EndedDrift { accepted }))
}

/// So many are accepted at once.
const MOST: usize = 1_000;
