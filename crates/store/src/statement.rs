//! A statement and its values, the same for both databases.

use std::fmt::Write;
use std::sync::Arc;

use sqlx::Arguments;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;

/// A value bound to `$1`, `$2`, … The three types are all the schema uses: `BIGINT`, `TEXT` and bytes.
#[derive(Clone)]
pub(crate) enum Value {
    Int(Option<i64>),
    Text(Option<Arc<str>>),
    Bytes(Option<Vec<u8>>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(Some(i64::from(value)))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.into()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value.into()))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value.map(Into::into))
    }
}

impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Self {
        Self::Text(value.map(Into::into))
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(Some(value))
    }
}

/// The text of a statement. Values never become part of it: built texts consist of fixed pieces and `$n`.
#[derive(Clone)]
pub(crate) enum Text {
    /// The same in every run of the program: worth keeping prepared.
    Fixed(&'static str),
    /// Put together for one use.
    Built(String),
    /// Put together once, used many times, and so kept prepared; already as the database reads it.
    Repeated(Arc<str>),
}

/// A text and its values.
#[derive(Clone)]
pub(crate) struct Statement {
    pub(crate) text: Text,
    pub(crate) values: Vec<Value>,
}

/// A statement with its values in order: `statement!("SELECT … WHERE a = $1", a)`.
macro_rules! statement {
    ($text:expr $(, $value:expr)* $(,)?) => {
        $crate::statement::Statement {
            text: $crate::statement::Text::Fixed($text),
            values: vec![$($crate::statement::Value::from($value)),*],
        }
    };
}
pub(crate) use statement;

impl Statement {
    /// Begins a statement that is built piece by piece.
    pub(crate) fn building(text: &str) -> Self {
        Self { text: Text::Built(text.to_owned()), values: Vec::new() }
    }

    /// All rows of this one as a single one, in their order: a list of lists of its columns, as SQLite's JSON.
    pub(crate) fn together(mut self, columns: usize) -> Self {
        let names = (0..columns).map(|number| format!("c{number}")).collect::<Vec<_>>().join(", ");
        let before = match &self.text {
            Text::Built(text) => text.as_str(),
            Text::Fixed(text) => text,
            Text::Repeated(text) => text,
        };
        self.text = Text::Built(format!(
            "WITH r({names}) AS ({before}) SELECT json_group_array(json_array({names})) FROM r"
        ));
        self
    }

    /// How many rows this one has.
    pub(crate) fn counted(mut self) -> Self {
        let before = match &self.text {
            Text::Built(text) => text.as_str(),
            Text::Fixed(text) => text,
            Text::Repeated(text) => text,
        };
        self.text = Text::Built(format!("WITH r AS ({before}) SELECT COUNT(*) FROM r"));
        self
    }

    /// Adds fixed text.
    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        match &mut self.text {
            Text::Built(built) => built.push_str(text),
            Text::Fixed(before) => self.text = Text::Built([*before, text].concat()),
            Text::Repeated(before) => self.text = Text::Built([&**before, text].concat()),
        }
        self
    }

    /// Adds a value and the `$n` that stands for it.
    pub(crate) fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        let place = format!("${}", self.values.len());
        self.push(&place)
    }

    /// Adds `($1, $2, …), ($n, …), …` for a multi-row `VALUES`.
    pub(crate) fn bind_rows(&mut self, rows: impl IntoIterator<Item = Vec<Value>>) -> &mut Self {
        for (number, row) in rows.into_iter().enumerate() {
            self.push(if number == 0 { "(" } else { ", (" });
            for (column, value) in row.into_iter().enumerate() {
                if column > 0 {
                    self.push(", ");
                }
                self.bind(value);
            }
            self.push(")");
        }
        self
    }
}

/// `before ($1, $2, …), ($n, …), … after` for so many rows of so many columns.
pub(crate) fn rows_text(before: &str, columns: usize, rows: usize, after: &str) -> String {
    let mut text = before.to_owned();
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 1..=columns {
            let comma = if column == 1 { "" } else { ", " };
            // Writing to a text cannot fail.
            let _ = write!(text, "{comma}${}", row * columns + column);
        }
        text.push(')');
    }
    text.push_str(after);
    text
}

/// The values as SQLite takes them.
pub(crate) fn sqlite_arguments(values: Vec<Value>) -> Result<SqliteArguments, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        match value {
            Value::Int(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value),
            Value::Bytes(value) => arguments.add(value),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// The values as PostgreSQL takes them.
pub(crate) fn postgres_arguments(values: Vec<Value>) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        match value {
            Value::Int(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value),
            Value::Bytes(value) => arguments.add(value),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::rows_text;

    #[test]
    fn rows_are_counted_through() {
        assert_eq!(rows_text("V ", 2, 3, "!"), "V ($1, $2), ($3, $4), ($5, $6)!");
    }
}
