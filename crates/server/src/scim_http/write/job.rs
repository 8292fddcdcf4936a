//! Wishes become a job like any other, and the caller learns what came of it.

use std::time::Duration;

use keyreeve_engine::desk::{Case, DeskError};
use keyreeve_engine::plan::{Plan, TaskPlan};
use keyreeve_model::{
    ExternalId, FailureKind, JobId, JobState, Obstacle, ObstacleKind, ProvisioningJob, Secret, SystemId,
    Task, TaskKind, TaskState, Wish, leaves_a_way_in,
};
use keyreeve_store::{JobSlice, ScimBecomes, ScimMark, ScimSaid, Store, StoreError};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};

use super::began::{Began, Waits};
use crate::meant::Meant;
use crate::problem::Problem;
use crate::scim::{Cause, Error};
use crate::scim_http::answer::{Refusal, with_whom};
use crate::scim_http::asked::Asked;

/// A job is looked at so often at first, and then ever less often.
const LOOK_FIRST: Duration = Duration::from_millis(20);
const LOOK_LAST: Duration = Duration::from_secs(1);
/// What is done about the end of a job is done if it ends in so long.
const FOLLOWED_FOR: Duration = Duration::from_secs(24 * 3_600);
/// So many of the jobs that wait for approval are looked through, the newest first.
const LAST_JOBS: u32 = 100;

/// What a client says, and how what it changes was when it was read.
pub(crate) type Said = (ScimSaid, Option<ScimMark>);

/// So often it is looked whether another process has ended its change.
pub(super) const OTHERS: Duration = Duration::from_millis(200);
/// So often a change is worked out anew because another process was faster.
const ANEW: u32 = 5;

/// Other processes that change the same: a change is read and made as if nobody else was there, and anew if somebody was.
#[derive(Default)]
pub(crate) struct Others {
    anew: u32,
}

impl Others {
    /// How a user or a group is, once no other process is at it.
    pub(crate) async fn gone(&self, asked: &Asked, id: &ExternalId) -> Result<Option<ScimMark>, Refusal> {
        loop {
            let mark = asked.parts.store.scim_mark(asked.system_id(), id).await?;
            if mark.under_way().is_none() {
                return Ok(Some(mark));
            }
            sleep(OTHERS).await;
        }
    }

    /// Whether what was refused is to be worked out anew. If it was the version that the client expects, that is seen
    /// when it is read again.
    pub(crate) fn were_faster(&mut self, refusal: &Refusal) -> bool {
        self.anew += 1;
        refusal.0.cause == Cause::PreconditionFailed && self.anew <= ANEW
    }
}

/// Does a change to its end, whether the caller waits or not, once it has begun; waits for that until `until`. What has not
/// begun when the caller has been answered, or is gone, is given up.
pub(crate) async fn within<T: Send + 'static>(
    until: Instant,
    began: Began,
    change: impl Future<Output = Result<T, Refusal>> + Send + 'static,
) -> Result<T, Refusal> {
    let (tell, mut told) = oneshot::channel();
    let caller = Waits(began.clone());
    let given_up = began.clone();
    tokio::spawn(async move {
        tokio::select! {
            done = change => drop(tell.send(done)),
            () = given_up.given_up() => {}
        }
    });
    let broke_off = |_| Error::new(Cause::Internal, "the change broke off");
    tokio::select! {
        done = &mut told => return done.map_err(broke_off)?,
        () = sleep_until(until) => {}
    }
    if caller.0.give_up() {
        return Err(late(None).into());
    }
    // It is being written down, or is already.
    tokio::select! {
        biased;
        done = &mut told => done.map_err(broke_off)?,
        job = caller.0.job() => Err(late(Some(&job)).into()),
    }
}

/// RFC 7644 has no answer for what is still under way; clients ask again after this one.
pub(crate) fn late(job: Option<&JobId>) -> Error {
    let detail = match job {
        Some(job) => {
            format!("job {job} is still under way; ask again, and what is done then is not done twice")
        }
        None => "nothing was begun in time; ask again".to_owned(),
    };
    Error::new(Cause::Unavailable, detail)
}

