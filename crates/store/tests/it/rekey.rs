//! Changing the store's key: either key opens everything until it has ended, and from then on only the new one.

use std::sync::{Arc, Mutex};

use keyreeve_model::{CredentialKind, Secret};
use keyreeve_store::{
    AuditFilter, FileCustody, KeyCustody, KeyError, KeyRecord, MadeKey, NextFileCustody, Rekey, RekeyPlan,
    Store, StoreError, StoreKey, SystemPatch,
};

use crate::place::Place;
use crate::sample::*;

const ACTOR: &str = "local:test";

/// A change that has a row in the audit log.
fn filed(category: &str) -> SystemPatch {
    SystemPatch { category: Some(category.to_owned()), ..SystemPatch::default() }
}

/// A store with two systems, each with a secret.
async fn with_secrets(place: &Place) -> Store {
    let store = place.create().await;
    for (system, name) in [("s", "S"), ("t", "T")] {
        let secret = Some(Secret::new(format!("secret of {system}")));
        let new = keyreeve_store::NewSystem { secret, ..new_system(system, name) };
        store.create_system(new, ACTOR, at(0)).await.unwrap();
    }
    store
}

async fn opens_everything(store: &Store) {
    for system in ["s", "t"] {
        let secret = store.get_secret(&id(system)).await.unwrap().unwrap();
        assert_eq!(secret.expose(), format!("secret of {system}"));
    }
    store.verify_audit().await.unwrap();
}

async fn begin(store: &Store, key: &StoreKey, data_keys: bool) -> Result<Rekey, StoreError> {
    let version = store.key_status().await?.next_version;
    let made = MadeKey { key: key.clone(), sealed: None };
    let plan = RekeyPlan::new(data_keys);
    store.begin_rekey(&made, "memory", version, plan, (ACTOR, Some("yearly")), at(1)).await
}

/// All of it, as the command does it.
async fn rekey(store: &Store, key: &StoreKey, data_keys: bool) -> Result<(), StoreError> {
    let under_way = store.rekey_under_way(key).await?;
    let rekey = match under_way {
        Some(rekey) => rekey,
        None => begin(store, key, data_keys).await?,
    };
    store.carry_on_rekey(&rekey, ACTOR, at(2)).await?;
    store.finish_rekey(&rekey, ACTOR, at(3)).await.map(|_| ())
}

#[tokio::test]
async fn the_new_key_opens_everything_and_the_old_one_nothing_any_more() {
    for place in Place::both().await {
        for data_keys in [false, true] {
            let place = Place { key: StoreKey::generate().unwrap(), ..fresh(&place).await };
            let (store, new) = (with_secrets(&place).await, StoreKey::generate().unwrap());
            let before = ciphertexts(&place).await;
            rekey(&store, &new, data_keys).await.unwrap();
            store.close().await;
            let refused = Store::open(&place.url, place.key.clone()).await.unwrap_err();
            assert!(matches!(refused, StoreError::KeyReplaced { version: 1, by: 2, .. }), "{refused:?}");
            assert!(refused.to_string().contains("opens the backups made before"), "{refused}");
            let store = Store::open(&place.url, new.clone()).await.unwrap();
            opens_everything(&store).await;
            assert_eq!(ciphertexts(&place).await == before, !data_keys, "the secrets themselves");
            let status = store.key_status().await.unwrap();
            assert_eq!((status.active.version, status.coming.is_none(), status.data_keys), (2, true, 3));
            let left = "SELECT COUNT(*) FROM sealed_data_keys WHERE key_version <> 2";
            assert_eq!(place.number(left).await, 0, "what the old key sealed is gone");
            let versions = "SELECT MIN(version) * 10 + MAX(version) FROM data_keys";
            assert_eq!(place.number(versions).await, if data_keys { 22 } else { 11 });
            let rows = store.audit(&AuditFilter::default(), 9).await.unwrap();
            let said: Vec<_> = rows.iter().map(|row| row.action.as_str()).collect();
            let expected = ["rekey_finished", "audit_key_replaced", "rekey_begun"];
            assert!(said.starts_with(if data_keys { &expected } else { &["rekey_finished", "rekey_begun"] }));
            assert_eq!(
                rows.iter().find(|row| row.action == "rekey_begun").unwrap().subject["reason"],
                "yearly"
            );
            store.close().await;
        }
    }
}

/// The same database, emptied.
async fn fresh(place: &Place) -> Place {
    match place.schema {
        None => Place::sqlite(),
        Some(_) => Place::postgres().await,
    }
}

