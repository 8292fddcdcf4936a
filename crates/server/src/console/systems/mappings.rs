//! `/systems/{system_id}/mappings`: which call a task makes and with which values, seen and set.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::mapping;
use keyreeve_engine::rights::Right;
use keyreeve_model::{CustomAction, MappingName, MappingRow, System, SystemId, TaskMapping};
use keyreeve_store::StoredMapping;
use serde::Deserialize;

use super::profiles::may_change;
use super::{frame, frame_below, tabs, within};
use crate::body::InPath;
use crate::conditions::version;
use crate::console::address;
use crate::console::form::{Field, Sent, Wrong, given, status_of, whole};
use crate::console::page::{Frame, Said, shown_as};
use crate::console::parts::{Badge, Cell, Empty, Facts, Link, Tabs, Tone};
use crate::console::states::called;
use crate::console::table::{Asked, Column, Filter, Shape, Table};
use crate::console::time::Time;
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

static SHAPE: Shape = Shape {
    columns: &[
        Column::sorted("mapping", "Task mapping"),
        Column::sorted("state", "State"),
        Column::sorted_number("values", "Values"),
        Column::sorted_number("actions", "Custom actions"),
        Column::sorted("set", "Set"),
    ],
    filters: &[
        Filter { name: "q", label: "Task mapping", choices: &[] },
        Filter {
            name: "state",
            label: "State",
            choices: &[
                (Standing::Default.word(), Standing::Default.called()),
                (Standing::Own.word(), Standing::Own.called()),
                (Standing::Broken.word(), Standing::Broken.called()),
            ],
        },
    ],
    sort: "mapping",
};
const ROWS: [Column; 5] = [
    Column::plain("Call"),
    Column::plain("Property"),
    Column::plain("Operator"),
    Column::plain("Source"),
    Column::plain("If it is taken"),
];
const CALLS: [Column; 3] = [Column::plain("Task"), Column::plain("When"), Column::plain("AWS call")];
/// The field that has a mapping as text.
const TEXT: &str = "mapping";

#[derive(Template)]
#[template(path = "console/systems/mappings.html")]
struct MappingsPage {
    frame: Frame,
    name: String,
    badge: Badge,
    tabs: Tabs,
    mappings: Table,
}

pub(super) async fn list(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    asked: Asked,
) -> Result<Response, Problem> {
    visitor.require(Right::Read, &system_id)?;
    let system = parts.store.get_system(&system_id).await?;
    let listing = asked.of_shape(&SHAPE)?;
    let wanted = listing.filter("q").map(str::to_lowercase);
    let state = listing.filter("state");
    let mut mappings = parts.store.task_mappings(&system_id).await?;
    mappings.retain(|one| {
        let name = one.mapping.name.as_str().to_lowercase();
        wanted.as_ref().is_none_or(|wanted| name.contains(wanted))
            && state.is_none_or(|state| state == Standing::of(one).word())
    });
    let cells = |one: &StoredMapping| {
        vec![
            Cell::link(of(&system_id, one.mapping.name), one.mapping.name.to_string()),
            Cell::Badge(badge(one)),
            Cell::Number(one.mapping.rows.len() as u64),
            Cell::Number(one.mapping.custom_actions.len() as u64),
            one.set.as_ref().map_or(Cell::None, |(_, at)| Cell::Time(Time::at(*at))),
        ]
    };
    let mappings = listing.arranged(mappings, cells);
    if listing.is_file() {
        return listing.file((system_id.as_str(), "task-mappings"), &mappings, cells);
    }
    let empty = Empty { title: "No task mapping".to_owned(), text: String::new(), action: None };
    let mappings = listing.cut(mappings)?;
    let mappings =
        listing.table("Task mappings", mappings, |(place, _)| *place, |(_, one)| cells(one), empty)?;
    let page = MappingsPage {
        frame: frame(&visitor, &system, "Task mappings"),
        name: system.name.to_string(),
        badge: Badge::of_system(system.state),
        tabs: tabs(&system_id, "mappings"),
        mappings,
    };
    Ok(shown_as(listing.status(), &page))
}

