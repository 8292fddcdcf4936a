//! Protect lists.

use keyreeve_model::Protection;

use super::{Columns, Shape, minute, text};
use crate::output::Narrow;

/// A protect list.
pub(crate) const PROTECTIONS: Shape<Protection> = Shape {
    table: &[
        ("kind", |one| one.kind.parts().0.to_owned()),
        ("value", |one| one.kind.parts().1.to_owned()),
        ("added_by", |one| one.added_by.clone()),
        ("added", |one| minute(Some(one.added_at))),
        ("reason", |one| text(one.reason.as_ref())),
    ],
    narrow: Narrow::Wrap { sentences: 1 },
    csv: Columns::Texts(&[
        ("kind", |one| one.kind.parts().0.to_owned()),
        ("value", |one| one.kind.parts().1.to_owned()),
        ("reason", |one| text(one.reason.as_ref())),
        ("added_by", |one| one.added_by.clone()),
        ("added_at", |one| one.added_at.to_string()),
    ]),
};
