//! The order of a list (RFC 7644 §3.4.2.3).

use std::cmp::Ordering;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    Attribute, Cause, Error, ResourceType,
    attribute::{Kind, Returned},
    error::quoted,
    filter::{evaluate::is_present, moment},
    page::Cursor,
    path::{self, Place},
    value::is_primary,
};

/// By what a list is sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    place: Place,
    kind: Kind,
    case_exact: bool,
    descending: bool,
}

/// What a resource is sorted by.
#[derive(Debug, Clone, PartialEq)]
pub enum SortKey {
    /// A text; folded where case does not count.
    Text(Arc<str>),
    /// `false` before `true`.
    Boolean(bool),
    /// A whole number.
    Number(i64),
    /// A moment.
    Moment(Timestamp),
    /// There is no value: last, or first in descending order.
    Missing,
}

impl Sort {
    /// Reads `sortBy` and `sortOrder`.
    ///
    /// # Errors
    /// `invalidFilter` for what does not exist and for what nobody may read, in the same words; `invalidValue` for
    /// another order than `ascending` and `descending`.
    pub fn parse(resource_type: &ResourceType, by: &str, order: Option<&str>) -> Result<Self, Error> {
        let descending = match order {
            None => false,
            Some(order) if order.eq_ignore_ascii_case("ascending") => false,
            Some(order) if order.eq_ignore_ascii_case("descending") => true,
            Some(_) => {
                return Err(Error::new(Cause::InvalidValue, "sortOrder must be ascending or descending"));
            }
        };
        let unknown =
            || Error::new(Cause::InvalidFilter, format!("there is no attribute {} to sort by", quoted(by)));
        let named = path::find(resource_type, by)
            .filter(|named| named.attribute.returned != Returned::Never)
            .ok_or_else(unknown)?;
        let mut place = named.place;
        let mut leaf: &Attribute = named.leaf();
        if leaf.kind == Kind::Complex {
            // "the primary or first value" of a list; of other objects a sub-attribute must be named.
            leaf = leaf.sub_attribute("value").filter(|_| leaf.multi_valued).ok_or_else(|| {
                Error::new(Cause::InvalidFilter, format!("{} is an object; name a sub-attribute", quoted(by)))
            })?;
            place.sub_attribute = Some(leaf.name);
        }
        Ok(Self { place, kind: leaf.kind, case_exact: leaf.case_exact, descending })
    }

    /// The attribute, for a store that sorts by itself.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// Whether the last comes first.
    #[must_use]
    pub fn is_descending(&self) -> bool {
        self.descending
    }

    /// What this resource is sorted by: of a list, the primary element, else the first.
    #[must_use]
    pub fn key(&self, resource: &Map<String, Value>) -> SortKey {
        let value = match self.place.attribute_in(resource) {
            Some(Value::Array(list)) => {
                list.iter().find(|element| is_primary(element)).or_else(|| list.first())
            }
            other => other,
        };
        let value = match self.place.sub_attribute {
            Some(sub) => value.and_then(|value| value.get(sub)),
            None => value,
        };
        let Some(value) = value.filter(|value| is_present(value)) else { return SortKey::Missing };
        let key = match (self.kind, value) {
            (Kind::Boolean, Value::Bool(value)) => Some(SortKey::Boolean(*value)),
            (Kind::Integer, Value::Number(number)) => number.as_i64().map(SortKey::Number),
            (Kind::DateTime, Value::String(text)) => moment(text).map(SortKey::Moment),
            (_, Value::String(text)) if self.case_exact => Some(SortKey::Text(text.as_str().into())),
            (_, Value::String(text)) => Some(SortKey::Text(text.to_lowercase().into())),
            _ => None,
        };
        key.unwrap_or(SortKey::Missing)
    }

    /// Where a page that ends with this resource ends.
    #[must_use]
    pub fn cursor_at(&self, resource: &Map<String, Value>) -> Cursor {
        Cursor { key: self.key(resource), id: id(resource).to_owned() }
    }

    /// Whether a resource comes on a later page.
    #[must_use]
    pub fn is_after(&self, resource: &Map<String, Value>, cursor: &Cursor) -> bool {
        self.order((&self.key(resource), id(resource)), (&cursor.key, &cursor.id)).is_gt()
    }

    /// Which of two resources comes first, each by what it is sorted by and its id.
    #[must_use]
    pub fn order(&self, one: (&SortKey, &str), other: (&SortKey, &str)) -> Ordering {
        let ordering = one.0.compare(other.0);
        let ordering = if self.descending { ordering.reverse() } else { ordering };
        ordering.then_with(|| one.1.cmp(other.1))
    }

