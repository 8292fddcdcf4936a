//! `/jobs/{job}/retry`: what failed of a job once more, with its plan first.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::desk::{Again, DeskError};
use keyreeve_engine::password::PublicUrl;
use keyreeve_engine::plan::Plan;
use keyreeve_engine::provisioning::Handed;
use keyreeve_engine::rights::{Actor, Right};
use keyreeve_model::{JobId, ProvisioningJob, System, SystemState, Task, TaskState, Wish, digest_hex};
use keyreeve_store::KeyClaim;
use serde::Deserialize;

use super::show::frame;
use super::{decide, of, within};
use crate::auth::Caller;
use crate::body::InPath;
use crate::console::changes;
use crate::console::form::{Dangerous, Field, Sent, Wrong, status_of};
use crate::console::page::{Frame, Said, shown_as};
use crate::console::parts::Link;
use crate::console::plan::ShownPlan;
use crate::console::time::Time;
use crate::console::visitor::Visitor;
use crate::meant::Meant;
use crate::once::{Begun, Once, sent_otherwise, to_its_end};
use crate::parts::Parts;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "console/jobs/retry.html")]
struct RetryPage {
    frame: Frame,
    job: String,
    wrong: Option<String>,
    plan: Option<ShownPlan>,
    /// What the form sends, unless it would be refused.
    sent: Option<ToSend>,
}

/// What the form sends, and where.
struct ToSend {
    action: String,
    seen: String,
    once: String,
    /// What is typed first, where what is done cannot be had back; and where.
    confirm: Option<(String, Field)>,
}

/// What the form sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seen {
    seen: String,
    once: String,
    #[serde(default)]
    confirm: String,
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(job): InPath<i64>,
) -> Result<Response, Problem> {
    let job = parts.desk.job(&visitor.actor, Right::Operate, JobId(job)).await?;
    decide::stands(&job, has_failed_tasks(&job), "nothing of it failed")?;
    planned(&visitor, &parts, &job, None).await
}

/// The page, with what is wrong with what was typed.
async fn planned(
    visitor: &Visitor,
    parts: &Parts,
    job: &ProvisioningJob,
    wrong: Option<Wrong>,
) -> Result<Response, Problem> {
    let (desk, actor, again) = (parts.desk.clone(), visitor.actor.clone(), job.clone());
    let work = move || async move {
        let case = desk.open(&actor, &again.system_id).await?;
        let Again { plan, refused, .. } = case.plan_again(&again).await?;
        Ok::<_, DeskError>((case.with_undeliverable(plan), refused))
    };
    match parts.planning.run(work).await? {
        Ok((plan, refused)) => {
            let wrong = refused.map(Wrong::whole).or(wrong);
            // As of a plan that stands in its own way: it would fail at once, again.
            let seen = plan.sha256().ok().filter(|_| plan.is_possible());
            Ok(answer(visitor, job, Some(shown_again(&plan, job)).zip(seen), wrong))
        }
        Err(error) => Ok(answer(visitor, job, None, Some(Wrong::of(error.into())?))),
    }
}

/// The plan: whoever tries a job again needs no approval, as the job has been approved, or took none.
fn shown_again(plan: &Plan, job: &ProvisioningJob) -> ShownPlan {
    let by = job.decided_by.as_deref().zip(job.decided_at).filter(|_| !job.approval_because.is_empty());
    let shown = ShownPlan::of(plan);
    match by {
        Some((by, at)) => shown.approved_already(by, Time::at(at)),
        None => shown.without_approval(),
    }
}

