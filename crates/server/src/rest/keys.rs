//! `POST /systems/{system_id}/rotate-key`: the access key that a system signs in with, replaced.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use keyreeve_engine::desk::{DeskError, RotationAsked};
use keyreeve_engine::key_rotation::{KeyChange, KeyPlan};
use keyreeve_engine::rights::Right;
use keyreeve_model::SystemId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::secrets::REPEATED;
use crate::auth::Caller;
use crate::body::{InBody, InPath};
use crate::once::{Begun, Once, reused, to_its_end};
use crate::parts::Parts;
use crate::problem::{Problem, RefusedBody};

/// A key that is to be replaced.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRotation {
    /// Why.
    #[serde(default)]
    #[schema(max_length = 1_000)]
    reason: Option<String>,
    /// Only say what would be done.
    #[serde(default)]
    preview: bool,
}

/// What is to become of the key, or became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RotatedKey {
    #[serde(flatten)]
    plan: KeyPlan,
    /// Whether this answers a repeat of a request that was done before.
    repeated: bool,
}

/// Replaces the access key that a system signs in with, or goes on with what was interrupted: a new key is made, proven and
/// stored, then the old one is switched off and deleted. No import and no job of the system runs meanwhile. The new secret
/// is sealed, and in no answer. It takes some seconds, and minutes where IAM is slow to know the new key.
#[utoipa::path(
    post, path = "/systems/{system_id}/rotate-key", tag = "systems",
    params(
        ("system_id" = SystemId, Path),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")
    ),
    request_body = NewRotation, responses((status = 200, body = RotatedKey), RefusedBody)
)]
pub(crate) async fn rotate(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    once: Once,
    InBody { value: NewRotation { reason, preview }, sha256 }: InBody<NewRotation>,
) -> Result<Response, Problem> {
    caller.require(Right::Administer, &system_id)?;
    let lease = parts.importer.lease;
    if preview {
        let desk = parts.desk.clone();
        let work = move || async move {
            let asked = RotationAsked { reason: reason.as_deref(), lease, request: None };
            let (_, look) = desk.look_at_key(&caller.0, &system_id, asked).await?;
            Ok::<_, DeskError>(look.plan(&system_id))
        };
        let plan = parts.planning.run(work).await??;
        return Ok(Json(RotatedKey { plan, repeated: false }).into_response());
    }
    let place = (&system_id, "POST /systems/{system_id}/rotate-key".to_owned());
    let claim = match once.begin(&parts, &caller, place, &sha256).await? {
        Begun::New(claim) => claim,
        Begun::Done(asked_at) => {
            let change = parts.desk.rotated_key(&caller.0, &system_id, asked_at).await?;
            return Ok(done(change, true));
        }
        Begun::Job(_) | Begun::Run(_) => return Err(reused()),
    };
    let work = {
        let (parts, claim) = (parts.clone(), claim.clone());
        async move {
            let desk = parts.desk.clone();
            let work = move || async move {
                let asked = RotationAsked { reason: reason.as_deref(), lease, request: claim.as_ref() };
                let (system, look) = desk.look_at_key(&caller.0, &system_id, asked).await?;
                desk.rotate_key(&caller.0, (&system, &look), asked).await
            };
            parts.planning.run(work).await?
        }
    };
    Ok(done(to_its_end(&parts, claim, work).await?, false))
}

fn done(change: KeyChange, repeated: bool) -> Response {
    let plan = KeyPlan { change, under_way: None };
    let mut answer = Json(RotatedKey { plan, repeated }).into_response();
    if repeated {
        answer.headers_mut().insert(REPEATED, HeaderValue::from_static("true"));
    }
    answer
}
