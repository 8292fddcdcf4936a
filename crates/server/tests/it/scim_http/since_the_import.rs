//! What AWS has otherwise than the last import saw: who is shut out is shut out there, and who is taken out of a group or
//! loses a policy has it no more, whatever was seen.

use keyreeve_model::{JobId, JobState, PermissionProfile, Role, SystemSettings};
use keyreeve_sandbox::Mutation;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::users::{USER, ada, at, created, patch};
use super::{FirstGroup, answered};
use crate::place::{PROD_ACCOUNT, Place};

pub(super) async fn place(change: impl FnOnce(&mut SystemSettings)) -> Place {
    let mut settings = SystemSettings {
        permission_profile: PermissionProfile::Full,
        scim_entitlements: true,
        ..SystemSettings::default()
    };
    change(&mut settings);
    Place::with(settings).await
}

pub(super) fn mutate(place: &Place, mutations: &[Mutation]) {
    place.sandbox.mutate(PROD_ACCOUNT, mutations).unwrap();
}

pub(super) fn key(user: &str) -> Mutation {
    Mutation::CreateAccessKey { user: user.to_owned() }
}

fn off() -> Value {
    json!([{"op": "replace", "path": "active", "value": false}])
}

/// Whether somebody could come in.
fn has_a_way_in(place: &Place) -> bool {
    let ada = place.in_aws("ada.scim").unwrap();
    let mut keys = ada["keys"].as_array().into_iter().flatten();
    !ada["login_profile"].is_null() || keys.any(|key| key["status"] == "Active")
}

#[tokio::test]
async fn whoever_is_inactive_and_got_a_way_in_since_is_shut_out_again() {
    let place = place(|_| ()).await;
    let made = created(&place, place.admin(), &ada()).await;
    assert_eq!(answered(patch(&place, place.admin(), &at(&made), off())).await.0, StatusCode::OK);
    place.import("prod").await;
    assert_eq!(place.get(&at(&made)).await["active"], false);
    // Nothing to do is nothing done.
    let writes = place.writes();
    assert_eq!(answered(patch(&place, place.admin(), &at(&made), off())).await.0, StatusCode::OK);
    assert_eq!(place.writes(), writes);
    for whole in [false, true] {
        mutate(&place, &[key("ada.scim")]);
        assert!(has_a_way_in(&place));
        let request = if whole {
            let body = json!({"schemas": [USER], "userName": "ada.scim", "active": false});
            place.request(Method::PUT, &at(&made), Some(place.admin())).json(&body)
        } else {
            patch(&place, place.admin(), &at(&made), off())
        };
        let (status, user) = answered(request).await;
        assert_eq!((status, &user["active"]), (StatusCode::OK, &json!(false)), "{user}");
        assert!(!has_a_way_in(&place), "whole: {whole}");
    }
    // Another change of somebody inactive says nothing of that, and looks for nothing.
    let other = json!([{"op": "replace", "path": "displayName", "value": "Ada"}]);
    let listings = place.calls("GetAccountAuthorizationDetails");
    assert_eq!(answered(patch(&place, place.admin(), &at(&made), other)).await.0, StatusCode::OK);
    assert_eq!(place.calls("GetAccountAuthorizationDetails"), listings);
    place.stop().await;
}

#[tokio::test]
async fn active_cannot_be_taken_away() {
    let place = place(|_| ()).await;
    let made = created(&place, place.admin(), &ada()).await;
    for change in [
        json!([{"op": "remove", "path": "active"}]),
        json!([{"op": "replace", "path": "active", "value": null}]),
    ] {
        let (status, body) = answered(patch(&place, place.admin(), &at(&made), change)).await;
        assert_eq!((status, &body["scimType"]), (StatusCode::BAD_REQUEST, &json!("invalidValue")), "{body}");
    }
    assert!(has_a_way_in(&place));
    place.stop().await;
}

