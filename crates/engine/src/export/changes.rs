//! Differences, one line for each.

use keyreeve_model::{Assignment, Change, ChangeKind, ChangeSet, ObjectType};
use serde::Serialize;
use serde_json::Value;

use super::joined;

/// One change, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangeLine {
    /// What kind of change it is.
    pub kind: ChangeKind,
    /// Of what.
    pub object_type: ObjectType,
    /// Its name; of an assignment, those of both ends.
    pub name: String,
    /// Its external id; of an assignment, that of who holds it.
    pub external_id: String,
    /// What is different about it.
    pub fields: Vec<FieldChange>,
}

/// One thing that is different about an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// What, as in the JSON contract.
    pub name: String,
    /// What it was.
    pub before: String,
    /// What it is.
    pub after: String,
}

impl ChangeLine {
    /// What is different, in one text.
    #[must_use]
    pub fn details(&self) -> String {
        // An ARN follows from name and path.
        let told = |name: &str| self.fields.iter().any(|field| field.name == name);
        let fields =
            self.fields.iter().filter(|field| field.name != "arn" || !(told("name") || told("path")));
        let fields = fields
            .map(|field| format!("{}: {} → {}", field.name, or_none(&field.before), or_none(&field.after)));
        fields.collect::<Vec<_>>().join(", ")
    }
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

/// All changes: accounts, then resources, then assignments.
#[must_use]
pub fn lines_of(changes: &ChangeSet) -> Vec<ChangeLine> {
    let accounts = changes.accounts.iter().map(|change| {
        let account = change.object();
        line(change, ObjectType::Account, account.name.clone(), account.external_id.to_string())
    });
    let resources = changes.resources.iter().map(|change| {
        let resource = change.object();
        let object_type = ObjectType::of_resource(resource);
        line(change, object_type, resource.name.clone(), resource.external_id.to_string())
    });
    let assignments = changes.assignments.iter().map(|change| {
        let assignment = change.object();
        let object_type = ObjectType::of_assignment(assignment);
        line(change, object_type, both_ends(assignment), assignment.subject_external_id.to_string())
    });
    accounts.chain(resources).chain(assignments).collect()
}

pub(super) fn both_ends(assignment: &Assignment) -> String {
    format!("{} → {}", assignment.subject_name, assignment.resource_name)
}

fn line<T: Serialize>(
    change: &Change<T>,
    object_type: ObjectType,
    name: String,
    external_id: String,
) -> ChangeLine {
    let fields = match change {
        Change::Changed { before, after, fields } => field_changes(before.as_ref(), after, fields),
        Change::Created { .. } | Change::Deleted { .. } => Vec::new(),
    };
    ChangeLine { kind: change.kind(), object_type, name, external_id, fields }
}

fn field_changes<T: Serialize>(before: &T, after: &T, fields: &[String]) -> Vec<FieldChange> {
    let as_json = |object: &T| serde_json::to_value(object).unwrap_or(Value::Null);
    let (before, after) = (as_json(before), as_json(after));
    let mut shown: Vec<FieldChange> = fields
        .iter()
        .flat_map(|name| {
            let path: Vec<&str> = name.split('.').collect();
            leaves(name, find(&before, &path), find(&after, &path))
        })
        .collect();
    if fields.iter().any(|name| name == "credentials") {
        let listed = |name: &str| shown.iter().any(|field| field.name == name);
        let unlisted: Vec<&str> = IN_SIGHT.into_iter().filter(|name| !listed(name)).collect();
        shown.extend(unlisted.into_iter().filter_map(|name| in_sight(name, &before, &after)));
    }
    shown
}

/// What readings of one kind know and those of the other do not.
const IN_SIGHT: [&str; 4] = ["status", "login_profile.state", "access_keys", "mfa_active"];

/// A field that became known or unknown with the kind of reading.
fn in_sight(name: &str, before: &Value, after: &Value) -> Option<FieldChange> {
    let path: Vec<&str> = name.split('.').collect();
    let of = |account: &Value| find(account, &path);
    let (before, after) = (of(before), of(after));
    let unknown = |value: &Value| value.is_null() || value == "unknown";
    (unknown(&before) != unknown(&after)).then(|| {
        let shown = |value: &Value| match value {
            Value::Null => "unknown".to_owned(),
            value => shown(value),
        };
        FieldChange { name: name.to_owned(), before: shown(&before), after: shown(&after) }
    })
}

/// An object's own fields are compared one by one; everything else is shown whole.
fn leaves(name: &str, before: Value, after: Value) -> Vec<FieldChange> {
    match (&before, &after) {
        (Value::Object(old), Value::Object(new)) => {
            let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
            names.sort();
            names.dedup();
            names
                .into_iter()
                // How old a reading is says nothing about the account.
                .filter(|key| key.as_str() != "as_of" && old.get(*key) != new.get(*key))
                .map(|key| FieldChange {
                    name: format!("{name}.{key}"),
                    before: shown(old.get(key).unwrap_or(&Value::Null)),
                    after: shown(new.get(key).unwrap_or(&Value::Null)),
                })
                .collect()
        }
        _ => vec![FieldChange { name: name.to_owned(), before: shown(&before), after: shown(&after) }],
    }
}

/// The value at a path; through a list, the values of all its elements.
fn find(value: &Value, path: &[&str]) -> Value {
    match (path.split_first(), value) {
        (None, value) => value.clone(),
        (Some(_), Value::Array(elements)) => {
            Value::Array(elements.iter().map(|element| find(element, path)).collect())
        }
        (Some((first, rest)), Value::Object(fields)) => {
            fields.get(*first).map_or(Value::Null, |value| find(value, rest))
        }
        (Some(_), _) => Value::Null,
    }
}

/// A value in one cell.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(elements) => joined(elements, shown_element),
        Value::Object(_) => shown_element(value),
    }
}

