//! `/systems/{system_id}/plans` and `/jobs`, and what is decided about jobs: changes as the command line makes them.

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use keyreeve_engine::desk::{Again, Asked, DeskError, fits, require_seen};
use keyreeve_engine::password::PublicUrl;
use keyreeve_engine::plan::Plan;
use keyreeve_engine::rights::Right;
use keyreeve_model::{JobId, ProvisioningJob, SystemId, Wish};
use keyreeve_store::KeyClaim;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::secrets::AskedJob;
use crate::auth::Caller;
use crate::body::{InBody, InPath};
use crate::meant::Meant;
use crate::once::{Begun, Once, reused, to_its_end};
use crate::parts::Parts;
use crate::problem::{Problem, RefusedBody};

/// Names what a plan would do.
const PLAN_SHA256: HeaderName = HeaderName::from_static("plan-sha256");

/// What is wished of one system.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wishes {
    /// The wishes, in their order.
    #[schema(min_items = 1, max_items = 10_000)]
    wishes: Vec<Wish>,
}

/// Changes that are asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewJob {
    /// The wishes, in their order.
    #[schema(min_items = 1, max_items = 10_000)]
    pub(crate) wishes: Vec<Wish>,
    /// Why.
    #[serde(default)]
    #[schema(max_length = 1_000)]
    pub(crate) reason: Option<String>,
    /// The plan that was seen, as the header `plan-sha256` of its answer says it: nothing else is done.
    #[serde(default)]
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub(crate) plan_sha256: Option<String>,
}

/// A decision about a job.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decision {
    /// Why.
    #[serde(default)]
    #[schema(max_length = 1_000)]
    pub(crate) reason: Option<String>,
}

/// An approval of a job.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Approval {
    /// Why.
    #[serde(default)]
    #[schema(max_length = 1_000)]
    reason: Option<String>,
    /// The plan that was seen, as the job says it: no other one is approved.
    #[serde(default)]
    #[schema(pattern = "^[0-9a-f]{64}$")]
    plan_sha256: Option<String>,
    /// Only see whether it would be refused: the job is as it was.
    #[serde(default)]
    preview: bool,
}

/// A rejection of a job.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobRejection {
    /// Why.
    #[serde(default)]
    #[schema(max_length = 1_000)]
    reason: Option<String>,
    /// Only see whether it would be refused: the job is as it was.
    #[serde(default)]
    preview: bool,
}

/// Nothing besides the request itself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// Says what wishes would take: the calls in their order, what stands in the way, whether a second person must approve.
/// Reads only. The header `plan-sha256` names what would be done, for who asks for exactly that.
#[utoipa::path(
    post, path = "/systems/{system_id}/plans", tag = "jobs", params(("system_id" = SystemId, Path)),
    request_body = Wishes, responses((status = 200, body = Plan, headers(("plan-sha256" = String))), RefusedBody)
)]
pub(crate) async fn plan(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    InBody { value: Wishes { wishes }, .. }: InBody<Wishes>,
) -> Result<Response, Problem> {
    caller.require(Right::Operate, &system_id)?;
    let desk = parts.desk.clone();
    let work = move || async move {
        let case = desk.open(&caller.0, &system_id).await?;
        Ok::<_, DeskError>(case.with_undeliverable(case.plan(&wishes).await?))
    };
    let plan = parts.planning.run(work).await??;
    Ok(named(&plan, Json(&plan).into_response()))
}

/// An answer with the header that names what its plan would do.
fn named(plan: &Plan, mut answer: Response) -> Response {
    let sha256 = plan.sha256().ok().and_then(|sha256| HeaderValue::from_str(&sha256).ok());
    answer.headers_mut().extend(sha256.map(|sha256| (PLAN_SHA256, sha256)));
    answer
}

