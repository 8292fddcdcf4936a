//! Who holds what.

use keyreeve_engine::export;
use keyreeve_model::Assignment;

use super::{Columns, Shape, word};
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
    csv: Columns::Fields(export::ASSIGNMENTS),
};

/// The same of all systems.
pub(crate) const HELD: Shape<Assignment> = Shape {
    table: &[
        ("system", |assignment| assignment.system_id.to_string()),
        ("holder", |assignment| assignment.subject_name.clone()),
        ("kind", |assignment| assignment.kind.as_str().to_owned()),
        ("resource", |assignment| assignment.resource_name.clone()),
        ("resource_arn", |assignment| assignment.resource_arn.clone().unwrap_or_default()),
    ],
    narrow: Narrow::Shorten,
    csv: export::ASSIGNMENTS,
};
