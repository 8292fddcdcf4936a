//! S10, R29: names that passed to another since the last import, and ids that somebody has for a name. What is asked for
//! by name is not done to whoever has the name by now.

use keyreeve_model::ObstacleKind;
use keyreeve_sandbox::Mutation;
use serde_json::{Value, json};

use super::{full, laden, policy, user, wish};
use crate::harness::{ACCOUNT, World};

/// Whoever is made again has lost all that was held, and an import in which nobody holds anything any more would wait.
fn with_bob_in_a_group() -> Vec<Mutation> {
    let mut changes = laden();
    changes.push(Mutation::AddToGroup { user: "bob".into(), group: "ops".into() });
    changes.push(Mutation::AttachUserPolicy { user: "bob".into(), arn: policy("own") });
    changes
}

async fn obstacle(world: &World, wish_json: &Value) -> Option<(ObstacleKind, String)> {
    let plan = world.plan(&[wish(wish_json.clone())]).await;
    plan.tasks[0].obstacles.first().map(|obstacle| (obstacle.kind, obstacle.message.clone()))
}

fn id(world: &World, name: &str) -> String {
    world.user(name).unwrap()["id"].as_str().unwrap().to_owned()
}

fn of_every_kind(name: &str) -> [Value; 7] {
    [
        json!({"task": "delete_account", "account": name}),
        json!({"task": "deactivate_account", "account": name}),
        json!({"task": "reactivate_account", "account": name}),
        json!({"task": "update_account", "account": name, "new_path": "/x/"}),
        json!({"task": "reset_password", "account": name, "deliver": "link"}),
        json!({"task": "add_assignment", "account": name, "policy": policy("own")}),
        json!({"task": "remove_assignment", "account": name, "group": "devs"}),
    ]
}

#[tokio::test]
async fn s10_a_name_that_is_another_accounts_since_the_last_import_is_left_alone() {
    let world = World::with(full(), &with_bob_in_a_group()).await;
    let was = id(&world, "ada");
    world.mutate(&[Mutation::DeleteAndRecreateUser { name: "ada".into() }]);
    let now = id(&world, "ada");
    for wish in of_every_kind("ada") {
        let (kind, why) = obstacle(&world, &wish).await.unwrap_or_else(|| panic!("{wish} was planned"));
        assert_eq!(kind, ObstacleKind::IdentityChanged, "{wish}: {why}");
        assert!(why.contains(&was) && why.contains(&now) && why.contains("import run prod"), "{why}");
    }
    assert!(world.writes().is_empty());
    // Nobody is meant by a name that was free; and once it was read, it is known who has it.
    world.mutate(&[user("newer", "/")]);
    assert_eq!(obstacle(&world, &json!({"task": "delete_account", "account": "newer"})).await, None);
    world.published().await;
    assert_eq!(obstacle(&world, &json!({"task": "delete_account", "account": "ada"})).await, None);
}

#[tokio::test]
async fn s10_two_accounts_that_changed_their_names_are_both_left_alone() {
    let world = World::with(full(), &laden()).await;
    let rename = |name: &str, to: &str| Mutation::RenameUser { name: name.into(), new_name: to.into() };
    world.mutate(&[rename("ada", "tmp"), rename("bob", "ada"), rename("tmp", "bob")]);
    for name in ["ada", "bob"] {
        let found = obstacle(&world, &json!({"task": "deactivate_account", "account": name})).await;
        assert_eq!(found.map(|(kind, _)| kind), Some(ObstacleKind::IdentityChanged), "{name}");
    }
}

