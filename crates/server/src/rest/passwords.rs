//! `/tasks/{task}/password`

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keyreeve_engine::provisioning::Revealed;
use keyreeve_model::TaskId;
use serde::Serialize;
use utoipa::ToSchema;

use super::changes::{Nothing, unkept};
use crate::auth::Caller;
use crate::body::{InBody, InPath};
use crate::parts::Parts;
use crate::problem::{Gone, Problem, RefusedBody};

/// A password on its way: one of the two.
#[derive(Serialize, ToSchema)]
pub(crate) struct RevealedPassword {
    /// The password itself, shown this once; in operator mode alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    /// A text that only the holder of the recipient's private key can read; it can be had again.
    #[serde(skip_serializing_if = "Option::is_none")]
    encrypted_password: Option<String>,
}

/// Gives the password that a task has set: the text for its recipient or, where operator mode is switched on, the
/// password itself, once.
#[utoipa::path(
    post, path = "/tasks/{task}/password", tag = "jobs", params(("task" = i64, Path, minimum = 1)),
    request_body = Nothing, responses((status = 200, body = RevealedPassword), RefusedBody, Gone)
)]
pub(crate) async fn reveal(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    InPath(task): InPath<i64>,
    InBody { value: Nothing {}, .. }: InBody<Nothing>,
) -> Result<Response, Problem> {
    let shown = match parts.desk.reveal(&actor, TaskId(task)).await? {
        Revealed::Password(password) => {
            RevealedPassword { password: Some(password.expose().to_owned()), encrypted_password: None }
        }
        Revealed::Encrypted(text) => RevealedPassword { password: None, encrypted_password: Some(text) },
    };
    Ok(unkept(Json(shown).into_response()))
}
