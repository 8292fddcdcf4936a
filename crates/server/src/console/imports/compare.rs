//! `/systems/{system_id}/compare`: what is different between any two moments of a system.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use keyreeve_engine::rights::Right;
use keyreeve_model::{ImportRunId, ImportRunState, SystemId};
use keyreeve_store::{AsOf, ChangePlace, PlacedChange, RunSlice};

use super::changes::{COLUMNS, FILTERS, asked_for, cells};
use super::of;
use crate::body::InPath;
use crate::console::form::{Wrong, status_of, whole};
use crate::console::moment::moment_in;
use crate::console::page::{Frame, shown_as};
use crate::console::parts::{Badge, Cell, Empty, Facts, Link, Tabs};
use crate::console::systems;
use crate::console::table::{Asked, Filter, Listing, Shape, Table};
use crate::console::time::Time;
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

static SHAPE: Shape = Shape {
    columns: &COLUMNS,
    filters: &{
        let [name, of_type, change] = FILTERS;
        [
            Filter { name: "from", label: "From a date, a time or run:N", choices: &[] },
            Filter { name: "to", label: "To (now, if it is empty)", choices: &[] },
            name,
            of_type,
            change,
        ]
    },
    sort: "type",
};

#[derive(Template)]
#[template(path = "console/imports/compare.html")]
struct ComparePage {
    frame: Frame,
    name: String,
    badge: Badge,
    tabs: Tabs,
    wrong: Option<String>,
    /// Which runs speak for the two moments.
    runs: Option<Facts>,
    changes: Table,
}

/// Why nothing can be compared.
enum Incomparable {
    /// A moment that is asked for is none.
    Moment(Wrong),
    Failed(Problem),
}

impl From<Wrong> for Incomparable {
    fn from(wrong: Wrong) -> Self {
        Self::Moment(wrong)
    }
}

impl From<Problem> for Incomparable {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

/// Two runs.
type Between = (ImportRunId, ImportRunId);

pub(in crate::console) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    asked: Asked,
) -> Result<Response, Problem> {
    visitor.require(Right::Read, &system_id)?;
    let listing = asked.of_shape(&SHAPE)?;
    let system = parts.store.get_system(&system_id).await?;
    // All pages of a list are about the runs of its first one.
    let after: Option<(i64, i64, ChangePlace)> = listing.after()?;
    let kept =
        after.as_ref().map(|(from, to, _)| (AsOf::Run(ImportRunId(*from)), AsOf::Run(ImportRunId(*to))));
    let (between, wrong) = match between(&visitor, &parts, (&system_id, &listing), kept).await {
        Ok(between) => (between, None),
        Err(Incomparable::Moment(wrong)) => (None, Some(wrong)),
        Err(Incomparable::Failed(problem)) => return Err(problem),
    };
    if let (true, Some(wrong)) = (listing.is_file(), &wrong) {
        return Err(Problem::bad_request(wrong.why.clone()));
    }
    let changes = match between {
        None => Vec::new(),
        Some(runs) => {
            let (filter, slice) = asked_for(&listing, after.map(|(.., place)| place))?;
            parts.store.difference_slice(runs, &filter, &slice).await?
        }
    };
    if listing.is_file() {
        return listing.file((system_id.as_str(), "differences"), &changes, cells);
    }
    let empty = match between {
        None => Empty {
            title: "There are no two to compare yet".to_owned(),
            text: "Two imports are compared, or what two dates have: there must be two that were published."
                .to_owned(),
            action: Some(Link::new(systems::of(&system_id), "Go to the system")),
        },
        Some(_) => Empty {
            title: "Nothing is different".to_owned(),
            text: "Both have the same accounts, groups, policies and assignments.".to_owned(),
            action: None,
        },
    };
    let (from, to) = between.map_or((0, 0), |(from, to)| (from.0, to.0));
    let key = |(place, _): &PlacedChange| (from, to, place.clone());
    let page = ComparePage {
        frame: systems::frame(&visitor, &system, "Compare"),
        name: system.name.to_string(),
        badge: Badge::of_system(system.state),
        tabs: systems::tabs(&system_id, "compare"),
        runs: match between {
            Some(runs) => Some(facts(&parts, runs).await?),
            None => None,
        },
        changes: match &wrong {
            Some(wrong) => {
                let title = "They cannot be compared".to_owned();
                let empty = Empty { title, text: wrong.why.clone(), action: None };
                listing.unread("What is different", empty, Some(wrong))
            }
            None => listing.table("What is different", changes, key, cells, empty)?,
        },
        wrong: whole(wrong.clone()),
    };
    Ok(shown_as(wrong.as_ref().map_or(listing.status(), |wrong| status_of(Some(wrong))), &page))
}

/// Between which runs: those that speak for the moments that are asked for, else the last two; `None` where there are none.
async fn between(
    visitor: &Visitor,
    parts: &Parts,
    (system_id, listing): (&SystemId, &Listing),
    kept: Option<(AsOf, AsOf)>,
) -> Result<Option<Between>, Incomparable> {
    let now = parts.clock.now();
    let moments = match (kept, listing.filter("from")) {
        (Some(kept), _) => kept,
        (None, Some(from)) => {
            (moment_in("from", Some(from), now)?, moment_in("to", listing.filter("to"), now)?)
        }
        (None, None) => {
            let slice = RunSlice {
                systems: Some(vec![system_id.clone()]),
                state: Some(ImportRunState::Published),
                beyond: None,
                oldest_first: false,
                limit: 2,
            };
            let last = parts.store.import_runs(&slice).await.map_err(Problem::from)?;
            let [_, before] = last.as_slice() else { return Ok(None) };
            (AsOf::Run(before.id), moment_in("to", listing.filter("to"), now)?)
        }
    };
    let compared = async |moments| {
        let compared = parts.desk.compared(&visitor.actor, system_id, moments).await;
        compared.map_err(Problem::from)
    };
    // Each by itself first, so that what is wrong is said beside its field.
    for (field, moment) in [("from", moments.0), ("to", moments.1)] {
        compared((moment, moment)).await.map_err(|problem| wrong_with(field, problem))?;
    }
    Ok(Some(compared(moments).await.map_err(|problem| wrong_with("from", problem))?))
}

/// What is wrong with a moment: there was nothing yet, there is no such run, or it was not published.
fn wrong_with(field: &'static str, problem: Problem) -> Incomparable {
    if problem.status() == StatusCode::NOT_FOUND {
        return Wrong::with(field, problem.detail()).into();
    }
    match Wrong::of(problem) {
        Ok(wrong) => Wrong::with(field, wrong.why).into(),
        Err(problem) => problem.into(),
    }
}

async fn facts(parts: &Parts, (from, to): Between) -> Result<Facts, Problem> {
    let mut facts = Vec::new();
    for (name, published, run) in [("From", "As of", from), ("To", "Until", to)] {
        let known = parts.store.get_import_run(run).await?;
        facts.push((name, Cell::link(of(run), format!("Run {run}"))));
        facts.push((published, known.published_at.map_or(Cell::None, |at| Cell::Time(Time::at(at)))));
    }
    Ok(Facts { facts })
}
