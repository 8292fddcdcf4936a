//! S16 and S13's other half: what a DELETE does, and that the system's thresholds hold for SCIM as for anybody.

use keyreeve_model::{PermissionProfile, ScimDelete, SystemSettings};
use keyreeve_sandbox::Mutation;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::users::{USER, at, created, patch};
use super::{answered, refused};
use crate::place::{PROD_ACCOUNT, Place};

fn settings(change: impl FnOnce(&mut SystemSettings)) -> SystemSettings {
    let mut settings =
        SystemSettings { permission_profile: PermissionProfile::Full, ..SystemSettings::default() };
    change(&mut settings);
    settings
}

fn named(name: &str) -> serde_json::Value {
    json!({"schemas": [USER], "userName": name, "externalId": name})
}

#[tokio::test]
async fn s16_a_delete_deletes_only_if_the_setting_says_so() {
    let place = Place::with(settings(|settings| settings.scim_delete = ScimDelete::Delete)).await;
    let made = created(&place, place.admin(), &named("eve")).await;
    let delete = || place.request(Method::DELETE, &at(&made), Some(place.admin()));
    assert_eq!(delete().send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert!(place.in_aws("eve").is_none());
    assert_eq!(refused(delete()).await.0, 404);
    assert_eq!(
        refused(place.request(Method::DELETE, "/scim/v2/prod/Users/NOBODY", Some(place.admin()))).await.0,
        404
    );
    // Its name is free, and so is what the client called it; it is somebody else.
    let again = created(&place, place.admin(), &named("eve")).await;
    assert_ne!(again["id"], made["id"]);
    place.stop().await;
}

#[tokio::test]
async fn s13_what_needs_a_second_person_is_not_done_and_is_asked_for_once() {
    let place = Place::with(settings(|settings| settings.max_deactivations = 1)).await;
    let (one, two) = (
        created(&place, place.admin(), &named("one")).await,
        created(&place, place.admin(), &named("two")).await,
    );
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    assert_eq!(answered(patch(&place, place.admin(), &at(&one), off.clone())).await.0, StatusCode::OK);
    let mut named = Vec::new();
    for _ in 0..3 {
        let (status, body) = answered(place.request(Method::DELETE, &at(&two), Some(place.admin()))).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
        named.push(body["detail"].clone());
    }
    assert!(named.iter().all(|detail| *detail == named[0]), "{named:?}");
    let jobs = place.all("/api/v1/systems/prod/jobs", 1000).await;
    let waiting: Vec<_> = jobs.iter().filter(|job| job["state"] == "awaiting_approval").collect();
    assert_eq!(waiting.len(), 1);
    assert!(named[0].as_str().unwrap().contains(&format!("job {}", waiting[0]["id"])), "{}", named[0]);
    assert!(!place.in_aws("two").unwrap()["login_profile"].is_null());
    assert_eq!(place.get(&at(&two)).await["active"], true);
    place.stop().await;
}

/// Who can come in is seen: a client that took somebody's access away must not go on believing so.
#[tokio::test]
async fn whoever_was_deleted_and_has_a_way_in_again_is_seen_again() {
    let place = Place::with(settings(|_| ())).await;
    let made = created(&place, place.admin(), &named("eve")).await;
    let delete = || place.request(Method::DELETE, &at(&made), Some(place.admin()));
    let status = async || place.ask(&at(&made), Some(place.admin())).await.0;
    assert_eq!(delete().send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(status().await, StatusCode::NOT_FOUND);
    place.import("prod").await;
    assert_eq!(
        status().await,
        StatusCode::NOT_FOUND,
        "an import that sees them without a way in changes nothing"
    );
    // An operator.
    let wish = json!({"wishes": [{"task": "reactivate_account", "account": "eve"}]});
    let (asked, job) = place.post("/api/v1/systems/prod/jobs", &wish).await;
    assert_eq!(asked, StatusCode::ACCEPTED, "{job}");
    while place.get(&format!("/api/v1/jobs/{}", job["id"])).await["state"] != "succeeded" {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(place.get(&at(&made)).await["active"], true);
    let list = place.get("/scim/v2/prod/Users?count=1000").await;
    assert!(super::each(&list, "userName").contains(&"eve".to_owned()));
    assert_eq!(refused(super::users::post(&place, place.admin(), &named("eve"))).await.0, 409);
    place.import("prod").await;
    assert_eq!(status().await, StatusCode::OK, "an import sees them with a way in");
    assert_eq!(delete().send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(status().await, StatusCode::NOT_FOUND);
    place.stop().await;
}

#[tokio::test]
async fn whoever_may_still_come_in_is_neither_inactive_nor_gone() {
    let reference = settings(|settings| settings.permission_profile = PermissionProfile::Reference);
    let place = Place::with(reference).await;
    for (name, deleted_first) in [("eve", false), ("fay", true)] {
        let made = created(&place, place.admin(), &named(name)).await;
        let key = Mutation::CreateAccessKey { user: name.into() };
        place.sandbox.mutate(PROD_ACCOUNT, &[key]).unwrap();
        place.import("prod").await;
        let off = json!([{"op": "replace", "path": "active", "value": false}]);
        let off = || patch(&place, place.admin(), &at(&made), off.clone());
        let delete = || place.request(Method::DELETE, &at(&made), Some(place.admin()));
        let first = if deleted_first { delete() } else { off() };
        // The first one takes the password away, the others find nothing that could be.
        for change in [first, delete(), off()] {
            let (status, body) = answered(change).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
            assert!(body["detail"].as_str().unwrap().contains("may go on working"), "{body}");
            assert!(place.in_aws(name).unwrap()["login_profile"].is_null());
        }
        let (status, user) = answered(place.request(Method::GET, &at(&made), Some(place.admin()))).await;
        assert_eq!(status, StatusCode::OK, "{user}");
        assert_ne!(user["active"], json!(false), "{user}");
    }
    place.stop().await;
}
