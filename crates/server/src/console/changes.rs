//! What a change would take, and asking for exactly that: the plan is shown first, with the digest of what was seen in its
//! form, and nothing else is applied. `/systems/{system_id}/changes` takes that form.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use axum::{Extension, Router};
use keyreeve_engine::desk::{DeskError, fits};
use keyreeve_engine::password::PublicUrl;
use keyreeve_engine::plan::{Plan, PlannedStep, TaskPlan};
use keyreeve_engine::provisioning::Handed;
use keyreeve_engine::rights::Right;
use keyreeve_model::{JobState, ProvisioningJob, StepCall, StepReason, System, SystemId, Wish, digest_hex};
use serde::Deserialize;

use super::accounts::called;
use super::address;
use super::form::{Dangerous, Field, Sent, Wrong, sentence};
use super::page::{Frame, Said, shown, shown_as};
use super::parts::{Badge, Cell, Copied, Empty, Link, Tone};
use super::systems;
use super::table::{Column, Table};
use super::visitor::{Visitor, to};
use crate::auth::Caller;
use crate::body::InPath;
use crate::once::{Begun, Once, reused, to_its_end};
use crate::parts::Parts;
use crate::problem::Problem;
use crate::rest::{NewJob, asked};

/// Where what is asked for is sent to.
pub(super) fn router() -> Router<Parts> {
    Router::new().route("/systems/{system_id}/changes", post(apply))
}

const COLUMNS: [Column; 5] = [
    Column::number("Step"),
    Column::plain("AWS call"),
    Column::plain("What"),
    Column::plain("Why"),
    Column::plain("After steps"),
];

/// Changes that somebody thinks of.
pub(super) struct Change {
    wishes: Vec<Wish>,
    /// The page that they began from, and that shows what became of it.
    next: String,
    /// Tells one asking from another, so that a form which is sent twice is done once.
    once: String,
}

impl Change {
    pub(super) fn new(wishes: Vec<Wish>, next: String) -> Self {
        Self { wishes, next, once: uuid::Uuid::now_v7().to_string() }
    }

    /// What must be typed before it is done; `None` where it can simply be undone.
    fn to_type(&self, system: &System) -> Option<String> {
        let takes_away =
            |wish: &&Wish| matches!(wish, Wish::DeleteAccount { .. } | Wish::DeactivateAccount { .. });
        let first = self.wishes.iter().find(takes_away)?;
        match self.wishes.as_slice() {
            [_] => first.account().map(str::to_owned),
            _ => Some(system.system_id.to_string()),
        }
    }
}

/// What a task would take.
struct Task {
    title: String,
    steps: Table,
    obstacles: Vec<String>,
    notices: Vec<String>,
}

/// The form that asks for exactly what is shown.
enum Ask {
    Simple { action: String, hidden: Vec<(&'static str, String)>, reason: Field, button: &'static str },
    Dangerous(Box<Dangerous>),
}

#[derive(Template)]
#[template(path = "console/plan.html")]
struct PlanPage {
    frame: Frame,
    title: &'static str,
    wrong: Option<String>,
    tasks: Vec<Task>,
    /// Why a second person must approve it.
    approval: Vec<String>,
    ask: Option<Ask>,
    /// Why it cannot be asked for.
    refused: Option<&'static str>,
    back: String,
}

/// The page of the plan of what is thought of.
pub(super) async fn planned(
    visitor: &Visitor,
    parts: &Parts,
    system: &System,
    change: Change,
    wrong: Option<Wrong>,
) -> Result<Response, Problem> {
    let (desk, actor, id) = (parts.desk.clone(), visitor.actor.clone(), system.system_id.clone());
    let wishes = change.wishes.clone();
    let work = move || async move {
        let case = desk.open(&actor, &id).await?;
        Ok::<_, DeskError>(case.with_undeliverable(case.plan(&wishes).await?))
    };
    let plan = parts.planning.run(work).await??;
    answer(visitor, system, &change, &plan, wrong)
}

fn answer(
    visitor: &Visitor,
    system: &System,
    change: &Change,
    plan: &Plan,
    wrong: Option<Wrong>,
) -> Result<Response, Problem> {
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let idle = plan.tasks.iter().all(|task| task.steps.is_empty());
    let refused = match (plan.is_possible(), idle) {
        (false, _) => Some(
            "Something stands in the way, as said above. Nothing can be asked for before that is settled.",
        ),
        (true, true) => Some("There is nothing to do: all is as it is wished already."),
        (true, false) => None,
    };
    let mut frame = systems::frame(visitor, system, "Plan");
    frame.above.push(Link::new(systems::of(&system.system_id), system.name.to_string()));
    frame.above.push(Link::new(change.next.clone(), "Where it began"));
    // A choice of the theme leads back by `GET`.
    frame.address.clone_from(&change.next);
    let (beside, whole) = match wrong {
        Some(wrong) if wrong.field.is_some() => (Some(wrong), None),
        other => (None, other.map(|wrong| wrong.why)),
    };
    let page = PlanPage {
        frame,
        title: "Plan",
        wrong: whole,
        tasks: plan.tasks.iter().map(task).collect(),
        approval: plan.approval_because.iter().map(|why| sentence(why)).collect(),
        ask: match refused {
            Some(_) => None,
            None => Some(ask(system, change, plan, beside)?),
        },
        refused,
        back: change.next.clone(),
    };
    Ok(shown_as(status, &page))
}

fn ask(system: &System, change: &Change, plan: &Plan, wrong: Option<Wrong>) -> Result<Ask, Problem> {
    let unwritable = |error: serde_json::Error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "not_written_down", error.to_string())
    };
    let hidden = vec![
        ("wishes", serde_json::to_string(&change.wishes).map_err(unwritable)?),
        ("seen", plan.seen_sha256().map_err(unwritable)?),
        ("once", change.once.clone()),
        ("next", change.next.clone()),
    ];
    let action = systems::within(&system.system_id, "changes");
    let button = if plan.approval_because.is_empty() { "Apply this plan" } else { "Ask for approval" };
    Ok(match change.to_type(system) {
        None => {
            let reason = Field::line("reason", "Reason").unless(wrong.as_ref());
            Ask::Simple { action, hidden, reason, button }
        }
        Some(confirm) => Ask::Dangerous(Box::new(Dangerous {
            action,
            title: "What follows from it",
            consequences: consequences(plan),
            confirm,
            button,
            hidden,
            wrong,
        })),
    })
}

