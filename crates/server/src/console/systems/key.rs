//! `/systems/{system_id}/rotate-key`: the access key that a system signs in with, replaced. The new secret is on no page.

use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::desk::{DeskError, RotationAsked};
use keyreeve_engine::key_rotation::KeyPlan;
use keyreeve_engine::rights::Right;
use keyreeve_model::{System, SystemId, digest_hex};
use serde::Deserialize;

use super::{frame_below, within};
use crate::auth::Caller;
use crate::body::InPath;
use crate::console::form::{Dangerous, Sent, Wrong, reasoned};
use crate::console::page::Said;
use crate::console::parts::Link;
use crate::console::settings::AskPage;
use crate::console::visitor::Visitor;
use crate::once::{Begun, Once, sent_otherwise, to_its_end};
use crate::parts::Parts;
use crate::problem::Problem;

/// What the form sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotation {
    /// The key that was seen.
    seen: String,
    /// Tells one asking from another, so that a form which is sent twice is done once.
    once: String,
    reason: String,
    confirm: String,
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
) -> Result<Response, Problem> {
    visitor.require(Right::Administer, &system_id)?;
    asked(&visitor, &parts, &system_id, ("", None)).await
}

pub(super) async fn rotate(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    Sent(Rotation { seen, once, reason, confirm }): Sent<Rotation>,
) -> Result<Response, Problem> {
    visitor.require(Right::Administer, &system_id)?;
    let typed = Dangerous::typed(&confirm, system_id.as_str()).and_then(|()| reasoned(&reason));
    let why = match typed {
        Ok(why) => why.map(str::to_owned),
        Err(wrong) => return asked(&visitor, &parts, &system_id, (&reason, Some(wrong))).await,
    };
    let done = Said::KeyRotated.to(&within(&system_id, "connection"));
    let caller = Caller(visitor.actor.clone());
    let place = (&system_id, "POST /systems/{system_id}/rotate-key of the console".to_owned());
    let body = digest_hex(format!("{seen}\n{reason}").as_bytes());
    let claim = match Once::of(&once)?.begin_or_wait(&parts, &caller, place, &body).await? {
        Begun::New(claim) => claim,
        Begun::Done(_) => return Ok(done),
        Begun::Job(_) | Begun::Run(_) => return Err(sent_otherwise()),
    };
    let lease = parts.importer.lease;
    let work = {
        let (parts, claim, system_id) = (parts.clone(), claim.clone(), system_id.clone());
        async move {
            let desk = parts.desk.clone();
            let work = move || async move {
                let asked = RotationAsked { reason: why.as_deref(), lease, request: claim.as_ref() };
                let (system, look) = desk.look_at_key(&caller.0, &system_id, asked).await?;
                if look.plan(&system_id).change.old_key != seen {
                    return Err(DeskError::PlanChanged);
                }
                desk.rotate_key(&caller.0, (&system, &look), asked).await
            };
            parts.planning.run(work).await?
        }
    };
    match to_its_end(&parts, claim, work).await {
        Ok(_) => Ok(done),
        Err(error) => {
            let wrong = Wrong::of(error.into())?;
            asked(&visitor, &parts, &system_id, (&reason, Some(wrong))).await
        }
    }
}

/// What would become of the key, after a look at it.
async fn asked(
    visitor: &Visitor,
    parts: &Parts,
    system_id: &SystemId,
    (reason, wrong): (&str, Option<Wrong>),
) -> Result<Response, Problem> {
    let (desk, actor, id) = (parts.desk.clone(), visitor.actor.clone(), system_id.clone());
    let lease = parts.importer.lease;
    let work = move || async move {
        let asked = RotationAsked { reason: None, lease, request: None };
        let (system, look) = desk.look_at_key(&actor, &id, asked).await?;
        let plan = look.plan(&id);
        Ok::<_, DeskError>((system, plan))
    };
    let (system, plan) = parts.planning.run(work).await??;
    Ok(answer(visitor, &system, &plan, (reason, wrong)))
}

fn answer(
    visitor: &Visitor,
    system: &System,
    plan: &KeyPlan,
    (reason, wrong): (&str, Option<Wrong>),
) -> Response {
    let id = &system.system_id;
    let KeyPlan { change, under_way } = plan;
    let mut frame = frame_below(visitor, system, "Replace the access key");
    frame.above.push(Link::new(within(id, "connection"), "Connection"));
    // A choice of the theme leads back by `GET`.
    frame.address = within(id, "connection");
    let mut consequences = vec![
        format!("A new access key is made for {}, proven, and kept sealed.", change.user),
        format!("The access key {} is switched off, and then deleted.", change.old_key),
        "No import and no job of the system runs meanwhile. It takes some seconds, and minutes where IAM is slow.".to_owned(),
    ];
    if let Some(new) = change.new_key.as_ref().filter(|_| under_way.is_some()) {
        consequences.push(format!("A rotation was begun before and is gone on with: it made the key {new}."));
    }
    if !change.also.is_empty() {
        let also: Vec<String> = change.also.iter().map(ToString::to_string).collect();
        consequences.push(format!(
            "These systems sign in with the same key and change with it: {}.",
            also.join(", ")
        ));
    }
    let dangerous = Dangerous {
        action: within(id, "rotate-key"),
        title: "What follows from it",
        consequences,
        confirm: id.to_string(),
        button: "Replace the access key",
        hidden: vec![("seen", change.old_key.clone()), ("once", uuid::Uuid::now_v7().to_string())],
        reason: reason.to_owned(),
        wrong: None,
    };
    AskPage::answer(frame, format!("Replace the access key of {}", system.name), dangerous, wrong)
}
