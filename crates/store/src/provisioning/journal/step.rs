//! What happens to a step.

use jiff::Timestamp;
use keyreeve_model::StepState;
use serde_json::json;

use super::super::{JournalEvent, SealedPassword, claim_facts, deliveries};
use super::{HeldTask, task};
use crate::StoreError;
use crate::audit::Trail;
use crate::row::to_json;
use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::Transaction;

pub(super) async fn attempt(
    held: &mut HeldTask,
    transaction: &mut Transaction,
    trail: &mut Trail<'_>,
    seq: u32,
    password: Option<&SealedPassword>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let text = "UPDATE steps SET state = 'attempting', attempts = attempts + 1, attempted_at = $1, \
                finished_at = NULL WHERE task_id = $2 AND seq = $3";
    transaction.execute(statement!(text, to_millis(now), held.task.0, i64::from(seq))).await?;
    let step = held.step_mut(seq)?;
    let from = std::mem::replace(&mut step.state, StepState::Attempting);
    step.attempts = step.attempts.saturating_add(1);
    let had_one = std::mem::replace(&mut step.sealed, password.is_some());
    let more = json!({"operation": step.operation, "attempt": step.attempts});
    if had_one {
        deliveries::destroy(transaction, held.task, seq).await?;
    }
    if let Some(password) = password {
        deliveries::keep(transaction, held.task, seq, password, now).await?;
    }
    held.note_step(trail, "step_attempted", seq, from, more);
    Ok(())
}

pub(super) async fn throttled(
    held: &mut HeldTask,
    transaction: &mut Transaction,
    trail: &mut Trail<'_>,
    seq: u32,
) -> Result<(), StoreError> {
    let text = "UPDATE steps SET state = 'planned', attempts = attempts - 1 WHERE task_id = $1 AND seq = $2";
    transaction.execute(statement!(text, held.task.0, i64::from(seq))).await?;
    let from = settle_password(held, transaction, seq, StepState::Planned).await?;
    let step = held.step_mut(seq)?;
    step.attempts = step.attempts.saturating_sub(1);
    let more = json!({"operation": step.operation});
    held.note_step(trail, "step_throttled", seq, from, more);
    Ok(())
}

pub(super) async fn outcome(
    held: &mut HeldTask,
    transaction: &mut Transaction,
    trail: &mut Trail<'_>,
    event: &JournalEvent,
    now: Timestamp,
) -> Result<(), StoreError> {
    let JournalEvent::Outcome { seq, state, unchanged, request_id, failure, claims, account } = event else {
        return Ok(());
    };
    let over = matches!(state, StepState::Applied | StepState::NotApplied | StepState::Skipped);
    let text = "UPDATE steps SET state = $1, unchanged = $2, request_id = $3, failure = $4, finished_at = $5 \
                WHERE task_id = $6 AND seq = $7";
    let settled = statement!(
        text,
        state.as_str(),
        unchanged.map(i64::from),
        request_id.clone(),
        failure.as_ref().map(to_json).transpose()?,
        over.then(|| to_millis(now)),
        held.task.0,
        i64::from(*seq),
    );
    transaction.execute(settled).await?;
    let from = settle_password(held, transaction, *seq, *state).await?;
    if let Some((external_id, name)) = account {
        task::learn_account(held, transaction, external_id, name).await?;
    }
    claim_facts::claim(transaction, held, *seq, claims, now).await?;
    let more = json!({
        "operation": held.step(*seq)?.operation,
        "unchanged": unchanged,
        "request_id": request_id,
        "failure": failure.as_ref().map(|failure| failure.kind),
        "claims": claims,
        "account_external_id": held.external_id,
    });
    held.note_step(trail, "step_settled", *seq, from, more);
    Ok(())
}

/// Moves a step in mind, with the password that waited for this. Gives the state the step was in.
async fn settle_password(
    held: &mut HeldTask,
    transaction: &mut Transaction,
    seq: u32,
    to: StepState,
) -> Result<StepState, StoreError> {
    let step = held.step_mut(seq)?;
    let from = std::mem::replace(&mut step.state, to);
    if step.sealed && to != StepState::Unknown {
        step.sealed = false;
        match to {
            StepState::Applied => deliveries::release(transaction, held.task, seq).await?,
            _ => deliveries::destroy(transaction, held.task, seq).await?,
        }
    }
    Ok(from)
}
