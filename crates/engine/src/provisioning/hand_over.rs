//! From a plan to a job whose passwords can be handed over: the way of each is checked before AWS is touched.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use keyreeve_model::{
    Delivery, JobId, PasswordDelivery, ProvisioningJob, ScimPassword, Secret, SystemId, SystemSettings,
    TaskId, TaskKind, TaskState,
};
use keyreeve_store::{Cap, NewJob, NewStep, NewTask, Retry, SealedPassword, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::opening::is_in_force;
use crate::password::{
    LinkKey, OneTimeSecret, PasswordError, Recipient, RecipientError, SealError, random_from_os,
};
use crate::plan::{Basis, LATELY, Plan, PlannedStep, TaskPlan, changed};

/// A one-time secret opens nothing any more after this long.
pub const SECRET_LIVES: Duration = Duration::from_secs(24 * 3_600);

/// Why a password cannot be delivered, or a job not be written down. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum HandOverError {
    /// The system's default names a recipient, and the wish none.
    #[error(
        "{account}: the system delivers passwords to a recipient's key, and none is given; ask for delivery to recipient:KEY"
    )]
    NoRecipient {
        /// The account.
        account: String,
    },
    /// Operator mode is off.
    #[error(
        "{account}: showing passwords to an operator is switched off for this system; an administrator can \
         switch it on: the setting password_delivery is operator then"
    )]
    OperatorOff {
        /// The account.
        account: String,
    },
    /// The recipient's key is no good.
    #[error("{account}: {source}")]
    Recipient {
        /// The account.
        account: String,
        /// Why.
        source: RecipientError,
    },
    /// No one-time secret could be made.
    #[error(transparent)]
    OneTime(#[from] PasswordError),
    /// A password was given, and not one task sets one.
    #[error(
        "a password was given, and what is asked for sets {0} passwords, not one: leave it out, or give it in a request \
         of its own"
    )]
    GivenForNone(usize),
    /// A password could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The recipient's key that was kept with the job cannot be read.
    #[error(transparent)]
    Kept(#[from] RecipientError),
    /// The store refused.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The plan cannot be written as JSON.
    #[error("the plan could not be written down: {0}")]
    Json(#[from] serde_json::Error),
}

/// How a task's passwords are sealed. Holds no secret, so that it can be kept with the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "way", rename_all = "snake_case")]
pub(super) enum Sealing {
    /// For whoever has the one-time secret.
    Link {
        /// The secret's public half.
        key: LinkKey,
    },
    /// For the holder of a private key.
    Recipient {
        /// The public key.
        key: String,
    },
    /// Under the store's own key.
    Operator,
    /// Not at all: it came with what was asked for, so its owner has it.
    Given,
}

/// What is kept with a job besides its tasks: what the plan rests on, and how its passwords are sealed.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    basis: Basis,
    sealings: BTreeMap<usize, Sealing>,
    /// The tasks, by place, that take an administrator away.
    #[serde(default)]
    administrators: BTreeSet<usize>,
}

/// The deliveries of a plan's passwords, checked and made ready.
#[derive(Debug)]
pub struct HandOver {
    sealings: BTreeMap<usize, Sealing>,
    secrets: BTreeMap<usize, Secret>,
    given: Vec<(usize, Secret)>,
    caps: Vec<Cap>,
}

/// A one-time secret on its way to whoever asked: the task, the account, the secret.
pub type Handed = (TaskId, String, Secret);

impl HandOver {
    /// Checks the delivery of every password of the plan, and makes the one-time secrets.
    ///
    /// # Errors
    /// See [`HandOverError`].
    pub fn prepare(plan: &Plan, settings: &SystemSettings) -> Result<Self, HandOverError> {
        let mut ready = Self::empty(settings);
        for (index, task) in plan.tasks.iter().enumerate().filter(|(_, task)| task.takes_password()) {
            let (sealing, secret) = sealing_of(task, settings)?;
            ready.secrets.extend(secret.map(|secret| (index, secret)));
            ready.sealings.insert(index, sealing);
        }
        Ok(ready)
    }

    /// The same where whoever asks has chosen the password of the one task that sets one.
    ///
    /// # Errors
    /// [`HandOverError::GivenForNone`].
    pub fn with_given(
        plan: &Plan,
        settings: &SystemSettings,
        password: &Secret,
    ) -> Result<Self, HandOverError> {
        let takers = plan.tasks.iter().enumerate().filter(|(_, task)| task.takes_password());
        let takers: Vec<usize> = takers.map(|(index, _)| index).collect();
        let [taker] = takers.as_slice() else { return Err(HandOverError::GivenForNone(takers.len())) };
        let mut ready = Self::empty(settings);
        ready.sealings.insert(*taker, Sealing::Given);
        ready.given.push((*taker, password.clone()));
        Ok(ready)
    }

