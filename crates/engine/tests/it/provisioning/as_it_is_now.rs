//! What was planned some time ago is held against what there is now: before a task is taken up again, before it takes
//! an administrator away, and before it is called done.

use std::time::Duration;

use keyreeve_engine::plan::GatherError;
use keyreeve_engine::provisioning::{Ended, WorkError};
use keyreeve_model::{FailureKind, JobState, ObstacleKind, ProvisioningJob, StepState, TaskState};
use keyreeve_sandbox::{Effect, FaultRule, KeyStatus, Mutation, Phase};
use keyreeve_store::Retry;
use serde_json::{Value, json};

use super::{JUST_PLANNED, full, laden, only, policy, quick, reference, user, wish};
use crate::harness::{ACCOUNT, World};

const ADMIN: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

const AGAIN: Retry<'static> = Retry { actor: "local:test", caps: &[], facts: None, steps: &[] };

fn administrator(name: &str) -> [Mutation; 3] {
    [
        user(name, "/"),
        Mutation::AttachUserPolicy { user: name.into(), arn: ADMIN.into() },
        Mutation::CreateLoginProfile { user: name.into(), reset_required: false },
    ]
}

fn deletion(name: &str) -> Value {
    json!({"task": "delete_account", "account": name})
}

/// Works on the job in turns until it has ended, as a worker does that comes back when its time is due.
async fn worked(world: &World, job: &ProvisioningJob) -> ProvisioningJob {
    assert_eq!(world.work(job).await.unwrap(), Ended::Done);
    world.store.job(job.id).await.unwrap()
}

fn fails_once(world: &World, action: &str) {
    world.sandbox.add_fault(FaultRule::new(action, Effect::AccessDenied).times(1).min_fires(1));
}

#[tokio::test]
async fn s33_a_retried_deletion_does_not_take_the_last_administrator() {
    let both = [administrator("boss"), administrator("deputy")].concat();
    let world = World::with(full(), &both).await;
    let job = world.job(&[wish(deletion("boss"))]).await;
    fails_once(&world, "DeleteLoginProfile");
    assert_eq!(worked(&world, &job).await.state, JobState::Failed);
    world.succeeded(&[wish(deletion("deputy"))]).await;
    world.sandbox.clear_trace();
    let retried = world.store.retry_job(job.id, &AGAIN, world.clock.now()).await.unwrap();
    let ended = worked(&world, &retried).await;
    let message = &only(&ended).failure.as_ref().unwrap().message;
    assert!(message.contains("last account that holds AdministratorAccess"), "{message}");
    assert!(world.writes().is_empty() && world.user("boss").is_some());
}

/// The worker of the try before knows neither how the passwords of the next one are sealed nor what it rests on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_tried_again_is_not_begun_by_the_worker_of_the_try_before() {
    let world = World::with(full(), &laden()).await;
    let job = world.job(&[wish(deletion("bob"))]).await;
    fails_once(&world, "DeleteLoginProfile");
    let system = world.store.get_system(&world.id).await.unwrap();
    // Beside a task during which a worker ended nothing is claimed: a claim that is under way has the only connection
    // that writes, and would wait for what waits for it below.
    let (now, job_alone) = (world.clock.now(), Some(job.id));
    world.store.claim_tasks(None, job_alone, "ended", now, Duration::from_millis(1), 1).await.unwrap();
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let mut writes = Vec::new();
    // In the very moment in which its last task has ended, before the worker looks for others.
    let again = |_| {
        let retrying = world.store.retry_job(job.id, &AGAIN, world.clock.now());
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(retrying)).unwrap();
        writes = world.writes();
    };
    let worker = world.worker();
    let ended = worker.run_job(&world.connector, &system, job.id, JUST_PLANNED, stopped, again).await;
    assert_eq!(ended.unwrap(), Ended::Done);
    let left = world.store.job(job.id).await.unwrap();
    assert_eq!((left.state, only(&left).state), (JobState::Queued, TaskState::Queued));
    assert_eq!(world.writes().len(), writes.len());
    assert_eq!(worked(&world, &left).await.state, JobState::Succeeded);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s33_two_deletions_at_once_leave_an_administrator() {
    let both = [administrator("boss"), administrator("deputy")].concat();
    let world = World::with(full(), &both).await;
    // Each was planned while the other one was there.
    let (first, second) =
        (world.job(&[wish(deletion("boss"))]).await, world.job(&[wish(deletion("deputy"))]).await);
    let (one, other) = tokio::join!(worked(&world, &first), worked(&world, &second));
    let left: Vec<_> = ["boss", "deputy"].into_iter().filter(|name| world.user(name).is_some()).collect();
    assert_eq!(left.len(), 1, "{left:?}");
    let states = [only(&one).state, only(&other).state];
    assert!(states.contains(&TaskState::Succeeded) && states.contains(&TaskState::Failed), "{states:?}");
}

