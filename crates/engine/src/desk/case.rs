//! One system that somebody is about to change.

use jiff::{SignedDuration, Timestamp};
use keyreeve_connector::Connector;
use keyreeve_model::{
    ClaimFact, ExternalId, Hint, JobState, Obstacle, ObstacleKind, ProvisioningJob, ScimPassword, Secret,
    System, TaskKind, Wish,
};
use keyreeve_store::{KeyClaim, OpenDeletion, ScimMark, ScimSaid, WithJob};

use super::{Desk, DeskError, MOST_WISHES, Rung};
use crate::import::Patience;
use crate::password::check_given;
use crate::plan::{Facts, GatherError, Gatherer, Plan, Seen, plan};
use crate::provisioning::{HandOver, Handed};
use crate::rights::{Actor, Right};

/// AWS may not list yet what was made so short a time ago.
const SHOWN_WITHIN: SignedDuration = SignedDuration::from_mins(1);

/// One system that somebody is about to change.
pub struct Case {
    pub(super) desk: Desk,
    pub(super) actor: Actor,
    /// The system, as it was when the case was opened.
    pub system: System,
    /// The connection with it.
    pub connector: Box<dyn Connector>,
}

/// A job that was asked for.
#[derive(Debug)]
pub struct Asked {
    /// The job: queued, or waiting for a second person.
    pub job: ProvisioningJob,
    /// The one-time secrets of its passwords. They are kept nowhere.
    pub handed: Vec<Handed>,
}

/// A job of which it was just seen that what it rests on is as it was.
pub struct Fresh<'a> {
    case: &'a Case,
    job: ProvisioningJob,
    seen_at: Option<Timestamp>,
}

impl Case {
    /// What the wishes take, with what other jobs are about to do to the same accounts. Reads only.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::Wishes`], [`DeskError::Gather`], [`DeskError::Store`].
    pub async fn plan(&self, wishes: &[Wish]) -> Result<Plan, DeskError> {
        let mut plan = self.plan_with(wishes, None).await?;
        self.note_deletions(&mut plan).await?;
        Ok(plan)
    }

    /// Says which accounts another job is about to delete: nobody asks for that twice, and whoever asks for anything else
    /// is told.
    pub(super) async fn note_deletions(&self, plan: &mut Plan) -> Result<(), DeskError> {
        let ids: Vec<ExternalId> =
            plan.tasks.iter().filter_map(|task| task.account_external_id.clone()).collect();
        let going = self.desk.store.deletions_under_way(&self.system.system_id, &ids).await?;
        for task in &mut plan.tasks {
            let Some(going) = task.account_external_id.as_ref().and_then(|id| going.get(id)) else {
                continue;
            };
            let OpenDeletion { job, system_id, state } = going;
            // A job of a system that whoever asks may not see is not there for them.
            // A notice is kept with the job, for whoever may see that.
            let again = task.kind == TaskKind::DeleteAccount;
            let is_own = *system_id == self.system.system_id;
            let (which, see) = match self.actor.reaches(system_id) {
                true if is_own => (format!("job {job}"), format!(" (see {})", Hint::ShowJob(*job))),
                true if again => {
                    (format!("job {job} of system {system_id}"), format!(" (see {})", Hint::ShowJob(*job)))
                }
                _ => ("a job of another system of this AWS account".to_owned(), String::new()),
            };
            let waits = *state == JobState::AwaitingApproval;
            let stands = if waits { "waits for a second person" } else { "has not ended" };
            let account = task.account.escape_debug();
            let message = match (again, waits) {
                (true, true) => format!(
                    "{which}, which {stands}, deletes {account} already{see}. Have it approved, or have it taken back \
                     before you ask again"
                ),
                (true, false) => format!(
                    "{which}, which {stands}, deletes {account} already{see}. Ask again if it does not succeed"
                ),
                (false, _) => format!("{which}, which {stands}, deletes {account}{see}"),
            };
            let said = Obstacle::new(ObstacleKind::UnderWay, message);
            if again { task.obstacles.push(said) } else { task.notices.push(said) }
        }
        Ok(())
    }

