//! Opening a delivery: once.

use jiff::Timestamp;
use keyreeve_model::{JobId, SystemId, TaskId};
use serde_json::json;

use crate::audit::{Trail, recording};
use crate::row::Row;
use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::{Transaction, reading};
use crate::{Store, StoreError};

/// Who opens a link is known only by having it.
/// Who opens a one-time secret, in the audit log: nobody knows who that is.
pub const BEARER: &str = "bearer of the one-time secret";

impl Store {
    /// Gives the sealed password of a link, once: it is gone from the store in the same transaction. A second attempt
    /// has a row in the audit log.
    ///
    /// # Errors
    /// [`StoreError::DeliveryUsed`] when it was opened already; [`StoreError::DeliverySuperseded`] when it signs in no
    /// more; [`StoreError::DeliveryGone`] when it expired, was
    /// destroyed or never was.
    pub async fn open_delivery(&self, lookup: &str, now: Timestamp) -> Result<Vec<u8>, StoreError> {
        // Looked up before anything is locked, so that guessing costs the others nothing.
        let text = "SELECT delivery_id FROM password_deliveries \
                    WHERE lookup = $1 AND state IN ('released', 'opened', 'expired', 'superseded') \
                    ORDER BY delivery_id DESC LIMIT 1";
        let found = reading!(self, "looking for the password", |transaction| {
            transaction.fetch_optional(statement!(text, lookup), |row| row.int(0)).await
        })
        .await?;
        let Some(delivery) = found else { return Err(StoreError::DeliveryGone) };
        self.hand_over(delivery, BEARER, now).await
    }

    /// The sealed password of a link, left where it is, so that a secret can be tried before [`Self::open_delivery`]
    /// takes it out. `None` when there is nothing to open any more, or never was: the same answer for both.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn peek_delivery(&self, lookup: &str, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        let text = "SELECT ciphertext FROM password_deliveries WHERE lookup = $1 AND state = 'released' \
                    AND ciphertext IS NOT NULL AND (expires_at IS NULL OR expires_at > $2)";
        reading!(self, "looking for the password", |transaction| {
            transaction.fetch_optional(statement!(text, lookup, to_millis(now)), |row| row.bytes(0)).await
        })
        .await
    }

    /// Gives the password of a task that is shown to the operator, once, like [`Self::open_delivery`].
    ///
    /// # Errors
    /// [`StoreError::DeliveryUsed`], [`StoreError::DeliverySuperseded`], [`StoreError::DeliveryGone`].
    pub async fn reveal_delivery(
        &self,
        task: TaskId,
        actor: &str,
        now: Timestamp,
    ) -> Result<Vec<u8>, StoreError> {
        let text = "SELECT MAX(delivery_id) FROM password_deliveries \
                    WHERE task_id = $1 AND kind = 'operator' \
                    AND state IN ('released', 'opened', 'expired', 'superseded')";
        let found = reading!(self, "looking for the password", |transaction| {
            transaction.fetch_one(statement!(text, task.0), |row| row.opt_int(0)).await
        })
        .await?;
        let Some(delivery) = found else { return Err(StoreError::DeliveryGone) };
        self.hand_over(delivery, actor, now).await
    }

    /// The password of a task, encrypted to its recipient's key. It can be read as often as needed.
    ///
    /// # Errors
    /// [`StoreError::DeliveryGone`].
    pub async fn delivery_text(&self, task: TaskId, now: Timestamp) -> Result<Vec<u8>, StoreError> {
        let text = "SELECT ciphertext FROM password_deliveries WHERE task_id = $1 AND kind = 'recipient' \
                    AND state = 'released' AND ciphertext IS NOT NULL \
                    AND (expires_at IS NULL OR expires_at > $2) ORDER BY delivery_id DESC LIMIT 1";
        reading!(self, "reading the encrypted password", |transaction| {
            transaction.fetch_optional(statement!(text, task.0, to_millis(now)), |row| row.bytes(0)).await
        })
        .await?
        .ok_or(StoreError::DeliveryGone)
    }

    async fn hand_over(&self, delivery: i64, actor: &str, now: Timestamp) -> Result<Vec<u8>, StoreError> {
        // A refusal is recorded too, so it is a value of the transaction and not its error.
        recording!(self, "opening the password", now, |transaction, trail| {
            let place = find_place(transaction, delivery).await?;
            let text = "UPDATE password_deliveries SET state = 'opened', opened_at = $1 \
                        WHERE delivery_id = $2 AND state = 'released' AND (expires_at IS NULL OR expires_at > $1) \
                        RETURNING ciphertext";
            let opening = statement!(text, to_millis(now), delivery);
            if let Some(sealed) = transaction.fetch_optional(opening, |row| row.bytes(0)).await? {
                wipe(transaction, delivery).await?;
                place.note(trail, actor, "password_opened");
                return Ok(Ok(sealed));
            }
            match place.state.as_str() {
                "opened" => {
                    place.note(trail, actor, "password_second_attempt");
                    Ok(Err(StoreError::DeliveryUsed))
                }
                "superseded" => Ok(Err(StoreError::DeliverySuperseded)),
                "released" => {
                    let text = "UPDATE password_deliveries SET state = 'expired' WHERE delivery_id = $1";
                    transaction.execute(statement!(text, delivery)).await?;
                    wipe(transaction, delivery).await?;
                    place.note(trail, actor, "password_expired");
                    Ok(Err(StoreError::DeliveryGone))
                }
                _ => Ok(Err(StoreError::DeliveryGone)),
            }
        })
        .await?
    }
}

async fn wipe(transaction: &mut Transaction, delivery: i64) -> Result<(), StoreError> {
    let text = "UPDATE password_deliveries SET ciphertext = NULL WHERE delivery_id = $1";
    transaction.execute(statement!(text, delivery)).await.map(|_| ())
}

/// Where a delivery belongs.
pub(super) struct DeliveryPlace {
    pub(super) job: JobId,
    task: TaskId,
    pub(super) account: String,
    step: i64,
    kind: String,
    state: String,
    pub(super) system_id: SystemId,
    /// Who asked for the job.
    pub(super) actor: String,
}

impl DeliveryPlace {
    pub(super) fn note(&self, trail: &mut Trail<'_>, actor: &str, action: &'static str) {
        let subject = json!({
            "job": self.job,
            "task": self.task,
            "account": self.account,
            "step": self.step,
            "delivery": self.kind,
        });
        trail.note(actor, Some(&self.system_id), action, &subject);
    }
}

pub(super) async fn find_place(
    transaction: &mut Transaction,
    delivery: i64,
) -> Result<DeliveryPlace, StoreError> {
    let text = "SELECT t.job_id, d.task_id, d.seq, d.kind, d.state, s.system_id, j.actor, t.account \
                FROM password_deliveries d JOIN tasks t ON t.task_id = d.task_id \
                JOIN provisioning_jobs j ON j.job_id = t.job_id JOIN systems s ON s.system_key = t.system_key \
                WHERE d.delivery_id = $1";
    let read = |row: &Row| {
        Ok(DeliveryPlace {
            job: JobId(row.int(0)?),
            task: TaskId(row.int(1)?),
            step: row.int(2)?,
            kind: row.text(3)?,
            state: row.text(4)?,
            system_id: row.word(5)?,
            actor: row.text(6)?,
            account: row.text(7)?,
        })
    };
    transaction.fetch_optional(statement!(text, delivery), read).await?.ok_or(StoreError::DeliveryGone)
}
