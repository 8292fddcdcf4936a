//! Orders that matter: what a deletion removes, and that a half-done one leaves less, never more.

use keyreeve_model::{JobState, StepCall, TaskState};
use keyreeve_sandbox::{Effect, FaultRule, Mutation};
use serde_json::json;

use super::{full, laden, only, wish};
use crate::harness::World;

/// Phases of a deletion, by action.
fn phase(action: &str) -> usize {
    match action {
        "UpdateAccessKey"
        | "UpdateSSHPublicKey"
        | "UpdateSigningCertificate"
        | "UpdateServiceSpecificCredential" => 0,
        "DeleteLoginProfile" => 1,
        "RemoveUserFromGroup" | "DetachUserPolicy" | "DeleteUserPolicy" => 2,
        "DeleteAccessKey"
        | "DeleteSSHPublicKey"
        | "DeleteSigningCertificate"
        | "DeleteServiceSpecificCredential" => 3,
        "DeactivateMFADevice" | "DeleteVirtualMFADevice" => 4,
        "DeleteUser" => 5,
        other => panic!("{other} is no part of a deletion"),
    }
}

#[tokio::test]
async fn r28_an_account_with_all_nine_blockers_is_deleted_in_one_job_in_the_safe_order() {
    let world = World::with(full(), &laden()).await;
    let job = world.succeeded(&[wish(json!({"task": "delete_account", "account": "ada"}))]).await;
    assert!(world.user("ada").is_none());
    let phases: Vec<usize> = world.effective().iter().map(|action| phase(action)).collect();
    assert!(phases.is_sorted(), "{:?}", world.effective());
    assert_eq!(phases.iter().collect::<std::collections::BTreeSet<_>>().len(), 6, "{:?}", world.effective());
    let package = only(&job).recreate.as_ref().unwrap();
    assert_eq!((package.name.as_str(), package.path.as_str()), ("ada", "/staff/"));
    assert_eq!(package.groups, ["devs", "ops"]);
    assert!(package.inline_policies["inline"].as_deref().unwrap().contains("2012-10-17"));
}

/// A user whose active key is not visible under the reference profile, and who holds AdministratorAccess, `more`, and
/// something that denies everything.
fn quarantined(more: &[Mutation]) -> Vec<Mutation> {
    let document = |effect: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":"*","Resource":"*"}}]}}"#
        )
    };
    let group = |name: &str| Mutation::CreateGroup { name: name.into(), path: "/".into() };
    let own = |name: &str, effect: &str| Mutation::CreatePolicy {
        name: name.into(),
        path: "/".into(),
        document: document(effect),
    };
    let mut all = vec![
        super::user("leak", "/"),
        super::user("other", "/"),
        group("aa-quarantine"),
        group("devs"),
        own("aa-deny", "Deny"),
        own("zz-allow", "Allow"),
        Mutation::AttachGroupPolicy { group: "aa-quarantine".into(), arn: super::policy("aa-deny") },
        Mutation::CreateAccessKey { user: "leak".into() },
        Mutation::AttachUserPolicy { user: "leak".into(), arn: ADMINISTRATOR.into() },
        Mutation::AttachUserPolicy { user: "other".into(), arn: ADMINISTRATOR.into() },
        Mutation::CreateLoginProfile { user: "other".into(), reset_required: false },
        Mutation::AttachUserPolicy { user: "leak".into(), arn: super::policy("zz-allow") },
        Mutation::AddToGroup { user: "leak".into(), group: "devs".into() },
        Mutation::PutUserInline { user: "leak".into(), name: "aa".into(), document: document("Allow") },
    ];
    all.extend_from_slice(more);
    all
}

const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