    fn empty(settings: &SystemSettings) -> Self {
        let (sealings, secrets) = (BTreeMap::new(), BTreeMap::new());
        Self { sealings, secrets, given: Vec::new(), caps: caps(settings) }
    }

    /// The passwords that were given, each with the place of its task.
    #[must_use]
    pub fn given(&self) -> &[(usize, Secret)] {
        &self.given
    }

    /// The passwords of a plan that could not be delivered: the place of each task, and why.
    #[must_use]
    pub fn undeliverable(plan: &Plan, settings: &SystemSettings) -> Vec<(usize, HandOverError)> {
        let takers = plan.tasks.iter().enumerate().filter(|(_, task)| task.takes_password());
        takers
            .filter_map(|(index, task)| sealing_of(task, settings).err().map(|error| (index, error)))
            .collect()
    }

    /// Why a retry of a job would be refused: there is nothing to try again, it takes away more than one person may, or another
    /// job is about to delete one of its accounts; `None` when it would not.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn retry_refused(
        store: &Store,
        job: JobId,
        settings: &SystemSettings,
        now: Timestamp,
    ) -> Result<Option<StoreError>, StoreError> {
        store.retry_refused(job, &caps(settings), now).await
    }

    /// The job to be written down.
    ///
    /// # Errors
    /// [`HandOverError::Json`].
    pub fn job(&self, plan: &Plan, actor: &str, reason: Option<&str>) -> Result<NewJob, HandOverError> {
        let takes = |(index, task): (usize, &TaskPlan)| task.takes_administrator.then_some(index);
        let kept = Kept {
            basis: plan.basis.clone(),
            sealings: self.sealings.clone(),
            administrators: plan.tasks.iter().enumerate().filter_map(takes).collect(),
        };
        let tasks = plan.tasks.iter().map(|task| NewTask {
            wish: task.wish.clone(),
            account: task.account.clone(),
            account_external_id: task.account_external_id.clone(),
            after: task.after.clone(),
            steps: new_steps(task),
            notices: task.notices.clone(),
            manifest: task.manifest.clone(),
            recreate: task.recreate.clone(),
            delivery: task.wish.deliver().cloned(),
        });
        Ok(NewJob {
            system_id: plan.system_id.clone(),
            actor: actor.to_owned(),
            reason: reason.map(str::to_owned),
            baseline_run: Some(plan.run),
            plan_sha256: plan.sha256()?,
            approval_because: plan.approval_because.clone(),
            caps: self.caps.clone(),
            facts: serde_json::to_value(kept)?,
            tasks: tasks.collect(),
        })
    }

    /// The one-time secrets, to be shown once; the job's tasks stand in the order of the plan.
    #[must_use]
    pub fn tokens(&self, job: &ProvisioningJob) -> Vec<Handed> {
        let of = |(index, secret): (&usize, &Secret)| {
            job.tasks.get(*index).map(|task| (task.id, task.account.clone(), secret.clone()))
        };
        self.secrets.iter().filter_map(of).collect()
    }

    /// Queues what failed of a job once more, within what the system's settings let one person do. One-time secrets of
    /// passwords that were never set were given to nobody, so there are new ones for them: what is handed over later is
    /// good for what is set from now on. A password that came with the job is there no more, so one is made in its place.
    /// Of tasks in `anew` the steps of their new plans take the place of those that are left.
    ///
    /// # Errors
    /// [`HandOverError::Store`], [`HandOverError::OneTime`], and those of a password that cannot be delivered.
    pub async fn retry(
        store: &Store,
        job: &ProvisioningJob,
        settings: &SystemSettings,
        anew: &[(TaskId, &TaskPlan)],
        actor: &str,
        now: Timestamp,
    ) -> Result<(ProvisioningJob, Vec<Handed>), HandOverError> {
        let mut kept = Kept::of_job(store, job.id).await?;
        let deliveries = store.deliveries(job.id).await?;
        let mut handed = Vec::new();
        let ways = kept.sealings.len();
        // One that sets a password only now has no way for it yet.
        for (index, task) in job.tasks.iter().enumerate() {
            let planned = anew.iter().find(|(id, planned)| *id == task.id && planned.takes_password());
            if let Some((_, planned)) = planned
                && !kept.sealings.contains_key(&index)
            {
                let (sealing, secret) = sealing_of(planned, settings)?;
                kept.sealings.insert(index, sealing);
                handed.extend(secret.map(|secret| (task.id, task.account.clone(), secret)));
            }
        }
        for (index, sealing) in &mut kept.sealings {
            let Some(task) = job.tasks.get(*index) else { continue };
            let again = matches!(task.state, TaskState::Failed | TaskState::NeedsPerson);
            let new_secret = match sealing {
                Sealing::Link { .. } => !is_in_force(&deliveries, task.id),
                // It was wiped when the job ended.
                Sealing::Given => {
                    task.steps.iter().any(|step| step.call.takes_password() && !step.state.is_done())
                }
                Sealing::Recipient { .. } | Sealing::Operator => false,
            };
            if again && new_secret && !handed.iter().any(|(id, ..)| *id == task.id) {
                let OneTimeSecret { token, key } = OneTimeSecret::new(&mut random_from_os)?;
                *sealing = Sealing::Link { key };
                handed.push((task.id, task.account.clone(), token));
            }
        }
        let facts = if handed.is_empty() && ways == kept.sealings.len() {
            None
        } else {
            Some(serde_json::to_value(kept)?)
        };
        let steps: Vec<_> = anew.iter().map(|(id, planned)| (*id, new_steps(planned))).collect();
        let retry = Retry { actor, caps: &caps(settings), facts: facts.as_ref(), steps: &steps };
        Ok((store.retry_job(job.id, &retry, now).await?, handed))
    }

    /// Of the one-time secrets of a job those that open a password, or will when its task has made one; and the tasks
    /// that ended without one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn of_use(
        store: &Store,
        job: &ProvisioningJob,
        handed: Vec<Handed>,
    ) -> Result<(Vec<Handed>, Vec<(TaskId, String)>), StoreError> {
        let deliveries = store.deliveries(job.id).await?;
        let open = |id: TaskId| job.tasks.iter().any(|task| task.id == id && !task.state.is_terminal());
        let (of_use, of_none): (Vec<Handed>, Vec<Handed>) =
            handed.into_iter().partition(|(task, ..)| open(*task) || is_in_force(&deliveries, *task));
        Ok((of_use, of_none.into_iter().map(|(task, account, _)| (task, account)).collect()))
    }

    /// Whether a secret is that of a password which an open task has yet to make. All of it is compared, so that this
    /// tells nothing to who guesses.
    pub(super) async fn is_yet_to_come(store: &Store, secret: &Secret) -> Result<bool, StoreError> {
        let Ok(asked) = LinkKey::of(secret) else { return Ok(false) };
        for id in store.open_jobs().await? {
            let kept = Kept::of_job(store, id).await?;
            let of_secret = |sealing: &Sealing| matches!(sealing, Sealing::Link { key } if *key == asked);
            if let Some((index, _)) = kept.sealings.iter().find(|(_, sealing)| of_secret(sealing)) {
                let tasks = store.job(id).await?.tasks;
                return Ok(tasks.get(*index).is_some_and(|task| !task.state.is_terminal()));
            }
        }
        Ok(false)
    }

    /// What a job rests on that is seen otherwise now. `kept` is what [`Store::job_facts`] gives. Of an account that a
    /// task may no longer change, that is said: less was read of it, too.
    #[must_use]
    pub fn changed(kept: &Value, now: &Plan) -> Vec<String> {
        match serde_json::from_value::<Kept>(kept.clone()) {
            Ok(kept) => changed(&kept.basis, &now.basis)
                .into_iter()
                .map(|seen| in_the_way_of(&seen, now).unwrap_or(seen))
                .collect(),
            Err(_) => vec!["what it rested on, which cannot be read".to_owned()],
        }
    }
}

