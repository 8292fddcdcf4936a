//! Jobs that are tried again: what that would take, and as it was seen.

use keyreeve_model::{ProvisioningJob, Task, TaskState, Wish};
use keyreeve_store::StoreError;

use super::case::require_seen;
use super::{Case, Desk, DeskError};
use crate::plan::{GatherError, Plan, PlannedStep};
use crate::provisioning::{HandOver, Handed};
use crate::rights::Right;

/// What trying a job again would take.
#[derive(Debug)]
pub struct Again {
    /// Its plan.
    pub plan: Plan,
    /// Why it would be refused; `None` when it would not.
    pub refused: Option<StoreError>,
}

impl Case {
    /// What trying a job again would take: of a task that nothing was done of, its plan as it would be now; of another
    /// the calls that are left.
    ///
    /// # Errors
    /// As [`Case::plan`].
    pub async fn plan_again(&self, job: &ProvisioningJob) -> Result<Again, DeskError> {
        self.require(Right::Operate)?;
        let failed = |task: &&Task| matches!(task.state, TaskState::Failed | TaskState::NeedsPerson);
        let tasks: Vec<&Task> = job.tasks.iter().filter(failed).collect();
        let wishes: Vec<Wish> = tasks.iter().map(|task| task.wish.clone()).collect();
        let mut plan = self.look(&wishes).await?;
        let lacks = || GatherError::NoProvisioning(self.system.system_id.to_string());
        let provisioning = self.connector.provisioning().ok_or_else(lacks)?;
        for (planned, task) in plan.tasks.iter_mut().zip(tasks) {
            if !task.steps.iter().any(|step| step.state.is_done()) {
                continue;
            }
            let left = task.steps.iter().filter(|step| !step.state.is_done());
            planned.steps = left
                .map(|step| PlannedStep {
                    seq: step.seq,
                    operation: provisioning.operation(&step.call).into(),
                    call: step.call.clone(),
                    reason: step.reason,
                    after: step.after.clone(),
                })
                .collect();
            planned.obstacles.clear();
            planned.notices.clone_from(&task.notices);
        }
        let Desk { store, clock, .. } = &self.desk;
        let refused = HandOver::retry_refused(store, job.id, &self.system.settings, clock.now()).await?;
        Ok(Again { plan, refused })
    }

    /// Queues what failed of a job once more, if that takes what whoever asks has seen.
    ///
    /// # Errors
    /// [`DeskError::PlanChanged`]; as [`Case::plan_again`] and [`Desk::retry`].
    pub async fn retry_as_seen(
        &self,
        job: &ProvisioningJob,
        plan_sha256: &str,
    ) -> Result<(ProvisioningJob, Vec<Handed>), DeskError> {
        let Again { plan, refused } = self.plan_again(job).await?;
        if let Some(refused) = refused {
            return Err(refused.into());
        }
        require_seen(&self.with_undeliverable(plan), Some(plan_sha256))?;
        self.desk.retry(&self.actor, job.id).await
    }
}
