//! Generated passwords on their way to their owners.
//!
//! A password is sealed before it comes here. It is a candidate while its call is under way, released when the call
//! was applied, and its ciphertext is wiped in the same transaction in which it was opened, destroyed or found expired.

mod opening;
mod unclaimed;

use jiff::Timestamp;
use keyreeve_model::{ExternalId, JobId, SystemId, TaskId};
use serde::{Deserialize, Serialize};

use super::SealedPassword;
use super::rows::count;
use crate::audit::{Trail, recording};
use crate::data_keys::{self, Scope};
use crate::row::Row;
use crate::statement::statement;
use crate::systems::same_account;
use crate::time::to_millis;
use crate::transaction::{Transaction, reading};
use crate::{Store, StoreError, secrets};

pub use opening::BEARER;
pub use unclaimed::UnclaimedPassword;

/// A password delivery, without what is delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordDelivery {
    /// Its number.
    pub id: i64,
    /// The task that made the password.
    pub task: TaskId,
    /// The step of that task.
    pub step: u32,
    /// `link`, `recipient` or `operator`.
    pub kind: String,
    /// How it stands.
    pub state: DeliveryState,
    /// Of a link: its public half.
    pub lookup: Option<String>,
    /// When the password was made.
    pub created_at: Timestamp,
    /// When it can no longer be opened.
    pub expires_at: Option<Timestamp>,
    /// When it was opened.
    pub opened_at: Option<Timestamp>,
}

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Whether the password is in force is not known yet.
    Candidate,
    /// It is in force and can be opened.
    Released,
    /// It was opened, once.
    Opened,
    /// It never came into force, or another one took its place.
    Destroyed,
    /// Nobody opened it in time.
    Expired,
    /// The account's console password was changed or taken away after it came into force, so it opens nothing any more.
    Superseded,
}

impl Store {
    /// The deliveries of a job, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn deliveries(&self, job: JobId) -> Result<Vec<PasswordDelivery>, StoreError> {
        let text = "SELECT d.delivery_id, d.task_id, d.seq, d.kind, d.state, d.lookup, d.created_at, d.expires_at, \
                    d.opened_at FROM password_deliveries d JOIN tasks t ON t.task_id = d.task_id \
                    WHERE t.job_id = $1 ORDER BY d.delivery_id";
        reading!(self, "reading the deliveries", |transaction| {
            transaction.fetch(statement!(text, job.0), read_delivery).await
        })
        .await
    }

    /// Wipes the passwords that nobody opened in time, and tells how many.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn expire_deliveries(&self, now: Timestamp) -> Result<u64, StoreError> {
        let text = "UPDATE password_deliveries SET state = 'expired', ciphertext = NULL \
                    WHERE ciphertext IS NOT NULL AND expires_at <= $1 RETURNING delivery_id, task_id, seq";
        recording!(self, "wiping expired passwords", now, |transaction, trail| {
            let expired = transaction
                .fetch(statement!(text, to_millis(now)), |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?)))
                .await?;
            for (delivery, task, step) in &expired {
                let place = opening::find_place(transaction, *delivery).await?;
                let subject = serde_json::json!({
                    "job": place.job,
                    "task": task,
                    "account": place.account,
                    "step": step,
                });
                trail.note(&place.actor, Some(&place.system_id), "password_expired", &subject);
            }
            Ok(u64::try_from(expired.len()).unwrap_or(u64::MAX))
        })
        .await
    }
}

/// Keeps a password as a candidate.
///
/// # Errors
/// [`StoreError::KeyChanged`] when the key that it was sealed under was replaced by now.
pub(super) async fn keep(
    transaction: &mut Transaction,
    system: &SystemId,
    task: TaskId,
    seq: u32,
    password: &SealedPassword,
    now: Timestamp,
) -> Result<(), StoreError> {
    let text = "INSERT INTO password_deliveries (task_id, seq, kind, state, lookup, ciphertext, created_at, \
                expires_at) VALUES ($1, $2, $3, 'candidate', $4, $5, $6, $7)";
    if password.kind == "operator" {
        let active = data_keys::locked_version(transaction, &Scope::system(system)).await?;
        if secrets::packed_version(&password.ciphertext) != Some(active) {
            return Err(StoreError::KeyChanged);
        }
    }
    let keep = statement!(
        text,
        task.0,
        i64::from(seq),
        password.kind.as_str(),
        password.lookup.clone(),
        password.ciphertext.clone(),
        to_millis(now),
        password.expires_at.map(to_millis),
    );
    transaction.execute(keep).await.map(|_| ())
}

/// Releases the candidate of a step. An earlier password of the task under the same link gives way to it.
pub(super) async fn release(transaction: &mut Transaction, task: TaskId, seq: u32) -> Result<(), StoreError> {
    let text = "UPDATE password_deliveries SET state = 'destroyed', ciphertext = NULL \
                WHERE task_id = $1 AND state IN ('released', 'opened', 'expired') AND lookup IN \
                (SELECT c.lookup FROM password_deliveries c WHERE c.task_id = $1 AND c.seq = $2 \
                 AND c.state = 'candidate')";
    transaction.execute(statement!(text, task.0, i64::from(seq))).await?;
    let text = "UPDATE password_deliveries SET state = 'released' \
                WHERE task_id = $1 AND seq = $2 AND state = 'candidate'";
    transaction.execute(statement!(text, task.0, i64::from(seq))).await.map(|_| ())
}

/// Wipes the passwords of an account that nobody has opened yet: another one took their place, or none is accepted any
/// more. Those of the step that did it stay.
pub(super) async fn supersede(
    transaction: &mut Transaction,
    trail: &mut Trail<'_>,
    by: (TaskId, u32),
    (system_key, account): (i64, &ExternalId),
) -> Result<(), StoreError> {
    let text = concat!(
        "UPDATE password_deliveries SET state = 'superseded', ciphertext = NULL \
         WHERE ciphertext IS NOT NULL AND state = 'released' AND NOT (task_id = $1 AND seq = $2) \
         AND EXISTS (SELECT 1 FROM tasks t WHERE t.task_id = password_deliveries.task_id \
         AND t.account_external_id = $3 AND t.system_key IN ",
        same_account!("$4"),
        ") RETURNING delivery_id"
    );
    let (task, seq) = by;
    let wipe = statement!(text, task.0, i64::from(seq), account.as_str(), system_key);
    for delivery in transaction.fetch(wipe, |row| row.int(0)).await? {
        let place = opening::find_place(transaction, delivery).await?;
        let actor = place.actor.clone();
        place.note(trail, &actor, "password_superseded");
    }
    Ok(())
}

/// Wipes the password of a step that was not opened.
pub(super) async fn destroy(transaction: &mut Transaction, task: TaskId, seq: u32) -> Result<(), StoreError> {
    let text = "UPDATE password_deliveries SET state = 'destroyed', ciphertext = NULL \
                WHERE task_id = $1 AND seq = $2 AND state IN ('candidate', 'released')";
    transaction.execute(statement!(text, task.0, i64::from(seq))).await.map(|_| ())
}

fn read_delivery(row: &Row) -> Result<PasswordDelivery, StoreError> {
    Ok(PasswordDelivery {
        id: row.int(0)?,
        task: TaskId(row.int(1)?),
        step: count(row.int(2)?)?,
        kind: row.text(3)?,
        state: row.word(4)?,
        lookup: row.opt_text(5)?,
        created_at: row.time(6)?,
        expires_at: row.opt_time(7)?,
        opened_at: row.opt_time(8)?,
    })
}
