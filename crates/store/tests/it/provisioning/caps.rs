//! What may be taken away without a second person is counted as a job is written down.

use std::time::Duration;

use futures::future::join_all;
use keyreeve_model::{JobState, TaskKind};
use keyreeve_store::{Cap, NewJob, StoreError};

use super::{job, task, with_system};
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
        assert_eq!(store.jobs(&id("s"), 10).await.unwrap().len(), 2);
        // What waits for a second person is written down.
        let waiting = NewJob { approval_because: vec!["many".to_owned()], ..new("eve") };
        let waiting = store.create_job(&waiting, at(1)).await.unwrap();
        assert_eq!(waiting.state, JobState::AwaitingApproval);
        store.close().await;
    }
}
