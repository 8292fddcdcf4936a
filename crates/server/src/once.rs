//! Requests that are done once, however often they come: those with an `Idempotency-Key`.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts as Head;
use axum::http::{HeaderName, StatusCode};
use keyreeve_engine::rights::Actor;
use keyreeve_engine::threads::BrokeOff;
use keyreeve_model::SystemId;
use keyreeve_store::{KeyClaim, KnownRequest, RequestKey};

use crate::auth::Caller;
use crate::parts::Parts;
use crate::problem::Problem;

/// The header that has the key.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// The code of a request that is being done already.
pub(crate) const IN_PROGRESS: &str = "in_progress";
/// The code of a key that was used for something else.
pub(crate) const REUSED: &str = "key_reused";
/// A key is at most so long, in characters.
const LONGEST: usize = 255;
/// A request of which nobody has said for so long that they are at it may be done by a repeat: its process is gone.
const LEASE: Duration = Duration::from_secs(30);
/// So often it is said.
const BEAT: Duration = Duration::from_secs(8);
/// What a form that was sent twice comes to is looked up so often, and waited for so long.
const LOOK_EVERY: Duration = Duration::from_millis(200);
const LOOK_FOR: Duration = Duration::from_secs(60);

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
        if given.next().is_some() {
            return Err(refuse());
        }
        Self::of(key).map_err(|_| refuse())
    }
}

impl Once {
    /// With a key that a form of the console has.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn of(key: &str) -> Result<Self, Problem> {
        let fits = (1..=LONGEST).contains(&key.len()) && key.chars().all(|one| one.is_ascii_graphic());
        if fits { Ok(Self(Some(key.to_owned()))) } else { Err(Problem::bad_request("the form has no key")) }
    }

    /// The key, if there is one.
    pub(crate) fn key(self) -> Option<String> {
        self.0
    }

    /// The key of a request that registers a system, if it has one.
    pub(crate) fn registering(self, caller: &Actor, system_id: &SystemId) -> Option<RequestKey> {
        let (route, caller) = ("POST /systems".to_owned(), caller.name().to_owned());
        self.0.map(|key| RequestKey { system_id: system_id.clone(), route, caller, key })
    }

    /// As [`Once::begin`], for forms: while the same one is being done, its end is waited for, as whoever sent it twice sees
    /// the second answer alone.
    ///
    /// # Errors
    /// As [`Once::begin`], after a while.
    pub(crate) async fn begin_or_wait(
        self,
        parts: &Parts,
        caller: &Caller,
        (system_id, route): (&SystemId, String),
        body_sha256: &str,
    ) -> Result<Begun, Problem> {
        let until = tokio::time::Instant::now() + LOOK_FOR;
        loop {
            let begun = self.clone().begin(parts, caller, (system_id, route.clone()), body_sha256).await;
            let waits = matches!(&begun, Err(problem) if problem.code() == IN_PROGRESS);
            if !waits || tokio::time::Instant::now() >= until {
                return begun.map_err(|problem| match problem.code() {
                    IN_PROGRESS => Problem::new(
                        StatusCode::CONFLICT,
                        IN_PROGRESS,
                        "this was sent twice, and what was sent first is still being done",
                    ),
                    REUSED => sent_otherwise(),
                    _ => problem,
                });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

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
                return Err(Problem::new(StatusCode::CONFLICT, IN_PROGRESS, detail)
                    .advice("ask again with the same key when it has ended"));
            }
            KnownRequest::Other => return Err(reused()),
            KnownRequest::Job(job) => Begun::Job(job),
            KnownRequest::Run(run) => Begun::Run(run),
            KnownRequest::Done(asked_at) => Begun::Done(asked_at),
        })
    }
}

/// The key was used for something else.
pub(crate) fn reused() -> Problem {
    let detail = "the Idempotency-Key was used for another request";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, REUSED, detail).advice("make a new key")
}

/// A form was sent before, with something else in it.
pub(crate) fn sent_otherwise() -> Problem {
    let detail = "this form was sent before, with something else in it; that was asked for, and this was not";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, REUSED, detail)
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
    /// It was asked for at this time and done; what it came to is looked up.
    Done(jiff::Timestamp),
}

/// Does a request to its end, though who asked may hang up, and says meanwhile that it is being done. One that comes to
/// nothing is done anew when it comes again.
///
/// # Errors
/// What `work` gives.
pub(crate) async fn to_its_end<T: Send + 'static, E: From<BrokeOff> + Send + 'static>(
    parts: &Parts,
    claim: Option<KeyClaim>,
    work: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, E> {
    let Some(claim) = claim else { return work.await };
    let parts = parts.clone();
    let whole = async move {
        let mut work = std::pin::pin!(work);
        let done = loop {
            tokio::select! {
                done = &mut work => break done,
                () = tokio::time::sleep(BEAT) => {
                    if let Err(error) = parts.store.keep_request(&claim, parts.clock.now(), LEASE).await {
                        tracing::warn!(%error, "an Idempotency-Key could not be kept");
                    }
                }
            }
        };
        if done.is_err()
            && let Err(error) = parts.store.give_up_request(&claim).await
        {
            tracing::warn!(%error, "an Idempotency-Key stays taken until its time is over");
        }
        done
    };
    tokio::spawn(whole).await.unwrap_or_else(|_| Err(BrokeOff.into()))
}
