//! `/systems/{system_id}`: whether a system is ready for use, and how its imports went.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::check::LastTest;
use keyreeve_engine::rights::Right;
use keyreeve_engine::systems::Trust;
use keyreeve_model::{
    CollectionRecord, ImportProfile, ImportRun, ImportRunState, System, SystemId, SystemState,
};

use super::checklist::{Known, Part, parts as checked};
use super::{frame, tabs, within};
use crate::body::InPath;
use crate::console::chart::{Bar, Chart};
use crate::console::form::{Field, Takes};
use crate::console::home::Needs;
use crate::console::page::{Frame, shown};
use crate::console::parts::{Badge, Cell, Copied, Facts, Link, Tabs};
use crate::console::time::Time;
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

/// So many runs are looked back at.
const RUNS: u32 = 30;

#[derive(Template)]
#[template(path = "console/systems/show.html")]
struct ShowPage {
    frame: Frame,
    name: String,
    system_id: String,
    badge: Badge,
    tabs: Tabs,
    /// What needs a person; none of a system that was removed.
    needs: Option<Needs>,
    parts: Vec<Part>,
    facts: Facts,
    trust: Option<Copied>,
    charts: Vec<Chart>,
    remove: Option<Link>,
    /// The profiles that whoever looks may begin an import through.
    import: Option<Field>,
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
) -> Result<Response, Problem> {
    visitor.require(Right::Read, &system_id)?;
    let store = &parts.store;
    let system = store.get_system(&system_id).await?;
    let runs = store.list_import_runs(&system_id, None, RUNS).await?;
    let test = LastTest::of(store, &system).await?;
    let known = Known {
        system: &system,
        last: runs.first(),
        test: test.as_ref(),
        mappings: &store.task_mappings(&system_id).await?,
        profiles: &store.list_import_profiles(&system_id).await?,
        schedules: &store.import_schedules_of(&system_id, parts.clock.now()).await?,
    };
    let in_use = system.state != SystemState::Removed;
    let page = ShowPage {
        frame: frame(&visitor, &system, "Overview"),
        name: system.name.to_string(),
        system_id: system_id.to_string(),
        badge: Badge::of_system(system.state),
        tabs: tabs(&system_id, ""),
        needs: match in_use {
            true => Some(Needs::of(&parts, &system).await?),
            false => None,
        },
        parts: checked(&known),
        facts: facts(&system),
        trust: trust(&system),
        charts: changes(&runs).into_iter().chain(accounts(&runs)).collect(),
        import: (system.state == SystemState::Active && visitor.may(Right::Operate))
            .then(|| Field::new("profile", "Import profile", Takes::OneOf(named(known.profiles))).required()),
        remove: (in_use && visitor.may(Right::Administer))
            .then(|| Link::new(within(&system_id, "remove"), "Remove the system…")),
    };
    Ok(shown(&page))
}

fn named(profiles: &[ImportProfile]) -> Vec<(String, String)> {
    profiles.iter().map(|profile| (profile.name.to_string(), profile.name.to_string())).collect()
}

fn facts(system: &System) -> Facts {
    let or_none = |text: Option<String>| text.map_or(Cell::None, Cell::Code);
    Facts {
        facts: vec![
            ("System ID", Cell::Code(system.system_id.to_string())),
            ("Category", Cell::text(system.category.clone())),
            ("Collector technology", Cell::text("AWS IAM")),
            ("Content", Cell::text("Access rights")),
            ("AWS account", or_none(system.aws_account_id.as_ref().map(ToString::to_string))),
            ("Partition", or_none(system.partition.clone())),
            ("Region", or_none(system.region.clone())),
            ("Registered", Cell::Time(Time::at(system.created_at))),
            ("Last changed", Cell::Time(Time::at(system.updated_at))),
        ],
    }
}

/// What the trust policy of the system's role must say, as long as the role may not ask for it yet.
fn trust(system: &System) -> Option<Copied> {
    let trust = Trust::of(&system.credential, None)?;
    Some(Copied { id: "trust".to_owned(), text: format!("{:#}", trust.policy) })
}

/// How much each published run changed, the oldest first; none before the second.
fn changes(runs: &[ImportRun]) -> Option<Chart> {
    let published = |run: &&ImportRun| run.state == ImportRunState::Published && run.baseline_run.is_some();
    let bar = |run: &ImportRun| {
        let counts = [run.changes.accounts, run.changes.resources, run.changes.assignments];
        let number = counts.iter().map(|one| one.created + one.changed + one.deleted).sum();
        Bar { label: format!("Run {}", run.id), number, leads_to: None }
    };
    let bars: Vec<Bar> = runs.iter().rev().filter(published).map(bar).collect();
    (!bars.is_empty()).then(|| Chart::new("Changes by import run", "Run", "Changes", bars))
}

/// How many accounts each published run listed, the oldest first; none before the second.
fn accounts(runs: &[ImportRun]) -> Option<Chart> {
    let published = runs.iter().rev().filter(|run| run.state == ImportRunState::Published);
    let bars: Vec<Bar> = published
        .filter_map(|run| {
            Some(Bar {
                label: format!("Run {}", run.id),
                number: CollectionRecord::users(&run.collections)?,
                leads_to: None,
            })
        })
        .collect();
    (bars.len() > 1).then(|| Chart::new("Accounts by import run", "Run", "Accounts", bars))
}
