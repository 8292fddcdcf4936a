//! What a change would take, and asking for exactly that: the plan is shown first, with the digest of what was seen in its
//! form, and nothing else is applied. `/systems/{system_id}/changes` takes that form.

mod apply;
mod handed;

pub(super) use handed::{handed, sent_before};

use std::collections::BTreeMap;

use askama::Template;
use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use keyreeve_engine::desk::DeskError;
use keyreeve_engine::plan::{Plan, TaskPlan};
use keyreeve_engine::rights::Right;
use keyreeve_model::{ResourceName, System, SystemId, Wish, leaves_a_way_in};
use serde::{Deserialize, Serialize};

use super::approvers::approvers;
use super::form::{Dangerous, Field, Wrong, status_of};
use super::numbers::counted;
use super::page::{Frame, shown_as};
use super::parts::Link;
use super::plan::ShownPlan;
use super::states::name_of;
use super::systems;
use super::visitor::{Visitor, to};
use crate::body::InPath;
use crate::meant::Meant;
use crate::parts::Parts;
use crate::problem::Problem;

/// Where what is asked for is sent to.
pub(super) fn router() -> Router<Parts> {
    // Who loads a page anew that a plan was sent to comes to what became of it.
    Router::new().route("/systems/{system_id}/changes", post(apply::apply).get(asked_for))
}

async fn asked_for(visitor: Visitor, InPath(system_id): InPath<SystemId>) -> Result<Response, Problem> {
    visitor.require(Right::Read, &system_id)?;
    Ok(to(&systems::within(&system_id, "jobs")))
}

/// So many of those who lose something are named.
const NAMED: usize = 20;

/// Changes that somebody thinks of.
pub(super) struct Change {
    wishes: Vec<Wish>,
    /// The page that they began from, and that shows what became of it.
    next: String,
    /// Tells one asking from another, so that a form which is sent twice is done once.
    once: String,
    /// Who they are about, where that is known.
    meant: Meant,
    /// Why they are asked for, once somebody has said so.
    reason: String,
    /// The form that they were filled in at, if there is one.
    form: Option<FilledIn>,
}

/// A form as it was filled in: whoever sees the plan of it can go back to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FilledIn {
    /// Where it is sent to.
    action: String,
    fields: Vec<(String, String)>,
}

impl FilledIn {
    /// The name of what tells a form that is to be filled in once more from one that asks for a plan.
    pub(super) const AGAIN: &str = "again";

    pub(super) fn new(action: String, fields: Vec<(String, String)>) -> Self {
        Self { action, fields }
    }
}

impl Change {
    pub(super) fn new(wishes: Vec<Wish>, next: String) -> Self {
        Self {
            wishes,
            next,
            once: uuid::Uuid::now_v7().to_string(),
            meant: Meant::default(),
            reason: String::new(),
            form: None,
        }
    }

    /// About exactly those, whoever has their names by then.
    pub(super) fn about(self, meant: Meant) -> Self {
        Self { meant, ..self }
    }

    /// Filled in at a form.
    pub(super) fn at(self, form: FilledIn) -> Self {
        Self { form: Some(form), ..self }
    }
}

/// What must be typed before it is done; `None` where it can simply be undone. What somebody does who is let in again by
/// mistake is not.
pub(super) fn to_type(wishes: &[Wish], meant: &Meant, system: &SystemId) -> Option<String> {
    let is_grave = |wish: &&Wish| {
        matches!(
            wish,
            Wish::DeleteAccount { .. }
                | Wish::DeactivateAccount { .. }
                | Wish::ReactivateAccount { .. }
                | Wish::ResetPassword { .. }
        ) || lifts_limit(wish)
    };
    if let Some(first) = wishes.iter().find(is_grave) {
        return match wishes {
            [_] => first.account().map(|given| meant.called(given).to_owned()),
            _ => Some(system.to_string()),
        };
    }
    // Many are not put back as easily as one.
    match removals(wishes).as_slice() {
        [] | [_] => None,
        [(_, first), others @ ..] if others.iter().all(|(_, other)| other == first) => {
            Some(name_of(first).to_owned())
        }
        _ => Some(system.to_string()),
    }
}

