//! Asking for exactly the plan that was seen.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::desk::fits;
use keyreeve_engine::password::PublicUrl;
use keyreeve_engine::provisioning::Handed;
use keyreeve_engine::rights::Right;
use keyreeve_model::{JobState, ProvisioningJob, System, SystemId, Wish, digest_hex};
use serde::Deserialize;

use super::{Change, planned};
use crate::auth::Caller;
use crate::body::InPath;
use crate::console::address;
use crate::console::form::{Dangerous, Sent, Wrong, given};
use crate::console::page::{Frame, Said, shown};
use crate::console::parts::{Badge, Copied, Tone};
use crate::console::systems;
use crate::console::visitor::{Visitor, to};
use crate::meant::Meant;
use crate::once::{Begun, Once, reused, to_its_end};
use crate::parts::Parts;
use crate::problem::Problem;
use crate::rest::{NewJob, asked};

/// What the form of a plan sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Applied {
    /// The wishes as JSON.
    wishes: String,
    /// The digest of the plan that was seen.
    seen: String,
    /// Who they are about, as JSON.
    meant: String,
    once: String,
    next: String,
    reason: String,
    #[serde(default)]
    confirm: String,
}

#[derive(Template)]
#[template(path = "console/handed.html")]
struct HandedPage {
    frame: Frame,
    job: String,
    badge: Badge,
    secrets: Vec<(String, Copied, Option<Copied>)>,
    back: String,
}

pub(super) async fn apply(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    url: Option<Extension<PublicUrl>>,
    Sent(sent): Sent<Applied>,
) -> Result<Response, Problem> {
    visitor.require(Right::Operate, &system_id)?;
    let system = parts.store.get_system(&system_id).await?;
    let foreign = |_| Problem::bad_request("what was sent is not what the plan has");
    let wishes: Vec<Wish> = serde_json::from_str(&sent.wishes).map_err(foreign)?;
    let meant: Meant = serde_json::from_str(&sent.meant).map_err(foreign)?;
    let next = address::own(Some(&sent.next)).to_owned();
    let change = Change { wishes, next, once: sent.once, meant };
    if let Some(name) = change.to_type(&system)
        && let Err(wrong) = Dangerous::typed(&sent.confirm, &name)
    {
        return planned(&visitor, &parts, &system, change, Some(wrong)).await;
    }
    let reason = given(&sent.reason).map(str::to_owned);
    if let Err(error) = fits(reason.as_deref()) {
        return planned(&visitor, &parts, &system, change, Some(Wrong::of(error.into())?)).await;
    }
    let caller = Caller(visitor.actor.clone());
    let body = digest_hex(format!("{}\n{}\n{}\n{reason:?}", sent.wishes, sent.meant, sent.seen).as_bytes());
    let place = (&system_id, "POST /systems/{system_id}/changes of the console".to_owned());
    let claim = match Once::of(&change.once)?.begin(&parts, &caller, place, &body).await? {
        Begun::New(claim) => claim,
        Begun::Job(_) => return Ok(to(&Said::AskedBefore.at(&change.next))),
        Begun::Run(_) | Begun::Done(_) => return Err(reused()),
    };
    let new = NewJob { wishes: change.wishes.clone(), reason, plan_sha256: Some(sent.seen) };
    let work = asked(parts.clone(), caller, system_id.clone(), (new, change.meant.clone()), claim.clone());
    match to_its_end(&parts, claim, work).await {
        Ok(done) if done.handed.is_empty() => {
            let waits = done.job.state == JobState::AwaitingApproval;
            let said = if waits { Said::AwaitsApproval } else { Said::Asked };
            Ok(to(&said.at(&change.next)))
        }
        Ok(done) => Ok(handed(&visitor, &system, (&done.job, done.handed), url.as_deref(), change.next)),
        Err(error) => {
            let wrong = Wrong::of(error.into())?;
            planned(&visitor, &parts, &system, change, Some(wrong)).await
        }
    }
}

/// The secrets, which are in this answer and nowhere else.
fn handed(
    visitor: &Visitor,
    system: &System,
    (job, handed): (&ProvisioningJob, Vec<Handed>),
    url: Option<&PublicUrl>,
    back: String,
) -> Response {
    let secret = |(place, (_, account, secret)): (usize, Handed)| {
        let copied = |what: &str, text: &str| Copied { id: format!("{what}-{place}"), text: text.to_owned() };
        let link = url.map(|url| copied("link", url.link(&secret).expose()));
        (account, copied("secret", secret.expose()), link)
    };
    let mut frame = systems::frame(visitor, system, "One-time secrets");
    frame.address.clone_from(&back);
    let badge = match job.state {
        JobState::AwaitingApproval => Badge::new(Tone::Notice, "Waits for approval"),
        _ => Badge::new(Tone::Good, "Asked for"),
    };
    let secrets = (1..).zip(handed).map(secret).collect();
    shown(&HandedPage { frame, job: job.id.to_string(), badge, secrets, back })
}
