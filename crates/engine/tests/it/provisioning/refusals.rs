//! What is refused, and that no call is made then.

use keyreeve_engine::provisioning::HandOver;
use keyreeve_model::{
    ExternalId, JobState, ObstacleKind, Protection, ProtectionKind, ProvisioningJob, StepCall,
    SystemSettings, TaskState,
};
use keyreeve_sandbox::{Effect, FaultRule, Mutation, Phase};
use serde_json::{Value, json};

use super::{full, laden, only, policy, reference, user, wish};
use crate::harness::{ACCOUNT, World};

async fn refused(world: &World, wish_json: Value, kind: ObstacleKind, says: &str) {
    let plan = world.plan(&[wish(wish_json.clone())]).await;
    let found = plan.tasks[0].obstacles.iter().find(|obstacle| obstacle.kind == kind);
    let obstacle = found.unwrap_or_else(|| panic!("{wish_json}: {:?}", plan.tasks[0].obstacles));
    assert!(obstacle.message.contains(says), "{wish_json}: {}", obstacle.message);
    assert!(world.writes().is_empty(), "{wish_json}: {:?}", world.effective());
}

#[tokio::test]
async fn s31_the_connectors_own_account_is_never_changed() {
    let world = World::with(full(), &laden()).await;
    let connector = "keyreeve-connector";
    for wish in [
        json!({"task": "delete_account", "account": connector}),
        json!({"task": "deactivate_account", "account": connector}),
        json!({"task": "reset_password", "account": connector, "deliver": "link"}),
        json!({"task": "update_account", "account": connector, "new_name": "x"}),
        json!({"task": "add_assignment", "account": connector, "group": "devs"}),
        json!({"task": "remove_assignment", "account": connector, "policy": policy("own")}),
    ] {
        refused(&world, wish, ObstacleKind::Protected, "signs in with").await;
    }
    // In another case there is no such account, and no call either.
    let other_case = json!({"task": "delete_account", "account": "KeyReeve-Connector"});
    refused(&world, other_case, ObstacleKind::NotFound, "exact case").await;
    // Renamed behind our back it is still known by its id.
    let admin = "arn:aws:iam::aws:policy/AdministratorAccess".to_owned();
    let keep = Mutation::AttachUserPolicy { user: connector.into(), arn: admin };
    world.sandbox.mutate(ACCOUNT, &[keep]).unwrap();
    let rename = Mutation::RenameUser { name: connector.into(), new_name: "innocent".into() };
    world.sandbox.mutate(ACCOUNT, &[rename]).unwrap();
    let renamed = json!({"task": "delete_account", "account": "innocent"});
    refused(&world, renamed, ObstacleKind::Protected, "signs in with").await;
}

#[tokio::test]
async fn s33_reserved_paths_protected_names_paths_and_tags_and_the_last_administrator() {
    let admin = "arn:aws:iam::aws:policy/AdministratorAccess";
    let mut changes = laden();
    changes.extend([
        user("root-ish", "/aws-reserved/x/"),
        user("guarded", "/"),
        user("glass", "/break-glass/"),
        user("boss", "/"),
        Mutation::AttachUserPolicy { user: "boss".into(), arn: admin.into() },
        Mutation::TagUser { name: "bob".into(), key: "Keyreeve".into(), value: "protected".into() },
    ]);
    let world = World::with(full(), &changes).await;
    for kind in [
        ProtectionKind::Account("GUARDED".into()),
        ProtectionKind::Path("/break-glass/".into()),
        ProtectionKind::Tag("keyreeve=protected".into()),
    ] {
        world.store.add_protection(&world.id, &protected(&world, kind)).await.unwrap();
    }
    for (name, says) in [
        ("root-ish", "reserved to AWS"),
        ("guarded", "protect list"),
        ("glass", "protect list"),
        ("bob", "protect list"),
        ("boss", "last account that holds AdministratorAccess"),
    ] {
        refused(&world, json!({"task": "delete_account", "account": name}), ObstacleKind::Protected, says)
            .await;
    }
    let boss = json!({"task": "remove_assignment", "account": "boss", "policy": admin});
    refused(&world, boss, ObstacleKind::Protected, "last account").await;
    let other = json!({"task": "add_assignment", "account": "boss", "group": "devs"});
    assert!(world.plan(&[wish(other)]).await.is_possible());
}

