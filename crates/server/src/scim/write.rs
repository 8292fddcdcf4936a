//! What the body of a POST or PUT says of a resource (RFC 7644 §3.3, §3.5.1).

use keyreeve_model::Secret;
use serde_json::{Map, Value};

use super::{
    Attribute, Cause, Error, ResourceType,
    attribute::Mutability,
    error::quoted,
    filter::evaluate::is_present,
    quirks, rules,
    value::{self, canonical},
};

/// Whoever leaves these out of a PUT does not mean to take them away: clients send back what they understand of a
/// resource. RFC 7644 §3.5.1 leaves it open. An extension that the body does not name stays as it is, too.
const KEPT: &[&str] = &["active", "entitlements", "members"];

/// What is to be.
#[derive(Debug)]
pub struct Written {
    /// The whole resource, without a password.
    pub resource: Map<String, Value>,
    /// The password the client chose. Only where [`Switches::password`](super::Switches) is on.
    pub password: Option<Secret>,
}

/// A resource to be made.
///
/// # Errors
/// `invalidSyntax` for a body that is not built as the type is, unknown names and schemas included; `invalidValue` for
/// a value that cannot be the attribute's, and for a required one that is missing.
pub fn create(resource_type: &ResourceType, body: &Value) -> Result<Written, Error> {
    let given = Given::read(resource_type, body)?;
    finish(resource_type, given.resource, &Map::new())
}

/// A resource as it is to be instead of `current`. What only the server writes stays as it is, whatever the body says.
///
/// # Errors
/// As [`create`]; besides `mutability` for another value of what is written only once.
pub fn replace(
    resource_type: &ResourceType,
    body: &Value,
    current: &Map<String, Value>,
) -> Result<Written, Error> {
    let given = Given::read(resource_type, body)?;
    let mut resource = given.resource;
    let named = |name: &str| given.names.contains(&name);
    for attribute in resource_type.own_attributes() {
        carry_over(attribute, current, &mut resource, named(attribute.name))?;
    }
    for extension in &resource_type.extensions {
        let Some(before) = current.get(extension.id).and_then(Value::as_object) else { continue };
        if !named(extension.id) {
            resource.insert(extension.id.into(), Value::Object(before.clone()));
        } else if let Some(after) =
            resource.entry(extension.id).or_insert_with(|| Value::Object(Map::new())).as_object_mut()
        {
            for attribute in &extension.attributes {
                carry_over(attribute, before, after, true)?;
            }
        }
    }
    finish(resource_type, resource, current)
}

/// What stays of the resource before.
fn carry_over(
    attribute: &Attribute,
    before: &Map<String, Value>,
    after: &mut Map<String, Value>,
    named: bool,
) -> Result<(), Error> {
    let Some(value) = before.get(attribute.name).filter(|value| is_present(value)) else { return Ok(()) };
    let keep = match attribute.mutability {
        Mutability::ReadOnly => true,
        Mutability::Immutable => match after.get(attribute.name) {
            Some(other) if other != value => return Err(immutable(attribute)),
            _ => true,
        },
        _ => (KEPT.contains(&attribute.name) || quirks::kept_where_absent(attribute)) && !named,
    };
    if keep {
        after.insert(attribute.name.to_owned(), value.clone());
    } else if attribute.element_key.is_some() {
        value::keep_elements(attribute, value, after.get_mut(attribute.name));
    }
    Ok(())
}

/// The refusal of a second value for what is written only once.
pub(crate) fn immutable(attribute: &Attribute) -> Error {
    Error::new(Cause::Mutability, format!("{} is set once and cannot be changed", attribute.name))
}

/// Checks the whole and takes the password out of it.
pub(crate) fn finish(
    resource_type: &ResourceType,
    mut resource: Map<String, Value>,
    before: &Map<String, Value>,
) -> Result<Written, Error> {
    if let Some(missing) = value::first_missing(resource_type.own_attributes(), &resource) {
        return Err(Error::new(Cause::InvalidValue, format!("{} is missing", missing.name)));
    }
    let password = match resource.remove("password") {
        Some(Value::String(password)) if !password.is_empty() => Some(Secret::new(password)),
        Some(_) => return Err(Error::new(Cause::InvalidValue, "password cannot be set: it is empty")),
        None => None,
    };
    resource_type.name_schemas(&mut resource);
    rules::check(before, &resource)?;
    Ok(Written { resource, password })
}

