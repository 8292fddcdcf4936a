//! Changes of a resource (RFC 7644 §3.5.2).
//!
//! All operations of a body are applied, or none. Where the RFC leaves it open: removing what is not there is no error,
//! so that a removal can be repeated; replacing what is not there is `noTarget`, as §3.5.2.3 has it. Removing with a
//! value is refused unless it is in [`quirks`], since a client that means some must not remove all.

mod list;
mod operation;
#[cfg(test)]
mod tests;

use keyreeve_model::Secret;
use serde_json::{Map, Value};

use super::{
    Cause, Error, ResourceType,
    body::Message,
    limits,
    path::{self, PatchPath, Place},
    quirks, urn,
    value::first_missing,
    write::{self, Written},
};

/// What is done to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A value is added, or set.
    Add,
    /// A value takes the place of those there.
    Replace,
    /// Values are taken away.
    Remove,
}

/// A resource after its changes.
#[derive(Debug)]
pub struct Patched {
    /// The whole resource, without a password.
    pub resource: Map<String, Value>,
    /// The password the client chose. Only where [`Switches::password`](super::Switches) is on.
    pub password: Option<Secret>,
    /// Whether anything is otherwise than before; a password always is.
    pub changed: bool,
}

/// Applies the operations of a PATCH body to `current`, which is left as it is.
///
/// # Errors
/// `invalidSyntax`, `invalidPath`, `invalidFilter`, `invalidValue`, `noTarget`, `mutability` as RFC 7644 §3.5.2 and
/// §3.12 have them; `TooLarge` for more than [`limits::PATCH_OPERATIONS`] operations.
pub fn apply(
    resource_type: &ResourceType,
    current: &Map<String, Value>,
    body: &Value,
) -> Result<Patched, Error> {
    let message = Message::of(body, urn::PATCH_OP, &["operations"])?;
    let operations = message
        .get("operations")
        .and_then(Value::as_array)
        .filter(|operations| !operations.is_empty())
        .ok_or_else(|| syntax("Operations must be a list of at least one operation"))?;
    if operations.len() > limits::PATCH_OPERATIONS {
        let detail = format!("there are more than {} operations", limits::PATCH_OPERATIONS);
        return Err(Error::new(Cause::TooLarge, detail));
    }
    let mut resource = current.clone();
    for operation in operations {
        apply_one(resource_type, &mut resource, operation)?;
    }
    if let Some(missing) = first_missing(resource_type.own_attributes(), &resource) {
        return Err(Error::new(Cause::Mutability, format!("{} cannot be removed", missing.name)));
    }
    let Written { resource, password } = write::finish(resource_type, resource, current)?;
    let changed = password.is_some() || resource != *current;
    Ok(Patched { resource, password, changed })
}

/// Whether a PATCH body says something of a list.
#[must_use]
pub fn names(resource_type: &ResourceType, body: &Value, list: &str) -> bool {
    let is_list = |place: Place| place.extension.is_none() && place.attribute == list;
    let named = |operation: &Value| match (member(operation, "path"), member(operation, "value")) {
        (Some(Value::String(path)), _) => {
            PatchPath::parse(resource_type, path).is_ok_and(|path| is_list(path.named.place))
        }
        (None | Some(Value::Null), Some(Value::Object(value))) => {
            value.keys().filter_map(|name| path::find(resource_type, name)).any(|named| is_list(named.place))
        }
        _ => false,
    };
    let operations = member(body, "operations").and_then(Value::as_array);
    operations.is_some_and(|operations| operations.iter().any(named))
}

/// A member of an object, whatever the case of its name.
fn member<'v>(object: &'v Value, name: &str) -> Option<&'v Value> {
    let mut members = object.as_object()?.iter();
    members.find(|(member, _)| member.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn apply_one(
    resource_type: &ResourceType,
    resource: &mut Map<String, Value>,
    operation: &Value,
) -> Result<(), Error> {
    let message = Message::part(operation, &["op", "path", "value"])?;
    let word = message.text("op")?.ok_or_else(|| syntax("an operation has no op"))?;
    let what = quirks::operation(word).ok_or_else(|| syntax("op must be add, replace or remove"))?;
    let path = message.text("path")?;
    // `null` is a value here: that of what is not assigned (RFC 7643 §2.5).
    let value = member(operation, "value");
    match (path, what) {
        (Some(path), _) => operation::at_path(resource_type, resource, what, path, value),
        (None, Operation::Remove) => Err(Error::new(Cause::NoTarget, "remove needs a path")),
        (None, _) => match value {
            Some(Value::Object(value)) => operation::at_names(resource_type, resource, what, value),
            _ => {
                Err(Error::new(Cause::InvalidValue, "without a path, value must be an object of attributes"))
            }
        },
    }
}

fn syntax(detail: &str) -> Error {
    Error::new(Cause::InvalidSyntax, detail)
}
