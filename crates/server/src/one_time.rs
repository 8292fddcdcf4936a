//! `/one-time`: where the bearer of a one-time secret sees a password, once.
//!
//! Looking at the page uses nothing up, however many programs follow the link before its owner does. The secret is sent
//! in the body of a `POST` alone, and stands in no address ([why](../../../docs/decisions/0025-secrets-behind-the-hash.md)).

use askama::Template;
use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{DefaultBodyLimit, Form, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use keyreeve_engine::people::TooMany;
use keyreeve_engine::provisioning::{OpenError, open_once};
use keyreeve_model::Secret;
use keyreeve_store::StoreError;
use serde::Deserialize;

use crate::door::Address;
use crate::parts::Parts;

/// A secret and the name of its field are far shorter.
const LARGEST_FORM: usize = 4096;
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// The page and what it is made of.
pub(crate) fn router() -> Router<Parts> {
    Router::new()
        .route("/one-time", get(page).post(reveal).layer(DefaultBodyLimit::max(LARGEST_FORM)))
        .route("/one-time.js", get(|| asset("text/javascript", include_str!("../assets/one-time.js"))))
        .route("/one-time.css", get(|| asset("text/css", include_str!("../assets/one-time.css"))))
}

async fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, HeaderValue::from_static(kind))], text)
}

/// What is sent; nothing else may be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    secret: String,
}

#[derive(Template)]
#[template(path = "one_time.html")]
struct Page {
    shown: Shown,
}

enum Shown {
    Ask,
    Password(Secret),
    /// The same for what is wrong, used, replaced or too old.
    Nothing,
    NotYet,
    NotUnderstood,
    Failed,
    /// Nothing was looked up.
    TooOften(TooMany),
}

impl Shown {
    fn title(&self) -> &'static str {
        match self {
            Self::Ask => "Your password",
            Self::Password(_) => "Your password, shown this once",
            Self::Nothing => "Nothing to show",
            Self::NotYet => "Not yet",
            Self::NotUnderstood => "Not understood",
            Self::Failed => "It did not work",
            Self::TooOften(_) => "Too many attempts",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Ask | Self::Password(_) => StatusCode::OK,
            Self::Nothing => StatusCode::GONE,
            Self::NotYet => StatusCode::CONFLICT,
            Self::NotUnderstood => StatusCode::BAD_REQUEST,
            Self::Failed => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooOften(_) => StatusCode::TOO_MANY_REQUESTS,
        }
    }
}

async fn page() -> Page {
    Page { shown: Shown::Ask }
}

async fn reveal(
    State(parts): State<Parts>,
    Address(address): Address,
    sent: Result<Form<Sent>, FormRejection>,
) -> Page {
    let Ok(Form(Sent { secret })) = sent else { return Page { shown: Shown::NotUnderstood } };
    let now = parts.clock.now();
    if let Err(too_many) = parts.door.sign_in.tries_secret(address, now) {
        return Page { shown: Shown::TooOften(too_many) };
    }
    let shown = match open_once(&parts.store, &Secret::new(secret), now).await {
        Ok(password) => Shown::Password(password),
        Err(OpenError::NotYet) => Shown::NotYet,
        Err(
            OpenError::Secret(_)
            | OpenError::Store(
                StoreError::DeliveryGone | StoreError::DeliveryUsed | StoreError::DeliverySuperseded,
            ),
        ) => Shown::Nothing,
        Err(error) => {
            tracing::error!(%error, "a password could not be handed over");
            Shown::Failed
        }
    };
    Page { shown }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let Ok(text) = self.render() else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        ];
        let mut response = (self.shown.status(), headers, text).into_response();
        if let Shown::TooOften(too_many) = self.shown {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(too_many.retry_after_seconds()));
        }
        response
    }
}
