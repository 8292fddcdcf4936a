//! Whether a resource is meant by a filter.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::{Filter, Order, Test, TextOperator, moment};

impl Filter {
    /// Whether this resource, or this element of a list, is meant.
    #[must_use]
    pub fn matches(&self, resource: &Map<String, Value>) -> bool {
        match self {
            Self::Present(place) => place.values_in(resource).into_iter().any(is_present),
            Self::Compare(place, test) => {
                place.values_in(resource).into_iter().any(|value| test.holds_for(value))
            }
            Self::Element(place, within) => place
                .values_in(resource)
                .into_iter()
                .any(|element| element.as_object().is_some_and(|element| within.matches(element))),
            Self::Not(inner) => !inner.matches(resource),
            Self::All(parts) => parts.iter().all(|part| part.matches(resource)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(resource)),
        }
    }
}

/// "a non-empty or non-null value, or … a non-empty node for complex attributes" (RFC 7644 §3.4.2.2).
pub(crate) fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => list.iter().any(is_present),
        Value::Object(object) => object.values().any(is_present),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

impl Test {
    fn holds_for(&self, value: &Value) -> bool {
        match self {
            Self::Text { operator, value: wanted, case_exact } => value.as_str().is_some_and(|text| {
                if *case_exact {
                    operator.holds(text, wanted)
                } else {
                    operator.holds(&text.to_lowercase(), &wanted.to_lowercase())
                }
            }),
            Self::Boolean(wanted) => value.as_bool() == Some(*wanted),
            Self::Number(order, wanted) => value
                .as_f64()
                .and_then(|number| number.partial_cmp(wanted))
                .is_some_and(|ordering| order.holds(ordering)),
            Self::Moment(order, wanted) => {
                value.as_str().and_then(moment).is_some_and(|moment| order.holds(moment.cmp(wanted)))
            }
        }
    }
}

impl TextOperator {
    fn holds(self, text: &str, wanted: &str) -> bool {
        match self {
            Self::Order(order) => order.holds(text.cmp(wanted)),
            Self::Contains => text.contains(wanted),
            Self::StartsWith => text.starts_with(wanted),
            Self::EndsWith => text.ends_with(wanted),
        }
    }
}

impl Order {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
        }
    }
}
