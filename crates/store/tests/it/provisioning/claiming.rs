//! Who gets which task, and when.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use keyreeve_model::*;
use keyreeve_store::*;

use super::*;
use crate::place::Place;

async fn claimed(store: &Store, now: i64, limit: usize) -> Vec<String> {
    let tasks = store.claim_tasks(Some(&id("s")), None, "w", at(now), LEASE, limit).await.unwrap();
    tasks.into_iter().map(|claimed| claimed.task.account).collect()
}

#[tokio::test]
async fn the_oldest_tasks_come_first_each_account_once_and_in_the_order_of_their_edges() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let by_name = NewTask { account_external_id: None, ..task("ADA") };
        let renamed = NewTask { account_external_id: task("ada").account_external_id, ..task("ada.new") };
        let tasks = vec![
            task("ada"),
            task("ada"),
            by_name,
            renamed,
            NewTask { after: vec![0], ..task("bob") },
            task("eve"),
        ];
        let made = store.create_job(&job(tasks), at(1)).await.unwrap();
        let first = store.claim_tasks(Some(&id("s")), None, "w", at(2), LEASE, 10).await.unwrap();
        assert_eq!(first.iter().map(|c| c.task.account.as_str()).collect::<Vec<_>>(), ["ada", "eve"]);
        let ada = &first[0];
        assert_eq!(
            (ada.task.state, ada.task.started_at, ada.task.crashes),
            (TaskState::Running, Some(at(2)), 0)
        );
        assert_eq!((ada.lease.account_key.as_str(), ada.lease.until), ("AIDAADA", at(32)));
        assert_eq!(ada.task.steps.len(), 2);
        assert_eq!(store.job(made.id).await.unwrap().state, JobState::Running);
        assert!(claimed(&store, 3, 10).await.is_empty());
        carry_out(&store, ada, 4).await;
        assert_eq!(claimed(&store, 5, 10).await, ["ada", "bob"]);
        store.close().await;
    }
}

#[tokio::test]
async fn a_system_or_job_narrows_the_search_and_quarantine_stops_it() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        store.create_system(new_system("t", "T"), "local:test", at(0)).await.unwrap();
        let one = store.create_job(&job(vec![task("ada")]), at(1)).await.unwrap();
        let elsewhere = NewJob { system_id: id("t"), ..job(vec![task("ada")]) };
        let two = store.create_job(&elsewhere, at(1)).await.unwrap();
        let get = async |system: Option<&str>, job: Option<JobId>, now| {
            let system = system.map(id);
            let found =
                store.claim_task(system.as_ref(), job, "w", at(now), Duration::from_secs(1)).await.unwrap();
            found.map(|claimed| claimed.task.job)
        };
        assert_eq!(get(Some("t"), None, 2).await, Some(two.id));
        assert_eq!(get(Some("t"), Some(one.id), 2).await, None);
        assert_eq!(get(Some("s"), Some(one.id), 2).await, Some(one.id));
        assert_eq!(get(None, Some(two.id), 10).await, Some(two.id));
        let reason = Failure { kind: FailureKind::CredentialBad, ..failure() };
        store.quarantine_system(&id("t"), reason, at(11)).await.unwrap();
        for (system, job) in [(Some("t"), None), (None, Some(two.id))] {
            assert_eq!(get(system, job, 20).await, None);
            let system = system.map(id);
            assert_eq!(store.next_due(system.as_ref(), job).await.unwrap(), None);
        }
        assert_eq!(get(None, None, 20).await, Some(one.id));
        store.release_system(&id("t"), ("local:test", None), at(21)).await.unwrap();
        assert_eq!(
            get(None, None, 20).await,
            Some(two.id),
            "the system with fewer tasks running comes first"
        );
        let unknown = store.claim_task(None, Some(JobId(99)), "w", at(3), LEASE).await.unwrap_err();
        assert!(matches!(unknown, StoreError::JobNotFound { .. }));
        store.close().await;
    }
}

#[tokio::test]
async fn a_long_queue_of_one_system_leaves_room_for_another() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        store.create_system(new_system("t", "T"), "local:test", at(0)).await.unwrap();
        let many: Vec<_> = (0..40).map(|number| task(&format!("u{number}"))).collect();
        store.create_job(&job(many), at(1)).await.unwrap();
        let few = NewJob { system_id: id("t"), ..job(vec![task("x"), task("y")]) };
        store.create_job(&few, at(2)).await.unwrap();
        let got = store.claim_tasks(None, None, "w", at(3), LEASE, 8).await.unwrap();
        let of_t = got.iter().filter(|claimed| claimed.task.system_id == id("t")).count();
        assert_eq!((got.len(), of_t), (8, 2));
        store.close().await;
    }
}