/// Whether what others give an account holds whole from then on.
fn lifts_limit(wish: &Wish) -> bool {
    matches!(wish, Wish::UpdateAccount { boundary: Some(boundary), .. } if boundary == "none")
}

/// Who loses what.
fn removals(wishes: &[Wish]) -> Vec<(&str, &ResourceName)> {
    let removals = wishes.iter().filter_map(|wish| match wish {
        Wish::RemoveAssignment { account, resource } => Some((account.as_str(), resource)),
        _ => None,
    });
    removals.collect()
}

/// The form that asks for exactly what is shown.
enum Ask {
    Simple { action: String, hidden: Vec<(&'static str, String)>, reason: Box<Field>, button: &'static str },
    Dangerous(Box<Dangerous>),
}

#[derive(Template)]
#[template(path = "console/plan.html")]
struct PlanPage {
    frame: Frame,
    title: &'static str,
    wrong: Option<String>,
    plan: ShownPlan,
    ask: Option<Ask>,
    /// Why it cannot be asked for.
    refused: Option<&'static str>,
    /// What the button is called, where it cannot be pressed too.
    button: &'static str,
    /// The form that it was filled in at.
    form: Option<FilledIn>,
    back: String,
}

/// The page of the plan of what is thought of.
pub(super) async fn planned(
    visitor: &Visitor,
    parts: &Parts,
    system: &System,
    mut change: Change,
    wrong: Option<Wrong>,
) -> Result<Response, Problem> {
    let (desk, actor, id) = (parts.desk.clone(), visitor.actor.clone(), system.system_id.clone());
    let wishes = change.wishes.clone();
    let work = move || async move {
        let case = desk.open(&actor, &id).await?;
        Ok::<_, DeskError>(case.with_undeliverable(case.plan(&wishes).await?))
    };
    let plan = parts.planning.run(work).await??;
    if let Some(why) = change.meant.another(&plan) {
        return Err(Problem::new(StatusCode::CONFLICT, "identity_changed", why));
    }
    change.meant = change.meant.called_as_in(&plan);
    let by = match plan.approval_because.is_empty() {
        true => None,
        false => Some(approvers(parts, &system.system_id, visitor.actor.name()).await?),
    };
    answer(visitor, system, (&change, &plan, by), wrong)
}

fn answer(
    visitor: &Visitor,
    system: &System,
    (change, plan, by): (&Change, &Plan, Option<String>),
    wrong: Option<Wrong>,
) -> Result<Response, Problem> {
    let status = status_of(wrong.as_ref());
    let idle = plan.tasks.iter().all(|task| task.steps.is_empty());
    let refused = match (plan.is_possible(), idle) {
        (false, _) => Some(
            "Something stands in the way, as said above. Nothing can be asked for before that is settled.",
        ),
        (true, true) => Some("There is nothing to do: all is as it is wished already."),
        (true, false) => None,
    };
    let mut frame = systems::frame_below(visitor, system, "Plan");
    frame.above.push(Link::new(change.next.clone(), "Where it began"));
    // A choice of the theme leads back by `GET`.
    frame.address.clone_from(&change.next);
    let (beside, whole) = Wrong::parted(wrong);
    let page = PlanPage {
        frame,
        title: "Plan",
        wrong: whole,
        plan: ShownPlan::of(plan).approved_by(by),
        button: button(plan),
        ask: match refused {
            Some(_) => None,
            None => Some(ask(system, change, plan, beside)?),
        },
        refused,
        form: change.form.clone(),
        back: change.next.clone(),
    };
    Ok(shown_as(status, &page))
}

fn button(plan: &Plan) -> &'static str {
    if plan.approval_because.is_empty() { "Apply this plan" } else { "Ask for approval" }
}