    /// The same where whoever asks has chosen a password: it is held against the account's policy as it is now.
    ///
    /// # Errors
    /// As [`Case::plan`]; [`DeskError::Given`], [`DeskError::NoPolicy`].
    pub async fn plan_with(&self, wishes: &[Wish], password: Option<&Secret>) -> Result<Plan, DeskError> {
        self.require(Right::Operate)?;
        if !(1..=MOST_WISHES).contains(&wishes.len()) {
            return Err(DeskError::Wishes(wishes.len()));
        }
        let facts = self.facts(wishes).await?;
        if let Some(password) = password {
            match &facts.password_policy {
                Seen::Read(policy) => check_given(policy.as_ref(), password)?,
                // Nothing that is asked for sets a password: that is said of the plan.
                Seen::NotRead => {}
                Seen::NotVisible(missing) => return Err(DeskError::NoPolicy(missing.join(", "))),
            }
        }
        self.planned(&facts, wishes)
    }

    /// Whether no account has this id any more, by a listing that was read to its proved end. Of one that we made a moment
    /// ago nothing is concluded. Reads only.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::Gather`], [`DeskError::Store`].
    pub async fn is_gone(&self, id: &ExternalId) -> Result<bool, DeskError> {
        self.require(Right::Operate)?;
        let facts = self.facts(&[]).await?;
        if facts.accounts.values().any(|account| account.external_id.as_ref() == Some(id)) {
            return Ok(false);
        }
        let since = self.desk.clock.now().checked_sub(SHOWN_WITHIN).unwrap_or(Timestamp::MIN);
        let claimed = self.desk.store.claimed_since(&self.system.system_id, since).await?;
        Ok(!claimed.contains(&(id.clone(), ClaimFact::AccountExists)))
    }

    /// A plan whose obstacles also say which passwords could not be delivered.
    #[must_use]
    pub fn with_undeliverable(&self, mut plan: Plan) -> Plan {
        for (task, error) in HandOver::undeliverable(&plan, &self.system.settings) {
            let obstacle = Obstacle::new(ObstacleKind::Delivery, error.to_string());
            plan.tasks.get_mut(task).into_iter().for_each(|task| task.obstacles.push(obstacle.clone()));
        }
        plan
    }

    /// Makes ready the delivery of a plan's passwords, if nothing stands in its way and there is something to do.
    ///
    /// # Errors
    /// [`DeskError::Obstructed`], [`DeskError::NothingToDo`], [`DeskError::HandOver`].
    pub fn make_ready(&self, plan: &Plan) -> Result<HandOver, DeskError> {
        Self::require_possible(plan)?;
        Ok(HandOver::prepare(plan, &self.system.settings)?)
    }

    /// The same where whoever asks has chosen the password.
    ///
    /// # Errors
    /// As [`Case::make_ready`]; [`DeskError::GivenOff`].
    pub fn make_ready_given(&self, plan: &Plan, password: &Secret) -> Result<HandOver, DeskError> {
        if self.system.settings.scim_password != ScimPassword::Accept {
            return Err(DeskError::GivenOff);
        }
        Self::require_possible(plan)?;
        Ok(HandOver::with_given(plan, &self.system.settings, password)?)
    }

    fn require_possible(plan: &Plan) -> Result<(), DeskError> {
        if !plan.is_possible() {
            return Err(DeskError::Obstructed(Box::new(plan.clone())));
        }
        if plan.tasks.iter().all(|task| task.steps.is_empty()) {
            return Err(DeskError::NothingToDo(Box::new(plan.clone())));
        }
        Ok(())
    }

    /// Asks for what a plan says, which was made at `planned_at`.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::HandOver`], [`DeskError::Store`].
    pub async fn ask(
        &self,
        plan: &Plan,
        planned_at: Timestamp,
        hand_over: &HandOver,
        reason: Option<&str>,
    ) -> Result<Asked, DeskError> {
        self.ask_with(plan, planned_at, hand_over, reason, WithJob::default()).await
    }

