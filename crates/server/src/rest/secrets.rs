//! One-time secrets, given out once to whoever asked, in the answer to that request and nowhere else.

use axum::Json;
use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use keyreeve_engine::password::PublicUrl;
use keyreeve_engine::provisioning::Handed;
use keyreeve_model::{ProvisioningJob, TaskId};
use serde::Serialize;
use utoipa::ToSchema;

/// What an answer says when it is that to a repeat.
pub(crate) const REPEATED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// A job as it is given to whoever asked for it.
#[derive(Serialize, ToSchema)]
pub(crate) struct AskedJob {
    #[serde(flatten)]
    job: ProvisioningJob,
    /// The one-time secrets of its passwords. They are kept nowhere: a repeat of the request does not have them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    one_time_secrets: Vec<OneTimeSecret>,
    /// Whether this answers a repeat of a request that was done before. One-time secrets were in that answer alone.
    repeated: bool,
}

/// The one-time secret of a password.
#[derive(Serialize, ToSchema)]
struct OneTimeSecret {
    /// The task that sets the password.
    task: TaskId,
    /// Whose password it is.
    account: String,
    /// What opens it, once, when the task is done.
    secret: String,
    /// The address of a page that shows the password once, with the secret in it; left out unless the server knows where
    /// it is reached (`public_url`).
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

impl AskedJob {
    /// A job that was just asked for.
    pub(crate) fn new(job: ProvisioningJob, handed: Vec<Handed>, url: Option<&PublicUrl>) -> Self {
        let secret = |(task, account, secret): Handed| OneTimeSecret {
            task,
            account,
            link: url.map(|url| url.link(&secret).expose().to_owned()),
            secret: secret.expose().to_owned(),
        };
        Self { job, one_time_secrets: handed.into_iter().map(secret).collect(), repeated: false }
    }

    /// A job that was asked for by the same request before.
    pub(crate) fn again(job: ProvisioningJob) -> Self {
        Self { job, one_time_secrets: Vec::new(), repeated: true }
    }
}

impl IntoResponse for AskedJob {
    fn into_response(self) -> Response {
        let (location, repeated) = (format!("{}/jobs/{}", super::PREFIX, self.job.id), self.repeated);
        accepted(Json(self).into_response(), &location, repeated)
    }
}

/// What was asked for is being done; it stands at `location`.
pub(crate) fn accepted(mut answer: Response, location: &str, repeated: bool) -> Response {
    *answer.status_mut() = StatusCode::ACCEPTED;
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(location) = HeaderValue::from_str(location) {
        headers.insert(LOCATION, location);
    }
    if repeated {
        headers.insert(REPEATED, HeaderValue::from_static("true"));
    }
    answer
}