/// Users `boss` and `deputy`, who hold AdministratorAccess; the deputy through a group.
fn two_administrators(more: &[Mutation]) -> Vec<Mutation> {
    let admin = || "arn:aws:iam::aws:policy/AdministratorAccess".to_owned();
    let mut all = vec![
        user("boss", "/"),
        user("deputy", "/"),
        Mutation::CreateGroup { name: "admins".into(), path: "/".into() },
        Mutation::AttachGroupPolicy { group: "admins".into(), arn: admin() },
        Mutation::AttachUserPolicy { user: "boss".into(), arn: admin() },
        Mutation::AddToGroup { user: "deputy".into(), group: "admins".into() },
        Mutation::CreateLoginProfile { user: "boss".into(), reset_required: false },
    ];
    all.extend_from_slice(more);
    all
}

#[tokio::test]
async fn s33_an_administrator_who_is_disabled_is_no_administrator_who_is_left() {
    let delete_boss = || json!({"task": "delete_account", "account": "boss"});
    let deputy = || "deputy".to_owned();
    let password = Mutation::CreateLoginProfile { user: deputy(), reset_required: false };
    let with_reports = || {
        let mut setup = full();
        setup.login_profiles = keyreeve_model::LoginProfileSource::CredentialReport;
        setup
    };
    // The import saw neither a password nor an active key.
    let world = World::with(with_reports(), &two_administrators(&[])).await;
    refused(&world, delete_boss(), ObstacleKind::Protected, "as deputy is by the last import").await;
    let deputy_goes = json!({"task": "delete_account", "account": "deputy"});
    assert!(world.plan(&[wish(deputy_goes)]).await.is_possible(), "nothing is lost with a disabled one");
    // It saw a key.
    let key = Mutation::CreateAccessKey { user: deputy() };
    let world = World::with(with_reports(), &two_administrators(&[key])).await;
    let plan = world.plan(&[wish(delete_boss())]).await;
    assert!(plan.is_possible() && plan.tasks[0].notices.is_empty(), "{:?}", plan.tasks);
    // An earlier task of the same job switches the other one off, or the job before did.
    let off = || json!({"task": "deactivate_account", "account": "deputy"});
    let plan = world.plan(&[wish(off()), wish(delete_boss())]).await;
    assert_eq!(plan.tasks[1].obstacles[0].kind, ObstacleKind::Protected, "{:?}", plan.tasks);
    world.succeeded(&[wish(off())]).await;
    world.sandbox.clear_trace();
    refused(&world, delete_boss(), ObstacleKind::Protected, "a deactivation of ours").await;
    // Without a sight of keys nobody knows.
    let world = World::with(super::reference(), &two_administrators(&[])).await;
    let plan = world.plan(&[wish(delete_boss())]).await;
    let said = plan.tasks[0].notices.iter().any(|notice| notice.message.contains("only deputy will hold"));
    assert!(plan.is_possible() && said, "{:?}", plan.tasks);
    let world = World::with(super::reference(), &two_administrators(&[password])).await;
    let notices = &world.plan(&[wish(delete_boss())]).await.tasks[0].notices;
    assert!(!notices.iter().any(|notice| notice.message.contains("only deputy")), "{notices:?}");
}

