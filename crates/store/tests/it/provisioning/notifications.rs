//! What people are to be told: in the outbox with the event itself, once, and never more than is kept.

use keyreeve_model::*;
use keyreeve_store::*;

use super::*;
use crate::place::Place;
use crate::sample::{LEASE, profile, random_inventory, record};

/// What is to be told now: kinds, subjects and how often it was tried, the oldest first.
async fn taken(store: &Store, now: i64) -> Vec<Notification> {
    store.take_notifications(5000, at(now), at(now + 100)).await.unwrap()
}

async fn kinds(store: &Store, now: i64) -> Vec<String> {
    taken(store, now).await.into_iter().map(|one| one.kind).collect()
}

fn reason() -> Failure {
    Failure {
        kind: FailureKind::AccountMismatch,
        message: "another account".to_owned(),
        effect: Effect::None,
        at: at(1),
    }
}

#[tokio::test]
async fn each_event_is_told_with_what_it_is_about() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        store.create_job(&job(vec![creation("ada")]), at(1)).await.unwrap();
        let ada = claim(&store, 2).await;
        let password = JournalEvent::Attempt { seq: 2, password: Some(sealed("one")) };
        write(&store, &ada.lease, password, 3).await.unwrap();
        write(&store, &ada.lease, outcome(2, StepState::Applied), 4).await.unwrap();
        assert_eq!(store.open_delivery("one", at(5)).await.unwrap(), b"sealed for one");
        assert!(kinds(&store, 6).await.is_empty());
        for _ in 0..3 {
            store.open_delivery("one", at(6)).await.unwrap_err();
        }
        write(&store, &ada.lease, finish(TaskState::Failed), 7).await.unwrap();
        let system = ada.task.system_id.clone();
        let lease = store.begin_import_run(&system, &profile(), "t", at(8), LEASE).await.unwrap();
        let changes = difference(Inventory::default(), random_inventory(&mut crate::sample::Dice(1)));
        let suspended = Outcome::Suspended(changes);
        for _ in 0..2 {
            store.finish_import_run(&lease, record(at(9)), suspended.clone(), at(9)).await.unwrap();
        }
        store.quarantine_system(&system, reason(), at(10)).await.unwrap();
        let told = taken(&store, 10).await;
        let said: Vec<_> = told.iter().map(|one| (one.kind.as_str(), one.subject.clone())).collect();
        let (job, task) = (ada.task.job, ada.task.id);
        let expected = [
            ("link_opened_again", serde_json::json!({"job": job, "task": task, "account": "ada"})),
            ("job_failed", serde_json::json!({"job": job, "state": "failed"})),
            ("import_suspended", serde_json::json!({"import_run": lease.run})),
            ("system_quarantined", serde_json::json!({})),
        ];
        assert_eq!(said, expected);
        assert!(told.iter().all(|one| one.system_id.as_ref() == Some(&system) && one.attempts == 1));
        // Whoever took them has his time; what was told is told no more, and what was not comes again.
        assert!(kinds(&store, 109).await.is_empty());
        for one in &told[1..] {
            store.notification_told(one.id, at(50)).await.unwrap();
        }
        store.notification_untold(told[0].id, at(60)).await.unwrap();
        assert!(kinds(&store, 59).await.is_empty());
        assert_eq!(taken(&store, 60).await[0].attempts, 2);
        assert_eq!(store.standing().await.unwrap().untold_notifications, 1);
        store.open_delivery("one", at(70)).await.unwrap_err();
        assert_eq!(store.standing().await.unwrap().untold_notifications, 1);
        store.close().await;
    }
}

#[tokio::test]
async fn passwords_that_nobody_takes_are_told_of_once() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        store.create_job(&job(vec![creation("ada")]), at(1)).await.unwrap();
        let ada = claim(&store, 2).await;
        let password = JournalEvent::Attempt { seq: 2, password: Some(sealed("one")) };
        write(&store, &ada.lease, password, 3).await.unwrap();
        write(&store, &ada.lease, outcome(2, StepState::Applied), 4).await.unwrap();
        store.tell_of_unclaimed_passwords(at(5)).await.unwrap();
        assert!(kinds(&store, 5).await.is_empty());
        let late = 4 + 3 * 24 * 3600;
        for _ in 0..2 {
            store.tell_of_unclaimed_passwords(at(late)).await.unwrap();
        }
        let told = taken(&store, late).await;
        assert_eq!(told.len(), 1);
        assert_eq!(
            (told[0].kind.as_str(), &told[0].subject["account"]),
            ("password_unclaimed", &"ada".into())
        );
        store.notification_told(told[0].id, at(late)).await.unwrap();
        store.tell_of_unclaimed_passwords(at(late + 200)).await.unwrap();
        assert!(kinds(&store, late + 200).await.is_empty());
        store.close().await;
    }
}

