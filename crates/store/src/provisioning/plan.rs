//! A new plan for what is left of a task.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use keyreeve_model::{Step, StepState};
use serde_json::json;

use super::create::{INTO_STEPS, insert_rows};
use super::journal::{HeldStep, HeldTask};
use crate::StoreError;
use crate::audit::Trail;
use crate::row::to_json;
use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::Transaction;

/// What becomes of the steps of a task.
#[derive(Debug, Default, PartialEq, Eq)]
struct Replacement {
    /// Planned as the list says, and planned already.
    kept: Vec<u32>,
    /// Planned again, after they were not applied.
    again: Vec<u32>,
    /// Not needed any more.
    skipped: Vec<u32>,
    /// New ones.
    added: Vec<u32>,
}

impl Replacement {
    fn of(held: &BTreeMap<u32, StepState>, planned: &BTreeSet<u32>) -> Self {
        let mut found = Self::default();
        for (seq, state) in held {
            match (state, planned.contains(seq)) {
                (StepState::Planned, true) => found.kept.push(*seq),
                (StepState::Planned, false) => found.skipped.push(*seq),
                (StepState::NotApplied, true) => found.again.push(*seq),
                _ => {}
            }
        }
        found.added = planned.iter().filter(|seq| !held.contains_key(*seq)).copied().collect();
        found
    }
}

fn replacement(task: &HeldTask, steps: &[Step]) -> Replacement {
    let held = task.steps.iter().map(|(seq, step)| (*seq, step.state)).collect();
    let planned = steps.iter().filter(|step| step.state == StepState::Planned).map(|step| step.seq);
    Replacement::of(&held, &planned.collect())
}

/// Refuses a plan in which a number stands twice, or a new step that is not planned.
pub(super) fn check(task: &HeldTask, steps: &[Step]) -> Result<(), StoreError> {
    let mut seen = BTreeSet::new();
    for step in steps {
        let is_new = !task.steps.contains_key(&step.seq);
        if !seen.insert(step.seq) || step.seq == 0 || (is_new && step.state != StepState::Planned) {
            let what = format!("the new plan of task {} has an impossible step {}", task.task, step.seq);
            return Err(StoreError::Data { what });
        }
    }
    Ok(())
}

/// Writes the new plan.
pub(super) async fn write(
    task: &mut HeldTask,
    transaction: &mut Transaction,
    trail: &mut Trail<'_>,
    steps: &[Step],
    replans: u32,
    now: Timestamp,
) -> Result<(), StoreError> {
    let replaced = replacement(task, steps);
    let number = task.task.0;
    for seq in &replaced.skipped {
        let text = "UPDATE steps SET state = 'skipped', finished_at = $1 WHERE task_id = $2 AND seq = $3";
        transaction.execute(statement!(text, to_millis(now), number, i64::from(*seq))).await?;
    }
    let mut rows = Vec::new();
    for step in steps {
        let (call, after) = (to_json(&step.call)?, to_json(&step.after)?);
        let (operation, reason) = (step.operation.as_str(), step.reason.as_str());
        if replaced.added.contains(&step.seq) {
            rows.push(vec![
                number.into(),
                i64::from(step.seq).into(),
                call.into(),
                operation.into(),
                reason.into(),
                after.into(),
                "planned".into(),
                0_i64.into(),
            ]);
        } else if replaced.kept.contains(&step.seq) || replaced.again.contains(&step.seq) {
            let text = "UPDATE steps SET state = 'planned', call = $1, operation = $2, reason = $3, after = $4, \
                        finished_at = NULL WHERE task_id = $5 AND seq = $6";
            let seq = i64::from(step.seq);
            transaction.execute(statement!(text, call, operation, reason, after, number, seq)).await?;
        }
    }
    insert_rows(transaction, INTO_STEPS, rows).await?;
    let text = "UPDATE tasks SET replans = $1 WHERE task_id = $2";
    transaction.execute(statement!(text, i64::from(replans), number)).await?;
    remember(task, steps, &replaced);
    let Replacement { again, skipped, added, .. } = replaced;
    let more = json!({"replans": replans, "again": again, "skipped": skipped, "added": added});
    task.note(trail, "steps_replaced", more);
    Ok(())
}

/// Keeps in mind what was written, for further entries about the task.
fn remember(task: &mut HeldTask, steps: &[Step], replaced: &Replacement) {
    for seq in &replaced.skipped {
        if let Some(step) = task.steps.get_mut(seq) {
            step.state = StepState::Skipped;
        }
    }
    for step in steps {
        if replaced.added.contains(&step.seq) {
            task.steps.insert(step.seq, HeldStep::planned(&step.operation));
        } else if replaced.again.contains(&step.seq)
            && let Some(held) = task.steps.get_mut(&step.seq)
        {
            held.state = StepState::Planned;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempted_steps_stay_and_planned_ones_are_kept_skipped_or_added() {
        use StepState::{Applied, NotApplied, Planned, Unknown};
        let held = BTreeMap::from([
            (1, Applied),
            (2, Planned),
            (3, Planned),
            (4, NotApplied),
            (5, Unknown),
            (6, NotApplied),
        ]);
        let found = Replacement::of(&held, &BTreeSet::from([1, 3, 4, 7]));
        let expected = Replacement { kept: vec![3], again: vec![4], skipped: vec![2], added: vec![7] };
        assert_eq!(found, expected);
    }
}
