//! What import runs saw of claims: it settles them when the run is published, in the same transaction, and is kept with a
//! run that waits for a person until then.

use jiff::Timestamp;
use keyreeve_model::{ClaimState, ImportRun, ImportRunId};
use serde_json::json;

use super::ClaimId;
use super::drift;
use crate::StoreError;
use crate::audit::Trail;
use crate::statement::{Statement, statement};
use crate::time::to_millis;
use crate::transaction::Transaction;

/// What is kept of drift that a run saw the end of; the other words are those of [`ClaimState`].
const RESTORED: &str = "restored";

/// What an import run saw of changes that were made here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClaimsSeen {
    /// Claims that were open when it began, and what its findings make of each.
    pub settled: Vec<(ClaimId, ClaimState)>,
    /// Drift that is none any more: AWS has again what was made here.
    pub restored: Vec<ClaimId>,
}

impl ClaimsSeen {
    /// Whether there is nothing to be said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.settled.is_empty() && self.restored.is_empty()
    }
}

/// Keeps what a run saw until somebody has decided about it.
pub(crate) async fn keep(
    transaction: &mut Transaction,
    run: ImportRunId,
    seen: &ClaimsSeen,
) -> Result<(), StoreError> {
    let settled = seen.settled.iter().map(|(claim, state)| (claim, state.as_str()));
    let all: Vec<_> = settled.chain(seen.restored.iter().map(|claim| (claim, RESTORED))).collect();
    for some in all.chunks(transaction.dialect().values_per_statement() / 3) {
        let mut text = Statement::building("INSERT INTO import_claims (run_id, claim_id, seen) VALUES ");
        text.bind_rows(some.iter().map(|(claim, seen)| vec![run.0.into(), claim.0.into(), (*seen).into()]));
        transaction.execute(text).await?;
    }
    Ok(())
}

/// What was kept of a run.
pub(crate) async fn kept(transaction: &mut Transaction, run: ImportRunId) -> Result<ClaimsSeen, StoreError> {
    let text = "SELECT claim_id, seen FROM import_claims WHERE run_id = $1 ORDER BY claim_id";
    let rows =
        transaction.fetch(statement!(text, run.0), |row| Ok((ClaimId(row.int(0)?), row.text(1)?))).await?;
    let mut seen = ClaimsSeen::default();
    for (claim, word) in rows {
        match word.as_str() {
            RESTORED => seen.restored.push(claim),
            "confirmed" => seen.settled.push((claim, ClaimState::Confirmed)),
            "contradicted" => seen.settled.push((claim, ClaimState::Contradicted)),
            _ => return Err(StoreError::Data { what: format!("a claim was seen as {word:?} by run {run}") }),
        }
    }
    Ok(seen)
}

/// Settles claims by what a run saw that is being published. Those that are not open any more stay as they are: what was
/// done since then is not undone by what was read before. The system was locked before the log.
pub(crate) async fn settle(
    transaction: &mut Transaction,
    trail: &mut Trail<'_>,
    (system_key, run): (i64, &ImportRun),
    seen: &ClaimsSeen,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut done = Vec::new();
    for (claim, state) in seen.settled.iter().filter(|(_, state)| *state != ClaimState::Open) {
        let text = "UPDATE claims SET state = $1, settled_by = $2, settled_at = $3 \
                    WHERE claim_id = $4 AND system_key = $5 AND state = 'open'";
        let settle = statement!(text, state.as_str(), run.id.0, to_millis(now), claim.0, system_key);
        if transaction.execute(settle).await? > 0 {
            done.push(json!({"claim": claim, "to": state}));
        }
    }
    let mut restored = Vec::new();
    for claim in &seen.restored {
        if drift::end(transaction, (system_key, *claim), "seen_again", now).await? {
            restored.push(claim);
        }
    }
    if !done.is_empty() || !restored.is_empty() {
        let subject = match restored.is_empty() {
            true => json!({"run": run.id, "claims": done}),
            false => json!({"run": run.id, "claims": done, "drift_ended": restored}),
        };
        trail.note(&run.actor, Some(&run.system_id), "claims_settled", &subject);
    }
    Ok(())
}
