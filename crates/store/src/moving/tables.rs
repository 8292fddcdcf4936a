//! Which tables there are, and what is in them: as the databases describe themselves, never from a list. A table that a later
//! version makes is moved without a word here.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{Row as _, SqliteConnection};

use super::{DOING, refused};
use crate::StoreError;
use crate::statement::statement;
use crate::transaction::{Transaction, failure};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Int,
    Text,
    Bytes,
}

impl Kind {
    fn of(declared: &str) -> Option<Self> {
        match declared {
            "INTEGER" | "BIGINT" | "bigint" => Some(Self::Int),
            "TEXT" | "text" => Some(Self::Text),
            "BLOB" | "bytea" => Some(Self::Bytes),
            _ => None,
        }
    }
}

/// A column of a table.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// A table of the store.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    /// Its primary key.
    key: Vec<Column>,
    /// Other tables whose rows must be there before its own.
    after: BTreeSet<String>,
}

impl Table {
    /// Its columns, as a statement names them.
    pub(super) fn names(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|column| quoted(&column.name)).collect();
        names.join(", ")
    }

    /// All its rows in the order of the primary key, of SQLite.
    pub(super) fn read_here(&self) -> String {
        let key: Vec<String> = self.key.iter().map(|column| quoted(&column.name)).collect();
        self.read_by(&key)
    }

    /// The same of PostgreSQL, in the same order: that of bytes.
    pub(super) fn read_there(&self) -> String {
        let key = self.key.iter().map(|column| match column.kind {
            Kind::Text => format!("{} COLLATE \"C\"", quoted(&column.name)),
            Kind::Int | Kind::Bytes => quoted(&column.name),
        });
        self.read_by(&key.collect::<Vec<_>>())
    }

    fn read_by(&self, key: &[String]) -> String {
        format!("SELECT {} FROM {} ORDER BY {}", self.names(), quoted(&self.name), key.join(", "))
    }

    /// What writes a row in the place of one that has the same key.
    pub(super) fn replace(&self) -> String {
        let places: Vec<String> = (1..=self.columns.len()).map(|number| format!("${number}")).collect();
        let is_key = |column: &&Column| self.key.iter().any(|key| key.name == column.name);
        let others = self.columns.iter().filter(|column| !is_key(column));
        let set = others.map(|column| format!("{0} = excluded.{0}", quoted(&column.name)));
        let key: Vec<String> = self.key.iter().map(|column| quoted(&column.name)).collect();
        format!(
            "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT ({}) DO UPDATE SET {}",
            quoted(&self.name),
            self.names(),
            places.join(", "),
            key.join(", "),
            set.collect::<Vec<_>>().join(", ")
        )
    }

    /// The columns that hold texts.
    fn texts(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.kind == Kind::Text)
    }
}

/// A name as a statement has it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn not_understood(what: String) -> StoreError {
    StoreError::Data { what }
}

/// The tables of an SQLite store, each after those that it refers to. What was applied to make them is not among them: the
/// other database notes its own.
pub(super) async fn of_sqlite(
    connection: &mut SqliteConnection,
    place: &str,
) -> Result<Vec<Table>, StoreError> {
    let failed = |error: sqlx::Error| failure(DOING, place, &error);
    let text = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*' \
                AND name <> 'schema_migrations' ORDER BY name";
    let mut found = Vec::new();
    for row in sqlx::query(text).fetch_all(&mut *connection).await.map_err(failed)? {
        let name: String = row.try_get(0).map_err(failed)?;
        let (mut columns, mut key) = (Vec::new(), BTreeMap::new());
        let text = "SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid";
        for row in sqlx::query(text).bind(&name).fetch_all(&mut *connection).await.map_err(failed)? {
            let declared: String = row.try_get(1).map_err(failed)?;
            let column = Column {
                name: row.try_get(0).map_err(failed)?,
                kind: Kind::of(&declared)
                    .ok_or_else(|| not_understood(format!("the table {name} has a column of {declared}")))?,
            };
            let part: i64 = row.try_get(2).map_err(failed)?;
            if part > 0 {
                key.insert(part, column.clone());
            }
            columns.push(column);
        }
        if key.is_empty() {
            return Err(not_understood(format!("the table {name} has no primary key")));
        }
        let text = "SELECT DISTINCT \"table\" FROM pragma_foreign_key_list($1) WHERE \"table\" <> $1";
        let referred = sqlx::query(text).bind(&name).fetch_all(&mut *connection).await.map_err(failed)?;
        let after = referred.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(failed)?;
        found.push(Table { name, columns, key: key.into_values().collect(), after });
    }
    in_order(found)
}

fn in_order(mut left: Vec<Table>) -> Result<Vec<Table>, StoreError> {
    let mut ordered: Vec<Table> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let is_there = |name: &String| ordered.iter().any(|table| table.name == *name);
        let (ready, others): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|table| table.after.iter().all(is_there));
        if ready.is_empty() {
            let names: Vec<String> = others.into_iter().map(|table| table.name).collect();
            return Err(not_understood(format!("these tables refer to each other: {}", names.join(", "))));
        }
        ordered.extend(ready);
        left = others;
    }
    Ok(ordered)
}

