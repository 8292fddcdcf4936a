//! The key file.

use std::os::unix::fs::PermissionsExt;

use keyreeve_store::{EnvironmentCustody, FileCustody, KeyCustody, KeyError, KeyRecord, Store, StoreKey};

use crate::place::Place;
use crate::sample::at;

#[tokio::test]
async fn a_key_file_is_private_made_once_and_opens_its_store() {
    let place = Place::sqlite();
    let path = place.folder.path().join("key");
    let key = StoreKey::create_file(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert!(matches!(StoreKey::create_file(&path), Err(KeyError::AlreadyThere { .. })));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("keyreeve-key-1 ") && text.ends_with('\n'));
    assert_eq!(format!("{key:?}"), "StoreKey(…)");
    Store::create(&place.url, key, at(0)).await.unwrap().close().await;
    assert_eq!(std::fs::metadata(place.file()).unwrap().permissions().mode() & 0o7777, 0o600);
    Store::open(&place.url, FileCustody(path)).await.unwrap().close().await;
}

#[tokio::test]
async fn a_key_that_is_missing_exposed_or_malformed_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let refusal = || StoreKey::read_file(&path).unwrap_err().to_string();
    assert!(refusal().contains("keyreeve init"));
    StoreKey::create_file(&path).unwrap();
    for mode in [0o640, 0o604, 0o660, 0o644] {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        assert!(refusal().contains("chmod 600"), "{mode:o}");
    }
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    for bad in ["", "keyreeve-key-1 ", "keyreeve-key-1 canary", "keyreeve-key-2 AAAA", "\u{0}"] {
        std::fs::write(&path, bad).unwrap();
        let message = refusal();
        assert!(message.contains("does not hold a Keyreeve key") && !message.contains("canary"), "{message}");
    }
    let record = KeyRecord {
        store_id: "x".into(),
        version: 1,
        fingerprint: String::new(),
        custody: String::new(),
        sealed: None,
    };
    let unset =
        EnvironmentCustody("KEYREEVE_TEST_UNSET_VARIABLE".to_owned()).open(&record).await.unwrap_err();
    assert!(matches!(unset, KeyError::NotSet { .. }));
}
