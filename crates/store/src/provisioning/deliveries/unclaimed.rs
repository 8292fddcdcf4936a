//! Passwords that were set and that nobody has taken.

use jiff::{SignedDuration, Timestamp};
use keyreeve_model::{JobId, SystemId, SystemSettings, TaskId};
use serde::{Deserialize, Serialize};

use super::DeliveryState;
use crate::history::STILL;
use crate::statement::statement;
use crate::systems::{push_within, same_account};
use crate::transaction::reading;
use crate::{Store, StoreError};

/// A password that is in force as far as we know, and that nobody has opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnclaimedPassword {
    /// The system.
    pub system_id: SystemId,
    /// Whose password it is, by the name of then.
    pub account: String,
    /// The job that made it.
    pub job: JobId,
    /// Its task.
    pub task: TaskId,
    /// When it was made.
    pub created_at: Timestamp,
    /// `released`: it can still be opened; `expired`: nobody will ever know it.
    pub state: DeliveryState,
}

/// Of links and of what operators see: who reads what is encrypted to a recipient is not known here. What a later task did
/// to the account's password, and what imports have seen of it since, is asked for.
const UNCLAIMED: &str = concat!(
    "SELECT s.system_id, t.account, t.job_id, t.task_id, d.created_at, d.state, s.settings \
     FROM password_deliveries d JOIN tasks t ON t.task_id = d.task_id \
     JOIN systems s ON s.system_key = t.system_key \
     WHERE d.kind IN ('link', 'operator') AND d.state IN ('released', 'expired') AND s.removed_at IS NULL \
     AND NOT EXISTS (SELECT 1 FROM tasks l WHERE l.account_external_id = t.account_external_id \
       AND l.task_id > t.task_id AND l.state = 'succeeded' \
       AND l.kind IN ('reset_password', 'deactivate_account', 'delete_account') AND l.system_key IN ",
    same_account!("t.system_key"),
    ") AND NOT EXISTS (SELECT 1 FROM import_runs r WHERE r.system_key = t.system_key AND r.state = 'published' \
       AND r.started_at > d.created_at AND NOT EXISTS (SELECT 1 FROM account_versions v \
         WHERE v.system_key = t.system_key AND v.external_id = t.account_external_id AND v.valid_to_run = $1 \
         AND v.login_state <> 'absent' \
         AND (v.password_last_used_at IS NULL OR v.password_last_used_at < d.created_at)))"
);

fn is_old((password, days): &(UnclaimedPassword, u32), now: Timestamp) -> bool {
    let hours = i64::from(*days).saturating_mul(24);
    now.duration_since(password.created_at) >= SignedDuration::from_hours(hours)
}

impl Store {
    /// Passwords of these systems, or of all, that nobody has opened for longer than the setting `unclaimed_password_days`
    /// of their system, by system and age.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn unclaimed_passwords(
        &self,
        now: Timestamp,
        within: Option<&[SystemId]>,
    ) -> Result<Vec<UnclaimedPassword>, StoreError> {
        let found = self.unopened(within).await?;
        Ok(found.into_iter().filter(|one| is_old(one, now)).map(|(password, _)| password).collect())
    }

    /// The same, and those that nobody can open any more, however old they are.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn unclaimed_or_expired_passwords(
        &self,
        now: Timestamp,
        within: Option<&[SystemId]>,
    ) -> Result<Vec<UnclaimedPassword>, StoreError> {
        let mut found = self.unopened(within).await?;
        found.retain(|one| one.0.state == DeliveryState::Expired || is_old(one, now));
        Ok(found.into_iter().map(|(password, _)| password).collect())
    }

    /// All that nobody has opened, with the setting of their systems.
    async fn unopened(
        &self,
        within: Option<&[SystemId]>,
    ) -> Result<Vec<(UnclaimedPassword, u32)>, StoreError> {
        reading!(self, "looking for unclaimed passwords", |transaction| {
            let read = |row: &crate::row::Row| {
                let password = UnclaimedPassword {
                    system_id: row.word(0)?,
                    account: row.text(1)?,
                    job: JobId(row.int(2)?),
                    task: TaskId(row.int(3)?),
                    created_at: row.time(4)?,
                    state: row.word(5)?,
                };
                Ok((password, row.json::<SystemSettings>(6)?.unclaimed_password_days))
            };
            let mut text = statement!(UNCLAIMED, STILL);
            push_within(&mut text, within);
            text.push(" ORDER BY s.system_id, d.delivery_id");
            transaction.fetch(text, read).await
        })
        .await
    }
}
