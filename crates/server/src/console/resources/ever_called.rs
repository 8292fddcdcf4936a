//! Groups and policies by a name, which they have or had before: whoever kept an address with a name is led on, or told what
//! it is called now.

use askama::Template;
use axum::response::Response;
use keyreeve_model::{ExternalId, Resource, System};
use keyreeve_store::{AsOf, LastKnown};

use super::{called, of};
use crate::console::accounts::at_moment;
use crate::console::page::{Frame, shown};
use crate::console::parts::Link;
use crate::console::systems;
use crate::console::visitor::{Visitor, to};
use crate::parts::Parts;
use crate::problem::Problem;
use crate::rest::not_there;

#[derive(Template)]
#[template(path = "console/resources/ever_called.html")]
struct EverCalledPage {
    frame: Frame,
    /// The name that is asked for.
    name: String,
    /// Whether nothing is called so any more.
    renamed: bool,
    /// What is or was called so, with what is said before and after its name.
    found: Vec<(String, Link, &'static str)>,
}

/// What is called so, or was at some time.
///
/// # Errors
/// Nothing was ever called so.
pub(super) async fn page(
    visitor: &Visitor,
    parts: &Parts,
    (system, as_of): (&System, Option<&str>),
    asked: &ExternalId,
) -> Result<Response, Problem> {
    let name = asked.as_str();
    let found = parts.store.resources_ever_called(&system.system_id, name).await?;
    let page_of = |one: &Resource| at_moment(of(&system.system_id, &one.external_id), as_of);
    match found.as_slice() {
        [] => return Err(not_there(&system.system_id, asked, AsOf::Now)),
        [(_, LastKnown { object, gone: None })] if is_called(object, name) => {
            return Ok(to(&page_of(object)));
        }
        _ => {}
    }
    let others = found.iter().any(|(_, one)| one.gone.is_none() && !is_called(&one.object, name));
    let said = |(had, LastKnown { object, gone }): &(String, LastKnown<Resource>)| {
        let kind = called(object.kind);
        let (before, after) = match (gone.is_some(), is_called(object, name)) {
            (false, true) if others => (format!("Another {} is called", kind.to_lowercase()), "now."),
            (false, true) => (kind.to_owned(), "is called so now."),
            (false, false) => (format!("{kind} {had} is called"), "now."),
            (true, true) => (kind.to_owned(), "is no longer in AWS."),
            (true, false) => (format!("{kind} {had} was called"), "last, and is no longer in AWS."),
        };
        (before, Link::new(page_of(object), object.name.clone()), after)
    };
    let mut frame = systems::frame_below(visitor, system, name);
    let list = at_moment(systems::within(&system.system_id, "resources"), as_of);
    frame.above.push(Link::new(list, "Resources"));
    let page = EverCalledPage {
        frame,
        name: name.to_owned(),
        renamed: !found.iter().any(|(_, one)| is_called(&one.object, name)),
        found: found.iter().map(said).collect(),
    };
    Ok(shown(&page))
}

fn is_called(resource: &Resource, name: &str) -> bool {
    resource.name.eq_ignore_ascii_case(name)
}
