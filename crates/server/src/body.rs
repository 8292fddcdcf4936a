//! What requests hold, refused in our own words where it cannot be read.

pub(crate) mod bounded;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts as Head;
use serde::de::DeserializeOwned;

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
                Err(Problem::not_found(format!("there is nothing at this address: {}", error.body_text())))
            }
            Err(other) => Err(Problem::not_found(other.body_text())),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for InQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, state: &S) -> Result<Self, Problem> {
        Query::from_request_parts(head, state).await.map(|Query(value)| Self(value)).map_err(
            |error: QueryRejection| {
                Problem::bad_request(format!("reading the query of the address: {}", error.body_text()))
            },
        )
    }
}
