//! What imports said of what a job changed.

use keyreeve_model::{Claim, ClaimState, JobId};

use super::claim_facts::read_claim;
use crate::statement::Statement;
use crate::transaction::reading;
use crate::{Store, StoreError};

/// So many of the claims of a system that are confirmed, or void, are looked through for those of one job: the last ones.
const LOOKED_THROUGH: i64 = 20_000;

/// The claims of a job.
#[derive(Debug, Clone, Default)]
pub struct JobClaims {
    /// Those that were found, the oldest first.
    pub claims: Vec<Claim>,
    /// Whether those that are settled lie so far back that they were not looked for.
    pub too_old: bool,
}

impl Store {
    /// What a job claims, and which runs settled it.
    ///
    /// # Errors
    /// [`StoreError::JobNotFound`].
    pub async fn job_claims(&self, job: JobId) -> Result<JobClaims, StoreError> {
        reading!(self, "reading what a job claims", |transaction| {
            let mut text = Statement::building(
                "SELECT j.system_key, s.system_id, MIN(t.task_id), MAX(t.task_id) FROM provisioning_jobs j \
                 JOIN systems s ON s.system_key = j.system_key LEFT JOIN tasks t ON t.job_id = j.job_id \
                 WHERE j.job_id = ",
            );
            text.bind(job.0).push(" GROUP BY j.system_key, s.system_id");
            let read = |row: &crate::row::Row| Ok((row.int(0)?, row.word(1)?, row.opt_int(2)?, row.opt_int(3)?));
            let found = transaction.fetch_optional(text, read).await?;
            let (key, system, first, last) = found.ok_or(StoreError::JobNotFound { job })?;
            let (Some(first), Some(last)) = (first, last) else { return Ok(JobClaims::default()) };
            let mut found: Vec<Claim> = Vec::new();
            let mut too_old = false;
            for state in [
                ClaimState::Open,
                ClaimState::Contradicted,
                ClaimState::Confirmed,
                ClaimState::Superseded,
            ] {
                let mut text = Statement::building(
                    "SELECT c.claim_id, c.task_id, c.step, c.account_external_id, c.account, c.fact, c.state, \
                     c.claimed_at, c.settled_by FROM (SELECT * FROM claims WHERE system_key = ",
                );
                text.bind(key).push(" AND state = ").bind(state.as_str());
                text.push(" ORDER BY claim_id DESC LIMIT ").bind(LOOKED_THROUGH);
                text.push(") c WHERE c.task_id BETWEEN ").bind(first).push(" AND ").bind(last);
                text.push(" AND c.task_id IN (SELECT task_id FROM tasks WHERE job_id = ").bind(job.0);
                text.push(") ORDER BY c.claim_id");
                let claims = transaction.fetch(text, |row| read_claim(row, &system)).await?;
                if claims.is_empty() && !too_old {
                    let mut text = Statement::building("SELECT COUNT(*) FROM (SELECT 1 FROM claims WHERE system_key = ");
                    text.bind(key).push(" AND state = ").bind(state.as_str());
                    text.push(" ORDER BY claim_id DESC LIMIT ").bind(LOOKED_THROUGH).push(") c");
                    too_old = transaction.fetch_one(text, |row| row.int(0)).await? >= LOOKED_THROUGH;
                }
                found.extend(claims.into_iter().map(|(_, claim)| claim));
            }
            found.sort_by_key(|claim| (claim.task, claim.step));
            Ok(JobClaims { claims: found, too_old })
        })
        .await
    }
}
