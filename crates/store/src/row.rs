//! A row of either database, read column by column.

use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use jiff::Timestamp;

use crate::StoreError;
use crate::time::from_millis;

/// A row of either database. Columns are numbered from 0 in the order the statement names them.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
    /// One of those that came together, see [`Row::all_of`].
    Together(Vec<Value>),
}

impl Row {
    /// The rows of a text in which SQLite has put them together: a JSON list with a list of columns for each.
    pub(crate) fn all_of(text: &str) -> Result<impl Iterator<Item = Self>, StoreError> {
        Ok(parse_json::<Vec<Vec<Value>>>(text)?.into_iter().map(Self::Together))
    }

    pub(crate) fn opt_int(&self, column: usize) -> Result<Option<i64>, StoreError> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
            Self::Together(row) => match of_json(row, column)? {
                Value::Null => Ok(None),
                value => value.as_i64().map(Some).ok_or_else(|| of_another_type(column)),
            },
        }
        .map_err(|error| unreadable(column, &error))
    }

    pub(crate) fn opt_text(&self, column: usize) -> Result<Option<String>, StoreError> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
            Self::Together(row) => match of_json(row, column)? {
                Value::Null => Ok(None),
                Value::String(text) => Ok(Some(text.clone())),
                _ => Err(of_another_type(column)),
            },
        }
        .map_err(|error| unreadable(column, &error))
    }

    pub(crate) fn bytes(&self, column: usize) -> Result<Vec<u8>, StoreError> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
            // JSON has none.
            Self::Together(_) => Err(of_another_type(column)),
        }
        .map_err(|error| unreadable(column, &error))
    }

    pub(crate) fn int(&self, column: usize) -> Result<i64, StoreError> {
        self.opt_int(column)?.ok_or_else(|| missing(column))
    }

    pub(crate) fn text(&self, column: usize) -> Result<String, StoreError> {
        self.opt_text(column)?.ok_or_else(|| missing(column))
    }

    pub(crate) fn flag(&self, column: usize) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }

    pub(crate) fn opt_flag(&self, column: usize) -> Result<Option<bool>, StoreError> {
        Ok(self.opt_int(column)?.map(|value| value != 0))
    }

    pub(crate) fn time(&self, column: usize) -> Result<Timestamp, StoreError> {
        from_millis(self.int(column)?)
    }

    pub(crate) fn opt_time(&self, column: usize) -> Result<Option<Timestamp>, StoreError> {
        self.opt_int(column)?.map(from_millis).transpose()
    }

    /// A value kept as JSON text.
    pub(crate) fn json<T: DeserializeOwned>(&self, column: usize) -> Result<T, StoreError> {
        parse_json(&self.text(column)?)
    }

    pub(crate) fn opt_json<T: DeserializeOwned>(&self, column: usize) -> Result<Option<T>, StoreError> {
        self.opt_text(column)?.map(|text| parse_json(&text)).transpose()
    }

    /// A word of a closed list, or an id: anything that is one JSON string.
    pub(crate) fn word<T: DeserializeOwned>(&self, column: usize) -> Result<T, StoreError> {
        word_of(self.text(column)?)
    }

    pub(crate) fn opt_word<T: DeserializeOwned>(&self, column: usize) -> Result<Option<T>, StoreError> {
        self.opt_text(column)?.map(word_of).transpose()
    }
}

fn word_of<T: DeserializeOwned>(text: String) -> Result<T, StoreError> {
    use serde::de::IntoDeserializer;
    use serde::de::value::{Error, StringDeserializer};
    let deserializer: StringDeserializer<Error> = text.into_deserializer();
    T::deserialize(deserializer)
        .map_err(|error| StoreError::Data { what: format!("a word is not understood ({error})") })
}

/// Reads a value kept as JSON text.
pub(crate) fn parse_json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text)
        .map_err(|error| StoreError::Data { what: format!("a JSON value is not understood ({error})") })
}

/// Writes a value as JSON text with sorted keys, so that equal values have equal text.
pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    keyreeve_model::canonical_json(value)
        .map_err(|error| StoreError::Data { what: format!("a value cannot be written as JSON ({error})") })
}

fn of_json(row: &[Value], column: usize) -> Result<&Value, StoreError> {
    row.get(column).ok_or_else(|| unreadable(column, &no_such(column, row.len())))
}

fn no_such(index: usize, len: usize) -> sqlx::Error {
    sqlx::Error::ColumnIndexOutOfBounds { index, len }
}

fn of_another_type(column: usize) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_string(), source: "of another type".into() }
}

fn missing(column: usize) -> StoreError {
    StoreError::Data { what: format!("column {column} of a row is empty") }
}

fn unreadable(column: usize, error: &sqlx::Error) -> StoreError {
    let why = match error {
        sqlx::Error::ColumnIndexOutOfBounds { .. } => "is missing",
        _ => "has another type than expected",
    };
    StoreError::Data { what: format!("column {column} of a row {why}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_come_together_are_read_like_others() {
        let text = r#"[["a\"\u00e9",9007199254740993,null,1],["",-1,"2",0]]"#;
        let rows: Vec<Row> = Row::all_of(text).unwrap().collect();
        let [first, second] = rows.as_slice() else { panic!("{}", rows.len()) };
        assert_eq!(
            (first.text(0).unwrap(), first.int(1).unwrap()),
            ("a\"é".to_owned(), 9_007_199_254_740_993)
        );
        assert_eq!((first.opt_text(2).unwrap(), first.opt_int(2).unwrap()), (None, None));
        assert!(first.flag(3).unwrap() && !second.flag(3).unwrap());
        assert_eq!((second.text(0).unwrap(), second.int(1).unwrap()), (String::new(), -1));
        for wrong in
            [first.opt_int(0).err(), first.opt_text(1).err(), first.int(2).err(), first.text(4).err()]
        {
            assert!(matches!(wrong, Some(StoreError::Data { .. })), "{wrong:?}");
        }
        assert!(first.bytes(0).is_err() && Row::all_of("[1]").is_err() && Row::all_of("").is_err());
    }
}
