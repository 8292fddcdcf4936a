//! One process at a time changes an AWS account; the jobs of one process share the place (R15).

use std::sync::Arc;
use std::time::Duration;

use keyreeve_engine::places::Places;
use keyreeve_engine::provisioning::{Elsewhere, Ended, Worker};
use keyreeve_model::ProvisioningJob;
use keyreeve_sandbox::{Effect, FaultRule, Phase};
use serde_json::json;

use super::{JUST_PLANNED, full, laden, user, wish};
use crate::harness::World;

async fn two_jobs() -> (World, ProvisioningJob, ProvisioningJob) {
    let mut changes = laden();
    changes.push(user("carl", "/"));
    let world = World::with(full(), &changes).await;
    let into = |account: &str| wish(json!({"task": "add_assignment", "account": account, "group": "ops"}));
    let (one, two) = (world.job(&[into("bob")]).await, world.job(&[into("carl")]).await);
    (world, one, two)
}

fn slow(world: &World) {
    let slow = Effect::Latency { ms: 900 };
    world
        .sandbox
        .add_fault(FaultRule::new("AddUserToGroup", slow).phase(Phase::AfterApply).times(1).min_fires(1));
}

async fn work(world: &World, worker: &Worker, job: &ProvisioningJob) -> Ended {
    let system = world.store.get_system(&world.id).await.unwrap();
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let work = worker.run_job(&world.connector, &system, job.id, JUST_PLANNED, stopped, |_| {});
    tokio::time::timeout(Duration::from_secs(20), work).await.expect("it hangs").unwrap()
}

/// Once the first call is on its way.
async fn called(world: &World) {
    while !world.effective().iter().any(|action| action == "AddUserToGroup") {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The accounts that were put into the group, in the order in which that was done.
fn order(world: &World) -> Vec<String> {
    let calls = world.writes().into_iter().filter(|call| call.action == "AddUserToGroup");
    calls
        .map(|call| format!("{call:?}"))
        .map(|call| if call.contains("bob") { "bob" } else { "carl" }.to_owned())
        .collect()
}

#[tokio::test]
async fn another_process_waits_for_its_turn_or_leaves_the_job_alone() {
    for elsewhere in [Elsewhere::Wait, Elsewhere::Leave] {
        let (world, one, two) = two_jobs().await;
        slow(&world);
        let (first, second) = (world.worker(), Worker { elsewhere, ..world.worker() });
        let (done, other) = tokio::join!(work(&world, &first, &one), async {
            called(&world).await;
            work(&world, &second, &two).await
        });
        assert_eq!(done, Ended::Done);
        if elsewhere == Elsewhere::Leave {
            assert_eq!(other, Ended::Elsewhere);
            // The place was given back, so that nobody waits for a lease.
            assert_eq!(work(&world, &second, &two).await, Ended::Done);
        } else {
            assert_eq!(other, Ended::Done);
        }
        assert_eq!(order(&world), ["bob", "carl"], "{elsewhere:?}: both changed the account at once");
        assert_eq!(world.sandbox.unfired(), []);
    }
}

#[tokio::test]
async fn jobs_of_one_process_are_in_the_place_together() {
    let (world, one, two) = two_jobs().await;
    slow(&world);
    let places = Arc::<Places>::default();
    let worker = || Worker { places: Arc::clone(&places), elsewhere: Elsewhere::Leave, ..world.worker() };
    let (first, second) = (worker(), worker());
    let (done, other) = tokio::join!(work(&world, &first, &one), async {
        called(&world).await;
        work(&world, &second, &two).await
    });
    assert_eq!((done, other), (Ended::Done, Ended::Done));
    let third = Worker { elsewhere: Elsewhere::Leave, ..world.worker() };
    let into = wish(json!({"task": "add_assignment", "account": "bob", "group": "devs"}));
    let more = world.job(&[into]).await;
    assert_eq!(work(&world, &third, &more).await, Ended::Done, "the place was not given back");
}
