//! Who asks: the owner of the bearer token in the `Authorization` header, or the person whose session a browser keeps;
//! never both, and nobody by anything else.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::request::Parts as Head;
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use keyreeve_engine::rights::{Actor, Right};
use keyreeve_engine::tokens::{TokenError, authenticate, still};
use keyreeve_model::{Person, Secret, Session, SystemId, Token};
use keyreeve_store::{StoreError, use_is_noted};

use crate::door::{Kept, kept};
use crate::parts::Parts;
use crate::problem::Problem;
use crate::refusals::{self, Refused};

/// Whoever asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) Actor);

/// Whoever asks, and how that is known.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    pub(crate) caller: Caller,
    pub(crate) way: Way,
}

/// How it is known who asks.
#[derive(Debug, Clone)]
pub(crate) enum Way {
    Token(Token),
    Session(Session, Box<Person>),
}

impl Caller {
    /// Refuses what the caller's role does not allow, and systems that are not theirs.
    pub(crate) fn require(&self, right: Right, system: &SystemId) -> Result<(), Problem> {
        self.0.require(right)?;
        Ok(self.0.require_system(system)?)
    }

    /// Refuses what the caller's role does not allow, and callers for some systems only.
    pub(crate) fn require_everywhere(&self, right: Right) -> Result<(), Problem> {
        self.0.require(right)?;
        Ok(self.0.require_all_systems()?)
    }

    /// The systems that they are limited to and that there are; `None` when they may have to do with all.
    pub(crate) async fn systems(&self, parts: &Parts) -> Result<Option<Vec<SystemId>>, Problem> {
        match self.0.limits() {
            None => Ok(None),
            Some(limits) => Ok(Some(parts.store.systems_there(limits).await?)),
        }
    }

    /// Whoever asks with a token. What a browser keeps is passed over.
    pub(crate) async fn by_token(head: &Head, parts: &Parts) -> Result<Self, Problem> {
        Self::of_token(&head.headers, parts).await
    }

    /// Whoever these headers have the token of.
    pub(crate) async fn of_token(headers: &HeaderMap, parts: &Parts) -> Result<Self, Problem> {
        Ok(by_token(headers, parts).await?.caller)
    }
}

impl Signed {
    /// Who asks as they are now; `None` when they are let in no more. This is no use of the token or the session.
    pub(crate) async fn still(&self, parts: &Parts) -> Result<Option<Caller>, StoreError> {
        let now = parts.clock.now();
        Ok(match &self.way {
            Way::Token(token) => {
                still(&parts.store, &token.id, now).await?.map(|token| Caller(Actor::of(token)))
            }
            Way::Session(session, _) => {
                let person = parts.door.sign_in.still(&session.id, now).await?;
                person.map(|person| Caller(Actor::signed_in(person)))
            }
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller
where
    Parts: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, state: &S) -> Result<Self, Problem> {
        Ok(Signed::from_request_parts(head, state).await?.caller)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Signed
where
    Parts: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, state: &S) -> Result<Self, Problem> {
        let parts = Parts::from_ref(state);
        let cookie = kept(&head.headers, &parts.door.site, Kept::Session)
            .map_err(|()| Problem::unauthorised("the request has more than one cookie of a session"))?;
        match (cookie, head.headers.contains_key(AUTHORIZATION)) {
            (None, _) => by_token(&head.headers, &parts).await,
            (Some(_), true) => {
                Err(Problem::unauthorised("the request has both a token and the cookie of a session"))
            }
            (Some(value), false) => {
                if !head.method.is_safe() {
                    parts.door.site.own_page(&head.headers)?;
                    json_or_nothing(&head.headers)?;
                }
                let found = parts.door.sign_in.session(&value, parts.clock.now()).await?;
                let ended = || Problem::unauthorised("the session has ended").advice("sign in again");
                let (session, person) = found.ok_or_else(ended)?;
                let caller = Caller(Actor::signed_in(person.clone()));
                Ok(Self { caller, way: Way::Session(session, Box::new(person)) })
            }
        }
    }
}

/// Notes that a token is used, while its request goes on: a reader never waits for who writes.
fn note_use(parts: &Parts, token: &Token, now: Timestamp) {
    if use_is_noted(token, now) {
        return;
    }
    let (store, id) = (Arc::clone(&parts.store), token.id.clone());
    // Detached on purpose: if it fails, the next request tries again.
    drop(tokio::spawn(async move {
        if let Err(error) = store.touch_token(&id, now).await {
            tracing::warn!(%error, token = %id, "that a token was used could not be noted");
        }
    }));
}

/// What a form of a page can send is refused, also where nothing is read of it.
fn json_or_nothing(headers: &HeaderMap) -> Result<(), Problem> {
    let kind = headers.get(CONTENT_TYPE).map(|kind| kind.to_str().unwrap_or_default());
    let kind = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim());
    if kind.is_none_or(|kind| kind.eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    let detail = "the body must be JSON, with `Content-Type: application/json`";
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", detail))
}

async fn by_token(headers: &HeaderMap, parts: &Parts) -> Result<Signed, Problem> {
    let token = bearer(headers)?;
    let now = parts.clock.now();
    match authenticate(&parts.store, &token, now).await {
        Ok(token) => {
            note_use(parts, &token, now);
            let caller = Caller(Actor::of(token.clone()));
            Ok(Signed { caller, way: Way::Token(token) })
        }
        Err(TokenError::Store(error)) => Err(error.into()),
        Err(refused) => {
            if let TokenError::Revoked { id, owner, .. } | TokenError::Expired { id, owner, .. } = &refused {
                let revoked = matches!(refused, TokenError::Revoked { .. });
                let why = if revoked { "was revoked" } else { "has expired" };
                refusals::note(Refused::of_token(&id.0, owner, why));
            }
            Err(Problem::unauthorised(refused.to_string()))
        }
    }
}

/// RFC 6750 section 2.1; a token in the body or the address is never looked for.
fn bearer(headers: &HeaderMap) -> Result<Secret, Problem> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (given.next(), given.next()) else {
        return Err(Problem::unauthorised("the request must have one Authorization header with a token"));
    };
    let malformed = || Problem::unauthorised("the Authorization header holds no bearer token");
    let (scheme, token) = value.to_str().map_err(|_| malformed())?.split_once(' ').ok_or_else(malformed)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(malformed());
    }
    Ok(Secret::new(token.trim().to_owned()))
}
