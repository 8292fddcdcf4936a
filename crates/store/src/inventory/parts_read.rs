//! Which parts of the tables of history PostgreSQL looks into.

use std::collections::BTreeSet;

use keyreeve_model::ImportRunId;

use super::query_plans::{accounts, assignments, reading_of};
use super::shown::select_held;
use super::{Reading, select_claimed};
use crate::history::{self, Versions};
use crate::statement::{Statement, Text};
use crate::transaction::reading;
use crate::{AccountFilter, AssignmentFilter, DatabaseUrl, Store, StoreError, StoreKey, tell_postgres};

/// The parts that a statement reads, as the plan names them.
async fn parts_read(store: &Store, text: Statement) -> BTreeSet<String> {
    let Text::Built(written) = text.text else { panic!("it is built") };
    let explained = Statement { text: Text::Built(format!("EXPLAIN {written}")), values: text.values };
    let lines: Result<Vec<String>, StoreError> = reading!(store, "explaining", |transaction| {
        transaction.fetch(explained.clone(), |row| row.text(0)).await
    })
    .await;
    let lines = lines.unwrap();
    // "… on account_versions_now_2 v"; of an index that is read apart, the line of its table comes above it.
    let found: BTreeSet<String> = lines
        .iter()
        .filter_map(|line| {
            let (_, named) = line.split_once(" on ")?;
            let named = named.split(' ').next()?;
            (named.contains("_versions") && !named.ends_with("idx") && !named.contains("_pkey"))
                .then(|| named.to_owned())
        })
        .collect();
    assert!(!found.is_empty(), "{lines:#?}");
    found
}

#[tokio::test]
async fn what_is_asked_of_one_system_reads_one_part_of_each_table() {
    let server = std::env::var("KEYREEVE_TEST_POSTGRES").expect("KEYREEVE_TEST_POSTGRES is not set");
    let schema = format!("parts{}", std::process::id());
    tell_postgres(&server, &format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}"))
        .await
        .unwrap();
    let separator = if server.contains('?') { '&' } else { '?' };
    let url: DatabaseUrl = format!("{server}{separator}options=-csearch_path%3D{schema}").parse().unwrap();
    let now = jiff::Timestamp::UNIX_EPOCH;
    let store = Store::create(&url, StoreKey::generate().unwrap(), now).await.unwrap();
    let reading = reading_of(&store).await;
    let text = |text: &str| Some(text.to_owned());
    let of_policy = AccountFilter { policy: text("P"), through_groups: true, ..AccountFilter::default() };
    let of_account = AssignmentFilter { account: text("ada"), ..AssignmentFilter::default() };
    let statements = [
        accounts(&reading, &AccountFilter::default()),
        accounts(&reading, &of_policy),
        assignments(&reading, &AssignmentFilter::default()),
        assignments(&reading, &of_account),
        reading.select(history::select_resources()),
        select_held(reading.dialect, &reading, &["AIDA1".parse().unwrap()]),
        select_claimed(&reading),
    ];
    for statement in statements {
        let found = parts_read(&store, statement).await;
        let mut tables = BTreeSet::new();
        for part in &found {
            let (table, _) =
                part.split_once("_now_").unwrap_or_else(|| panic!("the past is read: {found:?}"));
            assert!(tables.insert(table), "two parts of one table: {found:?}");
        }
    }
    // As of a run: what holds now in one part, and what ended since.
    let then = Reading { versions: Versions::At(ImportRunId(1)), ..reading };
    let found = parts_read(&store, then.select(history::select_accounts())).await;
    let past = found.iter().filter(|part| part.ends_with("_ended")).count();
    assert_eq!((found.len(), past), (2, 1), "{found:?}");
    store.close().await;
    tell_postgres(&server, &format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
}