fn ask(system: &System, change: &Change, plan: &Plan, wrong: Option<Wrong>) -> Result<Ask, Problem> {
    let unwritable = |error: serde_json::Error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "not_written_down", error.to_string())
    };
    let hidden = vec![
        ("wishes", serde_json::to_string(&change.wishes).map_err(unwritable)?),
        ("seen", plan.sha256().map_err(unwritable)?),
        ("meant", serde_json::to_string(&change.meant).map_err(unwritable)?),
        ("once", change.once.clone()),
        ("next", change.next.clone()),
        ("form", change.form.as_ref().map_or(Ok(String::new()), serde_json::to_string).map_err(unwritable)?),
    ];
    let action = systems::within(&system.system_id, "changes");
    let button = button(plan);
    Ok(match to_type(&change.wishes, &change.meant, &system.system_id) {
        None => {
            let reason = Field::reason("reason", "Reason").value(&change.reason).unless(wrong.as_ref());
            Ask::Simple { action, hidden, reason: Box::new(reason), button }
        }
        Some(confirm) => Ask::Dangerous(Box::new(Dangerous {
            action,
            title: "What follows from it",
            consequences: consequences(plan, change),
            confirm,
            button,
            hidden,
            reason: change.reason.clone(),
            wrong,
        })),
    })
}

fn consequences(plan: &Plan, change: &Change) -> Vec<String> {
    let calls: usize = plan.tasks.iter().map(|task| task.steps.len()).sum();
    let of_task = |task: &TaskPlan| match &task.wish {
        Wish::DeleteAccount { .. } => Some(format!(
            "{} is deleted for good: an account of the same name would be another one.",
            task.account
        )),
        Wish::DeactivateAccount { .. } if leaves_a_way_in(task.kind, &task.notices).is_some() => {
            Some(format!(
                "{0} can no longer sign in to the console. What else lets {0} in may go on working.",
                task.account
            ))
        }
        Wish::DeactivateAccount { .. } => Some(format!(
            "{} can no longer come in. A reactivation gives back the keys that are switched off now, and a new password.",
            task.account
        )),
        Wish::ReactivateAccount { .. } => Some(format!(
            "{} can come in again: with a new password, and with the keys that the deactivation switched off.",
            task.account
        )),
        Wish::ResetPassword { .. } => Some(format!(
            "The password that {} has now lets nobody in any more, and a one-time secret that was given out before opens nothing.",
            task.account
        )),
        wish if lifts_limit(wish) => Some(format!(
            "Nothing limits {} any more: all that its groups and policies give holds whole.",
            task.account
        )),
        _ => None,
    };
    let mut said: Vec<String> = plan.tasks.iter().filter_map(of_task).collect();
    said.extend(losses(change));
    let calls = counted(calls, "AWS call is made", "AWS calls are made");
    said.push(format!("{calls}, in the order above, and no others."));
    said
}

/// Who loses what by a removal of several.
fn losses(change: &Change) -> Vec<String> {
    let removals = removals(&change.wishes);
    if removals.len() < 2 {
        return Vec::new();
    }
    let mut of: BTreeMap<&ResourceName, Vec<&str>> = BTreeMap::new();
    for (account, resource) in removals {
        of.entry(resource).or_default().push(change.meant.called(account));
    }
    let said = |(resource, accounts): (&ResourceName, Vec<&str>)| {
        let number = counted(accounts.len(), "account", "accounts");
        let mut named = accounts.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        if accounts.len() > NAMED {
            named.push_str(", and more");
        }
        let what = match resource {
            ResourceName::Group(group) => format!("leave group {group}, and lose what the group gives"),
            ResourceName::Policy(_) => format!("lose policy {}, and what it allows", name_of(resource)),
        };
        format!("{number} {what}, unless they have it in another way: {named}.")
    };
    let mut said: Vec<String> = of.into_iter().map(said).collect();
    said.push("Nothing puts them back by itself: each is added again one by one.".to_owned());
    said
}