/// A group that denies everything, and one that makes administrators: the one that denies goes last.
#[tokio::test]
async fn a_deletion_that_waited_is_stale_when_its_order_is_another_one() {
    let deny = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    let mut changes = laden();
    changes.push(Mutation::AddToGroup { user: "bob".into(), group: "devs".into() });
    changes.push(Mutation::AddToGroup { user: "bob".into(), group: "ops".into() });
    let world = World::with(full(), &changes).await;
    let job = world.job(&[wish(deletion("bob"))]).await;
    let first = only(&job).steps.iter().find(|step| step.operation == "RemoveUserFromGroup").unwrap();
    let keyreeve_model::StepCall::RemoveFromGroup { group, .. } = first.call.clone() else { panic!() };
    let inline =
        Mutation::PutGroupInline { group: group.clone(), name: "deny".into(), document: deny.into() };
    world.sandbox.mutate(ACCOUNT, &[inline]).unwrap();
    world.sandbox.clear_trace();
    let system = world.store.get_system(&world.id).await.unwrap();
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let refused = world.worker().run_job(&world.connector, &system, job.id, None, stopped, |_| {}).await;
    let Err(WorkError::Stale(changed)) = refused else { panic!("{refused:?}") };
    assert!(changed.iter().any(|what| what.contains("bob")), "{changed:?}");
    assert!(world.writes().is_empty());
}

#[tokio::test]
async fn a_deletion_that_is_tried_again_removes_in_the_order_that_is_right_by_then() {
    let deny = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    let mut changes = laden();
    changes.push(Mutation::AddToGroup { user: "bob".into(), group: "devs".into() });
    changes.extend(administrator("boss"));
    let world = World::with(full(), &changes).await;
    let job = world.job(&[wish(deletion("bob"))]).await;
    fails_once(&world, "RemoveUserFromGroup");
    assert_eq!(worked(&world, &job).await.state, JobState::Failed);
    let meanwhile = [
        Mutation::PutGroupInline { group: "devs".into(), name: "deny".into(), document: deny.into() },
        Mutation::AttachUserPolicy { user: "bob".into(), arn: ADMIN.into() },
        Mutation::CreateAccessKey { user: "bob".into() },
    ];
    world.sandbox.mutate(ACCOUNT, &meanwhile).unwrap();
    world.sandbox.clear_trace();
    let retried = world.store.retry_job(job.id, &AGAIN, world.clock.now()).await.unwrap();
    assert_eq!(worked(&world, &retried).await.state, JobState::Succeeded);
    let order = world.effective();
    let at = |action: &str| order.iter().position(|made| made == action).unwrap();
    assert!(at("UpdateAccessKey") < at("DetachUserPolicy"), "{order:?}");
    assert!(at("DetachUserPolicy") < at("RemoveUserFromGroup"), "{order:?}");
    assert!(world.user("bob").is_none());
}

#[tokio::test]
async fn a_deactivation_is_read_back_and_takes_what_was_made_meanwhile() {
    let world = World::with(full(), &laden()).await;
    let key = Mutation::CreateAccessKey { user: "bob".into() };
    let made = Effect::Mutate { ops: vec![key] };
    let rule = FaultRule::new("DeleteLoginProfile", made).phase(Phase::AfterApply).times(1).min_fires(1);
    world.sandbox.add_fault(rule);
    let job = world.succeeded(&[wish(json!({"task": "deactivate_account", "account": "bob"}))]).await;
    let keys = world.user("bob").unwrap()["keys"].clone();
    assert_eq!(keys[0]["status"], "Inactive", "{keys}");
    let manifest = only(&job).manifest.as_ref().unwrap();
    assert_eq!(manifest.credentials.len(), 1, "what was switched off is noted: {manifest:?}");
    let read_after: Vec<_> = world.sandbox.trace().into_iter().map(|entry| entry.action).collect();
    let last_write = read_after.iter().rposition(|action| action == "UpdateAccessKey").unwrap();
    assert!(read_after[last_write..].iter().any(|action| action == "ListAccessKeys"), "{read_after:?}");
}