/// Has done what is wished, and lets hold what is said besides: with the job, or at once where there is nothing to do.
pub(crate) async fn done(
    asked: &Asked,
    (wishes, meant): (Vec<Wish>, Meant),
    password: Option<Secret>,
    said: Said,
    began: &Began,
) -> Result<Option<ProvisioningJob>, Refusal> {
    if !wishes.is_empty()
        && let Some(job) = carried_out(asked, (wishes, meant), password, said.clone(), began).await?
    {
        return Ok(Some(job));
    }
    let (said, since) = said;
    let nothing = said.changes.is_empty() && said.external_id.is_none() && said.becomes == ScimBecomes::Kept;
    if !nothing {
        asked.pass.still_lets_in().await?;
        began.begin()?;
        let now = asked.parts.clock.now();
        let kept =
            asked.parts.store.keep_scim_since(asked.system_id(), asked.client(), &said, since.as_ref(), now);
        kept.await.inspect_err(|error| began.unless_changed(error))?;
    }
    Ok(None)
}

/// Whether AWS has nobody of this id any more: the second look, after the one of a plan that did not find it.
pub(crate) async fn is_gone(asked: &Asked, id: &ExternalId) -> Result<bool, Refusal> {
    let id = id.clone();
    looked(asked, |case| async move { case.is_gone(&id).await }).await
}

/// What is seen at AWS now, in its turn among the plans.
pub(super) async fn looked<T: Send + 'static, F: Future<Output = Result<T, DeskError>> + Send>(
    asked: &Asked,
    look: impl FnOnce(Case) -> F + Send + 'static,
) -> Result<T, Refusal> {
    let (desk, actor, system) = (asked.parts.desk.clone(), asked.caller.0.clone(), asked.system_id().clone());
    let look = move || async move {
        let case = desk.open(&actor, &system).await.map_err(refused)?;
        look(case).await.map_err(refused)
    };
    asked.parts.planning.run(look).await.map_err(|error| Error::new(Cause::Internal, error.to_string()))?
}

/// Carries wishes out, with the password that the client has chosen. `None` when all is as it is wished already. One-time
/// secrets of passwords are given to nobody: no answer of SCIM holds any.
async fn carried_out(
    asked: &Asked,
    (wishes, meant): (Vec<Wish>, Meant),
    password: Option<Secret>,
    (said, since): Said,
    began: &Began,
) -> Result<Option<ProvisioningJob>, Refusal> {
    let (desk, actor, pass) = (asked.parts.desk.clone(), asked.caller.0.clone(), asked.pass.clone());
    let (system, begins) = (asked.system_id().clone(), began.clone());
    let work = move || async move {
        let case = desk.open(&actor, &system).await.map_err(refused)?;
        let planned_at = desk.clock.now();
        let plan = case.plan_with(&wishes, password.as_ref()).await.map_err(refused)?;
        not_another(&meant, &plan)?;
        let mut said = said;
        let open = plan.tasks.iter().any(|task| leaves_a_way_in(task.kind, &task.notices).is_some());
        if open && said.becomes == ScimBecomes::Deleted {
            // Whoever may still come in is not gone.
            said.becomes = ScimBecomes::Kept;
        }
        let (plan, ready) = match &password {
            Some(password) => {
                let ready = case.make_ready_given(&plan, password);
                (plan, ready)
            }
            None => {
                let plan = case.with_undeliverable(plan);
                let ready = case.make_ready(&plan);
                (plan, ready)
            }
        };
        let hand_over = match ready {
            Err(DeskError::NothingToDo(_)) => return Ok(None),
            ready => ready.map_err(refused)?,
        };
        let (waiting, outdated) = match plan.approval_because.as_slice() {
            [] => (None, Vec::new()),
            _ => waiting(&desk.store, &case, actor.name(), &plan).await.map_err(refused)?,
        };
        let not_begun = |error| {
            if let DeskError::Store(error) = &error {
                begins.unless_changed(error);
            }
            refused(error)
        };
        // Planning takes its time.
        pass.still_lets_in().await?;
        begins.begin()?;
        let said = (&said, since.as_ref());
        let job = match waiting {
            Some(waiting) => {
                case.ask_again(&waiting, &hand_over, said).await.map_err(not_begun)?;
                waiting
            }
            None => {
                let reason = Some("asked for over SCIM");
                let asked = case.ask_saying(&plan, planned_at, &hand_over, reason, said).await;
                asked.map_err(not_begun)?.job
            }
        };
        for outdated in outdated {
            match desk.cancel_unapproved(&actor, outdated).await {
                // Somebody has decided it in this moment.
                Ok(_) | Err(DeskError::Store(StoreError::JobState { .. })) => {}
                Err(error) => {
                    tracing::warn!(job = %outdated, %error, "a job that cannot be approved any more stays")
                }
            }
        }
        Ok(Some(job))
    };
    let done: Result<Option<ProvisioningJob>, Refusal> = asked
        .parts
        .planning
        .run(work)
        .await
        .map_err(|error| Error::new(Cause::Internal, error.to_string()))?;
    let Some(job) = done? else { return Ok(None) };
    began.became(job.id);
    Ok(Some(followed(asked, job).await?))
}

