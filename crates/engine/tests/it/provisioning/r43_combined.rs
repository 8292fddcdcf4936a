//! R43: everything at once. The answer to a change is lost, looking into it is throttled, the store does not take what was
//! found, the process is killed, and the next one begins with expired credentials; then another process of the same store has new ones.
//! All ends as if nothing had been, and what may happen once happened once.

use std::sync::Arc;
use std::time::Duration;

use keyreeve_engine::pace::Pacers;
use keyreeve_engine::provisioning::{Ended, WorkError, Worker};
use keyreeve_model::{JobState, ProvisioningJob, TaskState};
use keyreeve_sandbox::{Effect, FaultRule, Phase};
use keyreeve_store::Store;
use serde_json::{Value, json};

use super::{JUST_PLANNED, full, laden, user, wish};
use crate::harness::World;

/// What each of several processes has to do, and what is looked at when it is not known whether it was done.
const CHANGES: [(&str, &str); 4] = [
    ("CreateUser", "GetUser"),
    ("AddUserToGroup", "ListGroupsForUser"),
    ("UpdateAccessKey", "ListAccessKeys"),
    ("DeleteUser", "GetUser"),
];

async fn place() -> (World, ProvisioningJob) {
    let mut changes = laden();
    changes.push(user("carl", "/"));
    let world = World::with(full(), &changes).await;
    let wishes = [
        json!({"task": "create_account", "name": "eve", "groups": ["devs"], "deliver": "link"}),
        json!({"task": "add_assignment", "account": "bob", "group": "ops"}),
        json!({"task": "deactivate_account", "account": "ada"}),
        json!({"task": "delete_account", "account": "carl"}),
    ];
    let job = world.job(&wishes.map(wish)).await;
    world.sandbox.clear_trace();
    (world, job)
}

/// A lost answer to the change, in one of four ways.
fn lost(action: &str, way: usize) -> FaultRule {
    let error = || Effect::Error { status: 500, code: "ServiceFailure".into(), message: String::new() };
    let (effect, phase) = match way {
        0 => (Effect::Reset, Phase::AfterApply),
        1 => (error(), Phase::AfterApply),
        2 => (Effect::Truncate { at_fraction: 0.6 }, Phase::Before),
        _ => (Effect::Reset, Phase::Before),
    };
    FaultRule::new(action, effect).phase(phase).times(1)
}

/// A process of its own, on the same store.
async fn process(world: &World) -> Worker {
    let store = Arc::new(Store::open(&world.url, world.key.clone()).await.unwrap());
    Worker { pacers: Arc::new(Pacers::sharing(Arc::clone(&store))), store, ..world.worker() }
}

async fn work(world: &World, worker: &Worker, job: &ProvisioningJob) -> Result<Ended, WorkError> {
    let system = worker.store.get_system(&world.id).await.unwrap();
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    worker.run_job(&world.connector, &system, job.id, JUST_PLANNED, stopped, |_| {}).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r43_chains_of_faults_end_as_if_nothing_had_been() {
    let (undisturbed, job) = place().await;
    assert_eq!(undisturbed.work(&job).await.unwrap(), Ended::Done);
    let expected: Value = undisturbed.final_users();
    // Any two of what is varied meet: which change, how its answer is lost, how the store fails, and when.
    for chain in 0..20_usize {
        let (change, way) = (chain % 4, (chain / 4 + chain) % 4);
        let (failing, nth) = ((chain / 4) % 3, [3, 9, 17, 29, 41][chain % 5]);
        let case =
            format!("chain {chain}: {}, lost by way {way}, store {failing} at {nth}", CHANGES[change].0);
        let (world, job) = place().await;
        let (action, look) = CHANGES[change];
        world.sandbox.add_fault(lost(action, way));
        world.sandbox.add_fault(FaultRule::new(look, Effect::Throttle).times(2));
        let first = process(&world).await;
        match failing {
            0 => first.store.fail_call(nth),
            1 => first.store.lose_commit_answer(nth / 3 + 1),
            _ => first.store.drop_commit(nth / 3 + 1),
        }
        // It is killed when the lost answer is under way or a little later, whatever it is at.
        {
            let work = work(&world, &first, &job);
            let killed = async {
                let begun = std::time::Instant::now();
                while !world.sandbox.trace().iter().any(|call| call.action == action)
                    && begun.elapsed() < Duration::from_secs(5)
                {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                tokio::time::sleep(Duration::from_millis(10 * (chain as u64 % 7))).await;
            };
            tokio::select! {
                _ = work => {}
                () = killed => {}
            }
        }
        drop(first);
        // The next one has no credentials that hold.
        world.sandbox.add_fault(FaultRule::new(
            "*",
            Effect::Error { status: 403, code: "ExpiredToken".into(), message: "expired".into() },
        ));
        let second = process(&world).await;
        let refused = tokio::time::timeout(Duration::from_secs(20), work(&world, &second, &job)).await;
        let refused = refused.unwrap_or_else(|_| panic!("{case}: it hangs"));
        let is_over = world.store.job(job.id).await.unwrap().state.is_terminal();
        assert!(is_over || !matches!(refused, Ok(Ended::Done)), "{case}: {refused:?}");
        world.sandbox.clear_faults();
        let third = process(&world).await;
        let done = tokio::time::timeout(Duration::from_secs(60), work(&world, &third, &job)).await;
        let calls = world.sandbox.trace().len();
        let job = world.store.job(job.id).await.unwrap();
        assert!(done.is_ok(), "{case}: it hangs after {calls} calls: {job:#?}");
        assert_eq!(done.unwrap().unwrap(), Ended::Done, "{case}");
        assert!(job.tasks.iter().all(|task| task.state == TaskState::Succeeded), "{case}: {job:#?}");
        assert_eq!(job.state, JobState::Succeeded, "{case}");
        assert_eq!(world.final_users(), expected, "{case}");
        for once in ["CreateUser", "DeleteUser"] {
            let times = world.effective().iter().filter(|action| *action == once).count();
            assert_eq!(times, 1, "{case}: {once}");
        }
    }
}
