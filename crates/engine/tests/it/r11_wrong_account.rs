//! R11: answers of another AWS account change nothing, whenever in a run they come; the system is quarantined.

use keyreeve_engine::import::ImportError;
use keyreeve_model::{FailureKind, ImportRun, ImportRunState, LoginProfileSource, SystemState, digest_hex};
use keyreeve_sandbox::{CallRange, Effect, FaultRule, Mutation};

use crate::harness::{NEEDED, OTHER, Setup, World, assert_failed, on_page};

async fn assert_quarantined(world: &World, run: &ImportRun, before: &str, case: &str) {
    assert_failed(world, run, before, case).await;
    let failure = run.failure.as_ref().unwrap();
    assert_eq!(failure.kind, FailureKind::AccountMismatch, "{case}: {failure:?}");
    assert!(failure.message.contains(OTHER), "{case}: {failure:?}");
    let system = world.store.get_system(&world.id).await.unwrap();
    assert_eq!(system.state, SystemState::Quarantined, "{case}");
    assert_eq!(system.state_reason.unwrap().kind, FailureKind::AccountMismatch, "{case}");
}

async fn release(world: &World) {
    world.store.release_system(&world.id, ("local:test", None), world.clock.now()).await.unwrap();
}

#[tokio::test]
async fn other_credentials_between_two_imports_quarantine_the_system() {
    let world = World::imported(Setup { page: None, ..Setup::default() }).await;
    let before = world.dump().await;
    let key = world.sandbox.connector_key(crate::harness::ACCOUNT).unwrap().access_key_id;
    world.sandbox.swap_key(&key, Some(OTHER)).unwrap();
    let run = world.import().await;
    assert_quarantined(&world, &run, &before, "swapped").await;

    let calls = world.sandbox.trace().len();
    let refused = world.try_import(&world.profile, false).await;
    assert!(matches!(refused, Err(ImportError::Quarantined { .. })), "{refused:?}");
    assert_eq!(world.sandbox.trace().len(), calls, "a quarantined system is not called");

    world.sandbox.swap_key(&key, None).unwrap();
    release(&world).await;
    let run = world.published().await;
    assert_eq!(run.changes, Default::default());
}

async fn from_every_call_on(login_profiles: LoginProfileSource) {
    let world = World::imported(Setup { login_profiles, ..Setup::default() }).await;
    // Something is gone, so that the calls of the second look are among those that are answered wrongly.
    world.mutate(&[
        Mutation::DeleteUser { name: world.users().remove(0) },
        Mutation::DeleteGroup { name: world.groups().remove(0) },
    ]);
    let before = world.dump().await;
    world.sandbox.clear_trace();
    world.try_import(&world.profile, true).await.unwrap();
    let calls = world.sandbox.trace().len() as u64;
    assert!(calls > 15, "{calls} calls");
    for from in 1..=calls {
        let mut rule = FaultRule::new("*", Effect::WrongAccount);
        rule.on.calls = Some(CallRange { from, to: None });
        world.plant([rule]);
        let run = world.import().await;
        if world.sandbox.unfired().is_empty() {
            assert_quarantined(&world, &run, &before, &format!("from call {from} of {calls} on")).await;
            release(&world).await;
        }
        world.all_fired();
    }
    assert_eq!(world.published().await.changes.accounts.deleted, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_account_from_any_call_on_with_login_profiles_one_by_one() {
    from_every_call_on(LoginProfileSource::PerUser).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_account_from_any_call_on_with_the_report() {
    from_every_call_on(LoginProfileSource::CredentialReport).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_wrong_answer_is_enough() {
    let world = World::imported(Setup::default()).await;
    let before = world.dump().await;
    for action in NEEDED.into_iter().chain(["GetCallerIdentity"]) {
        world.plant([on_page(action, 1, Effect::WrongAccount)]);
        let run = world.import().await;
        assert_quarantined(&world, &run, &before, action).await;
        world.all_fired();
        release(&world).await;
    }
    // The report of the other account must have been made before it can be fetched.
    world.plant([
        FaultRule::new("GenerateCredentialReport", Effect::WrongAccount),
        FaultRule::new("GetCredentialReport", Effect::WrongAccount),
    ]);
    let run = world.import().await;
    assert_quarantined(&world, &run, &before, "report").await;
    world.all_fired();
    release(&world).await;
    // Later pages: a marker of ours is nothing to the other account, which refuses it.
    for (action, page) in world.pages().await.into_iter().filter(|(_, page)| *page > 1) {
        world.plant([on_page(&action, page, Effect::WrongAccount)]);
        let run = world.import().await;
        assert_failed(&world, &run, &before, &format!("{action} page {page}")).await;
        world.all_fired();
    }
    assert_eq!(digest_hex(world.dump().await.as_bytes()), digest_hex(before.as_bytes()));
}

#[tokio::test]
async fn a_first_import_with_answers_of_another_account_publishes_nothing() {
    let world = World::start(Setup { page: None, ..Setup::default() }).await;
    world.plant([FaultRule::new("ListGroups", Effect::WrongAccount)]);
    let run = world.import().await;
    assert_eq!(run.state, ImportRunState::Failed);
    assert_eq!(run.failure.unwrap().kind, FailureKind::AccountMismatch);
    assert!(world.inventory().await.accounts.is_empty());
}

/// Answers about a single user name no account, so it is asked once more at the end whose they were.
#[tokio::test]
async fn answers_about_single_users_are_believed_only_if_the_account_is_still_the_same() {
    let wrong_at_the_end = |action: &str, user: &str| {
        [
            FaultRule::new(action, Effect::WrongAccount).subject(user),
            FaultRule::new("GetCallerIdentity", Effect::WrongAccount).attempt(2),
        ]
    };
    let world = World::imported(Setup::default()).await;
    let before = world.dump().await;
    let user = world.users().remove(0);
    let omit = |action: &str| FaultRule::new(action, Effect::Omit { name: user.clone() });
    let listings = [omit("ListUsers"), omit("GetAccountAuthorizationDetails")];
    world.plant(listings.into_iter().chain(wrong_at_the_end("GetUser", &user)));
    let run = world.import().await;
    assert_quarantined(&world, &run, &before, "the second look").await;
    world.all_fired();

    let world =
        World::imported(Setup { login_profiles: LoginProfileSource::PerUser, ..Setup::default() }).await;
    let before = world.dump().await;
    let (name, path) = ("new.comer".to_owned(), "/".to_owned());
    world.mutate(&[
        Mutation::CreateUser { name: name.clone(), path, tags: Vec::new(), boundary: None },
        Mutation::CreateLoginProfile { user: name.clone(), reset_required: true },
    ]);
    world.plant(wrong_at_the_end("GetLoginProfile", &name));
    let run = world.import().await;
    assert_quarantined(&world, &run, &before, "a login profile").await;
    world.all_fired();
}
