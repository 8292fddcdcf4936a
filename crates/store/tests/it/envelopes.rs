//! Data keys: each system's own, made with the system and gone with it; and stores of before there were any.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use keyreeve_model::{Secret, TaskId};
use keyreeve_store::{Restoration, Store, StoreError, StoreKey};
use sha2::Sha256;

use crate::place::Place;
use crate::sample::*;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYCANARYKEY";

fn with_secret(id: &str, name: &str) -> keyreeve_store::NewSystem {
    keyreeve_store::NewSystem { secret: Some(Secret::new(SECRET.to_owned())), ..new_system(id, name) }
}

/// A store as version 3 of the schema had it, written by a Keyreeve of then: a system `old` with a secret, an import,
/// a job, and a password that waits for its operator.
const VERSION_3: &str = include_str!("version_3/store.sql");
const KEY_OF_VERSION_3: &str = "keyreeve-key-1 QE2V21BMZP3NO+T5JdVtceyaxEtFAMHt8p3QNh/BMrY=";
const SECRET_OF_VERSION_3: &str = "8C/M9cXlg7i/4qGkm0/DDMXhc1kC2RtqGzdy4liE";

fn key_of_version_3() -> StoreKey {
    StoreKey::from_text(KEY_OF_VERSION_3, "the test").unwrap()
}

async fn version_3() -> Place {
    let place = Place { key: key_of_version_3(), ..Place::sqlite() };
    place.tamper_new(VERSION_3).await;
    place
}

async fn holds_what_version_3_held(store: &Store, rows: i64) {
    assert_eq!(store.get_secret(&id("old")).await.unwrap().unwrap().expose(), SECRET_OF_VERSION_3);
    assert_eq!(store.verify_audit().await.unwrap().seq, rows);
    assert_eq!(store.list_systems(true).await.unwrap().len(), 1);
    let sealed = store.reveal_delivery(TaskId(1), "local:test", at(0)).await.unwrap();
    let password = store.open_for_operator(&id("old"), "eve", &sealed).await.unwrap();
    assert_eq!(password.expose().len(), 24);
}

#[tokio::test]
async fn a_store_of_version_3_is_brought_into_envelopes_when_it_is_opened() {
    let place = version_3().await;
    let other = StoreKey::generate().unwrap();
    let refused = Store::open(&place.url, other).await.unwrap_err();
    assert!(matches!(refused, StoreError::WrongKey), "{refused:?}");
    assert_eq!(place.number("SELECT MAX(version) FROM schema_migrations").await, 3, "nothing was touched");
    for _ in 0..2 {
        let store = place.open().await;
        assert_eq!(store.get_secret(&id("old")).await.unwrap().unwrap().expose(), SECRET_OF_VERSION_3);
        store.close().await;
    }
    let store = place.open().await;
    holds_what_version_3_held(&store, 16).await;
    store.create_system(with_secret("new", "New"), "local:test", at(1)).await.unwrap();
    assert_eq!(store.verify_audit().await.unwrap().seq, 18);
    store.close().await;
    let scopes = "SELECT COUNT(*) FROM data_keys WHERE scope IN ('store', 'system:old', 'system:new')";
    assert_eq!(place.number(scopes).await, 3);
}

#[tokio::test]
async fn a_process_that_ended_between_the_tables_and_the_sealing_leaves_a_store_that_opens() {
    let place = version_3().await;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite/0004_envelopes.sql");
    let text = std::fs::read_to_string(path).unwrap();
    place.tamper(&text).await;
    let checksum = keyreeve_model::digest_hex(text.as_bytes());
    place.tamper(&format!("INSERT INTO schema_migrations VALUES (4, 'envelopes', '{checksum}')")).await;
    let digest = place.schema_digest().await;
    place.tamper(&format!("UPDATE keyreeve_store SET schema_sha256 = '{digest}'")).await;
    let store = place.open().await;
    holds_what_version_3_held(&store, 16).await;
    store.close().await;
}

#[tokio::test]
async fn a_backup_of_version_3_is_restored_into_envelopes() {
    let old = version_3().await;
    let place = Place { key: key_of_version_3(), ..Place::sqlite() };
    place.create().await.close().await;
    let mut prepared =
        Restoration::prepare(&old.file(), &place.file(), &place.key, "local:test", at(9)).await.unwrap();
    prepared.put_in_place(&place.key, at(9)).await.unwrap().unwrap();
    let store = place.open().await;
    // That it was restored has a row.
    holds_what_version_3_held(&store, 17).await;
    store.close().await;
    assert_eq!(
        old.number("SELECT MAX(version) FROM schema_migrations").await,
        3,
        "the backup stays as it is"
    );
}