fn denying() -> [(&'static str, Mutation); 4] {
    let leak = || "leak".to_owned();
    let document =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","NotAction":"iam:*","Resource":"*"}}"#
            .to_owned();
    [
        ("aa-quarantine", Mutation::AddToGroup { user: leak(), group: "aa-quarantine".into() }),
        ("aa-deny", Mutation::AttachUserPolicy { user: leak(), arn: super::policy("aa-deny") }),
        ("a0", Mutation::PutUserInline { user: leak(), name: "a0".into(), document }),
        (
            "AWSDenyAll",
            Mutation::AttachUserPolicy { user: leak(), arn: "arn:aws:iam::aws:policy/AWSDenyAll".into() },
        ),
    ]
}

fn removed(call: &StepCall) -> Option<&str> {
    match call {
        StepCall::RemoveFromGroup { group, .. } => Some(group),
        StepCall::DetachPolicy { policy_arn, .. } => policy_arn.rsplit('/').next(),
        StepCall::DeleteInlinePolicy { name, .. } => Some(name),
        _ => None,
    }
}

#[tokio::test]
async fn what_denies_is_taken_from_an_account_last_of_all() {
    for (denying, given) in denying() {
        let world = World::with(full(), &quarantined(&[given])).await;
        let plan = world.plan(&[wish(json!({"task": "delete_account", "account": "leak"}))]).await;
        let task = &plan.tasks[0];
        assert!(plan.is_possible() && task.notices.is_empty(), "{:?} {:?}", task.obstacles, task.notices);
        let operations: Vec<&str> = task.steps.iter().map(|step| &*step.operation).collect();
        let last = task.steps.iter().rev().nth(1).unwrap();
        assert_eq!(removed(&last.call), Some(denying), "{operations:?}");
        let key = operations.iter().position(|operation| *operation == "DeleteAccessKey").unwrap();
        let allowing: Vec<usize> =
            (0..operations.len() - 2).filter(|at| removed(&task.steps[*at].call).is_some()).collect();
        assert_eq!(allowing.len(), 4, "{operations:?}");
        assert!(allowing.iter().all(|at| *at < key), "{operations:?}");
        let edges: std::collections::BTreeSet<u32> = last.after.iter().copied().collect();
        assert!(edges.contains(&u32::try_from(key + 1).unwrap()), "{:?}", task.steps);
    }
}

#[tokio::test]
async fn a_deletion_that_stops_half_way_leaves_what_denies() {
    for (denying, given) in denying() {
        // Under the reference profile neither the key nor inline policies can be taken away.
        if denying == "a0" {
            continue;
        }
        let mut changes = quarantined(&[given]);
        changes.retain(|change| !matches!(change, Mutation::PutUserInline { .. }));
        let world = World::with(super::reference(), &changes).await;

        world
            .sandbox
            .add_fault(FaultRule::new("DetachUserPolicy", Effect::AccessDenied).times(1).min_fires(1));
        let job = world.done(&[wish(json!({"task": "delete_account", "account": "leak"}))]).await;
        assert_eq!(job.state, JobState::Failed, "{job:#?}");
        assert_eq!(world.sandbox.unfired(), []);
        let leak = world.user("leak").unwrap();
        assert!(leak.to_string().contains(denying), "{denying} is gone: {leak}");
    }
}

#[tokio::test]
async fn where_no_order_is_certain_the_plan_says_so() {
    let leak = || "leak".to_owned();
    let own = |name: &str, allow: &str, deny: &str| Mutation::CreatePolicy {
        name: name.into(),
        path: "/".into(),
        document: format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{allow}:*","Resource":"*"}},
                {{"Effect":"Deny","Action":"{deny}:*","Resource":"*"}}]}}"#
        ),
    };
    let attach = |name: &str| Mutation::AttachUserPolicy { user: leak(), arn: super::policy(name) };
    let each_other = [own("a", "s3", "ec2"), own("b", "ec2", "s3"), attach("a"), attach("b")];
    let world = World::with(full(), &quarantined(&each_other)).await;
    let plan = world.plan(&[wish(json!({"task": "delete_account", "account": "leak"}))]).await;
    let notices = &plan.tasks[0].notices;
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(notices[0].message.contains("policy/a may deny what leak is allowed"), "{notices:?}");
}

#[tokio::test]
async fn a_deletion_never_takes_the_permissions_boundary_from_an_account_that_is_left() {
    let own = Mutation::CreatePolicy {
        name: "bound".into(),
        path: "/".into(),
        document: r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#
            .into(),
    };
    let bound = Mutation::CreateUser {
        name: "bound".into(),
        path: "/".into(),
        tags: vec![],
        boundary: Some(super::policy("bound")),
    };
    let admin = Mutation::AttachUserPolicy { user: "bound".into(), arn: ADMINISTRATOR.into() };
    let world = World::with(full(), &quarantined(&[own, bound, admin])).await;
    world.succeeded(&[wish(json!({"task": "delete_account", "account": "bound"}))]).await;
    assert_eq!(world.effective(), ["DetachUserPolicy", "DeleteUser"]);
}

