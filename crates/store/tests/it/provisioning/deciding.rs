//! Asking for jobs, and what people decide about them.

use keyreeve_model::*;
use keyreeve_store::*;

use super::*;
use crate::place::Place;

#[tokio::test]
async fn a_job_reads_back_as_it_was_asked_for() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let mut second = creation("Grace");
        second.after = vec![0];
        second.manifest = Some(Manifest { login_profile: true, ..Manifest::default() });
        let new = job(vec![task("ada"), second.clone()]);
        let made = store.create_job(&new, at(5)).await.unwrap();
        assert_eq!(made.state, JobState::Queued);
        assert_eq!((made.actor.as_str(), made.reason.as_deref()), ("anna", Some("because")));
        assert_eq!((made.created_at, made.started_at, made.finished_at), (at(5), None, None));
        let [first, other] = made.tasks.as_slice() else { panic!("{made:?}") };
        assert_eq!((first.kind, first.account.as_str()), (TaskKind::AddAssignment, "ada"));
        assert_eq!(first.notices, new.tasks[0].notices);
        assert_eq!(other.after, [first.id]);
        assert_eq!((&other.wish, &other.manifest), (&second.wish, &second.manifest));
        assert_eq!(other.account_external_id, None);
        let steps: Vec<_> = other.steps.iter().map(|s| (s.seq, &s.call, s.after.clone(), s.state)).collect();
        let planned = StepState::Planned;
        assert_eq!(
            steps,
            [(1, &second.steps[0].call, vec![], planned), (2, &second.steps[1].call, vec![1], planned)]
        );
        assert_eq!(store.job(made.id).await.unwrap(), made);
        assert_eq!(store.job_facts(made.id).await.unwrap(), new.facts);

        let later = store.create_job(&job(vec![task("bob")]), at(6)).await.unwrap();
        let listed = store.jobs(&id("s"), None, 10).await.unwrap();
        assert_eq!(listed.iter().map(|job| job.id).collect::<Vec<_>>(), [later.id, made.id]);
        assert_eq!(listed[1].tasks.len(), 2);
        assert!(listed[1].tasks.iter().all(|task| task.steps.is_empty()));
        assert_eq!(listed[1].tasks[1].after, other.after);
        assert_eq!(store.jobs(&id("s"), None, 1).await.unwrap().len(), 1);
        let missing = store.job(JobId(999)).await.unwrap_err();
        assert!(matches!(missing, StoreError::JobNotFound { .. }));
        store.close().await;
    }
}

#[tokio::test]
async fn jobs_are_lines_of_those_that_all_conditions_let_through() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let first = store.create_job(&job(vec![task("ada"), creation("Grace")]), at(5)).await.unwrap().id;
        let second = store.create_job(&job(vec![task("Bob"), task("Bob")]), at(6)).await.unwrap().id;
        let lines = async |slice: JobLineSlice| {
            let found = store.job_lines(&JobLineSlice { limit: slice.limit.max(1), ..slice }).await.unwrap();
            found.iter().map(|line| line.job.id).collect::<Vec<_>>()
        };
        let all = JobLineSlice { limit: 9, ..JobLineSlice::default() };
        assert_eq!(lines(all.clone()).await, [second, first]);
        assert_eq!(lines(JobLineSlice { oldest_first: true, ..all.clone() }).await, [first, second]);
        assert_eq!(lines(JobLineSlice { beyond: Some(second), ..all.clone() }).await, [first]);
        let on = JobLineSlice { beyond: Some(first), oldest_first: true, ..all.clone() };
        assert_eq!(lines(on).await, [second]);
        assert_eq!(lines(JobLineSlice { account: Some("bOB".to_owned()), ..all.clone() }).await, [second]);
        let kind = Some(TaskKind::CreateAccount);
        assert_eq!(lines(JobLineSlice { kind, ..all.clone() }).await, [first]);
        let state = Some(JobState::Failed);
        assert!(lines(JobLineSlice { state, ..all.clone() }).await.is_empty());
        assert!(lines(JobLineSlice { systems: Some(vec![]), ..all.clone() }).await.is_empty());
        let systems = Some(vec![id("s"), id("t")]);
        assert_eq!(lines(JobLineSlice { systems, ..all.clone() }).await, [second, first]);
        let found = store.job_lines(&all).await.unwrap();
        let told = |line: &JobLine| (line.tasks, line.kind, line.account.clone());
        assert_eq!(told(&found[0]), (2, Some(TaskKind::AddAssignment), Some("Bob".to_owned())));
        assert_eq!(told(&found[1]), (2, None, None));
        store.close().await;
    }
}

