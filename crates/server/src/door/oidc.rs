//! `/signin/oidc`: to the identity provider and back.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::{HeaderValue, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use keyreeve_model::Secret;
use serde::Deserialize;

use super::provider::{Back, CALLBACK, Refused};
use super::{Address, Kept, Provider, kept};
use crate::console::own;
use crate::parts::Parts;
use crate::problem::Problem;
use crate::rest::{keeping, too_often};

/// The addresses.
pub(crate) fn router() -> Router<Parts> {
    Router::new().route("/signin/oidc", get(set_out)).route(CALLBACK, get(come_back))
}

/// What the provider has a browser say. Providers add words of their own.
#[derive(Deserialize)]
struct Said {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// Where somebody wants to go once they have signed in.
#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    next: Option<String>,
}

async fn set_out(
    State(parts): State<Parts>,
    Address(address): Address,
    Query(Wanted { next }): Query<Wanted>,
) -> Result<Response, Problem> {
    let provider = provider(&parts)?;
    if let Err(too_many) = parts.door.sign_in.attempt_from(address, parts.clock.now()) {
        return Ok(too_often(&too_many));
    }
    let set_out = provider.set_out().await;
    let (url, cookie) = set_out.map_err(|refused| refuse(&parts, &refused))?;
    let response = leading_to(url.as_str())?;
    let response = keeping(response, Kept::Attempt.set(&parts.door.site, &cookie));
    let next = Secret::new(BASE64_URL_SAFE_NO_PAD.encode(own(next.as_deref())));
    Ok(keeping(response, Kept::Wanted.set(&parts.door.site, &next)))
}

async fn come_back(
    State(parts): State<Parts>,
    Address(address): Address,
    headers: HeaderMap,
    said: Result<Query<Said>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let provider = provider(&parts)?;
    let now = parts.clock.now();
    if let Err(too_many) = parts.door.sign_in.attempt_from(address, now) {
        return Ok(too_often(&too_many));
    }
    let said = said.map_err(|_| refuse(&parts, &Refused::NoAttempt))?;
    let Query(Said { code, state, error, iss: issuer }) = said;
    let cookie =
        kept(&headers, &parts.door.site, Kept::Attempt).map_err(|()| refuse(&parts, &Refused::NoAttempt))?;
    let back = Back { code, state, error: error.is_some(), issuer };
    let forget = Kept::Attempt.forget(&parts.door.site);
    let vouched = match provider.come_back(back, cookie.as_ref()).await {
        Ok(vouched) => vouched,
        Err(refused) => {
            if let Refused::NoRole(_, subject) = &refused {
                parts.store.no_longer_vouched_for(provider.issuer(), subject, now).await?;
            }
            return Ok(keeping(refuse(&parts, &refused).into_response(), forget));
        }
    };
    let begun = match parts.door.sign_in.vouched_for(&vouched, address, now).await {
        Ok(begun) => begun,
        Err(error) => return Ok(keeping(Problem::from(error).into_response(), forget)),
    };
    let response = keeping(leading_to(&wanted(&headers, &parts))?, forget);
    let response = keeping(response, Kept::Wanted.forget(&parts.door.site));
    Ok(keeping(response, Kept::Session.set(&parts.door.site, &begun.value)))
}

/// The page that was asked for: one of ours, whatever the browser brings.
fn wanted(headers: &HeaderMap, parts: &Parts) -> String {
    let kept = kept(headers, &parts.door.site, Kept::Wanted).ok().flatten();
    let read = kept.and_then(|kept| BASE64_URL_SAFE_NO_PAD.decode(kept.expose()).ok());
    own(read.and_then(|read| String::from_utf8(read).ok()).as_deref()).to_owned()
}

fn provider(parts: &Parts) -> Result<&Provider, Problem> {
    let none =
        || Problem::not_found("no identity provider is configured here").advice("sign in with a password");
    parts.door.provider.as_ref().ok_or_else(none)
}

fn refuse(parts: &Parts, refused: &Refused) -> Problem {
    parts.door.sign_in.refused_of_provider(refused.word());
    if let Refused::Unreachable(why) = refused {
        tracing::error!(%why, "the identity provider could not be asked");
        let detail = "the identity provider does not answer as it should; why stands in the log";
        return Problem::new(StatusCode::BAD_GATEWAY, "provider_unreachable", detail);
    }
    let problem = Problem::new(StatusCode::FORBIDDEN, "sign_in_refused", refused.to_string());
    match refused {
        Refused::NoRole(..) => problem.advice("ask who keeps your groups over there, or an admin here"),
        Refused::NoAttempt | Refused::Late | Refused::Twice => problem.advice("begin again at /signin/oidc"),
        _ => problem,
    }
}

fn leading_to(place: &str) -> Result<Response, Problem> {
    let place = HeaderValue::from_str(place)
        .map_err(|_| Problem::new(StatusCode::BAD_GATEWAY, "provider_unreachable", "its address is none"))?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, place)]).into_response())
}
