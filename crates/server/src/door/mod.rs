//! The way in for people: how the server is reached, what a browser keeps of a session, and what shows that a request
//! comes from a page of ours.
//!
//! A browser sends its cookies along whoever makes it ask. So whatever changes something and is authenticated by a cookie
//! needs a word of the browser that it comes from our own origin ([`Site::own_page`]).

mod cookie;
mod oidc;
mod provider;
mod site;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::FromRequestParts;
use axum::http::request::Parts as Head;
use keyreeve_engine::people::SignIn;

pub use provider::{GrantedRole, Provider, ProviderError, ProviderSettings};
pub use site::Site;

pub(crate) use cookie::{Kept, kept};
pub(crate) use oidc::router;

/// The way in for people. Copies share everything.
#[derive(Debug, Clone)]
pub struct Door {
    /// Where they sign in.
    pub sign_in: SignIn,
    /// How the server is reached.
    pub site: Site,
    /// Who vouches for people besides.
    pub provider: Option<Provider>,
}

/// The other end of the connection: who asks, or a proxy before them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The address at the other end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Address(pub(crate) IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for Address {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(head: &mut Head, _: &S) -> Result<Self, Self::Rejection> {
        let peer = head.extensions.get::<Peer>();
        Ok(Self(peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip())))
    }
}
