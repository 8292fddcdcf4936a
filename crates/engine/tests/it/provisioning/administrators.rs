//! Nobody takes the last administrator: whatever system asks, whatever came about since it was planned, and by whatever
//! takes the power away.

use keyreeve_engine::provisioning::Ended;
use keyreeve_model::{
    CredentialKind, JobState, ObstacleKind, Protection, ProtectionKind, ProvisioningJob, Secret, SystemId,
    SystemName, TaskState,
};
use keyreeve_sandbox::{CallRange, Consistency, Effect, FaultRule, Mutation, Phase};
use keyreeve_store::NewSystem;
use serde_json::{Value, json};

use super::{JUST_PLANNED, full, laden, only, policy, reference, user, wish};
use crate::harness::{ACCOUNT, World};

const ADMIN: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
const DENY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
const LAST: &str = "last account that holds AdministratorAccess";

fn administrator(name: &str) -> Vec<Mutation> {
    let signs_in = Mutation::CreateLoginProfile { user: name.into(), reset_required: false };
    vec![user(name, "/"), attach(name), signs_in]
}

fn attach(name: &str) -> Mutation {
    Mutation::AttachUserPolicy { user: name.into(), arn: ADMIN.into() }
}

fn detach(name: &str) -> Mutation {
    Mutation::DetachUserPolicy { user: name.into(), arn: ADMIN.into() }
}

fn deletion(name: &str) -> Value {
    json!({"task": "delete_account", "account": name})
}

/// Another system of the same AWS account, imported.
async fn second_system(world: &mut World) -> SystemId {
    let first = world.store.get_system(&world.id).await.unwrap();
    let id = SystemId::new("prod2").unwrap();
    let key = world.sandbox.connector_key(ACCOUNT).unwrap();
    let new = NewSystem {
        system_id: id.clone(),
        name: SystemName::new("Production too").unwrap(),
        category: "AWS".to_owned(),
        region: None,
        credential: CredentialKind::AccessKey { access_key_id: key.access_key_id },
        secret: Some(Secret::new(key.secret_access_key)),
        aws_account_id: Some(ACCOUNT.parse().unwrap()),
        partition: Some("aws".to_owned()),
        settings: first.settings,
    };
    world.store.create_system(new, "local:test", world.clock.now()).await.unwrap();
    let own = std::mem::replace(&mut world.id, id.clone());
    world.published().await;
    world.id = own;
    id
}

async fn worked(world: &World, system: &SystemId, job: &ProvisioningJob) -> ProvisioningJob {
    let system = world.store.get_system(system).await.unwrap();
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let ended =
        world.worker().run_job(&world.connector, &system, job.id, JUST_PLANNED, stopped, |_| {}).await;
    assert_eq!(ended.unwrap(), Ended::Done);
    world.store.job(job.id).await.unwrap()
}

