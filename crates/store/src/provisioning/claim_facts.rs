//! Claims: what was changed and no import has confirmed yet.

use jiff::Timestamp;
use keyreeve_model::{Claim, ClaimFact, ClaimState, ImportRunId, SystemId, TaskId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::folded;
use super::journal::HeldTask;
use super::rows::count;
use crate::audit::recording;
use crate::import_runs::find_run;
use crate::row::{Row, to_json};
use crate::statement::{Statement, statement};
use crate::time::to_millis;
use crate::transaction::{Transaction, reading};
use crate::{Store, StoreError, systems};

/// The number of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClaimId(pub i64);

impl Store {
    /// The claims of a system that no import has settled yet, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn open_claims(&self, system: &SystemId) -> Result<Vec<(ClaimId, Claim)>, StoreError> {
        self.claims(system, Some(ClaimState::Open)).await
    }

    /// The claims of a system, the oldest first: all, or those in one state.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn claims(
        &self,
        system: &SystemId,
        state: Option<ClaimState>,
    ) -> Result<Vec<(ClaimId, Claim)>, StoreError> {
        reading!(self, "reading the claims", |transaction| {
            let key = systems::find(transaction, system, false).await?.key;
            let mut text = Statement::building(
                "SELECT claim_id, task_id, step, account_external_id, account, fact, state, claimed_at, settled_by \
                 FROM claims WHERE system_key = ",
            );
            text.bind(key);
            if let Some(state) = state {
                text.push(" AND state = ").bind(state.as_str());
            }
            text.push(" ORDER BY claim_id");
            transaction.fetch(text, |row| read_claim(row, system)).await
        })
        .await
    }

    /// Settles claims by what an import run saw, and tells how many. Those that are not open any more stay as they
    /// are.
    ///
    /// # Errors
    /// [`StoreError::RunNotFound`].
    pub async fn settle_claims(
        &self,
        settled: &[(ClaimId, ClaimState)],
        run: ImportRunId,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        recording!(self, "settling the claims", now, |transaction, trail| {
            let found = find_run(transaction, run).await?;
            let mut done = Vec::new();
            for (claim, state) in settled.iter().filter(|(_, state)| *state != ClaimState::Open) {
                let text = "UPDATE claims SET state = $1, settled_by = $2, settled_at = $3 \
                            WHERE claim_id = $4 AND system_key = $5 AND state = 'open'";
                let settle =
                    statement!(text, state.as_str(), run.0, to_millis(now), claim.0, found.system_key);
                if transaction.execute(settle).await? > 0 {
                    done.push(json!({"claim": claim, "to": state}));
                }
            }
            let number = u64::try_from(done.len()).unwrap_or(u64::MAX);
            if number > 0 {
                let subject = json!({"run": run, "claims": done});
                trail.note(&found.run.actor, Some(&found.run.system_id), "claims_settled", &subject);
            }
            Ok(number)
        })
        .await
    }
}

/// Opens claims about a task's account. Open ones that speak of the same are superseded; that the account is gone
/// supersedes all of it.
pub(super) async fn claim(
    transaction: &mut Transaction,
    task: &HeldTask,
    step: u32,
    facts: &[ClaimFact],
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(external_id) = &task.external_id else { return Ok(()) };
    for fact in facts {
        let topic = topic(fact);
        let (key, id, now) = (task.system_key, external_id.as_str(), to_millis(now));
        let supersede = if *fact == ClaimFact::AccountGone {
            let text = "UPDATE claims SET state = 'superseded', settled_at = $1 \
                        WHERE system_key = $2 AND account_external_id = $3 AND state = 'open'";
            statement!(text, now, key, id)
        } else {
            let text = "UPDATE claims SET state = 'superseded', settled_at = $1 \
                        WHERE system_key = $2 AND account_external_id = $3 AND topic = $4 AND state = 'open'";
            statement!(text, now, key, id, topic.as_str())
        };
        transaction.execute(supersede).await?;
        let text = "INSERT INTO claims (system_key, task_id, step, account_external_id, account, topic, fact, state, \
                    claimed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', $8)";
        let account = task.account.as_str();
        let (number, step) = (task.task.0, i64::from(step));
        transaction
            .execute(statement!(text, key, number, step, id, account, topic, to_json(fact)?, now))
            .await?;
    }
    Ok(())
}

/// What a fact speaks of.
fn topic(fact: &ClaimFact) -> String {
    match fact {
        ClaimFact::AccountExists | ClaimFact::AccountGone => "existence".to_owned(),
        ClaimFact::Named { .. } => "name".to_owned(),
        ClaimFact::Path { .. } => "path".to_owned(),
        ClaimFact::LoginProfilePresent | ClaimFact::LoginProfileAbsent => "login_profile".to_owned(),
        ClaimFact::InGroup { group } | ClaimFact::NotInGroup { group } => {
            format!("group:{}", folded(group))
        }
        ClaimFact::HasPolicy { policy_arn } | ClaimFact::LacksPolicy { policy_arn } => {
            format!("policy:{policy_arn}")
        }
    }
}

fn read_claim(row: &Row, system: &SystemId) -> Result<(ClaimId, Claim), StoreError> {
    let claim = Claim {
        system_id: system.clone(),
        task: TaskId(row.int(1)?),
        step: count(row.int(2)?)?,
        account_external_id: row.word(3)?,
        account: row.text(4)?,
        fact: row.json(5)?,
        state: row.word(6)?,
        claimed_at: row.time(7)?,
        settled_by: row.opt_int(8)?.map(ImportRunId),
    };
    Ok((ClaimId(row.int(0)?), claim))
}
