//! Requests that are done once, however often they come: those with an `Idempotency-Key`.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts as Head;
use axum::http::{HeaderName, StatusCode};
use keyreeve_model::SystemId;
use keyreeve_store::{KeyClaim, KnownRequest, RequestKey};

use crate::auth::Caller;
use crate::parts::Parts;
use crate::problem::Problem;

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// A key is at most so long, in characters.
const LONGEST: usize = 255;
/// A request that has not come to anything after so long may be done by a repeat. Planning much takes minutes.
const LEASE: Duration = Duration::from_secs(10 * 60);

/// The `Idempotency-Key` of a request, if it has one.
#[derive(Debug, Clone)]
pub(crate) struct Once(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for Once {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, _: &S) -> Result<Self, Problem> {
        let mut given = head.headers.get_all(HEADER).iter();
        let refuse = || {
            let most = LONGEST;
            Problem::bad_request(format!(
                "an Idempotency-Key is given once, as 1 to {most} visible ASCII characters"
            ))
        };
        let Some(key) = given.next() else { return Ok(Self(None)) };
        let key = key.to_str().map_err(|_| refuse())?;
        let fits = (1..=LONGEST).contains(&key.len()) && key.chars().all(|one| one.is_ascii_graphic());
        if !fits || given.next().is_some() {
            return Err(refuse());
        }
        Ok(Self(Some(key.to_owned())))
    }
}

impl Once {
    /// What is known of the request. Without a key it is always new.
    ///
    /// # Errors
    /// 409 while it is being done, 422 when the key was used for something else.
    pub(crate) async fn begin(
        self,
        parts: &Parts,
        caller: &Caller,
        (system_id, route): (&SystemId, String),
        body_sha256: &str,
    ) -> Result<Begun, Problem> {
        let Some(key) = self.0 else { return Ok(Begun::New(None)) };
        let caller = caller.0.name().to_owned();
        let key = RequestKey { system_id: system_id.clone(), route, caller, key };
        let now = parts.clock.now();
        Ok(match parts.store.claim_request(&key, body_sha256, now, LEASE).await? {
            KnownRequest::New(claim) => Begun::New(Some(claim)),
            KnownRequest::UnderWay => {
                let detail = "a request with the same Idempotency-Key is being done";
                return Err(Problem::new(StatusCode::CONFLICT, "in_progress", detail)
                    .advice("ask again with the same key when it has ended"));
            }
            KnownRequest::Other => {
                let detail = "the Idempotency-Key was used for another request";
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                return Err(Problem::new(status, "key_reused", detail).advice("make a new key"));
            }
            KnownRequest::Job(job) => Begun::Job(job),
            KnownRequest::Run(run) => Begun::Run(run),
        })
    }
}

/// What is known of a request.
#[derive(Debug)]
pub(crate) enum Begun {
    /// Nothing, so it is to be done.
    New(Option<KeyClaim>),
    /// It came to this job.
    Job(keyreeve_model::JobId),
    /// It came to this run.
    Run(keyreeve_model::ImportRunId),
}

/// A request that came to nothing is done anew when it comes again.
pub(crate) async fn given_up(parts: &Parts, claim: Option<&KeyClaim>) {
    if let Some(claim) = claim
        && let Err(error) = parts.store.give_up_request(claim).await
    {
        tracing::warn!(%error, "an Idempotency-Key stays taken until its time is over");
    }
}
