//! Claims: what was changed and no import has confirmed yet.

use jiff::Timestamp;
use keyreeve_model::{Claim, ClaimFact, ClaimState, ExternalId, ImportRunId, SystemId, TaskId};
use serde::{Deserialize, Serialize};

use super::journal::HeldTask;
use super::journal::pending::Pending;
use super::rows::count;
use super::{drift, folded};
use crate::row::{Row, to_json};
use crate::scim::revisions;
use crate::statement::{Statement, Value, statement};
use crate::systems::same_account;
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
            of_system(transaction, (key, system), state).await
        })
        .await
    }

    /// The claims of these systems, or of all that were not removed, that no import has settled yet, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn open_claims_of_many(&self, within: Option<&[SystemId]>) -> Result<Vec<Claim>, StoreError> {
        reading!(self, "reading the claims of systems", |transaction| {
            let mut text = Statement::building(
                "SELECT c.claim_id, c.task_id, c.step, c.account_external_id, c.account, c.fact, c.state, \
                 c.claimed_at, c.settled_by, s.system_id FROM claims c JOIN systems s ON s.system_key = c.system_key \
                 WHERE c.state = 'open' AND s.removed_at IS NULL",
            );
            systems::push_within(&mut text, within);
            text.push(" ORDER BY c.claim_id");
            transaction.fetch_together(text, 10, |row| Ok(read_claim(row, &row.word(9)?)?.1)).await
        })
        .await
    }

    /// What was claimed since a moment of accounts of the same AWS account, by whichever of its systems, and has been
    /// neither contradicted nor made void; the oldest first.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn claimed_since(
        &self,
        system: &SystemId,
        since: Timestamp,
    ) -> Result<Vec<(ExternalId, ClaimFact)>, StoreError> {
        const TEXT: &str = concat!(
            "SELECT c.account_external_id, c.fact FROM claims c WHERE c.system_key IN ",
            same_account!("$1"),
            " AND c.claimed_at >= $2 AND c.state IN ('open', 'confirmed') ORDER BY c.claim_id"
        );
        reading!(self, "reading what was claimed of late", |transaction| {
            let key = systems::find(transaction, system, false).await?.key;
            let read = |row: &Row| Ok((row.word(0)?, row.json(1)?));
            transaction.fetch(statement!(TEXT, key, to_millis(since)), read).await
        })
        .await
    }
}

/// The claims of a system, the oldest first: all, or those in one state.
pub(crate) async fn of_system(
    transaction: &mut Transaction,
    (key, system): (i64, &SystemId),
    state: Option<ClaimState>,
) -> Result<Vec<(ClaimId, Claim)>, StoreError> {
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
}

/// A claim that is being opened.
pub(super) struct NewClaim {
    pub(super) system_key: i64,
    task: TaskId,
    step: u32,
    pub(super) external_id: ExternalId,
    account: String,
    /// What it speaks of.
    pub(super) topic: String,
    fact: ClaimFact,
}

impl NewClaim {
    /// Whatever else was claimed of the account holds no more.
    pub(super) fn is_about_all(&self) -> bool {
        self.fact == ClaimFact::AccountGone
    }
}

/// Opens claims about a task's account.
pub(super) async fn claim(
    transaction: &mut Transaction,
    pending: &mut Pending,
    task: &HeldTask,
    step: u32,
    facts: &[ClaimFact],
) -> Result<(), StoreError> {
    let Some(external_id) = &task.external_id else { return Ok(()) };
    for fact in facts {
        let new = NewClaim {
            system_key: task.system_key,
            task: task.task,
            step,
            external_id: external_id.clone(),
            account: task.account.clone(),
            topic: topic(fact),
            fact: fact.clone(),
        };
        pending.claim(transaction, new).await?;
    }
    Ok(())
}

/// Writes claims of which none supersedes another. Open ones that speak of the same are superseded; that the account
/// is gone supersedes all of it.
pub(super) async fn open(
    transaction: &mut Transaction,
    claims: &[NewClaim],
    now: Timestamp,
) -> Result<(), StoreError> {
    let now = to_millis(now);
    for new in claims.iter().filter(|new| new.is_about_all()) {
        let text = "UPDATE claims SET state = 'superseded', settled_at = $1 \
                    WHERE system_key = $2 AND account_external_id = $3 AND state = 'open'";
        transaction.execute(statement!(text, now, new.system_key, new.external_id.as_str())).await?;
        drift::end_of_account(transaction, (new.system_key, &new.external_id), now).await?;
    }
    for some in claims.chunks(transaction.dialect().values_per_statement() / 9) {
        let keys = || {
            some.iter().map(|new| {
                vec![new.system_key.into(), new.external_id.as_str().into(), new.topic.as_str().into()]
            })
        };
        transaction.execute(supersede(keys(), now)).await?;
        transaction.execute(drift::changed_here(keys(), now)).await?;
        let mut text = Statement::building(
            "INSERT INTO claims (system_key, task_id, step, account_external_id, account, topic, fact, state, \
             claimed_at) VALUES ",
        );
        let mut rows = Vec::with_capacity(some.len());
        for new in some {
            rows.push(vec![
                new.system_key.into(),
                new.task.0.into(),
                i64::from(new.step).into(),
                new.external_id.as_str().into(),
                new.account.as_str().into(),
                new.topic.as_str().into(),
                to_json(&new.fact)?.into(),
                ClaimState::Open.as_str().into(),
                now.into(),
            ]);
        }
        text.bind_rows(rows);
        transaction.execute(text).await?;
    }
    let all = claims.iter().map(|new| (new.system_key, &new.external_id, &new.fact));
    revisions::claimed(transaction, all).await
}

/// Closes the open claims that speak of some topics, by system, account and topic.
pub(super) fn supersede(topics: impl IntoIterator<Item = Vec<Value>>, now: i64) -> Statement {
    let mut text = Statement::building("WITH made (system_key, account_external_id, topic) AS (VALUES ");
    text.bind_rows(topics).push(") UPDATE claims SET state = 'superseded', settled_at = ").bind(now).push(
        " FROM made m WHERE claims.system_key = m.system_key \
         AND claims.account_external_id = m.account_external_id AND claims.topic = m.topic \
         AND claims.state = 'open'",
    );
    text
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
        ClaimFact::KeyActive { access_key_id }
        | ClaimFact::KeyInactive { access_key_id }
        | ClaimFact::KeyGone { access_key_id } => format!("access_key:{access_key_id}"),
        // IAM tells the keys of tags apart ignoring case.
        ClaimFact::Tagged { key, .. } | ClaimFact::NotTagged { key } => format!("tag:{}", folded(key)),
        ClaimFact::Boundary { .. } | ClaimFact::NoBoundary => "boundary".to_owned(),
        ClaimFact::LacksInlinePolicy { name } => format!("inline_policy:{name}"),
        ClaimFact::LacksMfaDevice { serial } => format!("mfa_device:{serial}"),
    }
}

pub(super) fn read_claim(row: &Row, system: &SystemId) -> Result<(ClaimId, Claim), StoreError> {
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
