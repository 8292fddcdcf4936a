//! Parquet: typed columns, in groups of rows that are written one after the other, so that memory stays flat.
//!
//! A dot in a column's name leads into a group, as in JSON. What is not known or not there is null. Times are microseconds in
//! UTC, lists and objects are texts that hold JSON.

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};

use super::ExportError;
use super::field::{Field, Value};

/// The version of the columns: it grows when one of them means something else, and not when one is added.
pub const SCHEMA_VERSION: u32 = 1;

/// A group of rows has so many rows at most.
const ROWS: usize = 50_000;
/// A group of rows ends once it holds so much, before it is compressed.
const BYTES: usize = 16 * 1024 * 1024;

/// A file in the making. What it has written so far is taken from it piece by piece.
pub(super) struct File {
    writer: SerializedFileWriter<Vec<u8>>,
    held: Vec<Held>,
    rows: usize,
    bytes: usize,
}

/// The values of a column that wait for their group.
struct Held {
    values: Values,
    /// Whether there is a value, for each row; `None` where there always is one.
    levels: Option<Vec<i16>>,
}

enum Values {
    /// All texts, and where each ends.
    Texts(Vec<u8>, Vec<usize>),
    Numbers(Vec<i64>),
    Truths(Vec<bool>),
}

impl File {
    /// Begins a file with such columns, that says such things of itself.
    pub(super) fn begin<T>(fields: &[Field<T>], said: Vec<(&str, String)>) -> Result<Self, ExportError> {
        let columns: Vec<(&str, Kind)> = fields.iter().map(|field| (field.name, field.kind())).collect();
        let said = said.into_iter().map(|(key, value)| KeyValue::new(format!("keyreeve.{key}"), value));
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_created_by(concat!("keyreeve version ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(said.collect()));
        let root = Type::group_type_builder("keyreeve").with_fields(types(&columns, "")?).build();
        let root = root.map_err(unwritable)?;
        let writer = SerializedFileWriter::new(Vec::new(), Arc::new(root), Arc::new(properties.build()))
            .map_err(unwritable)?;
        let held = columns.iter().map(|(_, kind)| Held::of(*kind)).collect();
        Ok(Self { writer, held, rows: 0, bytes: 0 })
    }

    /// Takes some rows, and writes the groups that are full.
    pub(super) fn add<T>(&mut self, rows: &[T], fields: &[Field<T>]) -> Result<(), ExportError> {
        for row in rows {
            for (held, field) in self.held.iter_mut().zip(fields) {
                self.bytes += held.push(field, row);
            }
            self.rows += 1;
            if self.rows >= ROWS || self.bytes >= BYTES {
                self.group()?;
            }
        }
        Ok(())
    }

    /// What has been written since this was asked for the last time.
    pub(super) fn taken(&mut self) -> Result<Vec<u8>, ExportError> {
        self.writer.flush().map_err(|error| ExportError::Unwritable(error.to_string()))?;
        Ok(std::mem::take(self.writer.inner_mut()))
    }

    /// Writes what is left, and what ends the file.
    pub(super) fn end(mut self) -> Result<Vec<u8>, ExportError> {
        if self.rows > 0 {
            self.group()?;
        }
        self.writer.into_inner().map_err(unwritable)
    }

    fn group(&mut self) -> Result<(), ExportError> {
        (self.rows, self.bytes) = (0, 0);
        let mut group = self.writer.next_row_group().map_err(unwritable)?;
        for held in &mut self.held {
            let Some(mut column) = group.next_column().map_err(unwritable)? else { break };
            held.write(column.untyped()).map_err(unwritable)?;
            column.close().map_err(unwritable)?;
        }
        group.close().map_err(unwritable)?;
        Ok(())
    }
}

/// What a column is, without its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text { always: bool },
    Whole,
    Truth,
    Time,
}

impl<T> Field<T> {
    fn kind(&self) -> Kind {
        match self.value {
            Value::Text(_) => Kind::Text { always: true },
            Value::Maybe(_) | Value::Json(_) => Kind::Text { always: false },
            Value::Whole(_) => Kind::Whole,
            Value::Truth(_) => Kind::Truth,
            Value::Time(_) => Kind::Time,
        }
    }
}

/// The types of columns below a place. Those that go on behind a dot lie side by side, and make a group.
fn types(columns: &[(&str, Kind)], below: &str) -> Result<Vec<TypePtr>, ExportError> {
    let mut found = Vec::new();
    let mut rest = columns;
    while let Some((name, kind)) = rest.first() {
        let name = name.strip_prefix(below).unwrap_or(name);
        let made = match name.split_once('.') {
            None => {
                rest = rest.get(1..).unwrap_or_default();
                leaf(name, *kind)
            }
            Some((group, _)) => {
                let within = format!("{below}{group}.");
                let many = rest.iter().take_while(|(name, _)| name.starts_with(&within)).count();
                let (inner, after) = rest.split_at(many);
                rest = after;
                let group = Type::group_type_builder(group).with_repetition(Repetition::REQUIRED);
                group.with_fields(types(inner, &within)?).build()
            }
        };
        found.push(Arc::new(made.map_err(unwritable)?));
    }
    Ok(found)
}

fn leaf(name: &str, kind: Kind) -> Result<Type, ParquetError> {
    let (physical, logical) = match kind {
        Kind::Text { .. } => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Whole => (Physical::INT64, None),
        Kind::Truth => (Physical::BOOLEAN, None),
        Kind::Time => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
    };
    let always = kind == Kind::Text { always: true };
    let repetition = if always { Repetition::REQUIRED } else { Repetition::OPTIONAL };
    Type::primitive_type_builder(name, physical)
        .with_logical_type(logical)
        .with_repetition(repetition)
        .build()
}

impl Held {
    fn of(kind: Kind) -> Self {
        let values = match kind {
            Kind::Text { .. } => Values::Texts(Vec::new(), Vec::new()),
            Kind::Whole | Kind::Time => Values::Numbers(Vec::new()),
            Kind::Truth => Values::Truths(Vec::new()),
        };
        Self { values, levels: (kind != Kind::Text { always: true }).then(Vec::new) }
    }

