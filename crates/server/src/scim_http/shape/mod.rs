//! What is known, as resources of SCIM. Pure.

pub(super) mod group;
pub(super) mod policy;
pub(super) mod user;

use jiff::Timestamp;
use keyreeve_model::ExternalId;
use serde_json::{Map, Value, json};

use crate::scim::ResourceType;
use crate::scim::etag::ETag;

/// Puts in what every resource has: its schemas, and what the server knows of it.
fn finish(
    resource_type: &ResourceType,
    mut resource: Map<String, Value>,
    (created, modified): (Option<Timestamp>, Option<Timestamp>),
    base: &str,
) -> Map<String, Value> {
    resource_type.name_schemas(&mut resource);
    let version = ETag::of_resource(&resource);
    let id = resource.get("id").and_then(Value::as_str).unwrap_or_default();
    let mut meta = json!({
        "resourceType": resource_type.name,
        "location": format!("{base}{}/{id}", resource_type.endpoint),
        "version": version.as_str(),
    });
    if let Some(created) = created {
        put(&mut meta, "created", created.to_string());
    }
    if let Some(modified) = modified.max(created) {
        put(&mut meta, "lastModified", modified.to_string());
    }
    resource.insert("meta".into(), meta);
    resource
}

fn put(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.into(), value.into());
    }
}

/// A list, or nothing where it is empty (RFC 7643 §2.5).
fn put_list(resource: &mut Map<String, Value>, name: &str, list: Vec<Value>) {
    if !list.is_empty() {
        resource.insert(name.into(), Value::Array(list));
    }
}

fn reference(base: &str, endpoint: &str, id: &ExternalId) -> String {
    format!("{base}{endpoint}/{id}")
}
