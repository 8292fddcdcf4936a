//! Values that clients send, brought into the form in which resources keep them.

use std::collections::{HashMap, hash_map::Entry};

use serde_json::{Map, Value};

use super::{
    Attribute, Cause, Error,
    attribute::{Kind, Mutability},
    error::quoted,
    filter::{evaluate::is_present, moment},
    limits, quirks,
};

/// A value of this attribute; `None` where there is none: `null`, an empty list, an object of nothing (RFC 7643
/// §2.5). Names get the model's case, and what only the server writes is left out.
pub(crate) fn canonical(attribute: &Attribute, value: &Value) -> Result<Option<Value>, Error> {
    if !attribute.multi_valued {
        return one(attribute, value);
    }
    match value {
        Value::Null => Ok(None),
        Value::Array(list) => {
            let list = elements(attribute, list)?;
            Ok(if list.is_empty() { None } else { Some(Value::Array(list)) })
        }
        _ => Err(wrong(attribute, "a list is expected")),
    }
}

/// Elements of a list, each once; at most one of them is the primary one.
pub(crate) fn elements(attribute: &Attribute, list: &[Value]) -> Result<Vec<Value>, Error> {
    if attribute.element_key.is_none() && list.len() > limits::LIST_ELEMENTS {
        return Err(wrong(attribute, "the list is too long"));
    }
    let mut out: Vec<Value> = Vec::new();
    let mut places = HashMap::new();
    for value in list {
        let element = one(attribute, value)?.ok_or_else(|| wrong(attribute, "an element is empty"))?;
        match places.entry(identity(attribute, &element)) {
            Entry::Vacant(place) => {
                place.insert(out.len());
                out.push(element);
            }
            Entry::Occupied(place) if out.get(*place.get()) == Some(&element) => {}
            Entry::Occupied(_) => {
                return Err(wrong(attribute, "two elements say different things of the same"));
            }
        }
    }
    if out.iter().filter(|element| is_primary(element)).count() > 1 {
        return Err(wrong(attribute, "only one element can be the primary one"));
    }
    Ok(out)
}

/// What makes an element of a list the same as another: the sub-attribute that says so, else all of it.
pub(crate) fn identity(attribute: &Attribute, element: &Value) -> String {
    let key = attribute.element_key.and_then(|key| attribute.sub_attribute(key));
    match key.and_then(|key| Some((key, element.get(key.name)?.as_str()?))) {
        Some((key, text)) if key.case_exact => text.to_owned(),
        Some((_, text)) => text.to_lowercase(),
        None => element.to_string(),
    }
}

/// Whether this element is the preferred one.
pub(crate) fn is_primary(element: &Value) -> bool {
    element.get("primary") == Some(&Value::Bool(true))
}

/// One value, or one element of a list.
pub(crate) fn one(attribute: &Attribute, value: &Value) -> Result<Option<Value>, Error> {
    if value.is_null() {
        return Ok(None);
    }
    match attribute.kind {
        Kind::String | Kind::Reference => text(attribute, value).map(|text| Some(text.into())),
        Kind::Boolean => {
            let boolean = value.as_bool().or_else(|| quirks::boolean_text(value.as_str()?));
            boolean
                .map(|boolean| Some(boolean.into()))
                .ok_or_else(|| wrong(attribute, "true or false is expected"))
        }
        Kind::Integer if value.is_i64() => Ok(Some(value.clone())),
        Kind::Integer => Err(wrong(attribute, "a whole number is expected")),
        Kind::DateTime => match text(attribute, value)? {
            text if moment(text).is_some() => Ok(Some(text.into())),
            _ => Err(wrong(attribute, "a moment such as 2026-01-23T04:56:22Z is expected")),
        },
        Kind::Complex => match value {
            Value::Object(object) => complex(attribute, object),
            Value::String(text) => match quirks::complex_text(attribute, text) {
                Some(object) => complex(attribute, &object),
                None => Err(wrong(attribute, "an object is expected")),
            },
            Value::Array(list) => match quirks::only_element(attribute, list) {
                Some(object) => complex(attribute, object),
                None => Err(wrong(attribute, "an object is expected")),
            },
            _ => Err(wrong(attribute, "an object is expected")),
        },
    }
}

