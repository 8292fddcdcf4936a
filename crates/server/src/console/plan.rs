//! Which calls a change takes, in their order: of plans, of jobs that wait for somebody, and of tasks with what became of
//! each step.

use std::collections::BTreeMap;

use askama::Template;
use keyreeve_engine::plan::{Plan, PlannedStep, TaskPlan};
use keyreeve_model::{Obstacle, ProvisioningJob, Step, StepCall, StepReason, Task};

use super::form::sentence;
use super::parts::{Badge, Cell, Empty, drawn};
use super::states::called;
use super::table::{Column, Table};
use super::time::Time;

/// So many tasks are shown call by call; the page of a job has all of them.
const MOST: usize = 200;

const PLANNED: [Column; 5] = [
    Column::number("Step"),
    Column::plain("AWS call"),
    Column::plain("What"),
    Column::plain("Why"),
    Column::plain("After steps"),
];
const STEPS: [Column; 9] = [
    PLANNED[0],
    PLANNED[1],
    PLANNED[2],
    PLANNED[3],
    PLANNED[4],
    Column::plain("State"),
    Column::number("Attempts"),
    Column::plain("AWS request id"),
    Column::plain("What went wrong"),
];

/// A plan: of each task the calls in their order, and what stands in the way.
#[derive(Debug, Clone, Template)]
#[template(path = "console/part/plan.html")]
pub(crate) struct ShownPlan {
    /// Why a second person must approve.
    approval: Vec<String>,
    /// Who may.
    by: Option<String>,
    /// Who has approved it already, and when.
    approved: Option<(String, Time)>,
    /// What stands in the way of whom, of all tasks.
    blocked: Vec<(String, Vec<String>)>,
    tasks: Vec<ShownTask>,
    /// How many tasks more there are.
    more: usize,
}

#[derive(Debug, Clone)]
struct ShownTask {
    title: String,
    obstacles: Vec<String>,
    notices: Vec<String>,
    calls: Table,
}

drawn!(ShownPlan);

impl ShownPlan {
    /// A plan that nobody has asked for yet.
    pub(crate) fn of(plan: &Plan) -> Self {
        let shown = |task: &TaskPlan| {
            let title = format!("{}: {}", called(task.kind), task.account);
            let row = |step: &PlannedStep| {
                planned((step.seq, step.operation.as_ref(), &step.call, step.reason, &step.after))
            };
            ShownTask::new(title, &task.obstacles, &task.notices, task.steps.iter().map(row).collect())
        };
        Self {
            approval: plan.approval_because.iter().map(|why| sentence(why)).collect(),
            by: None,
            approved: None,
            blocked: plan
                .tasks
                .iter()
                .filter(|task| !task.obstacles.is_empty())
                .take(MOST)
                .map(|task| (format!("{}: {}", called(task.kind), task.account), said(&task.obstacles)))
                .collect(),
            tasks: plan.tasks.iter().take(MOST).map(shown).collect(),
            more: plan.tasks.len().saturating_sub(MOST),
        }
    }

    /// With who may approve it.
    #[must_use]
    pub(crate) fn approved_by(mut self, by: Option<String>) -> Self {
        self.by = by;
        self
    }

    /// That it needs nobody any more: who has approved it, and when.
    #[must_use]
    pub(crate) fn approved_already(mut self, by: &str, at: Time) -> Self {
        self.approved = Some((by.to_owned(), at));
        self
    }

    /// That nobody is asked.
    #[must_use]
    pub(crate) fn without_approval(mut self) -> Self {
        self.approval.clear();
        self
    }

    /// The plan of a job.
    pub(crate) fn of_job(job: &ProvisioningJob) -> Self {
        let shown = |task: &Task| {
            let title = format!("Task {}: {}: {}", task.id, called(task.kind), task.account);
            let row =
                |step: &Step| planned((step.seq, &step.operation, &step.call, step.reason, &step.after));
            ShownTask::new(title, &[], &task.notices, task.steps.iter().map(row).collect())
        };
        Self {
            approval: job.approval_because.iter().map(|why| sentence(why)).collect(),
            by: None,
            approved: None,
            blocked: Vec::new(),
            tasks: job.tasks.iter().take(MOST).map(shown).collect(),
            more: job.tasks.len().saturating_sub(MOST),
        }
    }
}

