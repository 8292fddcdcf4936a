//! Whether this process lives, and whether it can do its work. Both answer anybody, and say nothing else.

use axum::extract::State;
use axum::http::StatusCode;
use keyreeve_store::StoreError;

use crate::parts::Parts;

/// It answers, so it lives.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether the store answers, can be opened with the key that this process holds, and can be written.
pub(crate) async fn readyz(State(parts): State<Parts>) -> (StatusCode, &'static str) {
    match not_ready(&parts).await {
        None => (StatusCode::OK, "ready\n"),
        Some((error, why)) => {
            tracing::error!(%error, why, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, why)
        }
    }
}

async fn not_ready(parts: &Parts) -> Option<(StoreError, &'static str)> {
    const SILENT: &str = "the store does not answer\n";
    if let Err(error) = parts.store.list_systems(false).await {
        return Some((error, SILENT));
    }
    match parts.store.require_key().await {
        Ok(()) => {}
        Err(error @ (StoreError::KeyNotFetched { .. } | StoreError::KeyChanged)) => {
            return Some((
                error,
                "this server holds a key that opens the store no more: restart it with the key that does\n",
            ));
        }
        Err(error) => return Some((error, SILENT)),
    }
    let error = parts.store.require_writable().await.err()?;
    Some((error, "the store cannot be written\n"))
}
