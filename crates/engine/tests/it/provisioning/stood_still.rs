//! A worker that was cut off from its store: what it had in its hands is gone on with at once and counts for no crash (R24).

use std::time::Duration;

use keyreeve_engine::provisioning::Ended;
use keyreeve_model::TaskState;
use serde_json::json;

use super::{JUST_PLANNED, full, laden, wish};
use crate::harness::World;

fn into_ops(account: &str) -> keyreeve_model::Wish {
    wish(json!({"task": "add_assignment", "account": account, "group": "ops"}))
}

#[tokio::test]
async fn what_a_store_that_failed_left_undone_is_gone_on_with_at_once_and_counts_for_no_crash() {
    for n in 1.. {
        let world = World::with(full(), &laden()).await;
        let job = world.job(&[into_ops("bob")]).await;
        let mut worker = world.worker();
        worker.lease = Duration::from_secs(3_600);
        let system = world.store.get_system(&world.id).await.unwrap();
        let run = async || {
            let (_stop, stopped) = tokio::sync::watch::channel(false);
            let work = worker.run_job(&world.connector, &system, job.id, JUST_PLANNED, stopped, |_| {});
            tokio::time::timeout(Duration::from_secs(20), work).await
        };
        world.store.fail_call(n);
        let first = run().await.expect("the first try hangs");
        let over = world.store.fault_pending();
        world.store.clear_faults();
        let running = world.store.job(job.id).await.unwrap();
        assert!(running.tasks.iter().all(|task| task.state != TaskState::Running), "call {n}: {first:?}");
        let second = run().await.unwrap_or_else(|_| panic!("call {n}: nobody may go on with it"));
        assert_eq!(second.unwrap(), Ended::Done, "call {n}");
        let job = world.store.job(job.id).await.unwrap();
        // What the store could not tell may have left the task to a person.
        assert!(job.state.is_terminal() && job.tasks[0].crashes == 0, "call {n}: {job:#?}");
        if over {
            assert!(n > 10, "only {n} calls");
            break;
        }
    }
}