fn not_another(meant: &Meant, plan: &Plan) -> Result<(), Error> {
    meant.another(plan).map_or(Ok(()), |why| Err(Error::new(Cause::Conflict, why)))
}

/// Whether wishes could be carried out; nothing is asked for.
///
/// # Errors
/// What stands in the way of them.
pub(super) async fn possible(asked: &Asked, (wishes, meant): (Vec<Wish>, Meant)) -> Result<(), Refusal> {
    if wishes.is_empty() {
        return Ok(());
    }
    let (desk, actor, system) = (asked.parts.desk.clone(), asked.caller.0.clone(), asked.system_id().clone());
    let work = move || async move {
        let case = desk.open(&actor, &system).await.map_err(refused)?;
        let plan = case.plan_with(&wishes, None).await.map_err(refused)?;
        not_another(&meant, &plan)?;
        match case.make_ready(&case.with_undeliverable(plan)) {
            Ok(_) | Err(DeskError::NothingToDo(_)) => Ok::<(), Refusal>(()),
            Err(error) => Err(refused(error)),
        }
    };
    let done = asked.parts.planning.run(work).await;
    done.map_err(|error| Error::new(Cause::Internal, error.to_string()))?
}

/// The same was asked for before and waits for a second person: clients ask again and again. Besides what nobody can
/// approve any more, because what it rests on has changed, or what its users are called.
async fn waiting(
    store: &Store,
    case: &Case,
    actor: &str,
    plan: &Plan,
) -> Result<(Option<ProvisioningJob>, Vec<JobId>), DeskError> {
    let mut outdated = Vec::new();
    for job in unapproved_of(store, &case.system.system_id, actor).await? {
        let of_both = || job.tasks.iter().zip(&plan.tasks);
        if job.tasks.len() != plan.tasks.len() || !of_both().all(|(task, plan)| is_same(task, plan)) {
            continue;
        }
        if of_both().all(|(task, plan)| task.wish == plan.wish) && !case.is_stale(&job, plan).await? {
            return Ok((Some(job), outdated));
        }
        outdated.push(job.id);
    }
    Ok((None, outdated))
}

/// Whether the same is wished of the same user, by whatever name.
fn is_same(task: &Task, plan: &TaskPlan) -> bool {
    let goes = matches!(task.kind, TaskKind::DeactivateAccount | TaskKind::DeleteAccount);
    let known = plan.account_external_id.is_some();
    task.wish == plan.wish
        || (goes && known && task.kind == plan.kind && task.account_external_id == plan.account_external_id)
}

/// The jobs that a client has asked for and that wait for a second person, the newest first.
async fn unapproved_of(
    store: &Store,
    system: &SystemId,
    actor: &str,
) -> Result<Vec<ProvisioningJob>, StoreError> {
    let slice = JobSlice { state: Some(JobState::AwaitingApproval), limit: LAST_JOBS, ..JobSlice::default() };
    let mut jobs = store.jobs_slice(system, &slice).await?;
    jobs.retain(|job| job.actor == actor);
    Ok(jobs)
}

/// The job at its end, if that is a good one.
async fn followed(asked: &Asked, mut job: ProvisioningJob) -> Result<ProvisioningJob, Refusal> {
    let until = Instant::now() + FOLLOWED_FOR;
    let mut look = LOOK_FIRST;
    loop {
        match job.state {
            JobState::Succeeded => {
                return match still_open(&job) {
                    Some(refusal) => Err(refusal.into()),
                    None => Ok(job),
                };
            }
            JobState::AwaitingApproval => return Err(unapproved(&job).into()),
            JobState::Failed | JobState::PartiallyFailed | JobState::Cancelled => {
                return Err(failed(&job).into());
            }
            JobState::Queued | JobState::Running if Instant::now() > until => {
                return Err(late(Some(&job.id)).into());
            }
            JobState::Queued | JobState::Running => {}
        }
        sleep(look).await;
        look = (look * 5 / 4).min(LOOK_LAST);
        job = asked.parts.store.job(job.id).await?;
    }
}