    /// Takes the value of a row, and says how much that is.
    fn push<T>(&mut self, field: &Field<T>, row: &T) -> usize {
        let long = match field.value {
            Value::Text(of) => self.text(Some(of(row))),
            Value::Maybe(of) => self.text(of(row)),
            Value::Json(of) => self.text(of(row).map(|json| json.to_string())),
            Value::Whole(of) => self.number(of(row)),
            Value::Time(of) => self.number(of(row).map(|time| time.as_microsecond())),
            Value::Truth(of) => self.truth(of(row)),
        };
        if let Some(levels) = &mut self.levels {
            levels.push(i16::from(long.is_some()));
        }
        long.unwrap_or_default() + size_of::<i16>()
    }

    fn text(&mut self, text: Option<String>) -> Option<usize> {
        let (Values::Texts(all, ends), Some(text)) = (&mut self.values, text) else { return None };
        all.extend_from_slice(text.as_bytes());
        ends.push(all.len());
        Some(text.len() + size_of::<usize>())
    }

    fn number(&mut self, number: Option<i64>) -> Option<usize> {
        let (Values::Numbers(all), Some(number)) = (&mut self.values, number) else { return None };
        all.push(number);
        Some(size_of::<i64>())
    }

    fn truth(&mut self, truth: Option<bool>) -> Option<usize> {
        let (Values::Truths(all), Some(truth)) = (&mut self.values, truth) else { return None };
        all.push(truth);
        Some(size_of::<bool>())
    }

    /// Writes all of it, and holds nothing any more.
    fn write(&mut self, column: &mut ColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = self.levels.as_mut().map(std::mem::take);
        let levels = levels.as_deref();
        match (&mut self.values, column) {
            (Values::Texts(all, ends), ColumnWriter::ByteArrayColumnWriter(writer)) => {
                let all = Bytes::from(std::mem::take(all));
                let starts = std::iter::once(0).chain(ends.iter().copied());
                let texts =
                    starts.zip(ends.iter()).map(|(start, end)| ByteArray::from(all.slice(start..*end)));
                let texts: Vec<ByteArray> = texts.collect();
                ends.clear();
                writer.write_batch(&texts, levels, None)?;
            }
            (Values::Numbers(all), ColumnWriter::Int64ColumnWriter(writer)) => {
                writer.write_batch(&std::mem::take(all), levels, None)?;
            }
            (Values::Truths(all), ColumnWriter::BoolColumnWriter(writer)) => {
                writer.write_batch(&std::mem::take(all), levels, None)?;
            }
            _ => {
                return Err(ParquetError::General(
                    "a column is not of the type it was begun with".to_owned(),
                ));
            }
        }
        Ok(())
    }
}

fn unwritable(error: ParquetError) -> ExportError {
    ExportError::Unwritable(error.to_string())
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};

    use super::*;
    use crate::export::field::{maybe, text, whole};

    struct Row {
        number: i64,
        word: String,
    }

    const FIELDS: &[Field<Row>] = &[
        whole("number", |row: &Row| Some(row.number)),
        text("of.word", |row| row.word.clone()),
        maybe("of.never", |_| None),
    ];

    /// The rows of each group, and the most that was held at once.
    fn written(slices: usize, rows: usize, word: &str) -> (Vec<i64>, usize, usize) {
        let mut file = File::begin(FIELDS, vec![("table", "numbers".to_owned())]).unwrap();
        let (mut all, mut most, mut long) = (Vec::new(), 0, 0);
        for slice in 0..slices {
            let number = |at| i64::try_from(slice * rows + at).unwrap();
            let rows: Vec<Row> =
                (0..rows).map(|at| Row { number: number(at), word: format!("{word}{at}") }).collect();
            file.add(&rows, FIELDS).unwrap();
            (most, long) = (most.max(file.rows), long.max(file.bytes));
            all.extend(file.taken().unwrap());
            assert!(file.writer.inner().is_empty(), "what was written is held");
        }
        all.extend(file.end().unwrap());
        let reader = SerializedFileReader::new(Bytes::from(all)).unwrap();
        let groups = reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
        (groups, most, long)
    }

    #[test]
    fn a_hundred_thousand_rows_are_never_held_together() {
        let (groups, most, _) = written(22, 5_000, "x");
        assert_eq!(groups, [50_000, 50_000, 10_000]);
        assert!(most < ROWS, "{most}");
    }

    #[test]
    fn long_rows_end_a_group_early() {
        let (groups, _, long) = written(4, 5_000, &"y".repeat(4_000));
        assert!(groups.len() > 4 && groups.iter().sum::<i64>() == 20_000, "{groups:?}");
        assert!(long < BYTES, "{long}");
    }
}
