//! What is not told, or not any more: what happened before anybody was to be told, and what no longer holds.

use jiff::Timestamp;
use keyreeve_model::TaskId;
use serde_json::Value as Json;

use super::Notification;
use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::{reading, writing};
use crate::{Store, StoreError};

impl Store {
    /// Notes that people are told from now on. The first time, what happened before is let go: nobody was to be told of it.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn begin_telling(&self, since: Timestamp) -> Result<(), StoreError> {
        // A row like those that were told, which is never forgotten.
        let mark = "INSERT INTO notifications (dedupe, kind, subject, at, attempts, next_at, told_at) \
                    VALUES ('telling', 'telling', '{}', $1, 0, $1, $2) ON CONFLICT (dedupe) DO NOTHING";
        let tried = "SELECT notification_id FROM notifications WHERE attempts > 0 LIMIT 1";
        let let_go = "UPDATE notifications SET told_at = $1 WHERE told_at IS NULL AND at < $1";
        let since = to_millis(since);
        writing!(self, "noting that people are told", |transaction| {
            let first = transaction.execute(statement!(mark, since, to_millis(Timestamp::MAX))).await? > 0;
            // An earlier version told, and left no mark.
            let tried = transaction.fetch_optional(statement!(tried), |row| row.int(0)).await?.is_some();
            if first && !tried {
                transaction.execute(statement!(let_go, since)).await?;
            }
            Ok(())
        })
        .await
    }

    /// Lets go what there is to tell, as there is nobody to tell it to.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn let_notifications_go(&self, now: Timestamp) -> Result<(), StoreError> {
        // Those that another server tries to tell are left to it.
        let look = "SELECT notification_id FROM notifications WHERE told_at IS NULL AND attempts = 0 AND next_at <= $1 LIMIT 1";
        let let_go =
            "UPDATE notifications SET told_at = $1 WHERE told_at IS NULL AND attempts = 0 AND next_at <= $1";
        // Most of the time there is nothing, and then nothing is locked.
        let waits = reading!(self, "looking for what is to be told", |transaction| {
            transaction.fetch_optional(statement!(look, to_millis(now)), |row| row.int(0)).await
        })
        .await?;
        if waits.is_none() {
            return Ok(());
        }
        writing!(self, "letting go what nobody is told", |transaction| {
            transaction.execute(statement!(let_go, to_millis(now))).await.map(|_| ())
        })
        .await
    }

    /// Whether something still is as it is to be told: a job waits, an import is suspended. What only happened stays true.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn still_holds(&self, told: &Notification, now: Timestamp) -> Result<bool, StoreError> {
        let number = |field: &str| told.subject.get(field).and_then(Json::as_i64).unwrap_or_default();
        let text = match told.kind.as_str() {
            "import_suspended" => "SELECT run_id FROM import_runs WHERE run_id = $1 AND state = 'suspended'",
            "job_awaits_approval" => {
                "SELECT job_id FROM provisioning_jobs WHERE job_id = $1 AND state = 'awaiting_approval'"
            }
            "job_failed" => {
                "SELECT job_id FROM provisioning_jobs WHERE job_id = $1 AND state IN ('failed', 'partially_failed')"
            }
            "system_quarantined" => {
                "SELECT system_key FROM systems WHERE system_id = $1 AND state = 'quarantined'"
            }
            "password_unclaimed" => {
                let task = TaskId(number("task"));
                return Ok(self
                    .unclaimed_passwords(now, None)
                    .await?
                    .iter()
                    .any(|password| password.task == task));
            }
            _ => return Ok(true),
        };
        let system = told.system_id.as_ref().map(ToString::to_string).unwrap_or_default();
        let look = match told.kind.as_str() {
            "system_quarantined" => statement!(text, system),
            "import_suspended" => statement!(text, number("import_run")),
            _ => statement!(text, number("job")),
        };
        reading!(self, "looking whether what is to be told still holds", |transaction| {
            transaction.fetch_optional(look.clone(), |row| row.int(0)).await
        })
        .await
        .map(|found| found.is_some())
    }
}
