//! A worker that stood still, or was cut off from its store: it makes no call by a lease that may be another's, and what it
//! had in its hands is gone on with at once and counts for no crash (R15, R24).

use std::time::Duration;

use keyreeve_engine::clock::{Clock, Hand};
use keyreeve_engine::provisioning::Ended;
use keyreeve_model::{JobState, StepState, SystemSettings, TaskState};
use keyreeve_sandbox::{Effect, FaultRule};
use serde_json::json;

use super::{JUST_PLANNED, full, laden, wish};
use crate::harness::{Setup, World};

fn into_ops(account: &str) -> keyreeve_model::Wish {
    wish(json!({"task": "add_assignment", "account": account, "group": "ops"}))
}

#[tokio::test]
async fn no_call_is_made_by_a_lease_that_ran_out_between_the_attempt_and_its_turn() {
    let settings = SystemSettings { max_concurrent_requests: 1, ..full().settings };
    let mut changes = laden();
    changes.push(super::user("carl", "/"));
    let mut world = World::with(Setup { settings, ..full() }, &changes).await;
    let hand = Hand::new();
    world.clock = Clock::system().moved_by(hand);
    let lease = Duration::from_secs(60);
    let job = world.job(&[into_ops("bob"), into_ops("carl")]).await;
    let late = FaultRule::new("AddUserToGroup", Effect::Latency { ms: 1_500 }).times(1).min_fires(1);
    world.sandbox.add_fault(late);
    let mut worker = world.worker();
    worker.lease = lease;
    let system = world.store.get_system(&world.id).await.unwrap();
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let work = worker.run_job(&world.connector, &system, job.id, JUST_PLANNED, stopped, |_| {});
    let (ended, taken) = tokio::join!(work, async {
        // One call is on its way and has the only turn; the other's attempt is written down.
        loop {
            let job = world.store.job(job.id).await.unwrap();
            let steps = job.tasks.iter().flat_map(|task| &task.steps);
            if steps.filter(|step| step.state == StepState::Attempting).count() == 2 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        hand.turn(61_000);
        let mut taken = Vec::new();
        for _ in 0..2 {
            let now = world.clock.now();
            taken.extend(world.store.claim_tasks(None, Some(job.id), "other", now, lease, 9).await.unwrap());
            hand.turn(1);
        }
        hand.turn(61_000);
        taken
    });
    assert_eq!(taken.len(), 2);
    let _ = ended;
    let calls = world.writes().iter().filter(|entry| entry.action == "AddUserToGroup").count();
    assert_eq!(calls, 2, "one was on its way, and the other was made by who goes on with it alone");
    assert_eq!(world.sandbox.unfired(), []);
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
        assert_eq!((job.state, job.tasks[0].crashes), (JobState::Succeeded, 0), "call {n}: {job:#?}");
        if over {
            assert!(n > 10, "only {n} calls");
            break;
        }
    }
}