/// What stands in the way of the task about an account that is seen otherwise.
fn in_the_way_of(seen: &str, now: &Plan) -> Option<String> {
    let object = seen.split_once(": ").map_or(seen, |(object, _)| object);
    let name = object.strip_prefix("account ")?;
    let task = now.tasks.iter().find(|task| task.account == name && !task.obstacles.is_empty())?;
    let obstacles: Vec<&str> = task.obstacles.iter().map(|obstacle| obstacle.message.as_str()).collect();
    Some(format!("{object}: {}", obstacles.join("; ")))
}

impl Kept {
    async fn of_job(store: &Store, job: JobId) -> Result<Self, StoreError> {
        let unreadable = |_| StoreError::Data { what: format!("the facts of job {job} cannot be read") };
        serde_json::from_value(store.job_facts(job).await?).map_err(unreadable)
    }
}

/// The steps of a task, to be written down.
fn new_steps(task: &TaskPlan) -> Vec<NewStep> {
    let of = |step: &PlannedStep| NewStep {
        call: step.call.clone(),
        operation: step.operation.clone().into_owned(),
        reason: step.reason,
        after: step.after.clone(),
    };
    task.steps.iter().map(of).collect()
}

/// How the password of a task is to be sealed, with its one-time secret if it has one.
fn sealing_of(
    task: &TaskPlan,
    settings: &SystemSettings,
) -> Result<(Sealing, Option<Secret>), HandOverError> {
    let account = || task.account.clone();
    match (task.wish.deliver(), settings.password_delivery) {
        (Some(Delivery::Recipient(key)), _) => {
            Recipient::parse(key)
                .map_err(|source| HandOverError::Recipient { account: account(), source })?;
            Ok((Sealing::Recipient { key: key.clone() }, None))
        }
        (Some(Delivery::Operator) | None, PasswordDelivery::Operator) => Ok((Sealing::Operator, None)),
        (Some(Delivery::Operator), _) => Err(HandOverError::OperatorOff { account: account() }),
        (None, PasswordDelivery::Recipient) => Err(HandOverError::NoRecipient { account: account() }),
        (Some(Delivery::Link) | None, _) => {
            let OneTimeSecret { token, key } = OneTimeSecret::new(&mut random_from_os)?;
            Ok((Sealing::Link { key }, Some(token)))
        }
    }
}

