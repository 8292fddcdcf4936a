//! Passwords: released when they are in force, handed over once.

use std::sync::Arc;

use keyreeve_model::*;
use keyreeve_store::*;

use super::*;
use crate::place::Place;

/// A claimed task whose second step takes a password.
async fn claimed(store: &Store) -> ClaimedTask {
    store.create_job(&job(vec![creation("ada")]), at(1)).await.unwrap();
    claim(store, 2).await
}

async fn seal(store: &Store, claimed: &ClaimedTask, password: SealedPassword, now: i64) {
    let event = JournalEvent::Attempt { seq: 2, password: Some(password) };
    write(store, &claimed.lease, event, now).await.unwrap();
}

async fn settle(store: &Store, claimed: &ClaimedTask, state: StepState, now: i64) {
    write(store, &claimed.lease, outcome(2, state), now).await.unwrap();
}

async fn all(store: &Store, claimed: &ClaimedTask) -> Vec<DeliveryState> {
    store.deliveries(claimed.task.job).await.unwrap().iter().map(|delivery| delivery.state).collect()
}

async fn ciphertexts(place: &Place) -> i64 {
    place.number("SELECT COUNT(*) FROM password_deliveries WHERE ciphertext IS NOT NULL").await
}

#[tokio::test]
async fn a_password_is_handed_over_only_when_its_call_was_applied() {
    use DeliveryState::{Candidate, Destroyed, Released};
    for place in Place::both().await {
        let store = with_system(&place).await;
        let ada = claimed(&store).await;
        let peek = async |now| store.peek_delivery("one", at(now)).await.unwrap();
        let gone = async || {
            peek(9).await.is_none()
                && matches!(store.open_delivery("one", at(9)).await, Err(StoreError::DeliveryGone))
        };
        seal(&store, &ada, sealed("one"), 3).await;
        assert!(all(&store, &ada).await == [Candidate] && gone().await);
        settle(&store, &ada, StepState::Unknown, 4).await;
        assert!(all(&store, &ada).await == [Candidate] && gone().await);
        settle(&store, &ada, StepState::Planned, 5).await;
        assert!(all(&store, &ada).await == [Destroyed] && gone().await);
        assert_eq!(ciphertexts(&place).await, 0);
        seal(&store, &ada, sealed("one"), 6).await;
        write(&store, &ada.lease, JournalEvent::NotMade { seq: 2 }, 6).await.unwrap();
        assert!(all(&store, &ada).await == [Destroyed; 2] && gone().await);
        seal(&store, &ada, sealed("one"), 7).await;
        settle(&store, &ada, StepState::Applied, 8).await;
        assert_eq!(all(&store, &ada).await, [Destroyed, Destroyed, Released]);
        let found = &store.deliveries(ada.task.job).await.unwrap()[2];
        assert_eq!((found.task, found.step, found.kind.as_str()), (ada.task.id, 2, "link"));
        assert_eq!((found.lookup.as_deref(), found.created_at), (Some("one"), at(7)));
        assert_eq!(ciphertexts(&place).await, 1);
        assert_eq!(store.job_of_task(ada.task.id).await.unwrap(), ada.task.job);
        assert!(matches!(store.job_of_task(TaskId(99)).await, Err(StoreError::TaskNotFound { .. })));
        for _ in 0..2 {
            assert_eq!(peek(9).await.unwrap(), b"sealed for one");
        }
        assert!(found.expires_at.is_none_or(|end| end > at(9)));
        assert_eq!(store.open_delivery("one", at(9)).await.unwrap(), b"sealed for one");
        assert!(peek(9).await.is_none());
        assert_eq!(ciphertexts(&place).await, 0);
        store.close().await;
    }
}

#[tokio::test]
async fn a_destroyed_password_is_not_released_by_an_outcome_that_proves_the_call() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let ada = claimed(&store).await;
        seal(&store, &ada, sealed("one"), 3).await;
        settle(&store, &ada, StepState::Unknown, 4).await;
        write(&store, &ada.lease, JournalEvent::DestroyPassword { seq: 2 }, 5).await.unwrap();
        settle(&store, &ada, StepState::Applied, 6).await;
        assert_eq!(all(&store, &ada).await, [DeliveryState::Destroyed]);
        assert_eq!(ciphertexts(&place).await, 0);
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_that_open_a_link_at_once_one_gets_the_password() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let ada = claimed(&store).await;
        seal(&store, &ada, sealed("one"), 3).await;
        settle(&store, &ada, StepState::Applied, 4).await;
        let store = Arc::new(store);
        let racers: Vec<_> = (0..50)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.open_delivery("one", at(5)).await })
            })
            .collect();
        let (mut opened, mut used) = (0, 0);
        for racer in racers {
            match racer.await.unwrap() {
                Ok(password) => {
                    assert_eq!(password, b"sealed for one");
                    opened += 1;
                }
                Err(StoreError::DeliveryUsed) => used += 1,
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!((opened, used), (1, 49));
        let said = async |action: &str| {
            let filter = AuditFilter { action: Some(action.to_owned()), ..Default::default() };
            store.audit(&filter, 100).await.unwrap().len()
        };
        assert_eq!((said("password_opened").await, said("password_second_attempt").await), (1, 49));
        let found = &store.deliveries(ada.task.job).await.unwrap()[0];
        assert_eq!((found.state, found.opened_at), (DeliveryState::Opened, Some(at(5))));
        store.verify_audit().await.unwrap();
        store.close().await;
    }
}