/// Planned once more before it is carried out.
async fn waited(world: &World, job: &ProvisioningJob) -> ProvisioningJob {
    let system = world.store.get_system(&world.id).await.unwrap();
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let ended = world.worker().run_job(&world.connector, &system, job.id, None, stopped, |_| {}).await;
    assert_eq!(ended.unwrap(), Ended::Done);
    world.store.job(job.id).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s33_two_systems_of_one_aws_account_leave_an_administrator() {
    for round in 0..3 {
        let both = [administrator("boss"), administrator("deputy")].concat();
        let mut world = World::with(full(), &both).await;
        let (first, second) = (world.id.clone(), second_system(&mut world).await);
        let one = world.job(&[wish(deletion("boss"))]).await;
        world.id = second.clone();
        let other = world.job(&[wish(deletion("deputy"))]).await;
        let (one, other) = tokio::join!(worked(&world, &first, &one), worked(&world, &second, &other));
        let left: Vec<_> = ["boss", "deputy"].into_iter().filter(|name| world.user(name).is_some()).collect();
        assert_eq!(left.len(), 1, "round {round}: {left:?}");
        let states = [only(&one).state, only(&other).state];
        assert!(states.contains(&TaskState::Succeeded) && states.contains(&TaskState::Failed), "{states:?}");
    }
}

#[tokio::test]
async fn s33_an_administrator_whom_another_system_switched_off_is_none_who_is_left() {
    let both = [administrator("boss"), administrator("deputy")].concat();
    let mut world = World::with(reference(), &both).await;
    let second = second_system(&mut world).await;
    world.succeeded(&[wish(json!({"task": "deactivate_account", "account": "boss"}))]).await;
    world.id = second;
    let plan = world.plan(&[wish(deletion("deputy"))]).await;
    let obstacle = plan.tasks[0].obstacles.first().unwrap_or_else(|| panic!("{:?}", plan.tasks));
    assert!(obstacle.message.contains("as boss is"), "{}", obstacle.message);
}

#[tokio::test]
async fn s33_an_administrator_who_was_switched_off_in_aws_since_the_import_is_none_who_is_left() {
    let both = [administrator("boss"), administrator("deputy")].concat();
    let world = World::with(full(), &both).await;
    assert!(world.plan(&[wish(deletion("deputy"))]).await.is_possible());
    world.mutate(&[Mutation::DeleteLoginProfile { user: "boss".into() }]);
    let plan = world.plan(&[wish(deletion("deputy"))]).await;
    assert!(plan.tasks[0].obstacles[0].message.contains("what AWS says now"), "{:?}", plan.tasks);
    world.mutate(&[Mutation::CreateAccessKey { user: "boss".into() }]);
    assert!(world.plan(&[wish(deletion("deputy"))]).await.is_possible());
}

#[tokio::test]
async fn s33_who_became_the_last_administrator_after_the_plan_is_not_taken() {
    let through_group = [Mutation::AttachGroupPolicy { group: "devs".into(), arn: ADMIN.into() }];
    let through_new_group = [
        Mutation::CreateGroup { name: "fresh".into(), path: "/".into() },
        Mutation::AttachGroupPolicy { group: "fresh".into(), arn: ADMIN.into() },
        Mutation::AddToGroup { user: "bob".into(), group: "fresh".into() },
    ];
    let direct = [attach("bob")];
    for (wanted, rights) in [
        (deletion("bob"), through_group.as_slice()),
        (deletion("bob"), &direct),
        (deletion("bob"), &through_new_group),
        (json!({"task": "deactivate_account", "account": "bob"}), &direct),
        (json!({"task": "remove_assignment", "account": "bob", "group": "devs"}), &through_group),
    ] {
        let mut changes = [laden(), administrator("boss")].concat();
        changes.push(Mutation::AddToGroup { user: "bob".into(), group: "devs".into() });
        changes.push(Mutation::RemoveFromGroup { user: "ada".into(), group: "devs".into() });
        let world = World::with(full(), &changes).await;
        let job = world.job(&[wish(wanted.clone())]).await;
        world.mutate(rights);
        world.mutate(&[detach("boss")]);
        world.sandbox.clear_trace();
        let ended = worked(&world, &world.id, &job).await;
        let task = only(&ended);
        let message = task.failure.as_ref().map(|failure| failure.message.as_str()).unwrap_or_default();
        let refused = task.state == TaskState::Failed && message.contains(LAST);
        assert!(refused, "{wanted}, {rights:?}: {task:#?}");
        assert!(world.writes().is_empty(), "{wanted}: {:?}", world.effective());
    }
}

#[tokio::test]
async fn s33_what_was_just_taken_counts_although_aws_does_not_show_it_yet() {
    let remove = |name: &str| json!({"task": "remove_assignment", "account": name, "policy": ADMIN});
    let deactivate = |name: &str| json!({"task": "deactivate_account", "account": name});
    for (first, then) in [
        (deletion("boss"), deletion("deputy")),
        (remove("boss"), deletion("deputy")),
        (remove("boss"), remove("deputy")),
        (deletion("boss"), deactivate("deputy")),
    ] {
        let both = [administrator("boss"), administrator("deputy")].concat();
        let mut world = World::with(full(), &both).await;
        let second = second_system(&mut world).await;
        world.sandbox.advance_clock(100);
        let lag = Consistency { read_lag_seconds: 60, ..Consistency::default() };
        world.sandbox.set_consistency(lag);
        world.succeeded(&[wish(first.clone())]).await;
        for system in [world.id.clone(), second] {
            world.id = system;
            let plan = world.plan(&[wish(then.clone())]).await;
            let obstacle = plan.tasks[0].obstacles.first().unwrap_or_else(|| panic!("{then} after {first}"));
            assert!(obstacle.message.contains("a short time ago"), "{}", obstacle.message);
        }
    }
}

/// Both are switched off, so either may go, and one of them must stay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s33_of_two_disabled_administrators_deleted_at_once_one_stays() {
    for round in 0..3 {
        let both = vec![user("boss", "/"), attach("boss"), user("deputy", "/"), attach("deputy")];
        let world = World::with(full(), &both).await;
        let jobs = [world.job(&[wish(deletion("boss"))]).await, world.job(&[wish(deletion("deputy"))]).await];
        let [one, other] = &jobs;
        tokio::join!(worked(&world, &world.id, one), worked(&world, &world.id, other));
        let left = ["boss", "deputy"].into_iter().filter(|name| world.user(name).is_some()).count();
        assert_eq!(left, 1, "round {round}");
    }
}

