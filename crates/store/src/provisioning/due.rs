//! When there is something to do, and who keeps doing it.

use jiff::Timestamp;
use keyreeve_model::{JobId, SystemId};

use super::holding::handed_back;
use crate::row::Row;
use crate::statement::{Statement, statement};
use crate::systems::same_account;
use crate::time::to_millis;
use crate::transaction::reading;
use crate::{Store, StoreError, systems};

impl Store {
    /// The earliest moment at which something could be claimed: a queued task's time, or the end of a lease that is
    /// in the way. It may lie in the past. `None` when nothing is left to claim, now or later.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn next_due(
        &self,
        system: Option<&SystemId>,
        job: Option<JobId>,
    ) -> Result<Option<Timestamp>, StoreError> {
        reading!(self, "looking for the next task", |transaction| {
            let system = match system {
                Some(system) => Some(systems::find(transaction, system, false).await?.key),
                None => None,
            };
            let mut earliest = None;
            for beginning in [RUNNING_UNTIL, QUEUED_UNTIL] {
                let mut text = Statement::building(beginning);
                if let Some(system) = system {
                    text.push(" AND t.system_key = ").bind(system);
                }
                if let Some(job) = job {
                    text.push(" AND t.job_id = ").bind(job.0);
                }
                if beginning == QUEUED_UNTIL {
                    text.push(") d");
                }
                let found = transaction.fetch_one(text, |row| row.opt_time(0)).await?;
                earliest = earliest.into_iter().chain(found).min();
            }
            Ok(earliest)
        })
        .await
    }

    /// The worker that has tasks of a job in its hands, and until when at least; of several the one with the longest.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn worker_of(
        &self,
        job: JobId,
        now: Timestamp,
    ) -> Result<Option<(String, Timestamp)>, StoreError> {
        let text = "SELECT lease_worker, lease_until FROM tasks WHERE job_id = $1 AND state = 'running' \
                    AND lease_until > $2 AND lease_worker IS NOT NULL ORDER BY lease_until DESC LIMIT 1";
        reading!(self, "looking who works on the job", |transaction| {
            let read = |row: &Row| Ok((row.text(0)?, row.time(1)?));
            transaction.fetch_optional(statement!(text, job.0, to_millis(now)), read).await
        })
        .await
    }

    /// Jobs of active systems that were begun and not ended, and that nobody works on although something of them could
    /// be done: a worker gave it back or its lease ran out, or nothing has happened to it since `quiet_since`. Those that are left to a person
    /// are none of them. The oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn jobs_left_behind(
        &self,
        quiet_since: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<(JobId, SystemId)>, StoreError> {
        reading!(self, "looking for jobs left behind", |transaction| {
            let text = statement!(LEFT_BEHIND, to_millis(now), to_millis(quiet_since));
            transaction.fetch(text, |row| Ok((JobId(row.int(0)?), row.word(1)?))).await
        })
        .await
    }
}

const RUNNING_UNTIL: &str = "SELECT MIN(t.lease_until) FROM tasks t JOIN systems s ON s.system_key = t.system_key \
                             WHERE t.state = 'running' AND t.finished_at IS NULL AND s.state = 'active'";

/// What can be done at once, has waited, or was in the hands of a worker. Whether tasks wait for others is not asked: a
/// job whose every open task does is being worked on, or its end has just not been seen.
const LEFT_BEHIND: &str = concat!(
    "SELECT j.job_id, s.system_id FROM provisioning_jobs j \
     JOIN systems s ON s.system_key = j.system_key \
     WHERE j.finished_at IS NULL AND j.started_at IS NOT NULL AND j.held_at IS NULL AND s.state = 'active' \
       AND NOT EXISTS (SELECT 1 FROM tasks h WHERE h.job_id = j.job_id AND h.finished_at IS NULL \
         AND h.state = 'running' AND h.lease_until > $1) \
       AND (EXISTS (SELECT 1 FROM tasks l WHERE l.job_id = j.job_id AND l.finished_at IS NULL \
           AND l.state = 'running') \
         OR (j.started_at <= $2 \
           AND NOT EXISTS (SELECT 1 FROM tasks f WHERE f.job_id = j.job_id AND f.finished_at > $2) \
           AND EXISTS (SELECT 1 FROM tasks q WHERE q.job_id = j.job_id AND q.finished_at IS NULL \
             AND q.state = 'queued' AND (q.not_before IS NULL OR q.not_before <= $2))) OR ",
    handed_back!(),
    ") ORDER BY j.job_id"
);

/// A task that waits for one which has not ended is left out: that one comes first.
const QUEUED_UNTIL: &str = concat!(
    "SELECT MIN(CASE WHEN d.named > d.due AND d.named >= d.known THEN d.named \
       WHEN d.known > d.due THEN d.known ELSE d.due END) FROM ( \
     SELECT COALESCE(t.not_before, j.created_at) AS due, \
       COALESCE((SELECT MAX(o.lease_until) FROM tasks o WHERE o.state = 'running' AND o.system_key IN ",
    same_account!("t.system_key"),
    " AND o.account_folded = t.account_folded), 0) AS named, \
       COALESCE((SELECT MAX(o.lease_until) FROM tasks o WHERE o.state = 'running' AND o.system_key IN ",
    same_account!("t.system_key"),
    " AND o.account_external_id = t.account_external_id), 0) AS known \
     FROM tasks t JOIN systems s ON s.system_key = t.system_key JOIN provisioning_jobs j ON j.job_id = t.job_id \
     WHERE t.state = 'queued' AND t.finished_at IS NULL AND s.state = 'active' \
       AND NOT EXISTS (SELECT 1 FROM task_edges e JOIN tasks w ON w.task_id = e.waits_for \
         WHERE e.task_id = t.task_id AND w.state <> 'succeeded')"
);