#[tokio::test]
async fn bad_names_taken_names_full_quotas_and_what_is_missing() {
    let mut changes = laden();
    changes.extend((0..10).map(|n| Mutation::CreateGroup { name: format!("g{n}"), path: "/".into() }));
    changes.extend((0..10).map(|n| Mutation::AddToGroup { user: "bob".into(), group: format!("g{n}") }));
    let world = World::with(full(), &changes).await;
    let create = |name: &str, path: &str| json!({"task": "create_account", "name": name, "path": path, "deliver": "link"});
    use ObstacleKind::{Invalid, NameTaken, NotAttachable, NotFound, QuotaFull};
    for (wish, kind, says) in [
        (create("a b", "/"), Invalid, "1 to 64"),
        (create("jürgen", "/"), Invalid, "ASCII"),
        (create("eve", "staff"), Invalid, "two slashes"),
        (create("eve", "/aws-reserved/"), Invalid, "reserved"),
        (create("ADA", "/"), NameTaken, "ada"),
        (json!({"task": "update_account", "account": "ada", "new_name": "Ada"}), NameTaken, "case"),
        (json!({"task": "update_account", "account": "ada", "new_name": "BOB"}), NameTaken, "bob"),
        (json!({"task": "add_assignment", "account": "bob", "group": "devs"}), QuotaFull, "10 groups"),
        (json!({"task": "add_assignment", "account": "bob", "group": "nope"}), NotFound, "nope"),
        (
            json!({"task": "add_assignment", "account": "bob",
                "policy": "arn:aws:iam::aws:policy/aws-service-role/AWSSupportServiceRolePolicy"}),
            NotAttachable,
            "service-linked",
        ),
        (
            json!({"task": "remove_assignment", "account": "ada", "group": "Devs"}),
            NotFound,
            "there is \"devs\"",
        ),
        (
            json!({"task": "remove_assignment", "account": "ada", "policy": policy("Own")}),
            NotFound,
            "there is",
        ),
        (json!({"task": "remove_assignment", "account": "ada", "policy": "own"}), NotFound, "policy/own\""),
        (json!({"task": "update_account", "account": "ada", "tags": {"keyreeve:x": "y"}}), Invalid, "own"),
        (json!({"task": "delete_account", "account": "nobody"}), NotFound, "nobody"),
        (json!({"task": "delete_account", "account": "ADA"}), NotFound, "exact case"),
    ] {
        refused(&world, wish, kind, says).await;
    }
}

#[tokio::test]
async fn a_feature_that_needs_more_names_the_missing_permissions_before_it_begins() {
    let world = World::with(reference(), &laden()).await;
    for (wish, says) in [
        (json!({"task": "update_account", "account": "ada", "new_path": "/it/"}), "iam:UpdateUser"),
        (
            json!({"task": "create_account", "name": "eve", "tags": {"a": "b"}, "deliver": "link"}),
            "iam:TagUser",
        ),
        (json!({"task": "delete_account", "account": "ada"}), "iam:DeleteUserPolicy"),
    ] {
        refused(&world, wish, ObstacleKind::PermissionMissing, says).await;
    }
    let plan = world.plan(&[wish(json!({"task": "deactivate_account", "account": "ada"}))]).await;
    assert!(plan.is_possible());
    let notice = &plan.tasks[0].notices[0];
    assert!(notice.message.contains("only console access is removed"), "{}", notice.message);
    assert!(notice.message.contains("iam:ListAccessKeys"), "{}", notice.message);
}

