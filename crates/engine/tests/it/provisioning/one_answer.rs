//! One answer that denies that a user is there proves nothing: it is looked at again.

use keyreeve_model::{FailureKind, JobState, StepState, TaskState};
use keyreeve_sandbox::{Effect, FaultRule, Mutation, Phase};
use serde_json::{Value, json};

use super::{full, laden, only, policy, quick, user, wish};
use crate::harness::World;

async fn world() -> World {
    let mut changes = laden();
    changes.push(Mutation::AddToGroup { user: "bob".into(), group: "devs".into() });
    changes.push(Mutation::AttachUserPolicy { user: "bob".into(), arn: policy("own") });
    changes.push(Mutation::CreateAccessKey { user: "bob".into() });
    World::with(full(), &changes).await
}

fn not_found() -> Effect {
    let message = "The user with name bob cannot be found.".to_owned();
    Effect::Error { status: 404, code: "NoSuchEntity".into(), message }
}

fn deletion() -> Value {
    json!({"task": "delete_account", "account": "bob"})
}

#[tokio::test]
async fn r14_one_answer_that_a_user_is_missing_does_not_make_a_removal_done() {
    let of = |task: &str, what: &str, value: &str| json!({"task": task, "account": "bob", what: value});
    for (wanted, action) in [
        (of("remove_assignment", "group", "devs"), "RemoveUserFromGroup"),
        (of("remove_assignment", "policy", &policy("own")), "DetachUserPolicy"),
        (json!({"task": "deactivate_account", "account": "bob"}), "DeleteLoginProfile"),
        (json!({"task": "deactivate_account", "account": "bob"}), "UpdateAccessKey"),
        (deletion(), "DeleteLoginProfile"),
        (deletion(), "DetachUserPolicy"),
        (deletion(), "DeleteAccessKey"),
        (deletion(), "DeleteUser"),
        (of("add_assignment", "group", "ops"), "AddUserToGroup"),
        (json!({"task": "update_account", "account": "bob", "new_path": "/new/"}), "UpdateUser"),
    ] {
        let world = world().await;
        world.sandbox.add_fault(FaultRule::new(action, not_found()).times(1).min_fires(1));
        let job = world.succeeded(&[wish(wanted.clone())]).await;
        let step = only(&job).steps.iter().find(|step| step.operation == action).unwrap();
        assert_eq!((step.state, step.attempts), (StepState::Applied, 2), "{wanted} {action}");
        assert!(world.effective().contains(&action.to_owned()), "{wanted} {action}: {:?}", world.effective());
        assert_eq!(world.user("bob").is_none(), wanted == deletion());
    }
}

#[tokio::test]
async fn a_deletion_that_does_not_find_its_user_again_and_again_is_not_done_while_the_user_is_seen() {
    let world = world().await;
    world.sandbox.add_fault(FaultRule::new("DeleteUser", not_found()).min_fires(2));
    let job = world.done(&[wish(deletion())]).await;
    assert_eq!(only(&job).state, TaskState::Failed, "{:#?}", only(&job));
    assert!(world.user("bob").is_some());
}

#[tokio::test]
async fn a_user_whom_somebody_deletes_in_the_middle_is_gone_when_not_seen_for_long_enough() {
    let world = world().await;
    let ops = vec![Mutation::DeleteUser { name: "bob".into() }];
    world.sandbox.add_fault(FaultRule::new("DeleteUser", Effect::Mutate { ops }).times(1).min_fires(1));
    let began = std::time::Instant::now();
    world.succeeded(&[wish(deletion())]).await;
    assert!(began.elapsed() >= quick().propagation, "two answers prove nothing");
}

#[tokio::test]
async fn a_group_that_is_gone_fails_soon() {
    let world = world().await;
    let add = json!({"task": "add_assignment", "account": "bob", "group": "ops"});
    let job = world.job(&[wish(add)]).await;
    let out = Mutation::RemoveFromGroup { user: "ada".into(), group: "ops".into() };
    world.mutate(&[out, Mutation::DeleteGroup { name: "ops".into() }]);
    world.work(&job).await.unwrap();
    let ended = world.store.job(job.id).await.unwrap();
    assert_eq!((ended.state, only(&ended).steps[0].attempts), (JobState::Failed, 3));
}

/// What became of a newcomer that calls by name hit is for a person to mend.
#[tokio::test]
async fn r29_calls_that_may_have_hit_a_newcomer_are_named() {
    for (phase, hits) in [
        (Phase::Before, ["DeleteLoginProfile", "DetachUserPolicy"].as_slice()),
        (Phase::AfterApply, &["DetachUserPolicy"]),
    ] {
        let world = world().await;
        let ops = vec![
            Mutation::DeleteUser { name: "bob".into() },
            user("bob", "/staff/"),
            Mutation::CreateLoginProfile { user: "bob".into(), reset_required: false },
            Mutation::AttachUserPolicy { user: "bob".into(), arn: policy("own") },
        ];
        let newcomer = Effect::Mutate { ops };
        world
            .sandbox
            .add_fault(FaultRule::new("DeleteLoginProfile", newcomer).phase(phase).times(1).min_fires(1));
        let job = world.done(&[wish(deletion())]).await;
        let failure = only(&job).failure.as_ref().unwrap();
        assert_eq!(failure.kind, FailureKind::IdentityChanged, "{:#?}", only(&job));
        assert_eq!(only(&job).state, TaskState::NeedsPerson, "{failure:?}");
        assert!(!failure.message.contains("left alone"), "{failure:?}");
        assert!(hits.iter().all(|call| failure.message.contains(call)), "{hits:?}: {failure:?}");
        assert!(world.user("bob").is_some());
    }
}
