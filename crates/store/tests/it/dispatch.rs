//! Errands and places: who does what, where many processes work on one store.

use std::collections::BTreeSet;

use keyreeve_model::*;
use keyreeve_store::*;

use crate::place::Place;
use crate::provisioning::{attempt, finish, job, task, with_system, write};
use crate::sample::*;

fn import(system: &str, subject: &str, due: i64) -> NewErrand {
    NewErrand {
        kind: ErrandKind::Import,
        system_id: id(system),
        subject: subject.to_owned(),
        due_at: at(due),
        failures: 0,
    }
}

async fn taken(store: &Store, now: i64, most: usize) -> Vec<(String, String)> {
    let errands = store.claim_errands(ErrandKind::Import, "p", at(now), most).await.unwrap();
    errands.into_iter().map(|errand| (errand.system_id.to_string(), errand.subject)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_errand_is_taken_once_however_many_take() {
    for place in Place::both().await {
        let store = std::sync::Arc::new(with_system(&place).await);
        let errands: Vec<_> = (0..120).map(|number| import("s", &format!("p{number}"), 1)).collect();
        store.offer_errands(&errands).await.unwrap();
        let takers = (0..8).map(|_| {
            let store = std::sync::Arc::clone(&store);
            tokio::spawn(async move {
                let mut all = Vec::new();
                loop {
                    let some = taken(&store, 2, 3).await;
                    if some.is_empty() {
                        return all;
                    }
                    all.extend(some);
                }
            })
        });
        let mut all = Vec::new();
        for taker in takers.collect::<Vec<_>>() {
            all.extend(taker.await.unwrap());
        }
        assert_eq!(all.len(), 120);
        assert_eq!(all.into_iter().collect::<BTreeSet<_>>().len(), 120);
        assert_eq!(taken(&store, 9, 9).await, []);
        store.close().await;
    }
}

#[tokio::test]
async fn systems_have_their_turns_one_after_the_other_and_nothing_comes_before_its_time() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        store.create_system(new_system("t", "T"), "local:test", at(0)).await.unwrap();
        let many: Vec<_> = (0..50).map(|number| import("s", &format!("p{number:02}"), number)).collect();
        store.offer_errands(&many).await.unwrap();
        store.offer_errands(&[import("t", "late", 60), import("t", "later", 90)]).await.unwrap();
        // Offered once more, it stays as it was.
        store.offer_errands(&[import("t", "later", 1)]).await.unwrap();
        assert_eq!(taken(&store, 70, 1).await, [("s".to_owned(), "p00".to_owned())]);
        assert_eq!(taken(&store, 71, 1).await, [("t".to_owned(), "late".to_owned())]);
        assert_eq!(taken(&store, 72, 2).await.len(), 2);
        assert_eq!(taken(&store, 90, 1).await, [("t".to_owned(), "later".to_owned())]);
        assert_eq!(taken(&store, 100, 100).await.len(), 47);
        store.close().await;
    }
}

fn deletion(account: &str) -> NewTask {
    let wish = serde_json::from_value(serde_json::json!({"task": "delete_account", "account": account}));
    NewTask { wish: wish.unwrap(), ..task(account) }
}

#[tokio::test]
async fn who_is_to_lose_access_comes_first_and_jobs_that_are_over_are_looked_at_by_nobody() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let some = store.create_job(&job(vec![task("ada")]), at(1)).await.unwrap().id;
        let leaver = store.create_job(&job(vec![deletion("bob")]), at(2)).await.unwrap().id;
        let over = store.create_job(&job(vec![task("eve")]), at(3)).await.unwrap().id;
        let all = [some, leaver, over].map(|job| NewErrand::job(job, id("s"), at(4)));
        store.offer_errands(&all).await.unwrap();
        let held = store.claim_task(None, Some(over), "w", at(4), LEASE).await.unwrap().unwrap();
        for seq in [1, 2] {
            write(&store, &held.lease, attempt(seq), 5).await.unwrap();
            write(&store, &held.lease, crate::provisioning::outcome(seq, StepState::Applied), 5)
                .await
                .unwrap();
        }
        write(&store, &held.lease, finish(TaskState::Succeeded), 5).await.unwrap();
        let errands = store.claim_errands(ErrandKind::Job, "p", at(6), 9).await.unwrap();
        let jobs: Vec<_> = errands.iter().map(|errand| errand.job().unwrap()).collect();
        assert_eq!(jobs, [leaver, some]);
        let left = "SELECT COUNT(*) FROM errands";
        assert_eq!(place.number(left).await, 1);
        store.drop_idle_errands().await.unwrap();
        assert_eq!(place.number(left).await, 0);
        store.close().await;
    }
}

