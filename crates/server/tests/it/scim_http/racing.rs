//! R36: what is sent several times at once, or again because no answer came, is done once.

use keyreeve_sandbox::{Effect, FaultRule};
use reqwest::StatusCode;
use serde_json::json;

use super::users::{USER, ada, at, created, patch, post};
use super::{answered, each, encoded};
use crate::place::Place;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r36_five_posts_at_once_make_one_user() {
    let place = Place::start().await;
    let sent: Vec<_> = (0..5).map(|_| tokio::spawn(post(&place, place.admin(), &ada()).send())).collect();
    let mut statuses = Vec::new();
    for one in sent {
        statuses.push(one.await.unwrap().unwrap().status().as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409]);
    assert_eq!(place.calls("CreateUser"), 1);
    // The same externalId under five names: one user, too.
    let named =
        |number: usize| json!({"schemas": [USER], "userName": format!("eve{number}"), "externalId": "x"});
    let sent: Vec<_> =
        (0..5).map(|number| tokio::spawn(post(&place, place.admin(), &named(number)).send())).collect();
    let mut statuses = Vec::new();
    for one in sent {
        statuses.push(one.await.unwrap().unwrap().status().as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409]);
    assert_eq!(place.calls("CreateUser"), 2);
    place.stop().await;
}

/// A client that hangs up, or that waited long enough, finds what it asked for when it asks again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r36_what_is_still_under_way_is_said_and_not_done_twice() {
    let settings = keyreeve_model::SystemSettings {
        permission_profile: keyreeve_model::PermissionProfile::Full,
        scim_wait_seconds: 1,
        ..keyreeve_model::SystemSettings::default()
    };
    let place = Place::with(settings).await;
    let slow = || FaultRule::new("CreateLoginProfile", Effect::Latency { ms: 3_000 }).times(1).min_fires(1);
    place.sandbox.add_fault(slow());
    let (status, late) = answered(post(&place, place.admin(), &ada())).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{late}");
    assert!(late["detail"].as_str().unwrap().contains("job 1 "), "{late}");
    // Asking again while it is under way begins nothing; when it is over, the user is there with all that was said.
    let found = loop {
        let (status, again) = answered(post(&place, place.admin(), &ada())).await;
        match status {
            StatusCode::SERVICE_UNAVAILABLE => {}
            StatusCode::CONFLICT => {
                let filter = encoded("externalId eq \"7\"");
                break place.get(&format!("/scim/v2/prod/Users?filter={filter}")).await;
            }
            _ => panic!("{status} {again}"),
        }
    };
    assert_eq!(each(&found, "displayName"), ["Ada Lovelace"]);
    assert_eq!(place.calls("CreateUser"), 1);
    assert_eq!(place.sandbox.unfired().len(), 0);
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    let other = created(&place, place.admin(), &json!({"schemas": [USER], "userName": "eve"})).await;
    place
        .sandbox
        .add_fault(FaultRule::new("DeleteLoginProfile", Effect::Latency { ms: 3_000 }).times(1).min_fires(1));
    let hung_up = tokio::spawn(patch(&place, place.admin(), &at(&other), off.clone()).send());
    while place.calls("DeleteLoginProfile") == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    hung_up.abort();
    let last = loop {
        let (status, last) = answered(patch(&place, place.admin(), &at(&other), off.clone())).await;
        if status == StatusCode::OK {
            break last;
        }
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{last}");
    };
    assert_eq!(last["active"], false);
    assert_eq!(place.calls("DeleteLoginProfile"), 1);
    place.stop().await;
}
