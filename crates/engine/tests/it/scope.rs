//! What lies outside a run's scope is carried over: path prefixes, policy scopes, subsets of objects, and profiles
//! that take turns.

use keyreeve_model::{Account, ImportObject, Inventory, ManagedBy, PolicyScope, ResourceType};
use keyreeve_sandbox::Mutation;

use crate::harness::{Setup, World, deleted};

fn find<'a>(inventory: &'a Inventory, name: &str) -> Option<&'a Account> {
    inventory.accounts.iter().find(|one| one.name == name)
}

fn paths(world: &World) -> Vec<(String, String)> {
    let state = world.state();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    state["users"].as_array().unwrap().iter().map(|user| (text(&user["name"]), text(&user["path"]))).collect()
}

fn somebody(world: &World, prefix: &str, inside: bool) -> String {
    let of = |(name, path): (String, String)| {
        (path.starts_with(prefix) == inside && name != "keyreeve-connector").then_some(name)
    };
    paths(world).into_iter().find_map(of).unwrap()
}

#[tokio::test]
async fn a_path_prefix_sees_users_come_go_and_leaves_the_others_alone() {
    let mut world = World::imported(Setup::default()).await;
    world.profile.path_prefix = "/staff/".to_owned();
    let (stays, moves) = (somebody(&world, "/staff/", false), somebody(&world, "/staff/", true));
    let before = world.inventory().await;
    let held = |inventory: &Inventory, name: &str| {
        let of_name = inventory.assignments.iter().filter(|one| one.subject_name == name);
        of_name.map(|one| one.key()).collect::<Vec<_>>()
    };

    // Outside the prefix nothing is seen, not even that somebody is gone.
    world.mutate(&[Mutation::DeleteUser { name: stays.clone() }]);
    let run = world.published().await;
    assert_eq!(deleted(&run), 0);
    let inventory = world.inventory().await;
    assert_eq!(held(&inventory, &stays), held(&before, &stays));
    assert!(find(&inventory, &stays).is_some());

    // Who moves out of it has not gone.
    world.mutate(&[Mutation::SetPath { name: moves.clone(), path: "/elsewhere/".to_owned() }]);
    let run = world.published().await;
    assert_eq!((deleted(&run), run.changes.accounts.changed), (0, 1));
    let inventory = world.inventory().await;
    assert_eq!(find(&inventory, &moves).unwrap().path, "/elsewhere/");
    assert_eq!(held(&inventory, &moves), held(&before, &moves));
    let id = find(&inventory, &moves).unwrap().external_id.clone();

    // And who comes back is the same account.
    world.mutate(&[Mutation::SetPath { name: moves.clone(), path: "/staff/again/".to_owned() }]);
    let run = world.published().await;
    assert_eq!((run.changes.accounts.created, run.changes.accounts.changed), (0, 1));
    assert_eq!(find(&world.inventory().await, &moves).unwrap().external_id, id);

    // Inside it, gone is gone.
    world.mutate(&[Mutation::DeleteUser { name: moves.clone() }]);
    assert_eq!(world.published().await.changes.accounts.deleted, 1);
}