pub(super) async fn retry(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(job): InPath<i64>,
    url: Option<Extension<PublicUrl>>,
    Sent(Seen { seen, once, confirm }): Sent<Seen>,
) -> Result<Response, Problem> {
    let job = parts.desk.job(&visitor.actor, Right::Operate, JobId(job)).await?;
    if let Some(name) = to_type(&job)
        && let Err(wrong) = Dangerous::typed(&confirm, &name)
        && has_failed_tasks(&job)
    {
        return planned(&visitor, &parts, &job, Some(wrong)).await;
    }
    let caller = Caller(visitor.actor.clone());
    let body = digest_hex(format!("{}\n{seen}", job.id).as_bytes());
    let place = (&job.system_id, "POST /jobs/{job}/retry of the console".to_owned());
    let frame = frame(&visitor, &job, "One-time secrets".to_owned());
    let back = of(job.id);
    let claim = match Once::of(&once)?.begin_or_wait(&parts, &caller, place, &body).await? {
        Begun::New(claim) => claim,
        Begun::Job(_) => return changes::sent_before(frame, &parts, &job).await,
        Begun::Run(_) | Begun::Done(_) => return Err(sent_otherwise()),
    };
    let work = retried(parts.clone(), visitor.actor.clone(), job.clone(), (seen, claim.clone()));
    match to_its_end(&parts, claim, work).await {
        Ok((_, handed)) if handed.is_empty() => Ok(Said::JobRetried.to(&back)),
        Ok((job, handed)) => {
            Ok(changes::handed(frame, (&job, handed), url.as_deref(), visitor.look.site.clone()))
        }
        Err(error) => Ok(answer(&visitor, &job, None, Some(Wrong::of(error.into())?))),
    }
}

/// Tries a job again as it was seen, and notes that this is what the form came to.
async fn retried(
    parts: Parts,
    actor: Actor,
    job: ProvisioningJob,
    (seen, claim): (String, Option<KeyClaim>),
) -> Result<(ProvisioningJob, Vec<Handed>), DeskError> {
    let desk = parts.desk.clone();
    let work = move || async move {
        let done = desk.open(&actor, &job.system_id).await?.retry_as_seen(&job, &seen).await?;
        if let Some(claim) = &claim
            && let Err(error) = desk.store.request_came_to_job(claim, job.id).await
        {
            tracing::warn!(%error, "what a form came to could not be noted");
        }
        Ok(done)
    };
    parts.planning.run(work).await?
}

/// Whether a job has ended, and something of it failed.
fn has_failed_tasks(job: &ProvisioningJob) -> bool {
    job.state.is_terminal() && job.tasks.iter().any(has_failed)
}

/// The same, and its system is still there.
pub(super) fn can_be_tried_again(job: &ProvisioningJob, system: &System) -> bool {
    has_failed_tasks(job) && system.state != SystemState::Removed
}

fn has_failed(task: &Task) -> bool {
    matches!(task.state, TaskState::Failed | TaskState::NeedsPerson)
}

/// What must be typed before it is tried again: as when it was asked for, of what failed.
fn to_type(job: &ProvisioningJob) -> Option<String> {
    let failed = || job.tasks.iter().filter(|task| has_failed(task));
    let wishes: Vec<Wish> = failed().map(|task| task.wish.clone()).collect();
    let named = |task: &Task| Some((task.account.clone(), task.account_external_id.clone()?));
    let meant = Meant { users: failed().filter_map(named).collect(), group: None };
    changes::to_type(&wishes, &meant, &job.system_id)
}

fn answer(
    visitor: &Visitor,
    job: &ProvisioningJob,
    plan: Option<(ShownPlan, String)>,
    wrong: Option<Wrong>,
) -> Response {
    let status = status_of(wrong.as_ref());
    let mut frame = frame(visitor, job, format!("Try job {} again", job.id));
    frame.above.push(Link::new(of(job.id), format!("Job {}", job.id)));
    let (plan, seen) = plan.unzip();
    let (beside, wrong) = Wrong::parted(wrong);
    let typed = |name: String| {
        let field = Field::line("confirm", "Name")
            .hint("Type it as it stands above: what is done cannot be had back.")
            .required()
            .unless(beside.as_ref());
        (name, field)
    };
    let sent = seen.filter(|_| wrong.is_none()).map(|seen| ToSend {
        action: within(job.id, "retry"),
        seen,
        once: uuid::Uuid::now_v7().to_string(),
        confirm: to_type(job).map(typed),
    });
    shown_as(status, &RetryPage { frame, job: job.id.to_string(), wrong, plan, sent })
}