    /// Puts resources in order; those that are equal, by their id, so that pages fit together.
    pub fn sort(&self, resources: &mut [Map<String, Value>]) {
        let mut keyed: Vec<_> = resources
            .iter_mut()
            .map(|resource| (self.key(resource), id(resource).to_owned(), std::mem::take(resource)))
            .collect();
        keyed.sort_by(|(one, one_id, _), (other, other_id, _)| self.order((one, one_id), (other, other_id)));
        for (slot, (_, _, resource)) in resources.iter_mut().zip(keyed) {
            *slot = resource;
        }
    }
}

fn id(resource: &Map<String, Value>) -> &str {
    resource.get("id").and_then(Value::as_str).unwrap_or_default()
}

impl SortKey {
    /// Which comes first in ascending order.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            (Self::Boolean(one), Self::Boolean(other)) => one.cmp(other),
            (Self::Number(one), Self::Number(other)) => one.cmp(other),
            (Self::Moment(one), Self::Moment(other)) => one.cmp(other),
            (one, other) => one.rank().cmp(&other.rank()),
        }
    }

    /// For a cursor.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => json!({ "text": &**text }),
            Self::Boolean(boolean) => json!({ "boolean": boolean }),
            Self::Number(number) => json!({ "number": number }),
            Self::Moment(moment) => json!({ "moment": moment.to_string() }),
            Self::Missing => Value::Null,
        }
    }

    /// From a cursor.
    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        if value.is_null() {
            return Some(Self::Missing);
        }
        let (name, value) = value.as_object().and_then(|object| object.iter().next())?;
        match name.as_str() {
            "text" => Some(Self::Text(value.as_str()?.into())),
            "boolean" => Some(Self::Boolean(value.as_bool()?)),
            "number" => Some(Self::Number(value.as_i64()?)),
            "moment" => Some(Self::Moment(value.as_str()?.parse().ok()?)),
            _ => None,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Text(_) => 0,
            Self::Boolean(_) => 1,
            Self::Number(_) => 2,
            Self::Moment(_) => 3,
            Self::Missing => 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::{Model, Switches};

    fn model() -> Model {
        Model::new(Switches { password: true, entitlements: false })
    }

    fn sorted(by: &str, order: Option<&str>) -> Vec<String> {
        let people = json!([
            {"id": "1", "userName": "bob", "externalId": "b", "active": true, "meta": {"created": "2026-01-01T01:00:00+02:00"}},
            {"id": "2", "userName": "Ada", "externalId": "B", "active": false, "meta": {"created": "2026-01-01T00:00:00Z"},
             "emails": [{"value": "z@x"}, {"value": "a@x", "primary": true}]},
            {"id": "4", "userName": "cy", "externalId": "a", "emails": [{"value": "m@x"}, {"value": "b@x"}]},
            {"id": "3", "userName": "CY", "title": ""},
        ]);
        let mut people: Vec<Map<String, Value>> =
            people.as_array().unwrap().iter().map(|person| person.as_object().unwrap().clone()).collect();
        Sort::parse(&model().user, by, order).unwrap().sort(&mut people);
        people.iter().map(|person| person["id"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn resources_are_put_in_order() {
        for (by, order, expected) in [
            ("userName", None, ["2", "1", "3", "4"]),
            ("USERNAME", Some("descending"), ["3", "4", "1", "2"]),
            ("externalId", Some("Ascending"), ["2", "4", "1", "3"]),
            ("externalId", Some("descending"), ["3", "1", "4", "2"]),
            ("emails", None, ["2", "4", "1", "3"]),
            ("emails.value", None, ["2", "4", "1", "3"]),
            ("active", None, ["2", "1", "3", "4"]),
            ("meta.created", None, ["1", "2", "3", "4"]),
            ("title", None, ["1", "2", "3", "4"]),
            ("urn:keyreeve:params:scim:schemas:extension:aws:2.0:User:path", None, ["1", "2", "3", "4"]),
        ] {
            assert_eq!(sorted(by, order), expected, "{by} {order:?}");
        }
    }

    /// S12: sorting by a secret would order people by it.
    #[test]
    fn s12_secrets_are_as_unknown_as_what_does_not_exist() {
        let refusal = |by: &str| Sort::parse(&model().user, by, None).unwrap_err();
        for by in ["password", "passw0rd", "name", "meta", "", "emails[type eq \"x\"]", "roles"] {
            assert_eq!(refusal(by).cause, Cause::InvalidFilter, "{by}");
        }
        assert_eq!(refusal("password").detail.replace("password", "passw0rd"), refusal("passw0rd").detail);
        let order = Sort::parse(&model().user, "userName", Some("random")).unwrap_err();
        assert_eq!(order.cause, Cause::InvalidValue);
    }
}
