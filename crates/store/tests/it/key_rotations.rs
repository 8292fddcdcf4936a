//! A rotation whose system goes before it has ended.

use std::time::Duration;

use keyreeve_model::{CredentialKind, Secret};
use keyreeve_store::{KeyRotation, NewRotation, NewSystem, RotationState, Store, StoreError};

use crate::place::Place;
use crate::sample::{at, id, new_system};

const OLD: &str = "AKIAEXAMPLE000000001";
const NEW: &str = "AKIAEXAMPLE000000002";
const LEASE: Duration = Duration::from_secs(30);
const BY: (&str, Option<&str>) = ("local:test", None);

/// Systems with these ids sign in with one key, and the first leads a rotation whose new key is made at second 1.
async fn made(store: &Store, systems: &[&str]) -> KeyRotation {
    for system in systems {
        let credential = CredentialKind::AccessKey { access_key_id: OLD.to_owned() };
        let secret = Some(Secret::new(format!("secret of {system}")));
        let new = NewSystem { credential, secret, ..new_system(system, system) };
        store.create_system(new, BY.0, at(0)).await.unwrap();
    }
    let new = NewRotation {
        user_arn: "arn:aws:iam::123456789012:user/keyreeve",
        old_key_id: OLD,
        keys: &[OLD.to_owned()],
        actor: BY.0,
        reason: None,
    };
    let rotation = store.begin_key_rotation(&id(systems[0]), &new, at(0), LEASE).await.unwrap();
    let secret = Secret::new("of the new key".to_owned());
    store.note_new_key(&rotation, NEW, &secret, (BY.0, at(1), LEASE)).await.unwrap()
}

#[tokio::test]
async fn a_system_that_shares_the_key_leads_on_with_its_secret() {
    for place in Place::both().await {
        let store = place.create().await;
        made(&store, &["lead", "next"]).await;
        let busy = store.remove_system(&id("lead"), BY, at(30)).await.unwrap_err();
        assert!(matches!(busy, StoreError::SystemBusy { .. }), "{busy:?}");
        assert_eq!(store.rotation_of_key(OLD).await.unwrap(), Some(id("lead")));
        store.remove_system(&id("lead"), BY, at(40)).await.unwrap();
        assert_eq!(store.rotation_of_key(OLD).await.unwrap(), Some(id("next")));
        let taken = store.take_key_rotation(&id("next"), at(41), LEASE).await.unwrap().unwrap();
        assert_eq!((taken.state, taken.new_key_id.as_deref()), (RotationState::Made, Some(NEW)));
        assert_eq!(store.next_secret(&taken).await.unwrap().unwrap().expose(), "of the new key");
        store.verify_audit().await.unwrap();
    }
}

#[tokio::test]
async fn a_new_key_whose_secret_cannot_be_read_is_made_again_by_who_leads_on() {
    for place in Place::both().await {
        let store = place.create().await;
        made(&store, &["lead", "next"]).await;
        place
            .tamper(
                "UPDATE secrets SET ciphertext = (SELECT ciphertext FROM secrets WHERE owner_column = 'credential' \
                 AND owner_row = 'next') WHERE owner_column = 'next_credential'",
            )
            .await;
        store.remove_system(&id("lead"), BY, at(40)).await.unwrap();
        let taken = store.take_key_rotation(&id("next"), at(41), LEASE).await.unwrap().unwrap();
        assert_eq!((taken.state, taken.new_key_id), (RotationState::Making, None));
    }
}

#[tokio::test]
async fn where_nobody_shares_the_key_the_rotation_ends_and_its_keys_stay_known() {
    for place in Place::both().await {
        let store = place.create().await;
        made(&store, &["lead"]).await;
        store.remove_system(&id("lead"), BY, at(40)).await.unwrap();
        assert_eq!(store.rotation_of_key(OLD).await.unwrap(), None);
        for key in [OLD, NEW] {
            assert_eq!(store.rotated_before(key).await.unwrap(), Some(id("lead")), "{key}");
        }
        for key in ["AKIAEXAMPLE000000003", "%", "AKIAEXAMPLE", "lead"] {
            assert_eq!(store.rotated_before(key).await.unwrap(), None, "{key}");
        }
    }
}