/// Their ways in were taken before they became administrators: that they are shut out by now is no reason to go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s33_who_became_the_only_administrators_while_being_deleted_are_not_all_taken() {
    let mut changes = [laden(), administrator("boss")].concat();
    for name in ["one", "other"] {
        changes.push(user(name, "/"));
        changes.push(Mutation::CreateLoginProfile { user: name.into(), reset_required: false });
        changes.push(Mutation::AttachUserPolicy { user: name.into(), arn: policy("own") });
    }
    let world = World::with(full(), &changes).await;
    let job = world.job(&[wish(deletion("one")), wish(deletion("other"))]).await;
    let flip = Effect::Mutate { ops: vec![attach("one"), attach("other"), detach("boss")] };
    let mut rule = FaultRule::new("DeleteLoginProfile", flip).phase(Phase::AfterApply).min_fires(1);
    rule.on.calls = Some(CallRange { from: 2, to: Some(2) });
    world.sandbox.add_fault(rule);
    // Longer than what was seen before counts.
    world.sandbox.add_fault(FaultRule::new("DetachUserPolicy", Effect::Latency { ms: 10_500 }).times(2));
    worked(&world, &world.id, &job).await;
    assert!(world.sandbox.unfired().is_empty());
    let left = ["one", "other"].into_iter().filter(|name| world.user(name).is_some()).count();
    assert!(left > 0, "nobody is left");
}

#[tokio::test]
async fn one_look_serves_all_tasks_that_are_taken_within_a_few_seconds() {
    let names: Vec<String> = (0..40).map(|number| format!("leaver{number}")).collect();
    let mut changes: Vec<Mutation> = names.iter().map(|name| user(name, "/")).collect();
    changes.extend(administrator("boss"));
    let mut setup = full();
    setup.settings.max_deletes = 1_000;
    let world = World::with(setup, &changes).await;
    let job = world.job(&names.iter().map(|name| wish(deletion(name))).collect::<Vec<_>>()).await;
    world.sandbox.clear_trace();
    assert_eq!(worked(&world, &world.id, &job).await.state, JobState::Succeeded);
    let trace = world.sandbox.trace();
    let looks = trace.iter().filter(|call| call.action == "GetAccountAuthorizationDetails").count();
    assert!((1..=3).contains(&looks), "{looks} looks for {} calls", trace.len());
}

#[tokio::test]
async fn s33_a_deletion_stops_when_the_other_administrator_is_lost_meanwhile() {
    let mut both = [administrator("boss"), administrator("deputy")].concat();
    both.push(Mutation::CreateAccessKey { user: "boss".into() });
    let world = World::with(full(), &both).await;
    let job = world.job(&[wish(deletion("boss"))]).await;
    let lost = Effect::Mutate { ops: vec![detach("deputy")] };
    world.sandbox.add_fault(FaultRule::new("UpdateAccessKey", lost).phase(Phase::AfterApply).min_fires(1));
    // Longer than a look holds.
    let slow = Effect::Latency { ms: 5_200 };
    world.sandbox.add_fault(FaultRule::new("DeleteLoginProfile", slow).min_fires(1));
    let ended = worked(&world, &world.id, &job).await;
    assert_eq!(only(&ended).state, TaskState::NeedsPerson, "{:#?}", only(&ended));
    let message = &only(&ended).failure.as_ref().unwrap().message;
    assert!(message.contains(LAST) && message.contains("was done before"), "{message}");
    assert!(world.user("boss").unwrap().to_string().contains(ADMIN));
}

