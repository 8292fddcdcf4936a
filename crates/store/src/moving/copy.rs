//! Carrying the rows of a table over, and looking whether all of them have arrived as they were.
//!
//! They go by PostgreSQL's COPY in its binary form (<https://www.postgresql.org/docs/current/sql-copy.html>), as they are
//! read: of a table only a piece is in memory at once.

use futures::TryStreamExt as _;
use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgCopyIn;
use sqlx::{AssertSqlSafe, Decode, PgConnection, Postgres, Row as _, Sqlite, SqliteConnection, Type};

use super::tables::{Column, Kind, Table, has_nul, quoted};
use super::{DOING, refused};
use crate::StoreError;
use crate::row::Row;
use crate::statement::{Statement, Value};
use crate::transaction::{Transaction, failure};

/// So many bytes are sent at once.
const PIECE: usize = 256 * 1024;

/// What COPY's binary form begins with: its signature, no flags, and nothing more about it.
const BEGINNING: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
const END: [u8; 2] = (-1_i16).to_be_bytes();

/// A value on its way.
#[derive(Debug, Clone, Copy)]
enum Cell<'r> {
    Null,
    Int(i64),
    Text(&'r str),
    Bytes(&'r [u8]),
}

impl<'r> Cell<'r> {
    fn read(row: &'r Row, number: usize, table: &Table, column: &Column) -> Result<Self, StoreError> {
        let read = match column.kind {
            Kind::Int => value(row, number).map(|found| found.map(Cell::Int)),
            Kind::Text => value(row, number).map(|found| found.map(Cell::Text)),
            Kind::Bytes => value(row, number).map(|found| found.map(Cell::Bytes)),
        };
        read.map(|found| found.unwrap_or(Cell::Null)).map_err(|_| StoreError::Data {
            what: format!(
                "the column {} of the table {} holds what it may not hold",
                column.name, table.name
            ),
        })
    }

    fn bytes(&self, whole: &mut Vec<u8>) {
        match self {
            Self::Null => {}
            Self::Int(number) => whole.extend(number.to_be_bytes()),
            Self::Text(text) => whole.extend(text.as_bytes()),
            Self::Bytes(bytes) => whole.extend(*bytes),
        }
    }

    /// As COPY has it: its length, -1 of nothing, and its bytes.
    fn copied(&self, piece: &mut Vec<u8>) -> Result<(), StoreError> {
        let length = match self {
            Self::Null => Some(-1),
            Self::Int(_) => Some(8),
            Self::Text(text) => i32::try_from(text.len()).ok(),
            Self::Bytes(bytes) => i32::try_from(bytes.len()).ok(),
        };
        let length = length.ok_or_else(|| StoreError::Data { what: "a value is too long".to_owned() })?;
        piece.extend(length.to_be_bytes());
        self.bytes(piece);
        Ok(())
    }

    fn owned(&self, kind: Kind) -> Value {
        match (self, kind) {
            (Self::Int(number), _) => Value::from(*number),
            (Self::Text(text), _) => Value::from(*text),
            (Self::Bytes(bytes), _) => Value::from(bytes.to_vec()),
            (Self::Null, Kind::Int) => Value::Int(None),
            (Self::Null, Kind::Text) => Value::Text(None),
            (Self::Null, Kind::Bytes) => Value::Bytes(None),
        }
    }
}

fn value<'r, T>(row: &'r Row, number: usize) -> Result<Option<T>, sqlx::Error>
where
    T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
{
    match row {
        Row::Sqlite(row) => row.try_get(number),
        Row::Postgres(row) => row.try_get(number),
        Row::Together(_) => Err(sqlx::Error::RowNotFound),
    }
}

/// What a table's rows add up to, in their order: how many there are, and a digest over each value with its type and length,
/// so that no two tables that differ are the same.
#[derive(Default)]
struct Sum {
    rows: u64,
    digest: Sha256,
    whole: Vec<u8>,
}