fn consequences(plan: &Plan) -> Vec<String> {
    let calls: usize = plan.tasks.iter().map(|task| task.steps.len()).sum();
    let of_task = |task: &TaskPlan| match &task.wish {
        Wish::DeleteAccount { .. } => Some(format!(
            "{} is deleted for good: an account of the same name would be another one.",
            task.account
        )),
        Wish::DeactivateAccount { .. } => Some(format!(
            "{} can no longer sign in. A reactivation gives back what is taken now.",
            task.account
        )),
        _ => None,
    };
    let mut said: Vec<String> = plan.tasks.iter().filter_map(of_task).collect();
    said.push(format!("{calls} AWS calls are made, in the order above, and no others."));
    said
}

fn task(planned: &TaskPlan) -> Task {
    let row = |step: &PlannedStep| {
        let after: Vec<String> = step.after.iter().map(ToString::to_string).collect();
        vec![
            Cell::Number(step.seq.into()),
            Cell::Code(step.operation.to_string()),
            Cell::text(about(&step.call)),
            Cell::text(because(step.reason)),
            if after.is_empty() { Cell::None } else { Cell::text(after.join(", ")) },
        ]
    };
    let empty = Empty {
        title: "No AWS call".to_owned(),
        text: "It takes nothing, or something stands in its way.".to_owned(),
        action: None,
    };
    Task {
        title: format!("{}: {}", called(planned.kind), planned.account),
        steps: Table::whole(
            "AWS calls in their order",
            &COLUMNS,
            planned.steps.iter().map(row).collect(),
            empty,
        ),
        obstacles: planned.obstacles.iter().map(|one| sentence(&one.message)).collect(),
        notices: planned.notices.iter().map(|one| sentence(&one.message)).collect(),
    }
}

/// What a call is about.
fn about(call: &StepCall) -> String {
    let pairs = |tags: &std::collections::BTreeMap<String, String>| {
        tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ")
    };
    match call {
        StepCall::CreateAccount { account, path, tags, permissions_boundary } => {
            let boundary =
                permissions_boundary.as_ref().map(|arn| format!(", boundary {arn}")).unwrap_or_default();
            let tags = if tags.is_empty() { String::new() } else { format!(", tags {}", pairs(tags)) };
            format!("{account} with path {path}{boundary}{tags}")
        }
        StepCall::UpdateAccount { account, new_name, new_path } => {
            let name = new_name.as_ref().map(|name| format!(", new name {name}")).unwrap_or_default();
            let path = new_path.as_ref().map(|path| format!(", new path {path}")).unwrap_or_default();
            format!("{account}{name}{path}")
        }
        StepCall::TagAccount { account, tags } => format!("{account}: {}", pairs(tags)),
        StepCall::UntagAccount { account, keys } => format!("{account}: {}", keys.join(", ")),
        StepCall::SetCredential { account, credential, active } => {
            let becomes = if *active { "on" } else { "off" };
            let kind = credential.kind.as_str().replace('_', " ");
            format!("{account}: {kind} {} {becomes}", credential.id)
        }
        other => match other.object() {
            Some(object) => format!("{}: {object}", other.account()),
            None => other.account().to_owned(),
        },
    }
}

