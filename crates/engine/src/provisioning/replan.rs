//! Planning a deletion anew: after the connected system said that something still stands in its way, or when it was
//! left for some time.

use keyreeve_connector::Connector;
use keyreeve_model::{Effect, Failure, FailureKind, StepCall, System, Task, Wish};

use super::recheck::removals;
use crate::plan::{GatherError, Gatherer, plan_again};

/// The calls that remove what the account holds now, without the deletion itself.
pub(super) async fn replan(
    gatherer: &Gatherer,
    connector: &dyn Connector,
    system: &System,
    task: &Task,
) -> Result<Vec<(&'static str, StepCall)>, Failure> {
    let failure = |kind, message| Failure { kind, message, effect: Effect::None, at: gatherer.clock.now() };
    let wish = Wish::DeleteAccount { account: task.account.clone() };
    let facts = gatherer
        .gather(connector, system, std::slice::from_ref(&wish))
        .await
        .map_err(|error| ungathered(&error, gatherer))?;
    let Some(provisioning) = connector.provisioning() else { return Ok(Vec::new()) };
    let same =
        facts.account(&task.account).is_some_and(|account| account.external_id == task.account_external_id);
    if !same {
        let message =
            format!("identity_changed: {:?} is not the account that was planned any more", task.account);
        return Err(failure(FailureKind::IdentityChanged, message));
    }
    let plan = plan_again(&facts, provisioning, &[wish]);
    let Some(planned) = plan.tasks.into_iter().next() else { return Ok(Vec::new()) };
    if let Some(obstacle) = planned.obstacles.first() {
        return Err(failure(FailureKind::Dependants, obstacle.message.clone()));
    }
    Ok(removals(&planned, provisioning))
}

/// Why facts could not be gathered, as a failure of the task that needs them.
pub(super) fn ungathered(error: &GatherError, gatherer: &Gatherer) -> Failure {
    let kind = match error {
        GatherError::OtherAccount(_) => FailureKind::AccountMismatch,
        GatherError::Identify { source, .. } => source.kind(),
        GatherError::Store(_) => FailureKind::Store,
        _ => FailureKind::Unknown,
    };
    Failure { kind, message: error.to_string(), effect: Effect::None, at: gatherer.clock.now() }
}
