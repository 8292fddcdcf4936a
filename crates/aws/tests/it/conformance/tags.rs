//! Tags of users.

use aws_sdk_iam::types::Tag;

use super::fresh::{iam, tag, user};
use super::world::{World, answered, ensure, refusal, refused};
use super::{Check, Outcome, checks};

pub(super) const CHECKS: &[Check] = checks![
    "tag_user.adds_and_overwrites", "IAM API Reference, TagUser: a tag of the same key is overwritten" => overwrites;
    "tag_user.keys_are_the_same_ignoring_case", "IAM User Guide, Tags: \"Tag keys are case insensitive\"" => ignores_case;
    "tag_user.duplicate_keys_are_refused", "AWS answers 400 InvalidInput \"Duplicate tag keys found\"" => duplicates;
    "tag_user.fifty_one_are_refused", "service model, tagListType: 50 at most" => too_many;
    "tag_user.one_more_than_fifty_is_refused", "IAM User Guide, Tags: 50 for each resource; service model, LimitExceeded" => one_more;
    "tag_user.key_of_129_is_refused", "service model, tagKeyType: 1 to 128" => long_key;
    "tag_user.value_of_257_is_refused", "service model, tagValueType: 0 to 256" => long_value;
    "tag_user.reserved_prefix_is_refused", "IAM User Guide, Tags: aws: is reserved" => reserved;
    "tag_user.unknown_user_is_refused", "AWS answers 404 NoSuchEntity" => unknown;
    "untag_user.takes_away", "AWS answers ListUserTags without it" => takes_away;
    "untag_user.of_a_key_not_there_is_no_error", "IAM API Reference, UntagUser lists no such error" => absent;
    "create_user.duplicate_tag_keys_are_refused", "IAM API Reference, CreateUser: an invalid tag fails the request" => created_with_duplicates;
];

async fn put(world: &World, name: &str, tags: &[Tag]) -> Outcome {
    let request = iam(world).tag_user().user_name(name).set_tags(Some(tags.to_vec()));
    answered(request.send().await).map(|_| ())
}

async fn refuses(world: &World, name: &str, tags: &[Tag], status: u16, code: &str) -> Outcome {
    let request = iam(world).tag_user().user_name(name).set_tags(Some(tags.to_vec()));
    refused(request.send().await, status, code)
}

async fn held(world: &World, name: &str) -> Result<Vec<(String, String)>, String> {
    let answer = answered(iam(world).list_user_tags().user_name(name).send().await)?;
    let mut tags: Vec<_> =
        answer.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect();
    tags.sort();
    Ok(tags)
}

async fn holds(world: &World, name: &str, expected: &[(&str, &str)]) -> Outcome {
    let found = held(world, name).await?;
    let found: Vec<_> = found.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    ensure(found == expected, || format!("it has {found:?}"))
}

async fn overwrites(world: &World) -> Outcome {
    user(world, "tg-over").await?;
    put(world, "tg-over", &[tag("team", "eng"), tag("site", "")]).await?;
    put(world, "tg-over", &[tag("team", "ops")]).await?;
    holds(world, "tg-over", &[("site", ""), ("team", "ops")]).await
}

async fn ignores_case(world: &World) -> Outcome {
    user(world, "tg-case").await?;
    put(world, "tg-case", &[tag("team", "eng")]).await?;
    put(world, "tg-case", &[tag("TEAM", "ops")]).await?;
    let found = held(world, "tg-case").await?;
    ensure(found.len() == 1, || format!("it has {found:?}"))
}

async fn duplicates(world: &World) -> Outcome {
    user(world, "tg-twice").await?;
    refuses(world, "tg-twice", &[tag("team", "eng"), tag("Team", "ops")], 400, "InvalidInput").await
}

async fn too_many(world: &World) -> Outcome {
    user(world, "tg-many").await?;
    let tags: Vec<_> = (0..51).map(|number| tag(&format!("key{number}"), "x")).collect();
    refuses(world, "tg-many", &tags, 400, "ValidationError").await
}

async fn one_more(world: &World) -> Outcome {
    user(world, "tg-more").await?;
    let tags: Vec<_> = (0..50).map(|number| tag(&format!("key{number}"), "x")).collect();
    put(world, "tg-more", &tags).await?;
    refuses(world, "tg-more", &[tag("one-more", "x")], 409, "LimitExceeded").await
}

async fn long_key(world: &World) -> Outcome {
    user(world, "tg-long-key").await?;
    refuses(world, "tg-long-key", &[tag(&"k".repeat(129), "x")], 400, "ValidationError").await
}

async fn long_value(world: &World) -> Outcome {
    user(world, "tg-long-value").await?;
    refuses(world, "tg-long-value", &[tag("key", &"v".repeat(257))], 400, "ValidationError").await
}

/// With which code is not written down.
async fn reserved(world: &World) -> Outcome {
    user(world, "tg-reserved").await?;
    let request = iam(world).tag_user().user_name("tg-reserved").tags(tag("aws:team", "x"));
    let (status, code) = refusal(&request.send().await)?;
    ensure(status == 400, || format!("it answered {status} {code}"))
}

async fn unknown(world: &World) -> Outcome {
    refuses(world, "tg-nobody", &[tag("team", "eng")], 404, "NoSuchEntity").await
}

async fn takes_away(world: &World) -> Outcome {
    user(world, "tg-away").await?;
    put(world, "tg-away", &[tag("team", "eng"), tag("site", "x")]).await?;
    answered(iam(world).untag_user().user_name("tg-away").tag_keys("team").send().await)?;
    holds(world, "tg-away", &[("site", "x")]).await
}

async fn absent(world: &World) -> Outcome {
    user(world, "tg-absent").await?;
    answered(iam(world).untag_user().user_name("tg-absent").tag_keys("team").send().await).map(|_| ())
}

async fn created_with_duplicates(world: &World) -> Outcome {
    let request = iam(world).create_user().user_name("tg-created").tags(tag("a", "1")).tags(tag("A", "2"));
    refused(request.send().await, 400, "InvalidInput")
}