impl Sum {
    fn add(&mut self, cells: &[Cell<'_>]) {
        self.rows += 1;
        for cell in cells {
            self.whole.clear();
            cell.bytes(&mut self.whole);
            let kind = match cell {
                Cell::Null => 0_u8,
                Cell::Int(_) => 1,
                Cell::Text(_) => 2,
                Cell::Bytes(_) => 3,
            };
            self.digest.update([kind]);
            self.digest.update(u64::try_from(self.whole.len()).unwrap_or(u64::MAX).to_be_bytes());
            self.digest.update(&self.whole);
        }
    }

    fn total(self) -> (u64, [u8; 32]) {
        (self.rows, self.digest.finalize().into())
    }
}

fn cells<'r>(row: &'r Row, table: &Table) -> Result<Vec<Cell<'r>>, StoreError> {
    let columns = table.columns.iter().enumerate();
    columns.map(|(number, column)| Cell::read(row, number, table, column)).collect()
}

/// Carries a table over, and gives how many rows it has.
///
/// # Errors
/// [`StoreError::MoveDiffers`] when PostgreSQL gives back anything else than what was read here.
pub(super) async fn carry(
    from: (&mut SqliteConnection, &str),
    to: (&mut Transaction, &str),
    table: &Table,
) -> Result<u64, StoreError> {
    let (there, place) = to;
    let looked = format!("SELECT CAST(COUNT(*) AS BIGINT) FROM {}", quoted(&table.name));
    let made = there.fetch_one(Statement::building(&looked), |row| row.int(0)).await?;
    let sum = match made {
        0 => {
            let connection = there.postgres().ok_or_else(|| {
                refused("it is no PostgreSQL".to_owned(), "give another address".to_owned())
            })?;
            copy(from, (connection, place), table).await?
        }
        // A migration has put rows there, which these take the place of.
        _ => replace(from, there, table).await?,
    };
    let analyze = format!("ANALYZE {}", quoted(&table.name));
    there.execute(Statement::building(&analyze)).await?;
    let mut found = Sum::default();
    let read = |row: &Row| {
        found.add(&cells(row, table)?);
        Ok(())
    };
    there.fetch(Statement::building(&table.read_there()), read).await?;
    let (sum, found) = (sum.total(), found.total());
    match sum == found {
        true => Ok(sum.0),
        false => Err(StoreError::MoveDiffers { table: table.name.clone() }),
    }
}

async fn copy(
    (from, here): (&mut SqliteConnection, &str),
    (to, there): (&mut PgConnection, &str),
    table: &Table,
) -> Result<Sum, StoreError> {
    let failed = |error: sqlx::Error| failure(DOING, there, &error);
    let text = format!("COPY {} ({}) FROM STDIN (FORMAT binary)", quoted(&table.name), table.names());
    let mut into = to.copy_in_raw(&text).await.map_err(failed)?;
    match send((from, here), (&mut into, there), table).await {
        Ok(sum) => {
            into.finish().await.map_err(failed)?;
            Ok(sum)
        }
        Err(error) => {
            // All of it is rolled back in any case.
            let _ = into.abort("it is given up").await;
            Err(error)
        }
    }
}

async fn send(
    (from, here): (&mut SqliteConnection, &str),
    (into, there): (&mut PgCopyIn<&mut PgConnection>, &str),
    table: &Table,
) -> Result<Sum, StoreError> {
    let sent = |error: sqlx::Error| failure(DOING, there, &error);
    let mut sum = Sum::default();
    let mut piece = BEGINNING.to_vec();
    let columns = i16::try_from(table.columns.len()).unwrap_or(i16::MAX).to_be_bytes();
    let mut rows = sqlx::query(AssertSqlSafe(table.read_here())).fetch(from);
    while let Some(row) = rows.try_next().await.map_err(|error| failure(DOING, here, &error))? {
        let row = Row::Sqlite(row);
        let cells = read(&row, table)?;
        sum.add(&cells);
        piece.extend(columns);
        for cell in on_the_way(cells, &sum, table) {
            cell.copied(&mut piece)?;
        }
        if piece.len() >= PIECE {
            into.send(&*piece).await.map_err(sent)?;
            piece.clear();
        }
    }
    piece.extend(END);
    into.send(&*piece).await.map_err(sent)?;
    Ok(sum)
}

