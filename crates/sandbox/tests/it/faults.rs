use std::time::{Duration, Instant};

use keyreeve_sandbox::{CallRange, Effect, FaultRule, Malformed, Mutation, Phase, Running};

use crate::client::{ACCOUNT, Client, OTHER, sandbox};

const PAGES: [(&str, &str); 1] = [("MaxItems", "10")];

/// A sandbox of 40 users (in 5 pages of ListUsers) with one rule.
async fn with(rule: FaultRule) -> (Running, Client) {
    let sandbox = sandbox(40).await;
    sandbox.add_fault(rule.min_fires(1));
    assert_eq!(sandbox.unfired().len(), 1);
    let client = Client::of(&sandbox, ACCOUNT);
    (sandbox, client)
}

fn list_users(effect: Effect) -> FaultRule {
    FaultRule::new("ListUsers", effect)
}

async fn ids(client: &Client) -> Result<(Vec<String>, Vec<usize>), String> {
    client.listing("ListUsers", &PAGES, "UserId").await
}

#[track_caller]
fn fired(sandbox: &Running) {
    assert!(sandbox.unfired().is_empty(), "{:?}", sandbox.faults());
}

#[tokio::test]
async fn answers_that_are_errors() {
    let throttle = list_users(Effect::Throttle).page(3).times(2);
    let (sandbox, client) = with(throttle).await;
    assert_eq!(ids(&client).await, Err("Throttling".to_owned()));
    assert_eq!(ids(&client).await, Err("Throttling".to_owned()));
    assert_eq!(ids(&client).await.unwrap().0.len(), 41);
    assert_eq!(sandbox.faults()[0].fires, 2);

    let error = Effect::Error { status: 503, code: "ServiceUnavailable".to_owned(), message: String::new() };
    let (sandbox, client) = with(FaultRule::new("*", error).subject("@AT")).await;
    client.iam("GetUser", &[("UserName", "@at")]).await.fails(503, "ServiceUnavailable");
    client.iam("GetUser", &[("UserName", "+plus")]).await.ok();
    fired(&sandbox);

    let (sandbox, client) = with(list_users(Effect::AccessDenied).attempt(2)).await;
    client.iam("ListUsers", &[]).await.ok();
    client.iam("ListUsers", &[]).await.fails(403, "AccessDenied");
    client.iam("ListUsers", &[]).await.ok();
    fired(&sandbox);

    let mut rule = list_users(Effect::Throttle);
    rule.on.calls = Some(CallRange { from: 2, to: Some(3) });
    let (_sandbox, client) = with(rule).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(client.iam("ListUsers", &[]).await.status);
    }
    assert_eq!(statuses, [200, 400, 400, 200]);

    let (_sandbox, client) = with(list_users(Effect::ExpireCredentials).times(1)).await;
    client.iam("ListUsers", &[]).await.fails(403, "ExpiredToken");
    client.iam("ListUsers", &[]).await.ok();
}

#[tokio::test]
async fn expired_sessions_stay_expired() {
    let (sandbox, client) = with(list_users(Effect::ExpireCredentials).times(1)).await;
    let role = format!("arn:aws:iam::{ACCOUNT}:role/keyreeve/keyreeve-reader");
    let answer = client.sts("AssumeRole", &[("RoleArn", &role), ("RoleSessionName", "it")]).await.ok();
    let session = Client {
        key: answer.one("AccessKeyId").unwrap(),
        secret: answer.one("SecretAccessKey").unwrap(),
        token: answer.one("SessionToken"),
        ..client
    };
    session.iam("ListGroups", &[]).await.ok();
    session.iam("ListUsers", &[]).await.fails(403, "ExpiredToken");
    session.iam("ListGroups", &[]).await.fails(403, "ExpiredToken");
    fired(&sandbox);
}

#[tokio::test]
async fn connections_that_break() {
    for phase in [Phase::Before, Phase::AfterApply, Phase::MidResponse] {
        let (sandbox, client) = with(list_users(Effect::Reset).phase(phase).times(1)).await;
        let error = client.try_iam("ListUsers", &[]).await.unwrap_err();
        assert!(is_reset(&error), "{phase:?}: {error:?}");
        client.iam("ListUsers", &[]).await.ok();
        fired(&sandbox);
        assert_eq!(sandbox.trace()[0].faults, ["1: reset"]);
    }
    let (sandbox, client) = with(list_users(Effect::Truncate { at_fraction: 0.7 }).times(1)).await;
    let error = client.try_iam("ListUsers", &[]).await.unwrap_err();
    assert!((error.is_body() || error.is_decode()) && !is_reset(&error), "{error:?}");
    client.iam("ListUsers", &[]).await.ok();
    fired(&sandbox);
}

