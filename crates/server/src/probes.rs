//! Whether this process lives, and whether it can do its work. Both answer anybody, and say nothing else.

use axum::extract::State;
use axum::http::StatusCode;

use crate::parts::Parts;

/// It answers, so it lives.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether the store answers, and can be written.
pub(crate) async fn readyz(State(parts): State<Parts>) -> (StatusCode, &'static str) {
    if let Err(error) = parts.store.list_systems(false).await {
        tracing::error!(%error, "not ready: the store does not answer");
        return (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n");
    }
    match parts.store.require_writable().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::error!(%error, "not ready: the store cannot be written");
            (StatusCode::SERVICE_UNAVAILABLE, "the store cannot be written\n")
        }
    }
}
