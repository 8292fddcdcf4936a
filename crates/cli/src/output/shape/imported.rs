//! What an import of many systems came to, one row for each.

use keyreeve_engine::export::compared;
use keyreeve_model::{ImportRun, System};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::run::counts;
use super::{Columns, Shape, text};
use crate::output::Narrow;

/// One system, and what became of its import. In JSON it is the import run, where there is one, with more fields.
pub(crate) struct Imported {
    pub(crate) system: System,
    /// The run's state, or why there is none: `failed`, `quarantined`, `suspended`, `not_imported`.
    pub(crate) state: &'static str,
    pub(crate) run: Option<ImportRun>,
    /// How long it took.
    pub(crate) seconds: f64,
    /// Why it is not published.
    pub(crate) reason: Option<String>,
}

impl Serialize for Imported {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let run = self.run.as_ref().map(serde_json::to_value).transpose();
        let mut fields = match run.map_err(serde::ser::Error::custom)? {
            Some(Value::Object(fields)) => fields,
            _ => Map::from_iter([
                ("id".to_owned(), Value::Null),
                ("changes".to_owned(), Value::Null),
                ("aws_calls".to_owned(), json!(0)),
            ]),
        };
        let seconds = (self.seconds * 1000.0).round() / 1000.0;
        fields.extend([
            ("system_id".to_owned(), json!(self.system.system_id)),
            ("system_name".to_owned(), json!(self.system.name)),
            ("aws_account_id".to_owned(), json!(self.system.aws_account_id)),
            ("state".to_owned(), json!(self.state)),
            ("seconds".to_owned(), json!(seconds)),
            ("reason".to_owned(), json!(self.reason)),
        ]);
        fields.serialize(serializer)
    }
}

fn of_run(one: &Imported, of: fn(&ImportRun) -> String, otherwise: &str) -> String {
    one.run.as_ref().map_or_else(|| otherwise.to_owned(), of)
}

/// A list of systems that were imported together.
pub(crate) const IMPORTED: Shape<Imported> = Shape {
    table: &[
        ("system_id", |one| one.system.system_id.to_string()),
        ("state", |one| one.state.replace('_', " ")),
        ("run", |one| of_run(one, |run| run.id.to_string(), "-")),
        ("accounts", |one| of_run(one, |run| compared(run, counts(&run.changes.accounts), "-"), "-")),
        ("resources", |one| of_run(one, |run| compared(run, counts(&run.changes.resources), "-"), "-")),
        ("assignments", |one| of_run(one, |run| compared(run, counts(&run.changes.assignments), "-"), "-")),
        ("calls", |one| of_run(one, |run| run.aws_calls.to_string(), "-")),
        ("warnings", |one| of_run(one, |run| run.warnings.len().to_string(), "-")),
        ("seconds", |one| format!("{:.1}", one.seconds)),
        ("reason", |one| one.reason.clone().unwrap_or_default()),
    ],
    narrow: Narrow::Wrap { sentences: 1 },
    csv: Columns::Texts(&[
        ("system_id", |one| one.system.system_id.to_string()),
        ("system_name", |one| one.system.name.to_string()),
        ("aws_account_id", |one| text(one.system.aws_account_id.as_ref())),
        ("state", |one| one.state.to_owned()),
        ("id", |one| of_run(one, |run| run.id.to_string(), "")),
        ("changes.accounts", |one| of_run(one, |run| compared(run, counts(&run.changes.accounts), ""), "")),
        ("changes.resources", |one| of_run(one, |run| compared(run, counts(&run.changes.resources), ""), "")),
        ("changes.assignments", |one| {
            of_run(one, |run| compared(run, counts(&run.changes.assignments), ""), "")
        }),
        ("aws_calls", |one| of_run(one, |run| run.aws_calls.to_string(), "0")),
        ("warnings", |one| of_run(one, |run| run.warnings.len().to_string(), "")),
        ("seconds", |one| format!("{:.3}", one.seconds)),
        ("reason", |one| one.reason.clone().unwrap_or_default()),
    ]),
};
