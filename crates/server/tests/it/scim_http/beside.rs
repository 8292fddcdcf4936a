//! What AWS has no place for holds with the job that it was said with: when that has succeeded, and only then.

use keyreeve_model::{PermissionProfile, Role, SystemSettings};
use keyreeve_sandbox::{Effect, FaultRule};
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::users::{USER, ada, at, created, patch, post};
use super::{answered, refused};
use crate::place::Place;

fn settings(change: impl FnOnce(&mut SystemSettings)) -> SystemSettings {
    let mut settings =
        SystemSettings { permission_profile: PermissionProfile::Full, ..SystemSettings::default() };
    change(&mut settings);
    settings
}

#[tokio::test]
async fn what_is_said_with_a_change_that_fails_does_not_hold() {
    let place = Place::start().await;
    let made = created(&place, place.admin(), &ada()).await;
    let denied = FaultRule::new("DeleteLoginProfile", Effect::AccessDenied).times(9).min_fires(1);
    place.sandbox.add_fault(denied);
    let off = json!([
        {"op": "replace", "path": "active", "value": false},
        {"op": "replace", "path": "displayName", "value": "Gone"},
        {"op": "replace", "path": "externalId", "value": "8"},
    ]);
    assert_eq!(refused(patch(&place, place.admin(), &at(&made), off)).await.0, 403);
    assert_eq!(place.sandbox.unfired().len(), 0);
    let now = place.get(&at(&made)).await;
    assert_eq!((&now["displayName"], &now["externalId"]), (&made["displayName"], &json!("7")));
    // The word is free again.
    let eve = json!({"schemas": [USER], "userName": "eve", "externalId": "8"});
    created(&place, place.admin(), &eve).await;
    place.stop().await;
}

/// Of a job that waits for a second person, what was said last holds once that person has agreed and it is done.
#[tokio::test]
async fn what_is_said_with_a_change_that_must_be_approved_holds_when_it_was() {
    let place = Place::with(settings(|settings| settings.max_deactivations = 0)).await;
    let made = created(&place, place.admin(), &ada()).await;
    let off = |name: &str| {
        let operations = json!([
            {"op": "replace", "path": "active", "value": false},
            {"op": "replace", "path": "displayName", "value": name},
        ]);
        patch(&place, place.admin(), &at(&made), operations)
    };
    assert_eq!(refused(off("First")).await.0, 403);
    assert_eq!(refused(off("Second")).await.0, 403);
    let jobs = place.all("/api/v1/systems/prod/jobs", 1000).await;
    assert_eq!(jobs.len(), 2, "asking again makes no second job");
    assert_eq!(place.get(&at(&made)).await["displayName"], made["displayName"]);
    let approver = place.token(Role::Approver, &["prod"]).await;
    let waiting = jobs.iter().find(|job| job["state"] == "awaiting_approval").unwrap()["id"].clone();
    let address = format!("/api/v1/jobs/{waiting}");
    let (status, body) = place.send(Method::POST, &format!("{address}/approve"), &approver, &json!({})).await;
    assert!(status.is_success(), "{status} {body}");
    assert_eq!(place.ended(&address).await["state"], "succeeded");
    let now = place.get(&at(&made)).await;
    assert_eq!((&now["displayName"], &now["active"]), (&json!("Second"), &json!(false)));
    place.stop().await;
}

/// Whoever is to be active after all is not shut out by an approval of what was asked for before.
#[tokio::test]
async fn what_waits_for_approval_is_taken_back_when_its_client_says_the_opposite() {
    let place = Place::with(settings(|settings| settings.max_deactivations = 0)).await;
    let made = created(&place, place.admin(), &ada()).await;
    let say = |operations| patch(&place, place.admin(), &at(&made), operations);
    let active = |value: bool| json!([{"op": "replace", "path": "active", "value": value}]);
    assert_eq!(refused(say(active(false))).await.0, 403);
    let waiting = async || {
        let jobs = place.all("/api/v1/systems/prod/jobs", 1000).await;
        jobs.into_iter().filter(|job| job["state"] == "awaiting_approval").count()
    };
    // To speak of something else takes nothing back.
    let (status, _) = answered(say(json!([{"op": "replace", "path": "title", "value": "x"}]))).await;
    assert_eq!((status, waiting().await), (StatusCode::OK, 1));
    let (status, now) = answered(say(active(true))).await;
    assert_eq!((status, &now["active"], waiting().await), (StatusCode::OK, &json!(true), 0));
    assert!(!place.in_aws("ada.scim").unwrap()["login_profile"].is_null());
    place.stop().await;
}

/// What waits too long goes on, and what was said with it is there when it is done, though nobody asks again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_with_a_change_that_takes_long_is_there_when_it_is_done() {
    let place = Place::with(settings(|settings| settings.scim_wait_seconds = 1)).await;
    let slow = FaultRule::new("CreateLoginProfile", Effect::Latency { ms: 2_500 }).times(1).min_fires(1);
    place.sandbox.add_fault(slow);
    let (status, late) = answered(post(&place, place.admin(), &ada())).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{late}");
    let called = "/scim/v2/prod/Users?filter=externalId%20eq%20%227%22";
    assert_eq!(place.get(called).await["totalResults"], 0, "it is not done yet");
    // Nobody else is called so meanwhile.
    let eve = json!({"schemas": [USER], "userName": "eve", "externalId": "7"});
    let (status, _) = answered(post(&place, place.admin(), &eve)).await;
    assert!([409, 503].contains(&status.as_u16()), "{status}");
    place.ended("/api/v1/jobs/1").await;
    let found = place.get(called).await;
    assert_eq!(found["Resources"][0]["displayName"], "Ada Lovelace", "{found}");
    assert_eq!(found["Resources"][0]["userName"], "ada.scim");
    place.stop().await;
}
