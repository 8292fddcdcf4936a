//! `/jobs/{job}/retry`: what failed of a job once more, with its plan first.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use keyreeve_engine::desk::{Again, DeskError};
use keyreeve_engine::password::PublicUrl;
use keyreeve_engine::rights::Right;
use keyreeve_model::{JobId, ProvisioningJob, Task, TaskState};
use serde::Deserialize;

use super::plan::ShownPlan;
use super::show::frame;
use super::{decide, of, passwords, within};
use crate::body::InPath;
use crate::console::form::{Sent, Wrong, sentence};
use crate::console::page::{Frame, Said, shown_as};
use crate::console::parts::Link;
use crate::console::visitor::{Visitor, to};
use crate::parts::Parts;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "console/jobs/retry.html")]
struct RetryPage {
    frame: Frame,
    job: String,
    wrong: Option<String>,
    plan: Option<ShownPlan>,
    /// Where it is sent, and the digest of the plan that was seen, unless it would be refused.
    action: Option<(String, String)>,
}

/// What the form sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seen {
    seen: String,
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
        let Again { plan, refused } = case.plan_again(&again).await?;
        Ok::<_, DeskError>((case.with_undeliverable(plan), refused))
    };
    match parts.planning.run(work).await? {
        Ok((plan, refused)) => {
            let wrong = refused.map(|why| sentence(&why.to_string()));
            let seen = plan.sha256().ok();
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
    Sent(Seen { seen }): Sent<Seen>,
) -> Result<Response, Problem> {
    let job = parts.desk.job(&visitor.actor, Right::Operate, JobId(job)).await?;
    let (desk, actor, again) = (parts.desk.clone(), visitor.actor.clone(), job.clone());
    let work =
        move || async move { desk.open(&actor, &again.system_id).await?.retry_as_seen(&again, &seen).await };
    match parts.planning.run(work).await? {
        Ok((job, handed)) if handed.is_empty() => Ok(to(&Said::JobRetried.at(&of(job.id)))),
        Ok((job, handed)) => Ok(passwords::handed(&visitor, &job, handed, url.as_deref())),
        Err(error) => Ok(answer(&visitor, &job, None, Some(Wrong::of(error.into())?.why))),
    }
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
    let mut frame = frame(visitor, job, format!("Job {}", job.id));
    frame.above.push(Link::new(of(job.id), format!("Job {}", job.id)));
    let (plan, seen) = plan.unzip();
    let action = seen.filter(|_| wrong.is_none()).map(|seen| (within(job.id, "retry"), seen));
    shown_as(status, &RetryPage { frame, job: job.id.to_string(), wrong, plan, action })
}
