//! R04: every step of every kind of task is carried out, its answer is lost, and it runs again: the end is the same.

use std::collections::BTreeMap;

use futures::StreamExt;
use keyreeve_engine::provisioning::Ended;
use keyreeve_model::{JobState, TaskKind};
use keyreeve_sandbox::{CallRange, Effect, FaultRule, Phase};

use super::matrix::{check_effects, prepared, scene, undisturbed};
use super::only;

/// What AWS itself shows to be done is looked at and not done again.
const LOOKED_AT: [&str; 9] = [
    "CreateUser",
    "UpdateUser",
    "DeleteUser",
    "CreateLoginProfile",
    "DeleteLoginProfile",
    "AddUserToGroup",
    "RemoveUserFromGroup",
    "AttachUserPolicy",
    "DetachUserPolicy",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r04_every_step_may_run_twice() {
    let repeated: u64 = futures::stream::iter(TaskKind::ALL)
        .map(twice)
        .buffer_unordered(4)
        .fold(0, async |sum, repeated| sum + repeated)
        .await;
    assert!(repeated >= 15, "only {repeated} steps ran twice");
}

/// A task of this kind, each of whose steps runs twice; how many did.
async fn twice(kind: TaskKind) -> u64 {
    let (undisturbed, expected) = undisturbed(kind).await;
    let (before, wish) = scene(kind);
    let world = prepared(&before).await;
    let job = world.job(&[wish]).await;
    let mut steps: BTreeMap<&str, u64> = BTreeMap::new();
    for step in &only(&undisturbed).steps {
        *steps.entry(&step.operation).or_default() += 1;
    }
    for (&operation, &number) in &steps {
        // The first, third, fifth … call of an operation is the first of a step, if each step makes two.
        let calls = if LOOKED_AT.contains(&operation) { 1 } else { 2 };
        for nth in (0..number).map(|step| calls * step + 1) {
            let mut rule = FaultRule::new(operation, Effect::Reset).phase(Phase::AfterApply).min_fires(1);
            rule.on.calls = Some(CallRange { from: nth, to: Some(nth) });
            world.sandbox.add_fault(rule);
        }
    }
    let named = kind.as_str();
    assert_eq!(world.work(&job).await.unwrap(), Ended::Done, "{named}");
    let job = world.store.job(job.id).await.unwrap();
    assert_eq!(world.sandbox.unfired(), [], "{named}: a step did not run twice");
    assert_eq!(job.state, JobState::Succeeded, "{named}: {:#?}", only(&job));
    assert_eq!(world.final_users(), expected.users, "{named}");
    check_effects(named, &expected.effects, world.effective());
    let mut attempts: BTreeMap<&str, u64> = BTreeMap::new();
    for step in &only(&job).steps {
        *attempts.entry(&step.operation).or_default() += u64::from(step.attempts);
    }
    let repeatable = steps.iter().filter(|(operation, _)| !LOOKED_AT.contains(operation));
    repeatable
        .map(|(operation, number)| {
            assert!(attempts[operation] >= 2 * number, "{named} {operation}: {attempts:?}");
            *number
        })
        .sum()
}
