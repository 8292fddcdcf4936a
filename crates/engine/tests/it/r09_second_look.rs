//! R09: what is missing from the listings is looked for once more before it counts as gone.

use keyreeve_model::{LoginProfileSource, LoginProfileState};
use keyreeve_sandbox::{CallRange, Effect, FaultRule, Mutation};

use crate::harness::{Setup, World, deleted, warned};

fn omit(action: &str, name: &str) -> FaultRule {
    FaultRule::new(action, Effect::Omit { name: name.to_owned() })
}

const DETAILS: &str = "GetAccountAuthorizationDetails";

#[tokio::test]
async fn a_user_that_listings_leave_out_stays_when_a_point_read_finds_it() {
    let world = World::imported(Setup::default()).await;
    let truth = world.facts().await;
    let user = world.users().remove(2);
    world.plant([omit("ListUsers", &user), omit(DETAILS, &user)]);
    world.sandbox.clear_trace();
    let run = world.published().await;
    world.all_fired();
    assert_eq!(deleted(&run), 0);
    assert!(warned(&run, "listing_inconsistent"), "{:?}", run.warnings);
    assert!(world.facts().await == truth, "it stays as it was last read");
    let asked: Vec<_> = world.sandbox.trace().into_iter().filter(|call| call.action == "GetUser").collect();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].subject.as_deref(), Some(user.as_str()));
}

#[tokio::test]
async fn without_point_reads_a_second_listing_decides() {
    let world = World::imported(Setup::default()).await;
    let truth = world.facts().await;
    let user = world.users().remove(2);
    world.sandbox.deny("keyreeve-connector", &["iam:GetUser"]);
    world.plant([omit("ListUsers", &user).attempt(1), omit(DETAILS, &user)]);
    let run = world.published().await;
    world.all_fired();
    assert_eq!(deleted(&run), 0);
    assert!(warned(&run, "listing_inconsistent"), "{:?}", run.warnings);
    assert!(world.facts().await == truth);
}

#[tokio::test]
async fn a_second_look_that_fails_proves_nothing() {
    let world = World::imported(Setup::default()).await;
    let truth = world.facts().await;
    let user = world.users().remove(2);
    let broken = || Effect::Error { status: 500, code: "InternalFailure".to_owned(), message: String::new() };
    let pages = world.pages().await.iter().filter(|(action, _)| action == "ListUsers").count() as u64;

    world.plant([omit("ListUsers", &user), omit(DETAILS, &user), FaultRule::new("GetUser", broken())]);
    let run = world.published().await;
    world.all_fired();
    assert!(warned(&run, "deletion_unconfirmed"), "{:?}", run.warnings);
    assert!(world.facts().await == truth);

    world.sandbox.deny("keyreeve-connector", &["iam:GetUser"]);
    let mut second = FaultRule::new("ListUsers", broken());
    second.on.calls = Some(CallRange { from: pages + 1, to: None });
    world.plant([omit("ListUsers", &user), omit(DETAILS, &user), second]);
    let run = world.published().await;
    world.all_fired();
    assert!(warned(&run, "deletion_unconfirmed"), "{:?}", run.warnings);
    assert!(world.facts().await == truth);
}

#[tokio::test]
async fn who_is_really_gone_is_deleted_either_way() {
    let world = World::imported(Setup::default()).await;
    for may_read in [true, false] {
        if !may_read {
            world.sandbox.deny("keyreeve-connector", &["iam:GetUser"]);
        }
        let user = world.users().remove(0);
        world.mutate(&[Mutation::DeleteUser { name: user.clone() }]);
        let run = world.published().await;
        assert_eq!(run.changes.accounts.deleted, 1, "point reads permitted: {may_read}");
        assert!(run.warnings.is_empty(), "{:?}", run.warnings);
        let inventory = world.inventory().await;
        assert!(!inventory.accounts.iter().any(|one| one.name == user));
        assert!(!inventory.assignments.iter().any(|one| one.subject_name == user));
    }
}

#[tokio::test]
async fn a_newcomer_of_the_same_name_does_not_vouch_for_the_old_user() {
    let world = World::imported(Setup { login_profiles: LoginProfileSource::Auto, ..Setup::default() }).await;
    let known = world.inventory().await;
    let had_one = known.accounts.iter().find(|one| one.login_profile.state == LoginProfileState::Present);
    let user = had_one.unwrap().name.clone();
    world.mutate(&[Mutation::DeleteAndRecreateUser { name: user.clone() }]);
    let run = world.published().await;
    assert_eq!((run.changes.accounts.created, run.changes.accounts.deleted), (1, 1));
    let inventory = world.inventory().await;
    let account = inventory.accounts.iter().find(|one| one.name == user).unwrap();
    assert_eq!(account.login_profile.state, LoginProfileState::Absent, "the report speaks of the old user");
    let held = inventory.assignments.iter().filter(|one| one.subject_name == user).count();
    assert_eq!(held, 0, "the newcomer holds nothing");
}

#[tokio::test]
async fn groups_and_policies_are_looked_for_by_a_second_listing() {
    let world = World::start(Setup::default()).await;
    // Nobody is in it: a membership would give the listings the lie before.
    let group = "nobody-yet".to_owned();
    world.mutate(&[Mutation::CreateGroup { name: group.clone(), path: "/".to_owned() }]);
    world.published().await;
    let truth = world.facts().await;
    let policy = world.state()["policies"][1]["name"].as_str().unwrap().to_owned();
    world.plant([omit("ListGroups", &group).attempt(1), omit(DETAILS, &group)]);
    let run = world.published().await;
    world.all_fired();
    assert_eq!(deleted(&run), 0);
    assert!(warned(&run, "listing_inconsistent"));
    assert!(world.facts().await == truth);

    world.plant([omit("ListPolicies", &policy).attempt(1)]);
    let run = world.published().await;
    world.all_fired();
    assert_eq!(deleted(&run), 0);
    assert!(warned(&run, "listing_inconsistent"));
    assert!(world.facts().await == truth);
}
