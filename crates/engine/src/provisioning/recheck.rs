//! Planning once more what waited: since a job was planned an account may have become the last administrator, a group
//! full, a name taken.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use keyreeve_connector::Connector;
use keyreeve_model::{
    Effect, Failure, FailureKind, ProvisioningJob, StepState, System, Task, TaskId, TaskState, Wish,
};

use super::hand_over::HandOver;
use super::retry::signed;
use super::worker::WorkError;
use crate::plan::{Facts, Gatherer, plan};

/// A plan is good for so long. It takes about as long to read one with care and to agree to it.
const GOOD_FOR: Duration = Duration::from_secs(30);

/// Whether what is left of a job must be planned once more before it goes on. `planned_at` is when this process
/// planned it, if it did; a job that another process has begun is as good as it was for whoever began it.
pub(super) fn is_due(job: &ProvisioningJob, planned_at: Option<Timestamp>, now: Timestamp) -> bool {
    let begun = job.tasks.iter().any(|task| task.started_at.is_some());
    let planned_at = planned_at.or(begun.then_some(job.created_at));
    planned_at.is_none_or(|at| now.duration_since(at) > signed(GOOD_FOR))
}

/// What stands in the way of tasks now of which nothing was done yet.
///
/// # Errors
/// [`WorkError::Stale`] when nothing of the job was done and what it rests on has changed; [`WorkError::Guard`].
pub(super) async fn recheck(
    gatherer: &Gatherer,
    connector: &dyn Connector,
    system: &System,
    job: &ProvisioningJob,
) -> Result<HashMap<TaskId, Failure>, WorkError> {
    let tasks = untouched(job);
    let Some(provisioning) = connector.provisioning() else { return Ok(HashMap::new()) };
    if tasks.is_empty() {
        return Ok(HashMap::new());
    }
    let wishes: Vec<Wish> = tasks.iter().map(|task| task.wish.clone()).collect();
    let facts = gatherer.gather(connector, system, &wishes).await?;
    let plan = plan(&facts, provisioning, &wishes, String::new);
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
    if tasks.len() == job.tasks.len() {
        let of_refused: HashSet<&str> = tasks
            .iter()
            .filter(|task| in_the_way.contains_key(&task.id))
            .map(|task| task.account.as_str())
            .collect();
        let mut changed = HandOver::changed(&gatherer.store.job_facts(job.id).await?, &plan);
        // A refused task says itself what is the matter with its account.
        changed.retain(|object| {
            object.strip_prefix("account ").is_none_or(|account| !of_refused.contains(account))
        });
        if !changed.is_empty() {
            return Err(WorkError::Stale(changed));
        }
    }
    Ok(in_the_way)
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
