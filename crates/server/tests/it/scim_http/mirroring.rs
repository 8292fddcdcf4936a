//! Attributes that are mirrored to tags, as the system's setting says.

use keyreeve_model::{PermissionProfile, ScimAttribute, ScimTags, SystemSettings};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::users::{AWS_USER, USER, ada, at, created, patch, post};
use super::{answered, refused};
use crate::place::Place;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

async fn place() -> Place {
    let tags = [
        (ScimAttribute::DisplayName, "Name"),
        (ScimAttribute::Department, "org:unit"),
        (ScimAttribute::Email, "Mail"),
        (ScimAttribute::ExternalId, "Called"),
        (ScimAttribute::Manager, "Manager"),
    ];
    let scim_tags: ScimTags = tags.into_iter().map(|(from, key)| (from, key.to_owned())).collect();
    Place::with(SystemSettings {
        permission_profile: PermissionProfile::Full,
        scim_tags,
        ..SystemSettings::default()
    })
    .await
}

/// The user's tags at AWS, without our own mark.
fn tags(place: &Place, user: &str) -> Vec<(String, String)> {
    let user = place.in_aws(user).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let tags = user["tags"].as_array().unwrap().iter().map(|tag| (text(&tag[0]), text(&tag[1])));
    let mut tags: Vec<_> = tags.filter(|(key, _)| key != "keyreeve:task").collect();
    tags.sort();
    tags
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    pairs.sort();
    pairs
}

#[tokio::test]
async fn what_is_said_of_a_user_is_mirrored_to_its_tags_in_the_same_job() {
    let place = place().await;
    let mut body = ada();
    body["schemas"] = json!([USER, AWS_USER, ENTERPRISE]);
    body[ENTERPRISE] = json!({"department": "R+D", "manager": {"value": "26118915"}});
    let made = created(&place, place.admin(), &body).await;
    let usual = [("Called", "7"), ("Mail", "ada@example.com"), ("Manager", "26118915"), ("team", "red")];
    let with = |more: &[(&str, &str)]| pairs(&[&usual[..], more].concat());
    assert_eq!(tags(&place, "ada.scim"), with(&[("Name", "Ada Lovelace"), ("org:unit", "R+D")]));
    let change = |operations: Value| patch(&place, place.admin(), &at(&made), operations);
    let (status, changed) = answered(change(json!([
        {"op": "replace", "path": "displayName", "value": "A. L."},
        {"op": "remove", "path": format!("{ENTERPRISE}:department")},
    ])))
    .await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    assert_eq!(tags(&place, "ada.scim"), with(&[("Name", "A. L.")]));
    assert_eq!(place.all("/api/v1/systems/prod/jobs", 1000).await.len(), 2, "one job for each change");
    assert!(changed[AWS_USER]["tags"].to_string().contains("A. L."), "{changed}");
    // What has no mirror is no change at AWS.
    answered(change(json!([{"op": "add", "path": "nickName", "value": "A"}]))).await;
    assert_eq!(place.all("/api/v1/systems/prod/jobs", 1000).await.len(), 2);
    // A PUT that knows nothing of what mirrors leaves it; its own tags are replaced.
    let mut put = changed.clone();
    put[AWS_USER]["tags"] = json!([{"key": "team", "value": "blue"}]);
    let request = place.request(Method::PUT, &at(&made), Some(place.admin())).json(&put);
    assert_eq!(answered(request).await.0, StatusCode::OK);
    let expected = with(&[("Name", "A. L.")]).into_iter().map(|(key, value)| match key.as_str() {
        "team" => (key, "blue".to_owned()),
        _ => (key, value),
    });
    assert_eq!(tags(&place, "ada.scim"), expected.collect::<Vec<_>>());
    // Who comes back has the tags of what is said then, and none of an earlier life.
    let delete = place.request(Method::DELETE, &at(&made), Some(place.admin()));
    assert_eq!(delete.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    let back = json!({"schemas": [USER], "userName": "ada.scim", "displayName": "Back"});
    assert_eq!(created(&place, place.admin(), &back).await["id"], made["id"]);
    assert_eq!(tags(&place, "ada.scim"), pairs(&[("Name", "Back"), ("team", "blue")]));
    place.stop().await;
}

#[tokio::test]
async fn what_contradicts_a_mirror_or_fits_in_no_tag_is_refused_before_anything_is_done() {
    let place = place().await;
    let made = created(&place, place.admin(), &ada()).await;
    let writes = place.writes().len();
    let before = tags(&place, "ada.scim");
    let own = |key: &str, value: &str| json!({"op": "add", "path": format!("{AWS_USER}:tags"), "value": [{"key": key, "value": value}]});
    for (operation, word) in [
        (own("Name", "Eve"), "displayName"),
        (own("NAME", "Eve"), "displayName"),
        (own("org:unit", "made up"), "department"),
        (json!({"op": "replace", "path": "displayName", "value": "a*b"}), "displayName"),
        (json!({"op": "replace", "path": "displayName", "value": "x".repeat(257)}), "displayName"),
        (json!({"op": "replace", "path": "externalId", "value": "<7>"}), "externalId"),
        (
            json!({"op": "replace", "path": "emails", "value": [{"value": "a b|c", "primary": true}]}),
            "emails",
        ),
    ] {
        let (status, body) = answered(patch(&place, place.admin(), &at(&made), json!([operation]))).await;
        assert_eq!((status.as_u16(), &body["scimType"]), (400, &json!("invalidValue")), "{operation} {body}");
        assert!(body["detail"].as_str().unwrap().contains(word), "{operation} {body}");
    }
    let mut eve = json!({"schemas": [USER], "userName": "eve", "displayName": "<eve>"});
    assert_eq!(refused(post(&place, place.admin(), &eve)).await, (400, "invalidValue".to_owned()));
    // AWS keeps fifty tags, and one is our own mark.
    let many: Vec<Value> = (0..49).map(|n| json!({"key": format!("k{n}"), "value": ""})).collect();
    eve = json!({"schemas": [USER, AWS_USER], "userName": "eve", "displayName": "Eve", AWS_USER: {"tags": many}});
    let (status, body) = answered(post(&place, place.admin(), &eve)).await;
    assert!(status.is_client_error() && body["detail"].as_str().unwrap().contains("50"), "{status} {body}");
    assert!(place.in_aws("eve").is_none());
    assert_eq!((place.writes().len(), tags(&place, "ada.scim")), (writes, before));
    place.stop().await;
}

/// Off by default; nothing is sent then.
#[tokio::test]
async fn nothing_is_mirrored_unless_a_setting_says_so() {
    let place = Place::start().await;
    created(&place, place.admin(), &ada()).await;
    assert_eq!(tags(&place, "ada.scim"), pairs(&[("team", "red")]));
    assert!(place.sandbox.trace().iter().all(|call| call.action != "TagUser"));
    place.stop().await;
}