/// Asks for changes. They are planned, and written down as a job that begins at once, or waits for a second person.
///
/// Nothing is written down when something stands in the way: the problem's `obstacles` say what. When all is as it is
/// wished already, the answer is the plan, which has no call. One-time secrets of passwords are in this answer alone.
/// With the `plan-sha256` of `/plans` no other plan is asked for than the one that was seen.
/// With an `Idempotency-Key`, a repeat within a day gets the same job, without the secrets.
#[utoipa::path(
    post, path = "/systems/{system_id}/jobs", tag = "jobs",
    params(
        ("system_id" = SystemId, Path),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")
    ),
    request_body = NewJob,
    responses(
        (status = 202, description = "The job.", body = AskedJob),
        (status = 200, description = "There is nothing to do.", body = Plan),
        RefusedBody
    )
)]
pub(crate) async fn ask(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    url: Option<Extension<PublicUrl>>,
    once: Once,
    InBody { value, sha256 }: InBody<NewJob>,
) -> Result<Response, Problem> {
    caller.require(Right::Operate, &system_id)?;
    fits(value.reason.as_deref())?;
    let place = (&system_id, "POST /systems/{system_id}/jobs".to_owned());
    let claim = match once.begin(&parts, &caller, place, &sha256).await? {
        Begun::New(claim) => claim,
        Begun::Job(job) => {
            let job = parts.desk.job(&caller.0, Right::Operate, job).await?;
            return Ok(AskedJob::again(job).into_response());
        }
        Begun::Run(_) | Begun::Done(_) => return Err(reused()),
    };
    let work = asked(parts.clone(), caller, system_id, (value, Meant::default()), claim.clone());
    match to_its_end(&parts, claim, work).await {
        Ok(Asked { job, handed }) => Ok(AskedJob::new(job, handed, url.as_deref()).into_response()),
        Err(DeskError::NothingToDo(plan)) => Ok(unkept(Json(*plan).into_response())),
        Err(error) => Err(error.into()),
    }
}

/// Plans once more, and asks for it if that is what was seen.
pub(crate) async fn asked(
    parts: Parts,
    caller: Caller,
    system_id: SystemId,
    (asked, meant): (NewJob, Meant),
    claim: Option<KeyClaim>,
) -> Result<Asked, DeskError> {
    let (desk, actor) = (parts.desk.clone(), caller.0);
    let work = move || async move {
        let case = desk.open(&actor, &system_id).await?;
        let plan = case.with_undeliverable(case.plan(&asked.wishes).await?);
        let planned_at = desk.clock.now();
        require_seen(&plan, asked.plan_sha256.as_deref())?;
        if meant.another(&plan).is_some() {
            return Err(DeskError::PlanChanged);
        }
        let ready = case.make_ready(&plan)?;
        case.ask_once(&plan, planned_at, &ready, asked.reason.as_deref(), claim.as_ref()).await
    };
    parts.planning.run(work).await?
}

/// Approves a job that somebody else asked for, if what it rests on is as it was. It begins at once. With the `plan_sha256`
/// of the job that was looked at, no other plan is approved. With `preview` nothing is decided: the answer is the job as it
/// is, or why it would be refused.
#[utoipa::path(
    post, path = "/jobs/{job}/approve", tag = "jobs", params(("job" = i64, Path, minimum = 1)),
    request_body = Approval, responses((status = 200, body = ProvisioningJob), RefusedBody)
)]
pub(crate) async fn approve(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(job): InPath<i64>,
    InBody { value: Approval { reason, plan_sha256, preview }, .. }: InBody<Approval>,
) -> Result<Json<ProvisioningJob>, Problem> {
    let job = parts.desk.job(&caller.0, Right::Approve, JobId(job)).await?;
    fits(reason.as_deref())?;
    let desk = parts.desk.clone();
    let work = move || async move {
        let case = desk.open(&caller.0, &job.system_id).await?;
        let fresh = case.fresh_to_decide(job).await?.as_seen(plan_sha256.as_deref())?;
        if preview {
            fresh.require_approvable().await?;
            return Ok(fresh.job().clone());
        }
        fresh.approve(reason.as_deref()).await
    };
    Ok(Json(parts.planning.run(work).await??))
}

/// Rejects a job; nothing of it is done. With `preview` nothing is decided: the answer is the job as it is, or why it would
/// be refused.
#[utoipa::path(
    post, path = "/jobs/{job}/reject", tag = "jobs", params(("job" = i64, Path, minimum = 1)),
    request_body = JobRejection, responses((status = 200, body = ProvisioningJob), RefusedBody)
)]
pub(crate) async fn reject(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    InPath(job): InPath<i64>,
    InBody { value: JobRejection { reason, preview }, .. }: InBody<JobRejection>,
) -> Result<Json<ProvisioningJob>, Problem> {
    parts.desk.job(&actor, Right::Approve, JobId(job)).await?;
    fits(reason.as_deref())?;
    if preview {
        return Ok(Json(parts.desk.rejectable(&actor, JobId(job)).await?));
    }
    Ok(Json(parts.desk.reject(&actor, JobId(job), reason.as_deref()).await?))
}

