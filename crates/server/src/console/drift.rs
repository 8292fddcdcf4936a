//! `/systems/{system_id}/drift`: what was changed here and is not so in AWS any more, and whether that is accepted.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use keyreeve_engine::drift::DriftedChange;
use keyreeve_engine::rights::Right;
use keyreeve_model::{ClaimFact, ImportRunId, SystemId};
use keyreeve_store::{AcceptedDrift, ClaimId};

use super::accounts;
use super::form::{Field, Sent, Wrong, reasoned, status_of, whole};
use super::imports;
use super::jobs;
use super::page::{Frame, Said, shown_as};
use super::parts::{Cell, Choice, Empty, Tabs};
use super::systems;
use super::table::{Asked, Column, Filter, Shape, Table};
use super::time::Time;
use super::visitor::Visitor;
use crate::body::InPath;
use crate::parts::Parts;
use crate::problem::Problem;

/// So many are shown at most: whoever has more looks at the newest first.
const MOST: u32 = 500;
/// So many reasons are said why what was marked is not accepted.
const SAID: usize = 10;
/// The form that accepts what is marked.
const FORM: &str = "accepting";
/// The name of a mark.
const CLAIM: &str = "claim";
/// The name of the field of why.
const REASON: &str = "reason";

const COLUMNS: [Column; 7] = [
    Column::sorted("account", "Account"),
    Column::sorted("done", "What was done here"),
    Column::sorted("aws", "What AWS has"),
    Column::sorted("by", "By"),
    Column::sorted("when", "Done"),
    Column::sorted("seen", "Seen by"),
    Column::acting("Accept"),
];
const FILTERS: [Filter; 2] = [
    Filter { name: "account", label: "Account", choices: &[] },
    Filter { name: "q", label: "What was done, or what AWS has", choices: &[] },
];
/// As whoever may accept it sees it, and as all others do.
static ACCEPTING: Shape = Shape { columns: &COLUMNS, filters: &FILTERS, sort: "-seen" };
static READING: Shape = Shape {
    columns: &[COLUMNS[0], COLUMNS[1], COLUMNS[2], COLUMNS[3], COLUMNS[4], COLUMNS[5]],
    filters: &FILTERS,
    sort: "-seen",
};

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
    asked: Asked,
) -> Result<Response, Problem> {
    answer(&visitor, &parts, (&system_id, asked), ("", None)).await
}

async fn accept(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    asked: Asked,
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
        return answer(&visitor, &parts, (&system_id, asked), (reason, Some(wrong))).await;
    }
    let why = match reasoned(reason) {
        Ok(why) => why,
        Err(wrong) => return answer(&visitor, &parts, (&system_id, asked), (reason, Some(wrong))).await,
    };
    let accepted = parts.desk.accept_drift(&visitor.actor, &system_id, &claims, why).await?;
    if accepted < claims.len() as u64
        && let Some(wrong) = ended_before(&visitor, &parts, (&system_id, &claims), (why, accepted)).await?
    {
        return answer(&visitor, &parts, (&system_id, asked), (reason, Some(wrong))).await;
    }
    // To the list as they saw it, from its first page on.
    Ok(Said::DriftAccepted.to(&asked.of_shape(&ACCEPTING)?.own()))
}

/// Why some of what was marked is not accepted now; `None` where whoever sends this has accepted all of that themselves, for
/// the same reason: a form that is sent twice leads twice to the same place.
async fn ended_before(
    visitor: &Visitor,
    parts: &Parts,
    (system_id, claims): (&SystemId, &[ClaimId]),
    (reason, accepted): (Option<&str>, u64),
) -> Result<Option<Wrong>, Problem> {
    let by_now = parts.store.accepted_drift(system_id, claims).await?;
    let is_own = |one: &&AcceptedDrift| {
        one.by.as_deref() == Some(visitor.actor.name()) && one.reason.as_deref() == reason
    };
    let own = by_now.iter().filter(is_own).count();
    if own == claims.len() {
        return Ok(None);
    }
    let mut others: Vec<String> = by_now
        .iter()
        .filter(|one| !is_own(one))
        .map(|one| {
            let by = one.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            format!(
                "that {} {} is otherwise in AWS was accepted{by} at {} already",
                one.account,
                one.fact.words(),
                one.at
            )
        })
        .collect();
    let ended = claims.len().saturating_sub(by_now.len());
    if ended > 0 {
        others.push(match ended {
            1 => "1 change that was marked is no drift: it ended by itself".to_owned(),
            some => format!("{some} changes that were marked are no drift: they ended by themselves"),
        });
    }
    others.truncate(SAID);
    let rest = match accepted {
        0 => "nothing was written down now".to_owned(),
        _ => "what else was marked is accepted".to_owned(),
    };
    Ok(Some(Wrong::whole(format!("{}; {rest}", others.join("; ")))))
}