/// What cannot be seen may let somebody in, so nobody is said to be shut out because of it.
#[tokio::test]
async fn whoever_may_have_a_key_that_cannot_be_seen_is_not_called_shut_out() {
    let mut changes = laden();
    changes.push(Mutation::DeleteLoginProfile { user: "ada".into() });
    let world = World::with(reference(), &changes).await;
    let deactivate = |name: &str| json!({"task": "deactivate_account", "account": name});
    refused(&world, deactivate("ada"), ObstacleKind::PermissionMissing, "may go on working").await;
    // Her password goes, and what is left is said of the task.
    let plan = world.plan(&[wish(deactivate("bob"))]).await;
    assert!(plan.is_possible(), "{:?}", plan.tasks[0].obstacles);
    let left = keyreeve_model::leaves_a_way_in(plan.tasks[0].kind, &plan.tasks[0].notices);
    assert!(left.is_some_and(|left| left.contains("only console access is removed")), "{left:?}");
    // A policy that denies everything leaves nothing open.
    let mut setup = reference();
    setup.settings.deny_all_policy = Some(policy("own"));
    let world = World::with(setup, &changes).await;
    let plan = world.plan(&[wish(deactivate("ada"))]).await;
    assert!(plan.is_possible(), "{:?}", plan.tasks[0].obstacles);
    assert_eq!(keyreeve_model::leaves_a_way_in(plan.tasks[0].kind, &plan.tasks[0].notices), None);
}

#[tokio::test]
async fn r29_a_name_that_belongs_to_another_account_now_is_not_touched() {
    for destructive in [
        json!({"task": "delete_account", "account": "ada"}),
        json!({"task": "deactivate_account", "account": "ada"}),
        json!({"task": "reset_password", "account": "ada", "deliver": "link"}),
        json!({"task": "remove_assignment", "account": "ada", "group": "devs"}),
    ] {
        let world = World::with(full(), &laden()).await;
        let job = world.job(&[wish(destructive)]).await;
        let replace = Mutation::DeleteAndRecreateUser { name: "ada".into() };
        world.sandbox.mutate(ACCOUNT, &[replace]).unwrap();
        world.sandbox.clear_trace();
        world.work(&job).await.unwrap();
        let job = world.store.job(job.id).await.unwrap();
        assert_eq!(job.state, JobState::Failed);
        let message = &only(&job).failure.as_ref().unwrap().message;
        assert!(message.contains("identity_changed"), "{message}");
        assert!(world.writes().is_empty(), "the newcomer was touched");
        assert!(world.user("ada").is_some());
    }
}

/// As a person does who deletes `ada` and makes her anew while this call is answered.
fn replaced_during(action: &str) -> FaultRule {
    let ops = vec![Mutation::DeleteAndRecreateUser { name: "ada".into() }];
    FaultRule::new(action, Effect::Mutate { ops }).phase(Phase::AfterApply).times(1).min_fires(1)
}

/// The job has failed because the name is another account's, and the newcomer is there.
async fn left_alone(world: &World, job: &ProvisioningJob) {
    let job = world.store.job(job.id).await.unwrap();
    assert_eq!(job.state, JobState::Failed, "{job:#?}");
    let message = &only(&job).failure.as_ref().unwrap().message;
    assert!(message.contains("identity_changed"), "{message}");
    assert!(world.user("ada").is_some(), "the newcomer was deleted");
}

#[tokio::test]
async fn r29_a_name_that_changes_hands_in_the_middle_of_a_deletion_is_not_deleted() {
    for action in ["DeleteLoginProfile", "RemoveUserFromGroup", "DeleteAccessKey"] {
        let world = World::with(full(), &laden()).await;
        let job = world.job(&[wish(json!({"task": "delete_account", "account": "ada"}))]).await;
        world.sandbox.add_fault(replaced_during(action));
        world.work(&job).await.unwrap();
        assert!(world.sandbox.unfired().is_empty());
        left_alone(&world, &job).await;
        assert!(!world.writes().iter().any(|entry| entry.action == "DeleteUser"), "{action}");
    }
}

/// What is to be switched off is not there: that is looked into before anything else is called.
#[tokio::test]
async fn r29_a_key_that_is_not_there_may_be_because_the_name_is_another_accounts() {
    for destructive in [
        json!({"task": "delete_account", "account": "ada"}),
        json!({"task": "deactivate_account", "account": "ada"}),
    ] {
        let world = World::with(full(), &laden()).await;
        let job = world.job(&[wish(destructive)]).await;
        let ops = vec![
            Mutation::DeleteAndRecreateUser { name: "ada".into() },
            Mutation::CreateLoginProfile { user: "ada".into(), reset_required: false },
        ];
        world
            .sandbox
            .add_fault(FaultRule::new("UpdateAccessKey", Effect::Mutate { ops }).times(1).min_fires(1));
        world.work(&job).await.unwrap();
        left_alone(&world, &job).await;
        assert!(world.effective().is_empty(), "the newcomer was touched: {:?}", world.effective());
    }
}

