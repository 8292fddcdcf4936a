//! The audit log.

use keyreeve_store::{AuditHead, AuditRow};

use super::{Column, Shape, text};
use crate::output::Narrow;

/// Rows of the audit log.
pub(crate) const AUDIT: Shape<AuditRow> = Shape {
    table: &[
        ("row", |row| row.seq.to_string()),
        ("at", |row| row.at.strftime("%Y-%m-%d %H:%M:%S").to_string()),
        ("actor", |row| row.actor.clone()),
        ("system", |row| text(row.system_id.as_ref())),
        ("action", |row| row.action.clone()),
        ("subject", |row| row.subject.to_string()),
    ],
    narrow: Narrow::Wrap { sentences: 1 },
    csv: &[
        ("seq", |row| row.seq.to_string()),
        ("at", |row| row.at.to_string()),
        ("actor", |row| row.actor.clone()),
        ("system_id", |row| text(row.system_id.as_ref())),
        ("action", |row| row.action.clone()),
        ("subject", |row| row.subject.to_string()),
        ("prev_hash", |row| row.prev_hash.clone()),
        ("hash", |row| row.hash.clone()),
    ],
};

/// The end of the log.
pub(crate) const HEADS: &[Column<AuditHead>] =
    &[("seq", |head| head.seq.to_string()), ("hash", |head| head.hash.clone())];
