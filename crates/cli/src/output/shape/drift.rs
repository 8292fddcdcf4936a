//! Drift.

use keyreeve_engine::drift::DriftedChange;

use super::{Columns, Shape, minute};
use crate::output::Narrow;

/// What was changed here and is not so in AWS.
pub(crate) const DRIFT: Shape<DriftedChange> = Shape {
    table: &[
        ("claim", |one| one.claim.to_string()),
        ("account", |one| one.account.clone()),
        ("done", |one| one.done.clone()),
        ("aws_has", |one| one.aws_has.clone()),
        ("job", |one| one.job.to_string()),
        ("actor", |one| one.actor.clone()),
        ("seen", |one| minute(Some(one.seen_at))),
    ],
    narrow: Narrow::Wrap { sentences: 2 },
    csv: Columns::Texts(&[
        ("claim", |one| one.claim.to_string()),
        ("system_id", |one| one.system_id.to_string()),
        ("account", |one| one.account.clone()),
        ("account_external_id", |one| one.account_external_id.to_string()),
        ("done", |one| one.done.clone()),
        ("aws_has", |one| one.aws_has.clone()),
        ("job", |one| one.job.to_string()),
        ("actor", |one| one.actor.clone()),
        ("done_at", |one| one.done_at.to_string()),
        ("import_run", |one| one.import_run.map(|run| run.to_string()).unwrap_or_default()),
        ("seen_at", |one| one.seen_at.to_string()),
    ]),
};
