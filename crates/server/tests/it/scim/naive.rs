//! A filter as `scim_v2` reads it, evaluated in the most obvious way. It shares nothing with our own.

use jiff::Timestamp;
use scim_v2::filter::{AttrExp, AttrPath, CompValue, CompareOp, Filter, ValFilter};
use serde_json::Value;

/// The attributes whose case counts.
const EXACT: &[&str] = &["externalid", "id", "path", "tags.value"];

/// Whether a resource is meant.
pub(crate) fn matches(filter: &Filter, resource: &Value) -> bool {
    match filter {
        Filter::Attr(expression) => holds(expression, resource, ""),
        Filter::ValuePath(path) => {
            at(&path.attr, resource).iter().any(|element| within(&path.filter, element, &path.attr.name))
        }
        Filter::Not(inner) => !matches(inner, resource),
        Filter::And(parts) => parts.iter().all(|part| matches(part, resource)),
        Filter::Or(parts) => parts.iter().any(|part| matches(part, resource)),
    }
}

fn within(filter: &ValFilter, element: &Value, list: &str) -> bool {
    match filter {
        ValFilter::Attr(expression) => holds(expression, element, list),
        ValFilter::Not(inner) => !within(inner, element, list),
        ValFilter::And(parts) => parts.iter().all(|part| within(part, element, list)),
        ValFilter::Or(parts) => parts.iter().any(|part| within(part, element, list)),
    }
}

fn holds(expression: &AttrExp, object: &Value, list: &str) -> bool {
    let present = |path| at(path, object).iter().any(|value| *value != Value::String(String::new()));
    match expression {
        AttrExp::Present(path) => present(path),
        AttrExp::Comparison(path, CompareOp::Eq, CompValue::Null) => !present(path),
        AttrExp::Comparison(path, CompareOp::Ne, CompValue::Null) => present(path),
        AttrExp::Comparison(path, CompareOp::Ne, wanted) => !at(path, object)
            .iter()
            .any(|value| compare(&exactness(path, list), value, CompareOp::Eq, wanted)),
        AttrExp::Comparison(path, operator, wanted) => at(path, object)
            .iter()
            .any(|value| compare(&exactness(path, list), value, operator.clone(), wanted)),
    }
}

fn exactness(path: &AttrPath, list: &str) -> String {
    let names = [Some(list).filter(|list| !list.is_empty()), Some(&path.name), path.sub_attr.as_deref()];
    names.into_iter().flatten().collect::<Vec<_>>().join(".").to_lowercase()
}

fn compare(name: &str, value: &Value, operator: CompareOp, wanted: &CompValue) -> bool {
    let fold = |text: &str| if EXACT.contains(&name) { text.to_owned() } else { text.to_lowercase() };
    match (value, wanted) {
        (Value::Bool(value), CompValue::True) => *value,
        (Value::Bool(value), CompValue::False) => !value,
        (Value::String(value), CompValue::Str(wanted)) if name.starts_with("meta.") => {
            let (value, wanted): (Timestamp, Timestamp) = (value.parse().unwrap(), wanted.parse().unwrap());
            ordered(&value, operator, &wanted)
        }
        (Value::String(value), CompValue::Str(wanted)) => {
            let (value, wanted) = (fold(value), fold(wanted));
            match operator {
                CompareOp::Co => value.contains(&wanted),
                CompareOp::Sw => value.starts_with(&wanted),
                CompareOp::Ew => value.ends_with(&wanted),
                order => ordered(&value, order, &wanted),
            }
        }
        _ => false,
    }
}

fn ordered<T: Ord>(value: &T, operator: CompareOp, wanted: &T) -> bool {
    match operator {
        CompareOp::Eq => value == wanted,
        CompareOp::Gt => value > wanted,
        CompareOp::Ge => value >= wanted,
        CompareOp::Lt => value < wanted,
        CompareOp::Le => value <= wanted,
        other => panic!("{other:?} is no order"),
    }
}

/// The values at a path; a list of objects stands for their `value`s only where it is compared, which is not here.
fn at(path: &AttrPath, object: &Value) -> Vec<Value> {
    let mut here = vec![object.clone()];
    let extension =
        path.uri.as_ref().map(ToString::to_string).filter(|uri| !uri.to_lowercase().contains(":core:"));
    for name in extension.iter().chain([&path.name]).chain(&path.sub_attr) {
        here = here
            .iter()
            .filter_map(Value::as_object)
            .flat_map(|object| object.iter())
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .flat_map(|(_, value)| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]))
            .collect();
    }
    here
}
