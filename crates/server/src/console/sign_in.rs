//! `/sign-in`, `/sign-out`, `/theme`: the way in, the way out, and light or dark.

use askama::Template;
use axum::extract::State;
use axum::http::header::{HeaderValue, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use keyreeve_engine::people::SignInError;
use serde::Deserialize;

use super::address;
use super::form::{Nothing, Sent};
use super::numbers::counted;
use super::page::{Frame, Said, shown_as};
use super::visitor::{Look, Theme, Told, Visitor, said_in, signed_in, to};
use crate::body::{GivenSecret, InQuery};
use crate::door::{Address, Kept};
use crate::parts::Parts;
use crate::problem::Problem;
use crate::rest::keeping;

#[derive(Template)]
#[template(path = "console/sign_in.html")]
struct SignInPage {
    frame: Frame,
    /// Nobody is known here who could.
    nobody: bool,
    /// Whether an identity provider vouches for people.
    provider: bool,
    /// The way to it.
    provider_at: String,
    name: String,
    next: String,
    error: Option<String>,
    /// What was sent when the session had ended was not done.
    not_done: bool,
}

/// Where somebody wants to go once they have signed in.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    next: Option<String>,
}

/// What somebody signs in with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NameAndPassword {
    name: String,
    password: GivenSecret,
    #[serde(default)]
    next: Option<String>,
}

pub(super) async fn page(
    State(parts): State<Parts>,
    headers: HeaderMap,
    look: Look,
    InQuery(Wanted { next }): InQuery<Wanted>,
) -> Result<Response, Problem> {
    let next = address::own(next.as_deref());
    if signed_in(&parts, &headers).await?.is_some() {
        return Ok(to(next));
    }
    asked(&parts, (&headers, look), StatusCode::OK, (String::new(), next, None)).await
}

pub(super) async fn sign_in(
    State(parts): State<Parts>,
    Address(from): Address,
    look: Look,
    headers: HeaderMap,
    Sent(NameAndPassword { name, password: GivenSecret(password), next }): Sent<NameAndPassword>,
) -> Result<Response, Problem> {
    parts.door.site.own_page(&headers)?;
    let next = address::own(next.as_deref());
    let known_as = name.trim().to_ascii_lowercase();
    let begun = parts.door.sign_in.with_password(&known_as, password, from, parts.clock.now()).await;
    let error = match begun {
        Ok(begun) => return Ok(keeping(to(next), Kept::Session.set(&parts.door.site, &begun.value))),
        Err(error) => error,
    };
    let (status, wait) = match &error {
        SignInError::TooMany(too_many) => {
            (StatusCode::TOO_MANY_REQUESTS, Some(too_many.retry_after_seconds()))
        }
        SignInError::Refused => (StatusCode::UNAUTHORIZED, None),
        _ => return Err(error.into()),
    };
    let said = match wait {
        None => "Name or password is wrong.".to_owned(),
        Some(seconds) => {
            let wait = counted(seconds, "second", "seconds");
            format!("There were too many attempts. Try again in {wait}.")
        }
    };
    let mut response = asked(&parts, (&headers, look), status, (name, next, Some(said))).await?;
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

async fn asked(
    parts: &Parts,
    (headers, mut look): (&HeaderMap, Look),
    status: StatusCode,
    (name, next, error): (String, &str, Option<String>),
) -> Result<Response, Problem> {
    // A page that was sent something is come back to by a `GET`.
    look.address = address::asking("/sign-in", (next != "/").then_some(("next", next)));
    let page = SignInPage {
        frame: Frame::bare(&look, "Sign in"),
        nobody: !parts.store.has_people().await?,
        provider: parts.door.provider.is_some(),
        provider_at: address::asking("/signin/oidc", (next != "/").then_some(("next", next))),
        name,
        next: next.to_owned(),
        error,
        not_done: said_in(next).is_some() && Told::is_of(headers, &parts.door.site, next),
    };
    Ok(shown_as(status, &page))
}

pub(super) async fn sign_out(
    State(parts): State<Parts>,
    Visitor { session, person, .. }: Visitor,
    Sent(Nothing {}): Sent<Nothing>,
) -> Result<Response, Problem> {
    parts.store.end_session(&session.id, Some(&person.name), &person.name, parts.clock.now()).await?;
    let out = Said::SignedOut.to("/sign-in");
    Ok(keeping(out, Kept::Session.forget(&parts.door.site)))
}

/// A choice of light or dark.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Choice {
    theme: Chosen,
    next: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Chosen {
    Auto,
    Light,
    Dark,
}

pub(super) async fn theme(
    State(parts): State<Parts>,
    headers: HeaderMap,
    Sent(Choice { theme, next }): Sent<Choice>,
) -> Result<Response, Problem> {
    parts.door.site.own_page(&headers)?;
    let theme = match theme {
        Chosen::Auto => None,
        Chosen::Light => Some(Theme::Light),
        Chosen::Dark => Some(Theme::Dark),
    };
    let back = match next.strip_prefix("/sign-in?next=") {
        Some(wanted) => {
            let wanted = percent_encoding::percent_decode_str(wanted).decode_utf8_lossy();
            let wanted = address::own(Some(&wanted));
            address::asking("/sign-in", (wanted != "/").then_some(("next", wanted)))
        }
        None if next == "/sign-in" => next,
        None => address::own(Some(&next)).to_owned(),
    };
    Ok(keeping(to(&back), Some(Theme::keep(theme))))
}
