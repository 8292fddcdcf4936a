//! R13, R14: lost answers, and reads that lag.

use keyreeve_model::{JobState, TaskState};
use keyreeve_sandbox::{Consistency, Effect, FaultRule, Malformed, Mutation, Phase};
use serde_json::json;

use super::{full, laden, only, reference, user, wish};
use crate::harness::World;

/// The ways in which an answer is lost; applied or not.
fn losses() -> Vec<(&'static str, FaultRule)> {
    let on = |effect, phase| FaultRule::new("CreateUser", effect).phase(phase).times(1).min_fires(1);
    let error = || Effect::Error { status: 500, code: "ServiceFailure".into(), message: String::new() };
    vec![
        ("reset before", on(Effect::Reset, Phase::Before)),
        ("reset after", on(Effect::Reset, Phase::AfterApply)),
        ("500 before", on(error(), Phase::Before)),
        ("500 after", on(error(), Phase::AfterApply)),
        ("truncated", on(Effect::Truncate { at_fraction: 0.6 }, Phase::Before)),
        ("malformed", on(Effect::Malformed { body: Malformed::UnclosedTag }, Phase::Before)),
        ("wrong root", on(Effect::Malformed { body: Malformed::WrongRoot }, Phase::Before)),
    ]
}

#[tokio::test]
async fn r13_a_creation_whose_answer_was_lost_is_made_once_whatever_was_lost() {
    for setup in [full, reference] {
        for (name, rule) in losses() {
            let world = World::with(setup(), &laden()).await;
            let job =
                world.job(&[wish(json!({"task": "create_account", "name": "eve", "deliver": "link"}))]).await;
            world.sandbox.add_fault(rule);
            world.work(&job).await.unwrap();
            let job = world.store.job(job.id).await.unwrap();
            assert_eq!(world.sandbox.unfired(), [], "{name}");
            assert_eq!(job.state, JobState::Succeeded, "{name}: {:#?}", only(&job));
            let made = world.effective().iter().filter(|action| *action == "CreateUser").count();
            assert_eq!(made, 1, "{name}");
            let id = world.user("eve").unwrap()["id"].as_str().unwrap().to_owned();
            assert_eq!(only(&job).account_external_id.as_ref().unwrap().as_str(), id, "{name}");
        }
    }
}

#[tokio::test]
async fn r13_somebody_elses_account_of_the_same_name_is_never_adopted() {
    for setup in [full, reference] {
        let world = World::with(setup(), &laden()).await;
        let job =
            world.job(&[wish(json!({"task": "create_account", "name": "eve", "deliver": "link"}))]).await;
        // Ours is lost before it was done, and somebody else makes the account, with a password.
        let theirs = vec![
            user("eve", "/"),
            Mutation::CreateLoginProfile { user: "eve".into(), reset_required: false },
        ];
        world.sandbox.add_fault(FaultRule::new("CreateUser", Effect::Reset).times(1).min_fires(1));
        world
            .sandbox
            .add_fault(FaultRule::new("CreateUser", Effect::Mutate { ops: theirs }).times(1).min_fires(1));
        world.work(&job).await.unwrap();
        let job = world.store.job(job.id).await.unwrap();
        assert!(matches!(only(&job).state, TaskState::NeedsPerson | TaskState::Failed), "{:#?}", only(&job));
        let touched = ["CreateLoginProfile", "UpdateLoginProfile", "AttachUserPolicy"];
        let found = world.effective();
        assert!(!found.iter().any(|action| touched.contains(&action.as_str())), "{found:?}");
    }
}

#[tokio::test]
async fn r13_a_password_whose_fate_is_not_known_is_never_delivered() {
    for phase in [Phase::Before, Phase::AfterApply] {
        for (action, account) in [("UpdateLoginProfile", "ada"), ("CreateLoginProfile", "carl")] {
            let mut changes = laden();
            changes.push(user("carl", "/"));
            let world = World::with(full(), &changes).await;
            let job = world
                .job(&[wish(json!({"task": "reset_password", "account": account, "deliver": "link"}))])
                .await;
            let rule = FaultRule::new(action, Effect::Reset).phase(phase).times(1).min_fires(1);
            world.sandbox.add_fault(rule);
            world.work(&job).await.unwrap();
            let job = world.store.job(job.id).await.unwrap();
            assert_eq!(job.state, JobState::Succeeded, "{action} {phase:?}: {:#?}", only(&job));
            let deliveries = world.store.deliveries(job.id).await.unwrap();
            let released =
                deliveries.iter().filter(|one| one.state == keyreeve_store::DeliveryState::Released);
            assert_eq!(released.count(), 1, "{action} {phase:?}: {deliveries:?}");
            assert!(deliveries.len() >= 2, "{action} {phase:?}: the lost candidate was used again");
        }
    }
}

#[tokio::test]
async fn r14_reads_that_lag_make_no_duplicate_and_no_false_conclusion() {
    for lag in [0_u32, 1] {
        let world = World::with(full(), &laden()).await;
        let job = world
            .job(&[wish(
                json!({"task": "create_account", "name": "eve", "groups": ["devs"], "deliver": "link"}),
            )])
            .await;
        world.sandbox.set_consistency(Consistency { read_lag_seconds: lag, ..Consistency::default() });
        let rule = FaultRule::new("CreateUser", Effect::Reset).phase(Phase::AfterApply).times(1).min_fires(1);
        world.sandbox.add_fault(rule);
        world.work(&job).await.unwrap();
        let job = world.store.job(job.id).await.unwrap();
        assert_eq!(job.state, JobState::Succeeded, "lag {lag}: {:#?}", only(&job));
        let creations = world.writes().iter().filter(|entry| entry.action == "CreateUser").count();
        assert_eq!(creations, 1, "lag {lag}");
    }
}
