//! A user's life over SCIM: made, read, changed, deleted and back, and what AWS has in the end.

use keyreeve_model::Role;
use reqwest::header::{ETAG, IF_MATCH, LOCATION};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::{answered, each, encoded, refused};
use crate::place::Place;

pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const AWS_USER: &str = "urn:keyreeve:params:scim:schemas:extension:aws:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
pub(crate) const USERS: &str = "/scim/v2/prod/Users";

pub(crate) fn ada() -> Value {
    json!({
        "schemas": [USER, AWS_USER], "userName": "ada.scim", "externalId": "7", "active": true,
        "name": {"givenName": "Ada", "familyName": "Lovelace"}, "displayName": "Ada Lovelace",
        "emails": [{"value": "ada@example.com", "type": "work", "primary": true}],
        AWS_USER: {"path": "/scim/", "tags": [{"key": "team", "value": "red"}]},
    })
}

pub(crate) fn post(place: &Place, token: &str, body: &Value) -> RequestBuilder {
    place.request(Method::POST, USERS, Some(token)).json(body)
}

pub(crate) fn patch(place: &Place, token: &str, address: &str, operations: Value) -> RequestBuilder {
    let body = json!({"schemas": [PATCH], "Operations": operations});
    place.request(Method::PATCH, address, Some(token)).json(&body)
}

pub(crate) async fn created(place: &Place, token: &str, body: &Value) -> Value {
    let (status, user) = answered(post(place, token, body)).await;
    assert_eq!(status, StatusCode::CREATED, "{user}");
    user
}

pub(crate) fn at(user: &Value) -> String {
    format!("{USERS}/{}", user["id"].as_str().unwrap())
}

async fn jobs(place: &Place) -> usize {
    place.all("/api/v1/systems/prod/jobs", 1000).await.len()
}

