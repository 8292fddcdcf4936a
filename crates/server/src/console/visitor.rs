//! Who looks at a page, and how they like it to look.

use std::convert::Infallible;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::{COOKIE, LOCATION};
use axum::http::request::Parts as Head;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use keyreeve_engine::rights::{Actor, Right};
use keyreeve_model::{Person, Session, SystemId, digest_hex};
use keyreeve_store::StoreError;

use super::address;
use super::page::{Said, Saying};
use super::table::Listing;
use crate::auth::Caller;
use crate::door::{Kept, Site, kept};
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
        Caller(self.actor.clone()).systems(parts).await
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
    /// Nobody has signed in any more, and what they sent from this page was not done.
    NotDone(String),
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
        let mut look = Look::of(&head.headers, &head.uri, &parts.door.site);
        let safe = head.method.is_safe();
        if !safe {
            // What answers a form stands at an address that is not asked for: the page that has the form is.
            look.address = parts.door.site.came_from(&head.headers).unwrap_or_else(|| "/".to_owned());
        }
        match signed_in(&parts, &head.headers).await.map_err(TurnedAway::Refused)? {
            Some((session, person)) => {
                Ok(Self { actor: Actor::signed_in(person.clone()), session, person, look })
            }
            None if safe => Err(TurnedAway::SignIn(look.address)),
            // What they wanted to send is not sent again by itself.
            None => Err(TurnedAway::NotDone(look.address)),
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
            Self::NotDone(page) => {
                let page = Said::NotDone.at(address::own(Some(without_said(&page).as_str())));
                let mut response = to(&address::asking("/sign-in", [("next", page.as_str())]));
                response.extensions_mut().insert(Told { address: page, seconds: SIGNS_IN_WITHIN });
                response
            }
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

/// Leads who asks for the address of what answers a form to the page that has the form, which is so many segments above: who
/// has to sign in first comes back there.
pub(super) async fn to_form<const ABOVE: usize>(_: Visitor, uri: Uri) -> Response {
    let mut page = uri.path();
    for _ in 0..ABOVE {
        page = page.rsplit_once('/').map_or("", |(page, _)| page);
    }
    to(if page.is_empty() { "/" } else { page })
}

/// Whoever is led on sees within so long what was done.
const SEEN_WITHIN: u32 = 60;
/// Whoever has to sign in first, within so long.
const SIGNS_IN_WITHIN: u32 = 3_600;

/// A page that the browser is led to says what was done there. Only that page, and only to that browser: it keeps a cookie
/// with the digest of the address, so that a link of somebody else has the console say nothing.
#[derive(Debug, Clone)]
pub(super) struct Told {
    address: String,
    seconds: u32,
}

impl Told {
    pub(super) fn cookie(&self, site: &Site) -> Option<HeaderValue> {
        Kept::Told.keep(site, &digest_hex(self.address.as_bytes()), self.seconds)
    }

    /// Whether this browser was led to that address by us.
    pub(super) fn is_of(headers: &HeaderMap, site: &Site, address: &str) -> bool {
        let kept = kept(headers, site, Kept::Told).ok().flatten();
        kept.is_some_and(|kept| kept.expose() == digest_hex(address.as_bytes()))
    }
}

/// Leads on to a page that says what was done.
pub(super) fn telling(address: String) -> Response {
    let mut response = to(&address);
    response.extensions_mut().insert(Told { address, seconds: SEEN_WITHIN });
    response
}

/// What an address says was done.
pub(super) fn said_in(address: &str) -> Option<Saying> {
    let (_, query) = address.split_once('?')?;
    let said = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == Said::NAME);
    said.and_then(|(_, word)| Saying::of(&word))
}

/// An address without what it says was done: that is said once.
fn without_said(address: &str) -> String {
    let Some((path, query)) = address.split_once('?') else { return address.to_owned() };
    let is_said = |pair: &&str| pair.split('=').next() == Some(Said::NAME);
    let rest: Vec<&str> = query.split('&').filter(|pair| !is_said(pair)).collect();
    if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) }
}

/// How a page is asked for, whoever asks.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub(crate) theme: Option<Theme>,
    /// The path and the query; of what answers a form, those of the page that has the form.
    pub(crate) address: String,
    /// What was done before.
    pub(crate) said: Option<Saying>,
    /// The scheme, host and port that the server was reached by.
    pub(crate) site: Option<String>,
}

impl Look {
    pub(super) fn of(headers: &HeaderMap, uri: &Uri, site: &Site) -> Self {
        let address = uri.path_and_query().map_or("/", |all| all.as_str());
        let said = said_in(address).filter(|_| Told::is_of(headers, site, address));
        Self { theme: Theme::kept(headers), address: without_said(address), said, site: site.own(headers) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Look
where
    Parts: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(head: &mut Head, state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&head.headers, &head.uri, &Parts::from_ref(state).door.site))
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
