//! `/scim/v2/{system}`: SCIM 2.0 in front of one system's IAM users, groups and policies.
//!
//! What a request says and how a resource is shown is worked out by [`crate::scim`], which does no I/O. Here is the rest:
//! `asked` finds out who asks for what, `known` reads what is known from the store, with what we changed and no import
//! has seen laid over it, `shape` makes resources of it, `lists` and `one` answer. `wishes` says what a change takes, and `write` has it done.

mod answer;
mod asked;
mod discovery;
mod known;
mod lists;
mod one;
mod shape;
mod wishes;
mod write;

use axum::routing::{self, get, post};
use axum::{Extension, Router};

use crate::parts::Parts;
use crate::scim::{Cause, Error};
pub(crate) use answer::Refusal;
pub(crate) use asked::OverTls;

/// Where it begins.
pub(crate) const ROOT: &str = "/scim/v2/";

/// Where a system's part begins.
pub(crate) const PREFIX: &str = "/scim/v2/{system}";

/// The addresses.
pub(crate) fn router() -> Router<Parts> {
    // What is nested ends without a slash; the root of a system may be asked for with one.
    Router::new()
        .route(&format!("{PREFIX}/"), get(lists::all))
        .nest(PREFIX, of_system())
        .layer(Extension(write::Turns::default()))
}

fn of_system() -> Router<Parts> {
    Router::new()
        .route("/", get(lists::all))
        .route("/.search", post(lists::search_all))
        .route("/ServiceProviderConfig", get(discovery::service_provider_config))
        .route("/ResourceTypes", get(discovery::resource_types))
        .route("/ResourceTypes/{name}", get(discovery::resource_type))
        .route("/Schemas", get(discovery::schemas))
        .route("/Schemas/{id}", get(discovery::schema))
        .route("/Me", routing::any(discovery::me))
        .route("/Bulk", post(write::bulk))
        .route("/{type}", get(lists::of_type).post(write::post))
        .route("/{type}/.search", post(lists::search_type))
        .route("/{type}/{id}", get(one::get).put(write::put).patch(write::patch).delete(write::delete))
        .fallback(nothing)
        .method_not_allowed_fallback(not_allowed)
}

async fn nothing() -> Refusal {
    Error::new(Cause::NotFound, "there is nothing at this address").into()
}

async fn not_allowed() -> Refusal {
    Error::new(Cause::MethodNotAllowed, "this address does not take that method").into()
}
