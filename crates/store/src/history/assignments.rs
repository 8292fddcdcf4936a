//! Assignments as version rows.

use std::cmp::Ordering;
use std::collections::HashMap;

use keyreeve_model::{Assignment, AssignmentKind, AssignmentState, ExternalId, ImportRunId, SystemId};

use super::Coverage;
use super::write::Version;
use crate::StoreError;
use crate::dialect::Dialect;
use crate::row::Row;
use crate::statement::{Statement, Value};
use crate::systems::word;

const COLUMNS: &str = "v.kind, v.subject_name, v.subject_external_id, v.resource_external_id, v.resource_arn, \
                       v.resource_name, v.state, v.first_seen_run, v.valid_from_run";

/// A statement that reads assignments from `assignment_versions v`, to be completed with `WHERE`.
pub(crate) fn select_assignments() -> Statement {
    let mut text = Statement::building("SELECT ");
    text.push(COLUMNS).push(" FROM assignment_versions v");
    text
}

/// As [`select_assignments`], of many systems: with the key and the id of its system behind the columns of each, and through
/// the index that has this order.
pub(crate) fn select_everywhere(dialect: Dialect) -> Statement {
    let mut text = Statement::building("SELECT ");
    text.push(COLUMNS)
        .push(", v.system_key, (SELECT s.system_id FROM systems s WHERE s.system_key = v.system_key)");
    text.push(" FROM assignment_versions v").push(dialect.through("assignment_versions_everywhere").as_str());
    text
}

/// As [`select_assignments`], but from several searches `v`, which the caller adds, each beginning with
/// [`SEARCH_ASSIGNMENTS`], and closes with `) v`.
pub(crate) fn select_found_assignments() -> Statement {
    let mut text = Statement::building("SELECT ");
    text.push(COLUMNS).push(" FROM (");
    text
}

/// The beginning of one search; an assignment that two of them find is found once. The place of a page is no part of
/// the search: the name of the holder is no column any more that an index has.
pub(crate) const SEARCH_ASSIGNMENTS: &str = "SELECT v.kind, v.subject_name || '' AS subject_name, v.subject_external_id, v.resource_external_id, \
     v.resource_arn, v.resource_name, v.state, v.first_seen_run, v.valid_from_run FROM assignment_versions v \
     WHERE v.system_key = ";

/// What is read of each assignment of a holder whom the row names beside, see [`read_held`].
const HELD_COLUMNS: &str = "v.kind, v.subject_name, v.resource_external_id, v.resource_arn, v.resource_name, v.state, \
                            v.first_seen_run, v.valid_from_run";

/// [`HELD_COLUMNS`] as they come.
type Held = (
    AssignmentKind,
    String,
    Option<ExternalId>,
    Option<String>,
    String,
    AssignmentState,
    ImportRunId,
    ImportRunId,
);

/// A statement that reads the assignments of `assignment_versions v` as one row for each holder, to be completed with
/// `WHERE` and [`GROUP_HELD`].
pub(crate) fn select_held(dialect: Dialect) -> Statement {
    let mut text = Statement::building("SELECT v.subject_external_id, ");
    text.push(&dialect.json_of_rows(HELD_COLUMNS)).push(" FROM assignment_versions v");
    text
}

/// The end of what [`select_held`] begins.
pub(crate) const GROUP_HELD: &str = " GROUP BY v.subject_external_id";

/// Reads what [`select_held`] names, in no order.
pub(crate) fn read_held(
    row: &Row,
    system_id: &SystemId,
    coverage: &Coverage,
    paths: Option<&HashMap<String, String>>,
) -> Result<Vec<Assignment>, StoreError> {
    let subject: ExternalId = row.word(0)?;
    let held: Vec<Held> = row.json(1)?;
    let whole = |(kind, subject_name, id, arn, resource_name, state, first_seen_run, last_seen_run): Held| {
        let mut assignment = Assignment {
            system_id: system_id.clone(),
            kind,
            subject_name,
            subject_external_id: subject.clone(),
            resource_external_id: id,
            resource_arn: arn,
            resource_name,
            state,
            first_seen_run,
            last_seen_run,
        };
        complete(&mut assignment, coverage, paths);
        assignment
    };
    Ok(held.into_iter().map(whole).collect())
}

/// So many columns does [`select_assignments`] name.
pub(crate) const ASSIGNMENT_COLUMNS: usize = 9;

/// Reads what [`select_assignments`] names. Without `paths`, the holder's path does not matter.
pub(crate) fn read(
    row: &Row,
    system_id: &SystemId,
    coverage: &Coverage,
    paths: Option<&HashMap<String, String>>,
) -> Result<Assignment, StoreError> {
    let mut assignment = Assignment {
        system_id: system_id.clone(),
        kind: row.word(0)?,
        subject_name: row.text(1)?,
        subject_external_id: row.word(2)?,
        resource_external_id: row.opt_word(3)?,
        resource_arn: row.opt_text(4)?,
        resource_name: row.text(5)?,
        state: row.word(6)?,
        first_seen_run: ImportRunId(row.int(7)?),
        last_seen_run: ImportRunId(row.int(8)?),
    };
    complete(&mut assignment, coverage, paths);
    Ok(assignment)
}

fn complete(assignment: &mut Assignment, coverage: &Coverage, paths: Option<&HashMap<String, String>>) {
    let path = match paths {
        None => Some("/"),
        Some(paths) => paths.get(assignment.subject_external_id.as_str()).map(String::as_str),
    };
    coverage.complete_assignment(assignment, path);
}

impl Version for Assignment {
    const OBJECT_TYPE: &'static str = "assignment";
    const INSERT: &'static str = "INSERT INTO assignment_versions (system_key, subject_external_id, kind, resource_key, \
         valid_from_run, valid_to_run, first_seen_run, subject_name, resource_external_id, resource_arn, \
         resource_name, state) VALUES ";
    const COLUMNS: usize = 12;
    const CLOSE: &'static str = "UPDATE assignment_versions SET valid_to_run = ";
    const KEY: &'static str = "(subject_external_id, kind, resource_key)";
    const KEY_COLUMNS: usize = 3;

    fn push_key(&self, values: &mut Vec<Value>) {
        values.extend([
            self.subject_external_id.as_str().into(),
            self.kind.as_str().into(),
            self.resource_key().as_ref().into(),
        ]);
    }

    fn compare_keys(&self, other: &Self) -> Ordering {
        (self.subject_external_id.cmp(&other.subject_external_id))
            .then_with(|| self.kind.as_str().cmp(other.kind.as_str()))
            .then_with(|| self.resource_external_id.cmp(&other.resource_external_id))
    }

    fn first_seen(&self) -> ImportRunId {
        self.first_seen_run
    }

    fn push_others(&self, values: &mut Vec<Value>) -> Result<(), StoreError> {
        values.extend([
            self.subject_name.as_str().into(),
            self.resource_external_id.as_ref().map(ExternalId::as_str).into(),
            self.resource_arn.as_deref().into(),
            self.resource_name.as_str().into(),
            word(&self.state)?.into(),
        ]);
        Ok(())
    }
}
