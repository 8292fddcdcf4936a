//! Whether this process lives, and whether it can do its work. Both answer anybody, and say nothing else.

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use keyreeve_store::{Store, StoreError};

use crate::parts::Parts;

/// Tells whose store this server has from others; it says nothing of it.
pub(crate) const STORE_MARK: HeaderName = HeaderName::from_static("keyreeve-store");

/// It answers, so it lives.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether the store answers, can be opened with the key that this process holds, and can be written.
pub(crate) async fn readyz(State(parts): State<Parts>) -> Response {
    readiness_of(&parts.store).await
}

/// The same of a store.
pub(crate) async fn readiness_of(store: &Store) -> Response {
    let answer = match not_ready(store).await {
        None => (StatusCode::OK, "ready\n"),
        Some((error, why)) => {
            tracing::error!(%error, why, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, why)
        }
    };
    let mut answer = answer.into_response();
    let mark = store.mark().and_then(|mark| HeaderValue::from_str(&mark).ok());
    answer.headers_mut().extend(mark.map(|mark| (STORE_MARK, mark)));
    answer
}

async fn not_ready(store: &Store) -> Option<(StoreError, &'static str)> {
    const SILENT: &str = "the store does not answer\n";
    if let Err(error) = store.list_systems(false).await {
        return Some((error, SILENT));
    }
    match store.require_key().await {
        Ok(()) => {}
        Err(error @ StoreError::KeyNotFetched { given_up: true, .. }) => {
            return Some((
                error,
                "the change to the key that this server holds was given up: restart it with the key that opens the store\n",
            ));
        }
        Err(error @ (StoreError::KeyNotFetched { .. } | StoreError::KeyChanged)) => {
            return Some((
                error,
                "this server holds a key that opens the store no more: restart it with the key that does\n",
            ));
        }
        Err(error) => return Some((error, SILENT)),
    }
    let error = store.require_writable().await.err()?;
    Some((error, "the store cannot be written\n"))
}
