//! How much of what works is in a backup: whatever was taken away since it was made is there again with it.

use jiff::Timestamp;
use serde::Serialize;

use super::DOING;
use crate::history::STILL;
use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::reading;
use crate::{Store, StoreError};

/// What a restored backup brings back, counted at the time of the restore: numbers, and no names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BroughtBack {
    /// Systems that are not removed.
    pub systems: i64,
    /// Their accounts, by the last import.
    pub accounts: i64,
    /// Jobs that have not ended; those that are queued are carried out by `serve`.
    pub open_jobs: i64,
    /// Passwords that can be opened with a one-time secret or by an operator, also those that were opened since.
    pub unclaimed_passwords: i64,
    /// Tokens that let in, also those that were revoked since.
    pub valid_tokens: i64,
    /// People who are not disabled, also those that were removed or disabled since.
    pub people_who_may_sign_in: i64,
    /// Import profiles with a schedule.
    pub schedules: i64,
}

const COUNTS: &str = "SELECT (SELECT COUNT(*) FROM systems WHERE removed_at IS NULL), \
     (SELECT COUNT(*) FROM account_versions v JOIN systems s ON s.system_key = v.system_key \
      WHERE s.removed_at IS NULL AND v.valid_to_run = $1), \
     (SELECT COUNT(*) FROM provisioning_jobs WHERE finished_at IS NULL), \
     (SELECT COUNT(*) FROM password_deliveries WHERE kind IN ('link', 'operator') AND state = 'released' \
      AND ciphertext IS NOT NULL AND (expires_at IS NULL OR expires_at > $2)), \
     (SELECT COUNT(*) FROM tokens WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)), \
     (SELECT COUNT(*) FROM people WHERE disabled_at IS NULL)";

impl BroughtBack {
    /// Counts.
    pub(super) async fn count(store: &Store, now: Timestamp) -> Result<Self, StoreError> {
        let schedules = store.import_schedules(now).await?.len();
        let schedules = i64::try_from(schedules).unwrap_or(i64::MAX);
        reading!(store, DOING, |transaction| {
            let read = |row: &crate::row::Row| {
                Ok(Self {
                    systems: row.int(0)?,
                    accounts: row.int(1)?,
                    open_jobs: row.int(2)?,
                    unclaimed_passwords: row.int(3)?,
                    valid_tokens: row.int(4)?,
                    people_who_may_sign_in: row.int(5)?,
                    schedules,
                })
            };
            transaction.fetch_one(statement!(COUNTS, STILL, to_millis(now)), read).await
        })
        .await
    }
}
