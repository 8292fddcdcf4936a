//! R18: the disk refuses the n-th access, for every n: no call is made without its durable attempt, the error
//! surfaces, and the same process goes on when there is room again.

use keyreeve_engine::plan::GatherError;
use keyreeve_engine::provisioning::{Ended, WorkError};
use keyreeve_model::JobState;
use keyreeve_store::StoreError;
use serde_json::json;

use super::{JUST_PLANNED, full, laden, only, wish};
use crate::harness::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r18_a_disk_that_is_full_at_any_access_stops_the_work_and_loses_nothing() {
    let world = World::with(full(), &laden()).await;
    let (mut refused, mut in_time) = (0, 0);
    for n in 1.. {
        let name = format!("eve{n}");
        let wanted = json!({"task": "create_account", "name": name, "groups": ["devs"], "deliver": "link"});
        let job = world.job(&[wish(wanted)]).await;
        let system = world.store.get_system(&world.id).await.unwrap();
        let (_stop, stopped) = tokio::sync::watch::channel(false);
        world.store.fail_call(n);
        let ended =
            world.worker().run_job(&world.connector, &system, job.id, JUST_PLANNED, stopped, |_| {}).await;
        let over = world.store.fault_pending();
        world.store.clear_faults();
        let calls = world.writes().iter().filter(|entry| entry.subject.as_ref() == Some(&name)).count();
        let now = world.store.job(job.id).await.unwrap();
        let attempts: u32 = only(&now).steps.iter().map(|step| step.attempts).sum();
        assert!(attempts as usize >= calls, "access {n}: {calls} calls and {attempts} attempts written down");
        match &ended {
            Ok(Ended::Done) => in_time += 1,
            Err(
                WorkError::Store(StoreError::Io { .. })
                | WorkError::Guard(GatherError::Store(StoreError::Io { .. })),
            ) => refused += 1,
            Err(WorkError::Guard(error)) => {
                assert!(error.to_string().contains("planted"), "access {n}: {error}");
                refused += 1;
            }
            other => panic!("access {n}: {other:?}"),
        }
        if ended.is_err() {
            assert_eq!(
                world.work(&job).await.unwrap(),
                Ended::Done,
                "access {n}: it goes on without a restart"
            );
        }
        let now = world.store.job(job.id).await.unwrap();
        assert_eq!(now.state, JobState::Succeeded, "access {n}: {:#?}", only(&now));
        let made = world.writes();
        let made = made.iter().filter(|entry| {
            entry.action == "CreateUser"
                && entry.subject.as_ref() == Some(&name)
                && entry.applied == Some(true)
        });
        assert_eq!(made.count(), 1, "access {n}");
        if over {
            break;
        }
    }
    world.store.verify_audit().await.unwrap();
    assert!(refused > 30, "{refused} accesses were refused, {in_time} were of no consequence");
}
