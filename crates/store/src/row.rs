//! A row of either database, read column by column.

use serde::de::DeserializeOwned;
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
}

impl Row {
    pub(crate) fn opt_int(&self, column: usize) -> Result<Option<i64>, StoreError> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
        .map_err(|error| unreadable(column, &error))
    }

    pub(crate) fn opt_text(&self, column: usize) -> Result<Option<String>, StoreError> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
        .map_err(|error| unreadable(column, &error))
    }

    pub(crate) fn bytes(&self, column: usize) -> Result<Vec<u8>, StoreError> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
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
