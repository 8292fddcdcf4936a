//! Each request has an id, in its answer and in the log, and one line in the log when it is over.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;

use crate::metrics;
use crate::problem::Problem;
use crate::scim_http::{self, Refusal};

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request. Made here: what a caller sends as one is not taken over, as it would reach the log.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(String);

impl RequestId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The problem of an answer is said in it already, in another form than ours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SaidAlready;

/// Gives a request its id, and its answer too.
pub(crate) async fn identified(mut request: Request, next: Next) -> Response {
    let id = RequestId(uuid::Uuid::now_v7().to_string());
    // The route, not what was asked for: names of people stay out of the log, and so does whatever a query holds.
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let span =
        tracing::info_span!("request", id = id.as_str(), method = %request.method(), route = route.as_str());
    let speaks_scim = request.uri().path().starts_with(scim_http::ROOT);
    request.extensions_mut().insert(id.clone());
    let method = request.method().clone();
    let begun = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let elapsed = begun.elapsed();
    let took = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    let code = response.extensions().get::<Problem>().map(Problem::code);
    span.in_scope(|| tracing::info!(status = response.status().as_u16(), code, micros = took, "answered"));
    metrics::answered(&method, route, response.status().as_u16(), elapsed);
    let said_already = response.extensions_mut().remove::<SaidAlready>().is_some();
    if let Some(problem) = response.extensions_mut().remove::<Problem>().filter(|_| !said_already) {
        let headers = std::mem::take(response.headers_mut());
        // What was refused before SCIM had its turn is said in its words all the same (RFC 7644 section 3.12).
        let mut again = if speaks_scim {
            Refusal::from(problem).into_response()
        } else {
            problem.of_request(&id).into_response()
        };
        for (name, value) in &headers {
            if !again.headers().contains_key(name) {
                again.headers_mut().insert(name.clone(), value.clone());
            }
        }
        again.headers_mut().remove(axum::http::header::CONTENT_LENGTH);
        response = again;
    }
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}