    /// As [`Case::ask`], with what a SCIM client says besides: it comes to hold when the job has succeeded. Nothing may
    /// have changed `since`.
    ///
    /// # Errors
    /// As [`Case::ask`].
    pub async fn ask_saying(
        &self,
        plan: &Plan,
        planned_at: Timestamp,
        hand_over: &HandOver,
        reason: Option<&str>,
        (said, since): (&ScimSaid, Option<&ScimMark>),
    ) -> Result<Asked, DeskError> {
        let with = WithJob { said: Some(said), since, ..WithJob::default() };
        self.ask_with(plan, planned_at, hand_over, reason, with).await
    }

    /// Asks once more for a job that waits for a second person: what is given and said besides takes the place of what
    /// was.
    ///
    /// # Errors
    /// As [`Case::ask`].
    pub async fn ask_again(
        &self,
        job: &ProvisioningJob,
        hand_over: &HandOver,
        (said, since): (&ScimSaid, Option<&ScimMark>),
    ) -> Result<(), DeskError> {
        self.require(Right::Operate)?;
        let with = WithJob { passwords: hand_over.given(), said: Some(said), request: None, since };
        Ok(self.desk.store.replace_with_job(job.id, with, self.desk.clock.now()).await?)
    }

    /// As [`Case::ask`], for a request that must be done once.
    ///
    /// # Errors
    /// As [`Case::ask`].
    pub async fn ask_once(
        &self,
        plan: &Plan,
        planned_at: Timestamp,
        hand_over: &HandOver,
        reason: Option<&str>,
        request: Option<&KeyClaim>,
    ) -> Result<Asked, DeskError> {
        let with = WithJob { request, ..WithJob::default() };
        self.ask_with(plan, planned_at, hand_over, reason, with).await
    }

    async fn ask_with(
        &self,
        plan: &Plan,
        planned_at: Timestamp,
        hand_over: &HandOver,
        reason: Option<&str>,
        with: WithJob<'_>,
    ) -> Result<Asked, DeskError> {
        self.require(Right::Operate)?;
        let new = hand_over.job(plan, self.actor.name(), reason)?;
        let with = WithJob { passwords: hand_over.given(), ..with };
        let job = self.desk.store.create_job_with(&new, with, self.desk.clock.now()).await?;
        if job.state == JobState::Queued {
            self.ring(&job, Some(planned_at));
        }
        let handed = hand_over.tokens(&job);
        Ok(Asked { job, handed })
    }

