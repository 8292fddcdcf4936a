//! `/api/v1`: what is known, and what may be asked for, as JSON.
//!
//! Each file has one noun: its address, what may be asked of it, and its answers. The description of all of them,
//! OpenAPI 3.1, is made from the same code ([`openapi`]).

mod accounts;
mod assignments;
mod audit;
mod changes;
mod description;
mod differences;
mod drift;
mod events;
mod exports;
mod fields;
mod import_profiles;
mod import_runs;
mod jobs;
mod keys;
mod listening;
mod mappings;
mod moment;
mod numbered;
mod organization;
mod paging;
mod passwords;
mod people;
mod policy;
mod progress;
mod protections;
mod queries;
mod reason;
mod registering;
mod resources;
mod secrets;
mod sessions;
mod systems;
mod tokens;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use keyreeve_engine::export::What;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::description::{WaysIn, close_wishes, join_mappings, name_operations, open_entries};
use self::progress::RunProgress;
use self::queries::Queries;
use crate::parts::Parts;
use crate::problem::Said;
pub(crate) use changes::{NewJob, asked};
pub(crate) use listening::Listening;
pub(crate) use moment::as_of;
pub(crate) use paging::{MOST as MOST_ITEMS, Mark, Page, Paging};
pub(crate) use resources::not_there;
pub(crate) use sessions::{keeping, too_often};
pub(crate) use systems::Order as SystemOrder;

/// Where it begins.
pub(crate) const PREFIX: &str = "/api/v1";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Keyreeve",
        description = "Governs who can sign in to AWS with IAM users. Every answer that is no success is a problem of \
                       RFC 9457 with a stable `code`. Lists come in pages: `next` of one page is `cursor` of the next.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/api/v1")),
    components(schemas(Said, What, RunProgress)),
    security(("token" = []), ("session" = [])),
    modifiers(&WaysIn)
)]
struct Description;

/// The addresses, with their description beside them. What their queries may have is what the description says.
pub(crate) fn served(parts: &Parts) -> Router<Parts> {
    let (api, openapi) = router();
    let queries = Queries::of(&openapi);
    let described = get(move || {
        let openapi = openapi.clone();
        async move { axum::Json(openapi) }
    });
    let held = from_fn_with_state((queries, parts.clone()), queries::held);
    api.route("/openapi.json", described).route_layer(held)
}

/// The addresses, and their description.
fn router() -> (Router<Parts>, utoipa::openapi::OpenApi) {
    let (router, mut openapi) = OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(systems::list, registering::register))
        .routes(routes!(registering::set_credential))
        .routes(routes!(systems::get, systems::change, systems::remove))
        .routes(routes!(systems::check))
        .routes(routes!(systems::release))
        .routes(routes!(keys::rotate))
        .routes(routes!(policy::get))
        .routes(routes!(organization::discover))
        .routes(routes!(mappings::list))
        .routes(routes!(mappings::get, mappings::set, mappings::reset))
        .routes(routes!(mappings::attempt))
        .routes(routes!(accounts::list))
        .routes(routes!(accounts::get))
        .routes(routes!(accounts::documents))
        .routes(routes!(exports::get))
        .routes(routes!(exports::audit))
        .routes(routes!(resources::list))
        .routes(routes!(resources::documents))
        .routes(routes!(assignments::list))
        .routes(routes!(assignments::everywhere))
        .routes(routes!(import_runs::list, import_runs::begin))
        .routes(routes!(import_runs::get))
        .routes(routes!(import_runs::changes))
        .routes(routes!(differences::list))
        .routes(routes!(drift::list))
        .routes(routes!(drift::accept))
        .routes(routes!(import_profiles::list))
        .routes(routes!(import_profiles::schedules))
        .routes(routes!(import_profiles::get, import_profiles::set, import_profiles::remove))
        .routes(routes!(jobs::list, changes::ask))
        .routes(routes!(jobs::get))
        .routes(routes!(changes::plan))
        .routes(routes!(changes::approve))
        .routes(routes!(changes::reject))
        .routes(routes!(changes::cancel))
        .routes(routes!(changes::dismiss))
        .routes(routes!(changes::retry))
        .routes(routes!(changes::plan_again))
        .routes(routes!(events::of_job))
        .routes(routes!(events::of_run))
        .routes(routes!(import_runs::accept))
        .routes(routes!(import_runs::reject))
        .routes(routes!(protections::list, protections::add, protections::remove))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(people::list, people::add))
        .routes(routes!(people::remove))
        .routes(routes!(people::set_role))
        .routes(routes!(people::set_password))
        .routes(routes!(people::set_access))
        .routes(routes!(passwords::reveal))
        .routes(routes!(sessions::who, sessions::sign_in, sessions::sign_out))
        .routes(routes!(sessions::change_password))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::end))
        .routes(routes!(audit::list))
        .routes(routes!(audit::verify))
        .split_for_parts();
    close_wishes(&mut openapi);
    open_entries(&mut openapi);
    join_mappings(&mut openapi);
    name_operations(&mut openapi);
    (router, openapi)
}

/// The description of `/api/v1`, OpenAPI 3.1.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    router().1
}