async fn ciphertexts(place: &Place) -> String {
    let hex = if place.schema.is_none() { "hex(ciphertext)" } else { "encode(ciphertext, 'hex')" };
    let join = if place.schema.is_none() { "group_concat" } else { "string_agg" };
    place
        .text(&format!(
            "SELECT {join}({hex}, ' ') FROM (SELECT ciphertext FROM secrets ORDER BY owner_row) s"
        ))
        .await
}

#[tokio::test]
async fn until_it_has_ended_either_key_opens_everything_and_no_system_is_registered() {
    for place in Place::both().await {
        let (store, new) = (with_secrets(&place).await, StoreKey::generate().unwrap());
        let begun = begin(&store, &new, true).await.unwrap();
        let again = begin(&store, &StoreKey::generate().unwrap(), true).await.unwrap_err();
        assert!(matches!(again, StoreError::KeyChanging), "{again:?}");
        place.open().await.close().await;
        store.carry_on_rekey(&begun, ACTOR, at(2)).await.unwrap();
        for key in [&place.key, &new] {
            let other = Store::open(&place.url, key.clone()).await.unwrap();
            opens_everything(&other).await;
            let refused = other.create_system(new_system("u", "U"), ACTOR, at(2)).await.unwrap_err();
            assert!(matches!(refused, StoreError::KeyChanging), "{refused:?}");
            assert!(refused.to_string().contains("secrets rekey"), "{refused}");
            let kind = CredentialKind::AccessKey { access_key_id: "AKIAEXAMPLE".to_owned() };
            let secret = Some(Secret::new("secret of s".to_owned()));
            other.set_credentials(&id("s"), kind, secret, None, ACTOR, at(2)).await.unwrap();
            opens_everything(&other).await;
            other.close().await;
        }
        store.finish_rekey(&begun, ACTOR, at(3)).await.unwrap();
        let twice = store.finish_rekey(&begun, ACTOR, at(3)).await.unwrap_err();
        assert!(matches!(twice, StoreError::KeyChanged), "{twice:?}");
        store.close().await;
    }
}

#[tokio::test]
async fn it_does_not_end_before_everything_is_under_the_new_key() {
    let place = Place::sqlite();
    let (store, new) = (with_secrets(&place).await, StoreKey::generate().unwrap());
    let begun = begin(&store, &new, false).await.unwrap();
    let refused = store.finish_rekey(&begun, ACTOR, at(3)).await.unwrap_err();
    assert!(matches!(refused, StoreError::KeyChanged), "{refused:?}");
    opens_everything(&place.open().await).await;
    store.close().await;
}

#[tokio::test]
async fn a_process_of_before_goes_on_or_says_that_it_must_be_begun_again() {
    for place in Place::both().await {
        for data_keys in [false, true] {
            let place = Place { key: StoreKey::generate().unwrap(), ..fresh(&place).await };
            let (store, new) = (with_secrets(&place).await, StoreKey::generate().unwrap());
            let (running, idle) = (place.open().await, place.open().await);
            opens_everything(&running).await;
            rekey(&store, &new, data_keys).await.unwrap();
            // What it has opened it keeps; what it has not, it can open no more.
            let read = running.get_secret(&id("s")).await;
            let named = running.update_system(&id("s"), filed("running"), ACTOR, at(4)).await;
            if data_keys {
                assert!(matches!(read, Err(StoreError::KeyChanged)), "{read:?}");
                assert!(matches!(named, Err(StoreError::KeyChanged)), "{named:?}");
                assert!(named.unwrap_err().to_string().contains("run it again"));
            } else {
                assert_eq!(read.unwrap().unwrap().expose(), "secret of s");
                named.unwrap();
            }
            let late = idle.get_secret(&id("s")).await.unwrap_err();
            assert!(matches!(late, StoreError::KeyChanged), "{late:?}");
            let registered = running.create_system(new_system("u", "U"), ACTOR, at(4)).await.unwrap_err();
            assert!(matches!(registered, StoreError::KeyChanged), "{registered:?}");
            for store in [store, running, idle] {
                store.close().await;
            }
            let store = Store::open(&place.url, new).await.unwrap();
            opens_everything(&store).await;
            store.close().await;
        }
    }
}

/// A custody whose key another process replaces.
#[derive(Clone)]
struct Replaced(Arc<Mutex<StoreKey>>);

#[async_trait::async_trait]
impl KeyCustody for Replaced {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    async fn open(&self, _: &KeyRecord) -> Result<StoreKey, KeyError> {
        Ok(self.0.lock().unwrap().clone())
    }

