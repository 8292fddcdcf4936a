//! Talking with a provider: one request, one answer, no redirect, nothing large.

use std::time::Duration;

use axum::body::Bytes;
use futures::future::BoxFuture;
use http_body_util::Full;
use openidconnect::{ErrorResponse, HttpRequest, HttpResponse, RequestTokenError};
use url::Url;

use super::Refused;
use crate::egress::{Egress, is_well, parts_of, read};

/// Everything from looking a name up to the last byte of the answer has so long.
const WITHIN: Duration = Duration::from_secs(10);
/// What a provider says of itself, and its keys, are far smaller.
const LARGEST: usize = 512 * 1024;

/// A provider cannot be asked.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unasked(String);

/// What asks a provider.
pub(super) fn asking(
    egress: &Egress,
) -> impl Fn(HttpRequest) -> BoxFuture<'static, Result<HttpResponse, Unasked>> + Send + Sync + use<> {
    let egress = egress.clone();
    move |request| {
        let egress = egress.clone();
        Box::pin(async move {
            let asked = tokio::time::timeout(WITHIN, ask(&egress, request)).await;
            asked.map_err(|_| Unasked("it took too long".to_owned()))?.map_err(Unasked)
        })
    }
}

async fn ask(egress: &Egress, request: HttpRequest) -> Result<HttpResponse, String> {
    let (head, body) = request.into_parts();
    let url = Url::parse(&head.uri.to_string()).map_err(|error| error.to_string())?;
    if !is_well(&url) {
        return Err("it names an address that is no https:// URL".to_owned());
    }
    let (place, host) = parts_of(&url);
    let mut sent = hyper::Request::builder().method(head.method).uri(place).header("host", host);
    for (name, value) in &head.headers {
        sent = sent.header(name, value);
    }
    let sent = sent
        .header("user-agent", concat!("keyreeve/", env!("CARGO_PKG_VERSION")))
        .header("connection", "close")
        .body(Full::new(Bytes::from(body)))
        .map_err(|_| "the request could not be put together".to_owned())?;
    let (head, body) = egress.send(&url, sent).await?.into_parts();
    // Whatever its body says: nothing was judged.
    if head.status.is_server_error() {
        return Err(format!("it answered {}", head.status.as_u16()));
    }
    let mut answer = HttpResponse::new(read(body, LARGEST).await?.to_vec());
    *answer.status_mut() = head.status;
    *answer.headers_mut() = head.headers;
    Ok(answer)
}

/// Why a code was not exchanged. What the provider says is not repeated to the browser.
pub(super) fn refused<E: std::error::Error + 'static, T: ErrorResponse + 'static>(
    error: &RequestTokenError<E, T>,
) -> Refused {
    match error {
        RequestTokenError::ServerResponse(_) => Refused::Code,
        RequestTokenError::Parse(..) => Refused::Malformed,
        RequestTokenError::Request(_) | RequestTokenError::Other(_) => Refused::Unreachable(chain(error)),
    }
}

/// An error with its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
