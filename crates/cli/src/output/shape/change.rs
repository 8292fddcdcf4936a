//! Differences, one line for each.

use keyreeve_engine::export::changes::ChangeLine;

use super::{Columns, Shape, joined, word};
use crate::output::Narrow;

/// A list of changes.
pub(crate) const CHANGES: Shape<ChangeLine> = Shape {
    table: &[
        ("change", |line| word(&line.kind)),
        ("type", |line| line.object_type.as_str().to_owned()),
        ("name", |line| line.name.clone()),
        ("details", ChangeLine::details),
    ],
    narrow: Narrow::Wrap { sentences: 1 },
    csv: Columns::Texts(&[
        ("change", |line| word(&line.kind)),
        ("type", |line| line.object_type.as_str().to_owned()),
        ("name", |line| line.name.clone()),
        ("external_id", |line| line.external_id.clone()),
        ("fields", |line| joined(&line.fields, |field| field.name.clone())),
        ("before", |line| joined(&line.fields, |field| format!("{}={}", field.name, field.before))),
        ("after", |line| joined(&line.fields, |field| format!("{}={}", field.name, field.after))),
    ]),
};