#[tokio::test]
async fn a_job_that_waits_for_itself_or_has_no_system_is_refused() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        for after in [vec![0], vec![7]] {
            let refused = store.create_job(&job(vec![NewTask { after, ..task("ada") }]), at(1)).await;
            assert!(matches!(refused, Err(StoreError::Data { .. })), "{refused:?}");
        }
        let elsewhere = NewJob { system_id: id("t"), ..job(vec![task("ada")]) };
        let refused = store.create_job(&elsewhere, at(1)).await.unwrap_err();
        assert!(matches!(refused, StoreError::SystemNotFound { .. }));
        store.remove_system(&id("s"), ("local:test", None), at(2)).await.unwrap();
        let refused = store.create_job(&job(vec![task("ada")]), at(3)).await.unwrap_err();
        assert!(matches!(refused, StoreError::SystemRemoved { .. }));
        store.close().await;
    }
}

#[tokio::test]
async fn somebody_else_must_approve_and_only_what_waits_for_it() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let waiting =
            NewJob { approval_because: vec!["many".to_owned()], ..job(vec![task("ada"), task("bob")]) };
        let made = store.create_job(&waiting, at(1)).await.unwrap();
        assert_eq!(
            (made.state, states(&made)),
            (JobState::AwaitingApproval, vec![TaskState::AwaitingApproval; 2])
        );
        assert!(store.claim_task(None, None, "w", at(2), LEASE).await.unwrap().is_none());
        assert_eq!(store.next_due(None, None).await.unwrap(), None);
        for actor in ["anna", "ANNA"] {
            let own = store.decide_job(made.id, true, actor, None, at(2)).await.unwrap_err();
            assert!(matches!(own, StoreError::OwnApproval { .. }), "{own:?}");
        }
        assert_eq!(store.job(made.id).await.unwrap().state, JobState::AwaitingApproval);
        let decided = store.decide_job(made.id, true, "berta", Some("fine"), at(3)).await.unwrap();
        assert_eq!((decided.state, states(&decided)), (JobState::Queued, vec![TaskState::Queued; 2]));
        assert_eq!(decided.decided_by.as_deref(), Some("berta"));
        assert_eq!((decided.decision_reason.as_deref(), decided.decided_at), (Some("fine"), Some(at(3))));
        for approve in [true, false] {
            let again = store.decide_job(made.id, approve, "carla", None, at(4)).await.unwrap_err();
            let StoreError::JobDecided { by, at: when, state, .. } = again else { panic!("{again:?}") };
            assert_eq!((by.as_str(), when, state), ("berta", at(3), JobState::Queued));
        }
        let made = store.create_job(&waiting, at(5)).await.unwrap();
        let rejected = store.decide_job(made.id, false, "berta", None, at(6)).await.unwrap();
        assert_eq!((rejected.state, states(&rejected)), (JobState::Cancelled, vec![TaskState::Cancelled; 2]));
        assert_eq!(rejected.finished_at, Some(at(6)));
        let retry = store.retry_job(made.id, &retry("berta"), at(7)).await.unwrap_err();
        assert!(matches!(retry, StoreError::JobState { .. }));
        store.close().await;
    }
}

#[tokio::test]
async fn a_retry_does_not_approve_what_waits_for_approval() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let waiting = NewJob { approval_because: vec!["many".to_owned()], ..job(vec![task("ada")]) };
        let made = store.create_job(&waiting, at(1)).await.unwrap();
        let retry = store.retry_job(made.id, &retry("anna"), at(2)).await.unwrap_err();
        assert!(matches!(retry, StoreError::JobState { from: JobState::AwaitingApproval, .. }), "{retry:?}");
        store.close().await;
    }
}

