//! Answers in the media type of SCIM (RFC 7644 §3.1, §8.1), refusals included.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use keyreeve_store::StoreError;
use serde_json::{Map, Value};

use crate::limits::BODY_TOO_DEEP;
use crate::problem::{OR_SIGN_IN, Problem};
use crate::scim::{Cause, Error};

const SCIM_JSON: &str = "application/scim+json";

/// What is answered when something is not done.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) Error);

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let (status, detail) = problem.said();
        // Clients have tokens alone.
        let detail = detail.strip_suffix(OR_SIGN_IN).map(str::to_owned).unwrap_or(detail);
        let cause = match status.as_u16() {
            400 if problem.code() == BODY_TOO_DEEP => Cause::InvalidSyntax,
            400 => Cause::InvalidValue,
            401 => Cause::Unauthorized,
            403 => Cause::Forbidden,
            404 => Cause::NotFound,
            405 => Cause::MethodNotAllowed,
            409 => Cause::Conflict,
            413 => Cause::TooLarge,
            414 | 415 => Cause::InvalidSyntax,
            408 | 503 => Cause::Unavailable,
            _ => Cause::Internal,
        };
        Self(Error::new(cause, with_whom(detail)))
    }
}

/// Clients have no command line: where a refusal names a command, it is said whose it is.
pub(crate) fn with_whom(detail: String) -> String {
    if detail.contains("`keyreeve ") {
        return format!("{detail} (commands are for an administrator of Keyreeve; a client cannot run them)");
    }
    detail
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::ScimExternalIdTaken { .. } => Self(Error::new(Cause::Uniqueness, error.to_string())),
            // A list without anybody would be taken for a system that has nobody, and 404 for one who has gone.
            StoreError::NotImported { removed: false, .. } => {
                let detail = format!(
                    "{error}, so nobody knows who is there: an administrator of Keyreeve imports it; ask again when it has \
                     been"
                );
                Self(Error::new(Cause::Unavailable, detail))
            }
            StoreError::SystemNotFound { system_id } => {
                let detail = format!("there is no system {system_id}: look at the System ID in the address");
                Self(Error::new(Cause::NotFound, detail))
            }
            StoreError::ScimChanged => Self(Error::new(Cause::PreconditionFailed, error.to_string())),
            other => Problem::from(other).into(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.0.cause.status();
        let mut response = json(status, &self.0.to_json());
        let headers = response.headers_mut();
        match status {
            401 => put(headers, WWW_AUTHENTICATE, "Bearer realm=\"keyreeve\""),
            503 => put(headers, RETRY_AFTER, "10"),
            _ => {}
        }
        response
    }
}

/// A body of JSON.
pub(crate) fn json(status: u16, body: &Value) -> Response {
    json_text(status, body.to_string())
}

/// A body whose JSON this is.
pub(crate) fn json_text(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, body).into_response();
    put(response.headers_mut(), CONTENT_TYPE, SCIM_JSON);
    put(response.headers_mut(), CACHE_CONTROL, "no-store");
    response
}

/// A resource, with its version and its address. `shown` is what the client sees of it.
pub(crate) fn resource(status: u16, whole: &Map<String, Value>, shown: Map<String, Value>) -> Response {
    let mut response = json(status, &Value::Object(shown));
    with_version(&mut response, whole);
    if status == 201
        && let Some(location) = meta(whole, "location")
    {
        put(response.headers_mut(), LOCATION, location);
    }
    response
}

/// The client has this version of the resource already.
pub(crate) fn not_modified(whole: &Map<String, Value>) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    with_version(&mut response, whole);
    response
}

fn with_version(response: &mut Response, whole: &Map<String, Value>) {
    if let Some(version) = meta(whole, "version") {
        put(response.headers_mut(), ETAG, version);
    }
}

fn meta<'a>(resource: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    resource.get("meta")?.get(name)?.as_str()
}

fn put(headers: &mut axum::http::HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
