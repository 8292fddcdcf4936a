//! What is decided about jobs without a look at the connected system.

use keyreeve_model::{JobId, ProvisioningJob, TaskId};
use keyreeve_store::StoreError;

use super::keeping::fits;
use super::{Desk, DeskError, Rung, is_there};
use crate::plan::TaskPlan;
use crate::provisioning::{HandOver, HandOverError, Handed};
use crate::rights::{Actor, Right};

/// A refusal without what whoever asks may not see: a job of another system is not there for them.
pub(super) fn as_seen_by(actor: &Actor, error: StoreError) -> StoreError {
    match error {
        StoreError::DeletionUnderWay { job, account, other } => {
            let other = other.filter(|other| actor.reaches(&other.system_id));
            StoreError::DeletionUnderWay { job, account, other }
        }
        error => error,
    }
}

impl Desk {
    /// A job, for somebody who has that right in its system. One of another system is not there for them.
    ///
    /// # Errors
    /// [`DeskError::Denied`]; [`StoreError::JobNotFound`].
    pub async fn job(&self, actor: &Actor, right: Right, id: JobId) -> Result<ProvisioningJob, DeskError> {
        actor.require(right)?;
        let job = self.store.job(id).await?;
        if let Err(denied) = actor.require_system(&job.system_id) {
            return Err(DeskError::Hidden(denied, Box::new(StoreError::JobNotFound { job: id })));
        }
        Ok(job)
    }

    /// Rejects a job; nothing of it is done.
    ///
    /// # Errors
    /// As [`Desk::job`] and [`keyreeve_store::Store::decide_job`].
    pub async fn reject(
        &self,
        actor: &Actor,
        id: JobId,
        reason: Option<&str>,
    ) -> Result<ProvisioningJob, DeskError> {
        let job = self.job(actor, Right::Approve, id).await?;
        Ok(self.store.decide_job(job.id, false, actor.name(), reason, self.clock.now()).await?)
    }

    /// The job, if [`Self::reject`] would not refuse it; nothing is decided.
    ///
    /// # Errors
    /// Those of [`Self::reject`].
    pub async fn rejectable(&self, actor: &Actor, id: JobId) -> Result<ProvisioningJob, DeskError> {
        let job = self.job(actor, Right::Approve, id).await?;
        self.store.require_decidable(job.id, false, actor.name()).await?;
        Ok(job)
    }

    /// Takes back what has not begun of a job.
    ///
    /// # Errors
    /// As [`Desk::job`] and [`keyreeve_store::Store::cancel_job`].
    pub async fn cancel(&self, actor: &Actor, id: JobId) -> Result<ProvisioningJob, DeskError> {
        let job = self.job(actor, Right::Operate, id).await?;
        Ok(self.store.cancel_job(job.id, actor.name(), self.clock.now()).await?)
    }

    /// Takes a job back that still waits for a second person, and no other.
    ///
    /// # Errors
    /// As [`Desk::cancel`].
    pub async fn cancel_unapproved(&self, actor: &Actor, id: JobId) -> Result<ProvisioningJob, DeskError> {
        let job = self.job(actor, Right::Operate, id).await?;
        Ok(self.store.cancel_unapproved_job(job.id, actor.name(), self.clock.now()).await?)
    }

    /// Notes that whoever asks has seen that a job failed, and leaves it at that; a reason must be given.
    ///
    /// # Errors
    /// As [`Desk::job`] and [`keyreeve_store::Store::dismiss_job`]; [`DeskError::Reason`], [`DeskError::Invalid`].
    pub async fn dismiss(
        &self,
        actor: &Actor,
        id: JobId,
        reason: &str,
    ) -> Result<ProvisioningJob, DeskError> {
        let job = self.job(actor, Right::Operate, id).await?;
        let reason = reason.trim();
        if reason.is_empty() {
            return Err(DeskError::Reason);
        }
        fits(Some(reason))?;
        Ok(self.store.dismiss_job(job.id, actor.name(), reason, self.clock.now()).await?)
    }

    /// Queues what failed of a job once more, with new one-time secrets for passwords that were never set.
    ///
    /// # Errors
    /// As [`Desk::job`] and [`HandOver::retry`]; [`StoreError::SystemRemoved`].
    pub async fn retry(&self, actor: &Actor, id: JobId) -> Result<(ProvisioningJob, Vec<Handed>), DeskError> {
        self.retry_anew(actor, id, &[]).await
    }

    /// The same, where some of its tasks were planned anew.
    pub(super) async fn retry_anew(
        &self,
        actor: &Actor,
        id: JobId,
        anew: &[(TaskId, &TaskPlan)],
    ) -> Result<(ProvisioningJob, Vec<Handed>), DeskError> {
        let job = self.job(actor, Right::Operate, id).await?;
        let system = self.store.get_system(&job.system_id).await?;
        is_there(&system)?;
        let (by, now) = (actor.name(), self.clock.now());
        let retried = HandOver::retry(&self.store, &job, &system.settings, anew, by, now).await;
        let (job, handed) = retried.map_err(|error| match error {
            HandOverError::Store(error) => HandOverError::Store(as_seen_by(actor, error)),
            other => other,
        })?;
        self.bell.ring(Rung { job: job.id, system_id: job.system_id.clone(), planned_at: None });
        Ok((job, handed))
    }
}
