//! What requests hold, refused in our own words where it cannot be read.

pub(crate) mod bounded;
mod shape;

use axum::body::Bytes;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, RawPathParams, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts as Head;
use keyreeve_model::{Secret, digest_hex};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};

use crate::problem::Problem;

/// The places in an address that have names.
pub(crate) struct InPath<T>(pub(crate) T);

/// The query of an address. Names it does not know are refused by the type itself.
pub(crate) struct InQuery<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for InPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, state: &S) -> Result<Self, Problem> {
        match Path::from_request_parts(head, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(error)) => {
                Err(nothing_called(head, error.into_kind()).await)
            }
            Err(other) => Err(Problem::not_found(other.body_text())),
        }
    }
}

/// What is said of a place of an address that nothing can have.
async fn nothing_called(head: &mut Head, kind: ErrorKind) -> Problem {
    let places = RawPathParams::from_request_parts(head, &()).await.ok();
    let named = |at: usize| Some(places.as_ref()?.iter().nth(at)?.0.to_owned());
    let (name, value) = match kind {
        ErrorKind::ParseErrorAtKey { key, value, .. } | ErrorKind::DeserializeError { key, value, .. } => {
            (Some(key), value)
        }
        ErrorKind::ParseErrorAtIndex { index, value, .. } => (named(index), value),
        ErrorKind::ParseError { value, .. } => (named(0), value),
        _ => (None, String::new()),
    };
    Problem::not_found(match name {
        Some(name) => format!("there is no {} {}", name.trim_end_matches("_id"), value.escape_debug()),
        None => "there is nothing at this address".to_owned(),
    })
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for InQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, state: &S) -> Result<Self, Problem> {
        Query::from_request_parts(head, state).await.map(|Query(value)| Self(value)).map_err(
            |error: QueryRejection| {
                let text = error.body_text();
                let why = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
                Problem::bad_request(format!("the query of the address cannot be read: {why}"))
            },
        )
    }
}

/// A text of at most so many characters, or none.
///
/// # Errors
/// It is longer.
pub(crate) fn at_most<'de, const N: usize, D: Deserializer<'de>>(
    given: D,
) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(given)?;
    match &text {
        Some(text) if text.chars().count() > N => {
            Err(D::Error::custom(format!("a text is longer than {N} characters")))
        }
        _ => Ok(text),
    }
}

/// A secret in a body. What stands in its place and is none is not repeated in a refusal.
pub(crate) struct GivenSecret(pub(crate) Secret);

impl<'de> Deserialize<'de> for GivenSecret {
    fn deserialize<D: Deserializer<'de>>(given: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(given)? {
            serde_json::Value::String(text) => Ok(Self(Secret::new(text))),
            _ => Err(D::Error::custom("a secret is a text")),
        }
    }
}

/// The body, as JSON. Fields it does not know are refused by the type itself.
pub(crate) struct InBody<T> {
    pub(crate) value: T,
    /// SHA-256 of the text.
    pub(crate) sha256: String,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for InBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind =
            request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            let detail = "the body must be JSON, with `Content-Type: application/json`";
            return Err(Problem::new(status, "not_json", detail));
        }
        let text = Bytes::from_request(request, state).await.map_err(|refused| match refused.status() {
            status @ StatusCode::PAYLOAD_TOO_LARGE => {
                Problem::new(status, "body_too_large", "the body is too large")
            }
            _ => Problem::bad_request("the body could not be read"),
        })?;
        let unread = |why: &dyn std::fmt::Display| Problem::bad_request(format!("reading the body: {why}"));
        shape::check(&text).map_err(|error| unread(&error))?;
        let mut reader = serde_json::Deserializer::from_slice(&text);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| unread(&named(&error)))?;
        Ok(Self { value, sha256: digest_hex(&text) })
    }
}

/// What is wrong with a body, and with which field of it.
fn named(error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let why =
        error.inner().to_string().replace("expected u32", "expected a whole number from 0 to 4294967295");
    match error.path().iter().next() {
        // The whole of it; or the reader does not know where it is.
        None => why,
        Some(_) => format!("{}: {why}", error.path()),
    }
}
