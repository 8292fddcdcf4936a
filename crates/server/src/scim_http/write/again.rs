//! A `POST` of a user that comes again, as the answer to the first one was lost: it is told what came of that one. By 409
//! and not 201, as a request of the same name may want something else, and 201 would say that all of it holds.

use keyreeve_model::{Account, ExternalId, JobId, JobState};
use serde_json::Value;
use tokio::time::sleep;

use super::Request;
use super::job::OTHERS;
use crate::scim::bulk::Method;
use crate::scim::{Cause, Error};
use crate::scim_http::answer::Refusal;
use crate::scim_http::asked::Asked;
use crate::scim_http::known::Known;

impl Request {
    /// The name of the user that it is to make.
    pub(super) fn name_to_make(&self) -> Option<String> {
        let body =
            self.body.as_object().filter(|_| self.method == Method::Post && self.kind.name == "User")?;
        let (_, name) = body.iter().find(|(name, _)| name.eq_ignore_ascii_case("userName"))?;
        name.as_str().map(str::to_owned)
    }
}

/// Ends once no process makes a user of this name for the same client any more.
pub(super) async fn first_is_over(asked: &Asked, name: &str) -> Result<(), Refusal> {
    while first_job(asked, name).await?.is_some() {
        sleep(OTHERS).await;
    }
    Ok(())
}

/// The job by which the same client makes a user of this name.
pub(super) async fn first_job(asked: &Asked, name: &str) -> Result<Option<JobId>, Refusal> {
    Ok(asked.parts.store.scim_being_made(asked.system_id(), asked.client(), name).await?)
}

/// The refusal of what was not begun, since that job had not ended in time.
pub(super) fn behind(job: JobId) -> Error {
    let detail = format!(
        "a request of yours before this one had the same userName and became job {job}, which has not ended yet; \
         nothing was begun for this one; ask again"
    );
    Error::new(Cause::Unavailable, detail)
}

/// The refusal of a name that a user has. Whoever made that user is told so, with where it is: the answer that said it
/// may have been lost. So is whoever had asked for it to go, when that was `withdrawn`.
pub(super) async fn taken(
    asked: &Asked,
    known: &Known<'_>,
    there: &Account,
    withdrawn: &[JobId],
) -> Result<Error, Refusal> {
    let id = &there.external_id;
    let stays = match withdrawn {
        [] => String::new(),
        jobs => {
            let jobs: Vec<String> = jobs.iter().map(|job| format!("job {job}")).collect();
            format!(
                "; you had asked for the user {id} to be deleted or deactivated ({}): nothing of that had begun, and it is \
                 withdrawn, so the user stays as it is",
                jobs.join(", ")
            )
        }
    };
    let gone = known.deleted_by(id).is_some();
    if gone || known.made_by(id).await?.as_deref() != Some(asked.client()) {
        if !gone && let Some((job, state)) = creation(asked, id).await? {
            return Ok(Error::new(Cause::Uniqueness, format!("{}{stays}", half_made(asked, id, job, state))));
        }
        let detail =
            format!("there is a user of that name (case does not count); it is not taken over{stays}");
        return Ok(Error::new(Cause::Uniqueness, detail));
    }
    let user = known.resource(&asked.model.user, id.as_str()).await?.unwrap_or_default();
    let of_meta = |name: &str| user.get("meta").and_then(|meta| meta.get(name)).and_then(Value::as_str);
    let detail = format!(
        "you have made the user of that name yourself (case does not count): its id is {id}, it is at {}, and AWS has \
         it since {}; this request changed nothing of it: read the user there, and PATCH it if it is to be otherwise{stays}",
        of_meta("location").unwrap_or_default(),
        of_meta("created").unwrap_or_default(),
    );
    Ok(Error::new(Cause::Uniqueness, detail))
}

/// The job by which the same client asked for this user, if that made it.
async fn creation(asked: &Asked, id: &ExternalId) -> Result<Option<(JobId, JobState)>, Refusal> {
    Ok(asked.parts.store.scim_creation(asked.system_id(), asked.client(), id).await?)
}

/// What a client is told whose own creation of a user did not come to its end at first.
fn half_made(asked: &Asked, id: &ExternalId, job: JobId, state: JobState) -> String {
    let at = format!("its id is {id}, it is at {}{}/{id}", asked.base, asked.model.user.endpoint);
    if state == JobState::Succeeded {
        return format!(
            "the user of that name was made by job {job}, which you have asked for ({at}); what you say beside AWS does not \
             hold of it, as the job stopped half way at first or was not asked for over SCIM: read the user there, and \
             PATCH it"
        );
    }
    format!(
        "your own request made the user of that name and stopped half way, as job {job} ({}): {at}; either an operator of \
         Keyreeve tries the job again (`POST /api/v1/jobs/{job}/retry` over REST) and you PATCH the user, or you DELETE it \
         there and POST again",
        state.as_str().replace('_', " ")
    )
}
