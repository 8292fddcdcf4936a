use std::time::Duration;

use keyreeve_sandbox::{Effect, FaultRule, Malformed, Phase, Running};

use crate::client::{ACCOUNT, Client, OTHER, sandbox};

const BOB: (&str, &str) = ("UserName", "bob");

/// A sandbox with one rule about `CreateUser`.
async fn with(effect: Effect, phase: Phase) -> (Running, Client) {
    let sandbox = sandbox(0).await;
    sandbox.add_fault(FaultRule::new("CreateUser", effect).phase(phase).times(1).min_fires(1));
    let client = Client::of(&sandbox, ACCOUNT);
    (sandbox, client)
}

/// Whether bob was made, as the account and the trace say; they must agree.
#[track_caller]
fn applied(sandbox: &Running) -> bool {
    let state = sandbox.state(ACCOUNT).unwrap();
    let there = state["users"].as_array().unwrap().iter().any(|user| user["name"] == "bob");
    let trace = sandbox.trace();
    let first = trace.iter().find(|entry| entry.action == "CreateUser").unwrap();
    assert_eq!(first.applied, Some(there), "{first:?}");
    assert!(sandbox.unfired().is_empty());
    there
}

/// A call ends when its client has gone away.
async fn ends(sandbox: &Running) {
    for _ in 0..200 {
        if sandbox.trace().iter().all(|entry| entry.ended_micros.is_some()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{:?}", sandbox.trace());
}

fn service_failure() -> Effect {
    Effect::Error { status: 500, code: "ServiceFailure".to_owned(), message: String::new() }
}

#[tokio::test]
async fn an_error_comes_before_the_change_or_after_it() {
    for effect in [service_failure(), Effect::Throttle, Effect::AccessDenied, Effect::ExpireCredentials] {
        for (phase, expected) in
            [(Phase::Before, false), (Phase::AfterApply, true), (Phase::MidResponse, true)]
        {
            let (sandbox, client) = with(effect.clone(), phase).await;
            let answer = client.iam("CreateUser", &[BOB]).await;
            assert!(answer.status >= 400, "{effect:?}");
            assert_eq!(applied(&sandbox), expected, "{effect:?} {phase:?}");
        }
    }
}

#[tokio::test]
async fn a_connection_breaks_before_the_change_or_after_it() {
    for (phase, expected) in [(Phase::Before, false), (Phase::AfterApply, true), (Phase::MidResponse, true)] {
        let (sandbox, client) = with(Effect::Reset, phase).await;
        client.try_iam("CreateUser", &[BOB]).await.unwrap_err();
        assert_eq!(applied(&sandbox), expected, "{phase:?}");
        let (sandbox, client) = with(Effect::Hang, phase).await;
        let patience = Duration::from_millis(200);
        assert!(tokio::time::timeout(patience, client.try_iam("CreateUser", &[BOB])).await.is_err());
        assert_eq!(applied(&sandbox), expected, "{phase:?}");
        ends(&sandbox).await;
    }
}

#[tokio::test]
async fn a_damaged_answer_follows_a_change_that_was_made() {
    let (sandbox, client) = with(Effect::Truncate { at_fraction: 0.5 }, Phase::Before).await;
    client.try_iam("CreateUser", &[BOB]).await.unwrap_err();
    assert!(applied(&sandbox));
    for body in [Malformed::UnclosedTag, Malformed::WrongRoot, Malformed::Html500, Malformed::Empty200] {
        let (sandbox, client) = with(Effect::Malformed { body }, Phase::Before).await;
        assert!(!client.iam("CreateUser", &[BOB]).await.body.ends_with("</CreateUserResponse>"));
        assert!(applied(&sandbox), "{body:?}");
    }
}

#[tokio::test]
async fn latency_delays_the_change_or_the_answer_and_another_account_takes_it() {
    let (sandbox, client) = with(Effect::Latency { ms: 80 }, Phase::Before).await;
    client.iam("CreateUser", &[BOB]).await.ok();
    assert!(applied(&sandbox));
    let entry = &sandbox.trace()[0];
    assert!(entry.ended_micros.unwrap() - entry.started_micros >= 80_000, "{entry:?}");

    for (phase, expected) in [(Phase::Before, false), (Phase::AfterApply, true)] {
        let (sandbox, client) = with(Effect::Latency { ms: 60_000 }, phase).await;
        let patience = Duration::from_millis(200);
        assert!(tokio::time::timeout(patience, client.try_iam("CreateUser", &[BOB])).await.is_err());
        assert_eq!(applied(&sandbox), expected, "{phase:?}");
    }

    // A call that has arrived is carried out, late as it may be, also when nobody waits any more.
    let (sandbox, client) = with(Effect::Latency { ms: 400 }, Phase::Before).await;
    let patience = Duration::from_millis(100);
    assert!(tokio::time::timeout(patience, client.try_iam("CreateUser", &[BOB])).await.is_err());
    assert!(!applied(&sandbox) && sandbox.trace()[0].ended_micros.is_none());
    ends(&sandbox).await;
    assert!(applied(&sandbox));

    let (sandbox, client) = with(Effect::WrongAccount, Phase::Before).await;
    client.iam("CreateUser", &[BOB]).await.ok();
    let names = |account: &str| sandbox.state(account).unwrap()["users"].to_string();
    assert!(names(OTHER).contains("\"bob\"") && !names(ACCOUNT).contains("\"bob\""));
}

#[tokio::test]
async fn a_refused_write_changes_nothing_whatever_comes_after() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    sandbox.add_fault(FaultRule::new("DeleteUser", service_failure()).phase(Phase::AfterApply).min_fires(1));
    let before = sandbox.state(ACCOUNT).unwrap();
    client.iam("DeleteUser", &[("UserName", "keyreeve-connector")]).await.fails(500, "ServiceFailure");
    assert_eq!(sandbox.state(ACCOUNT).unwrap(), before);
    assert_eq!(sandbox.trace()[0].applied, Some(false));
    assert!(sandbox.unfired().is_empty());
}