#[tokio::test]
async fn r29_no_call_is_made_on_the_word_of_an_old_look() {
    for destructive in [
        json!({"task": "delete_account", "account": "ada"}),
        json!({"task": "deactivate_account", "account": "ada"}),
    ] {
        let world = World::with(full(), &laden()).await;
        let job = world.job(&[wish(destructive)]).await;
        let late = FaultRule::new("UpdateAccessKey", Effect::Latency { ms: 5_200 }).phase(Phase::AfterApply);
        world.sandbox.add_fault(late.times(1).min_fires(1));
        // Before the second look, if there is one: the first is one at all accounts.
        let ops = vec![Mutation::DeleteAndRecreateUser { name: "ada".into() }];
        world.sandbox.add_fault(FaultRule::new("GetUser", Effect::Mutate { ops }).times(1).min_fires(1));
        world.work(&job).await.unwrap();
        left_alone(&world, &job).await;
        let actions: Vec<_> = world.writes().into_iter().map(|entry| entry.action).collect();
        assert_eq!(actions, ["UpdateAccessKey"], "the newcomer was touched");
    }
}

#[tokio::test]
async fn r22_expired_credentials_pause_the_job_and_cost_no_attempt() {
    let world = World::with(full(), &laden()).await;
    let job = world.job(&[wish(json!({"task": "delete_account", "account": "ada"}))]).await;
    let code = "InvalidClientTokenId".to_owned();
    let effect = Effect::Error { status: 403, code, message: String::new() };
    let mut rule = FaultRule::new("RemoveUserFromGroup", effect).times(1).min_fires(1);
    rule.on.subject = Some("ada".to_owned());
    world.sandbox.add_fault(rule);
    let ended = world.work(&job).await.unwrap();
    assert!(matches!(ended, keyreeve_engine::provisioning::Ended::Paused(_)), "{ended:?}");
    let after_failure =
        world.writes().iter().rposition(|entry| entry.action == "RemoveUserFromGroup").unwrap();
    assert!(world.writes().len() - after_failure <= 2, "more than one call after the credentials went bad");
    let paused = world.store.job(job.id).await.unwrap();
    assert_eq!(only(&paused).state, TaskState::Queued);
    let attempts: u32 = only(&paused)
        .steps
        .iter()
        .filter(|s| s.state == keyreeve_model::StepState::Planned)
        .map(|s| s.attempts)
        .sum();
    assert_eq!(attempts, 0, "an attempt was consumed");
    assert_eq!(world.work(&job).await.unwrap(), keyreeve_engine::provisioning::Ended::Done);
    assert_eq!(world.store.job(job.id).await.unwrap().state, JobState::Succeeded);
}

#[tokio::test]
async fn s34_many_small_deletions_need_a_second_person_too() {
    let mut changes = laden();
    changes.extend((0..15).map(|n| user(&format!("leaver{n}"), "/")));
    let world = World::with(full(), &changes).await;
    let mut awaiting = 0;
    for n in 0..15 {
        let job =
            world.job(&[wish(json!({"task": "delete_account", "account": format!("leaver{n}")}))]).await;
        if job.state == JobState::AwaitingApproval {
            awaiting += 1;
        } else {
            world.work(&job).await.unwrap();
        }
    }
    let deleted = world.effective().iter().filter(|action| *action == "DeleteUser").count();
    assert_eq!((deleted, awaiting), (10, 5));
}