#[tokio::test]
async fn whoever_was_made_or_renamed_from_here_since_the_import_is_no_stranger() {
    let world = World::with(full(), &laden()).await;
    world.succeeded(&[wish(json!({"task": "delete_account", "account": "ada"}))]).await;
    world.succeeded(&[wish(json!({"task": "create_account", "name": "ada", "deliver": "link"}))]).await;
    let off = json!({"task": "deactivate_account", "account": "ada"});
    assert_eq!(obstacle(&world, &off).await, None);
    // Who takes the place of the one that was made here is one.
    world.mutate(&[Mutation::DeleteAndRecreateUser { name: "ada".into() }]);
    assert_eq!(obstacle(&world, &off).await.map(|(kind, _)| kind), Some(ObstacleKind::IdentityChanged));
    world.mutate(&[Mutation::DeleteUser { name: "ada".into() }]);
    world.succeeded(&[wish(json!({"task": "update_account", "account": "bob", "new_name": "ada"}))]).await;
    assert_eq!(obstacle(&world, &off).await, None);
}

/// Whatever is asked of the group "devs" is refused, and why says this.
async fn devs_is_another_name(world: &World, said: &str) {
    for wish in [
        json!({"task": "add_assignment", "account": "bob", "group": "devs"}),
        json!({"task": "remove_assignment", "account": "ada", "group": "devs"}),
        json!({"task": "create_account", "name": "eve", "groups": ["devs"], "deliver": "link"}),
    ] {
        let (kind, why) = obstacle(world, &wish).await.unwrap_or_else(|| panic!("{wish} was planned"));
        assert_eq!(kind, ObstacleKind::IdentityChanged, "{wish}: {why}");
        assert!(why.contains(said), "{why}");
    }
}

#[tokio::test]
async fn s10_a_group_that_was_made_again_since_the_last_import_is_neither_given_nor_taken() {
    let world = World::with(full(), &laden()).await;
    world.mutate(&[
        Mutation::DeleteGroup { name: "devs".into() },
        Mutation::CreateGroup { name: "devs".into(), path: "/".into() },
        Mutation::AddToGroup { user: "ada".into(), group: "devs".into() },
    ]);
    devs_is_another_name(&world, "group").await;
    world.published().await;
    let add = json!({"task": "add_assignment", "account": "bob", "group": "devs"});
    assert_eq!(obstacle(&world, &add).await, None);
}

/// A membership goes on under the new name: whoever is told that there is nothing to do would take it for ended.
#[tokio::test]
async fn s10_a_group_that_was_renamed_since_the_last_import_is_asked_for_by_its_new_name_or_its_id() {
    let world = World::with(full(), &laden()).await;
    let resources = world.inventory().await.resources;
    let devs = resources.iter().find(|group| group.name == "devs").unwrap().external_id.to_string();
    world.mutate(&[Mutation::RenameGroup { name: "devs".into(), new_name: "builders".into() }]);
    devs_is_another_name(&world, "builders").await;
    for (account, group) in [("ada", "builders"), ("ada", devs.as_str())] {
        let wish = wish(json!({"task": "remove_assignment", "account": account, "group": group}));
        let plan = world.plan(std::slice::from_ref(&wish)).await;
        assert!(plan.is_possible() && plan.tasks[0].steps.len() == 1, "{:?}", plan.tasks[0]);
    }
    world.succeeded(&[wish(json!({"task": "remove_assignment", "account": "ada", "group": devs}))]).await;
    assert!(!world.user("ada").unwrap()["groups"].to_string().contains("builders"));
    // Another one takes the name that is free.
    world.mutate(&[Mutation::CreateGroup { name: "devs".into(), path: "/".into() }]);
    let add = json!({"task": "add_assignment", "account": "bob", "group": "devs"});
    assert_eq!(obstacle(&world, &add).await.map(|(kind, _)| kind), Some(ObstacleKind::IdentityChanged));
}

/// The plan was made when nobody but the newcomer was known by the name, and an import that saw another one came since.
#[tokio::test]
async fn r29_a_job_that_waits_is_held_to_the_id_that_it_was_planned_for() {
    let world = World::with(full(), &with_bob_in_a_group()).await;
    let job = world.job(&[wish(json!({"task": "deactivate_account", "account": "bob"}))]).await;
    world.sandbox.mutate(ACCOUNT, &[Mutation::DeleteAndRecreateUser { name: "bob".into() }]).unwrap();
    world.published().await;
    world.sandbox.clear_trace();
    world.work(&job).await.unwrap();
    let failure = super::only(&world.store.job(job.id).await.unwrap()).failure.clone().unwrap();
    assert!(failure.message.contains("identity_changed"), "{}", failure.message);
    assert!(world.writes().is_empty(), "the newcomer was touched");
}

