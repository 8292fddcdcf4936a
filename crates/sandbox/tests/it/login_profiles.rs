use keyreeve_sandbox::Running;
use serde_json::json;

use crate::client::{ACCOUNT, Client, sandbox};
use crate::material::{PASSWORD, as_user, user};

async fn with_bob() -> (Running, Client) {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    user(&client, "bob").await;
    (sandbox, client)
}

fn opens(sandbox: &Running, password: &str) -> bool {
    sandbox.signs_in(ACCOUNT, "bob", password).unwrap()
}

#[tokio::test]
async fn a_login_profile_is_made_once_and_its_password_signs_in() {
    let (sandbox, client) = with_bob().await;
    let create = [("UserName", "bob"), ("Password", PASSWORD), ("PasswordResetRequired", "true")];
    let made = client.iam("CreateLoginProfile", &create).await.ok();
    let read = client.iam("GetLoginProfile", &[("UserName", "bob")]).await.ok();
    for tag in ["UserName", "CreateDate", "PasswordResetRequired"] {
        assert_eq!(made.one(tag), read.one(tag), "{tag}");
    }
    assert_eq!(read.one("PasswordResetRequired").as_deref(), Some("true"));
    assert!(opens(&sandbox, PASSWORD) && !opens(&sandbox, "Corr3ct-h0rse!batterY"));
    assert!(sandbox.signs_in(ACCOUNT, "BOB", PASSWORD).unwrap());
    assert!(!sandbox.signs_in(ACCOUNT, "nobody", PASSWORD).unwrap());
    client.iam("CreateLoginProfile", &create).await.fails(409, "EntityAlreadyExists");
    let nobody = [("UserName", "nobody"), ("Password", PASSWORD)];
    client.iam("CreateLoginProfile", &nobody).await.fails(404, "NoSuchEntity");
    client.iam("DeleteLoginProfile", &[("UserName", "bob")]).await.ok();
    assert!(!opens(&sandbox, PASSWORD));
    client.iam("DeleteLoginProfile", &[("UserName", "bob")]).await.fails(404, "NoSuchEntity");
    client.iam("UpdateLoginProfile", &nobody).await.fails(404, "NoSuchEntity");
    client
        .iam("UpdateLoginProfile", &[("UserName", "bob"), ("Password", PASSWORD)])
        .await
        .fails(404, "NoSuchEntity");
}

#[tokio::test]
async fn an_update_leaves_what_it_does_not_name() {
    let (sandbox, client) = with_bob().await;
    let create = [("UserName", "bob"), ("Password", PASSWORD), ("PasswordResetRequired", "true")];
    client.iam("CreateLoginProfile", &create).await.ok();
    let reset = async || {
        let read = client.iam("GetLoginProfile", &[("UserName", "bob")]).await.ok();
        read.one("PasswordResetRequired").unwrap()
    };
    let other = "0ther-Password";
    client.iam("UpdateLoginProfile", &[("UserName", "bob"), ("Password", other)]).await.ok();
    assert!(opens(&sandbox, other) && !opens(&sandbox, PASSWORD));
    assert_eq!(reset().await, "true");
    client.iam("UpdateLoginProfile", &[("UserName", "bob"), ("PasswordResetRequired", "false")]).await.ok();
    assert!(opens(&sandbox, other));
    assert_eq!(reset().await, "false");
}

#[tokio::test]
async fn passwords_follow_the_policy_of_the_account_or_awss_own() {
    let (sandbox, client) = with_bob().await;
    let create = async |password: &str| {
        client.iam("CreateLoginProfile", &[("UserName", "bob"), ("Password", password)]).await
    };
    for weak in ["Abc1!", "abcdefgh", "12345678", "abcdefg1"] {
        create(weak).await.fails(400, "PasswordPolicyViolation");
    }
    for impossible in ["", &"Ab1!".repeat(33), "Abcdefg1\u{202f}"] {
        create(impossible).await.fails(400, "ValidationError");
    }
    client.iam("CreateLoginProfile", &[("UserName", "bob")]).await.fails(400, "ValidationError");
    let policy = [
        ("MinimumPasswordLength", "12"),
        ("RequireSymbols", "true"),
        ("RequireNumbers", "true"),
        ("RequireUppercaseCharacters", "true"),
        ("RequireLowercaseCharacters", "true"),
        ("PasswordReusePrevention", "2"),
    ];
    client.iam("UpdateAccountPasswordPolicy", &policy).await.ok();
    for weak in ["Abcdefgh1!x", "abcdefghi1!x", "ABCDEFGHI1!X", "Abcdefghij!x", "Abcdefghi1xx"] {
        create(weak).await.fails(400, "PasswordPolicyViolation");
    }
    create("Abcdefghi1!x").await.ok();
    let update = async |password: &str| {
        client.iam("UpdateLoginProfile", &[("UserName", "bob"), ("Password", password)]).await
    };
    update("Abcdefghi1!x").await.fails(400, "PasswordPolicyViolation");
    update("Second-Passw0rd").await.ok();
    update("Abcdefghi1!x").await.fails(400, "PasswordPolicyViolation");
    update("Third-Passw0rd").await.ok();
    update("Abcdefghi1!x").await.ok();
    client.iam("DeleteAccountPasswordPolicy", &[]).await.ok();
    update("Abcdefghi1!x").await.ok();
    assert!(opens(&sandbox, "Abcdefghi1!x"));
}