impl ShownTask {
    fn new(title: String, obstacles: &[Obstacle], notices: &[Obstacle], calls: Vec<Vec<Cell>>) -> Self {
        Self {
            obstacles: said(obstacles),
            notices: said(notices),
            calls: Table::whole(&format!("AWS calls of {title}, in their order"), &PLANNED, calls, no_call()),
            title,
        }
    }
}

/// The steps of a task, each with what became of it.
pub(crate) fn steps(task: &Task) -> Table {
    let row = |step: &Step| {
        let mut cells = planned((step.seq, &step.operation, &step.call, step.reason, &step.after));
        let unchanged = step.unchanged == Some(true);
        cells.extend([
            match (Badge::of_step(step.state), unchanged) {
                (badge, true) => Cell::Badge(Badge { text: format!("{}: so already", badge.text), ..badge }),
                (badge, false) => Cell::Badge(badge),
            },
            Cell::Number(u64::from(step.attempts)),
            step.request_id.clone().map_or(Cell::None, Cell::Code),
            step.failure.as_ref().map_or(Cell::None, |failure| Cell::text(sentence(&failure.message))),
        ]);
        cells
    };
    let caption = format!("Steps of task {}", task.id);
    Table::whole(&caption, &STEPS, task.steps.iter().map(row).collect(), no_call())
}

/// What stands in the way, or should be known, in sentences.
pub(crate) fn said(of: &[Obstacle]) -> Vec<String> {
    of.iter().map(|one| sentence(&one.message)).collect()
}

fn planned((seq, operation, call, reason, after): (u32, &str, &StepCall, StepReason, &[u32])) -> Vec<Cell> {
    let after: Vec<String> = after.iter().map(ToString::to_string).collect();
    vec![
        Cell::Number(u64::from(seq)),
        Cell::Code(operation.to_owned()),
        Cell::text(about(call)),
        Cell::text(because(reason)),
        if after.is_empty() { Cell::None } else { Cell::text(after.join(", ")) },
    ]
}

fn no_call() -> Empty {
    Empty {
        title: "No AWS call".to_owned(),
        text: "All is as it is wished already, or something stands in the way.".to_owned(),
        action: None,
    }
}

/// What a call is about.
fn about(call: &StepCall) -> String {
    let pairs = |tags: &BTreeMap<String, String>| {
        tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ")
    };
    match call {
        StepCall::CreateAccount { account, path, tags, permissions_boundary } => {
            let boundary =
                permissions_boundary.as_ref().map(|arn| format!(", boundary {arn}")).unwrap_or_default();
            let tags = if tags.is_empty() { String::new() } else { format!(", tags {}", pairs(tags)) };
            format!("{account} with path {path}{boundary}{tags}")
        }
        StepCall::UpdateAccount { account, new_name, new_path } => {
            let name = new_name.as_ref().map(|name| format!(", new name {name}")).unwrap_or_default();
            let path = new_path.as_ref().map(|path| format!(", new path {path}")).unwrap_or_default();
            format!("{account}{name}{path}")
        }
        StepCall::TagAccount { account, tags } => format!("{account}: {}", pairs(tags)),
        StepCall::UntagAccount { account, keys } => format!("{account}: {}", keys.join(", ")),
        StepCall::SetCredential { account, credential, active } => {
            let becomes = if *active { "on" } else { "off" };
            let kind = credential.kind.as_str().replace('_', " ");
            format!("{account}: {kind} {} {becomes}", credential.id)
        }
        other => match other.object() {
            Some(object) => format!("{}: {object}", other.account()),
            None => other.account().to_owned(),
        },
    }
}

fn because(reason: StepReason) -> &'static str {
    match reason {
        StepReason::Asked => "Asked for",
        StepReason::TaskMapping => "Task mapping",
        StepReason::CustomAction => "Custom action",
        StepReason::Blocker => "Blocks the deletion",
        StepReason::FirstSignIn => "For the first sign-in",
        StepReason::Deactivation => "Deactivation",
        StepReason::Reactivation => "Reactivation",
    }
}
