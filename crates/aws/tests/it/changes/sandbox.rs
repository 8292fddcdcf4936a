//! Changes on the sandbox: what the connector says, held against what the account is.

use std::time::Duration;

use keyreeve_aws::{AwsConnector, ConnectOptions, Credential};
use keyreeve_connector::{Cause, Connector, Inventory, Outcome, Provisioning};
use keyreeve_model::{Effect as Effected, Secret, StepCall};
use keyreeve_sandbox::{
    AccountSeed, Consistency, Effect, FaultRule, Malformed, Mutation, Options, Phase, Running, Sandbox,
};
use tokio::task::JoinSet;

use super::{PASSWORD, perform};

const ACCOUNT: &str = "111122223333";
const POLICY: &str = "arn:aws:iam::111122223333:policy/p";

/// A sandbox with ana, who has a password, a group, a policy and an inline policy, and bob, who has nothing.
async fn sandbox() -> Running {
    let accounts = vec![AccountSeed::empty(ACCOUNT)];
    let sandbox = Sandbox::start(Options { accounts, ..Options::default() }).await.unwrap();
    let (ana, document) = (|| "ana".to_owned(), || r#"{"Version":"2012-10-17","Statement":[]}"#.to_owned());
    let user = |name: &str| Mutation::CreateUser {
        name: name.into(),
        path: "/".into(),
        tags: vec![],
        boundary: None,
    };
    let changes = [
        user("ana"),
        user("bob"),
        Mutation::CreateGroup { name: "devs".into(), path: "/".into() },
        Mutation::CreateGroup { name: "ops".into(), path: "/".into() },
        Mutation::CreatePolicy { name: "p".into(), path: "/".into(), document: document() },
        Mutation::CreateLoginProfile { user: ana(), reset_required: false },
        Mutation::AddToGroup { user: ana(), group: "devs".into() },
        Mutation::AttachUserPolicy { user: ana(), arn: POLICY.into() },
        Mutation::PutUserInline { user: ana(), name: "own".into(), document: document() },
        Mutation::TagUser { name: ana(), key: "team".into(), value: "eng".into() },
    ];
    sandbox.mutate(ACCOUNT, &changes).unwrap();
    sandbox
}

async fn connect(sandbox: &Running) -> AwsConnector {
    let key = sandbox.connector_key(ACCOUNT).unwrap();
    let mut options = ConnectOptions::new(Credential::AccessKey {
        access_key_id: key.access_key_id,
        secret_access_key: Secret::new(key.secret_access_key),
    });
    options.environment.insert("AWS_ENDPOINT_URL".into(), sandbox.endpoint_url());
    options.region = Some("us-east-1".into());
    options.request_timeout = Duration::from_secs(1);
    AwsConnector::connect(options).await.unwrap()
}

/// Calls that change something in that sandbox.
fn calls() -> Vec<StepCall> {
    let (ana, bob) = (|| "ana".to_owned(), || "bob".to_owned());
    vec![
        StepCall::CreateAccount {
            account: "eve".into(),
            path: "/".into(),
            tags: std::collections::BTreeMap::new(),
            permissions_boundary: None,
        },
        StepCall::UpdateAccount { account: bob(), new_name: Some("robert".into()), new_path: None },
        StepCall::DeleteAccount { account: bob() },
        StepCall::CreateLoginProfile { account: bob() },
        StepCall::UpdateLoginProfile { account: ana() },
        StepCall::DeleteLoginProfile { account: ana() },
        StepCall::AddToGroup { account: ana(), group: "ops".into() },
        StepCall::RemoveFromGroup { account: ana(), group: "devs".into() },
        StepCall::AttachPolicy { account: bob(), policy_arn: POLICY.into() },
        StepCall::DetachPolicy { account: ana(), policy_arn: POLICY.into() },
        StepCall::DeleteInlinePolicy { account: ana(), name: "own".into() },
        StepCall::UntagAccount { account: ana(), keys: vec!["team".into()] },
        StepCall::SetBoundary { account: ana(), policy_arn: POLICY.into() },
    ]
}

/// Faults after which nobody can know, with whether the change was made all the same.
fn losses() -> Vec<(Effect, Phase, bool)> {
    let failure = Effect::Error { status: 500, code: "ServiceFailure".into(), message: "m".into() };
    let mut losses = Vec::new();
    for effect in [failure, Effect::Reset, Effect::Hang] {
        losses.push((effect.clone(), Phase::Before, false));
        losses.push((effect, Phase::AfterApply, true));
    }
    losses.push((Effect::Reset, Phase::MidResponse, true));
    losses.push((Effect::Truncate { at_fraction: 0.6 }, Phase::Before, true));
    for body in [Malformed::UnclosedTag, Malformed::WrongRoot, Malformed::Html500, Malformed::Empty200] {
        losses.push((Effect::Malformed { body }, Phase::Before, true));
    }
    losses
}

#[tokio::test]
async fn a_lost_answer_is_unknown_whether_the_change_was_made_or_not() {
    for call in calls() {
        let mut lost = JoinSet::new();
        for (effect, phase, applied) in losses() {
            lost.spawn(lose(call.clone(), effect, phase, applied));
        }
        assert_eq!(lost.join_all().await.len(), losses().len());
    }
}

async fn lose(call: StepCall, effect: Effect, phase: Phase, applied: bool) {
    let how = format!("{call:?} {effect:?} {phase:?}");
    let sandbox = sandbox().await;
    let connector = connect(&sandbox).await;
    let operation = connector.operation(&call);
    sandbox.add_fault(FaultRule::new(operation, effect).phase(phase).min_fires(1));
    let error = perform(&connector, &call).await.expect_err(&how);
    assert_eq!((error.cause, error.effect()), (Cause::Unknown, Effected::Unknown), "{how}");
    let trace = sandbox.trace();
    assert_eq!(trace.len(), 1, "one call, one request: {how}");
    assert_eq!((trace[0].action.as_str(), trace[0].applied), (operation, Some(applied)), "{how}");
    assert!(sandbox.unfired().is_empty(), "{how}");
}

#[tokio::test]
async fn what_succeeds_was_made_and_what_is_refused_was_not() {
    for call in calls() {
        let sandbox = sandbox().await;
        let connector = connect(&sandbox).await;
        let operation = connector.operation(&call);
        for (effect, cause) in
            [(Effect::Throttle, Cause::Throttled(None)), (Effect::AccessDenied, Cause::Denied)]
        {
            sandbox.add_fault(FaultRule::new(operation, effect).times(1).min_fires(1));
            let error = perform(&connector, &call).await.unwrap_err();
            assert_eq!((error.cause, error.effect()), (cause, Effected::None), "{call:?}");
        }
        let made = perform(&connector, &call).await.unwrap();
        assert_eq!(made.outcome, Outcome::Changed, "{call:?}");
        let applied: Vec<_> = sandbox.trace().iter().map(|entry| entry.applied).collect();
        assert_eq!(applied, [Some(false), Some(false), Some(true)], "{call:?}");
    }
}

#[tokio::test]
async fn the_password_that_was_sent_is_the_one_that_opens() {
    let sandbox = sandbox().await;
    let connector = connect(&sandbox).await;
    for (call, user) in [
        (StepCall::CreateLoginProfile { account: "bob".into() }, "bob"),
        (StepCall::UpdateLoginProfile { account: "ana".into() }, "ana"),
    ] {
        perform(&connector, &call).await.unwrap();
        assert!(sandbox.signs_in(ACCOUNT, user, PASSWORD).unwrap(), "{user}");
        let profile = connector.get_login_profile(user).await.unwrap().unwrap();
        assert!(profile.password_reset_required, "{user}");
    }
    assert!(!serde_json::to_string(&sandbox.trace()).unwrap().contains("CANARY"), "and nothing keeps it");
}

#[tokio::test]
async fn a_password_that_the_policy_forbids_is_refused_in_its_words() {
    let sandbox = sandbox().await;
    let connector = connect(&sandbox).await;
    let call = StepCall::CreateLoginProfile { account: "bob".into() };
    let short = Secret::new("CANARY1".into());
    let error = connector.provisioning().unwrap().perform(&call, Some(&short)).await.unwrap_err();
    assert_eq!((error.cause, error.effect()), (Cause::PasswordRefused, Effected::None));
    assert!(
        error.code.as_deref() == Some("PasswordPolicyViolation") && !error.to_string().contains("CANARY")
    );
    assert_eq!(connector.get_login_profile("bob").await.unwrap(), None);
}

#[tokio::test]
async fn a_login_profile_that_is_being_made_is_busy() {
    let sandbox = sandbox().await;
    let settles = Consistency { login_profile_settles_seconds: 60, ..Consistency::default() };
    sandbox.set_consistency(settles);
    let connector = connect(&sandbox).await;
    perform(&connector, &StepCall::CreateLoginProfile { account: "bob".into() }).await.unwrap();
    for call in [
        StepCall::UpdateLoginProfile { account: "bob".into() },
        StepCall::DeleteLoginProfile { account: "bob".into() },
    ] {
        let error = perform(&connector, &call).await.unwrap_err();
        assert_eq!((error.cause, error.effect()), (Cause::Busy, Effected::None), "{call:?}");
    }
    sandbox.advance_clock(61);
    let delete = StepCall::DeleteLoginProfile { account: "bob".into() };
    assert_eq!(perform(&connector, &delete).await.unwrap().outcome, Outcome::Changed);
}

#[tokio::test]
async fn an_account_made_in_another_aws_account_shows_it() {
    let accounts = [ACCOUNT, "222233334444"].map(AccountSeed::empty).into();
    let sandbox = Sandbox::start(Options { accounts, ..Options::default() }).await.unwrap();
    sandbox.add_fault(FaultRule::new("CreateUser", Effect::WrongAccount).min_fires(1));
    let made = perform(&connect(&sandbox).await, &calls()[0]).await.unwrap();
    assert_eq!(made.account.unwrap().arn, "arn:aws:iam::222233334444:user/eve");
}
