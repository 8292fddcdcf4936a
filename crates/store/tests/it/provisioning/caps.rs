//! What may be taken away without a second person is counted as a job is written down.

use std::time::Duration;

use futures::future::join_all;
use keyreeve_model::{JobState, TaskKind, TaskState};
use keyreeve_store::{Cap, NewJob, Retry, Store, StoreError};

use super::{carry_out, claim, finish, job, retry, states, task, with_system, write};
use crate::place::Place;
use crate::sample::{at, id};

#[tokio::test]
async fn requests_at_the_same_time_do_not_exceed_a_cap() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let caps = vec![Cap { kind: TaskKind::AddAssignment, within: Duration::from_secs(60), at_most: 2 }];
        let new = |name: &str| NewJob { caps: caps.clone(), ..job(vec![task(name)]) };
        let asked = ["ada", "bob", "eve", "kim"].map(new);
        let made = join_all(asked.iter().map(|new| store.create_job(new, at(1)))).await;
        let refused: Vec<&StoreError> = made.iter().filter_map(|made| made.as_ref().err()).collect();
        assert_eq!(refused.len(), 2, "{made:?}");
        for error in refused {
            assert!(
                matches!(error, StoreError::OverCap { asked: 1, recent: 2, at_most: 2, .. }),
                "{error:?}"
            );
        }
        assert_eq!(store.jobs(&id("s"), None, 10).await.unwrap().len(), 2);
        // What waits for a second person is written down.
        let waiting = NewJob { approval_because: vec!["many".to_owned()], ..new("eve") };
        let waiting = store.create_job(&waiting, at(1)).await.unwrap();
        assert_eq!(waiting.state, JobState::AwaitingApproval);
        store.close().await;
    }
}

/// Two tasks that failed, having begun at second 2.
async fn failed(store: &Store, new: &NewJob) -> keyreeve_model::JobId {
    let made = store.create_job(new, at(1)).await.unwrap();
    for _ in &new.tasks {
        let claimed = claim(store, 2).await;
        write(store, &claimed.lease, finish(TaskState::Failed), 3).await.unwrap();
    }
    made.id
}

#[tokio::test]
async fn s34_what_is_tried_again_counts_as_begun_now() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let caps = [Cap { kind: TaskKind::AddAssignment, within: Duration::from_secs(60), at_most: 2 }];
        let (first, second) = (job(vec![task("ada"), task("bob")]), job(vec![task("eve"), task("kim")]));
        let (first, second) = (failed(&store, &first).await, failed(&store, &second).await);
        let capped = Retry { caps: &caps, ..retry("anna") };
        // Long after they began for the first time.
        store.retry_job(first, &capped, at(1_000)).await.unwrap();
        for _ in 0..2 {
            carry_out(&store, &claim(&store, 1_001).await, 1_002).await;
        }
        let before = store.job(second).await.unwrap();
        let facts = serde_json::json!({"new": 1});
        let over = Retry { facts: Some(&facts), ..capped };
        let refused = store.retry_job(second, &over, at(1_010)).await.unwrap_err();
        assert!(
            matches!(refused, StoreError::OverCap { asked: 2, recent: 2, at_most: 2, retried: Some(job), .. } if job == second),
            "{refused:?}"
        );
        assert!(refused.to_string().contains("ask for them as a new job"), "{refused}");
        let said = |kind, asked, recent, at_most| {
            StoreError::OverCap { kind, asked, recent, at_most, retried: Some(second) }.to_string()
        };
        let one = said(TaskKind::DeleteAccount, 1, 0, 0);
        assert!(
            one.contains("would begin 1 deletion again") && one.contains("every one needs a second person"),
            "{one}"
        );
        let some = said(TaskKind::DeactivateAccount, 2, 1, 2);
        assert!(
            some.contains("begin 2 deactivations again") && some.contains("1 deactivation was begun lately"),
            "{some}"
        );
        assert!(!some.contains("nothing was written") && !some.contains('_'), "{some}");
        assert_eq!(store.job(second).await.unwrap(), before);
        assert_ne!(store.job_facts(second).await.unwrap(), facts);
        let later = store.retry_job(second, &over, at(1_070)).await.unwrap();
        assert_eq!(states(&later), [TaskState::Queued, TaskState::Queued]);
        store.close().await;
    }
}

#[tokio::test]
async fn a_job_that_a_second_person_approved_is_tried_again_over_a_cap() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let caps = [Cap { kind: TaskKind::AddAssignment, within: Duration::from_secs(60), at_most: 0 }];
        let new = NewJob { approval_because: vec!["many".to_owned()], ..job(vec![task("ada")]) };
        let made = store.create_job(&new, at(1)).await.unwrap();
        store.decide_job(made.id, true, "berta", None, at(2)).await.unwrap();
        let claimed = claim(&store, 3).await;
        write(&store, &claimed.lease, finish(TaskState::Failed), 4).await.unwrap();
        store.retry_job(made.id, &Retry { caps: &caps, ..retry("anna") }, at(5)).await.unwrap();
        store.close().await;
    }
}
