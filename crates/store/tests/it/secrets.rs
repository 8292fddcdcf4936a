//! Secrets: never in clear, and bound to their place.

use base64::Engine;
use keyreeve_model::{CredentialKind, Secret};
use keyreeve_store::{Store, StoreError};

use crate::place::Place;
use crate::sample::*;

const CANARY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYCANARYKEY";

/// The canary in every disguise it might wear.
fn disguises() -> Vec<Vec<u8>> {
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
    let mut disguises: Vec<Vec<u8>> = vec![
        CANARY.into(),
        CANARY.bytes().rev().collect(),
        CANARY.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        CANARY.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        CANARY.replace('/', "%2F").into(),
    ];
    let hex: String = CANARY.bytes().map(|byte| format!("{byte:02x}")).collect();
    disguises.push(hex.to_uppercase().into());
    disguises.push(hex.into());
    for shift in 0..3 {
        // In base64 a text looks different at each of three offsets; the middle of it is enough to find it.
        for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE] {
            let encoded = engine.encode(&CANARY.as_bytes()[shift..]);
            disguises.push(encoded[..encoded.len() - 4].into());
        }
    }
    disguises
}

fn found_in(bytes: &[u8]) -> bool {
    disguises().iter().any(|disguise| bytes.windows(disguise.len()).any(|window| window == disguise))
}

#[test]
fn the_search_for_the_canary_finds_it() {
    assert!(disguises().iter().all(|disguise| found_in(&[b"xx", disguise.as_slice(), b"yy"].concat())));
    assert!(!found_in(b"nothing of the kind"));
}

fn system_with_canary() -> keyreeve_store::NewSystem {
    keyreeve_store::NewSystem { secret: Some(Secret::new(CANARY.to_owned())), ..new_system("s", "S") }
}

#[tokio::test]
async fn no_file_of_the_store_holds_a_secret_in_clear() {
    let place = Place::sqlite();
    let store = place.create().await;
    let scan = |when: &str| {
        let mut files = 0;
        for entry in std::fs::read_dir(place.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            assert!(!found_in(&std::fs::read(&path).unwrap()), "{when}: {}", path.display());
            files += 1;
        }
        files
    };
    store.create_system(system_with_canary(), "local:test", at(0)).await.unwrap();
    assert!(scan("created") >= 2, "the log is scanned too");
    let failed = store.create_system(system_with_canary(), "local:test", at(0)).await.unwrap_err();
    assert!(!found_in(format!("{failed:?} {failed}").as_bytes()));
    for number in 1..20 {
        store.fail_call(number);
        let kind = CredentialKind::AccessKey { access_key_id: "AKIA2".to_owned() };
        let secret = Some(Secret::new(CANARY.to_owned()));
        if let Err(error) = store.set_credentials(&id("s"), kind, secret, None, "local:test", at(1)).await {
            assert!(!found_in(format!("{error:?} {error}").as_bytes()));
        }
    }
    store.clear_faults();
    scan("failed saves");
    store.backup(&place.folder.path().join("backup.db")).await.unwrap();
    scan("backup");
    assert_eq!(store.get_secret(&id("s")).await.unwrap().unwrap().expose(), CANARY);
    store.remove_system(&id("s"), ("local:test", None), at(2)).await.unwrap();
    store.close().await;
    scan("closed");
}

#[tokio::test]
async fn postgres_keeps_no_secret_in_clear() {
    let place = Place::postgres().await;
    let store = place.create().await;
    store.create_system(system_with_canary(), "local:test", at(0)).await.unwrap();
    let hex: String = CANARY.bytes().map(|byte| format!("{byte:02x}")).collect();
    let query = format!("SELECT COUNT(*) FROM secrets WHERE encode(ciphertext, 'hex') LIKE '%{hex}%'");
    assert_eq!(place.number(&query).await, 0);
    assert_eq!(place.number("SELECT COUNT(*) FROM secrets").await, 1);
    store.close().await;
}

/// Two systems with secrets, one altered behind the store's back: the secret does not open.
async fn unreadable_after(place: &Place, tamper: &[&str]) {
    let store = place.create().await;
    for (system, name) in [("s", "S"), ("t", "T")] {
        let mut new = new_system(system, name);
        new.secret = Some(Secret::new(format!("{CANARY}{system}")));
        store.create_system(new, "local:test", at(0)).await.unwrap();
    }
    assert!(store.get_secret(&id("s")).await.unwrap().is_some());
    for text in tamper {
        place.tamper(text).await;
    }
    let refused = store.get_secret(&id("s")).await.unwrap_err();
    assert!(matches!(refused, StoreError::SecretUnreadable { .. }), "{tamper:?}: {refused:?}");
    let expected = "the secret of s cannot be opened: it was altered, or sealed with another key; set the \
                    credentials anew";
    assert_eq!(refused.to_string(), expected, "every cause reads the same");
    store.close().await;
}

#[tokio::test]
async fn a_ciphertext_that_was_moved_altered_or_put_back_does_not_open() {
    let swap = [
        "UPDATE secrets SET owner_row = 'x' WHERE owner_row = 's'",
        "UPDATE secrets SET owner_row = 's' WHERE owner_row = 't'",
    ];
    let older_key = ["UPDATE secrets SET key_version = 0 WHERE owner_row = 's'"];
    let put_back = ["UPDATE systems SET secret_revision = secret_revision + 1 WHERE system_id = 's'"];
    let bit = |sqlite: bool| {
        if sqlite {
            "UPDATE secrets SET ciphertext = CAST(CASE WHEN substr(ciphertext, 1, 1) = x'00' THEN x'01' ELSE x'00' END \
             || substr(ciphertext, 2) AS BLOB) WHERE owner_row = 's'"
        } else {
            "UPDATE secrets SET ciphertext = set_bit(ciphertext, 3, 1 - get_bit(ciphertext, 3)) WHERE owner_row = 's'"
        }
    };
    for sqlite in [true, false] {
        for tamper in [&swap[..], &older_key, &put_back, &[bit(sqlite)]] {
            let place = if sqlite { Place::sqlite() } else { Place::postgres().await };
            unreadable_after(&place, tamper).await;
        }
    }
}

#[tokio::test]
async fn an_older_copy_of_a_secret_put_back_does_not_open() {
    let place = Place::sqlite();
    let store = place.create().await;
    store.create_system(system_with_canary(), "local:test", at(0)).await.unwrap();
    place.tamper("CREATE TABLE kept AS SELECT * FROM secrets").await;
    let kind = CredentialKind::AccessKey { access_key_id: "AKIA2".to_owned() };
    let secret = Some(Secret::new("new".to_owned()));
    store.set_credentials(&id("s"), kind, secret, None, "local:test", at(1)).await.unwrap();
    place.tamper("DELETE FROM secrets").await;
    place.tamper("INSERT INTO secrets SELECT * FROM kept").await;
    let refused = store.get_secret(&id("s")).await.unwrap_err();
    assert!(matches!(refused, StoreError::SecretUnreadable { .. }), "{refused:?}");
    store.close().await;
}

#[tokio::test]
async fn another_key_is_told_when_the_store_is_opened() {
    for place in Place::both().await {
        place.create().await.close().await;
        let other = keyreeve_store::StoreKey::generate().unwrap();
        let refused = Store::open(&place.url, other).await.unwrap_err();
        assert!(matches!(refused, StoreError::WrongKey), "{refused:?}");
        place.open().await.close().await;
    }
}
