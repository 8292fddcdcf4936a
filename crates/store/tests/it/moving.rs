//! A store that is moved to PostgreSQL is the same there.

use keyreeve_model::{ImportRunId, Inventory};
use keyreeve_store::{AuditFilter, Store, StoreError, left_by_moves};

use crate::place::Place;
use crate::sample::*;

/// What there was to read as of each run.
async fn history(store: &Store, runs: i64) -> Vec<Inventory> {
    let mut found = Vec::new();
    for run in 1..=runs {
        found.push(store.inventory_at(&id("s"), ImportRunId(run)).await.unwrap());
    }
    found
}

#[tokio::test]
async fn all_of_a_long_history_is_there_after_a_move() {
    let (here, mut there) = (Place::sqlite(), Place::postgres().await);
    there.key = here.key.clone();
    let store = here.create().await;
    store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
    let mut dice = Dice(4);
    for run in 0..6 {
        publish(&store, &random_inventory(&mut dice), at(100 + run)).await;
    }
    // More than goes in one piece.
    let mut many = Inventory::default();
    many.accounts.extend((0..3_000).map(|number| account(number, number % 6)));
    publish(&store, &many, at(200)).await;
    let before = history(&store, 7).await;
    let log = store.audit(&AuditFilter::default(), 100).await.unwrap();
    let planned = store.plan_move(&there.url).await.unwrap();
    let moved = store.move_to(&there.url, "local:test", at(300)).await.unwrap();
    assert_eq!(planned, moved.tables);
    assert!(!here.file().exists() && moved.kept.exists());
    assert_eq!(left_by_moves(&here.file()), [moved.kept]);

    let store = there.open().await;
    assert!(history(&store, 7).await == before, "every run reads as it did");
    let mut rows = store.audit(&AuditFilter::default(), 100).await.unwrap();
    assert_eq!(rows.remove(0).action, "store_migrated");
    assert_eq!(rows, log);
    store.verify_audit().await.unwrap();
    assert_eq!(publish(&store, &many, at(400)).await.id.0, 8);
    assert_eq!(there.number("SELECT COUNT(*) FROM account_versions WHERE valid_from_run = 8").await, 0);
    store.close().await;
}

#[tokio::test]
async fn a_store_goes_nowhere_but_from_sqlite_to_an_empty_postgresql() {
    let (here, there) = (Place::sqlite(), Place::postgres().await);
    let store = here.create().await;
    let other = there.create().await;
    let refused = |error: StoreError, expected: &str| {
        assert!(matches!(error, StoreError::MoveRefused { .. }), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
    };
    refused(other.plan_move(&there.url).await.unwrap_err(), "in PostgreSQL already");
    refused(store.plan_move(&here.url).await.unwrap_err(), "that of an SQLite file");
    refused(store.plan_move(&there.url).await.unwrap_err(), "holds another store");
    other.close().await;
    // Also if that came up after it was looked.
    refused(store.move_to(&there.url, "local:test", at(1)).await.unwrap_err(), "holds another store");
    let store = here.open().await;
    store.verify_audit().await.unwrap();
    store.close().await;
}
