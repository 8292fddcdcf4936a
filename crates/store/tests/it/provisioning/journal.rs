//! What is written down about tasks and steps.

use keyreeve_model::*;
use keyreeve_store::*;

use super::*;
use crate::place::Place;

#[tokio::test]
async fn attempts_and_outcomes_are_kept_with_all_they_say() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let made = store.create_job(&job(vec![task("ada")]), at(1)).await.unwrap();
        let ada = claim(&store, 2).await;
        let step = async |seq: usize| store.job(made.id).await.unwrap().tasks[0].steps[seq - 1].clone();
        write(&store, &ada.lease, attempt(1), 3).await.unwrap();
        let first = step(1).await;
        assert_eq!(
            (first.state, first.attempts, first.attempted_at),
            (StepState::Attempting, 1, Some(at(3)))
        );
        write(&store, &ada.lease, JournalEvent::NotMade { seq: 1 }, 4).await.unwrap();
        assert_eq!((step(1).await.state, step(1).await.attempts), (StepState::Planned, 0));
        write(&store, &ada.lease, attempt(1), 5).await.unwrap();
        let lost = JournalEvent::Outcome {
            seq: 1,
            state: StepState::Unknown,
            unchanged: None,
            request_id: None,
            failure: Some(failure()),
            claims: vec![],
            account: None,
        };
        write(&store, &ada.lease, lost, 6).await.unwrap();
        let first = step(1).await;
        assert_eq!(
            (first.state, first.finished_at, first.failure),
            (StepState::Unknown, None, Some(failure()))
        );
        write(&store, &ada.lease, outcome(1, StepState::Planned), 7).await.unwrap();
        write(&store, &ada.lease, attempt(1), 8).await.unwrap();
        write(&store, &ada.lease, outcome(1, StepState::Applied), 9).await.unwrap();
        let first = step(1).await;
        assert_eq!((first.state, first.attempts, first.finished_at), (StepState::Applied, 2, Some(at(9))));
        assert_eq!((first.unchanged, first.request_id.as_deref()), (Some(false), Some("request 1")));
        assert_eq!(first.failure, None);
        write(&store, &ada.lease, outcome(2, StepState::Skipped), 10).await.unwrap();
        let manifest = Manifest { login_profile: true, ..Manifest::default() };
        write(&store, &ada.lease, JournalEvent::SetManifest(manifest.clone()), 10).await.unwrap();
        let package = RecreatePackage {
            name: "ada".to_owned(),
            external_id: external("AIDAADA".to_owned()),
            path: "/".to_owned(),
            tags: None,
            permissions_boundary: None,
            groups: vec!["ops".to_owned()],
            policies: vec![],
            inline_policies: Default::default(),
            login_profile: true,
        };
        write(&store, &ada.lease, JournalEvent::SetRecreate(package.clone()), 10).await.unwrap();
        write(&store, &ada.lease, finish(TaskState::Succeeded), 11).await.unwrap();
        let ended = store.job(made.id).await.unwrap();
        let task = &ended.tasks[0];
        assert_eq!((task.manifest.as_ref(), task.recreate.as_ref()), (Some(&manifest), Some(&package)));
        assert_eq!((task.state, task.finished_at), (TaskState::Succeeded, Some(at(11))));
        assert_eq!(task.result.as_deref(), Some("it ended"));
        assert_eq!(
            (ended.state, ended.started_at, ended.finished_at),
            (JobState::Succeeded, Some(at(2)), Some(at(11)))
        );
        let late = write(&store, &ada.lease, attempt(2), 12).await.unwrap_err();
        assert!(matches!(late, StoreError::TaskLeaseLost { .. }));
        store.close().await;
    }
}

/// Brings step 1 of a fresh task into a state by legal moves.
async fn step_in(store: &Store, state: StepState) -> ClaimedTask {
    store.create_job(&job(vec![task(&format!("user{}", state.as_str()))]), at(1)).await.unwrap();
    let claimed = claim(store, 2).await;
    use StepState::{Attempting, Planned, Skipped};
    if !matches!(state, Planned | Skipped) {
        write(store, &claimed.lease, attempt(1), 3).await.unwrap();
    }
    if !matches!(state, Planned | Attempting) {
        write(store, &claimed.lease, outcome(1, state), 3).await.unwrap();
    }
    claimed
}

