//! `/jobs/{job}/retry`: what failed of a job once more, with its plan first.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use keyreeve_engine::desk::{Again, DeskError};
use keyreeve_engine::password::PublicUrl;
use keyreeve_engine::provisioning::Handed;
use keyreeve_engine::rights::{Actor, Right};
use keyreeve_model::{JobId, ProvisioningJob, Task, TaskState, digest_hex};
use keyreeve_store::KeyClaim;
use serde::Deserialize;

use super::show::frame;
use super::{decide, of, within};
use crate::auth::Caller;
use crate::body::InPath;
use crate::console::changes;
use crate::console::form::{Sent, Wrong, sentence};
use crate::console::page::{Frame, Said, shown_as};
use crate::console::parts::Link;
use crate::console::plan::ShownPlan;
use crate::console::visitor::Visitor;
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
}

/// What the form sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seen {
    seen: String,
    once: String,
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(job): InPath<i64>,
) -> Result<Response, Problem> {
    let job = parts.desk.job(&visitor.actor, Right::Operate, JobId(job)).await?;
    decide::stands(&job, can_be_tried_again(&job), "nothing of it failed")?;
    let (desk, actor, again) = (parts.desk.clone(), visitor.actor.clone(), job.clone());
    let work = move || async move {
        let case = desk.open(&actor, &again.system_id).await?;
        let Again { plan, refused, .. } = case.plan_again(&again).await?;
        Ok::<_, DeskError>((case.with_undeliverable(plan), refused))
    };
    match parts.planning.run(work).await? {
        Ok((plan, refused)) => {
            let wrong = refused.map(|why| sentence(&why.to_string()));
            // As of a plan that stands in its own way: it would fail at once, again.
            let seen = plan.sha256().ok().filter(|_| plan.is_possible());
            Ok(answer(&visitor, &job, Some(ShownPlan::of(&plan)).zip(seen), wrong))
        }
        Err(error) => Ok(answer(&visitor, &job, None, Some(Wrong::of(error.into())?.why))),
    }
}

pub(super) async fn retry(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(job): InPath<i64>,
    url: Option<Extension<PublicUrl>>,
    Sent(Seen { seen, once }): Sent<Seen>,
) -> Result<Response, Problem> {
    let job = parts.desk.job(&visitor.actor, Right::Operate, JobId(job)).await?;
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
        Err(error) => Ok(answer(&visitor, &job, None, Some(Wrong::of(error.into())?.why))),
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
pub(super) fn can_be_tried_again(job: &ProvisioningJob) -> bool {
    let failed = |task: &Task| matches!(task.state, TaskState::Failed | TaskState::NeedsPerson);
    job.state.is_terminal() && job.tasks.iter().any(failed)
}

fn answer(
    visitor: &Visitor,
    job: &ProvisioningJob,
    plan: Option<(ShownPlan, String)>,
    wrong: Option<String>,
) -> Response {
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut frame = frame(visitor, job, format!("Try job {} again", job.id));
    frame.above.push(Link::new(of(job.id), format!("Job {}", job.id)));
    let (plan, seen) = plan.unzip();
    let sent = seen.filter(|_| wrong.is_none()).map(|seen| ToSend {
        action: within(job.id, "retry"),
        seen,
        once: uuid::Uuid::now_v7().to_string(),
    });
    shown_as(status, &RetryPage { frame, job: job.id.to_string(), wrong, plan, sent })
}
