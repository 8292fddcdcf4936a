//! R27: whatever comes instead of an answer, the run fails or the fact is unknown; memory and time stay bounded.

use std::time::{Duration, Instant};

use keyreeve_model::{
    ImportRun, ImportRunState, Inventory, LoginProfileSource, LoginProfileState, PermissionProfile,
    SystemSettings,
};
use keyreeve_sandbox::{Effect, FaultRule, Malformed, Mutation};

use crate::harness::{NEEDED, Setup, World, assert_failed, deleted};

const MEBIBYTE: u64 = 1024 * 1024;

fn kinds() -> Vec<Malformed> {
    vec![
        Malformed::UnclosedTag,
        Malformed::WrongRoot,
        Malformed::InvalidUtf8,
        Malformed::Nul,
        Malformed::DtdBomb,
        Malformed::Html500,
        Malformed::DeepNesting,
        Malformed::Empty200,
        Malformed::Huge { bytes: 100 * MEBIBYTE },
    ]
}

/// A line of the process's own status, in bytes.
fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let found = status.lines().find(|text| text.starts_with(line)).unwrap();
    found.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Runs an import that must end soon and without needing much memory.
async fn bounded(world: &World, case: &str) -> ImportRun {
    let (before, began) = (memory("VmRSS"), Instant::now());
    let run = world.import().await;
    assert!(began.elapsed() < Duration::from_secs(30), "{case}: {:?}", began.elapsed());
    let grown = memory("VmHWM").saturating_sub(before);
    assert!(grown < 256 * MEBIBYTE, "{case}: {} MiB", grown / MEBIBYTE);
    run
}

fn logins(inventory: &Inventory) -> Vec<LoginProfileState> {
    inventory.accounts.iter().map(|one| one.login_profile.state).collect()
}

/// Nothing is taken for gone, and a login profile is as it truly is, or unknown.
async fn assert_harmless(world: &World, run: &ImportRun, truth: &[LoginProfileState], case: &str) {
    assert_eq!(run.state, ImportRunState::Published, "{case}: {run:#?}");
    assert_eq!(deleted(run), 0, "{case}");
    for (read, truth) in logins(&world.inventory().await).iter().zip(truth) {
        assert!(read == truth || *read == LoginProfileState::Unknown, "{case}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_body_in_a_needed_listing_fails_the_run() {
    let world = World::imported(Setup::default()).await;
    let before = world.dump().await;
    for action in NEEDED.into_iter().chain(["GetCallerIdentity"]) {
        for body in kinds() {
            let case = format!("{action} {body:?}");
            world.plant([FaultRule::new(action, Effect::Malformed { body })]);
            let run = bounded(&world, &case).await;
            assert_failed(&world, &run, &before, &case).await;
            world.all_fired();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_body_about_credentials_makes_them_unknown() {
    let mut world = World::imported(Setup::default()).await;
    let truth = logins(&world.inventory().await);
    for action in ["GenerateCredentialReport", "GetCredentialReport"] {
        for body in kinds() {
            let case = format!("{action} {body:?}");
            world.plant([FaultRule::new(action, Effect::Malformed { body })]);
            let run = bounded(&world, &case).await;
            assert_harmless(&world, &run, &truth, &case).await;
            world.all_fired();
        }
    }
    world.profile.login_profile_source = LoginProfileSource::PerUser;
    world.published().await;
    let name = world.users().remove(3);
    for body in kinds() {
        let case = format!("GetLoginProfile {body:?}");
        world.plant([FaultRule::new("GetLoginProfile", Effect::Malformed { body }).subject(&name)]);
        let run = bounded(&world, &case).await;
        assert_harmless(&world, &run, &truth, &case).await;
        world.all_fired();
        let inventory = world.inventory().await;
        let account = inventory.accounts.iter().find(|one| one.name == name).unwrap();
        assert_eq!(account.login_profile.state, LoginProfileState::Unknown, "{case}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_body_in_the_second_look_keeps_what_was_missing() {
    let settings =
        SystemSettings { permission_profile: PermissionProfile::Full, ..Setup::default().settings };
    let world = World::imported(Setup { settings, ..Setup::default() }).await;
    let truth = logins(&world.inventory().await);
    world.mutate(&[Mutation::DeleteUser { name: world.users().remove(0) }]);
    for action in ["GetUser", "GetAccountSummary"] {
        for body in kinds() {
            let case = format!("{action} {body:?}");
            world.plant([
                FaultRule::new(action, Effect::Malformed { body }),
                // Keeps the round from publishing the deletion when it is the count that is hostile.
                FaultRule::new("GetUser", Effect::AccessDenied).min_fires(0),
                FaultRule::new("ListUsers", Effect::Latency { ms: 0 }),
            ]);
            let run = bounded(&world, &case).await;
            if action == "GetUser" {
                assert_harmless(&world, &run, &truth, &case).await;
            } else {
                assert_eq!(run.state, ImportRunState::Published, "{case}");
            }
            world.sandbox.clear_faults();
        }
    }
}

#[tokio::test]
async fn a_document_that_cannot_be_decoded_is_unknown_and_nothing_else() {
    let world = World::start(Setup::default()).await;
    let name = world.users().remove(0);
    let document = r#"{"Version":"2012-10-17","Statement":[]}"#.to_owned();
    world.mutate(&[Mutation::PutUserInline { user: name.clone(), name: "own".to_owned(), document }]);
    world.published().await;
    let digest = |inventory: Inventory| {
        let account = inventory.accounts.into_iter().find(|one| one.name == name).unwrap();
        account.inline_policies.unwrap().into_iter().find(|one| one.name == "own").unwrap().document_sha256
    };
    assert!(digest(world.inventory().await).is_some());
    let body = Malformed::BadPercentDocument;
    world.plant([FaultRule::new("GetAccountAuthorizationDetails", Effect::Malformed { body })]);
    let run = world.published().await;
    world.all_fired();
    assert_eq!(deleted(&run), 0);
    assert_eq!(digest(world.inventory().await), None);
}
