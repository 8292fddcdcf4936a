//! A row of the audit log as one line.

use keyreeve_engine::export::json_line;
use keyreeve_store::AuditRow;

/// A row, and what it looks like.
#[derive(Debug, Clone)]
pub struct Line {
    /// The row.
    pub row: AuditRow,
    /// The same in JSON, in the fields that the command line and the REST interface have: one line of ASCII, without its
    /// end.
    pub text: String,
}

/// A row as it is sent.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn line_of(row: &AuditRow) -> Result<Line, serde_json::Error> {
    Ok(Line { row: row.clone(), text: json_line(row)? })
}