#[tokio::test]
async fn the_password_policy_is_checked_set_and_deleted() {
    let (_sandbox, client) = with_bob().await;
    client.iam("DeleteAccountPasswordPolicy", &[]).await.fails(404, "NoSuchEntity");
    let wrong =
        [("MinimumPasswordLength", "129"), ("PasswordReusePrevention", "25"), ("MaxPasswordAge", "0")];
    let refused = client.iam("UpdateAccountPasswordPolicy", &wrong).await;
    refused.fails(400, "ValidationError");
    assert!(refused.one("Message").unwrap().starts_with("3 validation errors detected: "));
    client.iam("UpdateAccountPasswordPolicy", &[("MaxPasswordAge", "90"), ("HardExpiry", "true")]).await.ok();
    let read = client.iam("GetAccountPasswordPolicy", &[]).await.ok();
    for (tag, value) in [
        ("MinimumPasswordLength", "6"),
        ("RequireSymbols", "false"),
        ("ExpirePasswords", "true"),
        ("MaxPasswordAge", "90"),
        ("HardExpiry", "true"),
    ] {
        assert_eq!(read.one(tag).as_deref(), Some(value), "{tag}");
    }
    // What is not given falls back, and is not left as it was.
    client.iam("UpdateAccountPasswordPolicy", &[("MinimumPasswordLength", "20")]).await.ok();
    let read = client.iam("GetAccountPasswordPolicy", &[]).await.ok();
    assert_eq!((read.one("MaxPasswordAge"), read.one("ExpirePasswords").as_deref()), (None, Some("false")));
    client.iam("DeleteAccountPasswordPolicy", &[]).await.ok();
    client.iam("GetAccountPasswordPolicy", &[]).await.fails(404, "NoSuchEntity");
}

#[tokio::test]
async fn a_user_changes_the_own_password_when_allowed_to() {
    let (sandbox, client) = with_bob().await;
    let create = [("UserName", "bob"), ("Password", PASSWORD), ("PasswordResetRequired", "true")];
    client.iam("CreateLoginProfile", &create).await.ok();
    let bob = as_user(&client, "bob").await;
    let change = [("OldPassword", PASSWORD), ("NewPassword", "N3w-password")];
    bob.iam("ChangePassword", &change).await.fails(403, "AccessDenied");
    let attach = [("UserName", "bob"), ("PolicyArn", "arn:aws:iam::aws:policy/IAMUserChangePassword")];
    client.iam("AttachUserPolicy", &attach).await.ok();
    let wrong = [("OldPassword", "N3w-password"), ("NewPassword", "N3w-password")];
    bob.iam("ChangePassword", &wrong).await.fails(403, "AccessDenied");
    let weak = [("OldPassword", PASSWORD), ("NewPassword", "weak")];
    bob.iam("ChangePassword", &weak).await.fails(400, "PasswordPolicyViolation");
    assert!(opens(&sandbox, PASSWORD));
    bob.iam("ChangePassword", &change).await.ok();
    assert!(opens(&sandbox, "N3w-password") && !opens(&sandbox, PASSWORD));
    let read = client.iam("GetLoginProfile", &[("UserName", "bob")]).await.ok();
    assert_eq!(read.one("PasswordResetRequired").as_deref(), Some("false"));
    client.iam("DetachUserPolicy", &attach).await.ok();
    client.iam("UpdateAccountPasswordPolicy", &[("AllowUsersToChangePassword", "true")]).await.ok();
    let again = [("OldPassword", "N3w-password"), ("NewPassword", PASSWORD)];
    bob.iam("ChangePassword", &again).await.ok();
    assert!(opens(&sandbox, PASSWORD));
}

#[tokio::test]
async fn a_password_that_expired_for_good_opens_nothing() {
    let (sandbox, client) = with_bob().await;
    client.iam("UpdateAccountPasswordPolicy", &[("MaxPasswordAge", "1"), ("HardExpiry", "true")]).await.ok();
    client.iam("CreateLoginProfile", &[("UserName", "bob"), ("Password", PASSWORD)]).await.ok();
    assert!(opens(&sandbox, PASSWORD));
    sandbox.advance_clock(86_401);
    assert!(!opens(&sandbox, PASSWORD));
    client.iam("UpdateLoginProfile", &[("UserName", "bob"), ("Password", "N3w-password")]).await.ok();
    assert!(opens(&sandbox, "N3w-password"));
}

#[tokio::test]
async fn the_admin_port_tries_a_password_and_nothing_shows_one() {
    let (sandbox, client) = with_bob().await;
    client.iam("CreateLoginProfile", &[("UserName", "bob"), ("Password", PASSWORD)]).await.ok();
    let weak = "weak-canary";
    client
        .iam("UpdateLoginProfile", &[("UserName", "bob"), ("Password", weak)])
        .await
        .fails(400, "PasswordPolicyViolation");
    let too_long = "long-canary".repeat(20);
    let refused = client.iam("UpdateLoginProfile", &[("UserName", "bob"), ("Password", &too_long)]).await;
    refused.fails(400, "ValidationError");
    let url = format!("{}/accounts/{ACCOUNT}/sign-in", sandbox.admin_url());
    let ask = async |password: &str| -> serde_json::Value {
        let body = json!({"user_name": "bob", "password": password});
        client.http.post(&url).json(&body).send().await.unwrap().json().await.unwrap()
    };
    assert_eq!(ask(PASSWORD).await, json!({"signs_in": true}));
    assert_eq!(ask("wrong-canary").await, json!({"signs_in": false}));
    assert_eq!(client.http.get(&url).send().await.unwrap().status().as_u16(), 405);
    let shown = format!(
        "{}{}{:?}{sandbox:?}",
        sandbox.state(ACCOUNT).unwrap(),
        serde_json::to_string(&sandbox.trace()).unwrap(),
        refused.body
    );
    assert!(!shown.contains(PASSWORD) && !shown.contains("canary"), "{shown}");
}
