//! One-time secrets, which are in one answer and nowhere else; and what is said to whoever sent the form of it twice.

use askama::Template;
use axum::response::Response;
use keyreeve_engine::password::PublicUrl;
use keyreeve_engine::provisioning::{Handed, SECRET_LIVES};
use keyreeve_model::{Delivery, PasswordDelivery, ProvisioningJob, Task, Wish};

use crate::console::jobs;
use crate::console::numbers::counted;
use crate::console::page::{Frame, Said, shown};
use crate::console::parts::Copied;
use crate::parts::Parts;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "console/handed.html")]
struct HandedPage {
    frame: Frame,
    job: String,
    /// Of each account its secret, and the link with it; none for whoever sent the form once more.
    secrets: Vec<(String, Copied, Option<Copied>)>,
    /// Where those that are lost are replaced.
    passwords: String,
    /// The page of the job, which shows what becomes of it.
    page: String,
    /// Where a secret is opened.
    opened_at: String,
    /// How long it can be.
    lives: String,
}

impl HandedPage {
    fn new(frame: Frame, job: &ProvisioningJob, opened_at: String) -> Self {
        let mut frame = frame;
        // A choice of the theme leads back by `GET`.
        frame.address = jobs::of(job.id);
        Self {
            frame,
            job: job.id.to_string(),
            secrets: Vec::new(),
            passwords: jobs::passwords_of(job.id),
            page: jobs::of(job.id),
            opened_at,
            lives: counted(SECRET_LIVES.as_secs() / 3_600, "hour", "hours"),
        }
    }
}

/// The secrets of a job.
pub(in crate::console) fn handed(
    frame: Frame,
    (job, handed): (&ProvisioningJob, Vec<Handed>),
    url: Option<&PublicUrl>,
    site: Option<String>,
) -> Response {
    // Without a configured address it is reached as whoever asks has reached it.
    let opened_at = match (url, site) {
        (Some(url), _) => format!("{url}/one-time"),
        (None, Some(site)) => format!("{site}/one-time"),
        (None, None) => "/one-time of this server".to_owned(),
    };
    let secret = |(task, account, secret): Handed| {
        let copied = |what: &str, text: &str| Copied { id: format!("{what}-{task}"), text: text.to_owned() };
        let link = url.map(|url| copied("link", url.link(&secret).expose()));
        (account, copied("secret", secret.expose()), link)
    };
    let secrets = handed.into_iter().map(secret).collect();
    shown(&HandedPage { secrets, ..HandedPage::new(frame, job, opened_at) })
}

/// What a form came to that was sent before: the way to where the first answer led, or what to do about secrets that were
/// in it.
pub(in crate::console) async fn sent_before(
    frame: Frame,
    parts: &Parts,
    job: &ProvisioningJob,
) -> Result<Response, Problem> {
    let usual = parts.store.get_system(&job.system_id).await?.settings.password_delivery;
    let by_secret = |task: &Task| match (&task.wish, task.wish.deliver()) {
        (_, Some(how)) => *how == Delivery::Link,
        (Wish::CreateAccount { .. } | Wish::ResetPassword { .. } | Wish::ReactivateAccount { .. }, None) => {
            usual == PasswordDelivery::Link
        }
        _ => false,
    };
    match job.tasks.iter().any(by_secret) {
        true => Ok(shown(&HandedPage::new(frame, job, String::new()))),
        false => Ok(Said::AskedBefore.to_job(job.id)),
    }
}
