//! S10: an id is one user's for good, though a name passes from one to another in AWS; nobody is changed in another's
//! place.

use keyreeve_sandbox::Mutation;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::users::{USER, at, created, patch};
use super::{encoded, refused};
use crate::place::{PROD_ACCOUNT, Place};

fn user(name: &str) -> Value {
    json!({"schemas": [USER], "userName": name, "externalId": name, "active": true})
}

fn off(place: &Place, of: &Value) -> RequestBuilder {
    patch(place, place.admin(), &at(of), json!([{"op": "replace", "path": "active", "value": false}]))
}

fn rename(name: &str, new_name: &str) -> Mutation {
    Mutation::RenameUser { name: name.to_owned(), new_name: new_name.to_owned() }
}

#[tokio::test]
async fn s10_whoever_has_the_name_of_somebody_who_is_gone_is_left_alone() {
    let place = Place::start().await;
    let made = created(&place, place.admin(), &user("ada.scim")).await;
    let again = Mutation::DeleteAndRecreateUser { name: "ada.scim".to_owned() };
    place.sandbox.mutate(PROD_ACCOUNT, &[again]).unwrap();
    let (newcomer, writes) = (place.in_aws("ada.scim").unwrap(), place.writes());
    assert_ne!(newcomer["id"], made["id"]);
    let group = place.get("/scim/v2/prod/Groups?count=1").await["Resources"][0]["id"].clone();
    let add = json!([{"op": "add", "path": "members", "value": [{"value": made["id"]}]}]);
    let group = format!("/scim/v2/prod/Groups/{}", group.as_str().unwrap());
    let renamed = json!([{"op": "replace", "path": "userName", "value": "ada.other"}]);
    for asked in [
        off(&place, &made),
        patch(&place, place.admin(), &at(&made), renamed),
        patch(&place, place.admin(), &group, add),
        place.request(Method::DELETE, &at(&made), Some(place.admin())),
    ] {
        assert_eq!(refused(asked).await.0, 409);
    }
    assert_eq!((place.in_aws("ada.scim").unwrap(), place.writes()), (newcomer, writes));
    place.stop().await;
}

#[tokio::test]
async fn s10_two_users_who_changed_their_names_are_not_taken_for_each_other() {
    let place = Place::start().await;
    let leaver = created(&place, place.admin(), &user("a.leaves")).await;
    let stayer = created(&place, place.admin(), &user("b.stays")).await;
    let swap = [rename("a.leaves", "tmp"), rename("b.stays", "a.leaves"), rename("tmp", "b.stays")];
    place.sandbox.mutate(PROD_ACCOUNT, &swap).unwrap();
    let writes = place.writes();
    assert_eq!(refused(off(&place, &leaver)).await.0, 409);
    assert_eq!(place.writes(), writes, "somebody else was shut out");
    // Once that was read, it is the leaver who goes, by whatever name.
    place.import("prod").await;
    assert_eq!(place.get(&at(&leaver)).await["userName"], "b.stays");
    let gone = off(&place, &leaver).send().await.unwrap();
    assert!(gone.status().is_success());
    assert_eq!(place.get(&at(&stayer)).await["active"], true);
    assert!(place.in_aws("b.stays").unwrap()["login_profile"].is_null());
    assert!(!place.in_aws("a.leaves").unwrap()["login_profile"].is_null());
    place.stop().await;
}

#[tokio::test]
async fn s10_whoever_is_named_like_the_id_of_another_is_shown_and_found_as_themselves() {
    let place = Place::start().await;
    let other = created(&place, place.admin(), &user("ada.scim")).await;
    let named = created(&place, place.admin(), &user("eve.scim")).await;
    let id = other["id"].as_str().unwrap();
    place.sandbox.mutate(PROD_ACCOUNT, &[rename("eve.scim", id)]).unwrap();
    place.import("prod").await;
    assert_eq!(place.get(&at(&other)).await["userName"], "ada.scim");
    let filter = encoded(&format!("userName eq \"{id}\""));
    let found = place.get(&format!("/scim/v2/prod/Users?filter={filter}")).await;
    assert_eq!((&found["totalResults"], &found["Resources"][0]["id"]), (&json!(1), &named["id"]), "{found}");
    let accounts = "/api/v1/systems/prod/accounts";
    let unclear = place.request(Method::GET, &format!("{accounts}/{id}"), Some(place.admin()));
    assert_eq!(unclear.send().await.unwrap().status(), 409);
    assert_eq!(place.get(&format!("{accounts}/ada.scim")).await["external_id"], id);
    let by_id = place.get(&format!("{accounts}/{}", named["id"].as_str().unwrap())).await;
    assert_eq!(by_id["name"], id);
    place.stop().await;
}

/// A group that was made again under the old name is another one, for those who leave as for those who come.
#[tokio::test]
async fn s10_a_group_that_was_made_again_under_its_name_is_left_alone() {
    let place = Place::start().await;
    let (ada, eve) = (
        created(&place, place.admin(), &user("ada.scim")).await,
        created(&place, place.admin(), &user("eve.scim")).await,
    );
    let list = place.get("/scim/v2/prod/Groups?count=1").await;
    let [id, name] = ["id", "displayName"].map(|one| list["Resources"][0][one].as_str().unwrap());
    let group = format!("/scim/v2/prod/Groups/{id}");
    let add = |user: &Value| json!([{"op": "add", "path": "members", "value": [{"value": user["id"]}]}]);
    let remove = |user: &Value| {
        let path = format!("members[value eq \"{}\"]", user["id"].as_str().unwrap());
        json!([{"op": "remove", "path": path}])
    };
    for user in [&ada, &eve] {
        let added = patch(&place, place.admin(), &group, add(user)).send().await.unwrap();
        assert!(added.status().is_success());
    }
    let name = name.to_owned();
    let again = [
        Mutation::DeleteGroup { name: name.clone() },
        Mutation::CreateGroup { name: name.clone(), path: "/".to_owned() },
        Mutation::AddToGroup { user: "ada.scim".to_owned(), group: name.clone() },
    ];
    place.sandbox.mutate(PROD_ACCOUNT, &again).unwrap();
    let writes = place.writes();
    // Whether the one who leaves is in the new one or not.
    for asked in [remove(&ada), remove(&eve), json!([{"op": "replace", "path": "members", "value": []}])] {
        assert_eq!(refused(patch(&place, place.admin(), &group, asked)).await.0, 409);
    }
    let other = created(&place, place.admin(), &user("other.scim")).await;
    let writes_then = place.writes().len();
    assert_eq!(refused(patch(&place, place.admin(), &group, add(&other))).await.0, 409);
    assert!(writes_then > writes.len() && place.writes().len() == writes_then);
    assert_eq!(place.in_aws("ada.scim").unwrap()["groups"], json!([name]));
    // Who is deleted leaves whatever groups there are.
    let gone = place.request(Method::DELETE, &at(&eve), Some(place.admin())).send().await.unwrap();
    assert_eq!(gone.status(), 204);
    place.stop().await;
}
