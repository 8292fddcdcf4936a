//! A request that must be done once is, whoever ends in between.

use std::time::Duration;

use keyreeve_store::{KeyClaim, KnownRequest, RequestKey, StoreError, WithJob};

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
