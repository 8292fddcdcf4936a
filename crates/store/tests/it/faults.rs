//! Each call to the database failing once: nothing is left half done, and doing it again succeeds.

use keyreeve_model::{ImportRunState, difference};
use keyreeve_store::{Outcome, Store, StoreError};

use crate::place::Place;
use crate::sample::*;

/// Repeats a workflow with its first, second, third … call failing, until a round has none left to fail.
pub(crate) async fn each_call_fails_once<W>(store: &Store, what: &str, work: W)
where
    W: AsyncFn(i64) -> Result<(), StoreError>,
{
    let mut fired = 0;
    for n in 1.. {
        store.fail_call(n);
        let failed = work(n.cast_signed()).await;
        if store.fault_pending() {
            store.clear_faults();
            failed.unwrap();
            break;
        }
        fired += 1;
        let error = failed.expect_err("a planted fault is not swallowed");
        assert!(matches!(error, StoreError::Io { .. }), "{what}, call {n}: {error:?}");
        assert!(n < 1000);
    }
    assert!(fired >= 3, "{what}: only {fired} calls");
}

#[tokio::test]
async fn every_workflow_survives_each_call_failing_once() {
    for place in Place::both().await {
        let store = place.create().await;
        each_call_fails_once(&store, "create", async |_| {
            store.create_system(new_system("s", "S"), "local:test", at(0)).await.map(|_| ())
        })
        .await;
        let (old, new) = (random_inventory(&mut Dice(1)), random_inventory(&mut Dice(2)));
        // The lease of an attempt that failed has run out when the next one begins.
        each_call_fails_once(&store, "publish", async |n| {
            let now = at(n * 100);
            let lease = store.begin_import_run(&id("s"), &profile(), "t", now, LEASE).await?;
            let known = store.current_inventory(&id("s")).await?;
            assert!(known.accounts.is_empty(), "nothing may be published by a failed attempt");
            let changes = difference(known, old.clone());
            store.publish_import_run(&lease, record(now), &changes, now).await.map(|_| ())
        })
        .await;
        assert_eq!(plain(store.current_inventory(&id("s")).await.unwrap()), old);
        each_call_fails_once(&store, "suspend and accept", async |n| {
            let now = at(1_000_000 + n * 100);
            let lease = store.begin_import_run(&id("s"), &profile(), "t", now, LEASE).await?;
            let known = store.current_inventory(&id("s")).await?;
            assert_eq!(plain(known.clone()), old);
            let outcome = Outcome::Suspended(difference(known, new.clone()));
            let run = store.finish_import_run(&lease, record(now), outcome, now).await?;
            store.accept_import_run(run.id, "t", "", now).await.map(|_| ())
        })
        .await;
        assert_eq!(plain(store.current_inventory(&id("s")).await.unwrap()), new);
        store.close().await;
    }
}

#[tokio::test]
async fn ending_a_run_again_after_its_answer_was_lost_gives_the_same_end() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        let inventory = random_inventory(&mut Dice(1));
        let changes = difference(Default::default(), inventory.clone());
        let lease = begin(&store, at(1)).await;
        let end = async || {
            store.finish_import_run(&lease, record(at(2)), Outcome::Suspended(changes.clone()), at(2)).await
        };
        store.lose_commit_answer(1);
        assert!(matches!(end().await, Err(StoreError::CommitUnknown { .. })));
        assert_eq!(end().await.unwrap().state, ImportRunState::Suspended);

        let lease = begin(&store, at(3)).await;
        let publish = async || store.publish_import_run(&lease, record(at(4)), &changes, at(4)).await;
        store.lose_commit_answer(1);
        assert!(matches!(publish().await, Err(StoreError::CommitUnknown { .. })));
        let rows = place.version_rows().await;
        assert_eq!(publish().await.unwrap().state, ImportRunState::Published);
        assert_eq!(place.version_rows().await, rows);
        assert_eq!(plain(store.current_inventory(&id("s")).await.unwrap()), inventory);
        store.close().await;
    }
}

#[tokio::test]
async fn a_transaction_the_database_refused_for_now_is_begun_again_as_a_whole() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        let mut dice = Dice(7);
        for n in 1.. {
            let inventory = random_inventory(&mut dice);
            let now = at(n * 100);
            let lease = begin(&store, now).await;
            let known = store.current_inventory(&id("s")).await.unwrap();
            let changes = difference(known, inventory.clone());
            store.refuse_call(n.cast_unsigned());
            let run = store.publish_import_run(&lease, record(now), &changes, now).await.unwrap();
            let all_tried = store.fault_pending();
            store.clear_faults();
            assert_eq!(plain(store.inventory_at(&id("s"), run.id).await.unwrap()), inventory, "call {n}");
            if all_tried {
                assert!(n > 10, "only {n} calls");
                break;
            }
        }
        store.close().await;
    }
}