#[tokio::test]
async fn whoever_joined_a_group_since_leaves_it_by_each_kind_of_removal() {
    let place = place(|_| ()).await;
    let made = created(&place, place.admin(), &ada()).await;
    let id = made["id"].as_str().unwrap();
    place.import("prod").await;
    let FirstGroup { name, address, members: others } = FirstGroup::of(&place).await;
    let name = name.as_str();
    let is_in = || place.in_aws("ada.scim").unwrap()["groups"].to_string().contains(name);
    for change in [
        json!([{"op": "remove", "path": format!("members[value eq \"{id}\"]")}]),
        // As Entra ID has it.
        json!([{"op": "Remove", "path": "members", "value": [{"value": id}]}]),
        json!([{"op": "replace", "path": "members", "value": others}]),
        json!([{"op": "replace", "value": {"members": others}}]),
        json!([{"op": "replace", "value": {"urn:ietf:params:scim:schemas:core:2.0:Group:members": others}}]),
        json!([{"op": "remove", "path": "members[display eq \"ada.scim\"]"}]),
    ] {
        mutate(&place, &[Mutation::AddToGroup { user: "ada.scim".into(), group: name.into() }]);
        assert!(is_in());
        let (status, body) = answered(patch(&place, place.admin(), &address, change.clone())).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert!(!is_in(), "{change}");
        assert_eq!(body["members"].as_array().cloned().unwrap_or_default().len(), others.len(), "{body}");
    }
    // Who was made since is named by nothing but AWS.
    let made =
        Mutation::CreateUser { name: "new.one".into(), path: "/".into(), tags: Vec::new(), boundary: None };
    mutate(&place, &[made, Mutation::AddToGroup { user: "new.one".into(), group: name.into() }]);
    let change = json!([{"op": "replace", "path": "members", "value": others}]);
    let (status, body) = answered(patch(&place, place.admin(), &address, change)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert!(!place.in_aws("new.one").unwrap()["groups"].to_string().contains(name));
    place.stop().await;
}

/// Nobody is in it by the name that was seen: to say that all are out of it would be untrue.
#[tokio::test]
async fn whoever_is_in_a_group_that_was_renamed_since_is_not_said_to_be_out_of_it() {
    let place = place(|_| ()).await;
    let made = created(&place, place.admin(), &ada()).await;
    let FirstGroup { name, address, .. } = FirstGroup::of(&place).await;
    let name = name.as_str();
    mutate(&place, &[Mutation::AddToGroup { user: "ada.scim".into(), group: name.into() }]);
    place.import("prod").await;
    mutate(&place, &[Mutation::RenameGroup { name: name.into(), new_name: "renamed".into() }]);
    let is_in = || place.in_aws("ada.scim").unwrap()["groups"].to_string().contains("renamed");
    let path = format!("members[value eq \"{}\"]", made["id"].as_str().unwrap());
    for change in [
        json!([{"op": "remove", "path": path}]),
        json!([{"op": "remove", "path": "members", "value": [{"value": made["id"]}]}]),
    ] {
        let (status, body) = answered(patch(&place, place.admin(), &address, change)).await;
        assert_eq!(status, StatusCode::CONFLICT, "{body}");
        assert!(body["detail"].as_str().unwrap().contains("renamed"), "{body}");
        assert!(is_in());
    }
    place.import("prod").await;
    let change = json!([{"op": "remove", "path": path}]);
    assert_eq!(answered(patch(&place, place.admin(), &address, change)).await.0, StatusCode::OK);
    assert!(!is_in());
    place.stop().await;
}

#[tokio::test]
async fn whoever_left_a_group_since_is_put_back_only_by_name() {
    let place = place(|_| ()).await;
    let made = created(&place, place.admin(), &ada()).await;
    let eve = json!({"schemas": [USER], "userName": "eve.scim"});
    let eve = created(&place, place.admin(), &eve).await;
    let FirstGroup { name, address, .. } = FirstGroup::of(&place).await;
    let name = name.as_str();
    let add = |user: &Value| json!([{"op": "add", "path": "members", "value": [{"value": user["id"]}]}]);
    for user in [&made, &eve] {
        answered(patch(&place, place.admin(), &address, add(user))).await;
    }
    place.import("prod").await;
    let is_in = || place.in_aws("ada.scim").unwrap()["groups"].to_string().contains(name);
    mutate(&place, &[Mutation::RemoveFromGroup { user: "ada.scim".into(), group: name.into() }]);
    // Somebody else is taken out: that says nothing of her.
    let path = format!("members[value eq \"{}\"]", eve["id"].as_str().unwrap());
    let (status, body) =
        answered(patch(&place, place.admin(), &address, json!([{"op": "remove", "path": path}]))).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert!(!is_in());
    let (status, body) = answered(patch(&place, place.admin(), &address, add(&made))).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert!(is_in(), "a member that is named must be one");
    place.stop().await;
}

#[tokio::test]
async fn a_policy_attached_since_is_taken_away_with_the_others() {
    let place = place(|_| ()).await;
    let made = created(&place, place.admin(), &ada()).await;
    place.import("prod").await;
    let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let kept = place.get(&at(&made)).await["entitlements"].as_array().cloned().unwrap_or_default();
    for change in [
        json!([{"op": "remove", "path": format!("entitlements[value eq \"{arn}\"]")}]),
        json!([{"op": "replace", "path": "entitlements", "value": kept}]),
    ] {
        mutate(&place, &[Mutation::AttachUserPolicy { user: "ada.scim".into(), arn: arn.into() }]);
        let (status, body) = answered(patch(&place, place.admin(), &at(&made), change.clone())).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert!(!place.in_aws("ada.scim").unwrap().to_string().contains(arn), "{change}");
    }
    // What is gone already keeps nothing else from being taken.
    let attach = Mutation::AttachUserPolicy { user: "ada.scim".into(), arn: arn.into() };
    mutate(&place, &[attach]);
    place.import("prod").await;
    mutate(&place, &[Mutation::DetachUserPolicy { user: "ada.scim".into(), arn: arn.into() }]);
    let all = json!([{"op": "replace", "value": {"active": false, "entitlements": []}}]);
    let (status, body) = answered(patch(&place, place.admin(), &at(&made), all)).await;
    assert_eq!((status, &body["active"]), (StatusCode::OK, &json!(false)), "{body}");
    assert!(!has_a_way_in(&place));
    place.stop().await;
}

async fn waiting(place: &Place, made: &Value) -> JobId {
    waiting_of(patch(place, place.admin(), &at(made), off())).await
}

/// The job that a change becomes, and that waits for a second person.
pub(super) async fn waiting_of(change: RequestBuilder) -> JobId {
    let (status, body) = answered(change).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
    let detail = body["detail"].as_str().unwrap();
    JobId(detail.split_once("job ").unwrap().1.split(' ').next().unwrap().parse().unwrap())
}

pub(super) async fn approved(place: &Place, job: JobId) -> StatusCode {
    let approver = place.token(Role::Approver, &["prod"]).await;
    place.send(Method::POST, &format!("/api/v1/jobs/{job}/approve"), &approver, &json!({})).await.0
}

/// Who is protected and in the group already stands in nobody's way.
#[tokio::test]
async fn a_member_named_again_is_no_change() {
    let place = place(|_| ()).await;
    let made = created(&place, place.admin(), &ada()).await;
    let eve = created(&place, place.admin(), &json!({"schemas": [USER], "userName": "eve.scim"})).await;
    let FirstGroup { name, address, .. } = FirstGroup::of(&place).await;
    let name = name.as_str();
    mutate(&place, &[Mutation::AddToGroup { user: "ada.scim".into(), group: name.into() }]);
    place.import("prod").await;
    let protection = json!({"kind": "account", "value": "ada.scim"});
    let (status, body) = place.post("/api/v1/systems/prod/protections", &protection).await;
    assert!(status.is_success(), "{body}");
    let both = json!([{"value": made["id"]}, {"value": eve["id"]}]);
    let add = json!([{"op": "add", "path": "members", "value": both}]);
    let (status, body) = answered(patch(&place, place.admin(), &address, add)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert!(place.in_aws("eve.scim").unwrap()["groups"].to_string().contains(name));
    place.stop().await;
}

/// Whoever is to be shut out can keep nobody from it by changing themselves.
#[tokio::test]
async fn what_a_deactivation_is_not_about_makes_it_not_stale_and_what_it_is_about_makes_a_new_one() {
    let place = place(|settings| settings.max_deactivations = 0).await;
    let made = created(&place, place.admin(), &ada()).await;
    let job = waiting(&place, &made).await;
    mutate(
        &place,
        &[
            Mutation::TagUser { name: "ada.scim".into(), key: "seen".into(), value: "1".into() },
            Mutation::SetPath { name: "ada.scim".into(), path: "/elsewhere/".into() },
            Mutation::PutUserInline {
                user: "ada.scim".into(),
                name: "own".into(),
                document: r#"{"Version":"2012-10-17","Statement":[]}"#.into(),
            },
            Mutation::AttachUserPolicy {
                user: "ada.scim".into(),
                arn: "arn:aws:iam::aws:policy/ReadOnlyAccess".into(),
            },
        ],
    );
    assert_eq!(waiting(&place, &made).await, job);
    // A new key is one more way in, which nobody has agreed to take.
    mutate(&place, &[key("ada.scim")]);
    assert_eq!(approved(&place, job).await, StatusCode::CONFLICT);
    let other = waiting(&place, &made).await;
    assert_ne!(other, job);
    assert_eq!(place.store.job(job).await.unwrap().state, JobState::Cancelled);
    assert_eq!(waiting(&place, &made).await, other);
    mutate(&place, &[Mutation::TagUser { name: "ada.scim".into(), key: "seen".into(), value: "2".into() }]);
    assert!(approved(&place, other).await.is_success());
    while place.store.job(other).await.unwrap().state != JobState::Succeeded {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(!has_a_way_in(&place));
    place.stop().await;
}
