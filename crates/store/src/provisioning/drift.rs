//! Drift: changes that were made here and that an import saw the contrary of, until AWS has them again, a job changes the
//! same once more, or somebody accepts what AWS has.

use jiff::Timestamp;
use keyreeve_model::{Claim, ClaimFact, ExternalId, JobId, SystemId};
use serde_json::json;

use super::ClaimId;
use super::claim_facts::read_claim;
use crate::audit::recording;
use crate::row::Row;
use crate::statement::{Statement, Value, statement};
use crate::systems::push_within;
use crate::time::to_millis;
use crate::transaction::{Transaction, reading};
use crate::{Store, StoreError, systems};

/// A change that was made here and is not so in AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The number of its claim.
    pub id: ClaimId,
    /// What was done here, to which account; `settled_by` is the import run that saw the contrary.
    pub claim: Claim,
    /// The job that did it.
    pub job: JobId,
    /// Who asked for that job.
    pub actor: String,
    /// When the import that saw the contrary was published.
    pub seen_at: Timestamp,
}

impl Store {
    /// What has drifted and not ended, of these systems or of all that are not removed, the newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn drifts(&self, systems: Option<&[SystemId]>, limit: u32) -> Result<Vec<Drift>, StoreError> {
        reading!(self, "reading what has drifted", |transaction| {
            drifts(transaction, systems, i64::from(limit)).await
        })
        .await
    }

    /// Which changes of an account have drifted and not ended, the newest first.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn drifts_of(
        &self,
        system: &SystemId,
        account: &ExternalId,
    ) -> Result<Vec<ClaimFact>, StoreError> {
        reading!(self, "reading what has drifted of an account", |transaction| {
            let key = systems::find(transaction, system, false).await?.key;
            let text = "SELECT fact FROM claims WHERE system_key = $1 AND account_external_id = $2 \
                        AND state = 'contradicted' AND drift_ended_at IS NULL ORDER BY claim_id DESC";
            transaction.fetch(statement!(text, key, account.as_str()), |row| row.json(0)).await
        })
        .await
    }

    /// The claims of a system that have drifted, the oldest first: an import looks whether AWS has them again.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn drifted_claims(&self, system: &SystemId) -> Result<Vec<(ClaimId, Claim)>, StoreError> {
        reading!(self, "reading what has drifted", |transaction| {
            let key = systems::find(transaction, system, false).await?.key;
            let text = "SELECT claim_id, task_id, step, account_external_id, account, fact, state, claimed_at, \
                        settled_by FROM claims WHERE system_key = $1 AND state = 'contradicted' \
                        AND drift_ended_at IS NULL ORDER BY claim_id";
            transaction.fetch(statement!(text, key), |row| read_claim(row, system)).await
        })
        .await
    }

    /// Notes that somebody accepts what AWS has in the place of these changes, and tells how many of them had not ended.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn accept_drift(
        &self,
        system: &SystemId,
        claims: &[ClaimId],
        (actor, reason): (&str, Option<&str>),
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let reason = reason.map(str::to_owned);
        recording!(self, "accepting what AWS has", now, |transaction, trail| {
            let key = systems::find(transaction, system, false).await?.key;
            let mut ended = Vec::new();
            for claim in claims {
                if end(transaction, (key, *claim), "accepted", now).await? {
                    ended.push(claim);
                }
            }
            if !ended.is_empty() {
                let subject = json!({"claims": ended, "reason": reason});
                trail.note(actor, Some(system), "drift_accepted", &subject);
            }
            Ok(u64::try_from(ended.len()).unwrap_or(u64::MAX))
        })
        .await
    }
}

/// What has drifted and not ended, the newest first.
pub(crate) async fn drifts(
    transaction: &mut Transaction,
    systems: Option<&[SystemId]>,
    limit: i64,
) -> Result<Vec<Drift>, StoreError> {
    let mut text = Statement::building(
        "SELECT c.claim_id, c.task_id, c.step, c.account_external_id, c.account, c.fact, c.state, c.claimed_at, \
         c.settled_by, c.settled_at, j.job_id, j.actor, s.system_id FROM claims c \
         JOIN systems s ON s.system_key = c.system_key JOIN tasks t ON t.task_id = c.task_id \
         JOIN provisioning_jobs j ON j.job_id = t.job_id \
         WHERE c.state = 'contradicted' AND c.drift_ended_at IS NULL AND s.removed_at IS NULL",
    );
    push_within(&mut text, systems);
    text.push(" ORDER BY c.settled_at DESC, c.claim_id DESC LIMIT ").bind(limit);
    transaction.fetch(text, read_drift).await
}

fn read_drift(row: &Row) -> Result<Drift, StoreError> {
    let (id, claim) = read_claim(row, &row.word(12)?)?;
    Ok(Drift { id, claim, job: JobId(row.int(10)?), actor: row.text(11)?, seen_at: row.time(9)? })
}

/// Ends one that has not ended, and tells whether it was one.
pub(super) async fn end(
    transaction: &mut Transaction,
    (system_key, claim): (i64, ClaimId),
    because: &'static str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let text = "UPDATE claims SET drift_ended_at = $1, drift_ended_because = $2 WHERE claim_id = $3 \
                AND system_key = $4 AND state = 'contradicted' AND drift_ended_at IS NULL";
    let ended = statement!(text, to_millis(now), because, claim.0, system_key);
    Ok(transaction.execute(ended).await? > 0)
}

/// Ends all of an account that is being deleted here.
pub(super) async fn end_of_account(
    transaction: &mut Transaction,
    (system_key, account): (i64, &ExternalId),
    now: i64,
) -> Result<(), StoreError> {
    let text = "UPDATE claims SET drift_ended_at = $1, drift_ended_because = 'changed_here' WHERE system_key = $2 \
                AND account_external_id = $3 AND state = 'contradicted' AND drift_ended_at IS NULL";
    transaction.execute(statement!(text, now, system_key, account.as_str())).await.map(|_| ())
}

/// Ends what speaks of topics that a job changes once more, by system, account and topic.
pub(super) fn changed_here(topics: impl IntoIterator<Item = Vec<Value>>, now: i64) -> Statement {
    let mut text = Statement::building("WITH made (system_key, account_external_id, topic) AS (VALUES ");
    text.bind_rows(topics)
        .push(") UPDATE claims SET drift_ended_because = 'changed_here', drift_ended_at = ");
    text.bind(now).push(
        " FROM made m WHERE claims.system_key = m.system_key \
         AND claims.account_external_id = m.account_external_id AND claims.topic = m.topic \
         AND claims.state = 'contradicted' AND claims.drift_ended_at IS NULL",
    );
    text
}