fn text<'a>(attribute: &Attribute, value: &'a Value) -> Result<&'a str, Error> {
    let text = value.as_str().ok_or_else(|| wrong(attribute, "a text is expected"))?;
    if text.contains('\0') {
        return Err(wrong(attribute, "a text cannot hold the character U+0000"));
    }
    if text.chars().count() > limits::TEXT_CHARACTERS {
        return Err(wrong(attribute, "the text is too long"));
    }
    Ok(text)
}

fn complex(attribute: &Attribute, object: &Map<String, Value>) -> Result<Option<Value>, Error> {
    if let Some(name) = object.keys().find(|name| attribute.sub_attribute(name).is_none()) {
        let detail = format!("{} has no sub-attribute {}", attribute.name, quoted(name));
        return Err(Error::new(Cause::InvalidSyntax, detail));
    }
    let mut out = Map::new();
    for sub in &attribute.sub_attributes {
        // What only the server writes is ignored in bodies (RFC 7644 §3.3), so also in parts of bodies.
        if sub.mutability == Mutability::ReadOnly {
            continue;
        }
        let given = object.iter().find(|(name, _)| name.eq_ignore_ascii_case(sub.name));
        if let Some(value) = given.map(|(_, value)| canonical(sub, value)).transpose()?.flatten() {
            out.insert(sub.name.to_owned(), value);
        }
    }
    if out.is_empty() {
        return Ok(None);
    }
    match attribute.sub_attributes.iter().find(|sub| sub.required && !out.contains_key(sub.name)) {
        Some(sub) => Err(wrong(attribute, &format!("{} is missing", sub.name))),
        None => Ok(Some(Value::Object(out))),
    }
}

/// Refuses a value without repeating it.
pub(crate) fn wrong(attribute: &Attribute, what: &str) -> Error {
    Error::new(Cause::InvalidValue, format!("{} cannot be set: {what}", attribute.name))
}

/// The first required attribute without a value.
pub(crate) fn first_missing<'a>(
    attributes: impl Iterator<Item = &'a Attribute>,
    resource: &Map<String, Value>,
) -> Option<&'a Attribute> {
    attributes
        .filter(|attribute| attribute.required)
        .find(|attribute| !resource.get(attribute.name).is_some_and(is_present))
}

/// Brings a new list into the order of the one before, and gives elements back what only the server writes of them.
/// So the same elements in another order are no change.
pub(crate) fn keep_elements(attribute: &Attribute, before: &Value, after: Option<&mut Value>) {
    let (Some(before), Some(Value::Array(after))) = (before.as_array(), after) else { return };
    let place: HashMap<String, usize> =
        before.iter().enumerate().map(|(place, old)| (identity(attribute, old), place)).collect();
    for new in after.iter_mut() {
        if let Some(old) = place.get(&identity(attribute, new)).and_then(|place| before.get(*place)) {
            fill_in(attribute, old, new);
        }
    }
    after.sort_by_cached_key(|new| place.get(&identity(attribute, new)).copied().unwrap_or(usize::MAX));
}

/// Gives an element what it does not say and cannot change.
fn fill_in(attribute: &Attribute, old: &Value, new: &mut Value) {
    let (Some(old), Some(new)) = (old.as_object(), new.as_object_mut()) else { return };
    for sub in &attribute.sub_attributes {
        let fixed = matches!(sub.mutability, Mutability::ReadOnly | Mutability::Immutable);
        if let (true, Some(value)) = (fixed, old.get(sub.name)) {
            new.entry(sub.name).or_insert_with(|| value.clone());
        }
    }
}