    async fn make(&self, _: &str, _: i64) -> Result<MadeKey, KeyError> {
        Ok(MadeKey { key: self.0.lock().unwrap().clone(), sealed: None })
    }
}

#[tokio::test]
async fn a_process_of_before_fetches_the_new_key_and_goes_on() {
    for place in Place::both().await {
        for data_keys in [false, true] {
            let place = Place { key: StoreKey::generate().unwrap(), ..fresh(&place).await };
            let (store, custody) =
                (with_secrets(&place).await, Replaced(Arc::new(Mutex::new(place.key.clone()))));
            let (idle, other) = (place.open().await, place.open().await);
            for store in [&idle, &other] {
                store.keep_custody(Box::new(custody.clone()));
            }
            let mut at_work = store;
            // Twice, so that a key that was fetched is replaced, too.
            for version in [2, 3] {
                let new = StoreKey::generate().unwrap();
                rekey(&at_work, &new, data_keys).await.unwrap();
                at_work.close().await;
                at_work = Store::open(&place.url, new.clone()).await.unwrap();
                *custody.0.lock().unwrap() = new;
                opens_everything(&idle).await;
                other.require_key().await.unwrap();
                let registered = format!("u{version}");
                other.create_system(new_system(&registered, &registered), ACTOR, at(4)).await.unwrap();
                idle.update_system(&id("s"), filed(&registered), ACTOR, at(4)).await.unwrap();
                assert_eq!(idle.key_status().await.unwrap().active.version, version);
            }
            for store in [at_work, idle, other] {
                store.close().await;
            }
        }
    }
}

#[tokio::test]
async fn a_process_of_before_that_cannot_have_the_new_key_says_so() {
    for place in Place::both().await {
        let (store, new) = (with_secrets(&place).await, StoreKey::generate().unwrap());
        let idle = place.open().await;
        idle.keep_custody(Box::new(place.key.clone()));
        idle.require_key().await.unwrap();
        rekey(&store, &new, false).await.unwrap();
        let refused = [idle.get_secret(&id("s")).await.map(|_| ()), idle.require_key().await];
        for refused in refused {
            let Err(StoreError::KeyNotFetched { why, .. }) = &refused else { panic!("{refused:?}") };
            assert!(why.contains("which key 2 replaced"), "{why}");
            let said = refused.unwrap_err().to_string();
            assert!(said.contains("restart `keyreeve serve`"), "{said}");
        }
        assert_eq!(idle.list_systems(false).await.unwrap().len(), 2, "what needs no key is read");
        for store in [store, idle] {
            store.close().await;
        }
    }
}

#[tokio::test]
async fn each_call_to_the_database_may_fail_and_the_change_goes_on() {
    for place in Place::both().await {
        let store = with_secrets(&place).await;
        let new = StoreKey::generate().unwrap();
        let mut fired = 0;
        for number in 1.. {
            store.fail_call(number);
            let done = rekey(&store, &new, true).await;
            let pending = store.fault_pending();
            store.clear_faults();
            for key in [&place.key, &new] {
                match Store::open(&place.url, key.clone()).await {
                    Ok(other) => {
                        let status = other.key_status().await.unwrap();
                        // The new one opens what is under it.
                        let half_way = status.coming.is_some() && status.under_coming < status.data_keys;
                        if !(half_way && std::ptr::eq(key, &new)) {
                            opens_everything(&other).await;
                        }
                        other.close().await;
                    }
                    // The new one before it is known and everything is under it, the old one after it is replaced.
                    Err(StoreError::WrongKey | StoreError::KeyChanged) if std::ptr::eq(key, &new) => {}
                    Err(StoreError::KeyReplaced { .. }) if std::ptr::eq(key, &place.key) => {}
                    Err(error) => panic!("call {number}: {error:?}"),
                }
            }
            if pending || done.is_ok() {
                done.unwrap();
                break;
            }
            fired += 1;
            assert!(number < 200);
        }
        assert!(fired > 10, "only {fired} calls");
        store.close().await;
        let store = Store::open(&place.url, new).await.unwrap();
        opens_everything(&store).await;
        store.close().await;
    }
}

#[tokio::test]
async fn a_key_that_the_store_has_had_is_no_new_one() {
    let place = Place::sqlite();
    let store = with_secrets(&place).await;
    let refused = begin(&store, &place.key, false).await.unwrap_err();
    assert!(matches!(refused, StoreError::KeyUsed), "{refused:?}");
    store.close().await;
}

