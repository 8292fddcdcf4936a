//! What an account holds, through what, since when, and by whose job.

use std::collections::BTreeMap;

use jiff::Timestamp;
use keyreeve_model::{
    Account, Assignment, AssignmentKind, AssignmentState, ImportRunId, ResourceName, TaskState, Wish,
};
use keyreeve_store::{AsOf, AskedTask, AssignmentFilter, Store, StoreError};

use crate::console::imports;
use crate::console::parts::{Badge, Cell, Empty, Tone};
use crate::console::resources;
use crate::console::table::{Column, Table};
use crate::console::time::Time;

const COLUMNS: [Column; 6] = [
    Column::plain("Type"),
    Column::plain("Name"),
    Column::plain("Why"),
    Column::plain("Since"),
    Column::plain("By"),
    Column::plain("State"),
];

/// What an account holds.
pub(super) struct Holds {
    /// What it holds itself.
    pub(super) own: Vec<Assignment>,
    /// The policies of its groups.
    pub(super) through: Vec<Assignment>,
    published: BTreeMap<ImportRunId, Timestamp>,
}

impl Holds {
    pub(super) async fn load(store: &Store, account: &Account, moment: AsOf) -> Result<Self, StoreError> {
        let filter = AssignmentFilter {
            account: Some(account.external_id.to_string()),
            ..AssignmentFilter::default()
        };
        let own = store.list_assignments(&account.system_id, moment, &filter).await?;
        let mut through = Vec::new();
        for membership in own.iter().filter(|one| one.kind == AssignmentKind::AccountGroup) {
            let Some(group) = &membership.resource_external_id else { continue };
            let filter = AssignmentFilter {
                group: Some(group.to_string()),
                kind: Some(AssignmentKind::GroupPolicy),
                ..AssignmentFilter::default()
            };
            through.extend(store.list_assignments(&account.system_id, moment, &filter).await?);
        }
        let runs: Vec<ImportRunId> = own.iter().chain(&through).map(|one| one.first_seen_run).collect();
        let published = store.published_at(&runs).await?;
        Ok(Self { own, through, published })
    }

    pub(super) fn table(&self, tasks: &[AskedTask], as_of: Option<&str>) -> Table {
        let row = |one: &Assignment| {
            vec![
                Cell::text(type_of(one)),
                resources::link_of(one, as_of),
                why(one),
                since(one, &self.published),
                by(one, tasks),
                Cell::Badge(of_state(one.state)),
            ]
        };
        let empty = Empty {
            title: "It holds nothing".to_owned(),
            text: "It is in no group, and no managed policy is attached to it.".to_owned(),
            action: None,
        };
        Table::whole(
            "What it holds",
            &COLUMNS,
            self.own.iter().chain(&self.through).map(row).collect(),
            empty,
        )
    }
}

fn type_of(one: &Assignment) -> &'static str {
    match one.kind {
        AssignmentKind::AccountGroup => "Group",
        AssignmentKind::AccountPolicy | AssignmentKind::GroupPolicy => "Policy",
    }
}

fn why(one: &Assignment) -> Cell {
    match one.kind {
        AssignmentKind::AccountGroup => Cell::text("Member itself"),
        AssignmentKind::AccountPolicy => Cell::text("Attached to it"),
        AssignmentKind::GroupPolicy => Cell::text(format!("Through group {}", one.subject_name)),
    }
}

/// When an assignment was seen first; of what no import has seen, nothing is known.
pub(in crate::console) fn since(one: &Assignment, published: &BTreeMap<ImportRunId, Timestamp>) -> Cell {
    if one.state == AssignmentState::PendingAdd {
        return Cell::None;
    }
    match published.get(&one.first_seen_run) {
        Some(at) => Cell::Time(Time::at(*at)),
        None => Cell::link(imports::of(one.first_seen_run), format!("Run {}", one.first_seen_run)),
    }
}

/// By whose job an account has something, if it was one of ours.
pub(in crate::console) fn by(one: &Assignment, tasks: &[AskedTask]) -> Cell {
    let gave = |asked: &&AskedTask| asked.task.state == TaskState::Succeeded && gives(&asked.task.wish, one);
    let of_account =
        |asked: &&AskedTask| asked.task.account_external_id.as_ref() == Some(&one.subject_external_id);
    match tasks.iter().filter(of_account).find(gave) {
        Some(asked) => Cell::text(format!("Job {} of {}", asked.task.job, asked.actor)),
        None => Cell::None,
    }
}

/// Whether a wish gives an account what an assignment says.
fn gives(wish: &Wish, one: &Assignment) -> bool {
    let is_group = one.kind == AssignmentKind::AccountGroup;
    let is_it = |group: &str| is_group && group.eq_ignore_ascii_case(&one.resource_name);
    let is_arn = |arn: &str| !is_group && one.resource_arn.as_deref() == Some(arn);
    match wish {
        Wish::AddAssignment { resource: ResourceName::Group(group), .. } => is_it(group),
        Wish::AddAssignment { resource: ResourceName::Policy(arn), .. } => is_arn(arn),
        Wish::CreateAccount { groups, policies, .. } => {
            groups.iter().any(|group| is_it(group)) || policies.iter().any(|arn| is_arn(arn))
        }
        _ => false,
    }
}

/// Whether AWS has an assignment, or a change of ours waits for an import.
pub(in crate::console) fn of_state(state: AssignmentState) -> Badge {
    match state {
        AssignmentState::Actual => Badge::new(Tone::Good, "Seen"),
        AssignmentState::PendingAdd => Badge::new(Tone::Notice, "Added, not confirmed"),
        AssignmentState::PendingRemove => Badge::new(Tone::Notice, "Removed, not confirmed"),
    }
}
