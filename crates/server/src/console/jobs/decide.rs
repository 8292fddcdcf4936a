//! `/jobs/{job}/approve`, `/reject`, `/cancel` and `/dismiss`: what people decide about jobs.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use keyreeve_engine::desk::DeskError;
use keyreeve_engine::rights::Right;
use keyreeve_model::{JobId, JobState, ProvisioningJob, System, SystemState, TaskState};
use keyreeve_store::StoreError;
use serde::Deserialize;

use super::show::{cannot, frame};
use super::{of, within};
use crate::body::InPath;
use crate::console::form::{Dangerous, Field, Sent, Wrong, reasoned, sentence, whole};
use crate::console::numbers::{counted, times};
use crate::console::page::{Frame, Said, shown_as};
use crate::console::parts::{Badge, Link};
use crate::console::plan::ShownPlan;
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "console/jobs/decide.html")]
struct DecidePage {
    frame: Frame,
    title: String,
    lead: &'static str,
    wrong: Option<String>,
    /// What is approved.
    plan: Option<ShownPlan>,
    /// What it would be now, where that is something else.
    now: Option<ShownPlan>,
    /// Why that is not known.
    why_not: Option<String>,
    reject: Option<Link>,
    dangerous: Option<Dangerous>,
    plain: Option<Plain>,
    back: Link,
}

/// A decision that changes nothing in AWS.
struct Plain {
    action: String,
    reason: Option<Field>,
    button: &'static str,
}

/// What the form of an approval sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Approval {
    /// The plan that was seen.
    seen: String,
    reason: String,
    confirm: String,
}

/// What the form of a rejection sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rejection {
    reason: String,
}

pub(super) async fn ask_approval(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(job): InPath<i64>,
) -> Result<Response, Problem> {
    let job = waiting(&visitor, &parts, job).await?;
    if let Some(page) = not_by(&visitor, &parts, &job, true).await? {
        return Ok(page);
    }
    let (desk, actor, waiting) = (parts.desk.clone(), visitor.actor.clone(), job.clone());
    let work = move || async move {
        let case = desk.open(&actor, &waiting.system_id).await?;
        case.fresh_to_decide(waiting).await.map(drop)
    };
    match parts.planning.run(work).await? {
        Ok(()) => Ok(approval(&visitor, &job, "", None)),
        Err(DeskError::Stale { changed, .. }) => stale(&visitor, &parts, &job, &changed).await,
        Err(error) => Ok(approval(&visitor, &job, "", Some(Wrong::of(error.into())?))),
    }
}

/// That a job cannot be approved as it is, with what it would be now beside it.
async fn stale(
    visitor: &Visitor,
    parts: &Parts,
    job: &ProvisioningJob,
    changed: &[String],
) -> Result<Response, Problem> {
    let (desk, actor, asked) = (parts.desk.clone(), visitor.actor.clone(), job.clone());
    let work = move || async move { desk.open(&actor, &asked.system_id).await?.planned_anew(&asked).await };
    // Where it cannot be planned, that is what is to be known of it.
    let (now, why_not) = match parts.planning.run(work).await? {
        Ok(plan) => (Some(ShownPlan::of(&plan)), None),
        Err(error) => (None, Some(Wrong::of(error.into())?.why)),
    };
    let why = format!(
        "It cannot be approved as it was asked for: what it rests on has changed since it was planned: {}",
        changed.join("; ")
    );
    let page = DecidePage {
        title: format!("Approve job {}", job.id),
        lead: "Below is what it would be now, and what was asked for. Reject it; whoever asked can ask again, for what is right now.",
        plan: Some(ShownPlan::of_job(job)),
        now,
        why_not,
        reject: Some(Link::new(within(job.id, "reject"), "Reject…")),
        ..bare(visitor, job, Some(sentence(&why)))
    };
    Ok(answer(page, true))
}