/// How a mapping stands.
#[derive(Debug, Clone, Copy)]
enum Standing {
    Default,
    Own,
    Broken,
}

impl Standing {
    fn of(stored: &StoredMapping) -> Self {
        match (mapping::check(&stored.mapping), &stored.set) {
            (Err(_), _) => Self::Broken,
            (Ok(()), None) => Self::Default,
            (Ok(()), Some(_)) => Self::Own,
        }
    }

    /// As addresses have it.
    const fn word(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Own => "own",
            Self::Broken => "broken",
        }
    }

    const fn called(self) -> &'static str {
        match self {
            Self::Default => "Default",
            Self::Own => "Of your own",
            Self::Broken => "Cannot be used",
        }
    }
}

fn badge(stored: &StoredMapping) -> Badge {
    let standing = Standing::of(stored);
    let tone = match standing {
        Standing::Default => Tone::Quiet,
        Standing::Own => Tone::Good,
        Standing::Broken => Tone::Bad,
    };
    Badge::new(tone, standing.called())
}

/// The address of a task mapping.
pub(super) fn of(system_id: &SystemId, mapping: MappingName) -> String {
    address::of(&["systems", system_id.as_str(), "mappings", mapping.as_str()])
}

#[derive(Template)]
#[template(path = "console/systems/mapping.html")]
struct MappingPage {
    frame: Frame,
    title: String,
    badge: Badge,
    facts: Facts,
    calls: Table,
    rows: Table,
    wrong: Option<String>,
    /// What is wrong with the text.
    error: Option<String>,
    may_change: bool,
    action: String,
    seen: String,
    text: String,
    reason: Field,
    /// Where it becomes the default again, if it is not.
    reset: Option<String>,
}

/// What the form of a mapping sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    seen: String,
    mapping: String,
    reason: String,
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath((system_id, name)): InPath<(SystemId, MappingName)>,
) -> Result<Response, Problem> {
    visitor.require(Right::Read, &system_id)?;
    let there = parts.store.task_mapping(&system_id, name).await?;
    let seen = version(&there.mapping)?;
    let text = written(&there.mapping)?;
    asked(&visitor, &parts, (&system_id, &there), (seen, text, ""), None).await
}

pub(super) async fn set(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath((system_id, name)): InPath<(SystemId, MappingName)>,
    Sent(Wanted { seen, mapping: text, reason }): Sent<Wanted>,
) -> Result<Response, Problem> {
    visitor.require(Right::Administer, &system_id)?;
    let wrong = match read(name, &text) {
        Ok(wanted) => {
            let is_seen = |there: &TaskMapping| version(there).is_ok_and(|version| version == seen);
            let done = parts.desk.set_mapping(&visitor.actor, &system_id, &wanted, is_seen, given(&reason));
            match done.await {
                Ok(_) => return Ok(Said::Saved.to(&of(&system_id, name))),
                Err(error) => Wrong::of(error.into())?,
            }
        }
        Err(wrong) => wrong,
    };
    let there = parts.store.task_mapping(&system_id, name).await?;
    asked(&visitor, &parts, (&system_id, &there), (seen, text, &reason), Some(wrong)).await
}

/// The mapping that a text says, or what is wrong with the text.
fn read(name: MappingName, text: &str) -> Result<TaskMapping, Wrong> {
    let wanted: TaskMapping = serde_json::from_str(text)
        .map_err(|why| Wrong::with(TEXT, format!("this is no task mapping: {why}")))?;
    if wanted.name != name {
        return Err(Wrong::with(TEXT, format!("this is the task mapping {}, not {name}", wanted.name)));
    }
    mapping::check(&wanted).map_err(|why| Wrong::with(TEXT, why))?;
    Ok(wanted)
}