#[tokio::test]
async fn an_id_means_whose_it_is_and_one_that_is_also_a_name_means_nobody() {
    let world = World::with(full(), &laden()).await;
    let ada = id(&world, "ada");
    let plan = world.plan(&[wish(json!({"task": "deactivate_account", "account": ada}))]).await;
    assert_eq!(plan.tasks[0].account, "ada");
    assert_eq!(plan.tasks[0].account_external_id.as_ref().unwrap().as_str(), ada);
    assert!(plan.is_possible() && !plan.tasks[0].steps.is_empty(), "{:?}", plan.tasks[0].obstacles);
    let by_name = world.plan(&[wish(json!({"task": "deactivate_account", "account": "ada"}))]).await;
    assert_eq!(plan.tasks[0].steps, by_name.tasks[0].steps, "what is on is read by an id, too");
    let group = world.inventory().await.resources;
    let ops = group.iter().find(|group| group.name == "ops").unwrap().external_id.to_string();
    let plan = world.plan(&[wish(json!({"task": "add_assignment", "account": "bob", "group": ops}))]).await;
    assert!(plan.is_possible(), "{:?}", plan.tasks[0].obstacles);
    // Somebody takes the ids for names.
    world.mutate(&[user(&ada, "/"), Mutation::CreateGroup { name: ops.clone(), path: "/".into() }]);
    world.published().await;
    let named = id(&world, &ada);
    for (wish, parts) in [
        (json!({"task": "delete_account", "account": ada}), ["\"ada\"", named.as_str()]),
        (json!({"task": "add_assignment", "account": "bob", "group": ops}), ["\"ops\"", "AGPA"]),
    ] {
        let (kind, why) = obstacle(&world, &wish).await.unwrap_or_else(|| panic!("{wish} was planned"));
        assert_eq!(kind, ObstacleKind::Ambiguous, "{why}");
        assert!(parts.iter().all(|part| why.contains(part)), "{why}");
    }
    // Each of them can be meant all the same, also when the job is carried out later.
    let plan = world.plan(&[wish(json!({"task": "delete_account", "account": named}))]).await;
    assert_eq!(plan.tasks[0].account, ada);
    world.succeeded(&[wish(json!({"task": "delete_account", "account": named}))]).await;
    assert!(world.user("ada").is_some() && world.user(&ada).is_none());
}

#[tokio::test]
async fn a_group_that_is_renamed_before_the_import_keeps_whom_a_job_put_into_it_and_without_whom_it_is() {
    let world = World::with(full(), &with_bob_in_a_group()).await;
    let into = json!({"task": "add_assignment", "account": "bob", "group": "devs"});
    let out_of = json!({"task": "remove_assignment", "account": "bob", "group": "ops"});
    world.succeeded(&[wish(into), wish(out_of)]).await;
    assert_eq!(world.store.open_claims(&world.id).await.unwrap().len(), 2);
    let rename = |name: &str, to: &str| Mutation::RenameGroup { name: name.into(), new_name: to.into() };
    // What another group is called now says nothing of the one that was called so.
    world.mutate(&[rename("devs", "builders"), rename("ops", "runners")]);
    world.mutate(&[Mutation::CreateGroup { name: "ops".into(), path: "/".into() }]);
    world.mutate(&[Mutation::AddToGroup { user: "bob".into(), group: "ops".into() }]);
    world.published().await;
    assert_eq!(world.store.open_claims(&world.id).await.unwrap(), []);
    assert_eq!(world.store.drifted_claims(&world.id).await.unwrap(), []);
}
