//! R22: credentials that stop working stop the run at once; that is never read as "not permitted" or "not there".

use keyreeve_aws::Credential;
use keyreeve_model::{FailureKind, ImportRunState, LoginProfileSource, SystemSettings, SystemState};
use keyreeve_sandbox::{CallRange, Effect, FaultRule, KeyStatus, Mutation, Trust};

use crate::harness::{ACCOUNT, OTHER, Setup, World, assert_failed, connector_key};

const ROLE: &str = "arn:aws:iam::111122223333:role/keyreeve/keyreeve-reader";

fn one_at_a_time() -> Setup {
    Setup {
        login_profiles: LoginProfileSource::PerUser,
        settings: SystemSettings { max_concurrent_requests: 1, ..SystemSettings::default() },
        ..Setup::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_that_expire_at_any_call_stop_the_run_at_that_call() {
    let world = World::imported(one_at_a_time()).await;
    world.mutate(&[
        Mutation::DeleteUser { name: world.users().remove(0) },
        Mutation::DeleteGroup { name: world.groups().remove(0) },
    ]);
    let before = world.dump().await;
    world.sandbox.clear_trace();
    world.try_import(&world.profile, true).await.unwrap();
    let calls = world.sandbox.trace().len() as u64;
    assert!(calls > 35, "{calls} calls");
    for from in 1..=calls {
        let mut rule = FaultRule::new("*", Effect::ExpireCredentials);
        rule.on.calls = Some(CallRange { from, to: None });
        world.plant([rule]);
        world.sandbox.clear_trace();
        let run = world.import().await;
        let case = format!("call {from} of {calls}");
        assert_failed(&world, &run, &before, &case).await;
        assert_eq!(run.failure.as_ref().unwrap().kind, FailureKind::CredentialBad, "{case}");
        assert_eq!(world.sandbox.trace().len() as u64, from, "{case}: no call after the refusal");
        world.all_fired();
    }
    let system = world.store.get_system(&world.id).await.unwrap();
    assert_eq!(system.state, SystemState::Active, "expired is not somebody else's");
    let run = world.published().await;
    assert_eq!(run.changes.accounts.deleted, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_stop_with_the_calls_under_way() {
    let world =
        World::imported(Setup { login_profiles: LoginProfileSource::PerUser, ..Setup::default() }).await;
    let before = world.dump().await;
    for from in [1, 2, 5, 9, 14, 20, 30] {
        let mut rule = FaultRule::new("*", Effect::ExpireCredentials);
        rule.on.calls = Some(CallRange { from, to: None });
        world.plant([rule]);
        world.sandbox.clear_trace();
        let run = world.import().await;
        let case = format!("call {from}");
        assert_failed(&world, &run, &before, &case).await;
        assert_eq!(run.failure.as_ref().unwrap().kind, FailureKind::CredentialBad, "{case}");
        let calls = world.sandbox.trace().len() as u64;
        assert!(calls < from + 8, "{case}: {calls} calls, with at most 8 at once");
        world.all_fired();
    }
    world.published().await;
}

#[tokio::test]
async fn a_key_that_is_switched_off_and_a_new_one() {
    let mut world = World::imported(Setup { page: None, ..Setup::default() }).await;
    let before = world.dump().await;
    let key = world.sandbox.connector_key(ACCOUNT).unwrap().access_key_id;
    world.sandbox.set_key_status(&key, KeyStatus::Inactive).unwrap();
    let run = world.import().await;
    assert_failed(&world, &run, &before, "inactive").await;
    assert_eq!(run.failure.unwrap().kind, FailureKind::CredentialBad);

    world.sandbox.rotate_connector(ACCOUNT).unwrap();
    let credential = connector_key(&world.sandbox, ACCOUNT);
    world.connect_as(credential).await;
    assert_eq!(world.published().await.changes.accounts.deleted, 0);
}

fn role(world: &World) -> Credential {
    Credential::Role {
        role_arn: ROLE.to_owned(),
        external_id: None,
        base: Box::new(connector_key(&world.sandbox, ACCOUNT)),
    }
}

fn trust(principals: &[&str]) -> Mutation {
    let principals = principals.iter().map(|id| (*id).to_owned()).collect();
    Mutation::SetTrust { role: "keyreeve-reader".to_owned(), trust: Trust { principals, external_id: None } }
}

#[tokio::test]
async fn a_role_that_may_not_be_assumed_is_a_bad_credential_and_not_a_denied_listing() {
    let mut world = World::imported(Setup { page: None, ..Setup::default() }).await;
    let credential = role(&world);
    world.connect_as(credential.clone()).await;
    assert_eq!(world.published().await.changes, Default::default(), "the role reads what the user reads");
    let before = world.dump().await;

    world.mutate(&[trust(&[OTHER])]);
    world.connect_as(credential.clone()).await;
    world.sandbox.clear_trace();
    let run = world.import().await;
    assert_failed(&world, &run, &before, "not trusted").await;
    assert_eq!(run.failure.unwrap().kind, FailureKind::CredentialBad);
    let listed = world.sandbox.trace().iter().any(|call| call.action.starts_with("List"));
    assert!(!listed, "nothing was listed without credentials");

    world.mutate(&[trust(&[ACCOUNT])]);
    world.connect_as(credential).await;
    assert_eq!(world.published().await.changes, Default::default());
}

#[tokio::test]
async fn a_session_that_ends_in_the_middle_is_a_bad_credential() {
    let mut world = World::imported(Setup { page: None, ..Setup::default() }).await;
    let before = world.dump().await;
    let credential = role(&world);
    world.connect_as(credential).await;
    world.plant([FaultRule::new("ListGroups", Effect::ExpireCredentials)]);
    let run = world.import().await;
    assert_eq!(run.state, ImportRunState::Failed);
    assert_failed(&world, &run, &before, "session ended").await;
    assert_eq!(run.failure.unwrap().kind, FailureKind::CredentialBad);
}