fn is_reset(error: &reqwest::Error) -> bool {
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = source {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionReset) {
            return true;
        }
        source = error.source();
    }
    false
}

#[tokio::test]
async fn answers_that_come_late_or_never() {
    let (sandbox, client) = with(list_users(Effect::Latency { ms: 60 })).await;
    let started = Instant::now();
    client.iam("ListUsers", &[]).await.ok();
    assert!(started.elapsed() >= Duration::from_millis(60));
    fired(&sandbox);
    for phase in [Phase::Before, Phase::MidResponse] {
        let (sandbox, client) = with(list_users(Effect::Hang).phase(phase)).await;
        let patience = Duration::from_millis(150);
        assert!(tokio::time::timeout(patience, client.try_iam("ListUsers", &[])).await.is_err());
        client.iam("ListGroups", &[]).await.ok();
        fired(&sandbox);
    }
}

#[tokio::test]
async fn bodies_that_are_malformed() {
    for (kind, holds) in [
        (Malformed::WrongRoot, "<UnexpectedResponse"),
        (Malformed::DtdBomb, "<!DOCTYPE bomb"),
        (Malformed::Html500, "<!DOCTYPE html>"),
        (Malformed::DeepNesting, "<deep><deep>"),
        (Malformed::InvalidUtf8, "\u{fffd}"),
        (Malformed::Nul, "\0"),
        (Malformed::UnclosedTag, "</ListUsersResult>"),
        (Malformed::Empty200, ""),
    ] {
        let (sandbox, client) = with(list_users(Effect::Malformed { body: kind })).await;
        let answer = client.iam("ListUsers", &[]).await;
        assert_eq!(answer.status, if kind == Malformed::Html500 { 500 } else { 200 });
        assert!(answer.body.contains(holds), "{kind:?}");
        let complete = answer.body.ends_with("</ListUsersResponse>");
        let broken_inside = matches!(
            kind,
            Malformed::DtdBomb | Malformed::DeepNesting | Malformed::InvalidUtf8 | Malformed::Nul
        );
        assert_eq!(complete, broken_inside, "{kind:?}");
        fired(&sandbox);
    }
    let huge = Malformed::Huge { bytes: 3_000_000 };
    let (sandbox, client) = with(list_users(Effect::Malformed { body: huge })).await;
    let answer = client.iam("ListUsers", &[]).await.ok();
    assert!(answer.body.len() > 3_000_000 && answer.all("UserName").len() == 41);
    fired(&sandbox);
    let broken = Effect::Malformed { body: Malformed::BadPercentDocument };
    let (sandbox, client) = with(FaultRule::new("GetAccountAuthorizationDetails", broken)).await;
    let answer = client.iam("GetAccountAuthorizationDetails", &[("MaxItems", "1000")]).await.ok();
    assert!(answer.all("PolicyDocument").iter().any(|document| document.contains("%ZZ%")));
    fired(&sandbox);
}

#[tokio::test]
async fn listings_that_lie() {
    let whole = ids(&with(list_users(Effect::Throttle).page(99)).await.1).await.unwrap();
    assert_eq!(whole.1, [10, 10, 10, 10, 1]);
    for (effect, expected) in [
        (Effect::DropPage, Ok(vec![10, 0, 10, 10, 1])),
        (Effect::EmptyPage, Ok(vec![10, 0, 10, 10, 10, 1])),
        (Effect::ShrinkPage, Ok(vec![10, 1, 10, 10, 10])),
        (Effect::DuplicateEntry, Ok(vec![10, 11, 10, 10, 1])),
        (Effect::ClaimLast, Ok(vec![10, 10])),
        (Effect::RepeatPage, Err("marker repeated")),
        (Effect::RepeatMarker, Err("marker repeated")),
        (Effect::TruncatedWithoutMarker, Err("truncated without a marker")),
        (Effect::Endless, Err("endless")),
    ] {
        let (sandbox, client) = with(list_users(effect.clone()).page(2)).await;
        let told = ids(&client).await.map(|(_, sizes)| sizes);
        assert_eq!(told, expected.map_err(str::to_owned), "{effect:?}");
        fired(&sandbox);
    }
    let (sandbox, client) = with(list_users(Effect::Cycle).page(4)).await;
    assert_eq!(ids(&client).await, Err("marker repeated".to_owned()));
    assert!(sandbox.trace().iter().filter(|entry| entry.page == 4).count() == 1);
    fired(&sandbox);

    let (sandbox, client) = with(list_users(Effect::Omit { name: "@AT".to_owned() })).await;
    let (names, _) = client.listing("ListUsers", &PAGES, "UserName").await.unwrap();
    assert!(names.len() == 40 && !names.contains(&"@at".to_owned()));
    client.iam("GetUser", &[("UserName", "@at")]).await.ok();
    fired(&sandbox);
}