/// Approves exactly what was seen.
pub(super) async fn approve(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(job): InPath<i64>,
    Sent(Approval { seen, reason, confirm }): Sent<Approval>,
) -> Result<Response, Problem> {
    let job = parts.desk.job(&visitor.actor, Right::Approve, JobId(job)).await?;
    if let Err(wrong) = Dangerous::typed(&confirm, job.system_id.as_str()) {
        return Ok(approval(&visitor, &job, &reason, Some(wrong)));
    }
    let why = match reasoned(&reason) {
        Ok(why) => why.map(str::to_owned),
        Err(wrong) => return Ok(approval(&visitor, &job, &reason, Some(wrong))),
    };
    let (desk, actor, seen_job) = (parts.desk.clone(), visitor.actor.clone(), job.clone());
    let work = move || async move {
        let case = desk.open(&actor, &seen_job.system_id).await?;
        case.fresh_to_decide(seen_job).await?.as_seen(Some(&seen))?.approve(why.as_deref()).await
    };
    let done = parts.planning.run(work).await?;
    let twice = |now: &ProvisioningJob| decided_by(now, &visitor) && now.state != JobState::Cancelled;
    match done {
        Ok(job) => Ok(Said::JobApproved.to(&of(job.id))),
        Err(_) if twice(&parts.store.job(job.id).await?) => Ok(Said::JobApproved.to(&of(job.id))),
        Err(DeskError::Stale { changed, .. }) => stale(&visitor, &parts, &job, &changed).await,
        Err(error) => Ok(approval(&visitor, &job, &reason, Some(Wrong::of(error.into())?))),
    }
}

/// Whether whoever looks has decided about it: a form that is sent twice leads twice to the same place.
fn decided_by(job: &ProvisioningJob, visitor: &Visitor) -> bool {
    job.decided_by.as_ref().is_some_and(|by| by.eq_ignore_ascii_case(visitor.actor.name()))
}

pub(super) async fn ask_rejection(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(job): InPath<i64>,
) -> Result<Response, Problem> {
    let job = waiting(&visitor, &parts, job).await?;
    match not_by(&visitor, &parts, &job, false).await? {
        Some(page) => Ok(page),
        None => Ok(rejection(&visitor, &job, "", None)),
    }
}

pub(super) async fn reject(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(job): InPath<i64>,
    Sent(Rejection { reason }): Sent<Rejection>,
) -> Result<Response, Problem> {
    let job = parts.desk.job(&visitor.actor, Right::Approve, JobId(job)).await?;
    let why = match reasoned(&reason) {
        Ok(Some(why)) => why,
        Ok(None) => {
            let wrong = Wrong::with("reason", DeskError::Reason);
            return Ok(rejection(&visitor, &job, &reason, Some(wrong)));
        }
        Err(wrong) => return Ok(rejection(&visitor, &job, &reason, Some(wrong))),
    };
    let done = parts.desk.reject(&visitor.actor, job.id, Some(why)).await;
    let twice = |now: &ProvisioningJob| decided_by(now, &visitor) && now.state == JobState::Cancelled;
    match done {
        Ok(job) => Ok(Said::JobRejected.to(&of(job.id))),
        Err(_) if twice(&parts.store.job(job.id).await?) => Ok(Said::JobRejected.to(&of(job.id))),
        Err(error) => Ok(rejection(&visitor, &job, &reason, Some(Wrong::of(error.into())?))),
    }
}

pub(super) async fn ask_cancellation(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(job): InPath<i64>,
) -> Result<Response, Problem> {
    let job = parts.desk.job(&visitor.actor, Right::Operate, JobId(job)).await?;
    stands(&job, !job.state.is_terminal(), "it has ended")?;
    Ok(cancellation(&visitor, &job, None))
}

pub(super) async fn cancel(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(job): InPath<i64>,
    Sent(crate::console::form::Nothing {}): Sent<crate::console::form::Nothing>,
) -> Result<Response, Problem> {
    let job = parts.desk.job(&visitor.actor, Right::Operate, JobId(job)).await?;
    match parts.desk.cancel(&visitor.actor, job.id).await {
        Ok(job) => {
            let taken_back = job.tasks.iter().any(|task| task.state == TaskState::Cancelled);
            let said = if taken_back { Said::JobCancelled } else { Said::NothingCancelled };
            Ok(said.to(&of(job.id)))
        }
        Err(_) if parts.store.job(job.id).await?.state == JobState::Cancelled => {
            Ok(Said::JobCancelled.to(&of(job.id)))
        }
        Err(error) => Ok(cancellation(&visitor, &job, Some(Wrong::of(error.into())?))),
    }
}

