//! R18: a disk that is full keeps changes from being made, is said by `/readyz`, and is over when there is room again,
//! without a restart.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::place::Place;

async fn change(place: &Place) -> (StatusCode, Value) {
    place.post("/api/v1/tokens", &json!({"owner": "a".repeat(100), "role": "viewer"})).await
}

/// Changes until there is no room for another, which there is not until a connection is made anew.
async fn full(place: &Place) -> Value {
    place.store.fill_disk().await.unwrap();
    for _ in 0..200 {
        let (status, problem) = change(place).await;
        if status != StatusCode::OK {
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{problem}");
            return problem;
        }
    }
    panic!("the disk was not full");
}

async fn ready(place: &Place) -> u16 {
    place.request(Method::GET, "/readyz", None).send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r18_a_full_disk_is_told_and_is_over_when_there_is_room() {
    let place = Place::start().await;
    assert_eq!(ready(&place).await, 200);
    let problem = full(&place).await;
    assert!(problem["code"] == "store_unavailable", "{problem}");
    assert_eq!(ready(&place).await, 503);
    // What can be read is read; and with room again, what is asked for is done at once.
    assert_eq!(place.get("/api/v1/systems").await["items"].as_array().unwrap().len(), 2);
    let (status, made) = change(&place).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    assert_eq!(ready(&place).await, 200);
    // Nobody has to change anything for it to be known that there is room.
    full(&place).await;
    let begun = Instant::now();
    assert_eq!(ready(&place).await, 503);
    while ready(&place).await != 200 {
        assert!(begun.elapsed() < Duration::from_secs(30), "not ready though there is room");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(begun.elapsed() > Duration::from_secs(3), "each probe writes");
    place.store.verify_audit().await.unwrap();
    place.stop().await;
}
