//! A column of an export: one definition for all formats. CSV shows texts, Parquet holds what they stand for.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value as Json;

use super::cells::time;
use super::csv::Column;

/// A column: its name, what stands in it, and how CSV shows that where it says more than the value.
///
/// A dot in a name leads into an object, as in JSON: `login_profile.state`.
pub struct Field<T> {
    pub(super) name: &'static str,
    pub(super) value: Value<T>,
    told: Option<fn(&T) -> String>,
}

/// What stands in a column. What is not known, or not there, is no value.
pub(super) enum Value<T> {
    /// A text that is always there.
    Text(fn(&T) -> String),
    /// A text.
    Maybe(fn(&T) -> Option<String>),
    /// A whole number.
    Whole(fn(&T) -> Option<i64>),
    /// True or false.
    Truth(fn(&T) -> Option<bool>),
    /// A moment.
    Time(fn(&T) -> Option<Timestamp>),
    /// A list, or an object, as JSON.
    Json(fn(&T) -> Option<Json>),
}

/// A text that is always there.
pub(super) const fn text<T>(name: &'static str, of: fn(&T) -> String) -> Field<T> {
    Field { name, value: Value::Text(of), told: None }
}

/// A text.
pub(super) const fn maybe<T>(name: &'static str, of: fn(&T) -> Option<String>) -> Field<T> {
    Field { name, value: Value::Maybe(of), told: None }
}

/// A whole number.
pub(super) const fn whole<T>(name: &'static str, of: fn(&T) -> Option<i64>) -> Field<T> {
    Field { name, value: Value::Whole(of), told: None }
}

/// True or false.
pub(super) const fn truth<T>(name: &'static str, of: fn(&T) -> Option<bool>) -> Field<T> {
    Field { name, value: Value::Truth(of), told: None }
}

/// A moment.
pub(super) const fn moment<T>(name: &'static str, of: fn(&T) -> Option<Timestamp>) -> Field<T> {
    Field { name, value: Value::Time(of), told: None }
}

/// A list or an object.
pub(super) const fn json<T>(name: &'static str, of: fn(&T) -> Option<Json>) -> Field<T> {
    Field { name, value: Value::Json(of), told: None }
}

/// A list or an object, which CSV says in words of its own.
pub(super) const fn json_told<T>(
    name: &'static str,
    of: fn(&T) -> Option<Json>,
    told: fn(&T) -> String,
) -> Field<T> {
    Field { name, value: Value::Json(of), told: Some(told) }
}

/// True or false, which CSV says in words of its own.
pub(super) const fn truth_told<T>(
    name: &'static str,
    of: fn(&T) -> Option<bool>,
    told: fn(&T) -> String,
) -> Field<T> {
    Field { name, value: Value::Truth(of), told: Some(told) }
}

impl<T> Field<T> {
    /// What CSV shows.
    fn shown(&self, item: &T) -> String {
        if let Some(told) = self.told {
            return told(item);
        }
        match self.value {
            Value::Text(of) => of(item),
            Value::Maybe(of) => of(item).unwrap_or_default(),
            Value::Whole(of) => super::text(of(item).as_ref()),
            Value::Truth(of) => super::text(of(item).as_ref()),
            Value::Time(of) => time(of(item)),
            Value::Json(of) => super::text(of(item).as_ref()),
        }
    }
}

/// Something in the words of the contract; nothing where that is `null`.
pub(super) fn as_json<V: Serialize>(value: &V) -> Option<Json> {
    serde_json::to_value(value).ok().filter(|json| !json.is_null())
}

/// The columns of a document in CSV: texts alone, or those of an export.
pub enum Columns<T: 'static> {
    /// Texts.
    Texts(&'static [Column<T>]),
    /// Those of an export.
    Fields(&'static [Field<T>]),
}

impl<T> Columns<T> {
    pub(super) fn names(&self) -> Vec<String> {
        match self {
            Self::Texts(columns) => columns.iter().map(|column| column.0.to_owned()).collect(),
            Self::Fields(fields) => fields.iter().map(|field| field.name.to_owned()).collect(),
        }
    }

    pub(super) fn cells(&self, item: &T) -> Vec<String> {
        match self {
            Self::Texts(columns) => columns.iter().map(|column| (column.1)(item)).collect(),
            Self::Fields(fields) => fields.iter().map(|field| field.shown(item)).collect(),
        }
    }
}

impl<T> Clone for Columns<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Columns<T> {}

impl<T> From<&'static [Column<T>]> for Columns<T> {
    fn from(columns: &'static [Column<T>]) -> Self {
        Self::Texts(columns)
    }
}

impl<T> From<&'static [Field<T>]> for Columns<T> {
    fn from(fields: &'static [Field<T>]) -> Self {
        Self::Fields(fields)
    }
}
