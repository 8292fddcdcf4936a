//! Whole lives of accounts, and what the store and AWS hold afterwards.

use keyreeve_model::{ClaimState, JobState, ResourceName, TaskState, Wish};
use keyreeve_sandbox::Mutation;
use serde_json::json;

use super::{full, laden, only, policy, reference, wish};
use crate::harness::{ACCOUNT, World};

#[tokio::test]
async fn a_whole_life_with_the_reference_policy_alone() {
    let setup = [
        Mutation::CreateGroup { name: "devs".into(), path: "/".into() },
        Mutation::CreatePolicy { name: "own".into(), path: "/".into(), document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#.into() },
    ];
    let world = World::with(reference(), &setup).await;
    // A second look at what is missing tries a point read first, and does without where that is denied.
    world.sandbox.deny("keyreeve-connector", &["GetUser"]);
    let allowed: std::collections::BTreeSet<&str> = keyreeve_aws::REFERENCE_ACTIONS.into_iter().collect();
    let life = [
        json!({"task": "create_account", "name": "eve", "path": "/staff/", "deliver": "link"}),
        json!({"task": "add_assignment", "account": "eve", "group": "devs"}),
        json!({"task": "add_assignment", "account": "eve", "policy": policy("own")}),
        json!({"task": "reset_password", "account": "eve", "deliver": "link"}),
        json!({"task": "deactivate_account", "account": "eve"}),
        json!({"task": "reactivate_account", "account": "eve", "deliver": "link"}),
        json!({"task": "remove_assignment", "account": "eve", "group": "devs"}),
        json!({"task": "delete_account", "account": "eve"}),
    ];
    for step in life {
        let job = world.succeeded(&[wish(step.clone())]).await;
        assert!(!job.tasks[0].steps.is_empty(), "{step}");
        world.published().await;
    }
    assert!(world.user("eve").is_none());
    for entry in world.sandbox.trace().into_iter().filter(|entry| entry.error.is_none()) {
        let action = format!("iam:{}", entry.action);
        assert!(
            allowed.contains(action.as_str()) || entry.action == "GetCallerIdentity",
            "{action} was called"
        );
    }
}

#[tokio::test]
async fn a_deactivation_takes_every_way_in_and_a_reactivation_gives_back_just_that() {
    let world = World::with(full(), &laden()).await;
    let inactive = |user: &serde_json::Value| {
        user["keys"].as_array().unwrap().iter().filter(|key| key["status"] == "Inactive").count()
    };
    // One key was off before: it must stay off.
    let keys = world.user("ada").unwrap()["keys"].as_array().unwrap().clone();
    let off = keys[0]["id"].as_str().unwrap().to_owned();
    let change =
        Mutation::SetKeyStatus { key_id: off.clone(), status: keyreeve_sandbox::KeyStatus::Inactive };
    world.sandbox.mutate(ACCOUNT, &[change]).unwrap();
    let job = world.succeeded(&[wish(json!({"task": "deactivate_account", "account": "ada"}))]).await;
    let user = world.user("ada").unwrap();
    assert!(user["login_profile"].is_null());
    assert_eq!(inactive(&user), 2);
    let manifest = only(&job).manifest.as_ref().unwrap();
    assert!(manifest.login_profile && manifest.credentials_visible);
    assert!(manifest.credentials.iter().all(|credential| credential.id != off), "{manifest:?}");
    world
        .succeeded(&[wish(json!({"task": "reactivate_account", "account": "ada", "deliver": "link"}))])
        .await;
    let user = world.user("ada").unwrap();
    assert!(!user["login_profile"].is_null());
    assert_eq!(inactive(&user), 1, "the key that was off before stays off: {user}");
    // There is nothing left to give back.
    let plan =
        world.plan(&[wish(json!({"task": "reactivate_account", "account": "ada", "deliver": "link"}))]).await;
    assert!(!plan.is_possible());
}

#[tokio::test]
async fn a_key_that_was_switched_off_twice_is_switched_on_once() {
    let world = World::with(full(), &laden()).await;
    let deactivate = || wish(json!({"task": "deactivate_account", "account": "ada"}));
    world.succeeded(&[deactivate()]).await;
    let key_id = world.user("ada").unwrap()["keys"][0]["id"].as_str().unwrap().to_owned();
    let status = keyreeve_sandbox::KeyStatus::Active;
    world.sandbox.mutate(ACCOUNT, &[Mutation::SetKeyStatus { key_id, status }]).unwrap();
    let job = world.succeeded(&[deactivate()]).await;
    assert_eq!(only(&job).steps.len(), 1, "{job:#?}");
    world.sandbox.clear_trace();
    world
        .succeeded(&[wish(json!({"task": "reactivate_account", "account": "ada", "deliver": "link"}))])
        .await;
    let on = world.writes().iter().filter(|entry| entry.action == "UpdateAccessKey").count();
    assert_eq!(on, 2, "{:?}", world.writes());
}

#[tokio::test]
async fn r31_what_we_changed_is_a_claim_until_an_import_saw_it_and_drift_when_it_sees_otherwise() {
    let world = World::with(full(), &laden()).await;
    let add = |group: &str| Wish::AddAssignment {
        account: "bob".into(),
        resource: ResourceName::Group(group.into()),
    };
    world.succeeded(&[add("devs"), add("ops")]).await;
    assert_eq!(world.store.open_claims(&world.id).await.unwrap().len(), 2);
    // Somebody undoes one of them.
    let undo = Mutation::RemoveFromGroup { user: "bob".into(), group: "ops".into() };
    world.sandbox.mutate(ACCOUNT, &[undo]).unwrap();
    world.sandbox.clear_trace();
    let run = world.published().await;
    assert!(run.warnings.iter().any(|warning| warning.code == "drift"), "{:?}", run.warnings);
    assert!(world.store.open_claims(&world.id).await.unwrap().is_empty());
    let states: Vec<ClaimState> = world
        .store
        .claims(&world.id, None)
        .await
        .unwrap()
        .into_iter()
        .map(|(_, claim)| claim.state)
        .collect();
    assert!(
        states.contains(&ClaimState::Confirmed) && states.contains(&ClaimState::Contradicted),
        "{states:?}"
    );
    assert!(world.writes().is_empty(), "drift is reported, never repeated");
}

#[tokio::test]
async fn what_is_so_already_is_a_success_without_a_call() {
    let world = World::with(full(), &laden()).await;
    let plan =
        world.plan(&[wish(json!({"task": "add_assignment", "account": "ada", "group": "devs"}))]).await;
    assert!(plan.is_possible() && plan.tasks[0].steps.is_empty() && plan.tasks[0].notices.len() == 1);
}

#[tokio::test]
async fn tasks_about_one_account_follow_each_other_and_others_do_not_wait() {
    let world = World::with(full(), &laden()).await;
    let job = world
        .done(&[
            wish(json!({"task": "add_assignment", "account": "bob", "group": "devs"})),
            wish(json!({"task": "remove_assignment", "account": "bob", "group": "devs"})),
            wish(json!({"task": "delete_account", "account": "bob"})),
            wish(json!({"task": "reset_password", "account": "ada", "deliver": "link"})),
        ])
        .await;
    assert_eq!(job.state, JobState::Succeeded);
    assert!(job.tasks.iter().all(|task| task.state == TaskState::Succeeded));
    let actions = world.effective();
    let place = |action: &str| actions.iter().position(|one| one == action).unwrap();
    assert!(place("AddUserToGroup") < place("RemoveUserFromGroup"));
    assert!(place("RemoveUserFromGroup") < place("DeleteUser"));
}

#[tokio::test]
async fn while_the_rate_is_limited_few_accounts_are_half_done() {
    let mut setup = full();
    setup.settings.max_requests_per_second = Some(6.0);
    let world = World::with(setup, &laden()).await;
    let new = |n: u32| json!({"task": "create_account", "name": format!("new{n}"), "groups": ["devs"], "deliver": "link"});
    let wishes: Vec<_> = (0..12).map(|n| wish(new(n))).collect();
    world.succeeded(&wishes).await;
    let (mut under_way, mut most) = (0, 0);
    for entry in world.writes() {
        match entry.action.as_str() {
            "CreateUser" => under_way += 1,
            "AddUserToGroup" => under_way -= 1,
            _ => {}
        }
        most = most.max(under_way);
    }
    assert!((1..=6).contains(&most), "{most} accounts were half done at once");
}