#[tokio::test]
async fn a_spoilt_data_key_does_not_keep_the_others_from_a_new_key() {
    let place = Place::sqlite();
    let store = with_secrets(&place).await;
    store.close().await;
    place.tamper("UPDATE sealed_data_keys SET nonce = ciphertext WHERE scope = 'system:t'").await;
    let mut key = place.key.clone();
    for data_keys in [false, true] {
        let store = Store::open(&place.url, key).await.unwrap();
        key = StoreKey::generate().unwrap();
        rekey(&store, &key, data_keys).await.unwrap();
        store.close().await;
        let store = Store::open(&place.url, key.clone()).await.unwrap();
        assert_eq!(store.get_secret(&id("s")).await.unwrap().unwrap().expose(), "secret of s");
        let refused = store.get_secret(&id("t")).await.unwrap_err();
        assert!(matches!(refused, StoreError::SecretUnreadable { .. }), "{refused:?}");
        store.close().await;
    }
}

#[tokio::test]
async fn a_key_file_is_swapped_so_that_there_is_always_a_whole_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keyreeve.key");
    let old = StoreKey::create_file(&path).unwrap();
    let next = NextFileCustody(path.clone());
    let made = next.make("store", 2).await.unwrap().key;
    assert_eq!(next.make("store", 2).await.unwrap().key.fingerprint(), made.fingerprint(), "made once");
    assert_eq!(StoreKey::read_file(&path).unwrap().fingerprint(), old.fingerprint(), "not in its place yet");
    let record = KeyRecord {
        store_id: "store".into(),
        version: 2,
        fingerprint: made.fingerprint(),
        custody: next.place(),
        sealed: None,
    };
    for _ in 0..2 {
        assert_eq!(next.open(&record).await.unwrap().fingerprint(), made.fingerprint());
        let kept = next.put_in_place(&old.fingerprint()).unwrap().unwrap();
        assert_eq!(StoreKey::read_file(&kept).unwrap().fingerprint(), old.fingerprint());
        assert_eq!(StoreKey::read_file(&path).unwrap().fingerprint(), made.fingerprint());
        assert!(!next.waiting().exists());
    }
    // Another key in the way is not written over.
    StoreKey::create_file(&next.kept(&made.fingerprint())).unwrap();
    next.make("store", 3).await.unwrap();
    let refused = next.put_in_place(&old.fingerprint()).unwrap_err();
    assert!(matches!(refused, KeyError::AlreadyThere { .. }), "{refused:?}");
    let read = FileCustody(path).open(&record).await.unwrap();
    assert_eq!(read.fingerprint(), made.fingerprint());
}

/// A change that was begun, with all data keys under both keys.
async fn begun(place: &Place, new: &StoreKey) -> Store {
    let store = with_secrets(place).await;
    let rekey = begin(&store, new, false).await.unwrap();
    store.carry_on_rekey(&rekey, ACTOR, at(2)).await.unwrap();
    store
}

#[tokio::test]
async fn a_change_is_given_up_without_its_key_and_another_may_begin() {
    for place in Place::both().await {
        let (lost, new) = (StoreKey::generate().unwrap(), StoreKey::generate().unwrap());
        let store = begun(&place, &lost).await;
        let of_lost = Store::open(&place.url, lost.clone()).await.unwrap();
        let refused = of_lost.abandon_rekey(ACTOR, None, at(3)).await.unwrap_err();
        assert!(matches!(refused, StoreError::OldKeyNeeded { version: 1, .. }), "{refused:?}");
        let (given_up, opened) = store.abandon_rekey(ACTOR, Some("lost"), at(3)).await.unwrap();
        assert_eq!((given_up.version, opened), (2, 3));
        let again = store.abandon_rekey(ACTOR, None, at(3)).await.unwrap_err();
        assert!(matches!(again, StoreError::NoKeyChange), "{again:?}");
        assert_eq!(place.number("SELECT COUNT(*) FROM sealed_data_keys WHERE key_version = 2").await, 0);
        let row = &store.audit(&AuditFilter::default(), 1).await.unwrap()[0];
        assert_eq!((row.action.as_str(), &row.subject["reason"]), ("rekey_abandoned", &"lost".into()));
        // Whoever holds it has no key of this store any more, and does not take another for it.
        let late = of_lost.get_secret(&id("s")).await.unwrap_err();
        assert!(matches!(late, StoreError::KeyChanged), "{late:?}");
        let refused = Store::open(&place.url, lost.clone()).await.unwrap_err();
        assert!(matches!(refused, StoreError::KeyGivenUp { version: 2, stays: 1, .. }), "{refused:?}");
        let used = begin(&store, &lost, false).await.unwrap_err();
        assert!(matches!(used, StoreError::KeyUsed), "{used:?}");
        let status = store.key_status().await.unwrap();
        assert_eq!(status.abandoned.unwrap().fingerprint, lost.fingerprint());
        store.create_system(new_system("u", "U"), ACTOR, at(4)).await.unwrap();
        rekey(&store, &new, true).await.unwrap();
        let late = of_lost.get_secret(&id("s")).await.unwrap_err();
        assert!(matches!(late, StoreError::KeyChanged), "{late:?}");
        for store in [store, of_lost] {
            store.close().await;
        }
        let store = Store::open(&place.url, new).await.unwrap();
        opens_everything(&store).await;
        let status = store.key_status().await.unwrap();
        assert_eq!((status.active.version, status.abandoned), (3, None));
        store.close().await;
    }
}

