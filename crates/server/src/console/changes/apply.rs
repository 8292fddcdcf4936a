//! Asking for exactly the plan that was seen.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::password::PublicUrl;
use keyreeve_engine::rights::Right;
use keyreeve_model::{JobState, SystemId, Wish, digest_hex};
use serde::Deserialize;

use super::handed::{handed, sent_before};
use super::{Change, FilledIn, planned, to_type};
use crate::auth::Caller;
use crate::body::InPath;
use crate::console::address;
use crate::console::form::{Dangerous, Sent, Wrong, reasoned};
use crate::console::page::Said;
use crate::console::systems;
use crate::console::visitor::Visitor;
use crate::meant::Meant;
use crate::once::{Begun, Once, sent_otherwise, to_its_end};
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
    /// The form that it was filled in at, as JSON; empty where there is none.
    #[serde(default)]
    form: String,
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
    let form = match sent.form.as_str() {
        "" => None,
        form => Some(serde_json::from_str(form).map_err(foreign)?),
    };
    let form = form.filter(|form: &FilledIn| address::own(Some(&form.action)) == form.action);
    let change = Change { wishes, next, once: sent.once, meant, reason: sent.reason, form };
    if let Some(name) = to_type(&change.wishes, &change.meant, &system_id)
        && let Err(wrong) = Dangerous::typed(&sent.confirm, &name)
    {
        return planned(&visitor, &parts, &system, change, Some(wrong)).await;
    }
    let reason = match reasoned(&change.reason) {
        Ok(reason) => reason.map(str::to_owned),
        Err(wrong) => return planned(&visitor, &parts, &system, change, Some(wrong)).await,
    };
    let caller = Caller(visitor.actor.clone());
    let body = digest_hex(format!("{}\n{}\n{}\n{reason:?}", sent.wishes, sent.meant, sent.seen).as_bytes());
    let place = (&system_id, "POST /systems/{system_id}/changes of the console".to_owned());
    let frame = systems::frame(&visitor, &system, "One-time secrets");
    let claim = match Once::of(&change.once)?.begin_or_wait(&parts, &caller, place, &body).await? {
        Begun::New(claim) => claim,
        Begun::Job(job) => {
            let job = parts.desk.job(&visitor.actor, Right::Operate, job).await?;
            return sent_before(frame, &parts, &job).await;
        }
        Begun::Run(_) | Begun::Done(_) => return Err(sent_otherwise()),
    };
    let new = NewJob { wishes: change.wishes.clone(), reason, plan_sha256: Some(sent.seen) };
    let work = asked(parts.clone(), caller, system_id.clone(), (new, change.meant.clone()), claim.clone());
    match to_its_end(&parts, claim, work).await {
        Ok(done) if done.handed.is_empty() => {
            let waits = done.job.state == JobState::AwaitingApproval;
            let said = if waits { Said::AwaitsApproval } else { Said::Asked };
            Ok(said.to_job(done.job.id))
        }
        Ok(done) => Ok(handed(frame, (&done.job, done.handed), url.as_deref(), visitor.look.site.clone())),
        Err(error) => {
            let wrong = Wrong::of(error.into())?;
            planned(&visitor, &parts, &system, change, Some(wrong)).await
        }
    }
}
