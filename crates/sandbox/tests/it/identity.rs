use keyreeve_sandbox::{KeyStatus, Mutation, Trust};

use crate::client::{ACCOUNT, Client, OTHER, sandbox};

#[tokio::test]
async fn a_good_signature_is_known_by_name() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let me = client.sts("GetCallerIdentity", &[]).await.ok();
    assert_eq!(me.one("Account").as_deref(), Some(ACCOUNT));
    assert_eq!(me.one("Arn").unwrap(), format!("arn:aws:iam::{ACCOUNT}:user/keyreeve/keyreeve-connector"));
    assert!(me.one("UserId").unwrap().starts_with("AIDA"));
    let mut elsewhere = client.clone();
    elsewhere.region = "eu-central-1".to_owned();
    elsewhere.sts("GetCallerIdentity", &[]).await.ok();
    elsewhere.iam("ListUsers", &[]).await.fails(403, "SignatureDoesNotMatch");
}

#[tokio::test]
async fn wrong_unknown_and_inactive_keys_are_refused() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let wrong = Client { secret: "wrong".to_owned(), ..client.clone() };
    wrong.iam("ListUsers", &[]).await.fails(403, "SignatureDoesNotMatch");
    let unknown = Client { key: "AKIAAAAAAAAAAAAAAAAA".to_owned(), ..client.clone() };
    unknown.iam("ListUsers", &[]).await.fails(403, "InvalidClientTokenId");
    sandbox.set_key_status(&client.key, KeyStatus::Inactive).unwrap();
    client.iam("ListUsers", &[]).await.fails(403, "InvalidClientTokenId");
    client.sts("GetCallerIdentity", &[]).await.fails(403, "InvalidClientTokenId");
    sandbox.set_key_status(&client.key, KeyStatus::Active).unwrap();
    client.iam("ListUsers", &[]).await.ok();
    let rotated = sandbox.rotate_connector(ACCOUNT).unwrap();
    client.iam("ListUsers", &[]).await.fails(403, "InvalidClientTokenId");
    assert_ne!(rotated.access_key_id, client.key);
    Client::of(&sandbox, ACCOUNT).iam("ListUsers", &[]).await.ok();
}

#[tokio::test]
async fn a_body_changed_after_signing_is_refused() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let request = client.signed("iam", "Action=ListUsers&Version=2010-05-08".to_owned());
    let response = request.body("Action=ListGroups&Version=2010-05-08").send().await.unwrap();
    assert_eq!(response.status().as_u16(), 403);
    let unsigned = client.http.post(&client.url).body("Action=ListUsers&Version=2010-05-08").send().await;
    let body = unsigned.unwrap().text().await.unwrap();
    assert!(body.contains("<Code>MissingAuthenticationToken</Code>"), "{body}");
}

#[tokio::test]
async fn a_wrong_clock_is_named_as_such() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let slow = Client { skew: -16 * 60, ..client.clone() };
    let answer = slow.iam("ListUsers", &[]).await;
    answer.fails(403, "SignatureDoesNotMatch");
    assert!(answer.one("Message").unwrap().starts_with("Signature expired: "), "{}", answer.body);
    let fast = Client { skew: 16 * 60, ..client.clone() };
    let answer = fast.iam("ListUsers", &[]).await;
    assert!(answer.one("Message").unwrap().starts_with("Signature not yet current: "));
    // Time that passes for what is kept does not disturb clients with the real time …
    sandbox.advance_clock(86_400);
    client.iam("ListUsers", &[]).await.ok();
    // … but a skewed clock does, and the Date header tells.
    sandbox.set_clock_skew(-16 * 60);
    client.iam("ListUsers", &[]).await.fails(403, "SignatureDoesNotMatch");
    let answer = slow.iam("ListUsers", &[]).await.ok();
    let told = jiff::fmt::rfc2822::parse(&answer.date).unwrap().timestamp();
    let behind = jiff::Timestamp::now().as_second() - told.as_second();
    assert!((955..=970).contains(&behind), "{behind}");
}

async fn assume(client: &Client, params: &[(&str, &str)]) -> crate::client::Answer {
    let role = format!("arn:aws:iam::{OTHER}:role/keyreeve/keyreeve-reader");
    let params = [&[("RoleArn", role.as_str()), ("RoleSessionName", "import")], params].concat();
    client.sts("AssumeRole", &params).await
}