#[tokio::test]
async fn a_deactivation_takes_a_password_that_came_back_and_attaches_again_what_was_detached() {
    let mut setup = full();
    setup.settings.deny_all_policy = Some(policy("own"));
    let world = World::with(setup, &laden()).await;
    let back = Mutation::CreateLoginProfile { user: "bob".into(), reset_required: false };
    let gone = Mutation::DetachUserPolicy { user: "bob".into(), arn: policy("own") };
    // The password is gone before the policy is attached, and whether that is there is read afterwards.
    for (action, change) in [("AttachUserPolicy", back), ("ListAttachedUserPolicies", gone)] {
        let rule = FaultRule::new(action, Effect::Mutate { ops: vec![change] });
        world.sandbox.add_fault(rule.times(1).min_fires(1));
    }
    let job = world.job(&[wish(json!({"task": "deactivate_account", "account": "bob"}))]).await;
    let ended = worked(&world, &job).await;
    assert_eq!(ended.state, JobState::Succeeded, "{ended:#?}");
    assert!(world.sandbox.unfired().is_empty());
    let left = world.user("bob").unwrap();
    assert!(left["login_profile"].is_null() && left.to_string().contains(&policy("own")), "{left}");
}

#[tokio::test]
async fn a_key_that_is_switched_on_again_and_again_is_left_to_a_person() {
    let world = World::with(full(), &laden()).await;
    let keys = world.user("ada").unwrap()["keys"].clone();
    let id = keys[0]["id"].as_str().unwrap_or_else(|| panic!("{keys}")).to_owned();
    let on = Effect::Mutate { ops: vec![Mutation::SetKeyStatus { key_id: id, status: KeyStatus::Active }] };
    world.sandbox.add_fault(FaultRule::new("ListAccessKeys", on));
    let job = world.job(&[wish(json!({"task": "deactivate_account", "account": "ada"}))]).await;
    let ended = worked(&world, &job).await;
    assert_eq!(only(&ended).state, TaskState::NeedsPerson);
    let message = &only(&ended).failure.as_ref().unwrap().message;
    assert!(message.contains("on again") && message.contains("UpdateAccessKey"), "{message}");
}

#[tokio::test]
async fn r14_an_account_that_reads_do_not_show_for_a_moment_is_not_called_gone() {
    let world = World::with(full(), &laden()).await;
    let job = world.job(&[wish(deletion("bob"))]).await;
    let hidden = Effect::Error { status: 404, code: "NoSuchEntity".into(), message: String::new() };
    world.sandbox.add_fault(FaultRule::new("GetUser", hidden).times(1).min_fires(1));
    world.sandbox.add_fault(FaultRule::new("ListUsers", Effect::DropPage).times(1).min_fires(1));
    let ended = worked(&world, &job).await;
    assert_eq!(ended.state, JobState::Succeeded, "{ended:#?}");
    assert!(world.user("bob").is_none(), "it was there, and was deleted after all");
}

#[tokio::test]
async fn an_account_that_somebody_else_deleted_is_gone_when_it_has_not_been_seen_for_long_enough() {
    let world = World::with(full(), &laden()).await;
    let job = world.job(&[wish(deletion("bob"))]).await;
    world.sandbox.mutate(ACCOUNT, &[Mutation::DeleteUser { name: "bob".into() }]).unwrap();
    world.sandbox.clear_trace();
    let began = std::time::Instant::now();
    let ended = worked(&world, &job).await;
    assert_eq!(ended.state, JobState::Succeeded);
    assert!(began.elapsed() >= quick().propagation, "one look proves nothing");
    assert!(world.writes().is_empty());
    let claims = world.store.open_claims(&world.id).await.unwrap();
    assert_eq!(claims.len(), 1, "an import must confirm it: {claims:?}");
}

