//! Each call to the database failing once, or its answer lost: nothing is half done, and nothing is done twice.

use keyreeve_model::*;
use keyreeve_store::*;

use super::*;
use crate::faults::each_call_fails_once;
use crate::place::Place;

/// Everything that can be read of the jobs.
async fn all(store: &Store) -> Vec<ProvisioningJob> {
    let mut jobs = Vec::new();
    for job in store.jobs(&id("s"), None, 1000).await.unwrap() {
        jobs.push(store.job(job.id).await.unwrap());
    }
    jobs
}

fn event_with_everything() -> JournalEvent {
    JournalEvent::Outcome {
        seq: 1,
        state: StepState::Applied,
        unchanged: Some(true),
        request_id: None,
        failure: None,
        claims: vec![ClaimFact::AccountExists, ClaimFact::LoginProfilePresent],
        account: Some((external("AIDANEW".to_owned()), "ada".to_owned())),
    }
}

#[tokio::test]
async fn every_call_survives_each_of_its_statements_failing_once() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let approval =
            NewJob { approval_because: vec!["many".into()], ..job(vec![creation("ada"), task("bob")]) };
        each_call_fails_once(&store, "create", async |_| {
            store.create_job(&approval, at(1)).await.map(|_| ())
        })
        .await;
        assert_eq!(all(&store).await.len(), 1, "nothing of a failed attempt remains");
        let made = all(&store).await.remove(0).id;
        each_call_fails_once(&store, "approve", async |_| {
            store.decide_job(made, true, "berta", None, at(2)).await.map(|_| ())
        })
        .await;
        let held = std::sync::Mutex::new(None);
        each_call_fails_once(&store, "claim", async |_| {
            let claimed = store.claim_tasks(None, None, "w", at(3), LEASE, 1).await?;
            assert_eq!(
                (claimed.len(), claimed[0].lease.epoch),
                (1, 1),
                "nothing of a failed attempt remains"
            );
            *held.lock().unwrap() = Some(claimed[0].lease.clone());
            Ok(())
        })
        .await;
        let lease = held.into_inner().unwrap().unwrap();
        let write_once = async |what: &str, event: JournalEvent| {
            let before = all(&store).await;
            each_call_fails_once(&store, what, async |_| {
                let written = write(&store, &lease, event.clone(), 4).await;
                if written.is_err() {
                    assert_eq!(all(&store).await, before, "{what}");
                }
                written
            })
            .await;
        };
        write_once("attempt", JournalEvent::Attempt { seq: 1, password: Some(sealed("one")) }).await;
        write_once("outcome", event_with_everything()).await;
        let steps = vec![Step { seq: 3, ..all(&store).await[0].tasks[0].steps[1].clone() }];
        write_once("replace", JournalEvent::ReplaceSteps { steps, replans: 1 }).await;
        write_once("finish", finish(TaskState::Failed)).await;
        each_call_fails_once(&store, "open", async |_| {
            store.open_delivery("one", at(5)).await.map(|password| assert_eq!(password, b"sealed for one"))
        })
        .await;
        each_call_fails_once(&store, "cancel", async |_| {
            store.cancel_job(made, "anna", at(6)).await.map(|_| ())
        })
        .await;
        each_call_fails_once(&store, "retry", async |_| {
            store.retry_job(made, &retry("anna"), at(7)).await.map(|_| ())
        })
        .await;
        let token = NewToken {
            id: TokenId("k".into()),
            secret_sha256: [0; 32],
            owner: "anna".into(),
            role: Role::Viewer,
            systems: vec![],
            expires_at: None,
        };
        each_call_fails_once(&store, "token", async |_| {
            store.create_token(&token, "anna", at(8)).await.map(|_| ())
        })
        .await;
        each_call_fails_once(&store, "remove", async |_| {
            store.remove_system(&id("s"), ("local:test", None), at(9)).await.map(|_| ())
        })
        .await;
        store.verify_audit().await.unwrap();
        store.close().await;
    }
}

#[tokio::test]
async fn a_call_whose_answer_was_lost_finds_out_and_is_not_done_twice() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        store.lose_commit_answer(1);
        let made = store.create_job(&job(vec![task("ada"), task("bob")]), at(1)).await.unwrap();
        assert!(!store.fault_pending());
        assert_eq!(store.jobs(&id("s"), None, 9).await.unwrap().len(), 1);
        store.lose_commit_answer(1);
        let ada = claim(&store, 2).await;
        assert_eq!((ada.task.account.as_str(), ada.lease.epoch), ("ada", 1));
        store.lose_commit_answer(1);
        write(&store, &ada.lease, attempt(1), 3).await.unwrap();
        assert!(!store.fault_pending());
        let step = &store.job(made.id).await.unwrap().tasks[0].steps[0];
        assert_eq!((step.state, step.attempts), (StepState::Attempting, 1));
        // When the answer is lost and the log cannot be asked, the caller is told that nobody knows.
        // Eight calls write an outcome: begin, lock, two reads, the step, the row, the head, commit.
        store.lose_commit_answer(1);
        store.fail_call(9);
        let unknown = write(&store, &ada.lease, outcome(1, StepState::Planned), 4).await.unwrap_err();
        assert!(matches!(unknown, StoreError::CommitUnknown { .. }), "{unknown:?}");
        store.clear_faults();
        assert_eq!(store.job(made.id).await.unwrap().tasks[0].steps[0].state, StepState::Planned);
        store.verify_audit().await.unwrap();
        store.close().await;
    }
}

#[tokio::test]
async fn a_call_whose_commit_did_not_happen_finds_out_and_does_it() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        store.drop_commit(1);
        let made = store.create_job(&job(vec![task("ada")]), at(1)).await.unwrap();
        assert!(!store.fault_pending());
        let ada = claim(&store, 2).await;
        store.drop_commit(1);
        write(&store, &ada.lease, attempt(1), 3).await.unwrap();
        assert!(!store.fault_pending());
        let step = &store.job(made.id).await.unwrap().tasks[0].steps[0];
        assert_eq!((step.state, step.attempts), (StepState::Attempting, 1));
        store.verify_audit().await.unwrap();
        store.close().await;
    }
}

#[tokio::test]
async fn a_group_that_fails_as_a_whole_gives_each_entry_the_error() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        store.create_job(&job(vec![task("ada"), task("bob")]), at(1)).await.unwrap();
        let held = store.claim_tasks(None, None, "w", at(2), LEASE, 2).await.unwrap();
        let entries: Vec<_> =
            held.iter().map(|held| JournalEntry { lease: held.lease.clone(), event: attempt(1) }).collect();
        store.fail_call(6);
        let answers = store.journal(entries.clone(), at(3)).await;
        assert!(answers.iter().all(|answer| matches!(answer, Err(StoreError::Io { .. }))), "{answers:?}");
        assert_eq!(answers.len(), 2);
        store.refuse_call(6);
        for answer in store.journal(entries, at(4)).await {
            answer.unwrap();
        }
        let job = store.job(held[0].task.job).await.unwrap();
        assert!(job.tasks.iter().all(|task| task.steps[0].attempts == 1));
        store.close().await;
    }
}