/// How many rows a table of SQLite has.
///
/// # Errors
/// [`StoreError::MoveRefused`] when one of them cannot be held by PostgreSQL.
pub(super) async fn count(
    connection: &mut SqliteConnection,
    place: &str,
    table: &Table,
) -> Result<u64, StoreError> {
    let failed = |error: sqlx::Error| failure(DOING, place, &error);
    // How to look for it: https://www.sqlite.org/nulinstr.html
    let whens: String = table
        .texts()
        .enumerate()
        .map(|(number, column)| {
            format!(" WHEN instr({}, char(0)) > 0 THEN {}", quoted(&column.name), number + 1)
        })
        .collect();
    let text = match whens.is_empty() {
        true => format!("SELECT COUNT(*), 0 FROM {}", quoted(&table.name)),
        false => {
            format!("SELECT COUNT(*), MAX(CASE{whens} ELSE 0 END) FROM {}", quoted(&table.name))
        }
    };
    let row = sqlx::query(sqlx::AssertSqlSafe(text)).fetch_one(connection).await.map_err(failed)?;
    let (rows, found): (i64, Option<i64>) =
        (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?);
    let found = usize::try_from(found.unwrap_or_default()).unwrap_or_default().checked_sub(1);
    match found.and_then(|number| table.texts().nth(number)) {
        Some(column) => Err(has_nul(table, column)),
        None => Ok(rows.unsigned_abs()),
    }
}

/// A text that PostgreSQL has no place for
/// (<https://www.postgresql.org/docs/current/datatype-character.html>).
pub(super) fn has_nul(table: &Table, column: &Column) -> StoreError {
    let why = format!(
        "the column {} of the table {} has a text with the character NUL in it, which PostgreSQL cannot hold",
        column.name, table.name
    );
    let advice = format!(
        "find it in a copy of the file with SQLite's own tools: SELECT * FROM {} WHERE instr({}, char(0)) > 0",
        table.name, column.name
    );
    refused(why, advice)
}

/// Holds the tables that were made against those that are to be moved. Gives the column of each that counts by itself.
pub(super) async fn compare(
    tables: &[Table],
    transaction: &mut Transaction,
) -> Result<BTreeMap<String, String>, StoreError> {
    let text = "SELECT CAST(c.relname AS TEXT), CAST(a.attname AS TEXT), format_type(a.atttypid, NULL), \
                CASE WHEN a.attidentity = '' THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END \
                FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid \
                WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND NOT c.relispartition \
                AND a.attnum > 0 AND NOT a.attisdropped";
    let found = transaction
        .fetch(statement!(text), |row| Ok((row.text(0)?, row.text(1)?, row.text(2)?, row.flag(3)?)))
        .await?;
    let (mut made, mut counting) = (BTreeSet::new(), BTreeMap::new());
    for (table, column, declared, counts) in found {
        if table == "schema_migrations" {
            continue;
        }
        if counts {
            counting.insert(table.clone(), column.clone());
        }
        made.insert((table, column, Kind::of(&declared)));
    }
    let columns = |table: &Table| {
        let name = table.name.clone();
        let columns = table.columns.clone().into_iter();
        columns.map(move |column| (name.clone(), column.name, Some(column.kind)))
    };
    let here: BTreeSet<_> = tables.iter().flat_map(columns).collect();
    match here.symmetric_difference(&made).next() {
        None => Ok(counting),
        Some((table, column, _)) => {
            let why = format!("the column {column} of the table {table} is not the same in both databases");
            let advice = "run the build of Keyreeve that this store was made with";
            Err(refused(why, advice.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, after: &[&str]) -> Table {
        let key = Column { name: "id".to_owned(), kind: Kind::Text };
        let after = after.iter().map(|name| (*name).to_owned()).collect();
        let other = Column { name: "a\"b".to_owned(), kind: Kind::Int };
        Table { name: name.to_owned(), columns: vec![key.clone(), other], key: vec![key], after }
    }

    #[test]
    fn a_table_comes_after_those_it_refers_to() {
        let given = vec![table("a", &["c", "b"]), table("b", &["c"]), table("c", &[])];
        let names: Vec<String> = in_order(given).unwrap().into_iter().map(|table| table.name).collect();
        assert_eq!(names, ["c", "b", "a"]);
        let round = in_order(vec![table("a", &["b"]), table("b", &["a"])]).unwrap_err();
        assert!(round.to_string().contains("refer to each other: a, b"), "{round}");
    }

    #[test]
    fn names_are_quoted_and_texts_are_put_in_the_order_of_their_bytes() {
        let table = table("t", &[]);
        assert_eq!(table.read_here(), r#"SELECT "id", "a""b" FROM "t" ORDER BY "id""#);
        assert_eq!(table.read_there(), r#"SELECT "id", "a""b" FROM "t" ORDER BY "id" COLLATE "C""#);
        assert_eq!(
            table.replace(),
            r#"INSERT INTO "t" ("id", "a""b") VALUES ($1, $2) ON CONFLICT ("id") DO UPDATE SET "a""b" = excluded."a""b""#
        );
    }
}