/// Makes a store with the system `s` what it was before envelopes, by what was done then.
async fn before_envelopes(place: &Place, key: &[u8; 32]) {
    let nonce = [7_u8; 24];
    let payload = Payload { msg: SECRET.as_bytes(), aad: b"keyreeve\0systems\0s\0credential\x001\x001" };
    let sealed = XChaCha20Poly1305::new(key.into()).encrypt(&XNonce::from(nonce), payload).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let literal = |bytes: &[u8]| match place.schema {
        None => format!("x'{}'", hex(bytes)),
        Some(_) => format!("'\\x{}'", hex(bytes)),
    };
    let (nonce, sealed) = (literal(&nonce), literal(&sealed));
    place
        .tamper(&format!("UPDATE secrets SET key_version = 1, nonce = {nonce}, ciphertext = {sealed}"))
        .await;
    let hash = "(SELECT hash FROM audit_head)";
    let seq = place.number("SELECT seq FROM audit_head").await;
    assert_eq!(seq, 1);
    let hash_text = place.text(&format!("SELECT {hash}")).await;
    let mut block = [0_u8; 64];
    block[..32].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new((&block).into());
    mac.update(format!("keyreeve\0audit_head\0{seq}\0{hash_text}").as_bytes());
    place.tamper(&format!("UPDATE audit_head SET mac = '{}'", hex(&mac.finalize().into_bytes()))).await;
    crate::version::whole_again(place).await;
    for table in [
        "errand_heads",
        "account_paces",
        "connection_tests",
        "errands",
        "errand_turns",
        "account_places",
        "scim_revisions",
        "policy_versions",
        "policy_documents",
        "audit_sinks",
        "scim_pending",
        "sign_in_addresses",
        "sessions",
        "people",
        "given_passwords",
        "request_keys",
        "scim_external_ids",
        "scim_resources",
        "import_schedules",
        "notifications",
        "signers",
        "import_claims",
        "key_rotations",
        "organization_members",
        "organizations",
        "sealed_data_keys",
        "data_keys",
        "key_custodies",
        "envelope",
    ] {
        place.tamper(&format!("DROP TABLE {table}")).await;
    }
    for index in [
        "systems_by_aws_account",
        "tasks_by_account",
        "provisioning_jobs_open",
        "claims_unconfirmed",
        "claims_drifting",
        "claims_by_task",
    ] {
        place.tamper(&format!("DROP INDEX {index}")).await;
    }
    crate::version::indexes_of_before(place).await;
    place.tamper("DROP INDEX tokens_made_once").await;
    place.tamper("ALTER TABLE tokens DROP COLUMN made_once").await;
    place.tamper("ALTER TABLE account_versions DROP COLUMN oldest_key_at").await;
    for column in ["lease_token", "crashed_token", "lease_place"] {
        place.tamper(&format!("ALTER TABLE tasks DROP COLUMN {column}")).await;
    }
    for column in ["held_because", "held_at", "tries", "dismissed_by", "dismissal_reason", "dismissed_at"] {
        place.tamper(&format!("ALTER TABLE provisioning_jobs DROP COLUMN {column}")).await;
    }
    for column in ["drift_ended_at", "drift_ended_because"] {
        place.tamper(&format!("ALTER TABLE claims DROP COLUMN {column}")).await;
    }
    place.tamper("DELETE FROM schema_migrations WHERE version > 3").await;
    let digest = place.schema_digest().await;
    place.tamper(&format!("UPDATE keyreeve_store SET schema_sha256 = '{digest}'")).await;
}

#[tokio::test]
async fn both_databases_are_brought_into_envelopes() {
    let bytes = [42_u8; 32];
    for place in Place::both().await {
        let key = StoreKey::from_text(&format!("keyreeve-key-1 {}", STANDARD.encode(bytes)), "test").unwrap();
        let place = Place { key, ..place };
        let store = place.create().await;
        store.create_system(with_secret("s", "S"), "local:test", at(0)).await.unwrap();
        store.close().await;
        before_envelopes(&place, &bytes).await;
        let store = place.open().await;
        assert_eq!(store.get_secret(&id("s")).await.unwrap().unwrap().expose(), SECRET);
        assert_eq!(store.verify_audit().await.unwrap().seq, 1);
        store.close().await;
        place.tamper("UPDATE audit_head SET mac = hash").await;
        let broken = place.open().await.verify_audit().await.unwrap_err();
        assert!(broken.broken_row().is_some(), "{broken:?}");
    }
}

#[tokio::test]
async fn a_log_whose_end_was_altered_before_is_not_made_good_by_the_envelopes() {
    let place = version_3().await;
    place.tamper("UPDATE audit_head SET mac = hash").await;
    let store = place.open().await;
    let broken = store.verify_audit().await.unwrap_err();
    assert!(broken.broken_row() == Some(16), "{broken:?}");
    store.close().await;
}