/// By the listing of memberships and attachments, or where that is not granted by the details.
#[tokio::test]
async fn a_lost_answer_about_an_assignment_is_settled_by_looking() {
    for setup in [full(), reference()] {
        let world = World::with(setup, &laden()).await;
        let own = policy("own");
        for (wanted, action) in [
            (json!({"task": "add_assignment", "account": "bob", "group": "devs"}), "AddUserToGroup"),
            (json!({"task": "add_assignment", "account": "bob", "policy": own}), "AttachUserPolicy"),
            (json!({"task": "remove_assignment", "account": "bob", "group": "devs"}), "RemoveUserFromGroup"),
            (json!({"task": "remove_assignment", "account": "bob", "policy": own}), "DetachUserPolicy"),
        ] {
            world.sandbox.clear_trace();
            world.sandbox.clear_faults();
            // As long as the fault lasts, no repeat would get an answer either.
            let lost = Effect::Error { status: 500, code: "ServiceFailure".into(), message: String::new() };
            world.sandbox.add_fault(FaultRule::new(action, lost).phase(Phase::AfterApply).min_fires(1));
            let job = world.succeeded(&[wish(wanted)]).await;
            assert_eq!(world.writes().len(), 1, "{action} was repeated");
            assert_eq!(only(&job).steps[0].state, StepState::Applied);
        }
    }
}

#[tokio::test]
async fn an_outage_does_not_use_the_attempts_up_in_a_moment() {
    let world = World::with(full(), &laden()).await;
    let down = Effect::Error { status: 500, code: "ServiceFailure".into(), message: String::new() };
    world.sandbox.add_fault(FaultRule::new("AttachUserPolicy", down));
    let job = world
        .job(&[wish(json!({"task": "add_assignment", "account": "bob", "policy": policy("own")}))])
        .await;
    let began = std::time::Instant::now();
    let ended = worked(&world, &job).await;
    let least: Duration =
        (1..11).map(|attempt| quick().longest_wait.min(quick().first_wait * (1 << (attempt - 1)))).sum();
    assert!(began.elapsed() >= least, "{:?}", began.elapsed());
    assert_eq!(only(&ended).state, TaskState::NeedsPerson);
    assert_eq!(only(&ended).failure.as_ref().unwrap().kind, FailureKind::Unknown);
}

#[tokio::test]
async fn an_account_that_is_deleted_while_it_is_looked_at_is_no_more_and_that_is_no_failure() {
    let world = World::with(full(), &laden()).await;
    let gone = Effect::Mutate { ops: vec![Mutation::DeleteUser { name: "bob".into() }] };
    world.sandbox.add_fault(FaultRule::new("ListAccessKeys", gone).subject("bob").times(1).min_fires(1));
    let plan = world.plan(&[wish(deletion("bob")), wish(deletion("ada"))]).await;
    assert!(world.sandbox.unfired().is_empty());
    let kinds: Vec<_> = plan.tasks[0].obstacles.iter().map(|obstacle| obstacle.kind).collect();
    assert_eq!(kinds, [ObstacleKind::NotFound], "{plan:#?}");
    assert!(plan.tasks[1].obstacles.is_empty(), "{plan:#?}");
}

#[tokio::test]
async fn an_account_that_is_listed_and_gone_again_and_again_is_planned_nothing_about() {
    let world = World::with(full(), &laden()).await;
    let hidden = Effect::Error { status: 404, code: "NoSuchEntity".into(), message: String::new() };
    world.sandbox.add_fault(FaultRule::new("ListAccessKeys", hidden).subject("bob").min_fires(3));
    let system = world.store.get_system(&world.id).await.unwrap();
    let wishes = [wish(deletion("bob"))];
    let refused = world.gatherer().gather(&world.connector, &system, &wishes).await.err().unwrap();
    assert!(matches!(refused, GatherError::GoneMeanwhile { .. }), "{refused}");
    assert!(refused.to_string().contains("of bob") && refused.to_string().contains("ask again"), "{refused}");
    assert!(world.sandbox.unfired().is_empty());
}