    /// Looks whether what a job rests on is as it was. A job of which something has begun is not held to that.
    ///
    /// # Errors
    /// [`DeskError::Stale`], [`DeskError::Gather`], [`DeskError::Store`].
    pub async fn fresh(&self, job: ProvisioningJob) -> Result<Fresh<'_>, DeskError> {
        if job.tasks.iter().any(|task| task.started_at.is_some()) {
            return Ok(Fresh { case: self, job, seen_at: None });
        }
        let wishes: Vec<Wish> = job.tasks.iter().map(|task| task.wish.clone()).collect();
        let now = self.look(&wishes).await?;
        let seen_at = Some(self.desk.clock.now());
        let changed = HandOver::changed(&self.desk.store.job_facts(job.id).await?, &now);
        if !changed.is_empty() {
            return Err(DeskError::Stale { job: job.id, changed });
        }
        Ok(Fresh { case: self, job, seen_at })
    }

    /// As [`Case::fresh`], of a job that waits for a second person. What another one's approval has done meanwhile makes
    /// nothing stale: who has decided is said instead.
    ///
    /// # Errors
    /// As [`Case::fresh`]; [`keyreeve_store::StoreError::JobDecided`].
    pub async fn fresh_to_decide(&self, job: ProvisioningJob) -> Result<Fresh<'_>, DeskError> {
        let id = job.id;
        self.desk.store.require_undecided(id).await?;
        match self.fresh(job).await {
            Err(error @ (DeskError::Stale { .. } | DeskError::Gather(_))) => {
                self.desk.store.require_undecided(id).await?;
                Err(error)
            }
            fresh => fresh,
        }
    }

    /// What a job that waits for a second person would be if it was asked for now. Reads only, and decides nothing.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::Gather`].
    pub async fn planned_anew(&self, job: &ProvisioningJob) -> Result<Plan, DeskError> {
        self.require(Right::Approve)?;
        let wishes: Vec<Wish> = job.tasks.iter().map(|task| task.wish.clone()).collect();
        let mut facts = self.facts(&wishes).await?;
        // The job itself is none of what is asked for besides.
        let own = |kind: TaskKind| job.tasks.iter().filter(|task| task.kind == kind).count() as u64;
        facts.recent_deletes = facts.recent_deletes.saturating_sub(own(TaskKind::DeleteAccount));
        facts.recent_deactivations =
            facts.recent_deactivations.saturating_sub(own(TaskKind::DeactivateAccount));
        self.planned(&facts, &wishes)
    }

    /// Whether what a job that nobody has begun rests on is otherwise in a plan of the same wishes that was made just now.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub async fn is_stale(&self, job: &ProvisioningJob, now: &Plan) -> Result<bool, DeskError> {
        Ok(!HandOver::changed(&self.desk.store.job_facts(job.id).await?, now).is_empty())
    }

    pub(super) fn require(&self, right: Right) -> Result<(), DeskError> {
        self.actor.require(right)?;
        Ok(self.actor.require_system(&self.system.system_id)?)
    }

    pub(super) async fn look(&self, wishes: &[Wish]) -> Result<Plan, DeskError> {
        self.planned(&self.facts(wishes).await?, wishes)
    }

    pub(super) async fn facts(&self, wishes: &[Wish]) -> Result<Facts, DeskError> {
        let gatherer = Gatherer {
            store: self.desk.store.clone(),
            clock: self.desk.clock,
            patience: Patience::default(),
            pacers: self.desk.pacers.clone(),
        };
        Ok(gatherer.gather(&*self.connector, &self.system, wishes).await?)
    }

    fn planned(&self, facts: &Facts, wishes: &[Wish]) -> Result<Plan, DeskError> {
        let lacks = || GatherError::NoProvisioning(self.system.system_id.to_string());
        let provisioning = self.connector.provisioning().ok_or_else(lacks)?;
        Ok(plan(facts, provisioning, wishes, || uuid::Uuid::now_v7().to_string()))
    }

    fn ring(&self, job: &ProvisioningJob, planned_at: Option<Timestamp>) {
        self.desk.bell.ring(Rung { job: job.id, system_id: job.system_id.clone(), planned_at });
    }
}

/// Refuses a plan that does not do what whoever asks has seen; without a digest any does.
///
/// # Errors
/// [`DeskError::PlanChanged`].
pub fn require_seen(plan: &Plan, plan_sha256: Option<&str>) -> Result<(), DeskError> {
    let is_seen = plan_sha256.is_none_or(|seen| plan.sha256().is_ok_and(|sha256| sha256 == seen));
    if is_seen { Ok(()) } else { Err(DeskError::PlanChanged) }
}

impl Fresh<'_> {
    /// The job.
    #[must_use]
    pub fn job(&self) -> &ProvisioningJob {
        &self.job
    }

    /// The same, if its plan is the one that whoever decides has seen; without a digest any is.
    ///
    /// # Errors
    /// [`DeskError::OtherPlan`].
    pub fn as_seen(self, plan_sha256: Option<&str>) -> Result<Self, DeskError> {
        match plan_sha256 {
            Some(seen) if seen != self.job.plan_sha256 => Err(DeskError::OtherPlan { job: self.job.id }),
            _ => Ok(self),
        }
    }

    /// Refuses what [`Self::approve`] would refuse; nothing is decided.
    ///
    /// # Errors
    /// Those of [`Self::approve`].
    pub async fn require_approvable(&self) -> Result<(), DeskError> {
        let Self { case, job, .. } = self;
        case.require(Right::Approve)?;
        Ok(case.desk.store.require_decidable(job.id, true, case.actor.name()).await?)
    }

    /// Approves the job, which somebody else asked for.
    ///
    /// # Errors
    /// [`DeskError::Denied`]; as [`keyreeve_store::Store::decide_job`].
    pub async fn approve(self, reason: Option<&str>) -> Result<ProvisioningJob, DeskError> {
        let Self { case, job, seen_at } = self;
        case.require(Right::Approve)?;
        let Desk { store, clock, .. } = &case.desk;
        let job = store.decide_job(job.id, true, case.actor.name(), reason, clock.now()).await?;
        case.ring(&job, seen_at);
        Ok(job)
    }
}