#[tokio::test]
async fn a_data_key_that_was_moved_altered_or_taken_away_opens_nothing() {
    let swap = "UPDATE sealed_data_keys SET version = 9 WHERE scope = 'system:s'; \
                UPDATE sealed_data_keys SET scope = 'system:s' WHERE scope = 'system:t'; \
                UPDATE sealed_data_keys SET scope = 'system:t', version = 1 WHERE version = 9";
    let other_version = "UPDATE sealed_data_keys SET key_version = 2 WHERE scope = 'system:s'";
    let gone = "DELETE FROM sealed_data_keys WHERE scope = 'system:s'";
    let copied = "UPDATE sealed_data_keys SET nonce = (SELECT nonce FROM sealed_data_keys WHERE scope = 'store'), \
                  ciphertext = (SELECT ciphertext FROM sealed_data_keys WHERE scope = 'store') \
                  WHERE scope = 'system:s'";
    for tamper in [swap, other_version, gone, copied] {
        let place = Place::sqlite();
        let store = place.create().await;
        store.create_system(with_secret("s", "S"), "local:test", at(0)).await.unwrap();
        store.create_system(with_secret("t", "T"), "local:test", at(0)).await.unwrap();
        store.close().await;
        place.tamper(&format!("PRAGMA foreign_keys = OFF; {tamper}")).await;
        let store = place.open().await;
        let refused = store.get_secret(&id("s")).await.unwrap_err();
        let expected = tamper == other_version;
        assert_eq!(matches!(refused, StoreError::KeyChanged), expected, "{tamper}: {refused:?}");
        assert_eq!(
            matches!(refused, StoreError::SecretUnreadable { .. }),
            !expected,
            "{tamper}: {refused:?}"
        );
        store.close().await;
    }
}

#[tokio::test]
async fn a_data_key_of_another_store_under_the_same_key_opens_nothing() {
    let one = Place::sqlite();
    let other = Place { key: one.key.clone(), ..Place::sqlite() };
    for place in [&one, &other] {
        let store = place.create().await;
        store.create_system(with_secret("s", "S"), "local:test", at(0)).await.unwrap();
        store.close().await;
    }
    let from = other.file().display().to_string();
    one.tamper(&format!(
        "ATTACH '{from}' AS other; \
         UPDATE secrets SET (nonce, ciphertext) = (SELECT nonce, ciphertext FROM other.secrets); \
         UPDATE sealed_data_keys SET (nonce, ciphertext) = (SELECT nonce, ciphertext FROM other.sealed_data_keys o \
         WHERE o.scope = sealed_data_keys.scope) WHERE scope = 'system:s'"
    ))
    .await;
    let store = one.open().await;
    let refused = store.get_secret(&id("s")).await.unwrap_err();
    assert!(matches!(refused, StoreError::SecretUnreadable { .. }), "{refused:?}");
    store.close().await;
}

#[tokio::test]
async fn a_system_that_could_not_be_made_leaves_no_key_behind() {
    for place in Place::both().await {
        let store = place.create().await;
        for number in 1.. {
            store.fail_call(number);
            let made = store.create_system(with_secret("s", "S"), "local:test", at(0)).await;
            store.clear_faults();
            if made.is_ok() {
                assert!(number > 5, "only {number} calls");
                break;
            }
            assert_eq!(place.number("SELECT COUNT(*) FROM data_keys").await, 1);
        }
        assert_eq!(store.get_secret(&id("s")).await.unwrap().unwrap().expose(), SECRET);
        let another = place.open().await;
        assert_eq!(another.get_secret(&id("s")).await.unwrap().unwrap().expose(), SECRET);
        another.close().await;
        // Made again from its beginning after the database refused: the key of the second attempt counts.
        for number in 1..12 {
            let system = format!("s{number}");
            store.refuse_call(number);
            store.create_system(with_secret(&system, &system), "local:test", at(0)).await.unwrap();
            store.clear_faults();
            assert_eq!(store.get_secret(&id(&system)).await.unwrap().unwrap().expose(), SECRET, "{number}");
        }
        store.close().await;
    }
}

#[tokio::test]
async fn the_key_of_a_removed_system_is_gone() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(with_secret("s", "S"), "local:test", at(0)).await.unwrap();
        store.remove_system(&id("s"), ("local:test", None), at(1)).await.unwrap();
        let left = "SELECT (SELECT COUNT(*) FROM data_keys) * 10 + (SELECT COUNT(*) FROM sealed_data_keys)";
        assert_eq!(place.number(left).await, 11);
        store.close().await;
    }
}