#[tokio::test]
async fn a_user_is_made_read_changed_deleted_and_comes_back() {
    let place = Place::start().await;
    let token = place.token(Role::Operator, &["prod"]).await;
    let answer = post(&place, &token, &ada()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    let headers = answer.headers().clone();
    let made: Value = answer.json().await.unwrap();
    assert_eq!(headers[LOCATION], made["meta"]["location"].as_str().unwrap());
    assert_eq!(headers[ETAG], made["meta"]["version"].as_str().unwrap());
    let of_aws = place.in_aws("ada.scim").expect("AWS has the user");
    assert_eq!(made["id"], of_aws["id"]);
    for (name, value) in ada().as_object().unwrap() {
        if name == AWS_USER {
            assert_eq!((&made[name]["path"], &made[name]["tags"]), (&value["path"], &value["tags"]));
        } else {
            assert_eq!(&made[name], value, "{name}");
        }
    }
    assert_eq!(made[AWS_USER]["loginProfile"], json!({"state": "present", "passwordResetRequired": true}));
    // No import has seen it, and it is there all the same: by its id, its names, in the list, and for others.
    assert_eq!(answered(place.request(Method::GET, &at(&made), Some(&token))).await.1, made);
    for filter in [
        "userName eq \"ADA.scim\"",
        "externalId eq \"7\"",
        "emails.value eq \"ada@example.com\"",
        "active eq true",
    ] {
        let found = place.request(
            Method::GET,
            &format!("{USERS}?count=1000&filter={}", encoded(filter)),
            Some(&token),
        );
        assert!(
            each(&answered(found).await.1, "id").contains(&made["id"].as_str().unwrap().to_owned()),
            "{filter}"
        );
    }
    let seen_by_other = place.get(&at(&made)).await;
    assert_eq!(seen_by_other.get("externalId"), None, "an externalId is its client's own");
    assert_eq!(seen_by_other["displayName"], "Ada Lovelace");

    let changes = json!([
        {"op": "Replace", "path": "displayName", "value": "A. L."},
        {"op": "replace", "path": format!("{AWS_USER}:path"), "value": "/moved/"},
        {"op": "replace", "path": "userName", "value": "ada.l"},
        {"op": "remove", "path": format!("{AWS_USER}:tags")},
    ]);
    let (status, changed) = answered(patch(&place, &token, &at(&made), changes)).await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    assert_eq!((&changed["userName"], &changed["displayName"]), (&json!("ada.l"), &json!("A. L.")));
    assert_eq!(changed["externalId"], "7");
    assert_eq!((&changed[AWS_USER]["path"], changed[AWS_USER].get("tags")), (&json!("/moved/"), None));
    assert_ne!(changed["meta"]["version"], made["meta"]["version"]);
    let of_aws = place.in_aws("ada.l").expect("AWS has the new name");
    assert_eq!((of_aws["path"].as_str(), &of_aws["id"]), (Some("/moved/"), &made["id"]));

    let (status, off) = answered(patch(
        &place,
        &token,
        &at(&made),
        json!([{"op": "replace", "path": "active", "value": "False"}]),
    ))
    .await;
    assert_eq!((status, &off["active"]), (StatusCode::OK, &json!(false)), "{off}");
    let (_, on) = answered(patch(
        &place,
        &token,
        &at(&made),
        json!([{"op": "replace", "path": "active", "value": true}]),
    ))
    .await;
    assert_eq!(on["active"], true, "{on}");

    let delete = || place.request(Method::DELETE, &at(&made), Some(&token));
    assert_eq!(delete().send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert!(place.in_aws("ada.l").unwrap()["login_profile"].is_null(), "it is deactivated, and there");
    assert_eq!(refused(delete()).await.0, 404);
    assert_eq!(refused(place.request(Method::GET, &at(&made), Some(&token))).await.0, 404);
    let found = place.request(
        Method::GET,
        &format!("{USERS}?filter={}", encoded("userName eq \"ada.l\"")),
        Some(&token),
    );
    assert_eq!(answered(found).await.1["totalResults"], 0);
    let mut again = ada();
    again["userName"] = json!("ada.l");
    again["displayName"] = json!("Back");
    let other = place.token(Role::Admin, &["prod"]).await;
    assert_eq!(refused(post(&place, &other, &again)).await, (409, "uniqueness".to_owned()));
    let back = created(&place, &token, &again).await;
    assert_eq!(
        (&back["id"], &back["active"], &back["displayName"]),
        (&made["id"], &json!(true), &json!("Back"))
    );
    // What an import sees then is what was shown before it.
    place.import("prod").await;
    let after = place.request(Method::GET, &at(&made), Some(&token));
    let (mut after, mut before) = (answered(after).await.1, back);
    for one in [&mut after, &mut before] {
        one.as_object_mut().unwrap().remove("meta");
    }
    assert_eq!(after, before);
    // What is changed of a user that an import has seen is shown at once, too, also to a filter.
    let changes = json!([
        {"op": "replace", "path": format!("{AWS_USER}:path"), "value": "/later/"},
        {"op": "replace", "path": "userName", "value": "ada.m"},
        {"op": "replace", "path": "active", "value": false},
    ]);
    let (_, later) = answered(patch(&place, &token, &at(&made), changes)).await;
    assert_eq!((&later[AWS_USER]["path"], &later["active"]), (&json!("/later/"), &json!(false)), "{later}");
    for filter in ["userName eq \"ada.m\"", "userName eq \"ada.m\" and active eq false"] {
        let found = format!("{USERS}?filter={}", encoded(filter));
        let found = answered(place.request(Method::GET, &found, Some(&token))).await.1;
        assert_eq!(found["Resources"], json!([later]), "{filter}");
    }
    place.stop().await;
}

#[tokio::test]
async fn only_the_version_that_is_expected_is_changed() {
    let place = Place::start().await;
    let made = created(&place, place.admin(), &ada()).await;
    let jobs_before = jobs(&place).await;
    let tag = made["meta"]["version"].as_str().unwrap();
    let change = || {
        patch(&place, place.admin(), &at(&made), json!([{"op": "replace", "path": "active", "value": false}]))
    };
    let put = || place.request(Method::PUT, &at(&made), Some(place.admin())).json(&ada());
    let delete = || place.request(Method::DELETE, &at(&made), Some(place.admin()));
    for request in [change(), put(), delete()] {
        assert_eq!(refused(request.header(IF_MATCH, "W/\"other\"")).await.0, 412);
    }
    assert_eq!(jobs(&place).await, jobs_before, "nothing was asked for");
    assert_eq!(answered(put().header(IF_MATCH, tag)).await.1["meta"]["version"], tag, "nothing is otherwise");
    assert_eq!(jobs(&place).await, jobs_before);
    assert_eq!(answered(change().header(IF_MATCH, tag)).await.0, StatusCode::OK);
    assert_eq!(refused(change().header(IF_MATCH, tag)).await.0, 412);
    place.stop().await;
}

#[tokio::test]
async fn put_takes_away_what_it_leaves_out_but_what_clients_do_not_know() {
    let place = Place::start().await;
    let made = created(&place, place.admin(), &ada()).await;
    let body = json!({"schemas": [USER], "userName": "ada.scim", "nickName": "A"});
    let (status, put) =
        answered(place.request(Method::PUT, &at(&made), Some(place.admin())).json(&body)).await;
    assert_eq!(status, StatusCode::OK, "{put}");
    assert_eq!((&put["nickName"], &put["active"]), (&json!("A"), &json!(true)));
    for gone in ["displayName", "emails", "name"] {
        assert_eq!(put.get(gone), None, "{gone}");
    }
    assert_eq!(put["externalId"], "7");
    assert_eq!(put[AWS_USER]["tags"], made[AWS_USER]["tags"]);
    place.stop().await;
}

#[tokio::test]
async fn a_user_that_is_not_to_be_used_is_made_without_a_way_in() {
    let place = Place::start().await;
    let mut body = ada();
    body["active"] = json!(false);
    let made = created(&place, place.admin(), &body).await;
    assert_eq!(made["active"], false);
    assert!(place.in_aws("ada.scim").unwrap()["login_profile"].is_null());
    place.stop().await;
}
