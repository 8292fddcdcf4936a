//! Leases, fences, and what people decide.

use keyreeve_model::{FailureKind, ImportRunState, Inventory, difference};
use keyreeve_store::{AsOf, Outcome, StoreError};

use crate::place::Place;
use crate::sample::*;

#[tokio::test]
async fn one_import_of_a_system_runs_at_a_time_and_a_dead_one_is_taken_over() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        let first = begin(&store, at(0)).await;
        let refused = store.begin_import_run(&id("s"), &profile(), "b", at(29), LEASE).await.unwrap_err();
        match refused {
            StoreError::ImportRunning { run, lease_until } => {
                assert_eq!((run, lease_until), (first.run, at(30)));
            }
            other => panic!("{other:?}"),
        }
        let renewed = store.renew_import_lease(&first, at(20), LEASE).await.unwrap();
        assert_eq!(renewed.lease_until, at(50));
        assert!(store.begin_import_run(&id("s"), &profile(), "b", at(49), LEASE).await.is_err());
        let second = store.begin_import_run(&id("s"), &profile(), "b", at(50), LEASE).await.unwrap();
        let dead = store.get_import_run(first.run).await.unwrap();
        assert_eq!(dead.state, ImportRunState::Failed);
        assert_eq!(dead.failure.unwrap().kind, FailureKind::Interrupted);

        let changes = difference(Inventory::default(), random_inventory(&mut Dice(1)));
        for refused in [
            store.publish_import_run(&first, record(at(51)), &changes, at(51)).await.unwrap_err(),
            store
                .finish_import_run(&first, record(at(51)), Outcome::Suspended(changes.clone()), at(51))
                .await
                .unwrap_err(),
            store.renew_import_lease(&first, at(51), LEASE).await.unwrap_err(),
        ] {
            assert!(matches!(refused, StoreError::LeaseLost { run } if run == first.run), "{refused:?}");
        }
        assert_eq!(place.version_rows().await, 0);
        store.publish_import_run(&second, record(at(52)), &changes, at(52)).await.unwrap();
        store.close().await;
    }
}

#[tokio::test]
async fn of_many_that_begin_at_once_one_gets_the_lease() {
    for place in Place::both().await {
        let store = std::sync::Arc::new(place.create().await);
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        let racers: Vec<_> = (0..8)
            .map(|number| {
                let store = store.clone();
                tokio::spawn(async move {
                    store
                        .begin_import_run(&id("s"), &profile(), &format!("racer {number}"), at(0), LEASE)
                        .await
                })
            })
            .collect();
        let mut won = 0;
        for racer in racers {
            match racer.await.unwrap() {
                Ok(_) => won += 1,
                Err(StoreError::ImportRunning { .. }) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(won, 1);
        store.close().await;
    }
}

#[tokio::test]
async fn accepting_publishes_exactly_the_evidence_and_rejecting_nothing() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        let (old, new) = (random_inventory(&mut Dice(1)), random_inventory(&mut Dice(2)));
        publish(&store, &old, at(1)).await;
        let suspend = async |now| {
            let lease = begin(&store, now).await;
            let known = store.current_inventory(&id("s")).await.unwrap();
            let changes = difference(known, new.clone());
            let outcome = Outcome::Suspended(changes.clone());
            let run = store.finish_import_run(&lease, record(now), outcome, now).await.unwrap();
            assert_eq!(
                run.changes_sha256.clone().unwrap(),
                keyreeve_store::changes_sha256(&changes).unwrap()
            );
            assert_eq!(store.import_changes(run.id).await.unwrap(), changes);
            run
        };
        let rejected = suspend(at(10)).await;
        let done = store.reject_import_run(rejected.id, "anna", "no", at(11)).await.unwrap();
        assert_eq!((done.state, done.decided_by.as_deref()), (ImportRunState::Rejected, Some("anna")));
        assert_eq!(plain(store.current_inventory(&id("s")).await.unwrap()), old);
        let again = store.accept_import_run(rejected.id, "anna", "yes", at(12)).await.unwrap_err();
        assert!(matches!(again, StoreError::IllegalMove { .. }), "{again:?}");

        let (one, two) = (suspend(at(20)).await, suspend(at(30)).await);
        let revisions = async || place.number("SELECT COUNT(*) FROM scim_revisions").await;
        assert_eq!(revisions().await, 0);
        let done = store.accept_import_run(one.id, "anna", "known", at(200_000)).await.unwrap();
        // Who looks over SCIM is told of it as of what is published at once.
        assert!(revisions().await > 0);
        assert_eq!((done.state, done.published_at), (ImportRunState::Published, Some(at(200_000))));
        assert_eq!(plain(store.current_inventory(&id("s")).await.unwrap()), new);
        let late = store.accept_import_run(two.id, "anna", "too", at(200_001)).await.unwrap_err();
        assert!(matches!(late, StoreError::Superseded { latest, .. } if latest == Some(one.id)), "{late:?}");
        store.close().await;
    }
}

