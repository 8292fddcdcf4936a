//! What calls are made, as tables: of tasks that there are, and of plans.

use askama::Template;
use keyreeve_engine::plan::{Plan, TaskPlan};
use keyreeve_model::{Obstacle, Step, StepCall, StepReason, Task};

use super::called;
use crate::console::form::sentence;
use crate::console::parts::{Badge, Cell, Empty, drawn};
use crate::console::table::{Column, Table};

const STEPS: [Column; 9] = [
    Column::number("Step"),
    Column::plain("Call"),
    Column::plain("About"),
    Column::plain("Why"),
    Column::plain("After step"),
    Column::plain("State"),
    Column::number("Attempts"),
    Column::plain("AWS request id"),
    Column::plain("What went wrong"),
];
const PLANNED: [Column; 5] = [
    Column::number("Step"),
    Column::plain("Call"),
    Column::plain("About"),
    Column::plain("Why"),
    Column::plain("After step"),
];

/// The steps of a task, each with what became of it.
pub(super) fn steps(task: &Task) -> Table {
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

fn planned((seq, operation, call, reason, after): (u32, &str, &StepCall, StepReason, &[u32])) -> Vec<Cell> {
    let about = match call.object() {
        Some(object) => format!("{}: {object}", call.account()),
        None => call.account().to_owned(),
    };
    vec![
        Cell::Number(u64::from(seq)),
        Cell::Code(operation.to_owned()),
        Cell::text(about),
        Cell::text(why(reason)),
        match after {
            [] => Cell::None,
            after => Cell::text(numbers(after)),
        },
    ]
}

fn numbers<T: ToString>(of: &[T]) -> String {
    of.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn why(reason: StepReason) -> &'static str {
    match reason {
        StepReason::Asked => "asked for",
        StepReason::TaskMapping => "task mapping",
        StepReason::CustomAction => "custom action",
        StepReason::Blocker => "stands in the way of the deletion",
        StepReason::FirstSignIn => "for the first sign-in",
        StepReason::Deactivation => "deactivation",
        StepReason::Reactivation => "reactivation",
    }
}

fn no_call() -> Empty {
    let title = "No call".to_owned();
    Empty { title, text: "All is as it is wished already.".to_owned(), action: None }
}

/// A plan: of each task the calls in their order, and what stands in the way.
#[derive(Debug, Clone, Template)]
#[template(path = "console/jobs/plan.html")]
pub(super) struct ShownPlan {
    /// Why a second person must approve.
    approval: Vec<String>,
    tasks: Vec<ShownTask>,
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
    pub(super) fn of(plan: &Plan) -> Self {
        Self {
            approval: plan.approval_because.iter().map(|why| sentence(why)).collect(),
            tasks: plan.tasks.iter().map(of_task).collect(),
        }
    }
}

fn of_task(task: &TaskPlan) -> ShownTask {
    let title = format!("{}: {}", called(task.kind), task.account);
    let rows = task
        .steps
        .iter()
        .map(|step| planned((step.seq, step.operation.as_ref(), &step.call, step.reason, &step.after)));
    ShownTask {
        obstacles: said(&task.obstacles),
        notices: said(&task.notices),
        calls: Table::whole(&format!("Calls of {title}"), &PLANNED, rows.collect(), no_call()),
        title,
    }
}

/// What stands in the way, or should be known, in sentences.
pub(super) fn said(of: &[Obstacle]) -> Vec<String> {
    of.iter().map(|one| sentence(&one.message)).collect()
}
