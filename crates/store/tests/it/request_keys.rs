//! A request that must be done once is, whoever ends in between.

use std::time::Duration;

use keyreeve_store::{KeyClaim, KnownRegistration, KnownRequest, RequestKey, StoreError, WithJob};

use crate::place::Place;
use crate::sample::*;

const LEASE: Duration = Duration::from_secs(60);

fn key(caller: &str) -> RequestKey {
    RequestKey {
        system_id: id("s"),
        route: "jobs".to_owned(),
        caller: caller.to_owned(),
        key: "k".to_owned(),
    }
}

fn answering(request: &KeyClaim) -> WithJob<'_> {
    WithJob { request: Some(request), ..WithJob::default() }
}

#[tokio::test]
async fn r36_who_lost_a_request_writes_nothing_down_for_it_and_a_key_is_good_for_a_day() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        let known = |caller: &'static str, body: &'static str, second: i64| {
            let store = &store;
            async move { store.claim_request(&key(caller), body, at(second), LEASE).await.unwrap() }
        };
        let KnownRequest::New(first) = known("ada", "b1", 0).await else { panic!("it is new") };
        assert_eq!(known("ada", "b1", 59).await, KnownRequest::UnderWay);
        // Whoever is at it says so again and again.
        let KnownRequest::New(kept) = known("kim", "b1", 0).await else { panic!("it is new") };
        store.keep_request(&kept, at(50), LEASE).await.unwrap();
        assert_eq!(known("kim", "b1", 109).await, KnownRequest::UnderWay);
        assert!(matches!(known("kim", "b1", 111).await, KnownRequest::New(_)));
        let lost = store.keep_request(&kept, at(112), LEASE).await.unwrap_err();
        assert!(matches!(lost, StoreError::RequestTaken), "{lost:?}");
        assert_eq!(known("ada", "b2", 59).await, KnownRequest::Other);
        store.create_system(new_system("t", "T"), "local:test", at(0)).await.unwrap();
        for other in [
            RequestKey { route: "imports".to_owned(), ..key("ada") },
            RequestKey { system_id: id("t"), ..key("ada") },
        ] {
            let known = store.claim_request(&other, "b1", at(59), LEASE).await.unwrap();
            assert_eq!(known, KnownRequest::Other, "{other:?}");
        }
        assert!(matches!(known("eve", "b2", 59).await, KnownRequest::New(_)));
        // Whoever had it ended without a word, or is only slow.
        let KnownRequest::New(second) = known("ada", "b1", 61).await else { panic!("it is not taken over") };
        let new = crate::provisioning::job(vec![crate::provisioning::creation("ben")]);
        let late = store.create_job_with(&new, answering(&first), at(62)).await.unwrap_err();
        assert!(matches!(late, StoreError::RequestTaken), "{late:?}");
        assert!(store.jobs(&id("s"), None, 9).await.unwrap().is_empty());
        let job = store.create_job_with(&new, answering(&second), at(63)).await.unwrap();
        assert_eq!(known("ada", "b1", 64).await, KnownRequest::Job(job.id));
        store.give_up_request(&second).await.unwrap();
        assert_eq!(known("ada", "b1", 86_399).await, KnownRequest::Job(job.id));
        assert!(matches!(known("ada", "b2", 86_401).await, KnownRequest::New(_)));
        store.close().await;
    }
}

#[tokio::test]
async fn r36_a_system_is_known_by_the_request_that_registered_it_for_a_day() {
    for place in Place::both().await {
        let store = place.create().await;
        let known = async |key: &RequestKey, body: &str, second: i64| {
            store.registered_by(key, body, at(second)).await.unwrap()
        };
        let (ada, eve) = (key("ada"), key("eve"));
        assert_eq!(known(&ada, "b1", 0).await, KnownRegistration::New);
        let made = store.create_system_once(new_system("s", "S"), "ada", at(0), Some((&ada, "b1"))).await;
        assert_eq!(made.unwrap(), store.get_system(&id("s")).await.unwrap());
        let done = KnownRegistration::Done(id("s"));
        assert_eq!(known(&ada, "b1", 1).await, done);
        assert_eq!(known(&ada, "b2", 1).await, KnownRegistration::Other);
        let elsewhere = RequestKey { route: "imports".to_owned(), ..ada.clone() };
        let another = RequestKey { key: "K".to_owned(), ..ada.clone() };
        for other in [&eve, &another] {
            assert_eq!(known(other, "b1", 1).await, KnownRegistration::New, "{other:?}");
        }
        // A key is good for one request, wherever it is sent.
        assert_eq!(known(&elsewhere, "b1", 1).await, KnownRegistration::Other);
        assert_eq!(store.claim_request(&elsewhere, "b1", at(1), LEASE).await.unwrap(), KnownRequest::Other);
        // A request that comes twice at once, or is refused, makes nothing and leaves nothing behind.
        let twice = store.create_system_once(new_system("s", "T"), "ada", at(2), Some((&ada, "b1"))).await;
        assert!(matches!(twice, Err(StoreError::SystemIdTaken { .. })), "{twice:?}");
        let refused = store.create_system_once(new_system("t", "S"), "eve", at(2), Some((&eve, "b1"))).await;
        assert!(matches!(refused, Err(StoreError::NameTaken { .. })), "{refused:?}");
        assert_eq!(known(&eve, "b1", 3).await, KnownRegistration::New);
        // Without a key nothing is known later.
        store.create_system_once(new_system("u", "U"), "eve", at(3), None).await.unwrap();
        assert_eq!(place.number("SELECT COUNT(*) FROM request_keys").await, 1);
        assert_eq!(store.list_systems(true).await.unwrap().len(), 2);
        assert_eq!(known(&ada, "b1", 86_399).await, done);
        assert_eq!(known(&ada, "b1", 86_401).await, KnownRegistration::New);
        // What was forgotten is in nobody's way.
        let new = new_system("v", "V");
        store.create_system_once(new, "ada", at(86_401), Some((&ada, "b2"))).await.unwrap();
        assert_eq!(known(&ada, "b2", 86_402).await, KnownRegistration::Done(id("v")));
        store.close().await;
    }
}
