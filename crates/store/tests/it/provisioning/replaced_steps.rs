//! A task that is tried again with other steps than are left of it.

use keyreeve_model::*;
use keyreeve_store::*;

use super::*;
use crate::place::Place;

/// The task of a job, with what its first step came to, left to a person; and the steps that it takes now.
async fn left(store: &Store, first: StepState) -> (JobId, [(TaskId, Vec<NewStep>); 1]) {
    let made = store.create_job(&job(vec![task("ada")]), at(1)).await.unwrap();
    let ada = claim(store, 2).await;
    write(store, &ada.lease, attempt(1), 3).await.unwrap();
    write(store, &ada.lease, outcome(1, first), 3).await.unwrap();
    write(store, &ada.lease, finish(TaskState::NeedsPerson), 4).await.unwrap();
    (made.id, [(ada.task.id, task("other").steps)])
}

#[tokio::test]
async fn other_steps_come_behind_what_was_done_and_what_was_left_is_skipped() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let (made, steps) = left(&store, StepState::Applied).await;
        let again = Retry { steps: &steps, ..retry("berta") };
        let retried = store.retry_job(made, &again, at(10)).await.unwrap();
        let found: Vec<_> =
            retried.tasks[0].steps.iter().map(|step| (step.seq, step.state, step.after.clone())).collect();
        use StepState::{Applied, Planned, Skipped};
        // The new ones wait for each other, and for none of the old ones.
        let expected =
            [(1, Applied, vec![]), (2, Skipped, vec![1]), (3, Planned, vec![]), (4, Planned, vec![3])];
        assert_eq!(found, expected);
        assert_eq!(retried.tasks[0].steps[2].call.account(), "other");
        let claimed = claim(&store, 11).await;
        for seq in [3, 4] {
            write(&store, &claimed.lease, attempt(seq), 12).await.unwrap();
            write(&store, &claimed.lease, outcome(seq, Applied), 12).await.unwrap();
        }
        write(&store, &claimed.lease, finish(TaskState::Succeeded), 12).await.unwrap();
        assert_eq!(store.job(made).await.unwrap().state, JobState::Succeeded);
        store.verify_audit().await.unwrap();
        store.close().await;
    }
}

#[tokio::test]
async fn a_step_whose_outcome_is_not_known_keeps_others_from_taking_its_place() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let (made, steps) = left(&store, StepState::Unknown).await;
        let before = (store.job(made).await.unwrap(), store.verify_audit().await.unwrap());
        let again = Retry { steps: &steps, ..retry("berta") };
        let refused = store.retry_job(made, &again, at(10)).await.unwrap_err();
        assert!(refused.to_string().contains("whose outcome is not known"), "{refused}");
        assert_eq!((store.job(made).await.unwrap(), store.verify_audit().await.unwrap()), before);
        store.close().await;
    }
}