async fn replace(
    (from, here): (&mut SqliteConnection, &str),
    to: &mut Transaction,
    table: &Table,
) -> Result<Sum, StoreError> {
    let mut sum = Sum::default();
    let mut rows = sqlx::query(AssertSqlSafe(table.read_here())).fetch(from);
    while let Some(row) = rows.try_next().await.map_err(|error| failure(DOING, here, &error))? {
        let row = Row::Sqlite(row);
        let cells = read(&row, table)?;
        sum.add(&cells);
        let mut statement = Statement::building(&table.replace());
        let cells = on_the_way(cells, &sum, table);
        statement.values =
            cells.iter().zip(&table.columns).map(|(cell, column)| cell.owned(column.kind)).collect();
        to.execute(statement).await?;
    }
    Ok(sum)
}

/// A row as it is here, if PostgreSQL can hold it.
fn read<'r>(row: &'r Row, table: &Table) -> Result<Vec<Cell<'r>>, StoreError> {
    let cells = cells(row, table)?;
    let has_no_place = |cell: &Cell<'_>| matches!(cell, Cell::Text(text) if text.contains('\0'));
    match cells.iter().zip(&table.columns).find(|(cell, _)| has_no_place(cell)) {
        Some((_, column)) => Err(has_nul(table, column)),
        None => Ok(cells),
    }
}

/// What is sent of a row, of which a test may want a text to be another one by the time it arrives.
#[cfg(feature = "faults")]
fn on_the_way<'r>(mut cells: Vec<Cell<'r>>, sum: &Sum, table: &Table) -> Vec<Cell<'r>> {
    if sum.rows == 1
        && crate::faults::spoils_move_of(&table.name)
        && let Some(last) = cells.iter_mut().rfind(|cell| matches!(cell, Cell::Text(_)))
    {
        *last = Cell::Text("spoilt");
    }
    cells
}

#[cfg(not(feature = "faults"))]
fn on_the_way<'r>(cells: Vec<Cell<'r>>, _: &Sum, _: &Table) -> Vec<Cell<'r>> {
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(rows: &[&[Cell<'_>]]) -> (u64, [u8; 32]) {
        let mut sum = Sum::default();
        rows.iter().for_each(|row| sum.add(row));
        sum.total()
    }

    #[test]
    fn no_two_rows_that_differ_add_up_to_the_same() {
        let number = 0x61_i64;
        let rows: [&[Cell<'_>]; 9] = [
            &[Cell::Text("a"), Cell::Text("b")],
            &[Cell::Text("ab"), Cell::Text("")],
            &[Cell::Text("b"), Cell::Text("a")],
            &[Cell::Text("ab"), Cell::Null],
            &[Cell::Null, Cell::Text("ab")],
            &[Cell::Bytes(b"ab"), Cell::Null],
            &[Cell::Int(number), Cell::Null],
            &[Cell::Bytes(&number.to_be_bytes()), Cell::Null],
            &[Cell::Null, Cell::Null],
        ];
        let totals: std::collections::BTreeSet<_> = rows.iter().map(|row| total(&[row])).collect();
        assert_eq!(totals.len(), rows.len());
        assert_ne!(total(&[rows[0], rows[1]]), total(&[rows[1], rows[0]]));
        assert_eq!(total(&rows), total(&rows));
    }

    #[test]
    fn values_are_copied_with_their_lengths() {
        let mut piece = Vec::new();
        for cell in [Cell::Null, Cell::Int(-2), Cell::Text("ü"), Cell::Bytes(&[0])] {
            cell.copied(&mut piece).unwrap();
        }
        let expected: [&[u8]; 4] = [
            &[255, 255, 255, 255],
            &[0, 0, 0, 8, 255, 255, 255, 255, 255, 255, 255, 254],
            &[0, 0, 0, 2, 0xc3, 0xbc],
            &[0, 0, 0, 1, 0],
        ];
        assert_eq!(piece, expected.concat());
        assert_eq!(BEGINNING.len(), 19);
    }
}