#[tokio::test]
async fn every_move_of_a_step_is_made_or_refused_as_the_model_says() {
    use StepState::{Applied, Attempting, NotApplied, Planned, Skipped, Unknown};
    let all = [Planned, Attempting, Unknown, Applied, NotApplied, Skipped];
    for place in Place::both().await {
        let store = with_system(&place).await;
        for from in all {
            for to in all {
                let claimed = step_in(&store, from).await;
                let event = if to == Attempting { attempt(1) } else { outcome(1, to) };
                let written = write(&store, &claimed.lease, event, 4).await;
                let now = store.job(claimed.task.job).await.unwrap().tasks[0].steps[0].state;
                if from.may_become(to) {
                    written.unwrap();
                    assert_eq!(now, to, "{from:?} to {to:?}");
                } else {
                    assert!(
                        matches!(written, Err(StoreError::Data { .. })),
                        "{from:?} to {to:?}: {written:?}"
                    );
                    assert_eq!(now, from, "{from:?} to {to:?}");
                }
                write(&store, &claimed.lease, finish(TaskState::Succeeded), 5).await.unwrap();
            }
            let claimed = step_in(&store, from).await;
            let throttled = write(&store, &claimed.lease, JournalEvent::NotMade { seq: 1 }, 4).await;
            assert_eq!(throttled.is_ok(), from == Attempting, "{from:?}");
            write(&store, &claimed.lease, finish(TaskState::Succeeded), 5).await.unwrap();
        }
        store.verify_audit().await.unwrap();
        store.close().await;
    }
}

#[tokio::test]
async fn a_task_ends_only_in_an_end_state_and_a_missing_step_is_refused() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        for to in [TaskState::Succeeded, TaskState::Failed, TaskState::NeedsPerson, TaskState::Cancelled] {
            let made = store.create_job(&job(vec![task("ada")]), at(1)).await.unwrap();
            let claimed = claim(&store, 2).await;
            for bad in [TaskState::Queued, TaskState::Running, TaskState::AwaitingApproval] {
                let refused = write(&store, &claimed.lease, finish(bad), 3).await;
                assert!(matches!(refused, Err(StoreError::Data { .. })), "{bad:?}: {refused:?}");
            }
            let refused = write(&store, &claimed.lease, attempt(7), 3).await;
            assert!(matches!(refused, Err(StoreError::Data { .. })), "{refused:?}");
            write(&store, &claimed.lease, finish(to), 4).await.unwrap();
            let ended = store.job(made.id).await.unwrap();
            assert_eq!((states(&ended), Some(ended.state)), (vec![to], JobState::of_tasks([to])));
        }
        store.close().await;
    }
}

#[tokio::test]
async fn of_a_group_the_entry_that_lost_its_lease_is_refused_and_the_others_are_written() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        store.create_job(&job(vec![task("ada"), task("bob"), task("eve")]), at(1)).await.unwrap();
        let held = store.claim_tasks(None, None, "w", at(2), LEASE, 3).await.unwrap();
        let [ada, bob, eve] = held.as_slice() else { panic!("{held:?}") };
        let stale = TaskLease { epoch: bob.lease.epoch - 1, ..bob.lease.clone() };
        let unknown = TaskLease { task: TaskId(999), ..bob.lease.clone() };
        let entries = [
            (&ada.lease, attempt(1)),
            (&stale, attempt(1)),
            (&eve.lease, attempt(1)),
            (&unknown, attempt(1)),
            (&eve.lease, outcome(2, StepState::Unknown)),
            (&ada.lease, outcome(1, StepState::Applied)),
            (&ada.lease, attempt(2)),
        ];
        let entries = entries.map(|(lease, event)| JournalEntry { lease: lease.clone(), event });
        let answers = store.journal(entries.to_vec(), at(3)).await;
        let said: Vec<_> = answers
            .iter()
            .map(|answer| match answer {
                Ok(()) => "written",
                Err(StoreError::TaskLeaseLost { .. }) => "lost",
                Err(StoreError::Data { .. }) => "does not fit",
                Err(_) => "another error",
            })
            .collect();
        let expected = ["written", "lost", "written", "lost", "does not fit", "written", "written"];
        assert_eq!(said, expected, "{answers:?}");
        let job = store.job(ada.task.job).await.unwrap();
        let steps: Vec<Vec<StepState>> =
            job.tasks.iter().map(|task| task.steps.iter().map(|step| step.state).collect()).collect();
        use StepState::{Applied, Attempting, Planned};
        assert_eq!(steps, [[Applied, Attempting], [Planned, Planned], [Attempting, Planned]]);
        let filter = AuditFilter { action: Some("step_attempted".to_owned()), ..Default::default() };
        let rows = store.audit(&filter, 100).await.unwrap();
        let said: Vec<_> = rows.iter().rev().map(|row| row.subject["task"].as_i64().unwrap()).collect();
        assert_eq!(said, [ada.task.id.0, eve.task.id.0, ada.task.id.0], "in the order of the group");
        assert!(store.journal(vec![], at(4)).await.is_empty());
        store.close().await;
    }
}

#[tokio::test]
async fn a_task_whose_row_cannot_be_read_does_not_stop_the_others_of_its_group() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        store.create_job(&job(vec![task("ada"), task("bob"), task("eve")]), at(1)).await.unwrap();
        let held = store.claim_tasks(None, None, "w", at(2), LEASE, 3).await.unwrap();
        place.tamper(&format!("UPDATE tasks SET state = 'lost' WHERE task_id = {}", held[0].task.id)).await;
        let text = format!("UPDATE steps SET state = 'lost' WHERE task_id = {}", held[1].task.id);
        place.tamper(&text).await;
        let entries = held.iter().map(|held| JournalEntry { lease: held.lease.clone(), event: attempt(1) });
        let answers = store.journal(entries.collect(), at(3)).await;
        assert!(matches!(answers[0], Err(StoreError::Data { .. })), "{answers:?}");
        assert!(matches!(answers[1], Err(StoreError::Data { .. })), "{answers:?}");
        assert!(answers[2].is_ok(), "{answers:?}");
        store.close().await;
    }
}

