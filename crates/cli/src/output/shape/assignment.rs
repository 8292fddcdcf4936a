//! Who holds what.

use keyreeve_model::Assignment;

use super::{Shape, text, word};
use crate::output::Narrow;

/// A list of assignments.
pub(crate) const ASSIGNMENTS: Shape<Assignment> = Shape {
    table: &[
        ("holder", |assignment| assignment.subject_name.clone()),
        ("kind", |assignment| assignment.kind.as_str().to_owned()),
        ("resource", |assignment| assignment.resource_name.clone()),
        ("state", |assignment| word(&assignment.state)),
        ("resource_arn", |assignment| assignment.resource_arn.clone().unwrap_or_default()),
    ],
    narrow: Narrow::Shorten,
    csv: &[
        ("system_id", |assignment| assignment.system_id.to_string()),
        ("kind", |assignment| assignment.kind.as_str().to_owned()),
        ("account", |assignment| of_account(assignment, &assignment.subject_name)),
        ("account_external_id", |assignment| of_account(assignment, assignment.subject_external_id.as_str())),
        ("group", |assignment| of_group(assignment, &assignment.subject_name)),
        ("group_external_id", |assignment| of_group(assignment, assignment.subject_external_id.as_str())),
        ("resource_external_id", |assignment| text(assignment.resource_external_id.as_ref())),
        ("resource_arn", |assignment| assignment.resource_arn.clone().unwrap_or_default()),
        ("resource_name", |assignment| assignment.resource_name.clone()),
        ("state", |assignment| word(&assignment.state)),
        ("first_seen_run", |assignment| assignment.first_seen_run.to_string()),
        ("last_seen_run", |assignment| assignment.last_seen_run.to_string()),
    ],
};

fn of_account(assignment: &Assignment, value: &str) -> String {
    if assignment.kind.of_account() { value.to_owned() } else { String::new() }
}

fn of_group(assignment: &Assignment, value: &str) -> String {
    if assignment.kind.of_account() { String::new() } else { value.to_owned() }
}
