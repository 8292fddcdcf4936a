//! Who is in a group, changed at the group.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::users::{ada, at, created, patch};
use super::{answered, refused};
use crate::place::Place;

const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

fn members(group: &Value) -> Vec<String> {
    let members = group["members"].as_array().into_iter().flatten();
    let mut ids: Vec<String> = members.map(|one| one["value"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn members_come_and_go_and_users_show_it_before_any_import() {
    let place = Place::start().await;
    let made = created(&place, place.admin(), &ada()).await;
    let id = made["id"].as_str().unwrap().to_owned();
    let list = place.get("/scim/v2/prod/Groups").await;
    let group =
        list["Resources"].as_array().unwrap().iter().find(|one| members(one).len() > 1).unwrap().clone();
    let address = format!("/scim/v2/prod/Groups/{}", group["id"].as_str().unwrap());
    let before = members(&group);
    let add = json!([{"op": "Add", "path": "members", "value": [{"value": id}]}]);
    let (status, with) = answered(patch(&place, place.admin(), &address, add.clone())).await;
    assert_eq!(status, StatusCode::OK, "{with}");
    let mut expected = before.clone();
    expected.push(id.clone());
    expected.sort();
    assert_eq!(members(&with), expected);
    let of_user =
        |user: &Value| user["groups"].as_array().into_iter().flatten().any(|one| one["value"] == group["id"]);
    assert!(of_user(&place.get(&at(&made)).await));
    let of_aws = place.in_aws("ada.scim").unwrap();
    assert!(of_aws["groups"].to_string().contains(group["displayName"].as_str().unwrap()), "{of_aws}");
    // The same again changes nothing, and asks AWS for nothing.
    let calls = place.calls("AddUserToGroup");
    assert_eq!(answered(patch(&place, place.admin(), &address, add)).await.1, with);
    assert_eq!(place.calls("AddUserToGroup"), calls);
    let path = format!("members[value eq \"{id}\"]");
    let (_, without) =
        answered(patch(&place, place.admin(), &address, json!([{"op": "remove", "path": path}]))).await;
    assert_eq!(members(&without), before);
    assert!(!of_user(&place.get(&at(&made)).await));
    // PUT with all but one member, under another client's name for the group.
    let body = json!({"schemas": [GROUP], "displayName": group["displayName"], "externalId": "g-1",
        "members": [{"value": before[0]}]});
    let put = place.request(Method::PUT, &address, Some(place.admin())).json(&body);
    let (status, put) = answered(put).await;
    assert_eq!((status, members(&put)), (StatusCode::OK, vec![before[0].clone()]), "{put}");
    assert_eq!(put["externalId"], "g-1");
    place.import("prod").await;
    assert_eq!(members(&place.get(&address).await), [before[0].clone()]);
    // Who is gone for SCIM is in no group, though IAM has the user there, and shows so to no filter either.
    let add = json!([{"op": "add", "path": "members", "value": [{"value": id}]}]);
    assert_eq!(members(&answered(patch(&place, place.admin(), &address, add)).await.1).len(), 2);
    let gone = place.request(Method::DELETE, &at(&made), Some(place.admin())).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    for _ in 0..2 {
        assert_eq!(members(&place.get(&address).await), [before[0].clone()]);
        let with = format!("/scim/v2/prod/Groups?filter=members.value%20eq%20%22{id}%22");
        assert_eq!(place.get(&with).await["totalResults"], 0);
        place.import("prod").await;
    }
    assert!(!place.in_aws("ada.scim").unwrap()["groups"].as_array().unwrap().is_empty());
    place.stop().await;
}

#[tokio::test]
async fn what_iam_groups_and_policies_are_not_changed_by_is_refused() {
    let place = Place::start().await;
    let list = place.get("/scim/v2/prod/Groups?count=1").await;
    let group = &list["Resources"][0];
    let address = format!("/scim/v2/prod/Groups/{}", group["id"].as_str().unwrap());
    let calls = place.sandbox.trace().len();
    let stranger = json!([{"op": "add", "path": "members", "value": [{"value": "AIDANOBODY"}]}]);
    assert_eq!(
        refused(patch(&place, place.admin(), &address, stranger)).await,
        (400, "invalidValue".to_owned())
    );
    let rename = json!([{"op": "replace", "path": "displayName", "value": "x"}]);
    assert_eq!(refused(patch(&place, place.admin(), &address, rename)).await, (400, "mutability".to_owned()));
    let body = json!({"schemas": [GROUP], "displayName": "new"});
    for (method, address) in [
        (Method::POST, "/scim/v2/prod/Groups"),
        (Method::DELETE, &address),
        (Method::POST, "/scim/v2/prod/Policies"),
        (Method::DELETE, "/scim/v2/prod/Policies/ANPA1"),
        (Method::PUT, "/scim/v2/prod/Policies/ANPA1"),
    ] {
        let request = place.request(method.clone(), address, Some(place.admin())).json(&body);
        assert_eq!(refused(request).await.0, 501, "{method} {address}");
    }
    assert_eq!(place.sandbox.trace().len(), calls);
    place.stop().await;
}