#[tokio::test]
async fn altered_evidence_is_neither_shown_nor_published() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        let lease = begin(&store, at(0)).await;
        let changes = difference(Inventory::default(), random_inventory(&mut Dice(1)));
        let run =
            store.finish_import_run(&lease, record(at(1)), Outcome::Suspended(changes), at(1)).await.unwrap();
        place.tamper("DELETE FROM import_changes WHERE seq = 2").await;
        let shown = store.import_changes(run.id).await.unwrap_err();
        let accepted = store.accept_import_run(run.id, "anna", "ok", at(2)).await.unwrap_err();
        for refused in [shown, accepted] {
            assert!(matches!(refused, StoreError::EvidenceAltered { .. }), "{refused:?}");
        }
        assert_eq!(place.version_rows().await, 0);
        store.close().await;
    }
}

#[tokio::test]
async fn a_run_whose_baseline_moved_writes_nothing() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        let changes = difference(Inventory::default(), random_inventory(&mut Dice(1)));
        let lease = begin(&store, at(0)).await;
        let outcome = Outcome::Suspended(changes.clone());
        let suspended = store.finish_import_run(&lease, record(at(1)), outcome, at(1)).await.unwrap();
        let running = begin(&store, at(2)).await;
        store.accept_import_run(suspended.id, "anna", "ok", at(3)).await.unwrap();
        let rows = place.version_rows().await;
        let refused = store.publish_import_run(&running, record(at(4)), &changes, at(4)).await.unwrap_err();
        assert!(matches!(refused, StoreError::BaselineMoved { .. }), "{refused:?}");
        assert_eq!(place.version_rows().await, rows);
        store.close().await;
    }
}

#[tokio::test]
async fn a_change_of_something_that_is_not_there_writes_nothing() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        publish(&store, &random_inventory(&mut Dice(1)), at(1)).await;
        let rows = place.version_rows().await;
        let stale = difference(random_inventory(&mut Dice(3)), random_inventory(&mut Dice(4)));
        let lease = begin(&store, at(2)).await;
        let refused = store.publish_import_run(&lease, record(at(3)), &stale, at(3)).await.unwrap_err();
        assert!(matches!(refused, StoreError::ChangesDoNotFit { .. }), "{refused:?}");
        assert_eq!(place.version_rows().await, rows);
        store.close().await;
    }
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_shuffle_the_history() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        let (old, new) = (random_inventory(&mut Dice(1)), random_inventory(&mut Dice(2)));
        publish(&store, &old, at(100)).await;
        let run = publish(&store, &new, at(50)).await;
        assert_eq!(run.published_at, Some(at(100)));
        let then = store.list_accounts(&id("s"), AsOf::Time(at(100)), &Default::default()).await.unwrap();
        assert_eq!(then.len(), new.accounts.len());
        store.close().await;
    }
}
