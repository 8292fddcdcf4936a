//! An IAM policy as a `Policy`.

use keyreeve_model::{ManagedBy, Resource};
use serde_json::{Map, Value, json};

use super::finish;
use crate::scim::ResourceType;

/// The resource.
pub(crate) fn policy(policy: &ResourceType, known: &Resource, base: &str) -> Map<String, Value> {
    let mut resource = Map::new();
    resource.insert("id".into(), json!(known.external_id));
    resource.insert("displayName".into(), json!(known.name));
    resource.insert("arn".into(), json!(known.arn));
    resource.insert("path".into(), json!(known.path));
    match known.managed_by {
        Some(ManagedBy::Aws) => drop(resource.insert("managedBy".into(), json!("aws"))),
        Some(ManagedBy::Customer) => drop(resource.insert("managedBy".into(), json!("customer"))),
        None => {}
    }
    resource.insert("attachable".into(), json!(known.attachable));
    // Nobody changes one over SCIM, so its version is that of its content.
    finish(policy, resource, 0, (None, None), base)
}
