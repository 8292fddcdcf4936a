//! Who may ask at all.

use super::world::{Clients, Key, World, answered, ensure, refused};
use super::{Check, Outcome, checks};

pub(super) const CHECKS: &[Check] = checks![
    "signature.wrong_secret_is_refused", "IAM API Reference, Common Error Types: SignatureDoesNotMatch, 403" => wrong_secret;
    "signature.unknown_key_is_refused", "IAM API Reference, Common Error Types: InvalidClientTokenId, 403" => unknown_key;
    "signature.inactive_key_is_refused", "IAM User Guide: an inactive key cannot be used; InvalidClientTokenId, 403" => inactive;
    "signature.active_key_is_accepted", "IAM User Guide, Managing access keys" => active;
];

async fn ask(world: &World, key: &Key) -> Result<Clients, String> {
    Ok(Clients::new(&world.endpoint, key))
}

async fn wrong_secret(world: &World) -> Outcome {
    let key = Key { secret: "not-the-secret".into(), ..world.user_key.clone() };
    refused(ask(world, &key).await?.iam.list_users().send().await, 403, "SignatureDoesNotMatch")
}

async fn unknown_key(world: &World) -> Outcome {
    let key = Key::new("AKIAIOSFODNN7UNKNOWN", "secret");
    refused(ask(world, &key).await?.iam.list_users().send().await, 403, "InvalidClientTokenId")
}

async fn inactive(world: &World) -> Outcome {
    refused(ask(world, &world.inactive_key).await?.iam.list_users().send().await, 403, "InvalidClientTokenId")
}

async fn active(world: &World) -> Outcome {
    let page = answered(ask(world, &world.user_key).await?.iam.list_users().send().await)?;
    ensure(!page.users().is_empty(), || "it lists nobody".into())
}
