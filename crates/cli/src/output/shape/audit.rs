//! The audit log.

use keyreeve_engine::export;
use keyreeve_store::{AuditHead, AuditRow};
use serde_json::Value;

use super::{Column, Columns, Shape, text};
use crate::output::Narrow;

/// Rows of the audit log.
pub(crate) const AUDIT: Shape<AuditRow> = Shape {
    table: &[
        ("row", |row| row.seq.to_string()),
        ("at", |row| row.at.strftime("%Y-%m-%d %H:%M:%S").to_string()),
        ("actor", |row| row.actor.clone()),
        ("system", |row| text(row.system_id.as_ref())),
        ("action", |row| row.action.clone()),
        ("subject", |row| in_words(&row.subject)),
    ],
    narrow: Narrow::Wrap { sentences: 1 },
    csv: Columns::Fields(export::AUDIT),
};

/// The end of the log.
pub(crate) const HEADS: &[Column<AuditHead>] =
    &[("seq", |head| head.seq.to_string()), ("hash", |head| head.hash.clone())];

/// What comes first in words, in this order.
const FIRST: [&str; 5] = ["job", "task", "account", "step", "operation"];

/// A subject for eyes: `job 3, task 4, account ada, step 1, operation DeleteUser, planned → attempting`. What is empty is
/// left out.
fn in_words(subject: &Value) -> String {
    let Value::Object(fields) = subject else { return value_in_words(subject) };
    let said = |value: &Value| value_in_words(value);
    let field = |name: &str| fields.get(name).map(said).filter(|text| !text.is_empty());
    let named = |name: &str| field(name).map(|text| format!("{} {text}", name.replace('_', " ")));
    let mut words: Vec<String> = FIRST.iter().filter_map(|name| named(name)).collect();
    words.extend(match (field("from"), field("to")) {
        (Some(from), Some(to)) => Some(format!("{from} → {to}")),
        (from, to) => from.or(to),
    });
    let others = fields.keys().filter(|name| !FIRST.contains(&name.as_str()));
    words.extend(
        others.filter(|name| !["from", "to"].contains(&name.as_str())).filter_map(|name| named(name)),
    );
    words.join(", ")
}

fn value_in_words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) => items.iter().map(value_in_words).collect::<Vec<_>>().join(" + "),
        Value::Object(fields) if fields.is_empty() => String::new(),
        Value::Object(_) => format!("({})", in_words(value)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_subject_is_said_in_words() {
        for (subject, words) in [
            (json!({}), ""),
            (json!("x"), "x"),
            (
                json!({"to": "attempting", "from": "planned", "step": 1, "account": "ada", "task": 4, "job": 3,
                    "operation": "DeleteUser", "failure": null}),
                "job 3, task 4, account ada, step 1, operation DeleteUser, planned → attempting",
            ),
            (json!({"to": "queued", "steps": ["A", "B"]}), "queued, steps A + B"),
            (
                json!({"request_id": "r", "claims": [{"fact": true, "none": {}}]}),
                "claims (fact yes), request id r",
            ),
        ] {
            assert_eq!(in_words(&subject), words);
        }
    }
}