pub(super) async fn ask_dismissal(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(job): InPath<i64>,
) -> Result<Response, Problem> {
    let job = parts.desk.job(&visitor.actor, Right::Operate, JobId(job)).await?;
    has_failed(&job)?;
    if let Some((by, at)) = job.dismissed_by.clone().zip(job.dismissed_at) {
        return Err(StoreError::JobDismissed { job: job.id, by, at }.into());
    }
    let system = parts.store.get_system(&job.system_id).await?;
    Ok(dismissal(&visitor, (&job, &system), "", None))
}

/// Only what failed is dismissed.
fn has_failed(job: &ProvisioningJob) -> Result<(), Problem> {
    let failed = matches!(job.state, JobState::Failed | JobState::PartiallyFailed);
    stands(job, failed, "only a job that failed, wholly or in part, can be dismissed")
}

pub(super) async fn dismiss(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(job): InPath<i64>,
    Sent(Rejection { reason }): Sent<Rejection>,
) -> Result<Response, Problem> {
    let job = parts.desk.job(&visitor.actor, Right::Operate, JobId(job)).await?;
    has_failed(&job)?;
    let system = parts.store.get_system(&job.system_id).await?;
    let shown = |wrong| dismissal(&visitor, (&job, &system), &reason, Some(wrong));
    let why = match reasoned(&reason) {
        Ok(why) => why.unwrap_or_default(),
        Err(wrong) => return Ok(shown(wrong)),
    };
    match parts.desk.dismiss(&visitor.actor, job.id, why).await {
        Ok(job) => Ok(Said::JobDismissed.to(&of(job.id))),
        Err(error @ DeskError::Reason) => Ok(shown(Wrong::with("reason", error))),
        // There is nothing to be filled in otherwise.
        Err(DeskError::Store(error @ StoreError::JobDismissed { .. })) => Err(error.into()),
        Err(error) => Ok(shown(Wrong::of(error.into())?)),
    }
}

/// Whether a job failed, and nobody has left it at that.
pub(super) fn can_be_dismissed(job: &ProvisioningJob) -> bool {
    matches!(job.state, JobState::Failed | JobState::PartiallyFailed) && job.dismissed_at.is_none()
}

fn dismissal(
    visitor: &Visitor,
    (job, system): (&ProvisioningJob, &System),
    reason: &str,
    wrong: Option<Wrong>,
) -> Response {
    let hint = "What was seen, and why nothing is left to do. It is kept with the job and in the audit log.";
    let reason = Field::reason("reason", "Reason").value(reason).hint(hint).required();
    let page = DecidePage {
        title: format!("Dismiss job {}", job.id),
        lead: match system.state {
            SystemState::Removed => {
                "It stays failed, and nothing is changed in AWS: Home does not name it any more."
            }
            _ => {
                "It stays failed, and nothing is changed in AWS: Home does not name it any more. It can still be tried again."
            }
        },
        plain: Some(Plain {
            action: within(job.id, "dismiss"),
            reason: Some(reason.unless(wrong.as_ref())),
            button: "Dismiss",
        }),
        ..bare(visitor, job, whole(wrong.clone()))
    };
    answer(page, wrong.is_some())
}

/// The page without its form, where whoever looks may decide about such jobs and not about this one: they asked for it, or
/// it is about their own account.
async fn not_by(
    visitor: &Visitor,
    parts: &Parts,
    job: &ProvisioningJob,
    approve: bool,
) -> Result<Option<Response>, Problem> {
    let why = match parts.store.require_decidable(job.id, approve, visitor.actor.name()).await {
        Ok(()) => return Ok(None),
        Err(StoreError::OwnAccount { account, .. }) => format!(
            "You cannot approve it: the account {account} in it has your name, and nobody approves what is done to \
             their own account. Somebody else must."
        ),
        Err(error @ (StoreError::OwnApproval { .. } | StoreError::OwnRejection { .. })) => {
            cannot(visitor, job).unwrap_or_else(|| sentence(&error.to_string()))
        }
        Err(error) => return Err(error.into()),
    };
    let page = DecidePage {
        title: format!("{} job {}", if approve { "Approve" } else { "Reject" }, job.id),
        lead: "It waits for a second person.",
        ..bare(visitor, job, Some(why))
    };
    Ok(Some(answer(page, false)))
}