/// `active created_at=… last_used_at=…`: what is not said is left out.
fn shown_element(value: &Value) -> String {
    let Value::Object(fields) = value else { return shown(value) };
    let parts = fields.iter().filter_map(|(name, value)| match value {
        Value::Bool(false) if name == "active" => Some("inactive".to_owned()),
        Value::Null | Value::Bool(false) => None,
        Value::Bool(true) => Some(name.clone()),
        Value::String(text) if name == "name" => Some(text.clone()),
        Value::String(text) if name.ends_with("sha256") => {
            Some(format!("#{}", text.chars().take(8).collect::<String>()))
        }
        other => Some(format!("{name}={}", shown(other))),
    });
    parts.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_shows_old_and_new() {
        let before = json!({"path": "/a/", "login_profile": {"state": "absent", "created_at": null},
            "access_keys": [{"active": true, "last_used_at": null}], "tags": {"team": "x", "cost": "1"}});
        let after = json!({"path": "/b/", "login_profile": {"state": "present", "created_at": null},
            "access_keys": [{"active": true, "last_used_at": "2026-01-01T00:00:00Z"}],
            "tags": {"team": "y", "cost": "1"}});
        let fields = ["path", "login_profile", "access_keys.last_used_at", "tags", "arn"].map(str::to_owned);
        let shown: Vec<String> = field_changes(&before, &after, &fields)
            .into_iter()
            .map(|field| format!("{}: {} → {}", field.name, field.before, field.after))
            .collect();
        assert_eq!(
            shown,
            [
                "path: /a/ → /b/",
                "login_profile.state: absent → present",
                "access_keys.last_used_at:  → 2026-01-01T00:00:00Z",
                "tags.team: x → y",
                "arn:  → ",
            ]
        );
        assert_eq!(shown_element(&json!({"active": true, "x": null, "name": "n", "a": 1})), "a=1 active n");
    }
}
