//! How fast an AWS account is asked: one row for all, changed by one at a time, by the database's own time.

use std::sync::Arc;

use keyreeve_model::*;
use keyreeve_store::*;

use crate::place::Place;
use crate::provisioning::with_system;
use crate::sample::*;

fn account() -> AwsAccountId {
    "111122223333".parse().unwrap()
}

/// Takes the next tenth of a second.
fn tenth(pace: &mut AccountPace, now: PaceNow) -> (i64, i64) {
    let from = pace.taken_until.max(now.micros);
    pace.taken_until = from + 100_000;
    (from, pace.taken_until)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_moment_is_given_to_two_however_many_ask() {
    for place in Place::both().await {
        let store = Arc::new(with_system(&place).await);
        let askers = (0..8).map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let mut given = Vec::new();
                for _ in 0..10 {
                    given.push(store.change_account_pace(&account(), &tenth).await.unwrap());
                }
                given
            })
        });
        let mut given = Vec::new();
        for asker in askers.collect::<Vec<_>>() {
            given.extend(asker.await.unwrap());
        }
        given.sort_unstable();
        assert_eq!(given.len(), 80);
        for two in given.windows(2) {
            assert!(two[0].1 <= two[1].0, "{two:?}");
        }
        store.close().await;
    }
}

#[tokio::test]
async fn what_is_known_of_a_pace_is_kept_and_goes_back_with_the_databases_clock() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let (nothing, now) = store.account_pace(&account()).await.unwrap();
        assert_eq!((nothing, now.systems, now.cap), (None, 0, None));
        let kept = store
            .change_account_pace(&account(), &|pace, now| {
                *pace = AccountPace {
                    taken_until: now.micros + 5_000_000,
                    granted: Some(12.345),
                    is_guess: true,
                    decreased_at: Some(now.micros - 7),
                    passed: 9,
                    counted_since: Some(now.micros - 8),
                    revision: 3,
                    askers: [("one", 60_000_000), ("over", -1)]
                        .map(|(name, later)| (name.to_owned(), now.micros + later))
                        .into(),
                };
                pace.clone()
            })
            .await
            .unwrap();
        let (seen, _) = store.account_pace(&account()).await.unwrap();
        let alive = kept.askers.clone().into_iter().filter(|(name, _)| name == "one").collect();
        assert_eq!(seen.unwrap(), AccountPace { askers: alive, ..kept.clone() });
        // As if an hour had been taken back: nobody waits for it.
        let hour = "UPDATE account_paces SET changed_at = changed_at + 3600000000, \
                    taken_until = taken_until + 3600000000, decreased_at = decreased_at + 3600000000";
        place.tamper(hour).await;
        let (seen, now) = store.account_pace(&account()).await.unwrap();
        let seen = seen.unwrap();
        assert!(seen.taken_until <= now.micros + 5_000_000, "{seen:?} at {now:?}");
        assert!(seen.decreased_at.unwrap() <= now.micros, "{seen:?} at {now:?}");
        store.close().await;
    }
}

#[tokio::test]
async fn the_lowest_cap_of_the_systems_of_an_account_holds_for_it() {
    for place in Place::both().await {
        let store = place.create().await;
        for (name, cap) in [("a", Some(9.0)), ("b", Some(4.5)), ("c", None)] {
            let settings = SystemSettings { max_requests_per_second: cap, ..new_system(name, name).settings };
            let system = NewSystem {
                settings,
                aws_account_id: Some(account()),
                ..new_system(name, &format!("N{name}"))
            };
            store.create_system(system, "local:test", at(0)).await.unwrap();
        }
        let (_, now) = store.account_pace(&account()).await.unwrap();
        assert_eq!((now.systems, now.cap), (3, Some(4.5)));
        store.close().await;
    }
}