#[tokio::test]
async fn r28_stopped_at_each_step_the_account_is_weaker_and_the_next_worker_ends_it() {
    let steps = {
        let world = World::with(full(), &laden()).await;
        only(&world.succeeded(&[wish(json!({"task": "delete_account", "account": "ada"}))]).await).steps.len()
    };
    for stop_after in 0..steps as u64 {
        let world = World::with(full(), &laden()).await;
        let before = world.user("ada").unwrap();
        let job = world.job(&[wish(json!({"task": "delete_account", "account": "ada"}))]).await;
        // Every write after so many hangs for ever: the process dies there.
        let mut rule = FaultRule::new("*", Effect::Hang).min_fires(1);
        rule.on.subject = Some("ada".to_owned());
        let writes = std::cell::Cell::new(0_u64);
        let outcome = tokio::time::timeout(std::time::Duration::from_millis(900), async {
            let work = world.work(&job);
            let watch = async {
                loop {
                    writes.set(world.writes().len() as u64);
                    if writes.get() >= stop_after {
                        world.sandbox.add_fault(rule.clone());
                        std::future::pending::<()>().await;
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
            };
            tokio::select! { ended = work => Some(ended), () = watch => None }
        })
        .await;
        world.sandbox.clear_faults();
        if outcome.is_err() {
            if let Some(half) = world.user("ada") {
                assert_weaker(&before, &half, stop_after);
            }
            assert_eq!(world.work(&job).await.unwrap(), keyreeve_engine::provisioning::Ended::Done);
        }
        assert!(world.user("ada").is_none(), "stopped after {stop_after}");
        let job = world.store.job(job.id).await.unwrap();
        assert_eq!(job.state, JobState::Succeeded, "stopped after {stop_after}: {job:#?}");
    }
}

/// A half-deleted account has no way in that it did not have, and as long as one is left its second factor is, too.
fn assert_weaker(before: &serde_json::Value, half: &serde_json::Value, stop_after: u64) {
    let count = |user: &serde_json::Value, field: &str| user[field].as_array().map_or(0, Vec::len);
    for field in ["keys", "groups", "attached", "mfa"] {
        assert!(count(half, field) <= count(before, field), "{field} after {stop_after}: {half}");
    }
    if count(half, "mfa") < count(before, "mfa") {
        assert!(half["login_profile"].is_null(), "a second factor went before the password: {half}");
    }
}

#[tokio::test]
async fn something_given_meanwhile_is_removed_too_or_the_task_says_so() {
    for prioritise in [true, false] {
        let mut setup = full();
        setup.settings.prioritise_delete_tasks = prioritise;
        let changes = [
            super::user("carl", "/"),
            Mutation::CreateGroup { name: "devs".into(), path: "/".into() },
            Mutation::CreateLoginProfile { user: "carl".into(), reset_required: false },
        ];
        let world = World::with(setup, &changes).await;
        let job = world.job(&[wish(json!({"task": "delete_account", "account": "carl"}))]).await;
        let give = Mutation::AddToGroup { user: "carl".into(), group: "devs".into() };
        let rule = FaultRule::new("DeleteUser", Effect::Mutate { ops: vec![give] }).times(1).min_fires(1);
        world.sandbox.add_fault(rule);
        world.work(&job).await.unwrap();
        let job = world.store.job(job.id).await.unwrap();
        assert_eq!(world.sandbox.unfired(), []);
        if prioritise {
            assert_eq!(job.state, JobState::Succeeded, "{job:#?}");
            assert!(world.user("carl").is_none());
        } else {
            let task = only(&job);
            assert_eq!(task.state, TaskState::Failed);
            let message = &task.failure.as_ref().unwrap().message;
            assert!(message.contains("console password is gone already"), "{message}");
            assert!(message.contains("prioritise_delete_tasks"), "{message}");
        }
    }
}

#[tokio::test]
async fn with_prioritise_delete_tasks_off_whatever_is_assigned_stops_the_deletion_before_its_first_write() {
    let mut setup = full();
    setup.settings.prioritise_delete_tasks = false;
    let world = World::with(setup, &laden()).await;
    let plan = world.plan(&[wish(json!({"task": "delete_account", "account": "ada"}))]).await;
    let message = &plan.tasks[0].obstacles[0].message;
    for named in ["group devs", "group ops", "policy arn:aws:iam", "prioritise_delete_tasks=true"] {
        assert!(message.contains(named), "{named} is missing in: {message}");
    }
    assert!(world.writes().is_empty());
}
