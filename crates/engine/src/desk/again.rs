//! Jobs that are tried again: what that would take, and as it was seen.

use keyreeve_model::{
    Obstacle, ObstacleKind, ProvisioningJob, Step, StepCall, StepState, Task, TaskId, TaskKind, TaskState,
    Wish,
};
use keyreeve_store::StoreError;

use super::case::require_seen;
use super::decide::as_seen_by;
use super::{Case, Desk, DeskError};
use crate::plan::{GatherError, Plan, PlannedStep, TaskPlan};
use crate::provisioning::{HandOver, Handed};
use crate::rights::Right;

/// What trying a job again would take.
#[derive(Debug)]
pub struct Again {
    /// Its plan.
    pub plan: Plan,
    /// Why it would be refused; `None` when it would not.
    pub refused: Option<StoreError>,
    /// The tasks that take other calls now than are left of them, with their places in the plan.
    anew: Vec<(TaskId, usize)>,
}

impl Case {
    /// What trying a job again would take: of each task its plan as it would be now, behind what was done of it already;
    /// of one that cannot be planned anew the calls that are left.
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
        let mut anew = Vec::new();
        for (place, (planned, task)) in plan.tasks.iter_mut().zip(tasks).enumerate() {
            if takes_other_calls(task, planned) {
                anew.push((task.id, place));
                continue;
            }
            let begun = task.steps.iter().any(|step| step.state.is_done());
            if !begun && task.steps.iter().all(is_settled) {
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
            // Which deletions are under way is said as it is now.
            let said = task.notices.iter().filter(|one| one.kind != ObstacleKind::UnderWay);
            planned.notices = said.cloned().collect();
            if begun {
                planned.obstacles.clear();
            } else if may_have_made(task) {
                let known = planned.obstacles.len();
                planned.obstacles.retain(|one| one.kind != ObstacleKind::NameTaken);
                if planned.obstacles.len() < known {
                    let message = format!(
                        "there is a user {0:?}, and this task may have made it: that is looked at first. If so, it goes on \
                         with that user; if not, nothing is done to it, and the task fails because the name is taken",
                        task.account
                    );
                    planned.notices.push(Obstacle { kind: ObstacleKind::NameTaken, message });
                }
            }
        }
        let Desk { store, clock, .. } = &self.desk;
        let refused = HandOver::retry_refused(store, job.id, &self.system.settings, clock.now()).await?;
        let refused = refused.map(|refused| as_seen_by(&self.actor, refused));
        if refused.is_none() {
            self.note_deletions(&mut plan).await?;
        }
        Ok(Again { plan, refused, anew })
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
        let Again { plan, refused, anew } = self.plan_again(job).await?;
        if let Some(refused) = refused {
            return Err(refused.into());
        }
        let plan = self.with_undeliverable(plan);
        require_seen(&plan, Some(plan_sha256))?;
        let planned = anew.iter().filter_map(|(task, place)| Some((*task, plan.tasks.get(*place)?)));
        self.desk.retry_anew(&self.actor, job.id, &planned.collect::<Vec<_>>()).await
    }
}

/// Whether it is known what became of a step.
fn is_settled(step: &Step) -> bool {
    step.state.is_done() || matches!(step.state, StepState::Planned | StepState::NotApplied)
}

/// Whether a call of the task that makes its account was sent, and its answer was lost.
fn may_have_made(task: &Task) -> bool {
    let makes = |step: &Step| matches!(step.call, StepCall::CreateAccount { .. });
    task.steps.iter().any(|step| makes(step) && !is_settled(step))
}

/// Whether what is left of a task gives way to its plan as it is now. It does not while the outcome of a call is unknown,
/// nor where the plan is about another account, or one that was made in the meantime, or where more was kept with the task
/// than its calls: a deletion and a deactivation look anew at the account by themselves.
fn takes_other_calls(task: &Task, planned: &TaskPlan) -> bool {
    let left = task.steps.iter().filter(|step| !step.state.is_done()).map(|step| &step.call);
    task.steps.iter().all(is_settled)
        && planned.obstacles.is_empty()
        && planned.account_external_id == task.account_external_id
        && planned.manifest == task.manifest
        && planned.recreate == task.recreate
        && !matches!(task.kind, TaskKind::DeleteAccount | TaskKind::DeactivateAccount)
        && !left.eq(planned.steps.iter().map(|step| &step.call))
}
