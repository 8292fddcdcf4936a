//! `/session` and `/sessions`: signing in with a password, who one is, and signing out.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::header::{HeaderValue, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use keyreeve_engine::people::SignInError;
use keyreeve_engine::rights::Right;
use keyreeve_model::{Person, Role, Secret, Session, SessionId, SystemId};
use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::{IntoResponses, ToSchema};

use super::paging::Page;
use crate::auth::{Caller, Signed, Way};
use crate::body::{InBody, InPath};
use crate::door::{Address, Kept};
use crate::parts::Parts;
use crate::problem::{Problem, Refused, RefusedBody, response};

/// Who wants to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NameAndPassword {
    /// Their name.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// Their password.
    #[schema(min_length = 1, max_length = 256)]
    password: String,
}

/// How somebody showed who they are.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum By {
    /// With a password.
    Password,
    /// An identity provider vouches for them.
    Provider,
    /// With a token.
    Token,
}

/// Who asks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WhoAsks {
    /// The actor of what they do.
    name: String,
    /// What an identity provider calls them.
    shown_as: Option<String>,
    /// What they may do.
    role: Role,
    /// The systems they are limited to; empty for all.
    systems: Vec<SystemId>,
    /// How they showed who they are.
    by: By,
    /// When their session, or their token, ends.
    ends_at: Option<Timestamp>,
    /// When the session ends unless it is used before.
    idle_ends_at: Option<Timestamp>,
    /// The session; null with a token.
    session: Option<Session>,
}

/// What may be refused to who signs in.
pub(crate) struct RefusedSignIn;

impl IntoResponses for RefusedSignIn {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        ["400", "401", "403", "413", "415", "429", "500", "503"].map(response).into()
    }
}

/// Signs somebody in who has a password here. The answer sets a cookie, which lets in to all other addresses; what
/// changes something needs the header `Origin` besides. No token is needed.
#[utoipa::path(
    post, path = "/session", tag = "sessions", request_body = NameAndPassword, security(()),
    responses((status = 200, body = WhoAsks), RefusedSignIn)
)]
pub(crate) async fn sign_in(
    State(parts): State<Parts>,
    Address(address): Address,
    headers: HeaderMap,
    InBody { value: NameAndPassword { name, password }, .. }: InBody<NameAndPassword>,
) -> Result<Response, Problem> {
    parts.door.site.own_page_or_program(&headers)?;
    let now = parts.clock.now();
    let name = name.trim().to_ascii_lowercase();
    let begun = match parts.door.sign_in.with_password(&name, Secret::new(password), address, now).await {
        Ok(begun) => begun,
        Err(SignInError::TooMany(too_many)) => return Ok(too_often(&too_many)),
        Err(error) => return Err(error.into()),
    };
    let body = Json(of_session(&parts, begun.person, begun.session)).into_response();
    Ok(keeping(body, Kept::Session.set(&parts.door.site, &begun.value)))
}

/// Says who asks, with a cookie or a token, and until when that is so.
#[utoipa::path(
    get, path = "/session", tag = "sessions", responses((status = 200, body = WhoAsks), Refused)
)]
pub(crate) async fn who(State(parts): State<Parts>, signed: Signed) -> Json<WhoAsks> {
    Json(match signed.way {
        Way::Session(session, person) => of_session(&parts, *person, session),
        Way::Token(token) => WhoAsks {
            name: token.owner,
            shown_as: None,
            role: token.role,
            systems: token.systems,
            by: By::Token,
            ends_at: token.expires_at,
            idle_ends_at: None,
            session: None,
        },
    })
}

/// Signs out: ends the session of the cookie.
#[utoipa::path(delete, path = "/session", tag = "sessions", responses((status = 204), Refused))]
pub(crate) async fn sign_out(State(parts): State<Parts>, signed: Signed) -> Result<Response, Problem> {
    let Way::Session(session, person) = signed.way else {
        let detail = "a token has no session that could end; revoke it instead";
        return Err(Problem::new(StatusCode::CONFLICT, "no_session", detail));
    };
    parts.store.end_session(&session.id, Some(&person.name), &person.name, parts.clock.now()).await?;
    Ok(keeping(StatusCode::NO_CONTENT.into_response(), Kept::Session.forget(&parts.door.site)))
}

/// The password of whoever asks, and the one that they want instead.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangedPassword {
    /// The one they have.
    #[schema(min_length = 1, max_length = 256)]
    password: String,
    /// The one they want.
    #[schema(min_length = 12, max_length = 256)]
    new_password: String,
}

