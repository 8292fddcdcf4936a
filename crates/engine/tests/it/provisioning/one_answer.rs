//! One answer that denies that a user is there proves nothing: it is looked at again.

use keyreeve_model::{FailureKind, JobState, StepState, TaskState};
use keyreeve_sandbox::{CallRange, Effect, FaultRule, Mutation, Phase};
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

/// Of bob's access keys.
fn statuses(world: &World) -> Vec<String> {
    let keys = world.user("bob").map(|user| user["keys"].as_array().unwrap().clone()).unwrap_or_default();
    keys.iter().map(|key| key["status"].as_str().unwrap().to_owned()).collect()
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

/// AWS refused to delete the account, so nothing of ours has: who has its name then is a newcomer, and one look that does
/// not find it proves nothing.
#[tokio::test]
async fn r29_a_deletion_that_was_refused_is_not_done_by_what_is_seen_then() {
    let blocked = || {
        let ops = vec![
            Mutation::AddToGroup { user: "bob".into(), group: "ops".into() },
            Mutation::AttachUserPolicy { user: "bob".into(), arn: policy("own") },
        ];
        FaultRule::new("DeleteUser", Effect::Mutate { ops }).times(1).min_fires(1)
    };
    let world = self::world().await;
    world.sandbox.add_fault(blocked());
    let newcomer = vec![
        Mutation::DeleteUser { name: "bob".into() },
        user("bob", "/staff/"),
        Mutation::AddToGroup { user: "bob".into(), group: "ops".into() },
    ];
    let mut replaced = FaultRule::new("RemoveUserFromGroup", Effect::Mutate { ops: newcomer }).min_fires(1);
    replaced.on.calls = Some(CallRange { from: 2, to: Some(2) });
    world.sandbox.add_fault(replaced);
    let job = world.done(&[wish(deletion())]).await;
    assert!(world.sandbox.unfired().is_empty(), "{:?}", world.sandbox.unfired());
    let task = only(&job);
    assert_eq!(task.state, TaskState::NeedsPerson, "{task:#?}");
    assert!(task.failure.as_ref().unwrap().message.contains("RemoveUserFromGroup"), "{task:#?}");

    let world = self::world().await;
    world.sandbox.add_fault(blocked());
    let unseen = FaultRule::new("GetUser", not_found()).times(1).min_fires(1);
    let mut hidden = unseen;
    hidden.on.calls = Some(CallRange { from: 2, to: Some(2) });
    world.sandbox.add_fault(hidden);
    world.succeeded(&[wish(deletion())]).await;
    assert!(world.user("bob").is_none(), "it is said to be gone, and is there");
}

/// What is on by the name of a deactivated account is switched off only if the name is still that account's.
#[tokio::test]
async fn r29_a_newcomer_is_not_deactivated_by_what_is_read_back() {
    let world = world().await;
    let ops = vec![
        Mutation::DeleteUser { name: "bob".into() },
        user("bob", "/staff/"),
        Mutation::CreateLoginProfile { user: "bob".into(), reset_required: false },
        Mutation::CreateAccessKey { user: "bob".into() },
    ];
    let newcomer = FaultRule::new("DeleteLoginProfile", Effect::Mutate { ops }).times(1).min_fires(1);
    world.sandbox.add_fault(newcomer);
    let job = world.done(&[wish(json!({"task": "deactivate_account", "account": "bob"}))]).await;
    let task = only(&job);
    assert_eq!(task.state, TaskState::NeedsPerson, "{task:#?}");
    assert!(task.failure.as_ref().unwrap().message.contains("DeleteLoginProfile"), "{task:#?}");
    assert_eq!(statuses(&world), ["Active"]);
}

/// What is not there cannot be used: the rest is switched off all the same.
#[tokio::test]
async fn a_key_that_somebody_deletes_in_the_middle_stops_no_deactivation() {
    for wanted in [json!({"task": "deactivate_account", "account": "bob"}), deletion()] {
        let world = world().await;
        world.mutate(&[Mutation::CreateAccessKey { user: "bob".into() }]);
        let job = world.job(&[wish(wanted.clone())]).await;
        let switched = only(&job).steps.iter().find(|step| step.operation == "UpdateAccessKey");
        let key_id = switched.and_then(|step| step.call.object()).unwrap();
        let ops = vec![Mutation::DeleteAccessKey { key_id: key_id.to_owned() }];
        let gone = FaultRule::new("UpdateAccessKey", Effect::Mutate { ops }).times(1).min_fires(1);
        world.sandbox.add_fault(gone);
        world.work(&job).await.unwrap();
        assert_eq!(world.store.job(job.id).await.unwrap().state, JobState::Succeeded, "{wanted}");
        let left = if wanted == deletion() { [].as_slice() } else { &["Inactive"] };
        assert_eq!(statuses(&world), left, "{wanted}");
    }
}

#[tokio::test]
async fn one_look_that_misses_the_account_does_not_end_a_deactivation() {
    let world = world().await;
    let job = world.job(&[wish(json!({"task": "deactivate_account", "account": "bob"}))]).await;
    for look in ["GetUser", "GetAccountAuthorizationDetails", "ListUsers"] {
        world.sandbox.add_fault(FaultRule::new(look, not_found()).times(1));
    }
    world.work(&job).await.unwrap();
    let ended = world.store.job(job.id).await.unwrap();
    assert_eq!(ended.state, JobState::Succeeded, "{:#?}", only(&ended));
    assert_eq!(statuses(&world), ["Inactive"]);
}