#[tokio::test]
async fn a_task_that_ended_three_workers_lets_the_others_of_its_job_go_first() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        store.create_job(&job(vec![task("ada"), task("bob"), task("eve")]), at(1)).await.unwrap();
        let mut taken = Vec::new();
        for round in 0..4 {
            taken.extend(claimed(&store, 2 + 40 * round, 1).await);
        }
        assert_eq!(taken, ["ada", "ada", "ada", "ada"], "who came to nothing is gone on with first");
        taken.clear();
        for more in 0..3 {
            taken.extend(claimed(&store, 170 + more, 1).await);
        }
        assert_eq!(taken, ["bob", "eve", "ada"]);
        store.close().await;
    }
}

#[tokio::test]
async fn a_task_whose_worker_died_is_taken_over_and_the_old_worker_writes_nothing() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let made = store.create_job(&job(vec![task("ada")]), at(1)).await.unwrap();
        let dead = claim(&store, 2).await;
        write(&store, &dead.lease, attempt(1), 3).await.unwrap();
        assert!(claimed(&store, 31, 1).await.is_empty());
        let heir = claim(&store, 32).await;
        assert_eq!((heir.task.crashes, heir.task.steps[0].state), (1, StepState::Attempting));
        assert_eq!(heir.task.started_at, Some(at(2)));
        assert!(heir.lease.epoch > dead.lease.epoch);
        let before = store.job(made.id).await.unwrap();
        let rows = store.audit(&AuditFilter::default(), 1000).await.unwrap();
        let events = [
            attempt(2),
            outcome(1, StepState::Applied),
            JournalEvent::NotMade { seq: 1 },
            JournalEvent::DestroyPassword { seq: 1 },
            JournalEvent::ReplaceSteps { steps: vec![], replans: 9 },
            JournalEvent::SetManifest(Manifest::default()),
            JournalEvent::Postpone { not_before: at(99), failure: None },
            finish(TaskState::Succeeded),
        ];
        for event in events {
            let lost = write(&store, &dead.lease, event, 33).await.unwrap_err();
            assert!(
                matches!(lost, StoreError::TaskLeaseLost { task } if task == dead.lease.task),
                "{lost:?}"
            );
        }
        let lost = store.renew_task_lease(&dead.lease, at(33), LEASE).await.unwrap_err();
        assert!(matches!(lost, StoreError::TaskLeaseLost { .. }));
        assert_eq!(store.job(made.id).await.unwrap(), before);
        assert_eq!(store.audit(&AuditFilter::default(), 1000).await.unwrap(), rows);
        write(&store, &heir.lease, outcome(1, StepState::Applied), 34).await.unwrap();
        store.close().await;
    }
}

#[tokio::test]
async fn a_lease_holds_after_its_time_until_somebody_takes_the_account() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let one = store.create_job(&job(vec![task("ada")]), at(1)).await.unwrap();
        let by_name = NewTask { account_external_id: None, ..task("ADA") };
        let two = store.create_job(&job(vec![by_name]), at(1)).await.unwrap();
        let slow = store.claim_task(None, Some(one.id), "a", at(2), LEASE).await.unwrap().unwrap();
        store.renew_task_lease(&slow.lease, at(30), LEASE).await.unwrap();
        assert!(store.claim_task(None, Some(two.id), "b", at(59), LEASE).await.unwrap().is_none());
        write(&store, &slow.lease, attempt(1), 70).await.unwrap();
        store.renew_task_lease(&slow.lease, at(70), LEASE).await.unwrap();
        assert!(store.claim_task(None, Some(two.id), "b", at(99), LEASE).await.unwrap().is_none());
        let other = store.claim_task(None, Some(two.id), "b", at(100), LEASE).await.unwrap().unwrap();
        let lost = write(&store, &slow.lease, outcome(1, StepState::Applied), 101).await.unwrap_err();
        assert!(matches!(lost, StoreError::TaskLeaseLost { .. }), "another task has the account: {lost:?}");
        assert!(matches!(
            store.renew_task_lease(&slow.lease, at(101), LEASE).await,
            Err(StoreError::TaskLeaseLost { .. })
        ));
        let waiting = &store.job(one.id).await.unwrap().tasks[0];
        assert_eq!((waiting.state, waiting.crashes), (TaskState::Queued, 1));
        assert!(store.claim_task(None, Some(one.id), "a", at(102), LEASE).await.unwrap().is_none());
        carry_out(&store, &other, 103).await;
        let again = store.claim_task(None, Some(one.id), "a", at(104), LEASE).await.unwrap().unwrap();
        assert!(again.lease.epoch > slow.lease.epoch);
        store.close().await;
    }
}