async fn ours(store: &Store, holder: &str, now: i64) -> PlaceLease {
    match store.take_place("system s", holder, at(now), LEASE).await.unwrap() {
        PlaceTaken::Ours(lease) => lease,
        elsewhere => panic!("{elsewhere:?}"),
    }
}

#[tokio::test]
async fn a_job_is_left_to_the_process_that_changes_its_aws_account() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let made = store.create_job(&job(vec![task("ada")]), at(1)).await.unwrap().id;
        let taken = async |holder: &str, now: i64| {
            store.offer_errands(&[NewErrand::job(made, id("s"), at(1))]).await.unwrap();
            !store.claim_errands(ErrandKind::Job, holder, at(now), 9).await.unwrap().is_empty()
        };
        let held = ours(&store, "one", 2).await;
        assert!(taken("one", 3).await);
        assert!(!taken("two", 3).await);
        assert!(taken("two", 32).await, "its time is over");
        store.renew_place(&held, at(32), LEASE).await.unwrap();
        assert!(!taken("two", 33).await);
        store.give_back_place(&held).await.unwrap();
        assert!(taken("two", 34).await);
        store.close().await;
    }
}

#[tokio::test]
async fn one_process_has_the_place_of_an_aws_account_and_who_lost_it_writes_nothing() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let made = store.create_job(&job(vec![task("ada"), task("bob")]), at(1)).await.unwrap().id;
        let of_try = store.job_try(made).await.unwrap();
        let stalled = ours(&store, "stalled", 2).await;
        let until = at(32);
        let elsewhere = PlaceTaken::Elsewhere { holder: "stalled".to_owned(), until };
        assert_eq!(store.take_place("system s", "heir", at(31), LEASE).await.unwrap(), elsewhere);
        let claim = async |place: &PlaceLease, now: i64| {
            store.claim_tasks_of_try(of_try, Some(place), "w", at(now), LEASE, 9).await
        };
        let held = claim(&stalled, 3).await.unwrap().unwrap();
        assert_eq!(held.len(), 2);
        write(&store, &held[0].lease, attempt(1), 4).await.unwrap();
        let heir = ours(&store, "heir", 32).await;
        // Nobody has taken the tasks yet, and still nothing is written of them by whoever had the place.
        for held in &held {
            let lost = write(&store, &held.lease, attempt(2), 32).await.unwrap_err();
            assert!(matches!(lost, StoreError::TaskLeaseLost { .. }), "{lost:?}");
            let lost = store.renew_task_lease(&held.lease, at(32), LEASE).await.unwrap_err();
            assert!(matches!(lost, StoreError::TaskLeaseLost { .. }), "{lost:?}");
        }
        let leases: Vec<_> = held.iter().map(|held| held.lease.clone()).collect();
        assert!(store.renew_task_leases(&leases, at(32), LEASE).await.unwrap().is_empty());
        let refused = claim(&stalled, 33).await.unwrap_err();
        assert!(matches!(refused, StoreError::PlaceLost { .. }), "{refused:?}");
        let refused = store.renew_place(&stalled, at(33), LEASE).await.unwrap_err();
        assert!(matches!(refused, StoreError::PlaceLost { .. }), "{refused:?}");
        store.give_back_place(&stalled).await.unwrap();
        let inherited = claim(&heir, 34).await.unwrap().unwrap();
        write(&store, &inherited[0].lease, JournalEvent::Postpone { not_before: at(40), failure: None }, 35)
            .await
            .unwrap();
        store.close().await;
    }
}

#[tokio::test]
async fn a_system_that_was_served_waits_for_its_turn_also_when_it_had_nothing_else() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        store.create_system(new_system("t", "T"), "local:test", at(0)).await.unwrap();
        store.offer_errands(&[import("s", "one", 1)]).await.unwrap();
        assert_eq!(taken(&store, 5, 9).await, [("s".to_owned(), "one".to_owned())]);
        let many: Vec<_> = (0..40).map(|number| import("t", &format!("p{number:02}"), 2)).collect();
        store.offer_errands(&many).await.unwrap();
        store.offer_errands(&[import("s", "two", 3)]).await.unwrap();
        assert_eq!(taken(&store, 6, 1).await, [("t".to_owned(), "p00".to_owned())]);
        assert_eq!(taken(&store, 7, 1).await, [("s".to_owned(), "two".to_owned())]);
        // Offered once more with others, what waits stays as it is.
        store.offer_errands(&many).await.unwrap();
        assert_eq!(taken(&store, 8, 99).await.len(), 40);
        store.close().await;
    }
}