#[tokio::test]
async fn a_new_plan_keeps_what_was_attempted_skips_what_is_not_in_it_and_adds_the_rest() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let mut long = task("ada");
        let more = NewStep { after: vec![], ..long.steps[0].clone() };
        long.steps = vec![more.clone(), more.clone(), more.clone(), more];
        let made = store.create_job(&job(vec![long]), at(1)).await.unwrap();
        let ada = claim(&store, 2).await;
        for (seq, state) in [(1, StepState::Applied), (2, StepState::NotApplied)] {
            write(&store, &ada.lease, attempt(seq), 3).await.unwrap();
            write(&store, &ada.lease, outcome(seq, state), 3).await.unwrap();
        }
        let mut steps = ada.task.steps.clone();
        let call = StepCall::RemoveFromGroup { account: "ada".to_owned(), group: "old".to_owned() };
        let added =
            Step { seq: 5, call: call.clone(), operation: "RemoveUserFromGroup".into(), ..steps[3].clone() };
        steps[3].after = vec![5];
        let plan = vec![steps[0].clone(), steps[1].clone(), steps[3].clone(), added.clone()];
        for bad in [
            vec![added.clone(), added.clone()],
            vec![Step { state: StepState::Applied, ..added.clone() }],
            vec![Step { seq: 0, ..added.clone() }],
        ] {
            let refused =
                write(&store, &ada.lease, JournalEvent::ReplaceSteps { steps: bad, replans: 1 }, 4).await;
            assert!(matches!(refused, Err(StoreError::Data { .. })), "{refused:?}");
        }
        let event = JournalEvent::ReplaceSteps { steps: plan, replans: 2 };
        let entries = [event, attempt(5)].map(|event| JournalEntry { lease: ada.lease.clone(), event });
        for answer in store.journal(entries.to_vec(), at(5)).await {
            answer.unwrap();
        }
        let task = &store.job(made.id).await.unwrap().tasks[0];
        use StepState::{Applied, Attempting, Planned, Skipped};
        let found: Vec<_> = task.steps.iter().map(|step| (step.seq, step.state)).collect();
        assert_eq!(found, [(1, Applied), (2, Planned), (3, Skipped), (5, Attempting), (4, Planned)]);
        assert_eq!((task.replans, &task.steps[3].call), (2, &call));
        store.close().await;
    }
}

#[tokio::test]
async fn an_account_that_was_made_is_known_to_the_tasks_that_waited_for_it() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let waits = NewTask { account_external_id: None, after: vec![0], ..task("Ada") };
        let elsewhere = NewTask { account_external_id: None, ..task("bob") };
        let made = store.create_job(&job(vec![creation("ada"), waits, elsewhere]), at(1)).await.unwrap();
        let other = store.create_job(&job(vec![creation("ada")]), at(1)).await.unwrap();
        let ada = claim(&store, 2).await;
        assert_eq!((ada.lease.account_key.as_str(), ada.delivery.as_ref()), ("ada", Some(&Delivery::Link)));
        write(&store, &ada.lease, attempt(1), 3).await.unwrap();
        let known = external("AIDANEW".to_owned());
        let JournalEvent::Outcome { seq, state, unchanged, request_id, failure, .. } =
            outcome(1, StepState::Applied)
        else {
            unreachable!()
        };
        let claims = vec![ClaimFact::AccountExists];
        let without = JournalEvent::Outcome {
            seq,
            state,
            unchanged,
            request_id: request_id.clone(),
            failure: failure.clone(),
            claims: claims.clone(),
            account: None,
        };
        let refused = write(&store, &ada.lease, without, 4).await.unwrap_err();
        assert!(refused.to_string().contains("whose id is not known"), "{refused}");
        let account = Some((known.clone(), "ada".to_owned()));
        let learned = JournalEvent::Outcome { seq, state, unchanged, request_id, failure, claims, account };
        write(&store, &ada.lease, learned, 4).await.unwrap();
        let job = store.job(made.id).await.unwrap();
        let ids: Vec<_> = job.tasks.iter().map(|task| task.account_external_id.clone()).collect();
        assert_eq!(ids, [Some(known.clone()), Some(known.clone()), None]);
        assert_eq!(store.job(other.id).await.unwrap().tasks[0].account_external_id, None);
        let claim = &store.open_claims(&id("s")).await.unwrap()[0].1;
        assert_eq!((&claim.account_external_id, claim.account.as_str()), (&known, "ada"));
        store.close().await;
    }
}
