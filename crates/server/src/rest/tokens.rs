//! `/tokens`

use axum::Json;
use axum::extract::State;
use keyreeve_engine::rights::Right;
use keyreeve_model::Token;

use super::paging::Page;
use crate::auth::Caller;
use crate::parts::Parts;
use crate::problem::{Problem, Refused};

/// Lists all tokens, without their secrets, which nobody has; for an admin of all systems.
#[utoipa::path(get, path = "/tokens", tag = "tokens", responses((status = 200, body = Page<Token>), Refused))]
pub(crate) async fn list(caller: Caller, State(parts): State<Parts>) -> Result<Json<Page<Token>>, Problem> {
    caller.require_everywhere(Right::Administer)?;
    Ok(Json(Page::whole(parts.store.tokens().await?)))
}
