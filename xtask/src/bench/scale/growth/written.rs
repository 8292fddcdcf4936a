//! How many rows something writes, counted by the database itself.

use std::{collections::BTreeMap, fs, path::Path, thread, time::Duration};

use anyhow::{Context, Result, anyhow};

use super::store::{Store, sqlite};
use crate::scratch::Scratch;

const STATISTICS: &str =
    "SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_user_tables";
const COLUMNS: &str = "SELECT m.name, p.name, p.pk FROM sqlite_schema m JOIN pragma_table_info(m.name) p \
                       WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'";
const LONGEST_WAIT: u32 = 30;

/// The rows of all tables that were inserted, updated or deleted by what is done here, and what that gives. Nobody else may
/// work on the store meanwhile. PostgreSQL counts them; of SQLite's file the rows are counted that are new, other than before,
/// or gone.
pub(super) fn rows_written<T>(store: &Store<'_>, work: impl FnOnce() -> Result<T>) -> Result<(u64, T)> {
    let Some(file) = store.file() else {
        let before = quiet(store)?;
        let done = work()?;
        return Ok((quiet(store)?.saturating_sub(before), done));
    };
    let before = Scratch::new("bench-before")?;
    let kept = before.path().join("before.db");
    fs::copy(&file, &kept).context("copying a store, to see what is different afterwards")?;
    let done = work()?;
    Ok((different(&file, &kept)?, done))
}

/// What PostgreSQL has counted, once it has counted all: connections tell it when they end, or a second later.
fn quiet(store: &Store<'_>) -> Result<u64> {
    let mut last = None;
    for _ in 0..LONGEST_WAIT {
        let now = store.number(STATISTICS)?;
        if last == Some(now) {
            return Ok(now);
        }
        last = Some(now);
        thread::sleep(Duration::from_millis(1_500));
    }
    Err(anyhow!("PostgreSQL goes on counting rows, although nothing is to be written"))
}

fn different(after: &Path, before: &Path) -> Result<u64> {
    let before = before.to_str().context("the name of a folder for scratch is no text")?;
    let text = format!(
        "ATTACH '{}' AS before; {}",
        before.replace('\'', "''"),
        comparison(&sqlite(after, COLUMNS)?)
    );
    let rows = sqlite(after, &text)?;
    let cell = rows.first().and_then(|row| row.first()).and_then(|cell| cell.parse().ok());
    cell.ok_or_else(|| anyhow!("SQLite was to count rows, and said {rows:?}"))
}

/// Counts the rows that are new or other than before, and those that are gone, by their keys.
fn comparison(columns: &[Vec<String>]) -> String {
    let mut tables: BTreeMap<&str, (Vec<&str>, Vec<&str>)> = BTreeMap::new();
    for row in columns {
        let [table, column, key] = row.as_slice() else { continue };
        let (all, keys) = tables.entry(table).or_default();
        all.push(column);
        if key != "0" {
            keys.push(column);
        }
    }
    let counts = tables.iter().map(|(table, (all, keys))| {
        let keys = if keys.is_empty() { &vec!["rowid"] } else { keys };
        let each = |names: &[&str], of: &str| {
            names.iter().map(|name| format!("{of}.\"{name}\"")).collect::<Vec<_>>().join(", ")
        };
        let same =
            keys.iter().map(|key| format!("a.\"{key}\" = b.\"{key}\"")).collect::<Vec<_>>().join(" AND ");
        let first = keys.first().copied().unwrap_or("rowid");
        let (now, then) = (each(all, "a"), each(all, "b"));
        format!(
            "(SELECT count(*) FROM main.\"{table}\" a LEFT JOIN before.\"{table}\" b ON {same} \
             WHERE b.\"{first}\" IS NULL OR ({now}) IS NOT ({then})) + \
             (SELECT count(*) FROM before.\"{table}\" b LEFT JOIN main.\"{table}\" a ON {same} \
             WHERE a.\"{first}\" IS NULL)"
        )
    });
    format!("SELECT {}", counts.collect::<Vec<_>>().join(" + "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_is_new_one_that_is_other_and_one_that_is_gone_are_three() {
        if sqlite(Path::new(":memory:"), "SELECT 1").is_err() {
            // The bench says so before it begins.
            return;
        }
        let scratch = Scratch::new("written").unwrap();
        let (before, after) = (scratch.path().join("before.db"), scratch.path().join("after.db"));
        let make = "CREATE TABLE t (a INTEGER, b TEXT, c INTEGER, PRIMARY KEY (a, b)); CREATE TABLE n (v INTEGER); \
                    INSERT INTO t VALUES (1, 'x', 1), (1, 'y', NULL), (2, 'x', 3); INSERT INTO n VALUES (1);";
        sqlite(&before, make).unwrap();
        fs::copy(&before, &after).unwrap();
        assert_eq!(different(&after, &before).unwrap(), 0);
        let change = "INSERT INTO t VALUES (3, 'z', 1); UPDATE t SET c = 2 WHERE b = 'y'; DELETE FROM t WHERE a = 2; \
                      UPDATE n SET v = 2;";
        sqlite(&after, change).unwrap();
        assert_eq!(different(&after, &before).unwrap(), 4);
    }
}