#[tokio::test]
async fn a_change_that_something_hangs_on_is_not_given_up_until_that_is_gone() {
    for place in Place::both().await {
        let new = StoreKey::generate().unwrap();
        let store = with_secrets(&place).await;
        let rekey = begin(&store, &new, true).await.unwrap();
        store.carry_on_rekey(&rekey, ACTOR, at(2)).await.unwrap();
        // As one leaves them who goes on with the new key alone and ends before its last step.
        place.tamper("DELETE FROM sealed_data_keys WHERE key_version = 1 AND scope = 'system:t'").await;
        let refused = store.abandon_rekey(ACTOR, None, at(3)).await.unwrap_err();
        let StoreError::NewKeyNeeded { version: 2, whose, .. } = &refused else { panic!("{refused:?}") };
        assert_eq!(whose, &["t"]);
        assert!(refused.to_string().contains("the data keys of t"), "{refused}");
        store.remove_system(&id("t"), (ACTOR, None), at(3)).await.unwrap();
        store.abandon_rekey(ACTOR, None, at(4)).await.unwrap();
        let late = store.carry_on_rekey(&rekey, ACTOR, at(5)).await.unwrap_err();
        assert!(matches!(late, StoreError::KeyChanged), "{late:?}");
        store.close().await;
        let store = place.open().await;
        assert_eq!(store.get_secret(&id("s")).await.unwrap().unwrap().expose(), "secret of s");
        store.verify_audit().await.unwrap();
        store.close().await;
        place.tamper("UPDATE key_custodies SET state = 'coming', plan = '{\"data_keys\":true}' WHERE key_version = 2").await;
        place.tamper("UPDATE sealed_data_keys SET key_version = 2 WHERE scope = 'store'").await;
        let refused = Store::open(&place.url, place.key.clone()).await.unwrap_err();
        assert!(matches!(&refused, StoreError::NewKeyNeeded { whose, .. } if whose == &["the audit log"]));
    }
}

#[tokio::test]
async fn a_key_file_of_a_change_that_was_given_up_is_out_of_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keyreeve.key");
    let old = StoreKey::create_file(&path).unwrap().fingerprint();
    let next = NextFileCustody(path.clone());
    let at = |path: &std::path::Path| StoreKey::read_file(path).unwrap().fingerprint();
    for in_place in [false, true] {
        let new = next.make("store", 2).await.unwrap().key.fingerprint();
        if in_place {
            next.put_in_place(&old).unwrap().unwrap();
        }
        for _ in 0..2 {
            let aside = next.put_aside(&new, &old).unwrap().unwrap();
            assert_eq!((at(&path), at(&aside)), (old.clone(), new.clone()), "in its place: {in_place}");
            assert!(!next.waiting().exists() && !next.kept(&old).exists());
        }
    }
    assert_eq!(next.put_aside("another", &old).unwrap(), None);
    // In another place, from which no key was kept, the place is free again.
    let elsewhere = NextFileCustody(folder.path().join("elsewhere.key"));
    let new = elsewhere.make("store", 3).await.unwrap().key.fingerprint();
    assert_eq!(elsewhere.put_in_place(&old).unwrap(), None);
    for _ in 0..2 {
        let aside = elsewhere.put_aside(&new, &old).unwrap().unwrap();
        assert_eq!(at(&aside), new);
        assert!(!elsewhere.0.exists() && !elsewhere.waiting().exists());
    }
}
