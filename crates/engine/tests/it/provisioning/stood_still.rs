//! A worker that was cut off from its store: what it had in its hands is gone on with at once and counts for no crash (R24). One that
//! stood still makes no call any more once another one has what it had (R15).

use std::time::Duration;

use keyreeve_engine::clock::{Clock, Hand};
use keyreeve_engine::provisioning::{Ended, Worker};
use keyreeve_model::{StepState, TaskState};
use keyreeve_sandbox::{Effect, FaultRule};
use serde_json::json;

use super::{JUST_PLANNED, full, laden, wish};
use crate::harness::{ACCOUNT, World};

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

/// Whoever has the only slot keeps calls from being made, so a worker is held up between its attempt and its call. Its lease
/// is so long that it is not renewed meanwhile, and over by the clock when it goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r15_who_stood_still_between_attempt_and_call_makes_no_call_once_another_has_the_task() {
    const HOUR: i64 = 3_600_000;
    let mut setup = full();
    setup.settings.max_concurrent_requests = 1;
    let world = World::with(setup, &laden()).await;
    let job = world.job(&[into_ops("bob")]).await;
    let system = world.store.get_system(&world.id).await.unwrap();
    let hand = Hand::new();
    let mut stalled = world.worker();
    stalled.clock = Clock::system().moved_by(hand);
    stalled.lease = Duration::from_millis(HOUR.unsigned_abs());
    let pacer = stalled.pacers.of(&ACCOUNT.parse().unwrap(), 1, None);
    let heir = Worker { clock: Clock::shifted(2 * HOUR), name: "heir".to_owned(), ..world.worker() };
    let run = async |worker: &Worker| {
        let (_stop, stopped) = tokio::sync::watch::channel(false);
        let work = Box::pin(worker.run_job(&world.connector, &system, job.id, JUST_PLANNED, stopped, |_| {}));
        tokio::time::timeout(Duration::from_secs(30), work).await.expect("it hangs")
    };
    let look = "GetAccountAuthorizationDetails";
    world.sandbox.add_fault(FaultRule::new(look, Effect::Latency { ms: 200 }).times(1));
    world.sandbox.clear_trace();
    let (first, ()) = tokio::join!(run(&stalled), async {
        // While it looks at the account, and has the slot for that, somebody is next.
        until(async || world.sandbox.trace().iter().any(|call| call.action == look)).await;
        let slot = pacer.turn().await.unwrap();
        until(async || {
            let job = world.store.job(job.id).await.unwrap();
            job.tasks[0].steps.iter().any(|step| step.state == StepState::Attempting)
        })
        .await;
        assert_eq!(run(&heir).await.unwrap(), Ended::Done);
        hand.turn(2 * HOUR);
        drop(slot);
    });
    assert!(world.store.job(job.id).await.unwrap().state.is_terminal(), "{first:?}");
    let calls = world.writes().into_iter().filter(|call| call.action == "AddUserToGroup").count();
    assert_eq!(calls, 1, "the one that had stood still made its call, too: {first:?}");
}

async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(20), "waited in vain");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