#[tokio::test]
async fn the_next_moment_is_that_of_a_time_or_of_a_lease_in_the_way() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let due = async |job: Option<JobId>| store.next_due(Some(&id("s")), job).await.unwrap();
        assert_eq!(due(None).await, None);
        let new = job(vec![task("ada"), NewTask { after: vec![0], ..task("bob") }]);
        let one = store.create_job(&new, at(1)).await.unwrap().id;
        assert_eq!(due(None).await, Some(at(1)));
        let ada = claim(&store, 2).await;
        assert_eq!(due(None).await, Some(at(32)), "bob waits for ada");
        let two = store.create_job(&job(vec![task("ada")]), at(3)).await.unwrap().id;
        assert_eq!(due(Some(two)).await, Some(at(32)), "the account is busy");
        let by_name = NewTask { account_external_id: None, ..task("ADA") };
        let three = store.create_job(&job(vec![by_name]), at(3)).await.unwrap().id;
        assert_eq!(due(Some(three)).await, Some(at(32)), "by its name too");
        store.cancel_job(three, "anna", at(3)).await.unwrap();
        let later = JournalEvent::Postpone { not_before: at(500), failure: Some(failure()) };
        write(&store, &ada.lease, later, 4).await.unwrap();
        assert_eq!((due(Some(one)).await, due(Some(two)).await), (Some(at(500)), Some(at(3))));
        assert!(store.claim_task(None, Some(one), "w", at(499), LEASE).await.unwrap().is_none());
        let ada = store.claim_task(None, Some(one), "w", at(500), LEASE).await.unwrap().unwrap();
        assert_eq!((ada.task.crashes, ada.task.not_before), (0, None));
        carry_out(&store, &ada, 501).await;
        let bob = store.claim_task(None, Some(one), "w", at(502), LEASE).await.unwrap().unwrap();
        carry_out(&store, &bob, 503).await;
        assert_eq!(due(Some(one)).await, None);
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_workers_never_hold_two_tasks_of_one_account_and_each_task_is_done_once() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let tasks = (0..60).map(|number| task(&format!("user{}", number % 6))).collect();
        let made = store.create_job(&job(tasks), at(1)).await.unwrap();
        // Two processes, as far as the database can tell.
        let (store, other) = (Arc::new(store), Arc::new(place.open().await));
        let busy = Arc::new(std::sync::Mutex::new(BTreeSet::new()));
        let workers = (0..6).map(|number| {
            let store = if number % 2 == 0 { store.clone() } else { other.clone() };
            let busy = busy.clone();
            tokio::spawn(async move {
                let mut done = 0;
                for _ in 0..5_000 {
                    let worker = format!("worker {number}");
                    let found = store.claim_tasks(None, None, &worker, at(2), LEASE, 2).await.unwrap();
                    if found.is_empty() && store.next_due(None, None).await.unwrap().is_none() {
                        return done;
                    }
                    for claimed in &found {
                        assert!(
                            busy.lock().unwrap().insert(claimed.task.account.clone()),
                            "two at one account"
                        );
                    }
                    for claimed in &found {
                        write(&store, &claimed.lease, attempt(1), 2).await.unwrap();
                        write(&store, &claimed.lease, outcome(1, StepState::Applied), 2).await.unwrap();
                        busy.lock().unwrap().remove(&claimed.task.account);
                        write(&store, &claimed.lease, finish(TaskState::Succeeded), 2).await.unwrap();
                        done += 1;
                    }
                    tokio::task::yield_now().await;
                }
                panic!("it never ends");
            })
        });
        let mut done = 0;
        for worker in workers.collect::<Vec<_>>() {
            done += worker.await.unwrap();
        }
        assert_eq!(done, 60);
        let ended = store.job(made.id).await.unwrap();
        assert_eq!(ended.state, JobState::Succeeded);
        assert!(ended.tasks.iter().all(|task| task.crashes == 0 && task.steps[0].attempts == 1));
        store.verify_audit().await.unwrap();
        other.close().await;
        store.close().await;
    }
}

#[tokio::test]
async fn two_systems_of_one_aws_account_do_not_change_an_account_at_a_time() {
    for place in Place::both().await {
        let store = place.create().await;
        for (system, name, account) in [("s", "S", "1"), ("t", "T", "1"), ("u", "U", "2")] {
            let account = AwsAccountId::new(account.repeat(12)).unwrap();
            let new = NewSystem { aws_account_id: Some(account), ..new_system(system, name) };
            store.create_system(new, "local:test", at(0)).await.unwrap();
        }
        for system in ["s", "t", "u"] {
            let new = NewJob { system_id: id(system), ..job(vec![task("ada")]) };
            store.create_job(&new, at(1)).await.unwrap();
        }
        // At once, and one after the other.
        let both = store.claim_tasks(None, None, "w", at(2), LEASE, 9).await.unwrap();
        let systems: Vec<_> = both.iter().map(|claimed| claimed.task.system_id.as_str()).collect();
        assert_eq!(systems, ["s", "u"]);
        let get = async |now| store.claim_task(Some(&id("t")), None, "v", at(now), LEASE).await.unwrap();
        assert!(get(3).await.is_none());
        assert_eq!(store.next_due(Some(&id("t")), None).await.unwrap(), Some(at(32)));
        // A lease that ran out is taken away, also from the other system.
        assert_eq!(get(33).await.unwrap().task.system_id, id("t"));
        let lost = write(&store, &both[0].lease, attempt(1), 34).await.unwrap_err();
        assert!(matches!(lost, StoreError::TaskLeaseLost { .. }), "{lost:?}");
        store.close().await;
    }
}
