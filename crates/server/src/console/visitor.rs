//! Who looks at a page, and how they like it to look.

use std::convert::Infallible;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::{COOKIE, LOCATION};
use axum::http::request::Parts as Head;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use keyreeve_engine::rights::{Actor, Right};
use keyreeve_model::{Person, Session, SystemId};
use keyreeve_store::StoreError;

use super::address;
use super::page::{Said, Saying};
use super::table::Listing;
use crate::door::{Kept, kept};
use crate::parts::Parts;
use crate::problem::Problem;

/// The filter of lists by system.
const SYSTEM: &str = "system";

/// Whoever has signed in. A page that takes this is for nobody else: others are led to where one signs in. What changes
/// something is taken from pages of our own alone.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    pub(crate) actor: Actor,
    pub(crate) session: Session,
    pub(crate) person: Person,
    pub(crate) look: Look,
}

impl Visitor {
    /// Refuses what the visitor's role does not allow, and systems that are not theirs.
    pub(crate) fn require(&self, right: Right, system: &SystemId) -> Result<(), Problem> {
        self.actor.require(right)?;
        Ok(self.actor.require_system(system)?)
    }

    /// The systems that they are limited to; `None` when they may have to do with all.
    pub(crate) async fn systems(&self, parts: &Parts) -> Result<Option<Vec<SystemId>>, Problem> {
        if self.actor.require_all_systems().is_ok() {
            return Ok(None);
        }
        let ids = parts.store.list_systems(true).await?.into_iter().map(|system| system.system_id);
        Ok(Some(ids.filter(|id| self.actor.reaches(id)).collect()))
    }

    /// The systems of a list: the one that is asked for, else all that are theirs, as by [`Visitor::systems`]. Where there
    /// is no such system, the list says so.
    ///
    /// # Errors
    /// It is not theirs.
    pub(crate) async fn systems_asked(
        &self,
        parts: &Parts,
        listing: &mut Listing,
    ) -> Result<Option<Vec<SystemId>>, Problem> {
        let Some(asked) = listing.filter(SYSTEM) else { return self.systems(parts).await };
        let asked = asked.to_owned();
        let Ok(id) = asked.parse() else {
            listing.is_not(SYSTEM, format!("“{asked}” is no System ID"))?;
            return Ok(Some(Vec::new()));
        };
        self.require(Right::Read, &id)?;
        match parts.store.get_system(&id).await {
            Ok(_) => Ok(Some(vec![id])),
            Err(StoreError::SystemNotFound { .. }) => {
                listing.is_not(
                    SYSTEM,
                    format!("there is no system “{asked}”; System IDs stand under Systems"),
                )?;
                Ok(Some(Vec::new()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a page shows them the way to something; whoever does it asks once more.
    pub(crate) fn may(&self, right: Right) -> bool {
        self.actor.require(right).is_ok()
    }
}

/// Nobody looks at the page.
#[derive(Debug)]
pub(crate) enum TurnedAway {
    /// Nobody has signed in; where they wanted to go.
    SignIn(String),
    Refused(Problem),
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor
where
    Parts: FromRef<S>,
{
    type Rejection = TurnedAway;

    async fn from_request_parts(head: &mut Head, state: &S) -> Result<Self, TurnedAway> {
        let parts = Parts::from_ref(state);
        if !head.method.is_safe() {
            parts.door.site.own_page(&head.headers).map_err(TurnedAway::Refused)?;
        }
        let look = Look::of(&head.headers, &head.uri);
        // What they wanted to send is not sent again by itself.
        let wanted = if head.method.is_safe() { look.address.clone() } else { "/".to_owned() };
        match signed_in(&parts, &head.headers).await.map_err(TurnedAway::Refused)? {
            Some((session, person)) => {
                Ok(Self { actor: Actor::signed_in(person.clone()), session, person, look })
            }
            None => Err(TurnedAway::SignIn(wanted)),
        }
    }
}

impl IntoResponse for TurnedAway {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn(wanted) => match address::own(Some(&wanted)) {
                "/" => to("/sign-in"),
                wanted => to(&address::asking("/sign-in", [("next", wanted)])),
            },
            Self::Refused(problem) => problem.into_response(),
        }
    }
}

/// The session that a browser keeps the cookie of, and whose it is.
///
/// # Errors
/// There is more than one such cookie; the store failed.
pub(super) async fn signed_in(
    parts: &Parts,
    headers: &HeaderMap,
) -> Result<Option<(Session, Person)>, Problem> {
    let several = |()| Problem::bad_request("the request has more than one cookie of a session");
    let Some(value) = kept(headers, &parts.door.site, Kept::Session).map_err(several)? else {
        return Ok(None);
    };
    Ok(parts.door.sign_in.session(&value, parts.clock.now()).await?)
}

/// Leads on with a `GET`.
pub(crate) fn to(place: &str) -> Response {
    match HeaderValue::from_str(place) {
        Ok(place) => (StatusCode::SEE_OTHER, [(LOCATION, place)]).into_response(),
        Err(_) => Problem::not_found("there is no such address").into_response(),
    }
}

/// How a page is asked for, whoever asks.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub(crate) theme: Option<Theme>,
    /// The path and the query.
    pub(crate) address: String,
    /// What was done before.
    pub(crate) said: Option<Saying>,
}

impl Look {
    pub(super) fn of(headers: &HeaderMap, uri: &Uri) -> Self {
        let address = uri.path_and_query().map_or("/", |all| all.as_str()).to_owned();
        let query = uri.query().unwrap_or_default().as_bytes();
        let said = url::form_urlencoded::parse(query).find(|(name, _)| name == Said::NAME);
        Self { theme: Theme::kept(headers), address, said: said.and_then(|(_, word)| Saying::of(&word)) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Look {
    type Rejection = Infallible;

    async fn from_request_parts(head: &mut Head, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&head.headers, &head.uri))
    }
}

/// Light or dark; without a choice, as the browser has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    Light,
    Dark,
}

impl Theme {
    const COOKIE: &str = "keyreeve-theme";

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// It says nothing about anybody, so whoever puts one there does no harm.
    fn kept(headers: &HeaderMap) -> Option<Self> {
        let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
        match pairs.find(|(name, _)| *name == Self::COOKIE)?.1 {
            "light" => Some(Self::Light),
            "dark" => Some(Self::Dark),
            _ => None,
        }
    }

    /// Has the browser keep the choice for a year, or forget it.
    pub(super) fn keep(theme: Option<Self>) -> HeaderValue {
        HeaderValue::from_static(match theme {
            Some(Self::Light) => "keyreeve-theme=light; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax",
            Some(Self::Dark) => "keyreeve-theme=dark; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax",
            None => "keyreeve-theme=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax",
        })
    }
}