#[tokio::test]
async fn what_expired_or_never_was_is_gone_in_the_same_words() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let ada = claimed(&store).await;
        let short = SealedPassword { expires_at: Some(at(100)), ..sealed("one") };
        seal(&store, &ada, short, 3).await;
        settle(&store, &ada, StepState::Applied, 4).await;
        let mut said = Vec::new();
        for (lookup, now) in [("one", 100), ("one", 101), ("never", 5), ("ONE", 5), ("one/", 5), ("", 5)] {
            let refused = store.open_delivery(lookup, at(now)).await.unwrap_err();
            assert!(matches!(refused, StoreError::DeliveryGone), "{lookup}: {refused:?}");
            said.push(refused.to_string());
        }
        assert!(said.iter().all(|text| *text == said[0]));
        assert_eq!(all(&store, &ada).await, [DeliveryState::Expired]);
        assert_eq!(ciphertexts(&place).await, 0);
        store.close().await;
    }
}

#[tokio::test]
async fn passwords_that_nobody_opened_are_wiped_when_their_time_is_over() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let ada = claimed(&store).await;
        let short = SealedPassword { expires_at: Some(at(100)), ..sealed("one") };
        seal(&store, &ada, short, 3).await;
        settle(&store, &ada, StepState::Applied, 4).await;
        assert_eq!(store.expire_deliveries(at(99)).await.unwrap(), 0);
        assert_eq!(store.expire_deliveries(at(100)).await.unwrap(), 1);
        assert_eq!(store.expire_deliveries(at(100)).await.unwrap(), 0);
        assert_eq!(ciphertexts(&place).await, 0);
        assert!(matches!(store.open_delivery("one", at(50)).await, Err(StoreError::DeliveryGone)));
        store.close().await;
    }
}

#[tokio::test]
async fn a_later_password_under_the_same_link_takes_the_place_of_the_earlier_one() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let ada = claimed(&store).await;
        seal(&store, &ada, sealed("one"), 3).await;
        settle(&store, &ada, StepState::Applied, 4).await;
        let added = Step { seq: 3, ..ada.task.steps[1].clone() };
        let event = JournalEvent::ReplaceSteps { steps: vec![added], replans: 1 };
        write(&store, &ada.lease, event, 5).await.unwrap();
        let later = SealedPassword { ciphertext: b"later".to_vec(), ..sealed("one") };
        let event = JournalEvent::Attempt { seq: 3, password: Some(later) };
        write(&store, &ada.lease, event, 6).await.unwrap();
        assert_eq!(all(&store, &ada).await, [DeliveryState::Released, DeliveryState::Candidate]);
        write(&store, &ada.lease, outcome(3, StepState::Applied), 7).await.unwrap();
        assert_eq!(all(&store, &ada).await, [DeliveryState::Destroyed, DeliveryState::Released]);
        assert_eq!(store.open_delivery("one", at(8)).await.unwrap(), b"later");
        assert!(matches!(store.open_delivery("one", at(8)).await, Err(StoreError::DeliveryUsed)));
        store.close().await;
    }
}

#[tokio::test]
async fn a_recipient_may_read_again_and_an_operator_is_shown_it_once() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let ada = claimed(&store).await;
        let task = ada.task.id;
        let kind = |kind: &str, text: &str| SealedPassword {
            kind: kind.to_owned(),
            ciphertext: text.as_bytes().to_vec(),
            lookup: None,
            expires_at: Some(at(100)),
        };
        assert!(matches!(store.delivery_text(task, at(3)).await, Err(StoreError::DeliveryGone)));
        assert!(matches!(store.reveal_delivery(task, "berta", at(3)).await, Err(StoreError::DeliveryGone)));
        seal(&store, &ada, kind("recipient", "age"), 3).await;
        assert!(matches!(store.delivery_text(task, at(3)).await, Err(StoreError::DeliveryGone)));
        settle(&store, &ada, StepState::Applied, 4).await;
        for _ in 0..2 {
            assert_eq!(store.delivery_text(task, at(5)).await.unwrap(), b"age");
        }
        assert!(matches!(store.delivery_text(task, at(100)).await, Err(StoreError::DeliveryGone)));
        assert!(matches!(store.reveal_delivery(task, "berta", at(5)).await, Err(StoreError::DeliveryGone)));

        let added = Step { seq: 3, ..ada.task.steps[1].clone() };
        let event = JournalEvent::ReplaceSteps { steps: vec![added], replans: 1 };
        write(&store, &ada.lease, event, 5).await.unwrap();
        let event =
            JournalEvent::Attempt { seq: 3, password: Some(kind("operator", "under no key of ours")) };
        let refused = write(&store, &ada.lease, event, 6).await.unwrap_err();
        assert!(refused.to_string().contains("key was changed"), "{refused}");
        let (system, password) = (&ada.task.system_id, Secret::new("shown".to_owned()));
        let ciphertext = store.seal_for_operator(system, "ada", &password).await.unwrap();
        let event = JournalEvent::Attempt {
            seq: 3,
            password: Some(SealedPassword { ciphertext, ..kind("operator", "") }),
        };
        write(&store, &ada.lease, event, 6).await.unwrap();
        write(&store, &ada.lease, outcome(3, StepState::Applied), 7).await.unwrap();
        let revealed = store.reveal_delivery(task, "berta", at(8)).await.unwrap();
        let opened = store.open_for_operator(system, "ada", &revealed).await.unwrap();
        assert_eq!(opened.expose(), "shown");
        let elsewhere = store.open_for_operator(system, "bob", &revealed).await.unwrap_err();
        assert!(matches!(elsewhere, StoreError::SecretUnreadable { .. }), "{elsewhere:?}");
        assert!(matches!(store.reveal_delivery(task, "carla", at(8)).await, Err(StoreError::DeliveryUsed)));
        let rows = store.audit(&AuditFilter::default(), 2).await.unwrap();
        let said: Vec<_> = rows.iter().map(|row| (row.actor.as_str(), row.action.as_str())).collect();
        assert_eq!(said, [("carla", "password_second_attempt"), ("berta", "password_opened")]);
        store.close().await;
    }
}

