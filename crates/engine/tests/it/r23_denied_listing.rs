//! R23: a listing that may not be read is a failure or, where the profile leaves it out, `skipped`; never "none".

use std::collections::BTreeSet;

use keyreeve_model::{
    CollectionName, CollectionState, FailureKind, ImportObject, ImportObject as Object, ImportRunState,
};

use crate::harness::{Setup, World, assert_failed, deleted, state_of};

const ALL: [Object; 5] =
    [Object::Accounts, Object::LoginProfiles, Object::Groups, Object::Policies, Object::Assignments];

/// Each listing, what a profile must leave out to do without it, and the collections that are skipped then.
fn listings() -> Vec<(&'static str, &'static [ImportObject], &'static [CollectionName])> {
    use CollectionName::{AuthorizationDetails, Groups, Policies, Users};
    vec![
        ("ListUsers", &[Object::Accounts, Object::LoginProfiles], &[Users]),
        ("ListGroups", &[Object::Groups], &[Groups]),
        ("ListPolicies", &[Object::Policies], &[Policies]),
        (
            "GetAccountAuthorizationDetails",
            &[Object::Accounts, Object::LoginProfiles, Object::Groups, Object::Assignments],
            &[Users, Groups, AuthorizationDetails],
        ),
    ]
}

#[tokio::test]
async fn a_denied_listing_fails_the_run_and_names_the_action() {
    let world = World::imported(Setup::default()).await;
    let before = world.dump().await;
    for (action, _, _) in listings() {
        world.sandbox.deny("keyreeve-connector", &[action]);
        let run = world.import().await;
        assert_failed(&world, &run, &before, action).await;
        let failure = run.failure.unwrap();
        assert_eq!(failure.kind, FailureKind::Denied, "{action}");
        assert!(failure.message.contains(action), "{action}: {}", failure.message);
    }
}

#[tokio::test]
async fn a_profile_that_leaves_the_objects_out_does_without_the_listing() {
    let mut world = World::imported(Setup::default()).await;
    let truth = world.facts().await;
    for (action, left_out, skipped) in listings() {
        let objects: BTreeSet<Object> = ALL.into_iter().filter(|object| !left_out.contains(object)).collect();
        world.profile.objects = objects;
        world.profile.validate().unwrap();
        world.sandbox.deny("keyreeve-connector", &[action]);
        let run = world.published().await;
        assert_eq!(deleted(&run), 0, "{action}");
        assert!(world.facts().await == truth, "{action}: what was left out is carried over");
        for name in CollectionName::ALL.into_iter().take(4) {
            let expected =
                if skipped.contains(&name) { CollectionState::Skipped } else { CollectionState::Whole };
            assert_eq!(state_of(&run, name), expected, "{action}: {name:?}");
        }
    }
}

#[tokio::test]
async fn a_first_import_without_the_permission_publishes_nothing() {
    let world = World::start(Setup::default()).await;
    world.sandbox.deny("keyreeve-connector", &["ListGroups"]);
    let run = world.import().await;
    assert_eq!(run.state, ImportRunState::Failed);
    assert_eq!(state_of(&run, CollectionName::Groups), CollectionState::Denied);
    assert_eq!(world.inventory().await, Default::default());
}
