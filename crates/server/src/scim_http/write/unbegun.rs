//! What a client has asked for and nobody has begun, where the same client asks for the opposite: it is taken back, so that
//! no approval and no worker shuts out a user whom the client wants there.

use keyreeve_engine::desk::DeskError;
use keyreeve_model::{ExternalId, JobId, JobState};
use keyreeve_store::StoreError;

use super::job::refused;
use crate::scim_http::answer::Refusal;
use crate::scim_http::asked::Asked;

/// The jobs of the same client that nobody has begun and that are against a user whom it wants there: all that would shut
/// it out if it is to be `active`, else those that would delete it: a deactivation that waits does what `active: false` says,
/// whatever it was asked for by.
pub(super) async fn against(asked: &Asked, user: &ExternalId, active: bool) -> Result<Vec<JobId>, Refusal> {
    let unbegun = asked.parts.store.scim_unbegun(asked.system_id(), asked.client(), user).await?;
    Ok(unbegun.into_iter().filter(|one| active || one.deletes).map(|one| one.job).collect())
}

/// Takes them back, and gives those that were: one may have begun in this moment.
pub(super) async fn withdraw(asked: &Asked, jobs: Vec<JobId>) -> Result<Vec<JobId>, Refusal> {
    let mut withdrawn = Vec::new();
    for job in jobs {
        match asked.parts.desk.cancel(&asked.caller.0, job).await {
            Ok(job) if job.state == JobState::Cancelled => withdrawn.push(job.id),
            Ok(_) | Err(DeskError::Store(StoreError::JobState { .. })) => {}
            Err(error) => return Err(refused(error)),
        }
    }
    Ok(withdrawn)
}