#[tokio::test]
async fn a_page_can_be_repeated_and_then_go_on() {
    let (sandbox, client) = with(list_users(Effect::RepeatPage).page(3).times(1)).await;
    let first = client.iam("ListUsers", &PAGES).await.ok();
    let marker = first.one("Marker").unwrap();
    let second = client.iam("ListUsers", &[PAGES[0], ("Marker", &marker)]).await.ok();
    let marker = second.one("Marker").unwrap();
    let repeated = client.iam("ListUsers", &[PAGES[0], ("Marker", &marker)]).await.ok();
    assert_eq!(repeated.all("UserId"), second.all("UserId"));
    assert_eq!(repeated.one("Marker").unwrap(), marker);
    let third = client.iam("ListUsers", &[PAGES[0], ("Marker", &marker)]).await.ok();
    assert_ne!(third.all("UserId"), second.all("UserId"));
    fired(&sandbox);
}

#[tokio::test]
async fn the_account_can_change_while_it_is_read_and_reads_can_be_stale() {
    let rename = Mutation::RenameUser { name: "@at".to_owned(), new_name: "zz.top".to_owned() };
    let (sandbox, client) = with(list_users(Effect::Mutate { ops: vec![rename] }).page(2)).await;
    let (names, _) = client.listing("ListUsers", &PAGES, "UserName").await.unwrap();
    assert!(names.contains(&"@at".to_owned()) && names.contains(&"zz.top".to_owned()));
    fired(&sandbox);

    let (sandbox, client) = with(FaultRule::new("GetUser", Effect::Stale { seconds: 60 })).await;
    sandbox.advance_clock(600);
    let rename = Mutation::RenameUser { name: "@at".to_owned(), new_name: "at".to_owned() };
    sandbox.mutate(ACCOUNT, &[rename]).unwrap();
    client.iam("GetUser", &[("UserName", "at")]).await.fails(404, "NoSuchEntity");
    client.iam("GetUser", &[("UserName", "@at")]).await.ok();
    sandbox.advance_clock(61);
    client.iam("GetUser", &[("UserName", "at")]).await.ok();
    client.iam("GetUser", &[("UserName", "@at")]).await.fails(404, "NoSuchEntity");
    fired(&sandbox);
}

#[tokio::test]
async fn another_account_can_answer() {
    let rule = FaultRule::new("GetCallerIdentity", Effect::WrongAccount).times(1);
    let (sandbox, client) = with(rule).await;
    let me = client.sts("GetCallerIdentity", &[]).await.ok();
    assert_eq!(me.one("Account").as_deref(), Some(OTHER));
    let me = client.sts("GetCallerIdentity", &[]).await.ok();
    assert_eq!(me.one("Account").as_deref(), Some(ACCOUNT));
    fired(&sandbox);
}

#[tokio::test]
async fn a_rule_for_another_account_does_not_fire() {
    let mut rule = list_users(Effect::Throttle);
    rule.on.account = Some(OTHER.to_owned());
    let (sandbox, client) = with(rule).await;
    client.iam("ListUsers", &[]).await.ok();
    assert_eq!(sandbox.unfired().len(), 1);
    Client::of(&sandbox, OTHER).iam("ListUsers", &[]).await.fails(400, "Throttling");
    fired(&sandbox);
    sandbox.clear_faults();
    assert!(sandbox.faults().is_empty());
}