#[tokio::test]
async fn no_file_holds_a_ciphertext_that_was_opened_and_no_audit_row_ever_does() {
    let place = Place::sqlite();
    let store = with_system(&place).await;
    let ada = claimed(&store).await;
    let canary = "CIPHERTEXTCANARY";
    let password = SealedPassword { ciphertext: canary.as_bytes().to_vec(), ..sealed("one") };
    assert!(!format!("{password:?}").contains(&canary[..8]));
    seal(&store, &ada, password, 3).await;
    settle(&store, &ada, StepState::Applied, 4).await;
    store.open_delivery("one", at(5)).await.unwrap();
    for row in store.audit(&AuditFilter::default(), 1000).await.unwrap() {
        assert!(!format!("{row:?}").contains(canary));
    }
    let backup = place.folder.path().join("backup.db");
    store.backup(&backup).await.unwrap();
    store.close().await;
    for file in [backup, place.file()] {
        let bytes = std::fs::read(file).unwrap();
        assert!(!bytes.windows(canary.len()).any(|window| window == canary.as_bytes()));
    }
}

#[tokio::test]
async fn a_password_that_nobody_opens_is_unclaimed_until_it_is_replaced() {
    const DAY: i64 = 24 * 3_600;
    for place in Place::both().await {
        let store = with_system(&place).await;
        let ada = claimed(&store).await;
        let short = SealedPassword { expires_at: Some(at(DAY)), ..sealed("one") };
        seal(&store, &ada, short, 3).await;
        assert!(store.unclaimed_passwords(at(9 * DAY), None).await.unwrap().is_empty(), "not in force yet");
        settle(&store, &ada, StepState::Applied, 4).await;
        assert!(store.unclaimed_passwords(at(3 * DAY + 2), None).await.unwrap().is_empty());
        let found = store.unclaimed_passwords(at(3 * DAY + 3), None).await.unwrap();
        assert_eq!((found.len(), found[0].account.as_str(), found[0].task), (1, "ada", ada.task.id));
        assert_eq!((found[0].created_at, found[0].state), (at(3), DeliveryState::Released));
        store.expire_deliveries(at(DAY)).await.unwrap();
        let found = store.unclaimed_passwords(at(3 * DAY + 3), None).await.unwrap();
        assert_eq!(found[0].state, DeliveryState::Expired);
        let settings = SystemSettings { unclaimed_password_days: 5, ..SystemSettings::default() };
        let patch = SystemPatch { settings: Some(settings), ..SystemPatch::default() };
        store.update_system(&found[0].system_id, patch, "local:test", at(6)).await.unwrap();
        assert!(store.unclaimed_passwords(at(4 * DAY), None).await.unwrap().is_empty());
        assert_eq!(store.unclaimed_passwords(at(6 * DAY), None).await.unwrap().len(), 1);
        store.remove_system(&found[0].system_id, ("local:test", None), at(7)).await.unwrap();
        assert!(store.unclaimed_passwords(at(6 * DAY), None).await.unwrap().is_empty());
        store.close().await;
    }
}

#[tokio::test]
async fn a_password_that_was_opened_is_claimed() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let ada = claimed(&store).await;
        seal(&store, &ada, sealed("one"), 3).await;
        settle(&store, &ada, StepState::Applied, 4).await;
        assert_eq!(store.unclaimed_passwords(at(1_000_000), None).await.unwrap().len(), 1);
        store.open_delivery("one", at(5)).await.unwrap();
        assert!(store.unclaimed_passwords(at(1_000_000), None).await.unwrap().is_empty());
        store.close().await;
    }
}
