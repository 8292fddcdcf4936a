//! One operation on one attribute.

use serde_json::{Map, Value};

use super::{Operation, list};
use crate::scim::{
    Attribute, Cause, Error, ResourceType,
    attribute::{self, Kind, Mutability},
    error::quoted,
    filter::evaluate::is_present,
    path::{self, Named, PatchPath, PathError, Place},
    quirks,
    value::{canonical, wrong},
    write::{immutable, unknown},
};

/// An operation with a path.
pub(super) fn at_path(
    resource_type: &ResourceType,
    resource: &mut Map<String, Value>,
    what: Operation,
    path: &str,
    value: Option<&Value>,
) -> Result<(), Error> {
    let path = PatchPath::parse(resource_type, path).map_err(|error| match error {
        PathError::Syntax(error) => {
            invalid_path(format!("the path cannot be read at byte {}: {}", error.at, error.what))
        }
        PathError::Unknown(_) => {
            invalid_path(format!("a {} has nothing at {}", resource_type.name, quoted(path)))
        }
        PathError::NoList(name) => invalid_path(format!("{} is no list of objects", quoted(&name))),
        PathError::Filter(error) => error,
    })?;
    change(resource, what, &path, value)
}

fn invalid_path(detail: String) -> Error {
    Error::new(Cause::InvalidPath, detail)
}

/// An operation without a path: each name is one (RFC 7644 §3.5.2.1, §3.5.2.3).
pub(super) fn at_names(
    resource_type: &ResourceType,
    resource: &mut Map<String, Value>,
    what: Operation,
    values: &Map<String, Value>,
) -> Result<(), Error> {
    for (name, value) in values {
        if let Some(extension) = resource_type.extension(name) {
            let values = value.as_object().ok_or_else(|| {
                Error::new(Cause::InvalidValue, format!("{} must be an object", extension.id))
            })?;
            for (name, value) in values {
                let attribute = attribute::find(&extension.attributes, name).ok_or_else(|| {
                    Error::new(Cause::InvalidSyntax, format!("{} is not known here", quoted(name)))
                })?;
                let place =
                    Place { extension: Some(extension.id), attribute: attribute.name, sub_attribute: None };
                let named = Named { place, attribute, sub_attribute: None };
                change(resource, what, &PatchPath { named, which: None }, Some(value))?;
            }
            continue;
        }
        let named = path::find(resource_type, name).ok_or_else(|| unknown(resource_type, name))?;
        if !quirks::is_own_id(named.attribute, value, resource) {
            change(resource, what, &PatchPath { named, which: None }, Some(value))?;
        }
    }
    Ok(())
}

/// Does it.
fn change(
    resource: &mut Map<String, Value>,
    what: Operation,
    path: &PatchPath<'_>,
    value: Option<&Value>,
) -> Result<(), Error> {
    let Named { place, attribute, sub_attribute } = path.named;
    if path.named.leaf().mutability == Mutability::ReadOnly {
        return Err(Error::new(
            Cause::Mutability,
            format!("{} can only be read", quoted(path.named.leaf().name)),
        ));
    }
    let what = match (what, value) {
        (Operation::Remove, None | Some(Value::Null)) => Change::Remove,
        (Operation::Remove, Some(listed)) => {
            if !quirks::removes_listed(attribute) || sub_attribute.is_some() || path.which.is_some() {
                return Err(wrong(
                    attribute,
                    "remove takes no value; choose what to remove by a filter in the path",
                ));
            }
            Change::RemoveListed(listed)
        }
        (_, None) => return Err(wrong(attribute, "the operation has no value")),
        (Operation::Add, Some(Value::Null)) => return Err(wrong(attribute, "null cannot be added")),
        (Operation::Add, Some(value)) => Change::Add(value),
        (Operation::Replace, Some(value)) => Change::Replace(value),
    };
    let holder = match place.extension {
        None => resource,
        Some(extension) => resource
            .entry(extension)
            .or_insert_with(|| Value::Object(Map::new()))
            .as_object_mut()
            .ok_or_else(|| Error::new(Cause::Internal, "an extension is no object"))?,
    };
    if attribute.multi_valued {
        return list::change(holder, &what, path);
    }
    match sub_attribute {
        None => single(holder, attribute, &what),
        Some(sub) => {
            let mut object =
                holder.get(attribute.name).and_then(Value::as_object).cloned().unwrap_or_default();
            single(&mut object, sub, &what)?;
            store(holder, attribute, Value::Object(object));
            Ok(())
        }
    }
}

/// An operation whose value, if it needs one, is there.
pub(super) enum Change<'v> {
    Add(&'v Value),
    Replace(&'v Value),
    Remove,
    RemoveListed(&'v Value),
}

/// Changes an attribute or sub-attribute that has one value. Of an object only what is named changes (RFC 7644
/// §3.5.2.1, §3.5.2.3).
pub(super) fn single(
    holder: &mut Map<String, Value>,
    attribute: &Attribute,
    change: &Change<'_>,
) -> Result<(), Error> {
    let before = holder.get(attribute.name).filter(|value| is_present(value)).cloned();
    let after = match change {
        Change::Remove | Change::RemoveListed(_) => None,
        Change::Add(value) | Change::Replace(value) => match (attribute.kind, value, &before) {
            (Kind::Complex, Value::Object(new), Some(Value::Object(old))) => merged(attribute, old, new)?,
            _ => canonical(attribute, value)?,
        },
    };
    if attribute.mutability == Mutability::Immutable && before.is_some() && before != after {
        return Err(immutable(attribute));
    }
    if attribute.required && before.is_some() && after.is_none() {
        return Err(Error::new(Cause::Mutability, format!("{} cannot be removed", attribute.name)));
    }
    store(holder, attribute, after.unwrap_or(Value::Null));
    Ok(())
}

/// An object with some of its sub-attributes changed; those that are `null` are taken away.
fn merged(
    attribute: &Attribute,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Option<Value>, Error> {
    let mut out = old.clone();
    let given = canonical(attribute, &Value::Object(new.clone()))?;
    for sub in attribute.sub_attributes.iter().filter(|sub| sub.mutability != Mutability::ReadOnly) {
        if new.keys().any(|name| name.eq_ignore_ascii_case(sub.name)) {
            let value = given.as_ref().and_then(|given| given.get(sub.name));
            single(&mut out, sub, &value.map_or(Change::Remove, Change::Replace))?;
        }
    }
    Ok(if out.is_empty() { None } else { Some(Value::Object(out)) })
}

/// Puts a value in its place; what is no value is taken away.
fn store(holder: &mut Map<String, Value>, attribute: &Attribute, value: Value) {
    let nothing = match &value {
        Value::Null => true,
        Value::Object(object) => object.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    };
    if nothing {
        holder.remove(attribute.name);
    } else {
        holder.insert(attribute.name.to_owned(), value);
    }
}
