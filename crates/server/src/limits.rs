//! How much one caller may take up: connections, time, and what a request may hold.

use std::sync::OnceLock;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::body::bounded::{Broken, bounded};
use crate::problem::Problem;

/// A body may be so large, in bytes, as it is sent: nothing is decompressed.
pub(crate) const LARGEST_BODY: usize = 1024 * 1024;
/// A query may be so long, in bytes: the longest filter and cursor are far shorter.
const LONGEST_QUERY: usize = 16 * 1024;
/// And have so many parameters.
const MOST_PARAMETERS: usize = 100;
/// Said once or not at all; who says two different things is understood differently by a proxy and by us.
const SAID_ONCE: [HeaderName; 3] = [HOST, CONTENT_TYPE, HeaderName::from_static("idempotency-key")];

/// The code of the refusal of JSON that is nested too deeply: SCIM has a word of its own for it.
pub(crate) const BODY_TOO_DEEP: &str = "body_too_deep";

/// How many there may be, and how long each may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// So many connections at once; who comes then has the place of one on which nothing is asked, or waits.
    pub connections: usize,
    /// So many of them at once of one network, as people who sign in are counted by: who comes then is turned away.
    pub of_one_network: usize,
    /// A connection without a whole request head is closed after so long, and so is one that says nothing.
    pub head_within: Duration,
    /// The whole body of a request must be there so long after its head.
    pub body_within: Duration,
    /// An answer must begin so long after the head of its request. A stream that has begun may go on.
    pub answer_within: Duration,
    /// A connection whose other end takes nothing of an answer for so long is closed.
    pub taken_within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            of_one_network: 768,
            head_within: Duration::from_secs(10),
            body_within: Duration::from_secs(20),
            answer_within: Duration::from_secs(60),
            taken_within: Duration::from_secs(30),
        }
    }
}

/// Holds a request to the limits.
pub(crate) async fn limited(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    if let Err(problem) = head_is_well(&request) {
        return closing(problem.into_response());
    }
    let broken = std::sync::Arc::new(OnceLock::new());
    let is_json = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.to_ascii_lowercase().contains("json"));
    let request = request.map(|body| bounded(body, is_json, limits.body_within, broken.clone()));
    let answered = tokio::time::timeout(limits.answer_within, next.run(request)).await;
    let Ok(response) = answered else {
        let detail =
            "this took too long and was given up; whether it was done can be seen where it would be listed";
        return closing(
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "took_too_long", detail).into_response(),
        );
    };
    match broken.get() {
        // Whoever read the body knows only that it broke off.
        Some(why) => closing(of_body(*why).into_response()),
        None => response,
    }
}

fn head_is_well(request: &Request) -> Result<(), Problem> {
    let headers = request.headers();
    for name in &SAID_ONCE {
        if headers.get_all(name).iter().nth(1).is_some() {
            let detail = format!("the header {name} was sent more than once");
            return Err(Problem::new(StatusCode::BAD_REQUEST, "duplicate_header", detail));
        }
    }
    // RFC 9112 section 3.2.
    if request.version() == Version::HTTP_11 && !headers.contains_key(HOST) {
        return Err(Problem::bad_request("the request has no Host header"));
    }
    if let Some(query) = request.uri().query() {
        if query.len() > LONGEST_QUERY {
            let detail = format!("the query of the address is longer than {LONGEST_QUERY} bytes");
            return Err(Problem::new(StatusCode::URI_TOO_LONG, "query_too_long", detail));
        }
        if query.split('&').count() > MOST_PARAMETERS {
            let detail = format!("the query of the address has more than {MOST_PARAMETERS} parameters");
            return Err(Problem::bad_request(detail));
        }
    }
    if is_encoded(headers) {
        let detail = "bodies are taken as they are, and not compressed";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "compressed_body", detail));
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > LARGEST_BODY as u64) {
        return Err(of_body(Broken::Large));
    }
    Ok(())
}

fn is_encoded(headers: &HeaderMap) -> bool {
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn of_body(why: Broken) -> Problem {
    match why {
        Broken::Large => {
            let detail = format!("the body is larger than {LARGEST_BODY} bytes");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
        }
        Broken::Slow => {
            let detail = "the body did not arrive in time";
            Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", detail)
        }
        Broken::Deep => {
            let detail = "the JSON of the body is nested too deeply";
            Problem::new(StatusCode::BAD_REQUEST, BODY_TOO_DEEP, detail)
        }
    }
}

/// What is left of the request is not read.
fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

#[cfg(test)]
mod tests;