fn because(reason: StepReason) -> &'static str {
    match reason {
        StepReason::Asked => "Asked for",
        StepReason::TaskMapping => "Task mapping",
        StepReason::CustomAction => "Custom action",
        StepReason::Blocker => "Blocks the deletion",
        StepReason::FirstSignIn => "For the first sign-in",
        StepReason::Deactivation => "Deactivation",
        StepReason::Reactivation => "Reactivation",
    }
}

/// What the form of a plan sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Applied {
    /// The wishes as JSON.
    wishes: String,
    /// The digest of the plan that was seen.
    seen: String,
    once: String,
    next: String,
    reason: String,
    #[serde(default)]
    confirm: String,
}

#[derive(Template)]
#[template(path = "console/handed.html")]
struct HandedPage {
    frame: Frame,
    job: String,
    badge: Badge,
    secrets: Vec<(String, Copied, Option<Copied>)>,
    back: String,
}

async fn apply(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    url: Option<Extension<PublicUrl>>,
    Sent(sent): Sent<Applied>,
) -> Result<Response, Problem> {
    visitor.require(Right::Operate, &system_id)?;
    let system = parts.store.get_system(&system_id).await?;
    let wishes: Vec<Wish> = serde_json::from_str(&sent.wishes)
        .map_err(|_| Problem::bad_request("what was sent is not what the plan has"))?;
    let next = address::own(Some(&sent.next)).to_owned();
    let change = Change { wishes, next, once: sent.once };
    if let Some(name) = change.to_type(&system)
        && let Err(wrong) = Dangerous::typed(&sent.confirm, &name)
    {
        return planned(&visitor, &parts, &system, change, Some(wrong)).await;
    }
    let reason = Some(sent.reason.trim().to_owned()).filter(|reason| !reason.is_empty());
    if let Err(error) = fits(reason.as_deref()) {
        return planned(&visitor, &parts, &system, change, Some(Wrong::of(error.into())?)).await;
    }
    let caller = Caller(visitor.actor.clone());
    let body = digest_hex(format!("{}\n{}\n{reason:?}", sent.wishes, sent.seen).as_bytes());
    let place = (&system_id, "POST /systems/{system_id}/changes of the console".to_owned());
    let claim = match Once::of(&change.once)?.begin(&parts, &caller, place, &body).await? {
        Begun::New(claim) => claim,
        Begun::Job(_) => return Ok(to(&Said::AskedBefore.at(&change.next))),
        Begun::Run(_) | Begun::Done(_) => return Err(reused()),
    };
    let new = NewJob { wishes: change.wishes.clone(), reason, plan_sha256: Some(sent.seen) };
    let work = asked(parts.clone(), caller, system_id.clone(), new, claim.clone());
    match to_its_end(&parts, claim, work).await {
        Ok(done) if done.handed.is_empty() => {
            let waits = done.job.state == JobState::AwaitingApproval;
            let said = if waits { Said::AwaitsApproval } else { Said::Asked };
            Ok(to(&said.at(&change.next)))
        }
        Ok(done) => Ok(handed(&visitor, &system, (&done.job, done.handed), url.as_deref(), change.next)),
        Err(error) => {
            let wrong = Wrong::of(error.into())?;
            planned(&visitor, &parts, &system, change, Some(wrong)).await
        }
    }
}

/// The secrets, which are in this answer and nowhere else.
fn handed(
    visitor: &Visitor,
    system: &System,
    (job, handed): (&ProvisioningJob, Vec<Handed>),
    url: Option<&PublicUrl>,
    back: String,
) -> Response {
    let secret = |(place, (_, account, secret)): (usize, Handed)| {
        let copied = |what: &str, text: &str| Copied { id: format!("{what}-{place}"), text: text.to_owned() };
        let link = url.map(|url| copied("link", url.link(&secret).expose()));
        (account, copied("secret", secret.expose()), link)
    };
    let mut frame = systems::frame(visitor, system, "One-time secrets");
    frame.address.clone_from(&back);
    let badge = match job.state {
        JobState::AwaitingApproval => Badge::new(Tone::Notice, "Waits for approval"),
        _ => Badge::new(Tone::Good, "Asked for"),
    };
    let secrets = (1..).zip(handed).map(secret).collect();
    shown(&HandedPage { frame, job: job.id.to_string(), badge, secrets, back })
}
