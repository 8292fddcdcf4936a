//! What is known of a user or a group at some moment: who changes it later does so only if nobody else has meanwhile, in
//! this process or another.

use keyreeve_model::{ExternalId, JobId, JobState, SystemId};

use crate::provisioning::folded;
use crate::row::Row;
use crate::statement::statement;
use crate::transaction::{Transaction, reading};
use crate::{Store, StoreError, systems};

/// A job that a client has asked for, of which nothing has begun, and by which a user would have no way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScimUnbegun {
    /// Its number.
    pub job: JobId,
    /// Whether the user would be deleted in AWS, and not only shut out.
    pub deletes: bool,
}

/// How a user or a group was at some moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScimMark {
    resource: ExternalId,
    /// The last task about it.
    task: Option<i64>,
    /// When what clients say of it was written last.
    said_at: Option<i64>,
    /// The job that a client's change has become, and that has not ended.
    under_way: Option<i64>,
}

impl ScimMark {
    /// The job of a change over SCIM that somebody is at.
    #[must_use]
    pub fn under_way(&self) -> Option<JobId> {
        self.under_way.map(JobId)
    }
}

impl Store {
    /// How a user or a group is now: to be asked before it is read.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn scim_mark(
        &self,
        system_id: &SystemId,
        resource: &ExternalId,
    ) -> Result<ScimMark, StoreError> {
        reading!(self, "looking who changes it", |transaction| {
            let key = systems::find(transaction, system_id, false).await?.key;
            of(transaction, key, resource).await
        })
        .await
    }

    /// The job by which a client makes a user of this name (case does not count), or lets one be again, until it ends;
    /// one that waits for approval is not meant.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn scim_being_made(
        &self,
        system_id: &SystemId,
        client: &str,
        name: &str,
    ) -> Result<Option<JobId>, StoreError> {
        let text = "SELECT MIN(j.job_id) FROM provisioning_jobs j JOIN scim_pending p ON p.job_id = j.job_id \
                    JOIN tasks t ON t.job_id = j.job_id WHERE j.system_key = $1 AND j.actor = $2 \
                    AND j.state IN ('queued', 'running') AND p.becomes = 'made' AND t.account_folded = $3";
        let name = folded(name);
        reading!(self, "looking whether a user is being made", |transaction| {
            let key = systems::find(transaction, system_id, false).await?.key;
            let asked = statement!(text, key, client, name.as_str());
            Ok(transaction.fetch_one(asked, |row| row.opt_int(0)).await?.map(JobId))
        })
        .await
    }
}

impl Store {
    /// The jobs of a client that would shut a user out or have it gone, are about nobody else, and of which nothing has
    /// begun: they wait for a second person, or for a worker. The oldest first.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn scim_unbegun(
        &self,
        system_id: &SystemId,
        client: &str,
        user: &ExternalId,
    ) -> Result<Vec<ScimUnbegun>, StoreError> {
        let text = "SELECT j.job_id, COUNT(CASE WHEN t.kind = 'delete_account' THEN 1 END) \
                    FROM tasks t JOIN provisioning_jobs j ON j.job_id = t.job_id \
                    WHERE t.system_key = $1 AND t.account_external_id = $2 AND j.actor = $3 \
                    AND t.kind IN ('deactivate_account', 'delete_account') \
                    AND j.state IN ('awaiting_approval', 'queued') \
                    AND NOT EXISTS (SELECT 1 FROM tasks o WHERE o.job_id = j.job_id \
                     AND (o.account_external_id IS NULL OR o.account_external_id <> t.account_external_id \
                      OR o.state NOT IN ('awaiting_approval', 'queued') \
                      OR EXISTS (SELECT 1 FROM steps s WHERE s.task_id = o.task_id AND s.attempts > 0))) \
                    GROUP BY j.job_id ORDER BY j.job_id";
        reading!(self, "looking for what a client has asked for and nobody has begun", |transaction| {
            let key = systems::find(transaction, system_id, false).await?.key;
            let asked = statement!(text, key, user.as_str(), client);
            let read = |row: &Row| Ok(ScimUnbegun { job: JobId(row.int(0)?), deletes: row.int(1)? > 0 });
            transaction.fetch(asked, read).await
        })
        .await
    }
}

impl Store {
    /// The job by which a client asked for a user, where that job has made it and has ended; and how it ended.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn scim_creation(
        &self,
        system_id: &SystemId,
        client: &str,
        user: &ExternalId,
    ) -> Result<Option<(JobId, JobState)>, StoreError> {
        let text = "SELECT j.job_id, j.state FROM tasks t JOIN provisioning_jobs j ON j.job_id = t.job_id \
                    WHERE t.system_key = $1 AND t.account_external_id = $2 AND t.kind = 'create_account' \
                    AND j.actor = $3 AND j.finished_at IS NOT NULL ORDER BY j.job_id DESC LIMIT 1";
        reading!(self, "looking by what a user was made", |transaction| {
            let key = systems::find(transaction, system_id, false).await?.key;
            let asked = statement!(text, key, user.as_str(), client);
            transaction.fetch_optional(asked, |row| Ok((JobId(row.int(0)?), row.word(1)?))).await
        })
        .await
    }
}

async fn of(
    transaction: &mut Transaction,
    system_key: i64,
    resource: &ExternalId,
) -> Result<ScimMark, StoreError> {
    let text = "SELECT (SELECT MAX(task_id) FROM tasks WHERE system_key = $1 AND account_external_id = $2), \
                (SELECT updated_at FROM scim_resources WHERE system_key = $3 AND resource_id = $4), \
                (SELECT MIN(j.job_id) FROM scim_pending p JOIN provisioning_jobs j ON j.job_id = p.job_id \
                 WHERE j.system_key = $5 AND p.resource_id = $6 AND j.state IN ('queued', 'running') \
                 AND j.held_at IS NULL)";
    let id = resource.as_str();
    let resource = resource.clone();
    transaction
        .fetch_one(statement!(text, system_key, id, system_key, id, system_key, id), |row| {
            let resource = resource.clone();
            Ok(ScimMark {
                resource,
                task: row.opt_int(0)?,
                said_at: row.opt_int(1)?,
                under_way: row.opt_int(2)?,
            })
        })
        .await
}

/// Refuses what rests on how something was and no more is. Whoever calls this holds the log's end, so nobody changes it
/// in between.
pub(crate) async fn require_unchanged(
    transaction: &mut Transaction,
    system_key: i64,
    since: Option<&ScimMark>,
) -> Result<(), StoreError> {
    let Some(since) = since else { return Ok(()) };
    if of(transaction, system_key, &since.resource).await? == *since {
        return Ok(());
    }
    Err(StoreError::ScimChanged)
}