/// A job that waits for whoever looks to decide about it.
async fn waiting(visitor: &Visitor, parts: &Parts, job: i64) -> Result<ProvisioningJob, Problem> {
    let job = parts.desk.job(&visitor.actor, Right::Approve, JobId(job)).await?;
    stands(&job, job.state == JobState::AwaitingApproval, "it does not wait for a decision")?;
    Ok(job)
}

/// Refuses what a job is not in the state for.
pub(super) fn stands(job: &ProvisioningJob, does: bool, why: &str) -> Result<(), Problem> {
    let detail = || format!("job {} is {}: {why}", job.id, Badge::of_job(job).text.to_lowercase());
    if does { Ok(()) } else { Err(Problem::new(StatusCode::CONFLICT, "wrong_state", detail())) }
}

fn approval(visitor: &Visitor, job: &ProvisioningJob, reason: &str, wrong: Option<Wrong>) -> Response {
    let refused = wrong.is_some();
    let (beside, whole) = Wrong::parted(wrong);
    let dangerous = Dangerous {
        action: within(job.id, "approve"),
        title: "What follows from it",
        consequences: consequences(job),
        confirm: job.system_id.to_string(),
        button: "Approve, and begin",
        hidden: vec![("seen", job.plan_sha256.clone())],
        reason: reason.to_owned(),
        wrong: beside,
    };
    let page = DecidePage {
        title: format!("Approve job {}", job.id),
        lead: "It is carried out exactly as it is shown here. If what it rests on has changed since, it is not approved.",
        plan: Some(ShownPlan::of_job(job)),
        dangerous: Some(dangerous),
        ..bare(visitor, job, whole)
    };
    answer(page, refused)
}

/// Who asked for how much, and which calls it makes.
fn consequences(job: &ProvisioningJob) -> Vec<String> {
    let mut calls: BTreeMap<&str, usize> = BTreeMap::new();
    for step in job.tasks.iter().flat_map(|task| &task.steps) {
        *calls.entry(&step.operation).or_default() += 1;
    }
    let asked = format!("{} asked for {}.", job.actor, counted(job.tasks.len(), "change", "changes"));
    let why = job.reason.as_ref().map(|why| format!("Their reason: {why}"));
    let calls = calls.into_iter().map(|(call, number)| format!("{call} is called {}.", times(number)));
    std::iter::once(asked).chain(why).chain(calls).collect()
}

fn rejection(visitor: &Visitor, job: &ProvisioningJob, reason: &str, wrong: Option<Wrong>) -> Response {
    let reason = Field::reason("reason", "Reason").value(reason).hint("Whoever asked reads it.").required();
    let page = DecidePage {
        title: format!("Reject job {}", job.id),
        lead: "Nothing of it is done, and it cannot be taken up again.",
        plain: Some(Plain {
            action: within(job.id, "reject"),
            reason: Some(reason.unless(wrong.as_ref())),
            button: "Reject",
        }),
        ..bare(visitor, job, whole(wrong.clone()))
    };
    answer(page, wrong.is_some())
}

fn cancellation(visitor: &Visitor, job: &ProvisioningJob, wrong: Option<Wrong>) -> Response {
    let page = DecidePage {
        title: format!("Cancel job {}", job.id),
        lead: "What has not begun is taken back. What has begun is carried to its end, and what is done stays done.",
        plain: Some(Plain {
            action: within(job.id, "cancel"),
            reason: None,
            button: "Cancel what has not begun",
        }),
        ..bare(visitor, job, whole(wrong.clone()))
    };
    answer(page, wrong.is_some())
}

fn bare(visitor: &Visitor, job: &ProvisioningJob, wrong: Option<String>) -> DecidePage {
    let mut frame = frame(visitor, job, format!("Job {}", job.id));
    frame.above.push(Link::new(of(job.id), format!("Job {}", job.id)));
    DecidePage {
        frame,
        title: String::new(),
        lead: "",
        wrong,
        plan: None,
        now: None,
        why_not: None,
        reject: None,
        dangerous: None,
        plain: None,
        back: Link::new(of(job.id), "Back to the job"),
    }
}

fn answer(mut page: DecidePage, refused: bool) -> Response {
    page.frame.title.clone_from(&page.title);
    shown_as(if refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &page)
}
