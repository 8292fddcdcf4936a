//! Changes (RFC 7644 §3.3, §3.5, §3.6). Each becomes a job like any other, carried out while the caller waits, up to a
//! limit; what AWS has no place for is kept beside it.

mod again;
mod began;
mod bulk;
mod groups;
mod held_now;
mod job;
mod turns;
mod unbegun;
mod users;

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::IF_MATCH;
use axum::response::{IntoResponse, Response};
use keyreeve_engine::rights::Right;
use keyreeve_model::Secret;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::answer::{Refusal, resource};
use super::asked::{Asked, Body};
use super::known::{Known, none_such};
use super::one::{projection, versions};
use crate::scim::bulk::Method;
use crate::scim::etag::{ETag, Versions};
use crate::scim::{self, Cause, Error, ResourceType};
use began::Began;
use job::within;
use turns::{TooMany, Turn};

pub(crate) use bulk::bulk;
pub(crate) use turns::Turns;

type Resource = Map<String, Value>;

/// What is to be done.
struct Request {
    kind: &'static ResourceType,
    method: Method,
    /// Which resource; `None` for one that is to be made.
    id: Option<String>,
    body: Value,
    /// The versions that it may have.
    versions: Option<Versions>,
}

/// How a resource is to be changed.
struct Change<'a> {
    /// By a list of changes, or by another one in its place.
    patch: bool,
    body: &'a Value,
    versions: Option<&'a Versions>,
}

impl Change<'_> {
    /// Whether it says something of a list.
    fn names(&self, kind: &ResourceType, list: &str) -> bool {
        if self.patch {
            return scim::patch::names(kind, self.body, list);
        }
        self.body.as_object().is_some_and(|body| body.keys().any(|name| name.eq_ignore_ascii_case(list)))
    }
}

/// What was done.
enum Done {
    Made(Resource),
    Changed(Resource),
    Gone,
}

impl Asked {
    /// Refuses who may not change anything.
    fn require_operator(&self) -> Result<(), Refusal> {
        Ok(self.caller.require(Right::Operate, self.system_id())?)
    }

    /// Waits until nobody else is at one of these, and looks again whether the caller may.
    async fn turn(&self, of: impl IntoIterator<Item = String>) -> Result<Turn, Refusal> {
        let too_many = |TooMany| {
            let detail = "too many changes wait for their turn already; nothing was begun; ask again later";
            Error::new(Cause::Unavailable, detail)
        };
        let turn = self.turns.take(self.system_id().as_str(), of).await.map_err(too_many)?;
        self.pass.still_lets_in().await?;
        Ok(turn)
    }
}

/// Makes a resource.
pub(crate) async fn post(asked: Asked, Body(body): Body) -> Result<Response, Refusal> {
    answered(asked, Method::Post, body).await
}

/// Puts a resource in the place of another.
pub(crate) async fn put(asked: Asked, Body(body): Body) -> Result<Response, Refusal> {
    answered(asked, Method::Put, body).await
}

/// Changes a resource.
pub(crate) async fn patch(asked: Asked, Body(body): Body) -> Result<Response, Refusal> {
    answered(asked, Method::Patch, body).await
}

/// Takes a resource away.
pub(crate) async fn delete(asked: Asked) -> Result<Response, Refusal> {
    answered(asked, Method::Delete, Value::Null).await
}

async fn answered(asked: Asked, method: Method, body: Value) -> Result<Response, Refusal> {
    asked.require_operator()?;
    let kind = asked.resource_type()?;
    let shown = projection(&asked, kind)?;
    let id = (method != Method::Post).then(|| asked.place("id").to_owned());
    let request = Request { kind, method, id, body, versions: versions(&asked, IF_MATCH) };
    let until = until(&asked);
    Ok(match in_time(&Arc::new(asked), request, until).await? {
        Done::Made(whole) => resource(201, &whole, shown.show(kind, whole.clone())),
        Done::Changed(whole) => resource(200, &whole, shown.show(kind, whole.clone())),
        Done::Gone => StatusCode::NO_CONTENT.into_response(),
    })
}

/// Until when the caller waits.
fn until(asked: &Asked) -> Instant {
    Instant::now() + Duration::from_secs(asked.system.settings.scim_wait_seconds.into())
}

/// Carries a request out, and waits for that until `until`.
async fn in_time(asked: &Arc<Asked>, request: Request, until: Instant) -> Result<Done, Refusal> {
    let (began, made) = (Began::default(), request.name_to_make());
    let work = {
        let (asked, began) = (Arc::clone(asked), began.clone());
        async move { carry_out(&asked, &request, &began).await }
    };
    let done = within(until, began.clone(), work).await;
    if let (Err(_), Some(name), true) = (&done, made, began.is_given_up())
        && let Some(job) = again::first_job(asked, &name).await?
    {
        return Err(again::behind(job).into());
    }
    done
}

async fn carry_out(asked: &Asked, request: &Request, began: &Began) -> Result<Done, Refusal> {
    let Request { kind, method, id, body, versions } = request;
    let id = id.as_deref().unwrap_or_default();
    let patch = *method == Method::Patch;
    let change = Change { patch, body, versions: versions.as_ref() };
    match (kind.name, method) {
        ("User", Method::Post) => users::create(asked, body, began).await.map(Done::Made),
        ("User", Method::Delete) => {
            users::delete(asked, id, versions.as_ref(), began).await.map(|()| Done::Gone)
        }
        ("User", Method::Put | Method::Patch) => {
            users::change(asked, id, change, began).await.map(Done::Changed)
        }
        ("Group", Method::Put | Method::Patch) => {
            groups::change(asked, id, change, began).await.map(Done::Changed)
        }
        (kind, method) => Err(bulk::not_offered(*method, kind).into()),
    }
}

/// A resource as it is known and as it is wished, if it is in a version that it may have, and the password that the
/// client has chosen.
async fn before_and_after(
    known: &Known<'_>,
    kind: &'static ResourceType,
    id: &str,
    change: &Change<'_>,
) -> Result<(Resource, Resource, Option<Secret>), Refusal> {
    let before = known.resource(kind, id).await?.ok_or_else(|| none_such(kind))?;
    expect_version(&before, change.versions)?;
    let (after, password) = applied(kind, &before, change)?;
    Ok((before, after, password))
}

/// A resource after a change, and the password that comes with it.
fn applied(
    kind: &'static ResourceType,
    before: &Resource,
    change: &Change<'_>,
) -> Result<(Resource, Option<Secret>), Error> {
    if change.patch {
        let patched = scim::patch::apply(kind, before, change.body)?;
        return Ok((patched.resource, patched.password));
    }
    let written = scim::write::replace(kind, change.body, before)?;
    Ok((written.resource, written.password))
}

/// RFC 7644 §3.14, RFC 9110 §13.1.1.
fn expect_version(resource: &Resource, versions: Option<&Versions>) -> Result<(), Error> {
    if versions.is_none_or(|expected| expected.include(&ETag::in_meta(resource))) {
        return Ok(());
    }
    Err(Error::new(Cause::PreconditionFailed, "the resource has changed since; read it again"))
}
