//! `/imports/{run}/accept` and `/imports/{run}/reject`: what people decide about suspended runs.

use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::desk::DeskError;
use keyreeve_engine::rights::Right;
use keyreeve_model::{ImportRun, ImportRunId, ImportRunState};
use serde::Deserialize;

use super::{of, show};
use crate::body::InPath;
use crate::console::form::{Dangerous, Sent, Wrong, reasoned};
use crate::console::page::Said;
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

/// What the form of an acceptance sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Acceptance {
    /// The digest of the changes that were seen.
    seen: String,
    reason: String,
    confirm: String,
}

/// What the form of a rejection sends. Both are on one page, so its reason has another name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rejection {
    /// The digest of the changes that were seen.
    seen: String,
    because: String,
}

pub(super) async fn accept(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(run): InPath<i64>,
    Sent(Acceptance { seen, reason, confirm }): Sent<Acceptance>,
) -> Result<Response, Problem> {
    let run = parts.desk.import_run(&visitor.actor, Right::Approve, ImportRunId(run)).await?;
    if !as_seen(&run, &seen) {
        return changed(&visitor, &parts, &run).await;
    }
    let filled = [reason.as_str(), ""];
    let wrong = match (reasoned(&reason), Dangerous::typed(&confirm, run.system_id.as_str())) {
        (Ok(None), _) => Some(Wrong::with("reason", DeskError::Reason)),
        (Err(wrong), _) | (_, Err(wrong)) => Some(wrong),
        _ => None,
    };
    if wrong.is_some() {
        return show::filled_in(&visitor, &parts, &run, filled, wrong).await;
    }
    let done = parts.desk.accept(&visitor.actor, run.id, &reason).await;
    decided(&visitor, &parts, (&run, done), (Said::Accepted, filled)).await
}

pub(super) async fn reject(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(run): InPath<i64>,
    Sent(Rejection { seen, because }): Sent<Rejection>,
) -> Result<Response, Problem> {
    let run = parts.desk.import_run(&visitor.actor, Right::Approve, ImportRunId(run)).await?;
    if !as_seen(&run, &seen) {
        return changed(&visitor, &parts, &run).await;
    }
    let filled = ["", because.as_str()];
    let why = match reasoned(&because) {
        Ok(why) => why,
        Err(Wrong { why, .. }) => {
            let wrong = Some(Wrong::with("because", why));
            return show::filled_in(&visitor, &parts, &run, filled, wrong).await;
        }
    };
    let done = parts.desk.discard(&visitor.actor, run.id, why).await;
    decided(&visitor, &parts, (&run, done), (Said::Rejected, filled)).await
}

/// Whether the run found exactly what whoever decides has seen.
fn as_seen(run: &ImportRun, seen: &str) -> bool {
    run.changes_sha256.as_deref() == Some(seen)
}

async fn changed(visitor: &Visitor, parts: &Parts, run: &ImportRun) -> Result<Response, Problem> {
    let why = "the run is not as you have seen it; nothing was decided";
    show::answer(visitor, parts, run, Some(Wrong::whole(why))).await
}

async fn decided(
    visitor: &Visitor,
    parts: &Parts,
    (run, done): (&ImportRun, Result<ImportRun, DeskError>),
    (said, filled): (Said, [&str; 2]),
) -> Result<Response, Problem> {
    // A form that is sent twice leads twice to the same place.
    let state =
        if matches!(said, Said::Accepted) { ImportRunState::Published } else { ImportRunState::Rejected };
    let twice =
        |now: &ImportRun| now.state == state && now.decided_by.as_deref() == Some(visitor.actor.name());
    match done {
        Ok(run) => Ok(said.to(&of(run.id))),
        Err(error) => {
            // Somebody else may have decided in between: it is shown as it is by then.
            let now = parts.desk.import_run(&visitor.actor, Right::Approve, run.id).await?;
            match twice(&now) {
                true => Ok(said.to(&of(run.id))),
                false => show::filled_in(visitor, parts, &now, filled, Some(Wrong::of(error.into())?)).await,
            }
        }
    }
}
