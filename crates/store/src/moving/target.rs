//! Where a store is moved to: whether it may be, and the numbers that are given next there.

use std::collections::BTreeMap;

use sqlx::{Row as _, SqliteConnection};

use super::tables::quoted;
use super::{DOING, refused};
use crate::StoreError;
use crate::statement::{Statement, Value, statement};
use crate::transaction::{Transaction, failure};

/// Refuses a place where there is anything already, or that cannot hold a store.
///
/// # Errors
/// [`StoreError::MoveRefused`].
pub(super) async fn require_empty(
    transaction: &mut Transaction,
    (here, there): (&str, &str),
    store_id: &str,
) -> Result<(), StoreError> {
    if let Some(found) = store_there(transaction).await? {
        return Err(match found == store_id {
            true => refused(
                format!("{there} holds this store already, so a move before this one was carried out"),
                format!(
                    "set `database` to that address, keep the key where it is, and put {here} aside under another name. Only if \
                     nobody has used the store there, you may instead empty that database and begin anew"
                ),
            ),
            false => refused(
                format!("{there} holds another store"),
                "make an empty database with `createdb`, and give its address".to_owned(),
            ),
        });
    }
    let text = "SELECT CAST(current_schema() AS TEXT)";
    let Some(schema) = transaction.fetch_one(statement!(text), |row| row.opt_text(0)).await? else {
        let advice = "make the schema that its search_path names, or give another database";
        return Err(refused(format!("{there} has no schema to make tables in"), advice.to_owned()));
    };
    let text = "SELECT CASE WHEN has_schema_privilege(current_schema(), 'CREATE') THEN CAST(1 AS BIGINT) \
                ELSE CAST(0 AS BIGINT) END";
    if !transaction.fetch_one(statement!(text), |row| row.flag(0)).await? {
        let why = format!("its user may not make tables in the schema {schema} of {there}");
        let advice =
            format!("grant it with `GRANT CREATE ON SCHEMA {schema}`, or give it a database of its own");
        return Err(refused(why, advice));
    }
    let text = "SELECT CAST(pg_encoding_to_char(encoding) AS TEXT) FROM pg_database WHERE datname = current_database()";
    let encoding = transaction.fetch_one(statement!(text), |row| row.text(0)).await?;
    if encoding != "UTF8" {
        let why = format!("{there} keeps texts as {encoding}, which has not all characters");
        let advice = "make one that has: `createdb --encoding=UTF8 --template=template0`";
        return Err(refused(why, advice.to_owned()));
    }
    // What extensions have brought along is nobody's.
    let text = "SELECT MIN(CAST(c.relname AS TEXT)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') \
                AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid \
                AND d.deptype = 'e')";
    match transaction.fetch_one(statement!(text), |row| row.opt_text(0)).await? {
        None => Ok(()),
        Some(found) => Err(refused(
            format!("the schema {schema} of {there} is not empty: it has {found}"),
            "make an empty database with `createdb`, and give its address".to_owned(),
        )),
    }
}

/// The id of the store that is there; empty of one that has none.
async fn store_there(transaction: &mut Transaction) -> Result<Option<String>, StoreError> {
    let exists = transaction.dialect().table_exists();
    if !transaction.fetch_one(statement!(exists, "keyreeve_store"), |row| row.flag(0)).await? {
        return Ok(None);
    }
    if !transaction.fetch_one(statement!(exists, "envelope"), |row| row.flag(0)).await? {
        return Ok(Some(String::new()));
    }
    let text = "SELECT store_id FROM envelope WHERE marker = 1";
    let found = transaction.fetch_optional(statement!(text), |row| row.text(0)).await?;
    Ok(Some(found.unwrap_or_default()))
}

/// A store takes as long to be moved as it takes, whatever the server allows others.
pub(super) async fn take_time(transaction: &mut Transaction) -> Result<(), StoreError> {
    transaction.execute(statement!("SET LOCAL statement_timeout = 0")).await?;
    transaction.execute(statement!("SET LOCAL idle_in_transaction_session_timeout = 0")).await?;
    Ok(())
}

/// Has numbers given on from where SQLite had come, also where the rows with the last ones are gone: none is given twice.
pub(super) async fn go_on_counting(
    (from, here): (&mut SqliteConnection, &str),
    to: &mut Transaction,
    counting: &BTreeMap<String, String>,
) -> Result<(), StoreError> {
    let failed = |error: sqlx::Error| failure(DOING, here, &error);
    let text = "SELECT name, CAST(seq AS INTEGER) FROM sqlite_sequence";
    let mut given = BTreeMap::new();
    for row in sqlx::query(text).fetch_all(from).await.map_err(failed)? {
        let (table, number): (String, i64) =
            (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?);
        given.insert(table, number);
    }
    if let Some(table) = given.keys().find(|table| !counting.contains_key(*table)) {
        let why = format!("the table {table} has numbers that PostgreSQL would not go on with");
        return Err(refused(why, "run the build of Keyreeve that this store was made with".to_owned()));
    }
    for (table, column) in counting {
        let most =
            format!("SELECT COALESCE(MAX({}), CAST(0 AS BIGINT)) FROM {}", quoted(column), quoted(table));
        let most = to.fetch_one(Statement::building(&most), |row| row.int(0)).await?;
        let last = given.get(table).copied().unwrap_or_default().max(most);
        if last > 0 {
            let text = "SELECT setval(CAST(pg_get_serial_sequence($1, $2) AS regclass), $3)";
            let values = [Value::from(quoted(table)), Value::from(column.as_str()), Value::from(last)];
            let [table, column, last] = values;
            to.fetch_one(statement!(text, table, column, last), |row| row.int(0)).await?;
        }
    }
    Ok(())
}
