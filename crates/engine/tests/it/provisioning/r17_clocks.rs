//! R17: clocks that are wrong, or jump while a task is worked on. A clock that goes back steals no lease; one that goes
//! forward may, and then whoever lost it writes nothing; a signature too far off is called a wrong clock.

use std::time::Duration;

use keyreeve_engine::clock::Clock;
use keyreeve_engine::provisioning::{Ended, WorkError, Worker};
use keyreeve_model::{JobState, ProvisioningJob};
use keyreeve_sandbox::{Effect, FaultRule, Phase};
use keyreeve_store::AuditFilter;
use serde_json::json;

use super::{JUST_PLANNED, full, laden, only, user, wish};
use crate::harness::World;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// Beyond the second in January 2038 in which 32 bits run out.
const FOURTEEN_YEARS: i64 = 14 * 366 * DAY;

async fn work(world: &World, worker: &Worker, job: &ProvisioningJob) -> Result<Ended, WorkError> {
    let system = world.store.get_system(&world.id).await.unwrap();
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    worker.run_job(&world.connector, &system, job.id, JUST_PLANNED, stopped, |_| {}).await
}

fn deletions(world: &World) -> usize {
    world.effective().iter().filter(|action| *action == "DeleteUser").count()
}

#[tokio::test]
async fn r17_a_wrong_clock_changes_nothing_about_what_is_done() {
    for offset in [HOUR, -HOUR, -DAY, 183 * DAY, FOURTEEN_YEARS] {
        let mut world = World::with(full(), &laden()).await;
        world.clock = Clock::shifted(offset);
        let wishes = [
            wish(json!({"task": "create_account", "name": "eve", "groups": ["devs"], "deliver": "link"})),
            wish(json!({"task": "reset_password", "account": "bob", "deliver": "link"})),
            wish(json!({"task": "delete_account", "account": "ada"})),
        ];
        let job = world.done(&wishes).await;
        assert_eq!(job.state, JobState::Succeeded, "{offset}: {job:#?}");
        assert!(world.user("ada").is_none() && world.user("eve").is_some(), "{offset}");
        assert_eq!(deletions(&world), 1, "{offset}");
        world.published().await;
    }
}

/// A deletion whose call was carried out and is not answered before this has passed.
async fn under_way(answered_after: Duration) -> (World, ProvisioningJob) {
    let mut changes = laden();
    changes.push(user("carl", "/"));
    let world = World::with(full(), &changes).await;
    let job = world.job(&[wish(json!({"task": "delete_account", "account": "carl"}))]).await;
    let late = Effect::Latency { ms: u64::try_from(answered_after.as_millis()).unwrap() };
    world
        .sandbox
        .add_fault(FaultRule::new("DeleteUser", late).phase(Phase::AfterApply).times(1).min_fires(1));
    (world, job)
}

async fn called(world: &World) {
    while deletions(world) == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn r17_a_clock_that_jumps_back_steals_no_lease() {
    for back in [-HOUR, -DAY] {
        let (world, job) = under_way(Duration::from_millis(700)).await;
        let now = Clock::shifted(back).now();
        let worker = world.worker();
        let (first, stolen) = tokio::join!(work(&world, &worker, &job), async {
            called(&world).await;
            world.store.claim_tasks(None, Some(job.id), "other", now, Duration::from_secs(60), 9).await
        });
        assert_eq!(first.unwrap(), Ended::Done);
        assert!(stolen.unwrap().is_empty(), "{back}: a live lease was taken");
        assert_eq!(world.store.job(job.id).await.unwrap().state, JobState::Succeeded);
        assert_eq!(world.sandbox.unfired(), []);
    }
}

#[tokio::test]
async fn r17_a_clock_that_jumps_forward_makes_nothing_run_twice() {
    for forward in [HOUR, FOURTEEN_YEARS] {
        let (world, job) = under_way(Duration::from_millis(1_200)).await;
        let ahead = Worker { clock: Clock::shifted(forward), name: "ahead".to_owned(), ..world.worker() };
        let worker = world.worker();
        let (first, second) = tokio::join!(work(&world, &worker, &job), async {
            called(&world).await;
            work(&world, &ahead, &job).await
        });
        // Whoever lost the lease notices, and has nothing left to do.
        assert_eq!(first.unwrap(), Ended::Done, "{forward}");
        assert_eq!(second.unwrap(), Ended::Done, "{forward}");
        let job = world.store.job(job.id).await.unwrap();
        assert_eq!(job.state, JobState::Succeeded, "{forward}: {job:#?}");
        assert_eq!(only(&job).crashes, 0, "{forward}: whoever lost the lease did not end");
        let rows = world.store.audit(&AuditFilter::default(), 1_000).await.unwrap();
        for action in ["task_taken_over", "task_crash_withdrawn"] {
            assert!(rows.iter().any(|row| row.action == action), "{forward}: {action}");
        }
        let calls = world.writes().iter().filter(|entry| entry.action == "DeleteUser").count();
        assert_eq!(calls, 1, "{forward}: the deletion was called for twice");
        world.store.verify_audit().await.unwrap();
    }
}

#[tokio::test]
async fn r17_a_signature_too_far_off_is_called_a_wrong_clock_and_costs_no_attempt() {
    let (world, job) = under_way(Duration::from_millis(1)).await;
    for skew in [3_600, -3_600] {
        world.sandbox.set_clock_skew(skew);
        let refused = work(&world, &world.worker(), &job).await;
        let said = match refused {
            Ok(Ended::Paused(failure)) => failure.message,
            Err(error) => {
                let mut said = error.to_string();
                let mut cause = std::error::Error::source(&error);
                while let Some(error) = cause {
                    said.push_str(&error.to_string());
                    cause = error.source();
                }
                said
            }
            ended => panic!("{ended:?}"),
        };
        assert!(said.contains("clock"), "{said}");
        assert!(world.writes().iter().all(|entry| entry.applied != Some(true)));
        let task = only(&world.store.job(job.id).await.unwrap()).clone();
        assert_eq!(task.steps.iter().map(|step| step.attempts).sum::<u32>(), 0);
    }
    world.sandbox.set_clock_skew(0);
    assert_eq!(work(&world, &world.worker(), &job).await.unwrap(), Ended::Done);
    assert!(world.user("carl").is_none());
}