#[tokio::test]
async fn s34_deletions_that_are_queued_first_and_carried_out_later_need_a_second_person_too() {
    let changes: Vec<Mutation> = (0..16).map(|n| user(&format!("leaver{n}"), "/")).collect();
    let world = World::with(full(), &changes).await;
    let mut jobs = Vec::new();
    for n in 0..16 {
        let wish = wish(json!({"task": "delete_account", "account": format!("leaver{n}")}));
        jobs.push(world.job(&[wish]).await);
    }
    let (queued, awaiting): (Vec<_>, Vec<_>) =
        jobs.into_iter().partition(|job| job.state == JobState::Queued);
    assert_eq!((queued.len(), awaiting.len()), (10, 6));
    assert!(awaiting.iter().all(|job| job.state == JobState::AwaitingApproval));
    let because = &awaiting[0].approval_because[0];
    assert!(because.contains("10 were begun in the last hour or are still open"), "{because}");
    for job in &queued {
        world.work(job).await.unwrap();
    }
    let deleted = world.effective().iter().filter(|action| *action == "DeleteUser").count();
    assert_eq!(deleted, 10);
}

fn protected(world: &World, kind: ProtectionKind) -> Protection {
    Protection { kind, reason: None, added_by: "local:test".into(), added_at: world.clock.now() }
}

#[tokio::test]
async fn s33_an_account_that_is_protected_half_way_is_left_to_a_person() {
    for kind in [
        ProtectionKind::Account("ADA".into()),
        ProtectionKind::Path("/staff/".into()),
        ProtectionKind::Tag("keep".into()),
    ] {
        let mut changes = laden();
        changes.push(Mutation::TagUser { name: "ada".into(), key: "keep".into(), value: "yes".into() });
        let world = World::with(full(), &changes).await;
        let job = world.job(&[wish(json!({"task": "delete_account", "account": "ada"}))]).await;
        let code = "InvalidClientTokenId".to_owned();
        let effect = Effect::Error { status: 403, code, message: String::new() };
        world.sandbox.add_fault(FaultRule::new("RemoveUserFromGroup", effect).times(1).min_fires(1));
        world.work(&job).await.unwrap();
        world.store.add_protection(&world.id, &protected(&world, kind)).await.unwrap();
        world.sandbox.clear_trace();
        world.work(&job).await.unwrap();
        let job = world.store.job(job.id).await.unwrap();
        assert_eq!(only(&job).state, TaskState::NeedsPerson, "{job:#?}");
        let message = &only(&job).failure.as_ref().unwrap().message;
        assert!(message.contains("protect list") && message.contains("done before"), "{message}");
        assert!(world.writes().is_empty());
    }
}

#[tokio::test]
async fn s31_a_task_about_the_connectors_own_account_that_was_queued_is_refused() {
    let world = World::with(full(), &laden()).await;
    let plan = world.plan(&[wish(json!({"task": "deactivate_account", "account": "bob"}))]).await;
    let hand_over = HandOver::prepare(&plan, &SystemSettings::default()).unwrap();
    let mut new = hand_over.job(&plan, "local:test", None).unwrap();
    // As if it had been planned while the connector signed in as somebody else.
    let connector = "keyreeve-connector".to_owned();
    let id = world.user(&connector).unwrap()["id"].as_str().unwrap().to_owned();
    new.tasks[0].account.clone_from(&connector);
    new.tasks[0].account_external_id = Some(ExternalId::new(id).unwrap());
    new.tasks[0].steps.truncate(1);
    new.tasks[0].steps[0].call = StepCall::DeleteLoginProfile { account: connector };
    let job = world.store.create_job(&new, world.clock.now()).await.unwrap();
    world.work(&job).await.unwrap();
    let job = world.store.job(job.id).await.unwrap();
    assert_eq!(only(&job).state, TaskState::Failed);
    assert!(only(&job).failure.as_ref().unwrap().message.contains("signs in with"), "{job:#?}");
    assert!(world.writes().is_empty());
}
