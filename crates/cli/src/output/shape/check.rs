//! What a check of a system, or of the installation, found.

pub(crate) use keyreeve_engine::check::{Check, CheckState, Rights};

use super::{Columns, Shape};
use crate::output::Narrow;

/// A list of checks.
pub(crate) const CHECKS: Shape<Check> = Shape {
    table: &[
        (
            "check",
            |check| if check.needed { check.name.clone() } else { format!("{} (optional)", check.name) },
        ),
        ("state", |check| super::word(&check.state)),
        ("found", |check| check.message.clone()),
        ("what_to_do", |check| check.advice.clone().unwrap_or_default()),
    ],
    narrow: Narrow::WrapEverywhere { sentences: 2 },
    csv: Columns::Texts(&[
        ("name", |check| check.name.clone()),
        ("state", |check| super::word(&check.state)),
        ("needed", |check| check.needed.to_string()),
        ("message", |check| check.message.clone()),
        ("advice", |check| check.advice.clone().unwrap_or_default()),
    ]),
};
