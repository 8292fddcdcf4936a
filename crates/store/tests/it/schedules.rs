//! Schedules of imports: each of their times is taken once, whoever looks.

use keyreeve_model::{FailureKind, ImportProfile, ImportRunState, ProfileName};
use keyreeve_store::{ImportSchedule, Outcome, Store, StoreError, TurnOutcome};

use crate::place::Place;
use crate::sample::*;

fn scheduled(expression: &str) -> ImportProfile {
    ImportProfile { schedule: Some(expression.parse().unwrap()), ..profile() }
}

async fn store_with_schedule(place: &Place) -> Store {
    let store = place.create().await;
    store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
    assert!(store.import_schedules(at(0)).await.unwrap().is_empty());
    store.put_import_profile(&id("s"), &scheduled("30 2 * * *"), "local:ada", at(10)).await.unwrap();
    store
}

async fn only(store: &Store, seconds: i64) -> ImportSchedule {
    let mut found = store.import_schedules(at(seconds)).await.unwrap();
    assert_eq!(found.len(), 1);
    let of_system = store.import_schedules_of(&id("s"), at(seconds)).await.unwrap();
    assert_eq!(format!("{of_system:?}"), format!("{found:?}"));
    found.remove(0)
}

#[tokio::test]
async fn a_schedule_begins_when_it_was_set_and_anew_when_it_was_changed() {
    for place in Place::both().await {
        let store = store_with_schedule(&place).await;
        let first = only(&store, 10).await;
        assert_eq!((first.taken_for, &first.outcome, first.failures), (at(10), &TurnOutcome::New, 0));
        store.refuse_turn(&first.turn(at(20)), "because", true, at(21)).await.unwrap();
        // What is no change of the times leaves them as they are.
        let narrow = ImportProfile { path_prefix: "/staff/".to_owned(), ..scheduled("30 2 * * *") };
        store.put_import_profile(&id("s"), &narrow, "local:ada", at(30)).await.unwrap();
        let second = only(&store, 31).await;
        assert_eq!((second.taken_for, second.failures), (at(20), 1));
        assert_eq!(second.outcome, TurnOutcome::Refused { at: at(21), reason: "because".to_owned() });
        let zone = ImportProfile { time_zone: "Europe/Berlin".to_owned(), ..narrow };
        store.put_import_profile(&id("s"), &zone, "local:ada", at(40)).await.unwrap();
        let third = only(&store, 41).await;
        assert_eq!((third.taken_for, third.outcome, third.failures), (at(40), TurnOutcome::New, 0));
        // Who has seen the schedule as it was before takes nothing.
        let late = store.refuse_turn(&second.turn(at(50)), "late", false, at(50)).await.unwrap_err();
        assert!(matches!(late, StoreError::TurnTaken { .. }), "{late:?}");
        store.put_import_profile(&id("s"), &profile(), "local:ada", at(60)).await.unwrap();
        assert!(store.import_schedules(at(60)).await.unwrap().is_empty());
        // Not even after it was taken away and set once more.
        store.put_import_profile(&id("s"), &zone, "local:ada", at(70)).await.unwrap();
        assert_eq!(only(&store, 70).await.taken_for, at(70));
        let late = store.begin_schedule_anew(&first.turn(at(71))).await.unwrap_err();
        assert!(matches!(late, StoreError::TurnTaken { .. }), "{late:?}");
        let log = store.audit(&keyreeve_store::AuditFilter::default(), 99).await.unwrap();
        let set: Vec<_> = log.iter().filter(|row| row.action == "profile_set").collect();
        assert_eq!(set.len(), 5);
        assert!(set.iter().all(|row| row.actor == "local:ada"));
        assert!(set.iter().any(|row| row.subject["profile"]["time_zone"] == "Europe/Berlin"
            && row.subject["profile"]["schedule"] == "30 2 * * *"));
        store.close().await;
    }
}

#[tokio::test]
async fn a_run_and_its_time_are_taken_together_or_not_at_all() {
    for place in Place::both().await {
        let store = store_with_schedule(&place).await;
        let seen = only(&store, 20).await;
        let begin = |now| {
            let (store, turn) = (&store, seen.turn(at(20)));
            async move {
                let profile = scheduled("30 2 * * *");
                store.begin_scheduled_import_run(&turn, &profile, "schedule:default", at(now), LEASE).await
            }
        };
        // Somebody else imports: the time stays to be seen to.
        let other = store.begin_import_run(&id("s"), &profile(), "local:ada", at(15), LEASE).await.unwrap();
        assert!(matches!(begin(20).await, Err(StoreError::ImportRunning { .. })));
        let busy = only(&store, 20).await;
        assert_eq!((busy.taken_for, busy.busy_until), (at(10), Some(other.lease_until)));
        assert_eq!(only(&store, 60).await.busy_until, None);
        store.finish_import_run(&other, record(at(0)), Outcome::Failed, at(22)).await.unwrap();
        let lease = begin(23).await.unwrap();
        let run = store.get_import_run(lease.run).await.unwrap();
        assert_eq!((run.actor.as_str(), run.state), ("schedule:default", ImportRunState::Running));
        let under_way = only(&store, 24).await;
        assert_eq!((under_way.taken_for, under_way.failures), (at(20), 0));
        assert!(matches!(&under_way.outcome, TurnOutcome::Run(run) if run.id == lease.run));
        // The run is over, and who saw the time as open does not run it again: not even a row is left behind.
        store.finish_import_run(&lease, record(at(0)), Outcome::Failed, at(25)).await.unwrap();
        let runs = store.list_import_runs(&id("s"), None, 9).await.unwrap().len();
        assert!(matches!(begin(26).await, Err(StoreError::TurnTaken { .. })));
        assert_eq!(store.list_import_runs(&id("s"), None, 9).await.unwrap().len(), runs);
        assert_eq!(only(&store, 27).await.failures, 1);
        store.close().await;
    }
}

