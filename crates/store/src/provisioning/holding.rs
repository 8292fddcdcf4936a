//! Jobs that are not begun by themselves, and those that are.

use jiff::Timestamp;
use keyreeve_model::{JobId, SystemId};
use serde_json::json;

use super::moves::find_job;
use crate::audit::recording;
use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::reading;
use crate::{Store, StoreError};

impl Store {
    /// Jobs of active systems that may be begun and that nobody has: they were asked for, or approved, at `since` or
    /// before. Those that are left to a person are none of them. The oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn jobs_not_begun(&self, since: Timestamp) -> Result<Vec<(JobId, SystemId)>, StoreError> {
        reading!(self, "looking for jobs that nobody has begun", |transaction| {
            let text = statement!(NOT_BEGUN, to_millis(since));
            transaction.fetch(text, |row| Ok((JobId(row.int(0)?), row.word(1)?))).await
        })
        .await
    }

    /// Gives back what is left of a job: whoever looks next may go on with it at once.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn hand_back_job(&self, id: JobId, worker: &str, now: Timestamp) -> Result<(), StoreError> {
        recording!(self, "giving the job back", now, |transaction, _trail| {
            // Of a queued task this is who gave it back; whoever takes it writes their own name there.
            let text = "UPDATE tasks SET lease_worker = $1 WHERE job_id = $2 AND state = 'queued' \
                        AND finished_at IS NULL";
            transaction.execute(statement!(text, worker, id.0)).await.map(|_| ())
        })
        .await
    }

    /// Leaves a job to a person, and says why. One that has ended stays as it is.
    ///
    /// # Errors
    /// [`StoreError::JobNotFound`].
    pub async fn hold_job(&self, id: JobId, because: &str, now: Timestamp) -> Result<(), StoreError> {
        recording!(self, "leaving the job to a person", now, |transaction, trail| {
            let job = find_job(transaction, id).await?;
            let text = "UPDATE provisioning_jobs SET held_because = $1, held_at = $2 \
                        WHERE job_id = $3 AND finished_at IS NULL";
            if transaction.execute(statement!(text, because, to_millis(now), id.0)).await? > 0 {
                let subject = json!({"job": id, "because": because});
                trail.note(&job.actor, Some(&job.system_id), "job_held", &subject);
            }
            Ok(())
        })
        .await
    }

    /// A job is no longer left to a person: what it rests on is as it was again.
    ///
    /// # Errors
    /// [`StoreError::JobNotFound`].
    pub async fn release_job(&self, id: JobId, now: Timestamp) -> Result<(), StoreError> {
        if self.job_hold(id).await?.is_none() {
            return Ok(());
        }
        recording!(self, "taking the job back from a person", now, |transaction, trail| {
            let job = find_job(transaction, id).await?;
            let text = "UPDATE provisioning_jobs SET held_because = NULL, held_at = NULL \
                        WHERE job_id = $1 AND held_at IS NOT NULL";
            if transaction.execute(statement!(text, id.0)).await? > 0 {
                trail.note(&job.actor, Some(&job.system_id), "job_released", &json!({"job": id}));
            }
            Ok(())
        })
        .await
    }

    /// Why a job is left to a person, and since when; `None` when it is not.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn job_hold(&self, id: JobId) -> Result<Option<(String, Timestamp)>, StoreError> {
        let text =
            "SELECT held_because, held_at FROM provisioning_jobs WHERE job_id = $1 AND held_at IS NOT NULL";
        reading!(self, "looking why the job is left to a person", |transaction| {
            transaction.fetch_optional(statement!(text, id.0), |row| Ok((row.text(0)?, row.time(1)?))).await
        })
        .await
    }
}

/// Whether a worker that was told to stop gave something of job `j` back.
macro_rules! handed_back {
    () => {
        "EXISTS (SELECT 1 FROM tasks g WHERE g.job_id = j.job_id AND g.finished_at IS NULL AND g.state = 'queued' \
         AND g.lease_worker IS NOT NULL)"
    };
}
pub(super) use handed_back;

const NOT_BEGUN: &str = concat!(
    "SELECT j.job_id, s.system_id FROM provisioning_jobs j \
     JOIN systems s ON s.system_key = j.system_key \
     WHERE j.finished_at IS NULL AND j.started_at IS NULL AND j.state = 'queued' AND j.held_at IS NULL \
       AND s.state = 'active' AND ((j.created_at <= $1 AND (j.decided_at IS NULL OR j.decided_at <= $1)) OR ",
    handed_back!(),
    ") ORDER BY j.job_id"
);
