//! Keyreeve over HTTP.
//!
//! - [`Server`] answers until it is told to stop, and then finishes what it has begun;
//! - `connections` takes connections and ends them, `crowd` knows which there are, `limits` holds them and their requests to what one caller may take
//!   up, `headers` has what every answer says to browsers, [`Tls`] encrypts;
//! - `auth` finds out who asks, by a bearer token (RFC 6750 section 2.1) or the cookie of a session, and holds them to
//!   their rights; [`Door`] is the way in for people;
//! - `conditions` knows versions of things: `ETag`, `If-Match`;
//! - `once` sees to it that a request with an `Idempotency-Key` is done once;
//! - `console` has the pages for people, `/`;
//! - `rest` has `/api/v1`, `probes` says whether this process lives and is ready;
//! - `trust` says by which certificates the other end of a call is known;
//! - [`Metrics`] shows what is measured;
//! - `refusals` has those in the audit log who hold a token and were refused;
//! - `problem` is the one form of a refusal (RFC 9457), `request` gives each request its id and its line in the log;
//! - [`Client`] asks a server, for the command line;
//! - [`notify`] tells people outside what they must know, and [`audit_export`] sends the audit log elsewhere;
//! - `one_time` is the page where the bearer of a one-time secret sees a password, once;
//! - [`scim`] has SCIM 2.0 (RFC 7643, RFC 7644) as far as it does not depend on who asks and where the answer is kept;
//!   `scim_http` has the rest of it, `/scim/v2`.

// Futures that wait for futures: an optimised build looks deeper into them than 128.
// Whoever waits for a future holds it on the stack, and a thread has 2 MiB: what is large goes into a box.
#![warn(clippy::large_futures)]
#![recursion_limit = "256"]

pub mod audit_export;
mod auth;
mod body;
mod client;
mod conditions;
mod connections;
mod console;
mod crowd;
mod discoveries;
mod door;
mod egress;
mod headers;
mod limits;
mod meant;
mod metrics;
pub mod notify;
mod once;
mod one_time;
mod parts;
mod probes;
mod problem;
mod readiness;
mod refusals;
mod request;
mod rest;
mod run;
pub mod scim;
mod scim_http;
mod slow;
mod tls;
mod trust;

pub use client::{Answered, Client, ClientError, Pieces, Refused, Sent, Verb};
pub use discoveries::Discoveries;
pub use door::{Door, GrantedRole, Provider, ProviderError, ProviderSettings, Site};
pub use limits::Limits;
pub use metrics::{MeasuresAlready, Metrics};
pub use parts::Parts;
pub use readiness::{Readiness, Standing, readiness};
pub use rest::openapi;
pub use run::Server;
pub use tls::{Tls, TlsError};