/// That a deactivation took away what it could, and that this need not be all. A client has nobody who reads notices.
fn still_open(job: &ProvisioningJob) -> Option<Error> {
    let left = |task: &Task| leaves_a_way_in(task.kind, &task.notices).map(str::to_owned);
    let why = job.tasks.iter().find_map(left)?;
    let detail = format!(
        "job {} took away what it could of what lets the user in, and the user is not taken for shut out: {why}; an \
         administrator lets the connector do more (permission_profile=lifecycle), or names a policy that denies \
         everything (deny_all_policy)",
        job.id
    );
    Some(Error::new(Cause::Forbidden, detail))
}

fn unapproved(job: &ProvisioningJob) -> Error {
    let detail = format!(
        "nothing was changed: job {} waits for the approval of a second person ({})",
        job.id,
        job.approval_because.join("; ")
    );
    Error::new(Cause::Forbidden, detail)
}

fn failed(job: &ProvisioningJob) -> Error {
    let bad = |state| matches!(state, TaskState::Failed | TaskState::NeedsPerson | TaskState::Cancelled);
    let task = job.tasks.iter().find(|task| bad(task.state));
    let failure = task.and_then(|task| task.failure.as_ref());
    let cause = match failure.map(|failure| failure.kind) {
        Some(FailureKind::AlreadyThere) => Cause::Uniqueness,
        Some(FailureKind::PasswordRefused) => Cause::InvalidValue,
        Some(FailureKind::Denied) => Cause::Forbidden,
        Some(FailureKind::Throttled | FailureKind::Busy | FailureKind::NotSent) => Cause::Unavailable,
        Some(
            FailureKind::Gone
            | FailureKind::Dependants
            | FailureKind::IdentityChanged
            | FailureKind::AccountInactive,
        )
        | None => Cause::Conflict,
        Some(_) => Cause::Internal,
    };
    let done = job.tasks.iter().any(|task| task.steps.iter().any(|step| step.state.is_done()));
    let part = if done { "part of it was done" } else { "nothing was changed" };
    let why = failure.map_or("it was taken back", |failure| failure.message.as_str());
    Error::new(cause, format!("job {} came to no good end ({part}): {why}", job.id))
}

/// Why nothing was asked for.
pub(super) fn refused(error: DeskError) -> Refusal {
    let error = match error {
        DeskError::Store(error) => return error.into(),
        DeskError::Denied(denied) => return Problem::from(denied).into(),
        other => other,
    };
    let cause = match &error {
        DeskError::Denied(_) | DeskError::Hidden(..) | DeskError::NoPolicy(_) | DeskError::GivenOff => {
            Cause::Forbidden
        }
        DeskError::NotLent(_) => Cause::Forbidden,
        DeskError::Credentials(_) => Cause::Conflict,
        DeskError::NotConnected(_) | DeskError::Gather(_) => Cause::Unavailable,
        DeskError::Obstructed(plan) => {
            let first = plan.tasks.iter().flat_map(|task| &task.obstacles).next();
            first.map_or(Cause::Conflict, in_the_way)
        }
        DeskError::Wishes(_) => Cause::TooLarge,
        DeskError::Invalid(_) | DeskError::Given(_) => Cause::InvalidValue,
        DeskError::BrokeOff => Cause::Internal,
        DeskError::Open(_)
        | DeskError::Import(_)
        | DeskError::Reason
        | DeskError::HandOver(_)
        | DeskError::NothingToDo(_)
        | DeskError::Discovery(_)
        | DeskError::Rotation(_)
        | DeskError::NotReleased(_)
        | DeskError::ProtectionsEnd(_)
        | DeskError::Stale { .. }
        | DeskError::OtherPlan { .. }
        | DeskError::RunOfAnother { .. }
        | DeskError::PlanChanged
        | DeskError::Store(_) => Cause::Conflict,
    };
    Error::new(cause, with_whom(format!("{error}; nothing was changed"))).into()
}

fn in_the_way(obstacle: &Obstacle) -> Cause {
    match obstacle.kind {
        ObstacleKind::NameTaken => Cause::Uniqueness,
        ObstacleKind::Protected | ObstacleKind::PermissionMissing => Cause::Forbidden,
        ObstacleKind::Invalid | ObstacleKind::NotAttachable | ObstacleKind::Contradiction => {
            Cause::InvalidValue
        }
        ObstacleKind::NotFound
        | ObstacleKind::Ambiguous
        | ObstacleKind::IdentityChanged
        | ObstacleKind::QuotaFull
        | ObstacleKind::FirstSignIn
        | ObstacleKind::Delivery
        | ObstacleKind::Dependants
        | ObstacleKind::NotVisible
        | ObstacleKind::Administrator
        | ObstacleKind::UnderWay
        | ObstacleKind::NothingToDo => Cause::Conflict,
    }
}
