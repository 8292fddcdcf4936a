//! Who asks: the owner of the bearer token in the `Authorization` header, and of nothing else.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts as Head;
use jiff::Timestamp;
use keyreeve_engine::rights::{Actor, Right};
use keyreeve_engine::tokens::{TokenError, authenticate};
use keyreeve_model::{Secret, SystemId, Token};
use keyreeve_store::use_is_noted;

use crate::parts::Parts;
use crate::problem::Problem;
use crate::refusals::{self, Refused};

/// Whoever asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) Actor);

impl Caller {
    /// Refuses what the token's role does not allow, and systems it is not for.
    pub(crate) fn require(&self, right: Right, system: &SystemId) -> Result<(), Problem> {
        self.0.require(right)?;
        Ok(self.0.require_system(system)?)
    }

    /// Refuses what the token's role does not allow, and a token for some systems only.
    pub(crate) fn require_everywhere(&self, right: Right) -> Result<(), Problem> {
        self.0.require(right)?;
        Ok(self.0.require_all_systems()?)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller
where
    Parts: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, state: &S) -> Result<Self, Problem> {
        let parts = Parts::from_ref(state);
        let token = bearer(head)?;
        let now = parts.clock.now();
        match authenticate(&parts.store, &token, now).await {
            Ok(token) => {
                note_use(&parts, &token, now);
                Ok(Self(Actor::of(token)))
            }
            Err(TokenError::Store(error)) => Err(error.into()),
            Err(refused) => {
                if let TokenError::Revoked { id, owner, .. } | TokenError::Expired { id, owner, .. } =
                    &refused
                {
                    let why = if matches!(refused, TokenError::Revoked { .. }) {
                        "was revoked"
                    } else {
                        "has expired"
                    };
                    refusals::note(Refused::of_token(&id.0, owner, why));
                }
                Err(Problem::unauthorised(refused.to_string()))
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

/// RFC 6750 section 2.1; a token in the body or the address is never looked for.
fn bearer(head: &Head) -> Result<Secret, Problem> {
    let mut given = head.headers.get_all(AUTHORIZATION).iter();
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