#[tokio::test]
async fn a_detached_policy_is_not_deleted_and_a_deleted_one_is() {
    let mut world = World::imported(Setup { policy_scope: PolicyScope::Attached, ..Setup::default() }).await;
    let user = world.users().remove(0);
    let document = r#"{"Version":"2012-10-17","Statement":[]}"#.to_owned();
    let arn = "arn:aws:iam::111122223333:policy/own".to_owned();
    let attach = Mutation::AttachUserPolicy { user: user.clone(), arn: arn.clone() };
    world.mutate(&[
        Mutation::CreatePolicy { name: "own".to_owned(), path: "/".to_owned(), document },
        attach.clone(),
    ]);
    let run = world.published().await;
    assert_eq!((run.changes.resources.created, run.changes.assignments.created), (1, 1));
    let known = |inventory: &Inventory| inventory.resources.iter().any(|one| one.arn == arn);

    world.mutate(&[Mutation::DetachUserPolicy { user, arn: arn.clone() }]);
    let run = world.published().await;
    assert_eq!((run.changes.resources.deleted, run.changes.assignments.deleted), (0, 1));
    assert!(run.warnings.is_empty(), "{:?}", run.warnings);
    assert!(known(&world.inventory().await));

    world.mutate(&[Mutation::DeletePolicy { arn: arn.clone() }]);
    let run = world.published().await;
    assert_eq!(run.changes.resources.deleted, 1);
    assert!(!known(&world.inventory().await));

    // AWS's own policies are outside the scope `customer`, and stay.
    let aws = |inventory: &Inventory| {
        inventory.resources.iter().filter(|one| one.managed_by == Some(ManagedBy::Aws)).count()
    };
    let attached = aws(&world.inventory().await);
    assert!(attached > 0);
    world.profile.policy_scope = PolicyScope::Customer;
    assert_eq!(deleted(&world.published().await), 0);
    assert_eq!(aws(&world.inventory().await), attached);
}

#[tokio::test]
async fn the_whole_catalogue_of_aws_is_read() {
    let world =
        World::imported(Setup { policy_scope: PolicyScope::All, page: None, ..Setup::default() }).await;
    let inventory = world.inventory().await;
    assert!(inventory.resources.iter().filter(|one| one.managed_by == Some(ManagedBy::Aws)).count() > 1000);
    let unresolved = inventory.assignments.iter().filter(|one| one.resource_external_id.is_none()).count();
    assert_eq!(unresolved, 0);
}

#[tokio::test]
async fn subsets_of_objects_carry_the_rest_over() {
    use ImportObject::{Accounts, Assignments, Groups, LoginProfiles, Policies};
    let mut world = World::imported(Setup::default()).await;
    let truth = world.facts().await;
    let subsets: &[&[ImportObject]] = &[
        &[Accounts],
        &[Groups],
        &[Policies],
        &[Accounts, Groups],
        &[Accounts, LoginProfiles],
        &[Groups, Policies, Assignments],
        &[Accounts, Groups, Assignments],
        &[Accounts, Policies, Assignments],
        &[Accounts, Groups, Policies],
    ];
    for objects in subsets {
        world.profile.objects = objects.iter().copied().collect();
        world.profile.validate().unwrap();
        let run = world.published().await;
        assert_eq!(run.changes, Default::default(), "{objects:?}");
        assert!(world.facts().await == truth, "{objects:?}");
    }
}

#[tokio::test]
async fn an_object_s_going_is_seen_only_by_a_profile_that_reads_it() {
    let mut world = World::imported(Setup::default()).await;
    let group = world.groups().remove(0);
    world.mutate(&[Mutation::DeleteGroup { name: group.clone() }]);
    let groups = |inventory: &Inventory| {
        inventory.resources.iter().any(|one| one.kind == ResourceType::Group && one.name == group)
    };
    let everything = world.profile.objects.clone();
    world.profile.objects = [ImportObject::Accounts, ImportObject::Policies].into();
    assert_eq!(deleted(&world.published().await), 0);
    assert!(groups(&world.inventory().await));
    world.profile.objects = everything;
    assert_eq!(world.published().await.changes.resources.deleted, 1);
    assert!(!groups(&world.inventory().await));
}

#[tokio::test]
async fn two_profiles_that_take_turns_do_not_delete_each_other_s_objects() {
    let mut world = World::start(Setup::default()).await;
    let prefixes = ["/staff/", "/contractors/"];
    for round in 0..6 {
        world.profile.path_prefix = prefixes[round % 2].to_owned();
        let run = world.published().await;
        assert_eq!(deleted(&run), 0, "round {round}");
        assert_eq!(run.changes.accounts.created > 0, round < 2, "round {round}");
    }
    let expected = paths(&world)
        .iter()
        .filter(|(_, path)| prefixes.iter().any(|prefix| path.starts_with(prefix)))
        .count();
    assert_eq!(world.inventory().await.accounts.len(), expected);
}
