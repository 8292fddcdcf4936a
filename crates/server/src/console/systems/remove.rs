//! `/systems/{system_id}/remove`

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::rights::Right;
use keyreeve_model::{System, SystemId};
use serde::Deserialize;

use super::{frame_below, in_use, within};
use crate::body::InPath;
use crate::conditions::version;
use crate::console::form::{Dangerous, Sent, Wrong, reasoned, status_of};
use crate::console::page::{Frame, Said, shown_as};
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "console/systems/remove.html")]
struct RemovePage {
    frame: Frame,
    name: String,
    wrong: Option<String>,
    dangerous: Dangerous,
}

/// What the form sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Removal {
    seen: String,
    reason: String,
    confirm: String,
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
) -> Result<Response, Problem> {
    visitor.require(Right::Administer, &system_id)?;
    let system = parts.store.get_system(&system_id).await?;
    in_use(&system)?;
    asked(&visitor, &system, String::new(), None)
}

pub(super) async fn remove(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    Sent(Removal { seen, reason, confirm }): Sent<Removal>,
) -> Result<Response, Problem> {
    visitor.require(Right::Administer, &system_id)?;
    let system = parts.store.get_system(&system_id).await?;
    let why = match Dangerous::typed(&confirm, system_id.as_str()).and_then(|()| reasoned(&reason)) {
        Ok(why) => why.map(str::to_owned),
        Err(wrong) => return asked(&visitor, &system, reason, Some(wrong)),
    };
    let is_seen = |there: &System| version(there).is_ok_and(|version| version == seen);
    match parts.desk.remove_system(&visitor.actor, &system_id, is_seen, why.as_deref()).await {
        Ok(_) => Ok(Said::Removed.to("/systems")),
        Err(error) => asked(&visitor, &system, reason, Some(Wrong::of(error.into())?)),
    }
}

fn asked(
    visitor: &Visitor,
    system: &System,
    reason: String,
    wrong: Option<Wrong>,
) -> Result<Response, Problem> {
    let status = status_of(wrong.as_ref());
    let (beside, whole) = Wrong::parted(wrong);
    let frame = frame_below(visitor, system, "Remove");
    let dangerous = Dangerous {
        action: within(&system.system_id, "remove"),
        title: "What follows from it",
        consequences: vec![
            "Its credentials are wiped, and nothing is imported or changed through it any more.".to_owned(),
            "Jobs that wait for approval or have not begun are cancelled; one that is under way ends, and needs somebody who looks at AWS. Its drift is held up to nobody any more.".to_owned(),
            "What was known of it stays readable, and so does the audit log.".to_owned(),
            format!("Its System ID, {}, stays taken for good.", system.system_id),
            "Nothing is changed in AWS: the accounts, and the user or role that it signed in as, stay as they are.".to_owned(),
        ],
        confirm: system.system_id.to_string(),
        button: "Remove the system",
        hidden: vec![("seen", version(system)?)],
        reason,
        wrong: beside,
    };
    Ok(shown_as(status, &RemovePage { frame, name: system.name.to_string(), wrong: whole, dangerous }))
}
