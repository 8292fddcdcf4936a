//! What happens to a step.

use jiff::Timestamp;
use keyreeve_model::{ClaimFact, StepState};
use serde_json::json;

use super::super::{JournalEvent, SealedPassword, claim_facts, deliveries};
use super::pending::{Pending, Settled};
use super::{HeldTask, task};
use crate::StoreError;
use crate::audit::Trail;
use crate::row::to_json;
use crate::statement::statement;
use crate::transaction::Transaction;

pub(super) async fn attempt(
    held: &mut HeldTask,
    transaction: &mut Transaction,
    trail: &mut Trail<'_>,
    pending: &mut Pending,
    seq: u32,
    password: Option<&SealedPassword>,
    now: Timestamp,
) -> Result<(), StoreError> {
    pending.attempt(transaction, held.task, seq).await?;
    let step = held.step_mut(seq)?;
    let from = std::mem::replace(&mut step.state, StepState::Attempting);
    step.attempts = step.attempts.saturating_add(1);
    let had_one = std::mem::replace(&mut step.sealed, password.is_some());
    let more = json!({"operation": step.operation, "attempt": step.attempts});
    if had_one {
        deliveries::destroy(transaction, held.task, seq).await?;
    }
    if let Some(password) = password {
        deliveries::keep(transaction, &held.system_id, held.task, seq, password, now).await?;
    }
    held.note_step(trail, "step_attempted", seq, from, more);
    Ok(())
}

pub(super) async fn not_made(
    held: &mut HeldTask,
    transaction: &mut Transaction,
    trail: &mut Trail<'_>,
    pending: &mut Pending,
    seq: u32,
) -> Result<(), StoreError> {
    pending.flush(transaction).await?;
    let text = "UPDATE steps SET state = 'planned', attempts = attempts - 1 WHERE task_id = $1 AND seq = $2";
    transaction.execute(statement!(text, held.task.0, i64::from(seq))).await?;
    let from = settle_password(held, transaction, seq, StepState::Planned).await?;
    let step = held.step_mut(seq)?;
    step.attempts = step.attempts.saturating_sub(1);
    let more = json!({"operation": step.operation});
    held.note_step(trail, "step_not_made", seq, from, more);
    Ok(())
}

pub(super) async fn outcome(
    held: &mut HeldTask,
    transaction: &mut Transaction,
    trail: &mut Trail<'_>,
    pending: &mut Pending,
    event: &JournalEvent,
) -> Result<(), StoreError> {
    let JournalEvent::Outcome { seq, state, unchanged, request_id, failure, claims, account } = event else {
        return Ok(());
    };
    let over = matches!(state, StepState::Applied | StepState::NotApplied | StepState::Skipped);
    let settled = Settled {
        state: state.as_str(),
        unchanged: *unchanged,
        request_id: request_id.clone(),
        failure: failure.as_ref().map(to_json).transpose()?,
        over,
    };
    pending.settle(transaction, held.task, *seq, settled).await?;
    let from = settle_password(held, transaction, *seq, *state).await?;
    if let Some((external_id, name)) = account {
        task::learn_account(held, transaction, external_id, name).await?;
    }
    claim_facts::claim(transaction, pending, held, *seq, claims).await?;
    if let Some(account) = held.external_id.as_ref().filter(|_| claims.iter().any(is_of_the_password)) {
        let of = (held.system_key, account);
        deliveries::supersede(transaction, trail, (held.task, *seq), of).await?;
    }
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

/// What follows from a change of the console password.
fn is_of_the_password(fact: &ClaimFact) -> bool {
    matches!(fact, ClaimFact::LoginProfilePresent | ClaimFact::LoginProfileAbsent | ClaimFact::AccountGone)
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