/// What a plan may take away before a second person must agree, by the system's settings.
fn caps(settings: &SystemSettings) -> Vec<Cap> {
    let cap = |kind, at_most: u32| Cap { kind, within: LATELY, at_most: at_most.into() };
    vec![
        cap(TaskKind::DeleteAccount, settings.max_deletes),
        cap(TaskKind::DeactivateAccount, settings.max_deactivations),
    ]
}

/// What a worker must know of a job besides its tasks.
pub(super) struct OfJob {
    /// How the passwords of its tasks are sealed.
    pub(super) sealings: HashMap<TaskId, Sealing>,
    /// The tasks that take an administrator away.
    pub(super) administrators: HashSet<TaskId>,
}

impl OfJob {
    /// Reads it.
    pub(super) async fn read(store: &Store, job: &ProvisioningJob) -> Result<Self, StoreError> {
        let kept = Kept::of_job(store, job.id).await?;
        let task = |index: usize| job.tasks.get(index).map(|task| task.id);
        let of = |(index, sealing): (usize, Sealing)| task(index).map(|id| (id, sealing));
        Ok(Self {
            sealings: kept.sealings.into_iter().filter_map(of).collect(),
            administrators: kept.administrators.into_iter().filter_map(task).collect(),
        })
    }
}

impl Sealing {
    /// Why no password may be set like this any more; `None` when it may. What a setting allowed may have been switched
    /// off since the job was asked for.
    pub(super) fn off(&self, settings: &SystemSettings) -> Option<&'static str> {
        match self {
            Self::Operator if settings.password_delivery != PasswordDelivery::Operator => Some(
                "showing passwords to an operator was switched off for this system after this was asked for, so no \
                 password is made; ask again, for another delivery or as the system delivers now",
            ),
            Self::Given if settings.scim_password != ScimPassword::Accept => Some(
                "passwords chosen by SCIM clients were switched off for this system after this was asked for, so none is \
                 set; ask again without one",
            ),
            _ => None,
        }
    }

    /// Seals a password for its owner; `None` of one that the owner has.
    pub(super) async fn seal(
        &self,
        store: &Store,
        system: &SystemId,
        account: &str,
        password: &Secret,
        now: Timestamp,
    ) -> Result<Option<SealedPassword>, HandOverError> {
        let expires_at = now.checked_add(SECRET_LIVES).ok();
        Ok(Some(match self {
            Self::Given => return Ok(None),
            Self::Link { key } => SealedPassword {
                kind: "link".to_owned(),
                ciphertext: key.seal(password)?,
                lookup: Some(key.lookup.clone()),
                expires_at,
            },
            Self::Recipient { key } => {
                let recipient = Recipient::parse(key)?;
                let ciphertext = recipient.seal(password)?.into_bytes();
                SealedPassword { kind: "recipient".to_owned(), ciphertext, lookup: None, expires_at: None }
            }
            Self::Operator => SealedPassword {
                kind: "operator".to_owned(),
                ciphertext: store.seal_for_operator(system, account, password).await?,
                lookup: None,
                expires_at,
            },
        }))
    }
}
