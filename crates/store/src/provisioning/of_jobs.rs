//! What imports said of what a job changed.

use keyreeve_model::{Claim, JobId};

use super::claim_facts::read_claim;
use crate::statement::{Statement, statement};
use crate::transaction::reading;
use crate::{Store, StoreError};

impl Store {
    /// What a job claims, and which runs settled it, in the order in which it was done.
    ///
    /// # Errors
    /// [`StoreError::JobNotFound`].
    pub async fn job_claims(&self, job: JobId) -> Result<Vec<Claim>, StoreError> {
        reading!(self, "reading what a job claims", |transaction| {
            let text = "SELECT s.system_id FROM provisioning_jobs j JOIN systems s ON s.system_key = j.system_key \
                        WHERE j.job_id = $1";
            let system = transaction.fetch_optional(statement!(text, job.0), |row| row.word(0)).await?;
            let system = system.ok_or(StoreError::JobNotFound { job })?;
            let claims = transaction.fetch(of_job(job.0), |row| read_claim(row, &system)).await?;
            Ok(claims.into_iter().map(|(_, claim)| claim).collect())
        })
        .await
    }
}

/// The claims of the tasks of a job.
pub(super) fn of_job(job: i64) -> Statement {
    statement!(
        "SELECT c.claim_id, c.task_id, c.step, c.account_external_id, c.account, c.fact, c.state, c.claimed_at, \
         c.settled_by FROM claims c WHERE c.task_id IN (SELECT t.task_id FROM tasks t WHERE t.job_id = $1) \
         ORDER BY c.task_id, c.step, c.claim_id",
        job
    )
}
