//! What a task would take: its calls in order, and what stands in the way.

use std::collections::BTreeMap;

use keyreeve_engine::plan::{PlannedStep, TaskPlan};
use keyreeve_model::{StepCall, StepReason};

use crate::console::accounts::called;
use crate::console::form::sentence;
use crate::console::parts::{Cell, Empty};
use crate::console::table::{Column, Table};

const COLUMNS: [Column; 5] = [
    Column::number("Step"),
    Column::plain("AWS call"),
    Column::plain("What"),
    Column::plain("Why"),
    Column::plain("After steps"),
];

/// What a task would take.
pub(super) struct Task {
    pub(super) title: String,
    pub(super) steps: Table,
    pub(super) obstacles: Vec<String>,
    pub(super) notices: Vec<String>,
}

/// A task, step by step.
pub(super) fn task(planned: &TaskPlan) -> Task {
    let row = |step: &PlannedStep| {
        let after: Vec<String> = step.after.iter().map(ToString::to_string).collect();
        vec![
            Cell::Number(step.seq.into()),
            Cell::Code(step.operation.to_string()),
            Cell::text(about(&step.call)),
            Cell::text(because(step.reason)),
            if after.is_empty() { Cell::None } else { Cell::text(after.join(", ")) },
        ]
    };
    let empty = Empty {
        title: "No AWS call".to_owned(),
        text: "It takes nothing, or something stands in its way.".to_owned(),
        action: None,
    };
    Task {
        title: format!("{}: {}", called(planned.kind), planned.account),
        steps: Table::whole(
            "AWS calls in their order",
            &COLUMNS,
            planned.steps.iter().map(row).collect(),
            empty,
        ),
        obstacles: planned.obstacles.iter().map(|one| sentence(&one.message)).collect(),
        notices: planned.notices.iter().map(|one| sentence(&one.message)).collect(),
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
