//! A table as it is shown, with the filters above it and the ways to its other pages below.

use askama::Template;

use super::{Choices, Column};
use crate::console::numbers::grouped;
use crate::console::parts::{Cell, Empty, drawn};

/// The head of a column.
#[derive(Debug, Clone)]
pub(crate) struct ColumnHead {
    pub(super) label: &'static str,
    pub(super) number: bool,
    /// The address at which it is sorted by this.
    pub(super) sort: Option<String>,
    /// `ascending` or `descending`, if it is.
    pub(super) sorted: Option<&'static str>,
}

impl From<Column> for ColumnHead {
    fn from(column: Column) -> Self {
        Self { label: column.label, number: column.number, sort: None, sorted: None }
    }
}

/// The filters above a table.
#[derive(Debug, Clone)]
pub(super) struct Controls {
    pub(super) action: String,
    pub(super) filters: Vec<ShownFilter>,
    pub(super) kept: Vec<(&'static str, String)>,
}

#[derive(Debug, Clone)]
pub(super) struct ShownFilter {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) value: String,
    pub(super) choices: &'static Choices,
    /// How many there are of each choice, where that is known.
    pub(super) counts: Vec<(String, u64)>,
    /// Where what can be written there is looked up as one types.
    pub(super) proposes: Option<String>,
    /// What is wrong with it.
    pub(super) error: Option<String>,
}

impl ShownFilter {
    /// For templates: how many there are of a choice.
    /// Whether one of the choices is what there is when nothing is chosen.
    fn names_none(&self) -> bool {
        self.choices.iter().any(|(value, _)| value.is_empty())
    }

    fn number(&self, value: &str) -> String {
        let known = self.counts.iter().find(|(of, _)| of == value);
        known.map(|(_, number)| format!(" ({})", grouped(*number))).unwrap_or_default()
    }
}

/// What stands below a table.
#[derive(Debug, Clone)]
pub(super) struct Below {
    pub(super) first: Option<String>,
    pub(super) previous: Option<String>,
    pub(super) next: Option<String>,
    pub(super) sizes: Vec<Size>,
    pub(super) file: String,
}

#[derive(Debug, Clone)]
pub(super) struct Size {
    pub(super) text: String,
    /// `None` for the one that it has.
    pub(super) address: Option<String>,
}

/// A table.
#[derive(Debug, Clone, Template)]
#[template(path = "console/part/table.html")]
pub(crate) struct Table {
    /// What it is a table of, for who does not see it.
    pub(super) caption: String,
    pub(super) head: Vec<ColumnHead>,
    pub(super) rows: Vec<Vec<Cell>>,
    /// What stands there when there is no row.
    pub(super) empty: Empty,
    pub(super) controls: Option<Controls>,
    /// As of when it is, and the address at which it is as of now.
    pub(super) past: Option<(String, String)>,
    /// How many rows there are, in words; said once more when they are renewed.
    pub(super) told: String,
    pub(super) below: Option<Below>,
}

impl Table {
    /// A table of a few rows that are all there are.
    pub(crate) fn whole(caption: &str, columns: &[Column], rows: Vec<Vec<Cell>>, empty: Empty) -> Self {
        Self {
            caption: caption.to_owned(),
            head: columns.iter().map(|column| ColumnHead::from(*column)).collect(),
            rows,
            empty,
            controls: None,
            past: None,
            told: String::new(),
            below: None,
        }
    }

    /// The same, with one more sentence about what is in it.
    #[must_use]
    pub(crate) fn telling(mut self, more: &str) -> Self {
        self.told = format!("{} {more}", self.told);
        self
    }
}

drawn!(Table);
