//! What stands in a cell.

use jiff::Timestamp;
use serde::Serialize;

/// A time, or nothing.
#[must_use]
pub fn time(time: Option<Timestamp>) -> String {
    time.map(|time| time.to_string()).unwrap_or_default()
}

/// Something that may be absent.
pub fn text<T: ToString>(value: Option<&T>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

/// The word that JSON has for a value of a closed list.
pub fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(serde_json::Value::Null) | Err(_) => String::new(),
        Ok(other) => other.to_string(),
    }
}

/// A list in one cell.
pub fn joined<T>(items: impl IntoIterator<Item = T>, of: impl Fn(T) -> String) -> String {
    items.into_iter().map(of).collect::<Vec<_>>().join(";")
}

/// A list in one cell, in the words that tables have: what was read and is empty is not what was not read.
pub(super) fn told<L: IntoIterator<IntoIter: ExactSizeIterator>>(
    list: Option<L>,
    of: impl Fn(L::Item) -> String,
) -> String {
    match list.map(IntoIterator::into_iter) {
        None => unknown(),
        Some(items) if items.len() == 0 => "none".to_owned(),
        Some(items) => joined(items, of),
    }
}

pub(super) fn unknown() -> String {
    "unknown".to_owned()
}