#[tokio::test]
async fn cancelling_takes_back_what_was_not_begun_and_lets_the_rest_go_on() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let tasks = vec![task("ada"), task("bob"), task("eve"), NewTask { after: vec![0], ..task("joe") }];
        let made = store.create_job(&job(tasks), at(1)).await.unwrap();
        let (ada, bob) = (claim(&store, 2).await, claim(&store, 2).await);
        write(&store, &bob.lease, attempt(1), 2).await.unwrap();
        write(&store, &bob.lease, outcome(1, StepState::Applied), 2).await.unwrap();
        let later = JournalEvent::Postpone { not_before: at(50), failure: None };
        write(&store, &bob.lease, later, 2).await.unwrap();
        let cancelled = store.cancel_job(made.id, "berta", at(3)).await.unwrap();
        use TaskState::{Cancelled, Queued, Running, Succeeded};
        assert_eq!(states(&cancelled), [Running, Queued, Cancelled, Cancelled]);
        assert_eq!((cancelled.state, cancelled.finished_at), (JobState::Running, None));
        carry_out(&store, &ada, 4).await;
        let bob = claim(&store, 51).await;
        write(&store, &bob.lease, attempt(2), 51).await.unwrap();
        write(&store, &bob.lease, outcome(2, StepState::Applied), 51).await.unwrap();
        write(&store, &bob.lease, finish(Succeeded), 52).await.unwrap();
        let ended = store.job(made.id).await.unwrap();
        assert_eq!((ended.state, ended.finished_at), (JobState::PartiallyFailed, Some(at(52))));
        let refused = store.cancel_job(made.id, "berta", at(60)).await.unwrap_err();
        assert!(matches!(refused, StoreError::JobState { .. }));
        let nothing = store.retry_job(made.id, &retry("berta"), at(60)).await.unwrap_err();
        assert!(matches!(nothing, StoreError::NothingToRetry { .. }), "{nothing:?}");

        let made = store.create_job(&job(vec![task("ada")]), at(70)).await.unwrap();
        let cancelled = store.cancel_job(made.id, "anna", at(71)).await.unwrap();
        assert_eq!((cancelled.state, states(&cancelled)), (JobState::Cancelled, vec![Cancelled]));
        store.close().await;
    }
}

#[tokio::test]
async fn a_retry_queues_what_failed_and_plans_its_refused_steps_again() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let tasks = vec![task("ada"), task("bob"), NewTask { after: vec![1], ..task("eve") }];
        let made = store.create_job(&job(tasks), at(1)).await.unwrap();
        let (ada, bob) = (claim(&store, 2).await, claim(&store, 2).await);
        carry_out(&store, &ada, 3).await;
        write(&store, &bob.lease, attempt(1), 3).await.unwrap();
        write(&store, &bob.lease, outcome(1, StepState::Applied), 3).await.unwrap();
        write(&store, &bob.lease, attempt(2), 3).await.unwrap();
        let JournalEvent::Outcome { seq, state, unchanged, request_id, claims, account, .. } =
            outcome(2, StepState::NotApplied)
        else {
            unreachable!()
        };
        let refused = JournalEvent::Outcome {
            seq,
            state,
            unchanged,
            request_id,
            failure: Some(failure()),
            claims,
            account,
        };
        write(&store, &bob.lease, refused, 3).await.unwrap();
        write(&store, &bob.lease, finish(TaskState::NeedsPerson), 4).await.unwrap();
        let ended = store.job(made.id).await.unwrap();
        use TaskState::{Failed, NeedsPerson, Queued, Succeeded};
        assert_eq!(states(&ended), [Succeeded, NeedsPerson, Failed]);
        assert_eq!(ended.state, JobState::PartiallyFailed);
        assert!(ended.tasks[2].failure.as_ref().unwrap().message.contains("a task it waits for"));
        assert_eq!(ended.tasks[1].steps[1].failure, Some(failure()));

        let first = store.job_try(made.id).await.unwrap();
        assert_eq!(
            store.claim_tasks_of_try(first, None, "w", at(9), LEASE, 9).await.unwrap(),
            Some(Vec::new())
        );
        let retried = store.retry_job(made.id, &retry("berta"), at(10)).await.unwrap();
        assert_eq!(store.claim_tasks_of_try(first, None, "w", at(10), LEASE, 9).await.unwrap(), None);
        assert_eq!((retried.state, states(&retried)), (JobState::Queued, vec![Succeeded, Queued, Queued]));
        assert_eq!(retried.finished_at, None);
        let bob = &retried.tasks[1];
        assert_eq!((bob.finished_at, &bob.failure, &bob.result), (None, &None, &None));
        let steps: Vec<_> = bob.steps.iter().map(|step| (step.state, step.attempts)).collect();
        assert_eq!(steps, [(StepState::Applied, 1), (StepState::Planned, 1)]);
        let bob = claim(&store, 11).await;
        assert_eq!(bob.task.account, "bob");
        write(&store, &bob.lease, attempt(2), 11).await.unwrap();
        write(&store, &bob.lease, outcome(2, StepState::Applied), 11).await.unwrap();
        write(&store, &bob.lease, finish(Succeeded), 11).await.unwrap();
        carry_out(&store, &claim(&store, 12).await, 12).await;
        assert_eq!(store.job(made.id).await.unwrap().state, JobState::Succeeded);
        store.close().await;
    }
}

