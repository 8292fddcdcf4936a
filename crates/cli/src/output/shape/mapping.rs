//! Task mappings.

use jiff::Timestamp;
use keyreeve_model::{MappingRow, TaskMapping};
use keyreeve_store::StoredMapping;
use serde::Serialize;

use super::{Columns, Shape, joined, text, time};
use crate::output::Narrow;

/// A task mapping with who set it.
#[derive(Debug, Serialize)]
pub(crate) struct MappingView {
    #[serde(flatten)]
    mapping: TaskMapping,
    /// Whether nobody has set it.
    default: bool,
    updated_by: Option<String>,
    updated_at: Option<Timestamp>,
}

impl From<StoredMapping> for MappingView {
    fn from(stored: StoredMapping) -> Self {
        let (updated_by, updated_at) = stored.set.unzip();
        Self { mapping: stored.mapping, default: updated_at.is_none(), updated_by, updated_at }
    }
}

/// A list of task mappings.
pub(crate) const MAPPINGS: Shape<MappingView> = Shape {
    table: &[
        ("name", |view| view.mapping.name.to_string()),
        ("main_calls", |view| main(view).replace(';', ", ")),
        ("rows", |view| view.mapping.rows.len().to_string()),
        ("custom_actions", |view| view.mapping.custom_actions.len().to_string()),
        ("set_by", |view| view.updated_by.clone().unwrap_or_else(|| "default".to_owned())),
    ],
    narrow: Narrow::Shorten,
    csv: Columns::Texts(&[
        ("name", |view| view.mapping.name.to_string()),
        ("main", main),
        ("rows", |view| joined(&view.mapping.rows, row)),
        ("custom_actions", |view| {
            joined(&view.mapping.custom_actions, |action| {
                format!("{} {} {}", action.when.as_str(), action.task.as_str(), action.operation)
            })
        }),
        ("default", |view| view.default.to_string()),
        ("updated_by", |view| text(view.updated_by.as_ref())),
        ("updated_at", |view| time(view.updated_at)),
    ]),
};

fn main(view: &MappingView) -> String {
    joined(&view.mapping.main, |(task, operation)| format!("{}={operation}", task.as_str()))
}

fn row(row: &MappingRow) -> String {
    format!("{}={} {}", row.property, row.operator.as_str(), row.source)
}

/// One line of a mapping: a main call, a row, or a custom action with one of its rows.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    part: &'static str,
    task: String,
    when: String,
    operation: String,
    row: Option<MappingRow>,
}

/// The lines of a mapping.
pub(crate) const LINES: Shape<Line> = Shape {
    table: &[
        ("part", |line| line.part.replace('_', " ")),
        ("task", |line| line.task.clone()),
        ("when", |line| line.when.clone()),
        ("operation", |line| line.operation.clone()),
        ("property", |line| of_row(line, |row| row.property.to_string())),
        ("operator", |line| of_row(line, |row| row.operator.as_str().to_owned())),
        ("source", |line| of_row(line, |row| row.source.clone())),
    ],
    narrow: Narrow::Wrap { sentences: 1 },
    csv: Columns::Texts(&[
        ("part", |line| line.part.to_owned()),
        ("task", |line| line.task.clone()),
        ("when", |line| line.when.clone()),
        ("operation", |line| line.operation.clone()),
        ("property", |line| of_row(line, |row| row.property.to_string())),
        ("operator", |line| of_row(line, |row| row.operator.as_str().to_owned())),
        ("source", |line| of_row(line, |row| row.source.clone())),
        ("unique", |line| of_row(line, |row| row.is_unique().to_string())),
    ]),
};

fn of_row(line: &Line, cell: impl Fn(&MappingRow) -> String) -> String {
    line.row.as_ref().map(cell).unwrap_or_default()
}

/// A mapping line by line.
pub(crate) fn lines_of(mapping: &TaskMapping) -> Vec<Line> {
    let mut lines: Vec<Line> = mapping
        .main
        .iter()
        .map(|(task, operation)| Line {
            part: "main_call",
            task: task.as_str().to_owned(),
            when: String::new(),
            operation: operation.to_string(),
            row: None,
        })
        .collect();
    lines.extend(mapping.rows.iter().map(|row| Line {
        part: "row",
        task: String::new(),
        when: String::new(),
        operation: String::new(),
        row: Some(row.clone()),
    }));
    for action in &mapping.custom_actions {
        let line = |row| Line {
            part: "custom_action",
            task: action.task.as_str().to_owned(),
            when: action.when.as_str().to_owned(),
            operation: action.operation.to_string(),
            row,
        };
        match action.rows.is_empty() {
            true => lines.push(line(None)),
            false => lines.extend(action.rows.iter().cloned().map(|row| line(Some(row)))),
        }
    }
    lines
}