#[tokio::test]
async fn a_role_is_assumed_and_its_credentials_expire() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let answer = assume(&client, &[("DurationSeconds", "900")]).await.ok();
    let session = Client {
        key: answer.one("AccessKeyId").unwrap(),
        secret: answer.one("SecretAccessKey").unwrap(),
        token: answer.one("SessionToken"),
        ..client.clone()
    };
    assert!(session.key.starts_with("ASIA"));
    let me = session.sts("GetCallerIdentity", &[]).await.ok();
    assert_eq!(me.one("Arn").unwrap(), format!("arn:aws:sts::{OTHER}:assumed-role/keyreeve-reader/import"));
    session.iam("ListUsers", &[]).await.ok();
    session.iam("GetUser", &[]).await.fails(400, "ValidationError");
    let without = Client { token: None, ..session.clone() };
    without.iam("ListUsers", &[]).await.fails(403, "InvalidClientTokenId");
    // Its clock goes on by itself, on a busy machine by more than a second.
    sandbox.advance_clock(870);
    session.iam("ListUsers", &[]).await.ok();
    sandbox.advance_clock(31);
    session.iam("ListUsers", &[]).await.fails(403, "ExpiredToken");
    session.sts("GetCallerIdentity", &[]).await.fails(403, "ExpiredToken");
}

#[tokio::test]
async fn a_role_asks_for_its_external_id() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let trust = |principal: &str| {
        let trust = Trust { principals: vec![principal.to_owned()], external_id: Some("ours-1".to_owned()) };
        [Mutation::SetTrust { role: "keyreeve-reader".to_owned(), trust }]
    };
    sandbox.mutate(OTHER, &trust(ACCOUNT)).unwrap();
    assume(&client, &[]).await.fails(403, "AccessDenied");
    assume(&client, &[("ExternalId", "theirs")]).await.fails(403, "AccessDenied");
    assume(&client, &[("ExternalId", "ours-1")]).await.ok();
    for (name, value) in [("ExternalId", "x"), ("ExternalId", "bad id"), ("DurationSeconds", "899")] {
        assume(&client, &[(name, value)]).await.fails(400, "ValidationError");
    }
    sandbox.mutate(OTHER, &trust("999999999999")).unwrap();
    assume(&client, &[("ExternalId", "ours-1")]).await.fails(403, "AccessDenied");
    let nobody = [("RoleArn", "arn:aws:iam::444455556666:role/nobody"), ("RoleSessionName", "x1")];
    client.sts("AssumeRole", &nobody).await.fails(403, "AccessDenied");
}

#[tokio::test]
async fn denied_actions_name_the_caller_action_and_resource() {
    let sandbox = sandbox(3).await;
    let client = Client::of(&sandbox, ACCOUNT);
    sandbox.deny("keyreeve-connector", &["iam:ListGroups", "GetLoginProfile"]);
    let answer = client.iam("ListGroups", &[]).await;
    answer.fails(403, "AccessDenied");
    assert!(
        answer.one("Message").unwrap().starts_with(&format!(
            "User: arn:aws:iam::{ACCOUNT}:user/keyreeve/keyreeve-connector is not authorized to perform: \
             iam:ListGroups on resource: arn:aws:iam::{ACCOUNT}:group/"
        )),
        "{}",
        answer.body
    );
    client.iam("GetLoginProfile", &[("UserName", "never-there")]).await.fails(403, "AccessDenied");
    client.iam("ListUsers", &[]).await.ok();
    sandbox.deny("*", &["*"]);
    client.iam("ListUsers", &[]).await.fails(403, "AccessDenied");
    client.sts("GetCallerIdentity", &[]).await.ok();
    sandbox.deny("*", &[]);
    client.iam("ListUsers", &[]).await.ok();
}

#[tokio::test]
async fn a_swapped_key_answers_for_the_other_account() {
    let sandbox = sandbox(3).await;
    let client = Client::of(&sandbox, ACCOUNT);
    sandbox.swap_key(&client.key, Some(OTHER)).unwrap();
    let me = client.sts("GetCallerIdentity", &[]).await.ok();
    assert_eq!(me.one("Account").as_deref(), Some(OTHER));
    assert_eq!(client.iam("ListUsers", &[]).await.ok().all("UserName").len(), 1);
    sandbox.swap_key(&client.key, None).unwrap();
    assert_eq!(client.iam("ListUsers", &[]).await.ok().all("UserName").len(), 4);
}
