//! S13: many changes at once (RFC 7644 §3.7).

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::users::{USER, ada, at, created};
use super::{answered, refused};
use crate::place::Place;

const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

async fn bulk(place: &Place, operations: Value, fail_on_errors: Option<u32>) -> Value {
    let mut body = json!({"schemas": [BULK], "Operations": operations});
    if let Some(number) = fail_on_errors {
        body["failOnErrors"] = json!(number);
    }
    let request = place.request(Method::POST, "/scim/v2/prod/Bulk", Some(place.admin())).json(&body);
    let (status, answer) = answered(request).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer["Operations"].clone()
}

fn make(bulk_id: &str, name: &str) -> Value {
    let data = json!({"schemas": [USER], "userName": name, "externalId": name});
    json!({"method": "POST", "path": "/Users", "bulkId": bulk_id, "data": data})
}

fn statuses(operations: &Value) -> Vec<&str> {
    operations.as_array().unwrap().iter().map(|one| one["status"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_is_made_can_be_referred_to() {
    let place = Place::start().await;
    let list = place.get("/scim/v2/prod/Groups?count=1").await;
    let group = list["Resources"][0]["id"].as_str().unwrap();
    let add = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "add", "path": "members", "value": [{"value": "bulkId:one"}]}]});
    let operations = json!([
        {"method": "PATCH", "path": format!("/Groups/{group}"), "data": add},
        make("one", "bulk.one"),
        make("two", "bulk.two"),
        {"method": "DELETE", "path": format!("/{}/bulkId:two", "Users")},
        make("three", "bulk.one"),
    ]);
    let done = bulk(&place, operations, None).await;
    let by = |method: &str| {
        done.as_array().unwrap().iter().filter(|one| one["method"] == method).collect::<Vec<_>>()
    };
    assert_eq!(statuses(&json!(by("POST"))), ["201", "201", "409"], "{done}");
    assert_eq!(
        (statuses(&json!(by("PATCH"))), statuses(&json!(by("DELETE")))),
        (vec!["200"], vec!["204"]),
        "{done}"
    );
    let location = by("POST")[0]["location"].as_str().unwrap().strip_prefix(&place.url).unwrap();
    let one = place.get(location).await;
    assert_eq!((&one["userName"], &one["groups"][0]["value"]), (&json!("bulk.one"), &json!(group)));
    assert!(by("POST")[0]["version"].as_str().unwrap().starts_with("W/\""));
    assert_eq!(by("POST")[2]["response"]["scimType"], "uniqueness");
    assert!(place.in_aws("bulk.two").unwrap()["login_profile"].is_null());
    place.stop().await;
}

#[tokio::test]
async fn s13_too_much_is_refused_as_a_whole_and_errors_end_it() {
    let place = Place::start().await;
    let calls = place.sandbox.trace().len();
    let many: Vec<Value> =
        (0..1_001).map(|number| make(&number.to_string(), &format!("n{number}"))).collect();
    let body = json!({"schemas": [BULK], "Operations": many});
    let request = place.request(Method::POST, "/scim/v2/prod/Bulk", Some(place.admin())).json(&body);
    assert_eq!(refused(request).await.0, 413);
    let circle = json!([
        {"method": "POST", "path": "/Users", "bulkId": "a", "data": {"schemas": [USER], "userName": "bulkId:b"}},
        {"method": "POST", "path": "/Users", "bulkId": "b", "data": {"schemas": [USER], "userName": "bulkId:a"}},
    ]);
    assert_eq!(statuses(&bulk(&place, circle, None).await), ["409", "409"]);
    assert_eq!(place.sandbox.trace().len(), calls);
    let gone = |id: &str| json!({"method": "DELETE", "path": format!("/{}/{id}", "Users")});
    let made = created(&place, place.admin(), &ada()).await;
    let id = made["id"].as_str().unwrap();
    let done = bulk(&place, json!([gone("NOBODY1"), gone("NOBODY2"), gone(id)]), Some(2)).await;
    assert_eq!(statuses(&done), ["404", "404"]);
    assert_eq!(place.get(&at(&made)).await["active"], true);
    place.stop().await;
}

/// Deleting everybody is held to the thresholds of the system, like anybody's deletions.
#[tokio::test]
async fn s13_a_bulk_deletion_of_all_stops_at_the_threshold() {
    let settings = keyreeve_model::SystemSettings {
        permission_profile: keyreeve_model::PermissionProfile::Full,
        max_deactivations: 3,
        ..keyreeve_model::SystemSettings::default()
    };
    let place = Place::with(settings).await;
    let list = place.get("/scim/v2/prod/Users?count=1000&filter=active%20eq%20true").await;
    let all: Vec<Value> = list["Resources"].as_array().unwrap().iter().take(8)
        .map(|user| json!({"method": "DELETE", "path": format!("/{}/{}", "Users", user["id"].as_str().unwrap())}))
        .collect();
    let done = bulk(&place, json!(all), None).await;
    let gone = statuses(&done).iter().filter(|status| **status == "204").count();
    assert!((1..=3).contains(&gone), "{done}");
    place.stop().await;
}
