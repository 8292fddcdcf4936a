//! Drift: changes that were made here and that an import saw the contrary of, until AWS has them again, a job changes the
//! same once more, or somebody accepts what AWS has.

use jiff::Timestamp;
use keyreeve_model::{Claim, ClaimFact, ExternalId, JobId, SystemId};
use serde_json::{Value as Json, json};

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

/// Drift that somebody accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedDrift {
    /// The number of its claim.
    pub claim: ClaimId,
    /// The account.
    pub account_external_id: ExternalId,
    /// Its name, when it was changed here.
    pub account: String,
    /// What was done here.
    pub fact: ClaimFact,
    /// The job that did it.
    pub job: JobId,
    /// Who accepted what AWS has in the place of it; `None` if the audit log does not tell.
    pub by: Option<String>,
    /// Why they did.
    pub reason: Option<String>,
    /// When they did.
    pub at: Timestamp,
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

    /// Drift of an account that was accepted, the last first, and no more than so much of it.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn accepted_drift_of(
        &self,
        system: &SystemId,
        account: &ExternalId,
        most: u32,
    ) -> Result<Vec<AcceptedDrift>, StoreError> {
        reading!(self, "reading which drift of an account was accepted", |transaction| {
            let key = systems::find(transaction, system, false).await?.key;
            let mut text = Statement::building(ACCEPTED);
            text.bind(key).push(" AND c.account_external_id = ").bind(account.as_str());
            text.push(" ORDER BY c.drift_ended_at DESC, c.claim_id DESC LIMIT ").bind(i64::from(most));
            accepted(transaction, system, text).await
        })
        .await
    }

    /// Those of some changes that had drifted and were accepted, in no order.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn accepted_drift(
        &self,
        system: &SystemId,
        claims: &[ClaimId],
    ) -> Result<Vec<AcceptedDrift>, StoreError> {
        reading!(self, "reading which drift was accepted", |transaction| {
            let key = systems::find(transaction, system, false).await?.key;
            let mut found = Vec::new();
            for some in claims.chunks(transaction.dialect().values_per_statement() - 1) {
                let mut text = Statement::building(ACCEPTED);
                text.bind(key).push(" AND c.claim_id IN (VALUES ");
                text.bind_rows(some.iter().map(|claim| vec![Value::from(claim.0)]));
                text.push(")");
                found.extend(accepted(transaction, system, text).await?);
            }
            Ok(found)
        })
        .await
    }

    /// Notes that somebody accepts what AWS has in the place of these changes, each with that in words, and tells how many
    /// of them had not ended. The audit log has a row of each of those.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn accept_drift(
        &self,
        system: &SystemId,
        claims: &[(ClaimId, Option<String>)],
        (actor, reason): (&str, Option<&str>),
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let reason = reason.map(str::to_owned);
        recording!(self, "accepting what AWS has", now, |transaction, trail| {
            let key = systems::find(transaction, system, false).await?.key;
            let mut ended = 0;
            for (claim, aws_has) in claims {
                if !end(transaction, (key, *claim), "accepted", now).await? {
                    continue;
                }
                ended += 1;
                let text = "SELECT c.account_external_id, c.account, c.fact, t.job_id FROM claims c \
                            JOIN tasks t ON t.task_id = c.task_id WHERE c.claim_id = $1";
                let read = |row: &Row| {
                    let id: ExternalId = row.word(0)?;
                    Ok((id, row.text(1)?, row.json::<ClaimFact>(2)?, row.int(3)?))
                };
                let (id, account, fact, job) = transaction.fetch_one(statement!(text, claim.0), read).await?;
                let subject = json!({
                    "claims": [claim], "account": account, "account_external_id": id, "job": job, "fact": fact,
                    "done": fact.words(), "aws_has": aws_has, "reason": reason,
                });
                trail.note(actor, Some(system), "drift_accepted", &subject);
            }
            Ok(ended)
        })
        .await
    }
}

/// Drift of a system, by its key, that was accepted.
const ACCEPTED: &str = "SELECT c.claim_id, c.account_external_id, c.account, c.fact, t.job_id, c.drift_ended_at \
                        FROM claims c JOIN tasks t ON t.task_id = c.task_id \
                        WHERE c.drift_ended_because = 'accepted' AND c.drift_ended_at IS NOT NULL AND c.system_key = ";

/// What such a statement finds, with who accepted it and why: that is in the audit log alone.
async fn accepted(
    transaction: &mut Transaction,
    system: &SystemId,
    text: Statement,
) -> Result<Vec<AcceptedDrift>, StoreError> {
    let read = |row: &Row| {
        let (claim, job) = (ClaimId(row.int(0)?), JobId(row.int(4)?));
        let (account_external_id, account, fact) = (row.word(1)?, row.text(2)?, row.json(3)?);
        let (by, reason, at) = (None, None, row.time(5)?);
        Ok(AcceptedDrift { claim, account_external_id, account, fact, job, by, reason, at })
    };
    let mut found: Vec<AcceptedDrift> = transaction.fetch(text, read).await?;
    let text =
        "SELECT actor, subject FROM audit_log WHERE system_id = $1 AND action = 'drift_accepted' AND at = $2";
    for one in &mut found {
        let told = statement!(text, system.as_str(), to_millis(one.at));
        let rows = transaction.fetch(told, |row| Ok((row.text(0)?, row.json::<Json>(1)?))).await?;
        let names = |subject: &Json| {
            let claims = subject.get("claims").and_then(Json::as_array);
            claims.is_some_and(|claims| claims.iter().any(|claim| claim.as_i64() == Some(one.claim.0)))
        };
        if let Some((by, subject)) = rows.into_iter().find(|(_, subject)| names(subject)) {
            one.reason = subject.get("reason").and_then(Json::as_str).map(str::to_owned);
            one.by = Some(by);
        }
    }
    Ok(found)
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
