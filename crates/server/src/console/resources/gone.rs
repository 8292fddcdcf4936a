//! A group or policy that is not there any more, or was not at the moment that is asked for.

use askama::Template;
use axum::response::Response;
use keyreeve_model::{Resource, System};
use keyreeve_store::LastKnown;

use super::{called, of};
use crate::console::accounts::at_moment;
use crate::console::imports;
use crate::console::page::{Frame, shown};
use crate::console::parts::{Cell, Facts, Link};
use crate::console::systems;
use crate::console::time::Time;
use crate::console::visitor::Visitor;

#[derive(Template)]
#[template(path = "console/resources/gone.html")]
struct GonePage {
    frame: Frame,
    name: String,
    called: &'static str,
    /// The moment that is asked for, at which it was not there.
    then: Option<String>,
    gone: bool,
    facts: Facts,
    links: Vec<Link>,
}

/// The page of a group or policy that is known of another moment than the one asked for.
pub(super) fn page(
    visitor: &Visitor,
    (system, as_of): (&System, Option<&str>),
    LastKnown { object: resource, gone }: LastKnown<Resource>,
) -> Response {
    let own = of(&system.system_id, &resource.external_id);
    let run = |run| Cell::link(imports::of(run), format!("Run {run}"));
    let mut links = Vec::new();
    let mut facts = vec![
        ("Path", Cell::Code(resource.path.clone())),
        ("ARN", Cell::Code(resource.arn.clone())),
        ("Id", Cell::Code(resource.external_id.to_string())),
        ("First seen", run(resource.first_seen_run)),
    ];
    match gone {
        None => links.push(Link::new(own, "As it is now")),
        Some(gone) => {
            if let Some(last) = gone.last_run {
                facts.push(("Last seen", run(last)));
                let text = format!("As it was last, and who held it then, as of run {last}");
                links.push(Link::new(at_moment(own, Some(&format!("run:{last}"))), text));
            }
            facts.push(("Gone since", gone.published_at.map_or(Cell::None, |at| Cell::Time(Time::at(at)))));
            facts.push(("Seen to be gone by", run(gone.run)));
            facts.push((
                "Deleted by",
                Cell::text("no job of ours: groups and policies are deleted elsewhere"),
            ));
        }
    }
    let mut frame = systems::frame_below(visitor, system, &resource.name);
    frame
        .above
        .push(Link::new(at_moment(systems::within(&system.system_id, "resources"), as_of), "Resources"));
    shown(&GonePage {
        frame,
        name: resource.name.clone(),
        called: called(resource.kind),
        then: as_of.map(str::to_owned),
        gone: gone.is_some(),
        facts: Facts { facts },
        links,
    })
}
