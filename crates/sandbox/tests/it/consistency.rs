use keyreeve_sandbox::{Consistency, Effect, FaultRule, Mutation, Options};
use serde_json::json;

use crate::client::{ACCOUNT, Client, options, sandbox, sandbox_with};
use crate::material::{PASSWORD, user};

const BOB: (&str, &str) = ("UserName", "bob");

#[tokio::test]
async fn writes_are_hidden_from_reads_for_as_long_as_set() {
    let consistency = Consistency { read_lag_seconds: 30, ..Consistency::default() };
    let sandbox = sandbox_with(Options { consistency, ..options(0) }).await;
    let client = Client::of(&sandbox, ACCOUNT);
    user(&client, "bob").await;
    let profile = [BOB, ("Password", PASSWORD)];
    client.iam("GetUser", &[BOB]).await.fails(404, "NoSuchEntity");
    client.iam("CreateLoginProfile", &profile).await.fails(404, "NoSuchEntity");
    // Written it is: the name is taken.
    client.iam("CreateUser", &[BOB]).await.fails(409, "EntityAlreadyExists");
    sandbox.advance_clock(29);
    client.iam("GetUser", &[BOB]).await.fails(404, "NoSuchEntity");
    sandbox.advance_clock(1);
    client.iam("GetUser", &[BOB]).await.ok();
    client.iam("CreateLoginProfile", &profile).await.ok();
    client.iam("GetLoginProfile", &[BOB]).await.fails(404, "NoSuchEntity");
    assert!(!client.iam("ListUsers", &[]).await.ok().all("UserName").is_empty());
    client.iam("CreateLoginProfile", &profile).await.fails(409, "EntityAlreadyExists");
    sandbox.set_consistency(Consistency::default());
    client.iam("GetLoginProfile", &[BOB]).await.ok();
    client.iam("DeleteLoginProfile", &[BOB]).await.ok();
    client.iam("GetLoginProfile", &[BOB]).await.fails(404, "NoSuchEntity");
}

#[tokio::test]
async fn a_stale_write_does_not_find_the_user_and_changes_the_present() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    user(&client, "eve").await;
    sandbox.advance_clock(100);
    user(&client, "bob").await;
    sandbox.add_fault(FaultRule::new("TagUser", Effect::Stale { seconds: 60 }).min_fires(2));
    let tag = [("Tags.member.1.Key", "a"), ("Tags.member.1.Value", "b")];
    client.iam("TagUser", &[BOB, tag[0], tag[1]]).await.fails(404, "NoSuchEntity");
    client.iam("TagUser", &[("UserName", "eve"), tag[0], tag[1]]).await.ok();
    client.iam("GetUser", &[BOB]).await.ok();
    assert!(sandbox.unfired().is_empty());
}

#[tokio::test]
async fn a_login_profile_cannot_be_touched_while_it_is_being_made() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    sandbox.set_consistency(Consistency { login_profile_settles_seconds: 10, ..Consistency::default() });
    user(&client, "bob").await;
    let profile = [BOB, ("Password", PASSWORD)];
    client.iam("UpdateLoginProfile", &profile).await.fails(404, "NoSuchEntity");
    client.iam("CreateLoginProfile", &profile).await.ok();
    client.iam("UpdateLoginProfile", &profile).await.fails(409, "EntityTemporarilyUnmodifiable");
    client.iam("DeleteLoginProfile", &[BOB]).await.fails(409, "EntityTemporarilyUnmodifiable");
    client.iam("GetLoginProfile", &[BOB]).await.ok();
    sandbox.advance_clock(10);
    client.iam("UpdateLoginProfile", &profile).await.ok();
    client.iam("DeleteLoginProfile", &[BOB]).await.ok();
}

#[tokio::test]
async fn a_name_that_is_taken_again_settles_slowly() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    sandbox.set_consistency(Consistency { user_name_settles_seconds: 60, ..Consistency::default() });
    let rename = [BOB, ("NewPath", "/x/")];
    user(&client, "bob").await;
    client.iam("UpdateUser", &rename).await.ok();
    client.iam("DeleteUser", &[BOB]).await.ok();
    client.iam("CreateUser", &[("UserName", "BOB")]).await.fails(409, "EntityTemporarilyUnmodifiable");
    sandbox.advance_clock(60);
    user(&client, "bob").await;
    client.iam("UpdateUser", &rename).await.fails(409, "EntityTemporarilyUnmodifiable");
    sandbox.advance_clock(60);
    client.iam("UpdateUser", &rename).await.ok();
    let again = Mutation::DeleteAndRecreateUser { name: "bob".to_owned() };
    sandbox.mutate(ACCOUNT, &[again]).unwrap();
    client.iam("CreateLoginProfile", &[BOB, ("Password", PASSWORD)]).await.ok();
    client.iam("DeleteLoginProfile", &[BOB]).await.fails(409, "EntityTemporarilyUnmodifiable");
}

#[tokio::test]
async fn the_admin_port_sets_and_tells_it() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let url = format!("{}/consistency", sandbox.admin_url());
    let set = json!({"read_lag_seconds": 5, "login_profile_settles_seconds": 7});
    assert_eq!(client.http.post(&url).json(&set).send().await.unwrap().status().as_u16(), 200);
    let told: serde_json::Value = client.http.get(&url).send().await.unwrap().json().await.unwrap();
    let all =
        json!({"read_lag_seconds": 5, "login_profile_settles_seconds": 7, "user_name_settles_seconds": 0});
    assert_eq!(told, all);
    assert_eq!(sandbox.consistency().read_lag_seconds, 5);
}
