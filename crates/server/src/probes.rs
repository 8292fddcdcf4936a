//! Whether this process lives, and whether it can do its work. Both answer anybody, and say nothing else.

use axum::extract::State;
use axum::http::StatusCode;

use crate::parts::Parts;

/// It answers, so it lives.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether the store answers.
pub(crate) async fn readyz(State(parts): State<Parts>) -> (StatusCode, &'static str) {
    match parts.store.list_systems(false).await {
        Ok(_) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::error!(%error, "not ready: the store does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n")
        }
    }
}