async fn answer(
    visitor: &Visitor,
    parts: &Parts,
    (system_id, asked): (&SystemId, Asked),
    (reason, wrong): (&str, Option<Wrong>),
) -> Result<Response, Problem> {
    visitor.require(Right::Read, system_id)?;
    let system = parts.store.get_system(system_id).await?;
    let may = visitor.may(Right::Approve);
    let listing = asked.of_shape(if may { &ACCEPTING } else { &READING })?;
    let mut drifts = DriftedChange::of_system(&parts.store, system_id, MOST.saturating_add(1)).await?;
    let more = drifts.len() > MOST as usize;
    drifts.truncate(MOST as usize);
    let [account, text] = ["account", "q"].map(|name| listing.filter(name).map(str::to_lowercase));
    drifts.retain(|drift| {
        let has = |wanted: &Option<String>, texts: &[&str]| {
            wanted.as_ref().is_none_or(|wanted| texts.iter().any(|one| one.to_lowercase().contains(wanted)))
        };
        has(&account, &[&drift.account]) && has(&text, &[&drift.done, &drift.aws_has])
    });
    let cells = |drift: &DriftedChange| row(drift, may);
    let drifts = listing.arranged(drifts, cells);
    if listing.is_file() {
        return listing.file((system_id.as_str(), "drift"), &drifts, cells);
    }
    let form = (may && !drifts.is_empty()).then_some(FORM);
    let empty = Empty {
        title: "No drift".to_owned(),
        text: "No change that was made here was seen otherwise by the import after it. What is undone in AWS later, once an \
               import has confirmed it, is no drift: it stands in what the import that sees it changed, and in the history of \
               the account."
            .to_owned(),
        action: None,
    };
    let drifts = listing.cut(drifts)?;
    let caption = "What was changed here and is not so in AWS";
    let drifts = listing.table(caption, drifts, |(place, _)| *place, |(_, drift)| cells(drift), empty)?;
    let page = DriftPage {
        drifts: match more {
            true => drifts.telling(&format!("There are more than {MOST}, and these are of the newest.")),
            false => drifts,
        },
        frame: systems::frame(visitor, &system, "Drift"),
        name: system.name.to_string(),
        tabs: systems::tabs(system_id, "drift"),
        wrong: whole(wrong.clone()),
        form,
        reason: Field::reason(REASON, "Reason")
            .value(reason)
            .hint("Kept in the audit log.")
            .unless(wrong.as_ref()),
        action: listing.own(),
    };
    let status = wrong.as_ref().map_or(listing.status(), |wrong| status_of(Some(wrong)));
    Ok(shown_as(status, &page))
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
    let mut cells = vec![
        match drift.account_is_there {
            true => Cell::link(accounts::of(&drift.system_id, &drift.account_external_id), name.clone()),
            false => Cell::text(name.clone()),
        },
        Cell::text(done(&drift.fact)),
        Cell::text(drift.aws_has.clone()),
        Cell::link(jobs::of(drift.job), format!("Job {} of {}", drift.job, drift.actor)),
        Cell::Time(Time::at(drift.done_at)),
        drift.import_run.map_or(Cell::None, run),
    ];
    cells.extend(may.then_some(Cell::Choice(choice)));
    cells
}

/// What was done here, as a sentence without its account.
pub(super) fn done(fact: &ClaimFact) -> String {
    let words = fact.words();
    let (first, rest) = words.split_at_checked(1).unwrap_or_default();
    format!("{}{rest}", first.to_ascii_uppercase())
}
