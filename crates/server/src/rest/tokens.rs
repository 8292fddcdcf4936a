//! `/tokens`

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keyreeve_engine::desk::TokenAsked;
use keyreeve_engine::rights::Right;
use keyreeve_model::{Role, SystemId, Token, TokenId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::changes::{Decision, unkept};
use super::paging::Page;
use crate::auth::Caller;
use crate::body::{InBody, InPath};
use crate::parts::Parts;
use crate::problem::{Problem, Refused, RefusedBody};

/// Lists all tokens, without their secrets, which nobody has; for an admin of all systems.
#[utoipa::path(get, path = "/tokens", tag = "tokens", responses((status = 200, body = Page<Token>), Refused))]
pub(crate) async fn list(caller: Caller, State(parts): State<Parts>) -> Result<Json<Page<Token>>, Problem> {
    caller.require_everywhere(Right::Administer)?;
    Ok(Json(Page::whole(parts.store.tokens().await?)))
}

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// Whose it is: who acts, for approvals and the audit log.
    #[schema(min_length = 1, max_length = 100)]
    owner: String,
    /// What it may do.
    role: Role,
    /// The systems it is limited to; empty for all.
    #[serde(default)]
    systems: Vec<SystemId>,
    /// After how many days it stops working; left out, never.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3650)]
    expires_in_days: Option<u32>,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeToken {
    #[serde(flatten)]
    token: Token,
    /// The whole token. It is in this answer alone, and kept nowhere.
    text: String,
}

/// Makes a token, and shows it this once; for an admin of all systems.
#[utoipa::path(
    post, path = "/tokens", tag = "tokens", request_body = NewToken,
    responses((status = 200, body = MadeToken), RefusedBody)
)]
pub(crate) async fn create(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    InBody { value: NewToken { owner, role, systems, expires_in_days }, .. }: InBody<NewToken>,
) -> Result<Response, Problem> {
    let asked = TokenAsked { owner, role, systems, expires_in_days, once: None };
    let (token, text) = parts.desk.make_token(&actor, asked).await?;
    let made = MadeToken { token, text: text.expose().to_owned() };
    Ok(unkept(Json(made).into_response()))
}

/// Takes a token back; it lets nobody in any more. For an admin of all systems.
#[utoipa::path(
    post, path = "/tokens/{token}/revoke", tag = "tokens", params(("token" = String, Path)),
    request_body = Decision, responses((status = 200, body = Token), RefusedBody)
)]
pub(crate) async fn revoke(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    InPath(token): InPath<String>,
    InBody { value: Decision { reason }, .. }: InBody<Decision>,
) -> Result<Json<Token>, Problem> {
    Ok(Json(parts.desk.revoke_token(&actor, &TokenId(token), reason.as_deref()).await?))
}
