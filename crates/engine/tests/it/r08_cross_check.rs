//! R08: listings that disagree with one another, or with the account's own count, are read once more; if they still
//! disagree the run waits for a person and names what differs.

use keyreeve_model::{
    CollectionName, CollectionState, ImportRunState, LoginProfileSource, LoginProfileState,
    PermissionProfile, Suspicion, SystemSettings,
};
use keyreeve_sandbox::{Effect, FaultRule, Mutation};

use crate::harness::{Setup, World, state_of};

fn omit(action: &str, name: &str) -> FaultRule {
    FaultRule::new(action, Effect::Omit { name: name.to_owned() })
}

fn readings(world: &World, action: &str) -> usize {
    world.sandbox.trace().iter().filter(|call| call.action == action && call.page == 1).count()
}

fn newcomer(world: &World) -> String {
    let name = "new.comer".to_owned();
    world.mutate(&[
        Mutation::CreateUser { name: name.clone(), path: "/".to_owned(), tags: Vec::new(), boundary: None },
        Mutation::CreateLoginProfile { user: name.clone(), reset_required: true },
    ]);
    name
}

#[tokio::test]
async fn a_disagreement_that_passes_costs_one_more_reading() {
    for action in ["ListUsers", "GetAccountAuthorizationDetails"] {
        for source in [LoginProfileSource::PerUser, LoginProfileSource::CredentialReport] {
            let world = World::imported(Setup { login_profiles: source, ..Setup::default() }).await;
            // The report, made for the first import, is too old to know the newcomer.
            let name = newcomer(&world);
            world.plant([omit(action, &name).attempt(1)]);
            world.sandbox.clear_trace();
            let run = world.published().await;
            world.all_fired();
            assert_eq!(
                (readings(&world, "ListUsers"), readings(&world, "GetAccountAuthorizationDetails")),
                (2, 3),
                "the third has what policies say"
            );
            assert_eq!((run.changes.accounts.created, run.changes.accounts.deleted), (1, 0), "{action}");
            let inventory = world.inventory().await;
            let account = inventory.accounts.iter().find(|one| one.name == name).unwrap();
            assert_eq!(account.login_profile.state, LoginProfileState::Present, "{action} {source:?}");
            assert!(account.tags.is_some());
        }
    }
}

#[tokio::test]
async fn a_disagreement_that_stays_suspends_the_run_with_the_names() {
    let world = World::imported(Setup::default()).await;
    let before = world.dump().await;
    let (user, group) = (world.users().remove(5), world.groups().remove(1));
    let cases = [
        ("ListUsers", &user, CollectionName::Users, false),
        ("GetAccountAuthorizationDetails", &user, CollectionName::Users, true),
        ("ListGroups", &group, CollectionName::Groups, false),
        ("GetAccountAuthorizationDetails", &group, CollectionName::Groups, true),
    ];
    for (action, name, listing, listed) in cases {
        world.plant([omit(action, name)]);
        world.sandbox.clear_trace();
        let run = world.import().await;
        world.all_fired();
        assert_eq!(run.state, ImportRunState::Suspended, "{action} {name}");
        assert_eq!(
            readings(&world, "GetAccountAuthorizationDetails"),
            3,
            "{action} {name}: read once more, not more, and then what policies say"
        );
        let names = |wanted| if wanted { vec![name.clone()] } else { Vec::new() };
        let expected = Suspicion::ListingsDisagree {
            first: listing,
            only_in_first: names(listed),
            second: "authorization_details".to_owned(),
            only_in_second: names(!listed),
            differences: 1,
        };
        assert_eq!(run.suspicions, [expected], "{action} {name}");
        assert!(world.dump().await == before);
    }
}

fn full() -> Setup {
    let settings =
        SystemSettings { permission_profile: PermissionProfile::Full, ..Setup::default().settings };
    Setup { settings, ..Setup::default() }
}

#[tokio::test]
async fn the_account_s_own_count_is_a_third_witness() {
    let world = World::imported(full()).await;
    world.sandbox.advance_clock(100);
    world.mutate(&[Mutation::DeleteUser { name: world.users().remove(0) }]);
    let before = world.dump().await;
    let stale = || FaultRule::new("GetAccountSummary", Effect::Stale { seconds: 50 });
    world.plant([stale()]);
    let run = world.import().await;
    world.all_fired();
    assert_eq!(run.state, ImportRunState::Suspended);
    match run.suspicions.as_slice() {
        [Suspicion::ListingsDisagree { second, differences: 1, .. }] => {
            assert!(
                second.contains("25 users where 24 were listed")
                    || second.contains("24 users where 23 were listed"),
                "{second}"
            );
        }
        other => panic!("{other:?}"),
    }
    assert!(world.dump().await == before);

    world.plant([stale().attempt(1)]);
    world.sandbox.clear_trace();
    let run = world.published().await;
    world.all_fired();
    assert_eq!((readings(&world, "ListUsers"), run.changes.accounts.deleted), (2, 1));
}

#[tokio::test]
async fn a_count_that_may_not_be_read_contradicts_nothing() {
    let world = World::imported(full()).await;
    world.sandbox.deny("keyreeve-connector", &["iam:GetAccountSummary"]);
    let run = world.published().await;
    assert_eq!(run.changes, Default::default());

    let reference = World::imported(Setup::default()).await;
    let asked = reference.sandbox.trace().iter().any(|call| call.action == "GetAccountSummary");
    assert!(!asked, "the reference policy does not permit it");
}

#[tokio::test]
async fn a_second_reading_does_not_hide_what_the_first_one_could_not_read() {
    let world =
        World::imported(Setup { login_profiles: LoginProfileSource::PerUser, ..Setup::default() }).await;
    let name = newcomer(&world);
    let unread = world.users().remove(4);
    world.plant([
        omit("ListUsers", &name).attempt(1),
        FaultRule::new("GetLoginProfile", Effect::AccessDenied).subject(&unread),
    ]);
    let run = world.published().await;
    world.all_fired();
    assert_eq!(state_of(&run, CollectionName::LoginProfiles), CollectionState::Cut);
}
