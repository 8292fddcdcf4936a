//! `/systems/{system_id}/mappings/{mapping}/reset`: back to the default, once the name was typed.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::rights::Right;
use keyreeve_model::{MappingName, System, SystemId, TaskMapping};
use keyreeve_store::StoredMapping;
use serde::Deserialize;

use super::mappings::{frame_of, of};
use crate::body::InPath;
use crate::conditions::version;
use crate::console::form::{Dangerous, Sent, Wrong, reasoned, status_of};
use crate::console::page::{Frame, Said, shown_as};
use crate::console::parts::Link;
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "console/systems/mapping_reset.html")]
struct ResetPage {
    frame: Frame,
    name: String,
    wrong: Option<String>,
    dangerous: Dangerous,
}

/// What the form sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reset {
    seen: String,
    reason: String,
    confirm: String,
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath((system_id, name)): InPath<(SystemId, MappingName)>,
) -> Result<Response, Problem> {
    visitor.require(Right::Administer, &system_id)?;
    let system = parts.store.get_system(&system_id).await?;
    let there = parts.store.task_mapping(&system_id, name).await?;
    asked(&visitor, (&system, &there), String::new(), None)
}

pub(super) async fn reset(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath((system_id, name)): InPath<(SystemId, MappingName)>,
    Sent(Reset { seen, reason, confirm }): Sent<Reset>,
) -> Result<Response, Problem> {
    visitor.require(Right::Administer, &system_id)?;
    let wrong = match Dangerous::typed(&confirm, name.as_str()).and_then(|()| reasoned(&reason)) {
        Ok(why) => {
            let is_seen = |there: &TaskMapping| version(there).is_ok_and(|version| version == seen);
            match parts.desk.reset_mapping(&visitor.actor, &system_id, name, is_seen, why).await {
                Ok(()) => return Ok(Said::MappingReset.to(&of(&system_id, name))),
                Err(error) => Wrong::of(error.into())?,
            }
        }
        Err(wrong) => wrong,
    };
    let system = parts.store.get_system(&system_id).await?;
    let there = parts.store.task_mapping(&system_id, name).await?;
    asked(&visitor, (&system, &there), reason, Some(wrong))
}

fn asked(
    visitor: &Visitor,
    (system, there): (&System, &StoredMapping),
    reason: String,
    wrong: Option<Wrong>,
) -> Result<Response, Problem> {
    let status = status_of(wrong.as_ref());
    let (beside, whole) = Wrong::parted(wrong);
    let name = there.mapping.name;
    let address = of(&system.system_id, name);
    let mut frame = frame_of(visitor, system, name, &address);
    frame.title = format!("Back to the default · {}", frame.title);
    frame.above.push(Link::new(address.clone(), name.to_string()));
    let lost = match &there.set {
        Some((by, _)) => format!(
            "What {by} set, its values and its custom actions, is lost here; the audit log keeps that it was set."
        ),
        None => "It is the default already: nothing becomes another.".to_owned(),
    };
    let dangerous = Dangerous {
        action: format!("{address}/reset"),
        title: "What follows from it",
        consequences: vec![lost, "From now on changes are planned by the default.".to_owned()],
        confirm: name.to_string(),
        button: "Back to the default",
        hidden: vec![("seen", version(&there.mapping)?)],
        reason,
        wrong: beside,
    };
    Ok(shown_as(status, &ResetPage { frame, name: name.to_string(), wrong: whole, dangerous }))
}
