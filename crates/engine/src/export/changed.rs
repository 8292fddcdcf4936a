//! What an import run changed, one row for each object: as it was, and as it is.

use keyreeve_model::{Change, ChangeKind, ChangeSet, ImportRunId, ObjectType, SystemId};
use serde::Serialize;
use serde_json::Value;

use super::changes::both_ends;
use super::field::as_json;

/// One object that came, changed or went in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedObject {
    /// Of which system.
    pub system_id: SystemId,
    /// Which run found it.
    pub run: ImportRunId,
    /// Whether it came, is different, or went.
    pub change: ChangeKind,
    /// What it is.
    #[serde(rename = "type")]
    pub object_type: ObjectType,
    /// Its name; of an assignment, those of both ends.
    pub name: String,
    /// Its external id; of an assignment, that of who holds it.
    pub external_id: String,
    /// The names of the fields that differ.
    pub fields: Vec<String>,
    /// As it was; `None` of what came.
    pub before: Option<Value>,
    /// As it is; `None` of what went.
    pub after: Option<Value>,
}

/// The objects of some changes.
pub(super) fn objects(system_id: &SystemId, run: ImportRunId, changes: ChangeSet) -> Vec<ChangedObject> {
    let of =
        |change, object_type, name: &str, external_id: &str, [before, after]: [Option<Value>; 2], fields| {
            let (name, external_id) = (name.to_owned(), external_id.to_owned());
            let system_id = system_id.clone();
            ChangedObject { system_id, run, change, object_type, name, external_id, fields, before, after }
        };
    let accounts = changes.accounts.iter().map(|change| {
        let one = change.object();
        let (kind, id) = (change.kind(), one.external_id.as_str());
        of(kind, ObjectType::Account, &one.name, id, both(change), fields(change))
    });
    let resources = changes.resources.iter().map(|change| {
        let one = change.object();
        let (kind, id) = (change.kind(), one.external_id.as_str());
        of(kind, ObjectType::of_resource(one), &one.name, id, both(change), fields(change))
    });
    let assignments = changes.assignments.iter().map(|change| {
        let one = change.object();
        let (kind, id) = (change.kind(), one.subject_external_id.as_str());
        of(kind, ObjectType::of_assignment(one), &both_ends(one), id, both(change), fields(change))
    });
    accounts.chain(resources).chain(assignments).collect()
}

fn both<T: Serialize>(change: &Change<T>) -> [Option<Value>; 2] {
    match change {
        Change::Created { after } => [None, as_json(after)],
        Change::Changed { before, after, .. } => [as_json(before), as_json(after)],
        Change::Deleted { before } => [as_json(before), None],
    }
}

fn fields<T>(change: &Change<T>) -> Vec<String> {
    match change {
        Change::Changed { fields, .. } => fields.clone(),
        Change::Created { .. } | Change::Deleted { .. } => Vec::new(),
    }
}