/// Takes back what has not begun of a job; the rest goes on.
#[utoipa::path(
    post, path = "/jobs/{job}/cancel", tag = "jobs", params(("job" = i64, Path, minimum = 1)),
    request_body = Nothing, responses((status = 200, body = ProvisioningJob), RefusedBody)
)]
pub(crate) async fn cancel(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    InPath(job): InPath<i64>,
    InBody { value: Nothing {}, .. }: InBody<Nothing>,
) -> Result<Json<ProvisioningJob>, Problem> {
    Ok(Json(parts.desk.cancel(&actor, JobId(job)).await?))
}

/// Why a job that failed is left at that.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dismissal {
    /// Why; kept with the job and in the audit log.
    #[schema(min_length = 1, max_length = 1_000)]
    reason: String,
}

/// Notes that a job which failed, wholly or in part, was seen and is left at that. It stays failed, and needs nobody any
/// more; whoever dismissed it first stays noted. It can still be tried again.
#[utoipa::path(
    post, path = "/jobs/{job}/dismiss", tag = "jobs", params(("job" = i64, Path, minimum = 1)),
    request_body = Dismissal, responses((status = 200, body = ProvisioningJob), RefusedBody)
)]
pub(crate) async fn dismiss(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    InPath(job): InPath<i64>,
    InBody { value: Dismissal { reason }, .. }: InBody<Dismissal>,
) -> Result<Json<ProvisioningJob>, Problem> {
    Ok(Json(parts.desk.dismiss(&actor, JobId(job), &reason).await?))
}

/// What trying a job again would take.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlannedAgain {
    #[serde(flatten)]
    plan: Plan,
    /// Why it would be refused; null when it would not.
    refused: Option<String>,
}

/// Says what trying a job again would take: of each task its plan as it would be now, behind what was done of it already; of
/// one that cannot be planned anew the calls that are left. Reads only. The header `plan-sha256` names what would be done, for who asks for exactly that.
#[utoipa::path(
    post, path = "/jobs/{job}/retry-plan", tag = "jobs", params(("job" = i64, Path, minimum = 1)),
    request_body = Nothing,
    responses((status = 200, body = PlannedAgain, headers(("plan-sha256" = String))), RefusedBody)
)]
pub(crate) async fn plan_again(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(job): InPath<i64>,
    InBody { value: Nothing {}, .. }: InBody<Nothing>,
) -> Result<Response, Problem> {
    let job = parts.desk.job(&caller.0, Right::Operate, JobId(job)).await?;
    let desk = parts.desk.clone();
    let work = move || async move {
        let case = desk.open(&caller.0, &job.system_id).await?;
        let Again { plan, refused, .. } = case.plan_again(&job).await?;
        let refused = refused.map(|why| why.to_string());
        Ok::<_, DeskError>(PlannedAgain { plan: case.with_undeliverable(plan), refused })
    };
    let again = parts.planning.run(work).await??;
    Ok(named(&again.plan, Json(&again).into_response()))
}

/// Another try of a job.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retrial {
    /// The plan that was seen, as the header `plan-sha256` of `retry-plan` says it: nothing else is done.
    #[serde(default)]
    #[schema(pattern = "^[0-9a-f]{64}$")]
    plan_sha256: Option<String>,
}

/// Queues once more what failed of a job. It begins at once. Passwords that were never set get new one-time secrets,
/// which are in this answer alone. With the `plan-sha256` of `retry-plan` that plan is carried out and no other; without it
/// the calls that are left are made as they were planned when the job was asked for.
#[utoipa::path(
    post, path = "/jobs/{job}/retry", tag = "jobs", params(("job" = i64, Path, minimum = 1)),
    request_body = Retrial, responses((status = 202, body = AskedJob), RefusedBody)
)]
pub(crate) async fn retry(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(job): InPath<i64>,
    url: Option<Extension<PublicUrl>>,
    InBody { value: Retrial { plan_sha256 }, .. }: InBody<Retrial>,
) -> Result<AskedJob, Problem> {
    let (job, handed) = match plan_sha256 {
        None => parts.desk.retry(&caller.0, JobId(job)).await?,
        Some(seen) => {
            let job = parts.desk.job(&caller.0, Right::Operate, JobId(job)).await?;
            let desk = parts.desk.clone();
            let work = move || async move {
                desk.open(&caller.0, &job.system_id).await?.retry_as_seen(&job, &seen).await
            };
            parts.planning.run(work).await??
        }
    };
    Ok(AskedJob::new(job, handed, url.as_deref()))
}

/// An answer that nobody keeps.
pub(crate) fn unkept(mut answer: Response) -> Response {
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
