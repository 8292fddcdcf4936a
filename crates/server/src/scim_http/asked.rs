//! Who asks for what: the token, the system, the types of resources as that system has them, and the body.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query as Parameters, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::request::Parts as Head;
use bytes::Bytes;
use keyreeve_engine::password::PublicUrl;
use keyreeve_engine::rights::Right;
use keyreeve_model::{ScimPassword, System, SystemId, SystemSettings};
use serde_json::Value;

use super::PREFIX;
use super::answer::Refusal;
use super::write::Turns;
use crate::auth::Caller;
use crate::parts::Parts;
use crate::scim::error::quoted;
use crate::scim::query::Query;
use crate::scim::{Cause, Error, Model, ResourceType, Switches, body};

/// A request, as far as its head says what it is.
pub(crate) struct Asked {
    /// Everything that is answered from.
    pub(crate) parts: Parts,
    /// Who asks.
    pub(crate) caller: Caller,
    /// What lets the caller in.
    pub(crate) pass: Pass,
    /// The system.
    pub(crate) system: System,
    /// Its types of resources.
    pub(crate) model: &'static Model,
    /// The address of its SCIM root, without a slash at its end.
    pub(crate) base: String,
    /// Who waits for whom.
    pub(crate) turns: Turns,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The places in the address that have names.
    places: HashMap<String, String>,
    /// What follows the address.
    query: Result<Query, Error>,
}

/// The types as the settings of systems have them.
static MODELS: LazyLock<[Model; 4]> = LazyLock::new(|| {
    [(false, false), (false, true), (true, false), (true, true)]
        .map(|(password, entitlements)| Model::new(Switches { password, entitlements }))
});

fn model(settings: &SystemSettings) -> Option<&'static Model> {
    let password = settings.scim_password == ScimPassword::Accept;
    let switches = Switches { password, entitlements: settings.scim_entitlements };
    MODELS.iter().find(|model| model.switches == switches)
}

/// What lets a caller change a system.
#[derive(Clone)]
pub(crate) struct Pass {
    parts: Parts,
    headers: HeaderMap,
    system: SystemId,
}

impl Pass {
    /// Whether it lets them in now: what waits is begun with the rights of then.
    pub(crate) async fn still_lets_in(&self) -> Result<(), Refusal> {
        let caller = Caller::of_token(&self.headers, &self.parts).await?;
        Ok(caller.require(Right::Operate, &self.system)?)
    }
}

impl Asked {
    /// The client: whose token it is, as renewing a token makes no other client.
    pub(crate) fn client(&self) -> &str {
        self.caller.0.name()
    }

    /// The system's id.
    pub(crate) fn system_id(&self) -> &SystemId {
        &self.system.system_id
    }

    /// The query of the address.
    pub(crate) fn query(&self) -> Result<Query, Error> {
        self.query.clone()
    }

    /// A place of the address by its name.
    pub(crate) fn place(&self, name: &str) -> &str {
        self.places.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The type of resource that the address names.
    pub(crate) fn resource_type(&self) -> Result<&'static ResourceType, Error> {
        let named = self.place("type");
        let none = || Error::new(Cause::NotFound, format!("there is nothing at {}", quoted(named)));
        self.model.at(named).ok_or_else(none)
    }
}

impl FromRequestParts<Parts> for Asked {
    type Rejection = Refusal;

    async fn from_request_parts(head: &mut Head, parts: &Parts) -> Result<Self, Refusal> {
        let caller = Caller::by_token(head, parts).await?;
        let unknown = || Refusal(Error::new(Cause::NotFound, "there is no such system"));
        let Path(places): Path<HashMap<String, String>> =
            Path::from_request_parts(head, parts).await.map_err(|_| unknown())?;
        let id = places.get("system").and_then(|id| SystemId::new(id.as_str()).ok()).ok_or_else(unknown)?;
        caller.require(Right::Read, &id)?;
        let system = parts.store.get_system(&id).await?;
        if system.removed_at.is_some() {
            return Err(unknown());
        }
        Ok(Self {
            parts: parts.clone(),
            caller,
            pass: Pass { parts: parts.clone(), headers: head.headers.clone(), system: id.clone() },
            base: base(head, &id),
            model: model(&system.settings).ok_or_else(unknown)?,
            turns: head.extensions.get::<Turns>().cloned().unwrap_or_default(),
            system,
            headers: head.headers.clone(),
            places,
            query: query(head),
        })
    }
}

fn query(head: &Head) -> Result<Query, Error> {
    let wrong = |_| Error::new(Cause::InvalidValue, "the query of the address cannot be read");
    let Parameters(given): Parameters<Vec<(String, String)>> =
        Parameters::try_from_uri(&head.uri).map_err(wrong)?;
    Query::from_parameters(given.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

/// Marks that requests come over TLS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OverTls;

/// Addresses in an answer begin with the configured place. Without one they are for who asked alone, so they begin as the
/// client named this server; what cannot be the name of a server is left out, and then they begin at its root.
fn base(head: &Head, system: &SystemId) -> String {
    let path = PREFIX.replace("{system}", system.as_str());
    if let Some(url) = head.extensions.get::<PublicUrl>() {
        return format!("{url}{path}");
    }
    let plain = |host: &&str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte);
        !host.is_empty() && host.len() <= 255 && host.bytes().all(fits)
    };
    let scheme = if head.extensions.get::<OverTls>().is_some() { "https" } else { "http" };
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok()).filter(plain);
    host.map_or_else(|| path.clone(), |host| format!("{scheme}://{host}{path}"))
}

/// The body of a request: JSON without tricks.
pub(crate) struct Body(pub(crate) Value);

impl FromRequest<Parts> for Body {
    type Rejection = Refusal;

    async fn from_request(request: Request, parts: &Parts) -> Result<Self, Refusal> {
        let kind = request.headers().get(CONTENT_TYPE).map(|kind| kind.to_str().unwrap_or_default());
        let kind = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
        if kind.is_some_and(|kind| kind != "application/scim+json" && kind != "application/json") {
            let detail = "Content-Type must be application/scim+json or application/json";
            return Err(Error::new(Cause::InvalidSyntax, detail).into());
        }
        let bytes = Bytes::from_request(request, parts).await.map_err(unread)?;
        Ok(Self(body::parse(&bytes)?))
    }
}

fn unread(why: BytesRejection) -> Refusal {
    match why.status().as_u16() {
        413 => Error::new(Cause::TooLarge, "the body is too large").into(),
        _ => Error::new(Cause::InvalidSyntax, "the body could not be read to its end").into(),
    }
}
