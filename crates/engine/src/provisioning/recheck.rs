//! Planning once more what waited: since a job was planned an account may have become the last administrator, a group
//! full, a name taken.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use keyreeve_connector::{Connector, Provisioning};
use keyreeve_model::{
    Effect, Failure, FailureKind, Obstacle, ObstacleKind, ProvisioningJob, StepCall, StepState, System, Task,
    TaskId, TaskKind, TaskState, Wish,
};

use super::hand_over::HandOver;
use super::retry::signed;
use super::worker::WorkError;
use crate::plan::{Facts, Gatherer, TaskPlan, objects, plan_again};

/// A plan is good for so long. It takes about as long to read one with care and to agree to it.
pub(super) const GOOD_FOR: Duration = Duration::from_secs(30);

/// Whether what is left of a job must be planned once more before it goes on. `planned_at` is when this process
/// planned it, if it did; a job that another process has begun is as good as it was for whoever began it.
pub(super) fn is_due(job: &ProvisioningJob, planned_at: Option<Timestamp>, now: Timestamp) -> bool {
    let begun = job.tasks.iter().any(|task| task.started_at.is_some());
    let planned_at = planned_at.or(begun.then_some(job.created_at));
    planned_at.is_none_or(|at| now.duration_since(at) > signed(GOOD_FOR))
}

/// What planning once more showed of tasks of which nothing was done yet.
#[derive(Debug, Default)]
pub(super) struct Rechecked {
    /// What stands in the way now.
    pub(super) in_the_way: HashMap<TaskId, Failure>,
    /// Deletions of which other calls must come before, or in another order.
    pub(super) anew: HashMap<TaskId, Vec<(&'static str, StepCall)>>,
    /// Tasks that take an administrator away.
    pub(super) administrators: HashSet<TaskId>,
    /// When the facts about all tasks of the job were read; `None` when only some were looked at.
    pub(super) of_all_at: Option<Timestamp>,
}

/// Plans once more what nothing was done of yet.
///
/// # Errors
/// [`WorkError::Stale`] when nothing of the job was done and what it rests on has changed; [`WorkError::Guard`].
pub(super) async fn recheck(
    gatherer: &Gatherer,
    connector: &dyn Connector,
    system: &System,
    job: &ProvisioningJob,
) -> Result<Rechecked, WorkError> {
    let tasks = untouched(job);
    let Some(provisioning) = connector.provisioning() else { return Ok(Rechecked::default()) };
    if tasks.is_empty() {
        return Ok(Rechecked::default());
    }
    let wishes: Vec<Wish> = tasks.iter().map(|task| task.wish.clone()).collect();
    let facts = gatherer.gather(connector, system, &wishes).await?;
    let plan = plan_again(&facts, provisioning, &wishes);
    let at = gatherer.clock.now();
    let in_the_way: HashMap<TaskId, Failure> = tasks
        .iter()
        .zip(&plan.tasks)
        .filter(|(task, planned)| !planned.obstacles.is_empty() && is_same(&facts, task))
        .map(|(task, planned)| {
            let obstacles: Vec<&str> = planned.obstacles.iter().map(|one| one.message.as_str()).collect();
            let message = format!("{}. Nothing was changed", obstacles.join("; "));
            (task.id, Failure { kind: FailureKind::Permanent, message, effect: Effect::None, at })
        })
        .collect();
    let planned = || tasks.iter().zip(&plan.tasks);
    let anew: HashMap<TaskId, Vec<(&'static str, StepCall)>> = planned()
        .filter(|(task, planned)| planned.obstacles.is_empty() && is_other_deletion(task, planned))
        .map(|(task, planned)| (task.id, removals(planned, provisioning)))
        .collect();
    let administrators =
        planned().filter(|(_, planned)| planned.takes_administrator).map(|(task, _)| task.id).collect();
    if tasks.len() == job.tasks.len() {
        let mut changed = HandOver::changed(&gatherer.store.job_facts(job.id).await?, &plan);
        // A refused task says itself what is the matter with what it rests on.
        let goes_on = tasks.iter().filter(|task| !in_the_way.contains_key(&task.id));
        let rests_on: HashSet<String> = goes_on
            .flat_map(|task| objects(&task.account, &task.wish, task.steps.iter().map(|step| &step.call)))
            .collect();
        changed.retain(|changed| {
            rests_on.contains(changed.split_once(": ").map_or(changed.as_str(), |(object, _)| object))
        });
        // Whoever agreed saw other calls, or another order: what an account loses last keeps others from using it.
        let other = tasks.iter().filter(|task| anew.contains_key(&task.id));
        changed.extend(other.map(|task| format!("what must go before account {}", task.account)));
        // Nobody has agreed to that.
        let strong = |notice: &Obstacle| notice.kind == ObstacleKind::Administrator;
        let unsaid = planned().filter(|(task, planned)| {
            system.settings.approve_administrators
                && planned.notices.iter().any(strong)
                && !task.notices.iter().any(strong)
        });
        changed.extend(unsaid.map(|(task, _)| format!("what account {} may do with it", task.account)));
        if !changed.is_empty() {
            return Err(WorkError::Stale(changed));
        }
    }
    let of_all_at = (tasks.len() == job.tasks.len()).then_some(at);
    Ok(Rechecked { in_the_way, anew, administrators, of_all_at })
}

/// Whether a deletion would now take other calls before it, or in another order.
fn is_other_deletion(task: &Task, planned: &TaskPlan) -> bool {
    let then = task.steps.iter().map(|step| &step.call);
    task.kind == TaskKind::DeleteAccount && !then.eq(planned.steps.iter().map(|step| &step.call))
}

/// The calls of a deletion before the deletion itself.
pub(super) fn removals(planned: &TaskPlan, connector: &dyn Provisioning) -> Vec<(&'static str, StepCall)> {
    let steps = planned.steps.iter();
    let before = steps.filter(|step| !matches!(step.call, StepCall::DeleteAccount { .. }));
    before.map(|step| (connector.operation(&step.call), step.call.clone())).collect()
}

/// Tasks of which nothing was attempted, and whose predecessors are done or planned along with them.
fn untouched(job: &ProvisioningJob) -> Vec<&Task> {
    let mut known: HashSet<TaskId> =
        job.tasks.iter().filter(|task| task.state == TaskState::Succeeded).map(|task| task.id).collect();
    let mut found = Vec::new();
    for task in job.tasks.iter().filter(|task| !task.state.is_terminal()) {
        let at_rest = task.steps.iter().all(|step| step.attempts == 0 && step.state == StepState::Planned);
        if at_rest && task.after.iter().all(|before| known.contains(before)) {
            known.insert(task.id);
            found.push(task);
        }
    }
    found
}

/// Whether the name is still the planned account's. What became of it else, the look before the first call says better.
fn is_same(facts: &Facts, task: &Task) -> bool {
    task.account_external_id.is_none()
        || facts.account(&task.account).is_some_and(|account| account.external_id == task.account_external_id)
}