#[tokio::test]
async fn s33_what_takes_all_power_from_the_last_administrator_is_refused_like_its_policy() {
    let on_condition = DENY.replace(
        r#""Resource":"*""#,
        r#""Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}"#,
    );
    let mut changes = administrator("boss");
    for (group, document) in [("denyers", DENY), ("careful", &on_condition)] {
        changes.push(Mutation::CreateGroup { name: group.into(), path: "/".into() });
        let (group, name) = (group.to_owned(), "deny".to_owned());
        changes.push(Mutation::PutGroupInline { group, name, document: document.into() });
    }
    let wide = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let narrow =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    for (name, document) in [("denyall", DENY), ("wide", wide), ("narrow", narrow)] {
        let (name, path) = (name.to_owned(), "/".to_owned());
        changes.push(Mutation::CreatePolicy { name, path, document: document.into() });
    }
    let world = World::with(full(), &changes).await;
    let group = |group: &str| json!({"task": "add_assignment", "account": "boss", "group": group});
    let attached = |arn: String| json!({"task": "add_assignment", "account": "boss", "policy": arn});
    let boundary = |arn: String| json!({"task": "update_account", "account": "boss", "boundary": arn});
    let aws = |name: &str| format!("arn:aws:iam::aws:policy/{name}");
    for taking in [
        group("denyers"),
        attached(policy("denyall")),
        boundary(aws("ReadOnlyAccess")),
        boundary(policy("narrow")),
        boundary(policy("denyall")),
    ] {
        let plan = world.plan(&[wish(taking.clone())]).await;
        let found = plan.tasks[0].obstacles.iter().find(|one| one.kind == ObstacleKind::Protected);
        assert!(found.is_some_and(|one| one.message.contains(LAST)), "{taking}: {:?}", plan.tasks);
    }
    for harmless in [group("careful"), attached(policy("narrow")), boundary(policy("wide"))] {
        let plan = world.plan(&[wish(harmless.clone())]).await;
        assert!(plan.is_possible(), "{harmless}: {:?}", plan.tasks);
    }
    // Who is denied everything is no administrator who is left.
    let more = [
        administrator("deputy"),
        vec![Mutation::AddToGroup { user: "deputy".into(), group: "denyers".into() }],
    ];
    world.mutate(&more.concat());
    let plan = world.plan(&[wish(deletion("boss"))]).await;
    assert!(!plan.is_possible(), "{:?}", plan.tasks);
}

#[tokio::test]
async fn a_task_that_is_refused_by_then_does_not_make_the_others_of_its_job_stale() {
    let world = World::with(full(), &laden()).await;
    let join = json!({"task": "add_assignment", "account": "bob", "policy": policy("own")});
    let other = json!({"task": "update_account", "account": "ada", "tags": {"seen": "yes"}});
    let job = world.job(&[wish(join), wish(other.clone())]).await;
    let guarded = Protection {
        kind: ProtectionKind::Account("bob".into()),
        reason: None,
        added_by: "local:test".to_owned(),
        added_at: world.clock.now(),
    };
    world.store.add_protection(&world.id, &guarded).await.unwrap();
    let ended = waited(&world, &job).await;
    let states: Vec<_> = ended.tasks.iter().map(|task| task.state).collect();
    assert_eq!(states, [TaskState::Failed, TaskState::Succeeded], "{:#?}", ended.tasks);

    let world = World::with(full(), &laden()).await;
    let rename = json!({"task": "update_account", "account": "bob", "new_name": "carl"});
    let job = world.job(&[wish(rename), wish(other)]).await;
    world.mutate(&[user("carl", "/")]);
    let ended = waited(&world, &job).await;
    let states: Vec<_> = ended.tasks.iter().map(|task| task.state).collect();
    assert_eq!(states, [TaskState::Failed, TaskState::Succeeded], "{:#?}", ended.tasks);
    assert!(ended.tasks[0].failure.as_ref().unwrap().message.contains("carl"), "{:#?}", ended.tasks);
}
