//! What IAM takes as names, paths, tags and ARNs: the rules of its service model, held against what changed. What was
//! read from AWS is not judged.

use std::collections::BTreeMap;

use keyreeve_model::{check_account_name, check_path, check_tags};
use serde_json::{Map, Value};

use super::{Cause, Error, path::Place, urn};

/// Refuses what IAM would refuse of a user. Other types have nothing that a client could write wrong.
pub(crate) fn check(before: &Map<String, Value>, after: &Map<String, Value>) -> Result<(), Error> {
    let changed = |place: Place| {
        let value = place.attribute_in(after)?;
        (place.attribute_in(before) != Some(value)).then_some(value)
    };
    let aws = |attribute| Place { extension: Some(urn::AWS_USER), attribute, sub_attribute: None };
    let invalid = |error: &dyn std::fmt::Display| Error::new(Cause::InvalidValue, error.to_string());
    if let Some(name) = changed(Place::of("userName")).and_then(Value::as_str) {
        check_account_name(name).map_err(|error| invalid(&error))?;
    }
    if let Some(path) = changed(aws("path")).and_then(Value::as_str) {
        check_path(path).map_err(|error| invalid(&error))?;
    }
    if let Some(boundary) = changed(aws("permissionsBoundary")).and_then(Value::as_str) {
        check_policy_arn("permissionsBoundary", boundary)?;
    }
    for entitlement in changed(Place::of("entitlements")).and_then(Value::as_array).into_iter().flatten() {
        check_policy_arn(
            "entitlements",
            entitlement.get("value").and_then(Value::as_str).unwrap_or_default(),
        )?;
    }
    if let Some(tags) = changed(aws("tags")).and_then(Value::as_array) {
        let known: Vec<&Value> = aws("tags").values_in(before);
        let text =
            |tag: &Value, name: &str| tag.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let new: BTreeMap<String, String> = tags
            .iter()
            .filter(|tag| !known.contains(tag))
            .map(|tag| (text(tag, "key"), text(tag, "value")))
            .collect();
        check_tags(&new).map_err(|error| invalid(&error))?;
        if tags.len() > 50 {
            return Err(Error::new(Cause::InvalidValue, "tags cannot be set: IAM takes at most 50"));
        }
    }
    Ok(())
}

fn check_policy_arn(attribute: &str, arn: &str) -> Result<(), Error> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let policy = matches!(parts.as_slice(), ["arn", partition, "iam", "", _, resource]
        if !partition.is_empty() && resource.starts_with("policy/"));
    if policy && arn.len() <= 2_048 && arn.bytes().all(|byte| (0x21..=0x7e).contains(&byte)) {
        return Ok(());
    }
    let detail =
        format!("{attribute} cannot be set: the ARN of a policy, arn:aws:iam::…:policy/…, is expected");
    Err(Error::new(Cause::InvalidValue, detail))
}
