//! Versions of things: `ETag`, `If-Match` and `If-None-Match` (RFC 9110 sections 8.8.3 and 13.1). The version of a thing is
//! a digest of what is answered, so it is a strong one.

use std::collections::BTreeMap;

use axum::extract::FromRequestParts;
use axum::http::header::{CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts as Head;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use keyreeve_model::digest_hex;
use serde::Serialize;
use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, ResponseBuilder};

use crate::problem::Problem;

/// So much of a digest tells versions apart.
const TAG_CHARACTERS: usize = 32;

/// Under which versions a request is to be done.
#[derive(Debug, Clone)]
pub(crate) struct Conditions {
    matches: Option<Versions>,
    none_matches: Option<Versions>,
}

/// Versions that a header names.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Versions {
    /// Any: `*`.
    Any,
    /// These, each with whether it is a weak one.
    These(Vec<(bool, String)>),
}

/// A thing that whoever asks has already is not sent again, for the description.
pub(crate) struct Unchanged;

impl IntoResponses for Unchanged {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let response = ResponseBuilder::new().description("It is as `If-None-Match` names it.").build();
        BTreeMap::from([("304".to_owned(), RefOr::T(response))])
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Conditions {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, _: &S) -> Result<Self, Problem> {
        let named = |header| Versions::named(&head.headers, header);
        Ok(Self { matches: named(IF_MATCH), none_matches: named(IF_NONE_MATCH) })
    }
}

impl Conditions {
    /// The thing as JSON with its version, unless whoever asks has it already.
    pub(crate) fn answer<T: Serialize>(&self, thing: &T) -> Result<Response, Problem> {
        let body = written(thing)?;
        let tag = tag(&body);
        let known = self.none_matches.as_ref().is_some_and(|versions| versions.include(&tag, true));
        Ok(tagged((!known).then_some(body), &tag))
    }

    /// That the request says which version it is about.
    ///
    /// # Errors
    /// 428.
    pub(crate) fn must_match(&self) -> Result<(), Problem> {
        if self.matches.is_some() {
            return Ok(());
        }
        let detail = "the request must say in If-Match which version it changes";
        Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, "version_required", detail)
            .advice("read it, and send its ETag as If-Match"))
    }

    /// That the request says which version it is about, or that there must be none yet.
    ///
    /// # Errors
    /// 428.
    pub(crate) fn must_match_or_be_new(&self) -> Result<(), Problem> {
        if self.none_matches.is_some() {
            return Ok(());
        }
        self.must_match().map_err(|problem| {
            problem.advice("read it, and send its ETag as If-Match; of what is new, send If-None-Match: *")
        })
    }

    /// Whether the request is about what there is; `None` where there is nothing (RFC 9110 sections 13.1.1 and 13.1.2).
    pub(crate) fn is_about_what_is<T: Serialize>(&self, thing: Option<&T>) -> bool {
        match (thing, &self.none_matches) {
            (None, _) => self.matches.is_none(),
            (Some(thing), None) => self.is_about(thing),
            (Some(thing), Some(others)) => {
                self.is_about(thing) && written(thing).is_ok_and(|body| !others.include(&tag(&body), true))
            }
        }
    }

    /// Whether the request is about the thing as it is.
    pub(crate) fn is_about<T: Serialize>(&self, thing: &T) -> bool {
        match (&self.matches, written(thing)) {
            (None, _) => true,
            (Some(versions), Ok(body)) => versions.include(&tag(&body), false),
            (Some(_), Err(_)) => false,
        }
    }
}

/// What was changed, as JSON with its version.
pub(crate) fn changed<T: Serialize>(thing: &T) -> Result<Response, Problem> {
    let body = written(thing)?;
    let tag = tag(&body);
    Ok(tagged(Some(body), &tag))
}

/// The version of a thing, as forms carry it.
pub(crate) fn version<T: Serialize>(thing: &T) -> Result<String, Problem> {
    Ok(tag(&written(thing)?).trim_matches('"').to_owned())
}

fn tagged(body: Option<Vec<u8>>, tag: &str) -> Response {
    let mut answer = match body {
        None => StatusCode::NOT_MODIFIED.into_response(),
        Some(body) => ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response(),
    };
    if let Ok(tag) = HeaderValue::from_str(tag) {
        answer.headers_mut().insert(ETAG, tag);
    }
    answer
}

fn written<T: Serialize>(thing: &T) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(thing).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "not_written_down", "the answer cannot be written")
    })
}

fn tag(body: &[u8]) -> String {
    format!("\"{}\"", digest_hex(body).chars().take(TAG_CHARACTERS).collect::<String>())
}

impl Versions {
    /// Several headers of one name are one list (RFC 9110 section 5.3). What is no ETag is no version of anything.
    fn named(headers: &HeaderMap, header: HeaderName) -> Option<Self> {
        let given: Vec<&str> =
            headers.get_all(header).iter().map(|value| value.to_str().unwrap_or_default()).collect();
        if given.is_empty() {
            return None;
        }
        let given = given.join(",");
        if given.trim() == "*" {
            return Some(Self::Any);
        }
        let (mut tags, mut rest) = (Vec::new(), given.as_str());
        while let Some((before, after)) = rest.split_once('"') {
            let Some((opaque, after)) = after.split_once('"') else { break };
            tags.push((before.ends_with("W/"), format!("\"{opaque}\"")));
            rest = after;
        }
        Some(Self::These(tags))
    }

    /// A weak version is never the same strongly (RFC 9110 section 8.8.3.2).
    fn include(&self, tag: &str, weakly: bool) -> bool {
        match self {
            Self::Any => true,
            Self::These(tags) => tags.iter().any(|(weak, one)| one == tag && (weakly || !weak)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(values: &[&str]) -> Option<Versions> {
        let mut headers = HeaderMap::new();
        values.iter().for_each(|value| {
            headers.append(IF_MATCH, HeaderValue::from_str(value).unwrap());
        });
        Versions::named(&headers, IF_MATCH)
    }

    #[test]
    fn versions_are_told_apart_strongly_where_something_is_changed() {
        assert_eq!(versions(&[]), None);
        assert_eq!(versions(&["*"]), Some(Versions::Any));
        let several = versions(&["\"a,b\", W/\"c\"", "\"d\""]).unwrap();
        for (tag, strongly, weakly) in
            [("\"a,b\"", true, true), ("\"c\"", false, true), ("\"d\"", true, true), ("\"a\"", false, false)]
        {
            assert_eq!(
                (several.include(tag, false), several.include(tag, true)),
                (strongly, weakly),
                "{tag}"
            );
        }
        for none in ["", "a", "\"", "W/", "**"] {
            assert_eq!(versions(&[none]), Some(Versions::These(Vec::new())), "{none}");
        }
    }
}
