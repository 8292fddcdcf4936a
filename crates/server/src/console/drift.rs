//! `/systems/{system_id}/drift`: what was changed here and is not so in AWS any more, and whether that is accepted.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use keyreeve_engine::drift::DriftedChange;
use keyreeve_engine::rights::Right;
use keyreeve_model::{ClaimFact, ImportRunId, SystemId};
use keyreeve_store::ClaimId;

use super::accounts;
use super::form::{Field, Sent, Wrong, reasoned, status_of, whole};
use super::imports;
use super::jobs;
use super::page::{Frame, Said, shown_as};
use super::parts::{Cell, Choice, Empty, Tabs};
use super::systems;
use super::table::{Column, Table};
use super::time::Time;
use super::visitor::Visitor;
use crate::body::InPath;
use crate::parts::Parts;
use crate::problem::Problem;

/// So many are shown at most: whoever has more looks at the newest first.
const MOST: u32 = 500;
/// The form that accepts what is marked.
const FORM: &str = "accepting";
/// The name of a mark.
const CLAIM: &str = "claim";
/// The name of the field of why.
const REASON: &str = "reason";

const COLUMNS: [Column; 7] = [
    Column::plain("Account"),
    Column::plain("What was done here"),
    Column::plain("What AWS has"),
    Column::plain("By"),
    Column::plain("Done"),
    Column::plain("Seen by"),
    Column::plain("Accept"),
];

/// The pages.
pub(super) fn router() -> Router<Parts> {
    Router::new().route("/systems/{system_id}/drift", get(page).post(accept))
}

/// The address of what has drifted of a system.
pub(super) fn of(system_id: &SystemId) -> String {
    systems::within(system_id, "drift")
}

#[derive(Template)]
#[template(path = "console/systems/drift.html")]
struct DriftPage {
    frame: Frame,
    name: String,
    tabs: Tabs,
    wrong: Option<String>,
    drifts: Table,
    /// The form, for whoever may accept.
    form: Option<&'static str>,
    reason: Field,
    action: String,
}

async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
) -> Result<Response, Problem> {
    answer(&visitor, &parts, &system_id, ("", None)).await
}

async fn accept(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    Sent(marked): Sent<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let claim =
        |(name, value): &(String, String)| (name == CLAIM).then(|| value.parse().ok().map(ClaimId)).flatten();
    let (reason, marked): (Vec<_>, Vec<_>) = marked.into_iter().partition(|(name, _)| name == REASON);
    let reason = reason.first().map_or("", |(_, reason)| reason.as_str());
    let foreign = || Problem::bad_request("what was sent is not what the form has");
    visitor.require(Right::Approve, &system_id)?;
    let claims = marked.iter().map(claim).collect::<Option<Vec<_>>>().ok_or_else(foreign)?;
    if claims.is_empty() {
        let wrong = Wrong::whole("nothing is marked; mark what is to stay as AWS has it");
        return answer(&visitor, &parts, &system_id, (reason, Some(wrong))).await;
    }
    let why = match reasoned(reason) {
        Ok(why) => why,
        Err(wrong) => return answer(&visitor, &parts, &system_id, (reason, Some(wrong))).await,
    };
    // What has ended meanwhile is not there any more on the page that this leads to.
    parts.desk.accept_drift(&visitor.actor, &system_id, &claims, why).await?;
    Ok(Said::DriftAccepted.to(&of(&system_id)))
}

async fn answer(
    visitor: &Visitor,
    parts: &Parts,
    system_id: &SystemId,
    (reason, wrong): (&str, Option<Wrong>),
) -> Result<Response, Problem> {
    visitor.require(Right::Read, system_id)?;
    let system = parts.store.get_system(system_id).await?;
    let drifts = DriftedChange::of_system(&parts.store, system_id, MOST).await?;
    let may = visitor.may(Right::Approve) && !drifts.is_empty();
    let rows = drifts.iter().map(|drift| row(drift, may));
    let empty = Empty {
        title: "No drift".to_owned(),
        text: "No change that was made here was seen otherwise by the import after it. What is undone in AWS later, once an \
               import has confirmed it, is no drift: it stands in what the import that sees it changed, and in the history of \
               the account."
            .to_owned(),
        action: None,
    };
    let page = DriftPage {
        drifts: Table::whole("What was changed here and is not so in AWS", &COLUMNS, rows.collect(), empty),
        frame: systems::frame(visitor, &system, "Drift"),
        name: system.name.to_string(),
        tabs: systems::tabs(system_id, "drift"),
        wrong: whole(wrong.clone()),
        form: may.then_some(FORM),
        reason: Field::reason(REASON, "Reason")
            .value(reason)
            .hint("Kept in the audit log.")
            .unless(wrong.as_ref()),
        action: of(system_id),
    };
    Ok(shown_as(status_of(wrong.as_ref()), &page))
}

fn row(drift: &DriftedChange, may: bool) -> Vec<Cell> {
    let name = &drift.account;
    let run = |run: ImportRunId| Cell::link(imports::of(run), format!("Run {run}"));
    let choice = Choice {
        form: FORM,
        name: CLAIM,
        value: drift.claim.to_string(),
        label: format!("Accept that {name} is otherwise in AWS"),
    };
    vec![
        match drift.account_is_there {
            true => Cell::link(accounts::of(&drift.system_id, &drift.account_external_id), name.clone()),
            false => Cell::text(name.clone()),
        },
        Cell::text(done(&drift.fact)),
        Cell::text(drift.aws_has.clone()),
        Cell::link(jobs::of(drift.job), format!("Job {} of {}", drift.job, drift.actor)),
        Cell::Time(Time::at(drift.done_at)),
        drift.import_run.map_or(Cell::None, run),
        if may { Cell::Choice(choice) } else { Cell::None },
    ]
}

/// What was done here, as a sentence without its account.
pub(super) fn done(fact: &ClaimFact) -> String {
    let words = fact.words();
    let (first, rest) = words.split_at_checked(1).unwrap_or_default();
    format!("{}{rest}", first.to_ascii_uppercase())
}
