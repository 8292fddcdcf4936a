//! An IAM group as a `Group`.

use jiff::Timestamp;
use keyreeve_engine::unseen::Unseen;
use keyreeve_model::{Assignment, AssignmentState, Resource};
use keyreeve_store::ScimRecord;
use serde_json::{Map, Value, json};

use super::{finish, put_list, reference};
use crate::scim::{ResourceType, urn};

/// What is known of a group beside itself.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Beside<'a> {
    /// Who is in it.
    pub(crate) members: &'a [&'a Assignment],
    /// What clients said of it.
    pub(crate) record: Option<&'a ScimRecord>,
    /// How often what is shown of it has become otherwise.
    pub(crate) revision: i64,
    /// When it was changed last, as far as that is known.
    pub(crate) changed_at: Option<Timestamp>,
}

/// The resource.
pub(crate) fn group(
    group: &ResourceType,
    known: &Resource,
    beside: Beside<'_>,
    unseen: &Unseen,
    base: &str,
) -> Map<String, Value> {
    let mut resource = beside.record.map(|record| record.attributes.clone()).unwrap_or_default();
    resource.insert("id".into(), json!(known.external_id));
    resource.insert("displayName".into(), json!(known.name));
    if let Some(external_id) = beside.record.and_then(|record| record.external_id.as_ref()) {
        resource.insert("externalId".into(), json!(external_id));
    }
    let there = |one: &&&Assignment| one.state != AssignmentState::PendingRemove;
    let members = beside.members.iter().filter(there).map(|one| {
        let id = &one.subject_external_id;
        let name = unseen.name_of(id).unwrap_or(&one.subject_name);
        json!({"value": id, "$ref": reference(base, "/Users", id), "display": name, "type": "User"})
    });
    put_list(&mut resource, "members", members.collect());
    resource.insert(urn::AWS_GROUP.into(), json!({"path": known.path, "arn": known.arn}));
    let changed = beside.changed_at.max(beside.record.map(|record| record.updated_at));
    finish(group, resource, beside.revision, (None, changed), base)
}