/// A body, held against the type.
struct Given {
    /// What clients can write of it.
    resource: Map<String, Value>,
    /// The attributes and extensions that it names, by the model's names.
    names: Vec<&'static str>,
}

impl Given {
    fn read(resource_type: &ResourceType, body: &Value) -> Result<Self, Error> {
        let body = body.as_object().ok_or_else(|| syntax("an object of JSON is expected".into()))?;
        let schemas = schemas(resource_type, body)?;
        let mut given = Self { resource: Map::new(), names: Vec::new() };
        for (name, value) in body {
            if let Some(extension) = resource_type.extension(name) {
                if !schemas.contains(&extension.id) {
                    return Err(syntax(format!(
                        "schemas does not name {}, of which there are attributes",
                        extension.id
                    )));
                }
                given.names.push(extension.id);
                let object = match value {
                    Value::Object(object) => object,
                    Value::Null => continue,
                    _ => return Err(syntax(format!("{} must be an object", extension.id))),
                };
                let mut part = Map::new();
                for (name, value) in object {
                    let attribute = super::attribute::find(&extension.attributes, name).ok_or_else(|| {
                        syntax(format!("{} has no attribute {}", extension.id, quoted(name)))
                    })?;
                    put(attribute, value, &mut part)?;
                }
                if !part.is_empty() {
                    given.resource.insert(extension.id.into(), Value::Object(part));
                }
            } else if let Some(found) = resource_type.find(None, name) {
                given.names.push(found.attribute.name);
                put(found.attribute, value, &mut given.resource)?;
            } else if !quirks::ignored_attribute(name, value) {
                return Err(unknown(resource_type, name));
            }
        }
        Ok(given)
    }
}

fn put(attribute: &Attribute, value: &Value, into: &mut Map<String, Value>) -> Result<(), Error> {
    if attribute.mutability == Mutability::ReadOnly {
        return Ok(());
    }
    if let Some(value) = canonical(attribute, value)? {
        into.insert(attribute.name.to_owned(), value);
    }
    Ok(())
}

/// The schemas that a body names; one of them is the type's.
fn schemas(resource_type: &ResourceType, body: &Map<String, Value>) -> Result<Vec<&'static str>, Error> {
    let named = body
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("schemas"))
        .and_then(|(_, value)| value.as_array())
        .ok_or_else(|| syntax("schemas must be a list of the schemas that the body is written by".into()))?;
    let mut known = Vec::new();
    for name in named {
        let name = name.as_str().ok_or_else(|| syntax("schemas must be a list of texts".into()))?;
        if name.eq_ignore_ascii_case(resource_type.schema.id) {
            known.push(resource_type.schema.id);
        } else if let Some(extension) = resource_type.extension(name) {
            known.push(extension.id);
        } else if !quirks::ignored_schema(resource_type, name) {
            return Err(syntax(format!(
                "the schema {} is not one of a {}",
                quoted(name),
                resource_type.name
            )));
        }
    }
    if known.contains(&resource_type.schema.id) {
        Ok(known)
    } else {
        Err(syntax(format!("schemas must name {}", resource_type.schema.id)))
    }
}

fn syntax(detail: String) -> Error {
    Error::new(Cause::InvalidSyntax, detail)
}

/// The refusal of a name that the type does not have.
pub(crate) fn unknown(resource_type: &ResourceType, name: &str) -> Error {
    if name.eq_ignore_ascii_case("password") {
        return syntax(
            "passwords are not taken here; leave password out, or have an administrator switch them on"
                .into(),
        );
    }
    syntax(format!("a {} has no attribute {}", resource_type.name, quoted(name)))
}

#[cfg(test)]
mod tests;
