use crate::client::{ACCOUNT, Answer, Client, sandbox};
use crate::material::user;

const BOB: (&str, &str) = ("UserName", "bob");

async fn tag(client: &Client, tags: &[(&str, &str)]) -> Answer {
    let named: Vec<(String, &str)> = tags
        .iter()
        .zip(1..)
        .flat_map(|((key, value), number)| {
            [(format!("Tags.member.{number}.Key"), *key), (format!("Tags.member.{number}.Value"), *value)]
        })
        .collect();
    let mut params = vec![BOB];
    params.extend(named.iter().map(|(name, value)| (name.as_str(), *value)));
    client.iam("TagUser", &params).await
}

async fn held(client: &Client) -> Vec<(String, String)> {
    let answer = client.iam("ListUserTags", &[BOB]).await.ok();
    answer.all("Key").into_iter().zip(answer.all("Value")).collect()
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

#[tokio::test]
async fn tags_are_set_overwritten_and_taken_away_ignoring_case() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    user(&client, "bob").await;
    tag(&client, &[("Team", "zoo"), ("größe", "")]).await.ok();
    tag(&client, &[("team", "lab")]).await.ok();
    assert_eq!(held(&client).await, [pair("größe", ""), pair("team", "lab")]);
    client.iam("UntagUser", &[BOB, ("TagKeys.member.1", "TEAM"), ("TagKeys.member.2", "none")]).await.ok();
    assert_eq!(held(&client).await, [pair("größe", "")]);
    let nobody = ("UserName", "nobody");
    let tag = [nobody, ("Tags.member.1.Key", "a"), ("Tags.member.1.Value", "b")];
    client.iam("TagUser", &tag).await.fails(404, "NoSuchEntity");
    client.iam("UntagUser", &[nobody, ("TagKeys.member.1", "a")]).await.fails(404, "NoSuchEntity");
    client.iam("TagUser", &[BOB]).await.fails(400, "ValidationError");
    client.iam("UntagUser", &[BOB]).await.fails(400, "ValidationError");
}

#[tokio::test]
async fn tags_that_cannot_be_are_refused_and_none_of_them_is_set() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    user(&client, "bob").await;
    let (key, value) = ("k".repeat(129), "v".repeat(257));
    for (bad, code) in [
        (("", "x"), "ValidationError"),
        ((key.as_str(), "x"), "ValidationError"),
        (("long", value.as_str()), "ValidationError"),
        (("semi;colon", "x"), "ValidationError"),
        (("x", "<tag>"), "ValidationError"),
        (("aws:team", "x"), "InvalidInput"),
        (("AWS:team", "x"), "InvalidInput"),
        (("FINE", "x"), "InvalidInput"),
    ] {
        tag(&client, &[("fine", "x"), bad]).await.fails(400, code);
    }
    client.iam("TagUser", &[BOB, ("Tags.member.1.Key", "x")]).await.fails(400, "ValidationError");
    assert!(held(&client).await.is_empty());
    let both = [("UserName", "eve"), ("Tags.member.1.Key", "aws:x"), ("Tags.member.1.Value", "")];
    client.iam("CreateUser", &both).await.fails(400, "InvalidInput");
    client.iam("GetUser", &[("UserName", "eve")]).await.fails(404, "NoSuchEntity");
    tag(&client, &[(&key[1..], &value[1..])]).await.ok();
}

#[tokio::test]
async fn fifty_tags_are_enough() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    user(&client, "bob").await;
    let keys: Vec<String> = (0..51).map(|number| format!("key{number:02}")).collect();
    let tags: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "x")).collect();
    tag(&client, &tags).await.fails(400, "ValidationError");
    tag(&client, &tags[..50]).await.ok();
    tag(&client, &tags[50..]).await.fails(409, "LimitExceeded");
    tag(&client, &tags[49..50]).await.ok();
    assert_eq!(held(&client).await.len(), 50);
}
