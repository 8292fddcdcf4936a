//! What is known, as resources of SCIM. Pure.

pub(super) mod group;
pub(super) mod policy;
pub(super) mod user;

use jiff::Timestamp;
use keyreeve_model::ExternalId;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::scim::ResourceType;
use crate::scim::etag::ETag;

/// Puts in what every resource has: its schemas, and what the server knows of it, with its revision and the times when it
/// was made and changed last.
fn finish(
    resource_type: &ResourceType,
    mut resource: Map<String, Value>,
    revision: i64,
    times: (Option<Timestamp>, Option<Timestamp>),
    base: &str,
) -> Map<String, Value> {
    resource_type.name_schemas(&mut resource);
    let version = ETag::of_resource(&resource, revision);
    let id = resource.get("id").and_then(Value::as_str).unwrap_or_default();
    let meta = Meta::of(resource_type, id, &version, times, base);
    resource.insert("meta".into(), json!(meta));
    resource
}

/// What the server knows of a resource (RFC 7643 §3.1).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified: Option<Timestamp>,
    location: String,
    resource_type: &'static str,
    version: &'a str,
}

impl<'a> Meta<'a> {
    fn of(
        resource_type: &ResourceType,
        id: &str,
        version: &'a ETag,
        (created, modified): (Option<Timestamp>, Option<Timestamp>),
        base: &str,
    ) -> Self {
        Self {
            created,
            last_modified: modified.max(created),
            location: format!("{base}{}/{id}", resource_type.endpoint),
            resource_type: resource_type.name,
            version: version.as_str(),
        }
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
