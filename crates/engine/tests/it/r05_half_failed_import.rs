//! R05: an import that could not read all it needs publishes nothing and deletes nothing; what is optional becomes
//! unknown, never absent.

use keyreeve_engine::import::{ImportError, ImportRequest, Progress};
use keyreeve_model::{
    CollectionName, CollectionState, FailureKind, ImportRunState, Inventory, LoginProfileSource,
    LoginProfileState,
};
use keyreeve_sandbox::{Effect, FaultRule, Malformed, Mutation};
use keyreeve_store::StoreError;

use crate::harness::{NEEDED, Setup, World, assert_failed, deleted, on_page, state_of, warned};

/// Ways in which an answer fails to come, for good.
fn effects() -> Vec<Effect> {
    vec![
        Effect::Throttle,
        Effect::Error { status: 500, code: "InternalFailure".to_owned(), message: String::new() },
        Effect::AccessDenied,
        Effect::Reset,
        Effect::Truncate { at_fraction: 0.6 },
        Effect::Malformed { body: Malformed::UnclosedTag },
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_needed_listing_that_fails_on_any_page_publishes_nothing() {
    let world = World::imported(Setup::default()).await;
    // Something to be seen if it were published.
    let user = world.users().remove(3);
    world.mutate(&[
        Mutation::DeleteUser { name: user },
        Mutation::CreateGroup { name: "newcomers".to_owned(), path: "/".to_owned() },
    ]);
    let pages = world.pages().await;
    for action in NEEDED {
        let count = pages.iter().filter(|(listed, _)| listed == action).count();
        assert!(count >= 2, "{action} has {count} page");
    }
    let before = world.dump().await;
    for (action, page) in pages {
        for effect in effects() {
            let case = format!("{action} page {page} {effect:?}");
            world.plant([on_page(&action, page, effect.clone())]);
            let run = world.import().await;
            assert_failed(&world, &run, &before, &case).await;
            let kind = run.failure.as_ref().unwrap().kind;
            let expected = match (effect, page) {
                (Effect::AccessDenied, 1) => FailureKind::Denied,
                _ => FailureKind::Inconsistent,
            };
            assert_eq!(kind, expected, "{case}");
            let not_whole = run.collections.iter().filter(|record| {
                matches!(record.state, CollectionState::Cut | CollectionState::Denied)
                    && record.reason.is_some()
            });
            assert_eq!(not_whole.count(), 1, "{case}: {:?}", run.collections);
            world.all_fired();
        }
    }
    let run = world.published().await;
    assert_eq!((run.changes.accounts.deleted, run.changes.resources.created), (1, 1));
}

fn logins(inventory: &Inventory) -> Vec<(String, LoginProfileState)> {
    inventory.accounts.iter().map(|one| (one.name.clone(), one.login_profile.state)).collect()
}

fn with_login(world: &World) -> String {
    let state = world.state();
    let user = state["users"].as_array().unwrap().iter().find(|user| !user["login_profile"].is_null());
    user.unwrap()["name"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_profile_that_cannot_be_read_is_unknown_and_the_others_are_published() {
    let setup = || Setup { login_profiles: LoginProfileSource::PerUser, ..Setup::default() };
    let world = World::imported(setup()).await;
    let truth = logins(&world.inventory().await);
    let user = with_login(&world);
    for effect in effects() {
        let case = format!("{effect:?}");
        world.plant([FaultRule::new("GetLoginProfile", effect).subject(&user)]);
        let run = world.published().await;
        assert_eq!(deleted(&run), 0, "{case}");
        assert!(warned(&run, "credentials_unknown"), "{case}: {:?}", run.warnings);
        assert_eq!(state_of(&run, CollectionName::LoginProfiles), CollectionState::Cut, "{case}");
        for (read, known) in logins(&world.inventory().await).iter().zip(&truth) {
            let expected = if read.0 == user { LoginProfileState::Unknown } else { known.1 };
            assert_eq!((&read.0, read.1), (&known.0, expected), "{case}");
        }
        world.all_fired();
        world.published().await;
        assert_eq!(logins(&world.inventory().await), truth, "{case}: afterwards all is known again");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_profiles_that_are_all_denied_are_all_unknown() {
    let world =
        World::imported(Setup { login_profiles: LoginProfileSource::PerUser, ..Setup::default() }).await;
    for (effect, state) in
        [(Effect::AccessDenied, CollectionState::Denied), (Effect::Throttle, CollectionState::Cut)]
    {
        world.plant([FaultRule::new("GetLoginProfile", effect)]);
        let run = world.published().await;
        assert_eq!(state_of(&run, CollectionName::LoginProfiles), state);
        assert_eq!(deleted(&run), 0);
        assert!(warned(&run, "credentials_unknown"));
        let inventory = world.inventory().await;
        assert!(logins(&inventory).iter().all(|(_, login)| *login == LoginProfileState::Unknown));
        world.all_fired();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_report_the_report_s_facts_are_unknown_or_read_one_by_one() {
    let mut world = World::imported(Setup::default()).await;
    let truth = logins(&world.inventory().await);
    assert!(truth.iter().any(|(_, state)| *state == LoginProfileState::Present));
    for action in ["GenerateCredentialReport", "GetCredentialReport"] {
        for effect in effects() {
            let case = format!("{action} {effect:?}");
            let state = match effect {
                Effect::AccessDenied => CollectionState::Denied,
                _ => CollectionState::Cut,
            };
            world.plant([FaultRule::new(action, effect)]);
            world.profile.login_profile_source = LoginProfileSource::CredentialReport;
            let run = world.published().await;
            assert_eq!(deleted(&run), 0, "{case}");
            assert_eq!(state_of(&run, CollectionName::CredentialReport), state, "{case}");
            assert!(warned(&run, "credentials_unknown"), "{case}");
            let seen = logins(&world.inventory().await);
            assert!(seen.iter().all(|(_, state)| *state == LoginProfileState::Unknown), "{case}");

            world.profile.login_profile_source = LoginProfileSource::Auto;
            let run = world.published().await;
            assert_eq!(state_of(&run, CollectionName::CredentialReport), state, "{case}");
            assert_eq!(state_of(&run, CollectionName::LoginProfiles), CollectionState::Whole, "{case}");
            assert_eq!(logins(&world.inventory().await), truth, "{case}");
            world.all_fired();
        }
    }
}

#[tokio::test]
async fn a_preview_publishes_nothing() {
    let world = World::imported(Setup::default()).await;
    let before = world.dump().await;
    world.mutate(&[Mutation::DeleteUser { name: world.users().remove(0) }]);
    let run = world.try_import(&world.profile, true).await.unwrap();
    assert_eq!((run.state, run.changes.accounts.deleted), (ImportRunState::Previewed, 1));
    assert!(world.dump().await == before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_stopped_publishes_nothing_and_no_other_runs_beside_it() {
    let world = World::imported(Setup::default()).await;
    let before = world.dump().await;
    world.plant([FaultRule::new("ListGroups", Effect::Hang)]);
    world.sandbox.clear_trace();
    let system = world.store.get_system(&world.id).await.unwrap();
    let request =
        ImportRequest { system: &system, profile: &world.profile, actor: "local:test", preview: false };
    let stopped = async {
        while !world.sandbox.trace().iter().any(|call| call.action == "ListGroups") {
            tokio::task::yield_now().await;
        }
        let beside = world.try_import(&world.profile, false).await;
        assert!(matches!(beside, Err(ImportError::Store(StoreError::ImportRunning { .. }))), "{beside:?}");
    };
    let progress = Progress::default();
    let run = world.importer().run_until(&world.connector, request, &progress, stopped).await.unwrap();
    assert_failed(&world, &run, &before, "stopped").await;
    assert_eq!(run.failure.unwrap().kind, FailureKind::Interrupted);
    world.all_fired();
    world.published().await;
}