/// Changes one's own password. All of one's sessions end, and the cookie of the answer begins a new one.
#[utoipa::path(
    put, path = "/session/password", tag = "sessions", request_body = ChangedPassword,
    responses((status = 200, body = WhoAsks), RefusedSignIn, RefusedBody)
)]
pub(crate) async fn change_password(
    State(parts): State<Parts>,
    signed: Signed,
    Address(address): Address,
    InBody { value: ChangedPassword { password, new_password }, .. }: InBody<ChangedPassword>,
) -> Result<Response, Problem> {
    let Way::Session(_, person) = signed.way else {
        let detail = "a token has no password; who signs in with one changes it";
        return Err(Problem::new(StatusCode::CONFLICT, "no_session", detail));
    };
    let (old, new) = (Secret::new(password), Secret::new(new_password));
    let now = parts.clock.now();
    let begun = match parts.door.sign_in.change_password(&person, (old, new), address, now).await {
        Ok(begun) => begun,
        Err(SignInError::TooMany(too_many)) => return Ok(too_often(&too_many)),
        Err(error) => return Err(error.into()),
    };
    let body = Json(of_session(&parts, begun.person, begun.session)).into_response();
    Ok(keeping(body, Kept::Session.set(&parts.door.site, &begun.value)))
}

/// Lists one's own sessions; an admin of all systems sees everybody's.
#[utoipa::path(
    get, path = "/sessions", tag = "sessions", responses((status = 200, body = Page<Session>), Refused)
)]
pub(crate) async fn list(State(parts): State<Parts>, signed: Signed) -> Result<Json<Page<Session>>, Problem> {
    let own = match of(&signed) {
        Of::Everybody => None,
        Of::One(name) => Some(name),
        Of::Nobody => return Ok(Json(Page::whole(Vec::new()))),
    };
    let life = parts.door.sign_in.life();
    Ok(Json(Page::whole(parts.store.sessions(own, life, parts.clock.now()).await?)))
}

/// Ends a session of one's own; an admin of all systems ends anybody's.
#[utoipa::path(
    delete, path = "/sessions/{session}", tag = "sessions", params(("session" = String, Path)),
    responses((status = 204), Refused)
)]
pub(crate) async fn end(
    State(parts): State<Parts>,
    signed: Signed,
    InPath(session): InPath<String>,
) -> Result<StatusCode, Problem> {
    let session = SessionId(session);
    let own = match of(&signed) {
        Of::Everybody => None,
        Of::One(name) => Some(name),
        Of::Nobody => return Err(keyreeve_store::StoreError::SessionNotFound { session }.into()),
    };
    parts.store.end_session(&session, own, signed.caller.0.name(), parts.clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whose sessions somebody has to do with.
enum Of<'a> {
    Everybody,
    One(&'a str),
    /// The owner of a token may only be called as a person is.
    Nobody,
}

fn of(signed: &Signed) -> Of<'_> {
    let Caller(actor) = &signed.caller;
    match &signed.way {
        _ if actor.require(Right::Administer).is_ok() && actor.require_all_systems().is_ok() => Of::Everybody,
        Way::Session(_, person) => Of::One(&person.name),
        Way::Token(_) => Of::Nobody,
    }
}

fn of_session(parts: &Parts, person: Person, session: Session) -> WhoAsks {
    let idle = parts.door.sign_in.life().idle;
    WhoAsks {
        by: if person.is_of_provider() { By::Provider } else { By::Password },
        name: person.name,
        shown_as: person.shown_as,
        role: person.role,
        systems: person.systems,
        ends_at: Some(session.ends_at),
        idle_ends_at: session.last_used_at.checked_add(idle).ok().map(|idle| idle.min(session.ends_at)),
        session: Some(session),
    }
}

/// An answer that has a browser keep something, or forget it.
pub(crate) fn keeping(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// It was tried too often.
pub(crate) fn too_often(too_many: &keyreeve_engine::people::TooMany) -> Response {
    let detail = too_many.to_string();
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", detail);
    let mut response = problem.into_response();
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(too_many.retry_after_seconds()));
    response
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        let detail = error.to_string();
        match error {
            SignInError::Refused => Self::new(StatusCode::UNAUTHORIZED, "sign_in_refused", detail)
                .advice("an admin sets another password: `keyreeve person set-password NAME`"),
            SignInError::TooMany(_) => Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", detail),
            SignInError::Disabled(_) => Self::new(StatusCode::FORBIDDEN, "person_disabled", detail),
            SignInError::NotTaken(_) => Self::bad_request(detail),
            SignInError::Store(error) => error.into(),
            SignInError::Hash(error) => {
                tracing::error!(%error, "a password could not be looked at");
                let detail = "the password could not be looked at; why stands in the log";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "not_looked_at", detail)
            }
        }
    }
}