#[tokio::test]
async fn failures_in_a_row_are_counted_and_a_success_ends_them() {
    for place in Place::both().await {
        let store = store_with_schedule(&place).await;
        for number in 1..4 {
            let seen = only(&store, 100 * number).await;
            assert_eq!(i64::from(seen.failures), number - 1);
            let turn = seen.turn(at(100 * number));
            let lease = store
                .begin_scheduled_import_run(&turn, &seen.profile, "schedule:default", at(100 * number), LEASE)
                .await
                .unwrap();
            if number == 2 {
                // Its process ends without a word.
                assert_eq!(only(&store, 201).await.failures, 0, "under way");
                let lapsed = only(&store, 290).await;
                assert_eq!(lapsed.failures, 2);
                assert!(matches!(&lapsed.outcome, TurnOutcome::Run(run)
                    if run.state == ImportRunState::Running && run.went_wrong(at(290))));
            } else {
                let failed =
                    store.finish_import_run(&lease, record(at(0)), Outcome::Failed, at(100 * number + 1));
                failed.await.unwrap();
            }
        }
        let seen = only(&store, 400).await;
        assert_eq!(seen.failures, 3);
        store.refuse_turn(&seen.turn(at(400)), "no secret", true, at(400)).await.unwrap();
        let seen = only(&store, 401).await;
        assert_eq!(seen.failures, 4);
        let lease = store
            .begin_scheduled_import_run(
                &seen.turn(at(500)),
                &seen.profile,
                "schedule:default",
                at(500),
                LEASE,
            )
            .await
            .unwrap();
        store.publish_import_run(&lease, record(at(0)), &Default::default(), at(501)).await.unwrap();
        let seen = only(&store, 502).await;
        assert_eq!(seen.failures, 0);
        store.refuse_turn(&seen.turn(at(503)), "no secret", true, at(503)).await.unwrap();
        let seen = only(&store, 504).await;
        assert_eq!(seen.failures, 1, "those before the success do not count");
        store.refuse_turn(&seen.turn(at(505)), "quarantined", false, at(505)).await.unwrap();
        assert_eq!(only(&store, 506).await.failures, 0);
        store.close().await;
    }
}

#[tokio::test]
async fn of_many_that_see_a_time_one_takes_it() {
    for place in Place::both().await {
        let store = std::sync::Arc::new(store_with_schedule(&place).await);
        let others: Vec<_> = {
            let mut others = Vec::new();
            for _ in 0..6 {
                others.push(place.open().await);
            }
            others
        };
        for round in 1..6 {
            let seen = only(&store, 100 * round).await;
            let takers = others.iter().map(|other| {
                let (turn, profile) = (seen.turn(at(100 * round)), seen.profile.clone());
                async move {
                    let begun = other
                        .begin_scheduled_import_run(
                            &turn,
                            &profile,
                            "schedule:default",
                            at(100 * round),
                            LEASE,
                        )
                        .await;
                    match begun {
                        Ok(lease) => {
                            let end = other.finish_import_run(
                                &lease,
                                record(at(0)),
                                Outcome::Failed,
                                at(100 * round),
                            );
                            end.await.unwrap();
                            true
                        }
                        Err(StoreError::ImportRunning { .. } | StoreError::TurnTaken { .. }) => false,
                        Err(error) => panic!("{error:?}"),
                    }
                }
            });
            let took = futures::future::join_all(takers).await;
            assert_eq!(took.iter().filter(|took| **took).count(), 1, "round {round}");
        }
        assert_eq!(store.list_import_runs(&id("s"), None, 99).await.unwrap().len(), 5);
        for other in others {
            other.close().await;
        }
    }
}

#[tokio::test]
async fn systems_that_are_out_of_use_say_so_and_removed_ones_have_no_schedules() {
    for place in Place::both().await {
        let store = store_with_schedule(&place).await;
        let staff = ImportProfile { name: ProfileName::new("staff").unwrap(), ..scheduled("@hourly") };
        store.put_import_profile(&id("s"), &staff, "local:ada", at(11)).await.unwrap();
        let names: Vec<_> = store
            .import_schedules(at(12))
            .await
            .unwrap()
            .into_iter()
            .map(|one| one.profile.name.to_string())
            .collect();
        assert_eq!(names, ["default", "staff"]);
        let reason = keyreeve_model::Failure {
            kind: FailureKind::AccountMismatch,
            message: "another account".to_owned(),
            effect: keyreeve_model::Effect::None,
            at: at(12),
        };
        store.quarantine_system(&id("s"), reason, at(12)).await.unwrap();
        let seen = store.import_schedules(at(13)).await.unwrap();
        assert_eq!(seen[0].system_state, keyreeve_model::SystemState::Quarantined);
        assert_eq!(seen[0].state_reason.as_ref().unwrap().message, "another account");
        store.remove_system(&id("s"), ("local:ada", None), at(14)).await.unwrap();
        assert!(store.import_schedules(at(15)).await.unwrap().is_empty());
        let gone = store.refuse_turn(&seen[0].turn(at(15)), "gone", false, at(15)).await.unwrap_err();
        assert!(matches!(gone, StoreError::SystemRemoved { .. }), "{gone:?}");
        store.close().await;
    }
}
