//! Versions: none stands for two states, however often something becomes what it was before.

use std::collections::BTreeSet;

use keyreeve_sandbox::Mutation;
use reqwest::header::IF_MATCH;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::users::{USERS, ada, at, created, patch};
use super::{answered, encoded, refused};
use crate::place::{PROD_ACCOUNT, Place};

fn version(resource: &Value) -> String {
    resource["meta"]["version"].as_str().unwrap().to_owned()
}

fn without_meta(mut resource: Value) -> Value {
    resource.as_object_mut().unwrap().remove("meta");
    resource
}

async fn done(place: &Place, address: &str, operations: Value) -> Value {
    let (status, changed) = answered(patch(place, place.admin(), address, operations)).await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    changed
}

#[tokio::test]
async fn what_is_as_it_was_before_has_another_version_than_before() {
    let place = Place::start().await;
    let made = created(&place, place.admin(), &ada()).await;
    let user = at(&made);
    let replace = |path: &str, value: Value| json!([{"op": "replace", "path": path, "value": value}]);
    let mut seen = BTreeSet::from([version(&made)]);
    // What only the store has, what AWS has, and both.
    for (path, other) in [
        ("displayName", json!("B")),
        ("externalId", json!("8")),
        ("userName", json!("ada.other")),
        ("active", json!(false)),
    ] {
        for value in [other, made[path].clone()] {
            let now = done(&place, &user, replace(path, value)).await;
            assert!(seen.insert(version(&now)), "{path}: {now}");
        }
        assert_eq!(place.get(&user).await[path], made[path]);
    }
    let old = patch(&place, place.admin(), &user, replace("displayName", json!("C")));
    assert_eq!(refused(old.header(IF_MATCH, version(&made))).await.0, 412);
    // Whoever comes into a group and leaves it again, and is gone and there again.
    let list = place.get("/scim/v2/prod/Groups?count=1").await;
    let group = format!("/scim/v2/prod/Groups/{}", list["Resources"][0]["id"].as_str().unwrap());
    let before = place.get(&group).await;
    let mut of_group = BTreeSet::from([version(&before)]);
    let add = || json!([{"op": "add", "path": "members", "value": [{"value": made["id"]}]}]);
    let remove =
        json!([{"op": "remove", "path": format!("members[value eq \"{}\"]", made["id"].as_str().unwrap())}]);
    for operations in [add(), remove] {
        let now = done(&place, &group, operations).await;
        assert!(of_group.insert(version(&now)), "{now}");
        assert!(seen.insert(version(&place.get(&user).await)));
    }
    assert_eq!(without_meta(place.get(&group).await), without_meta(before));
    of_group.insert(version(&done(&place, &group, add()).await));
    let delete = place.request(Method::DELETE, &user, Some(place.admin()));
    assert_eq!(delete.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert!(of_group.insert(version(&place.get(&group).await)));
    let back = created(&place, place.admin(), &ada()).await;
    assert!(seen.insert(version(&back)) && of_group.insert(version(&place.get(&group).await)));
    // A page says the same version as the user alone.
    let found = place.get(&format!("{USERS}?filter={}", encoded("userName eq \"ada.scim\""))).await;
    assert_eq!(version(&found["Resources"][0]), version(&place.get(&user).await));
    place.stop().await;
}

#[tokio::test]
async fn what_imports_see_come_and_go_has_another_version_and_what_nobody_sees_has_not() {
    let place = Place::start().await;
    let people = place.people().await;
    let filter = encoded(&format!("userName eq \"{}\"", people[0]));
    let address = at(&place.get(&format!("{USERS}?filter={filter}")).await["Resources"][0]);
    let user = async || place.get(&address).await;
    let first = user().await;
    let name = || people[0].clone();
    let imported = async |mutation: Mutation| {
        place.sandbox.mutate(PROD_ACCOUNT, &[mutation]).unwrap();
        place.import("prod").await;
        place.get(&address).await
    };
    let signed_in = Mutation::SetPasswordLastUsed { name: name(), at: Some(place.clock.now()) };
    assert_eq!(version(&imported(signed_in).await), version(&first), "nothing of it is shown");
    let path = first[super::users::AWS_USER]["path"].as_str().unwrap().to_owned();
    let away = imported(Mutation::SetPath { name: name(), path: "/away/".to_owned() }).await;
    let back = imported(Mutation::SetPath { name: name(), path }).await;
    assert_eq!(without_meta(back.clone()), without_meta(first.clone()));
    assert_eq!(BTreeSet::from([&first, &away, &back].map(version)).len(), 3);
    let groups = place.get("/scim/v2/prod/Groups?count=1000").await;
    let free = groups["Resources"].as_array().unwrap().iter().find(|group| {
        let members = group["members"].as_array().into_iter().flatten();
        members.into_iter().all(|one| one["value"] != first["id"])
    });
    let (free, group) = (free.unwrap(), free.unwrap()["displayName"].as_str().unwrap().to_owned());
    imported(Mutation::AddToGroup { user: name(), group: group.clone() }).await;
    let left = imported(Mutation::RemoveFromGroup { user: name(), group }).await;
    let now = place.get(&format!("/scim/v2/prod/Groups/{}", free["id"].as_str().unwrap())).await;
    assert_eq!((&left["groups"], &now["members"]), (&back["groups"], &free["members"]));
    assert_ne!(version(&left), version(&back));
    assert_ne!(version(&now), version(free));
    let listed = place.get(&format!("{USERS}?filter={filter}")).await;
    assert_eq!(version(&listed["Resources"][0]), version(&left));
    place.stop().await;
}
