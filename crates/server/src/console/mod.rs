//! The console: `/` and what is below it, for people who would rather look than read.
//!
//! A page is a struct with a template (`templates/console/`) that has a [`page::Frame`] and, in it, components: what looks
//! alike is made in one place. It is written by a handler that takes a [`visitor::Visitor`], asks the desk and the store as
//! the addresses of REST do, with the same rights, and answers with [`page::shown`] or with a `Problem`, which becomes a page
//! too ([`problems`]).
//!
//! - `visitor` knows who looks, `page` has the frame, the navigation, and what a page says to browsers, `problems` is what is
//!   seen when something is refused, `assets` has style, script and icon;
//! - components: `table` (lists), `form` (what is sent, fields, what is wrong with them, dangerous things), `parts` (links,
//!   badges, cells, facts, tabs, text to be copied, empty places), `states` (what states and kinds are called), `plan` (which
//!   calls a change takes), `time`, `moment` (as of when), `numbers`, `chart`, `days` (charts of what systems become), `document` (what policies say, and what is different about it), `keys` (how old
//!   access keys are), `approvers` (who may approve something);
//! - `text` is how text is escaped, everywhere; `address` makes links of segments;
//! - pages: `sign_in`, `own` (one's own sign-in), `home`, `held` (who holds something, in all systems), `systems`, `accounts`, `resources`, `drift`, `imports`, `jobs`, `audit`, `settings`; `changes` shows what a change would take and
//!   asks for exactly that.
//!
//! A new page has a file with its handler and its struct, a template that extends `console/frame.html`, and a line in the router
//! of its folder; a place in the navigation is a variant of [`page::Section`], what is said after something was done one of
//! [`page::Said`]. A list declares a [`table::Shape`]. What changes something is a form: the handler takes [`form::Sent`] last,
//! leads on with [`visitor::to`], or shows the page again with a [`form::Wrong`]. What is live has an id and `data-live`.
//!
//! ([Why there is a script of our own and no framework](../../../../docs/decisions/0036-a-console-that-writes-no-markup.md).)

mod accounts;
mod address;
mod approvers;
mod assets;
mod audit;
mod changes;
mod chart;
mod days;
mod document;
mod drift;
mod form;
mod held;
mod home;
mod imports;
mod jobs;
mod keys;
mod moment;
mod named;
mod numbers;
mod own;
mod page;
mod parts;
mod plan;
mod problems;
mod resources;
mod search;
mod settings;
mod sign_in;
mod spoken;
mod states;
mod systems;
mod table;
mod text;
mod time;
mod visitor;

use axum::Router;
use axum::routing::{get, post};

use crate::parts::Parts;

pub(crate) use address::own;
pub(crate) use problems::{as_pages, nothing_here, refused_as_pages};
pub(crate) use text::Shown;

/// The pages, and what they are made of.
pub(crate) fn router() -> Router<Parts> {
    Router::new()
        .route("/", get(home::page))
        .route("/sign-in", get(sign_in::page).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/theme", post(sign_in::theme))
        .route("/search", get(search::page))
        .route("/held", get(held::page))
        .route("/systems/{system_id}/named", get(named::page))
        .merge(own::router())
        .merge(systems::router())
        .merge(accounts::router())
        .merge(changes::router())
        .merge(resources::router())
        .merge(drift::router())
        .merge(imports::router())
        .merge(jobs::router())
        .merge(audit::router())
        .merge(settings::router())
        .merge(assets::router())
}