#[tokio::test]
async fn a_failed_task_fails_all_that_wait_for_it_near_and_far() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let waits = |name: &str, after: Vec<usize>| NewTask { after, ..task(name) };
        let tasks =
            vec![task("a"), waits("b", vec![2]), waits("c", vec![0]), waits("d", vec![1, 4]), task("e")];
        let made = store.create_job(&job(tasks), at(1)).await.unwrap();
        let first = claim(&store, 2).await;
        write(&store, &first.lease, finish(TaskState::Failed), 3).await.unwrap();
        let failed = store.job(made.id).await.unwrap();
        use TaskState::{Failed, Queued};
        assert_eq!(states(&failed), [Failed, Failed, Failed, Failed, Queued]);
        assert_eq!(failed.state, JobState::Running);
        carry_out(&store, &claim(&store, 4).await, 4).await;
        assert_eq!(store.job(made.id).await.unwrap().state, JobState::PartiallyFailed);
        store.close().await;
    }
}

#[tokio::test]
async fn a_retried_job_that_is_cancelled_ends_as_its_tasks_did() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let made = store.create_job(&job(vec![task("ada"), task("bob")]), at(1)).await.unwrap();
        let (ada, bob) = (claim(&store, 2).await, claim(&store, 2).await);
        carry_out(&store, &ada, 3).await;
        write(&store, &bob.lease, finish(TaskState::Failed), 3).await.unwrap();
        store.retry_job(made.id, &retry("anna"), at(4)).await.unwrap();
        let ended = store.cancel_job(made.id, "anna", at(5)).await.unwrap();
        assert_eq!(ended.state, JobState::PartiallyFailed);
        assert_eq!(states(&ended), [TaskState::Succeeded, TaskState::Cancelled]);
        store.close().await;
    }
}

#[tokio::test]
async fn removing_a_system_ends_its_jobs_and_its_workers_lose_their_leases() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let running = store.create_job(&job(vec![task("ada"), task("bob")]), at(1)).await.unwrap();
        let approval = NewJob { approval_because: vec!["many".to_owned()], ..job(vec![task("eve")]) };
        let waiting = store.create_job(&approval, at(1)).await.unwrap();
        let ada = claim(&store, 2).await;
        write(&store, &ada.lease, attempt(1), 2).await.unwrap();
        store.remove_system(&id("s"), ("local:test", None), at(3)).await.unwrap();
        let ended = store.job(running.id).await.unwrap();
        assert_eq!(states(&ended), [TaskState::NeedsPerson, TaskState::Cancelled]);
        assert_eq!(ended.state, JobState::Failed);
        assert_eq!(store.job(waiting.id).await.unwrap().state, JobState::Cancelled);
        let lost = write(&store, &ada.lease, outcome(1, StepState::Applied), 4).await.unwrap_err();
        assert!(matches!(lost, StoreError::TaskLeaseLost { .. }), "{lost:?}");
        assert_eq!(store.next_due(None, None).await.unwrap(), None);
        store.close().await;
    }
}

#[tokio::test]
async fn tasks_begun_lately_or_still_open_are_counted_by_kind_and_time() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let all =
            store.create_job(&job(vec![task("ada"), creation("bob"), task("eve")]), at(1)).await.unwrap();
        let ada = claim(&store, 10).await;
        claim(&store, 20).await;
        let count =
            async |kinds: &[TaskKind], since| store.recent_tasks(&id("s"), kinds, at(since)).await.unwrap();
        // However long ago, as none has ended.
        assert_eq!(count(&TaskKind::ALL, 100).await, 3);
        assert_eq!(count(&[TaskKind::AddAssignment], 100).await, 2);
        write(&store, &ada.lease, finish(TaskState::Failed), 21).await.unwrap();
        store.cancel_job(all.id, "local:test", at(22)).await.unwrap();
        assert_eq!(count(&TaskKind::ALL, 0).await, 2);
        assert_eq!(count(&TaskKind::ALL, 11).await, 1);
        assert_eq!(count(&[TaskKind::AddAssignment], 0).await, 1);
        assert_eq!(count(&[TaskKind::DeleteAccount], 0).await, 0);
        assert_eq!(count(&[], 0).await, 0);
        store.close().await;
    }
}
