//! A refusal or a failure as RFC 9457 has it: `application/problem+json`.

mod desk;
mod store;

use std::collections::BTreeMap;

use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use keyreeve_engine::rights::Denied;
use keyreeve_model::Obstacle;
use serde::Serialize;
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use crate::request::RequestId;

const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request was not done. Behind a pointer, as most requests are done.
#[derive(Debug, Clone)]
pub(crate) struct Problem(Box<Said>);

/// Why a request was not done.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Said {
    /// Always `about:blank`: `code` tells problems apart (RFC 9457 section 4.2.1).
    #[serde(rename = "type")]
    kind: &'static str,
    /// The words of the status.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What went wrong, for programs. Stable.
    #[schema(value_type = String)]
    code: &'static str,
    /// What went wrong, for people.
    detail: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
    /// What stands in the way of a plan, by task.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    obstacles: Vec<TaskObstacle>,
    /// The request's id, which stands in the log too.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

/// Something that stands in the way of a task.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct TaskObstacle {
    /// The place of the task, and of its wish, from 0.
    task: usize,
    /// The account it is about.
    account: String,
    #[serde(flatten)]
    obstacle: Obstacle,
}

/// What people may do instead of sending a token, where there is a way in for them.
pub(crate) const OR_SIGN_IN: &str = "; or sign in";

impl Problem {
    /// A problem with its status, its stable code and a sentence.
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Said {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail: detail.into(),
            advice: None,
            obstacles: Vec::new(),
            request_id: None,
        }))
    }

    /// The request was not understood.
    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }

    /// Nothing is there.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// Nobody has said who they are, or not so that it is believed.
    pub(crate) fn unauthorised(detail: impl Into<String>) -> Self {
        let advice = "send a valid token: `Authorization: Bearer keyreeve_pat_…`; an admin makes one";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorised", detail).advice(format!("{advice}{OR_SIGN_IN}"))
    }

    /// With what to do.
    #[must_use]
    pub(crate) fn advice(mut self, advice: impl Into<String>) -> Self {
        self.0.advice = Some(advice.into());
        self
    }

    /// With the id of the request.
    #[must_use]
    pub(crate) fn of_request(mut self, id: &RequestId) -> Self {
        self.0.request_id = Some(id.as_str().to_owned());
        self
    }

    /// Its status, and what went wrong, with what to do.
    pub(crate) fn said(&self) -> (StatusCode, String) {
        let advice = self.0.advice.as_ref().map(|advice| format!("; {advice}")).unwrap_or_default();
        (self.status(), format!("{}{advice}", self.0.detail))
    }

    /// Its status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What went wrong, for people.
    pub(crate) fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Its stable code.
    pub(crate) fn code(&self) -> &'static str {
        self.0.code
    }
}

/// The refusals that any address may give, for the description.
pub(crate) struct Refused;

impl IntoResponses for Refused {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        ["400", "401", "403", "404", "409", "414", "415", "500", "503"].map(response).into()
    }
}

/// The refusals that an address may give which takes something, for the description: all of [`Refused`], and these.
pub(crate) struct RefusedBody;

impl IntoResponses for RefusedBody {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let mut all = Refused::responses();
        all.extend(["408", "413", "422", "502"].map(response));
        all
    }
}

/// The refusal of what was there and is no more, for the description.
pub(crate) struct Gone;

impl IntoResponses for Gone {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        ["410"].map(response).into()
    }
}

/// The refusal of what somebody has too many of, for the description.
pub(crate) struct TooMany;

impl IntoResponses for TooMany {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        ["429"].map(response).into()
    }
}

/// The refusals of what is changed as it was seen, for the description.
pub(crate) struct RefusedVersion;

impl IntoResponses for RefusedVersion {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        ["412", "428"].map(response).into()
    }
}

/// One refusal, for the description.
pub(crate) fn response(status: &str) -> (String, RefOr<utoipa::openapi::Response>) {
    let about = |status: &str| match status {
        "400" => "What was sent is not understood.",
        "401" => "Nobody has shown who they are.",
        "403" => "Whoever asks may not, or the request comes from a page of elsewhere.",
        "404" => "There is no such thing.",
        "408" => "What was sent did not arrive in time.",
        "409" => "The state of things does not allow this.",
        "410" => "It was there, and is no more.",
        "412" => "It is not as `If-Match` names it any more.",
        "413" => "What was sent is too large.",
        "414" => "The query of the address is too long.",
        "415" => "What was sent is no JSON, or is compressed.",
        "429" => "It was tried too often, or there is too much of it at once.",
        "422" => "The Idempotency-Key was used for something else.",
        "428" => "`If-Match` is missing.",
        "500" => "Something is wrong here.",
        "502" => "The connected system does not answer, or not as it should.",
        _ => "Something that is needed does not answer.",
    };
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    let response = ResponseBuilder::new().description(about(status)).content(PROBLEM_JSON, content);
    (status.to_owned(), RefOr::T(response.build()))
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        crate::refusals::note((&denied).into());
        Self::new(StatusCode::FORBIDDEN, "forbidden", denied.to_string())
            .advice("nothing was done; an admin can make another token, or give another role")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"keyreeve\""));
        }
        response.extensions_mut().insert(self);
        response
    }
}
