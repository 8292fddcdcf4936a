//! What people decide about a job.

use jiff::Timestamp;
use keyreeve_model::{JobId, JobState, ProvisioningJob, TaskState};
use serde_json::json;

use super::ending::{self, UNTOUCHED};
use super::moves::{JobPlace, TasksMove, find_job, move_tasks};
use super::{folded, rows};
use crate::audit::recording;
use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::{Transaction, reading};
use crate::{Store, StoreError};

impl Store {
    /// Approves or rejects a job that waits for it. A rejected job is cancelled.
    ///
    /// # Errors
    /// [`StoreError::JobNotFound`], [`StoreError::JobDecided`] when somebody has decided, [`StoreError::JobState`] when it
    /// does not wait for approval for another reason, [`StoreError::OwnApproval`] or [`StoreError::OwnRejection`] when the actor asked for it (names are compared ignoring case);
    /// [`StoreError::OwnAccount`] when the actor approves it and an account in it has the actor's name.
    pub async fn decide_job(
        &self,
        id: JobId,
        approve: bool,
        actor: &str,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<ProvisioningJob, StoreError> {
        recording!(self, "deciding the job", now, |transaction, trail| {
            let mut job = find_job(transaction, id).await?;
            let to = if approve { JobState::Queued } else { JobState::Cancelled };
            require_decidable(transaction, &job, approve, actor).await?;
            let text = "UPDATE provisioning_jobs SET decided_by = $1, decision_reason = $2, decided_at = $3 \
                        WHERE job_id = $4";
            let reason = reason.map(str::to_owned);
            transaction.execute(statement!(text, actor, reason.clone(), to_millis(now), id.0)).await?;
            let rejected = format!("rejected by {actor}");
            let (action, moved) = if approve {
                ("job_approved", released(TaskState::AwaitingApproval, actor))
            } else {
                let moved = cancelled(TaskState::AwaitingApproval, "", actor);
                ("job_rejected", TasksMove { result: Some(&rejected), ..moved })
            };
            let said = (actor, action, json!({"reason": reason}));
            job.become_state(transaction, trail, to, said, now).await?;
            move_tasks(transaction, trail, &job, moved, now).await?;
            rows::job(transaction, id).await
        })
        .await
    }

    /// Refuses what [`Self::decide_job`] would refuse; nothing is decided.
    ///
    /// # Errors
    /// Those of [`Self::decide_job`].
    pub async fn require_decidable(&self, id: JobId, approve: bool, actor: &str) -> Result<(), StoreError> {
        reading!(self, "looking whether the job can be decided", |transaction| {
            let job = find_job(transaction, id).await?;
            require_decidable(transaction, &job, approve, actor).await
        })
        .await
    }

    /// Refuses a job that does not wait for approval (any more).
    ///
    /// # Errors
    /// [`StoreError::JobNotFound`], [`StoreError::JobDecided`], [`StoreError::JobState`].
    pub async fn require_undecided(&self, id: JobId) -> Result<(), StoreError> {
        reading!(self, "looking whether the job waits for approval", |transaction| {
            let job = find_job(transaction, id).await?;
            require_undecided(transaction, &job, JobState::Queued).await
        })
        .await
    }

    /// Notes that somebody has seen that a job failed and leaves it at that: it stays failed, and needs nobody any more.
    /// Who did so first stays noted; the same word of theirs once more changes nothing.
    ///
    /// # Errors
    /// [`StoreError::JobNotFound`], [`StoreError::JobNotFailed`], [`StoreError::JobDismissed`] when somebody else has done
    /// so, or the same one for another reason.
    pub async fn dismiss_job(
        &self,
        id: JobId,
        actor: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<ProvisioningJob, StoreError> {
        recording!(self, "dismissing the job", now, |transaction, trail| {
            let job = find_job(transaction, id).await?;
            if !matches!(job.state, JobState::Failed | JobState::PartiallyFailed) {
                return Err(StoreError::JobNotFailed { job: id, state: job.state });
            }
            let text = "UPDATE provisioning_jobs SET dismissed_by = $1, dismissal_reason = $2, dismissed_at = $3 \
                        WHERE job_id = $4 AND dismissed_at IS NULL";
            if transaction.execute(statement!(text, actor, reason, to_millis(now), id.0)).await? > 0 {
                let subject = json!({"job": id, "reason": reason});
                trail.note(actor, Some(&job.system_id), "job_dismissed", &subject);
                return rows::job(transaction, id).await;
            }
            let job = rows::job(transaction, id).await?;
            let same = job.dismissed_by.as_deref() == Some(actor)
                && job.dismissal_reason.as_deref() == Some(reason);
            match job.dismissed_by.clone().zip(job.dismissed_at) {
                Some((by, at)) if !same => Err(StoreError::JobDismissed { job: id, by, at }),
                _ => Ok(job),
            }
        })
        .await
    }

    /// Takes a job back: tasks of which nothing was attempted are cancelled, the others go on. When none goes on,
    /// the job ends.
    ///
    /// # Errors
    /// [`StoreError::JobNotFound`], [`StoreError::JobState`] when it has ended.
    pub async fn cancel_job(
        &self,
        id: JobId,
        actor: &str,
        now: Timestamp,
    ) -> Result<ProvisioningJob, StoreError> {
        self.cancel_job_in(id, None, actor, now).await
    }

    /// The same of a job that still waits for a second person, and of no other.
    ///
    /// # Errors
    /// As [`Self::cancel_job`].
    pub async fn cancel_unapproved_job(
        &self,
        id: JobId,
        actor: &str,
        now: Timestamp,
    ) -> Result<ProvisioningJob, StoreError> {
        self.cancel_job_in(id, Some(JobState::AwaitingApproval), actor, now).await
    }

    async fn cancel_job_in(
        &self,
        id: JobId,
        state: Option<JobState>,
        actor: &str,
        now: Timestamp,
    ) -> Result<ProvisioningJob, StoreError> {
        recording!(self, "cancelling the job", now, |transaction, trail| {
            let mut job = find_job(transaction, id).await?;
            job.require_move(JobState::Cancelled)?;
            if state.is_some_and(|state| state != job.state) {
                return Err(StoreError::JobState { job: id, from: job.state, to: JobState::Cancelled });
            }
            trail.note(actor, Some(&job.system_id), "job_cancel_asked", &json!({"job": id}));
            if job.state == JobState::AwaitingApproval {
                let said = (actor, "job_cancelled", json!({}));
                job.become_state(transaction, trail, JobState::Cancelled, said, now).await?;
                let moved = cancelled(TaskState::AwaitingApproval, "", actor);
                move_tasks(transaction, trail, &job, moved, now).await?;
            } else {
                let moved = cancelled(TaskState::Queued, UNTOUCHED, actor);
                move_tasks(transaction, trail, &job, moved, now).await?;
                ending::fail_waiting(transaction, trail, &job, now).await?;
                ending::end_job_if_over(transaction, trail, &mut job, now).await?;
            }
            rows::job(transaction, id).await
        })
        .await
    }
}

/// Refuses a job that this actor cannot decide, or nobody can any more.
async fn require_decidable(
    transaction: &mut Transaction,
    job: &JobPlace,
    approve: bool,
    actor: &str,
) -> Result<(), StoreError> {
    let to = if approve { JobState::Queued } else { JobState::Cancelled };
    require_undecided(transaction, job, to).await?;
    let (id, by) = (job.id, || actor.to_owned());
    if job.actor.to_lowercase() == actor.to_lowercase() {
        return Err(match approve {
            true => StoreError::OwnApproval { job: id, actor: by() },
            false => StoreError::OwnRejection { job: id, actor: by() },
        });
    }
    match own_account(transaction, id, actor).await? {
        Some(account) if approve => Err(StoreError::OwnAccount { job: id, actor: by(), account }),
        _ => Ok(()),
    }
}

/// Refuses a job that does not wait for approval (any more), and says who has decided.
async fn require_undecided(
    transaction: &mut Transaction,
    job: &JobPlace,
    to: JobState,
) -> Result<(), StoreError> {
    if job.state == JobState::AwaitingApproval {
        return Ok(());
    }
    let text = "SELECT decided_by, decided_at FROM provisioning_jobs WHERE job_id = $1";
    let decided = transaction
        .fetch_one(statement!(text, job.id.0), |row| Ok(row.opt_text(0)?.zip(row.opt_time(1)?)))
        .await?;
    let (id, state) = (job.id, job.state);
    Err(match decided {
        Some((by, at)) => StoreError::JobDecided { job: id, by, at, state },
        None => StoreError::JobState { job: id, from: state, to },
    })
}

/// The account of a job that has the actor's name, as far as names tell: who it is for must not approve it.
async fn own_account(
    transaction: &mut Transaction,
    id: JobId,
    actor: &str,
) -> Result<Option<String>, StoreError> {
    // `local:ada` is ada of the operating system.
    let name = actor.rsplit_once(':').map_or(actor, |(_, name)| name);
    let text =
        "SELECT account FROM tasks WHERE job_id = $1 AND account_folded IN ($2, $3) ORDER BY task_id LIMIT 1";
    let find = statement!(text, id.0, folded(name), folded(actor));
    transaction.fetch_optional(find, |row| row.text(0)).await
}

/// Tasks that may begin (again).
pub(super) fn released(from: TaskState, actor: &str) -> TasksMove<'_> {
    let (to, action) = (TaskState::Queued, "task_queued");
    TasksMove { from, to, narrowing: "", actor, action, result: None, failure: None }
}

fn cancelled<'a>(from: TaskState, narrowing: &'static str, actor: &'a str) -> TasksMove<'a> {
    let result = Some("taken back before anything of it was done");
    let (to, action) = (TaskState::Cancelled, "task_cancelled");
    TasksMove { from, to, narrowing, actor, action, result, failure: None }
}