async fn asked(
    visitor: &Visitor,
    parts: &Parts,
    (system_id, there): (&SystemId, &StoredMapping),
    (seen, text, reason): (String, String, &str),
    wrong: Option<Wrong>,
) -> Result<Response, Problem> {
    let system = parts.store.get_system(system_id).await?;
    let status = status_of(wrong.as_ref());
    let mapping = &there.mapping;
    let action = of(system_id, mapping.name);
    let may_change = may_change(visitor, &system);
    let page = MappingPage {
        frame: frame_of(visitor, &system, mapping.name, &action),
        title: mapping.name.to_string(),
        badge: badge(there),
        facts: facts(there)?,
        calls: calls(mapping),
        rows: rows(mapping),
        error: wrong.as_ref().filter(|wrong| wrong.field == Some(TEXT)).map(|wrong| wrong.why.clone()),
        reason: Field::reason("reason", "Reason").value(reason).unless(wrong.as_ref()),
        wrong: whole(wrong),
        may_change,
        reset: (may_change && there.set.is_some()).then(|| format!("{action}/reset")),
        action,
        seen,
        text,
    };
    Ok(shown_as(status, &page))
}

pub(super) fn frame_of(visitor: &Visitor, system: &System, name: MappingName, action: &str) -> Frame {
    let mut frame = frame_below(visitor, system, name.as_str());
    frame.above.push(Link::new(within(&system.system_id, "mappings"), "Task mappings"));
    // A choice of the theme leads back by `GET`.
    action.clone_into(&mut frame.address);
    frame
}

fn written(mapping: &TaskMapping) -> Result<String, Problem> {
    serde_json::to_string_pretty(mapping).map_err(|error| {
        let status = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
        Problem::new(status, "not_written_down", error.to_string())
    })
}

fn facts(there: &StoredMapping) -> Result<Facts, Problem> {
    let mut facts = vec![("Version", Cell::Code(version(&there.mapping)?))];
    if let Some((by, at)) = &there.set {
        facts.push(("Set by", Cell::text(by.clone())));
        facts.push(("Set", Cell::Time(Time::at(*at))));
    }
    Ok(Facts { facts })
}

/// The calls of each task, in their order.
fn calls(mapping: &TaskMapping) -> Table {
    use keyreeve_model::ActionTime::{After, Before};
    let mut rows = Vec::new();
    for (task, main) in &mapping.main {
        let row = |when: &str, call: &str| {
            vec![Cell::text(called(*task)), Cell::text(when), Cell::Code(call.to_owned())]
        };
        rows.extend(mapping.actions(*task, Before).map(|one| row("Before", one.operation.as_str())));
        rows.push(row("Main call", main.as_str()));
        rows.extend(mapping.actions(*task, After).map(|one| row("After", one.operation.as_str())));
    }
    let empty = Empty { title: "No call".to_owned(), text: String::new(), action: None };
    Table::whole("AWS calls of each task", &CALLS, rows, empty)
}

/// Which property of which call gets which value.
fn rows(mapping: &TaskMapping) -> Table {
    let row = |call: String, row: &MappingRow| {
        vec![
            Cell::text(call),
            Cell::Code(row.property.to_string()),
            Cell::text(row.operator.as_str()),
            Cell::Code(row.source.clone()),
            match row.is_unique() {
                true => Cell::text("A number is appended"),
                false => Cell::None,
            },
        ]
    };
    let of_action = |action: &CustomAction| {
        format!("{} {} {}", action.operation.as_str(), action.when.as_str(), called(action.task))
    };
    let main = mapping.rows.iter().map(|one| row("Main calls".to_owned(), one));
    let actions = mapping
        .custom_actions
        .iter()
        .flat_map(|action| action.rows.iter().map(move |one| row(of_action(action), one)));
    let empty = Empty {
        title: "No value is mapped".to_owned(),
        text: "What is asked for is taken as it is.".to_owned(),
        action: None,
    };
    Table::whole("Values", &ROWS, main.chain(actions).collect(), empty)
}