#[tokio::test]
async fn no_more_is_kept_than_there_may_be_and_the_oldest_gives_way() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        place
            .tamper(
                "INSERT INTO notifications (dedupe, kind, system_id, subject, at, attempts, next_at) \
                 WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) \
                 SELECT 'made:' || i, 'made', NULL, '{}', 0, 0, 0 FROM n",
            )
            .await;
        let before = taken(&store, 1).await;
        assert_eq!(before.len() as i64, MOST_UNTOLD);
        let system = store.list_systems(false).await.unwrap()[0].system_id.clone();
        for now in [2, 3] {
            store.quarantine_system(&system, reason(), at(now)).await.unwrap();
            store.release_system(&system, ("local:test", None), at(now)).await.unwrap();
        }
        let after = taken(&store, 200).await;
        assert_eq!(after.len() as i64, MOST_UNTOLD);
        assert_eq!(after[0].id, before[2].id);
        assert_eq!(after[998].kind, "system_quarantined");
        store.close().await;
    }
}

#[tokio::test]
async fn drift_is_told_with_how_much_of_it_there_is() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let system = store.list_systems(false).await.unwrap()[0].system_id.clone();
        store.create_job(&job(vec![creation("ada")]), at(1)).await.unwrap();
        let lease = store.begin_import_run(&system, &profile(), "t", at(2), LEASE).await.unwrap();
        place
            .tamper(
                "INSERT INTO claims (claim_id, system_key, task_id, step, account_external_id, account, topic, fact, \
                 state, claimed_at) SELECT 7, system_key, task_id, 1, 'AIDA', 'ada', 't', '{}', 'open', 0 FROM tasks",
            )
            .await;
        let settled = vec![(ClaimId(7), ClaimState::Contradicted)];
        let claims = ClaimsSeen { settled, restored: Vec::new() };
        for _ in 0..2 {
            let record = RunRecord { claims: claims.clone(), ..record(at(3)) };
            store.publish_import_run(&lease, record, &ChangeSet::default(), at(3)).await.unwrap();
        }
        let told = taken(&store, 3).await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].kind, "drift");
        assert_eq!(told[0].subject, serde_json::json!({"import_run": lease.run, "claims": 1}));
        assert_eq!(store.standing().await.unwrap().contradicted_claims, 1);
        store.close().await;
    }
}

#[tokio::test]
async fn a_job_that_waits_for_a_second_person_is_told_of_once_and_others_are_not() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        store.create_job(&job(vec![creation("ada")]), at(1)).await.unwrap();
        assert!(kinds(&store, 2).await.is_empty());
        let waits = NewJob { approval_because: vec!["it is much".to_owned()], ..job(vec![creation("bea")]) };
        let waits = store.create_job(&waits, at(3)).await.unwrap();
        let told = taken(&store, 4).await;
        let said: Vec<_> = told.iter().map(|one| (one.kind.as_str(), one.subject.clone())).collect();
        let subject = serde_json::json!({"job": waits.id, "because": ["it is much"]});
        assert_eq!(said, [("job_awaits_approval", subject)]);
        assert_eq!(told[0].system_id.as_ref(), Some(&waits.system_id));
        store.notification_told(told[0].id, at(5)).await.unwrap();
        store.decide_job(waits.id, true, "local:other", None, at(6)).await.unwrap();
        assert!(kinds(&store, 1_000).await.is_empty());
        store.close().await;
    }
}

#[tokio::test]
async fn what_is_to_be_told_holds_until_somebody_has_seen_to_it() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let system = store.get_system(&id("s")).await.unwrap().system_id;
        let waits = NewJob { approval_because: vec!["it is much".to_owned()], ..job(vec![task("bea")]) };
        let waits = store.create_job(&waits, at(1)).await.unwrap();
        let fails = store.create_job(&job(vec![task("ada")]), at(1)).await.unwrap();
        let ada = claim(&store, 2).await;
        write(&store, &ada.lease, finish(TaskState::Failed), 3).await.unwrap();
        let lease = store.begin_import_run(&system, &profile(), "t", at(4), LEASE).await.unwrap();
        let changes = difference(Inventory::default(), random_inventory(&mut crate::sample::Dice(1)));
        store.finish_import_run(&lease, record(at(5)), Outcome::Suspended(changes), at(5)).await.unwrap();
        store.quarantine_system(&system, reason(), at(6)).await.unwrap();
        let told = taken(&store, 7).await;
        let holding = async || {
            let mut holding = Vec::new();
            for one in &told {
                if store.still_holds(one, at(8)).await.unwrap() {
                    holding.push(one.kind.as_str());
                }
            }
            holding
        };
        let kinds = ["job_awaits_approval", "job_failed", "import_suspended", "system_quarantined"];
        assert_eq!(holding().await, kinds);
        store.decide_job(waits.id, false, "local:other", None, at(8)).await.unwrap();
        assert_eq!(holding().await, kinds[1..]);
        store.retry_job(fails.id, &retry("anna"), at(8)).await.unwrap();
        assert_eq!(holding().await, kinds[2..]);
        store.reject_import_run(lease.run, "local:other", "no", at(8)).await.unwrap();
        assert_eq!(holding().await, kinds[3..]);
        store.release_system(&system, ("amy", None), at(8)).await.unwrap();
        assert!(holding().await.is_empty());
        store.close().await;
    }
}
