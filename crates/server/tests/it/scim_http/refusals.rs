//! S10, S11, S15: what is refused changes nothing, and says why in SCIM's words.

use keyreeve_model::{Protection, ProtectionKind, Role};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::users::{AWS_USER, USER, ada, at, created, patch, post};
use super::{answered, refused};
use crate::place::{Place, system};

/// Whatever is forged, nothing else than what was asked for comes into being, and nothing else is touched.
#[tokio::test]
async fn s10_forged_bodies_touch_nothing_else() {
    let place = Place::start().await;
    let token = place.token(Role::Operator, &["prod"]).await;
    let victim = created(&place, &token, &ada()).await;
    let forged = |change: &dyn Fn(&mut Value)| {
        let mut body = json!({"schemas": [USER], "userName": "eve"});
        change(&mut body);
        body
    };
    // Refused: each of these, and nothing is made.
    for body in [
        forged(&|body| body["externalId"] = json!(1)),
        forged(&|body| body["externalId"] = json!({"a": 1})),
        forged(&|body| body["externalId"] = json!("a\u{0}b")),
        forged(&|body| body["externalId"] = json!("x".repeat(5_000))),
        forged(&|body| body["schemas"] = json!(["urn:none"])),
        forged(&|body| body["password"] = json!("canary-Passw0rd!")),
        forged(&|body| body["roles"] = json!(["admin"])),
        forged(&|body| body["urn:none:internal"] = json!({"a": 1})),
        forged(&|body| body["userName"] = json!("../1")),
        forged(&|body| body["userName"] = json!("éve")),
        forged(&|body| body["userName"] = json!("e".repeat(65))),
    ] {
        let (status, answer) = answered(post(&place, &token, &body)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert!(!answer.to_string().contains("canary"), "{answer}");
    }
    assert!(place.in_aws("eve").is_none());
    // Ignored: what only the server writes. An externalId that looks like something of ours is only a text.
    for (number, external_id) in
        ["1", "admin", "../1", "😀", victim["id"].as_str().unwrap()].iter().enumerate()
    {
        let name = format!("eve{number}");
        let body = json!({
            "schemas": [USER], "userName": name, "externalId": external_id,
            "id": victim["id"], "meta": {"resourceType": "Group", "version": "W/\"1\""},
            "groups": [{"value": "AGPA1"}], "entitlements": [{"value": "arn:aws:iam::aws:policy/AdministratorAccess"}],
        });
        let made = created(&place, &token, &body).await;
        assert_ne!(made["id"], victim["id"]);
        assert_eq!(
            (&made["externalId"], &made["meta"]["resourceType"]),
            (&json!(external_id), &json!("User"))
        );
        // What it holds is what every new user gets, so that the first password can be changed.
        assert_eq!(made.get("groups"), None);
        assert!(!made["entitlements"].to_string().contains("Administrator"), "{made}");
    }
    let large = json!({"schemas": [USER], "userName": "eve", "externalId": "x".repeat(1024 * 1024)});
    assert_eq!(refused(post(&place, &token, &large)).await.0, 413);
    let twice = json!({"schemas": [USER], "userName": "eve", "externalId": "7"});
    assert_eq!(refused(post(&place, &token, &twice)).await, (409, "uniqueness".to_owned()));
    assert!(place.in_aws("eve").is_none());
    let now = place.request(Method::GET, &at(&victim), Some(&token));
    assert_eq!(answered(now).await.1, victim);
    place.stop().await;
}

#[tokio::test]
async fn s11_each_patch_has_its_result_and_gives_no_rights() {
    let place = Place::start().await;
    let made = created(&place, place.admin(), &ada()).await;
    let calls = place.sandbox.trace().len();
    let admin = "arn:aws:iam::aws:policy/AdministratorAccess";
    for (operation, expected) in [
        (json!({"op": "replace", "path": "password", "value": "canary"}), (400, "invalidPath")),
        (json!({"op": "add", "path": "roles", "value": ["admin"]}), (400, "invalidPath")),
        (json!({"op": "add", "path": "entitlements", "value": [{"value": admin}]}), (400, "mutability")),
        (json!({"op": "add", "path": "groups", "value": [{"value": "AGPA1"}]}), (400, "mutability")),
        (json!({"op": "add", "path": "urn:none:internal:roles", "value": 1}), (400, "invalidPath")),
        (json!({"op": "replace", "path": "id", "value": "AIDA1"}), (400, "mutability")),
        (json!({"op": "replace", "path": format!("{AWS_USER}:arn"), "value": admin}), (400, "mutability")),
        (json!({"op": "remove"}), (400, "noTarget")),
        (json!({"op": "replace", "path": "emails[0].value", "value": "x"}), (400, "invalidPath")),
        (json!({"op": "REPLACE", "path": "active", "value": false}), (400, "invalidSyntax")),
        (json!({"op": "replace", "path": "active", "value": "FALSE"}), (400, "invalidValue")),
        (json!({"op": "remove", "path": "userName"}), (400, "mutability")),
    ] {
        let expected = (expected.0, expected.1.to_owned());
        let request = patch(&place, place.admin(), &at(&made), json!([operation]));
        assert_eq!(refused(request).await, expected, "{operation}");
        // All of a PATCH or nothing.
        let both = json!([{"op": "replace", "path": "displayName", "value": "half"}, operation]);
        assert_eq!(refused(patch(&place, place.admin(), &at(&made), both)).await, expected, "{operation}");
    }
    assert_eq!(place.sandbox.trace().len(), calls, "AWS was asked nothing");
    assert_eq!(place.get(&at(&made)).await["displayName"], made["displayName"]);
    place.stop().await;
}

#[tokio::test]
async fn s11_a_protected_account_is_not_touched() {
    let place = Place::start().await;
    let made = created(&place, place.admin(), &ada()).await;
    let protection = Protection {
        kind: ProtectionKind::Account("ada.scim".to_owned()),
        reason: None,
        added_by: "local:test".to_owned(),
        added_at: place.clock.now(),
    };
    place.store.add_protection(&system("prod"), &protection).await.unwrap();
    let before = place.in_aws("ada.scim");
    for change in [
        json!([{"op": "replace", "path": "userName", "value": "eve"}]),
        json!([{"op": "replace", "path": "active", "value": false}]),
    ] {
        assert_eq!(refused(patch(&place, place.admin(), &at(&made), change)).await.0, 403);
    }
    assert_eq!(refused(place.request(Method::DELETE, &at(&made), Some(place.admin()))).await.0, 403);
    assert_eq!(place.in_aws("ada.scim"), before);
    assert_eq!(place.get(&at(&made)).await["active"], true);
    place.stop().await;
}

/// Who is there already is not taken over, whether an import has seen the user or not.
#[tokio::test]
async fn s15_a_user_that_aws_has_is_not_adopted() {
    let place = Place::start().await;
    let users = place.get("/scim/v2/prod/Users?count=1").await;
    let there = users["Resources"][0]["userName"].as_str().unwrap();
    for name in [there.to_owned(), there.to_uppercase()] {
        let body = json!({"schemas": [USER], "userName": name, "externalId": "1", "displayName": "Mine"});
        assert_eq!(
            refused(post(&place, place.admin(), &body)).await,
            (409, "uniqueness".to_owned()),
            "{name}"
        );
    }
    let at_them = format!("/scim/v2/prod/Users/{}", users["Resources"][0]["id"].as_str().unwrap());
    assert_eq!(place.get(&at_them).await, users["Resources"][0], "nothing is said of them");
    // Made elsewhere, after the import.
    let made = json!({"schemas": [USER], "userName": "newcomer"});
    let client = keyreeve_sandbox::Mutation::CreateUser {
        name: "newcomer".to_owned(),
        path: "/".to_owned(),
        tags: Vec::new(),
        boundary: None,
    };
    place.sandbox.mutate("111122223333", &[client]).unwrap();
    let before = place.in_aws("newcomer").unwrap();
    assert_eq!(refused(post(&place, place.admin(), &made)).await, (409, "uniqueness".to_owned()));
    assert_eq!(place.in_aws("newcomer").unwrap(), before);
    let called = place.store.scim_called(&system("prod"), "admin-", "User", "1").await.unwrap();
    assert_eq!(called, None);
    place.stop().await;
}

/// S14: who may read may not write, and no system but one's own is written to.
#[tokio::test]
async fn s14_whose_token_it_is_decides_what_is_changed() {
    let place = Place::start().await;
    let made = created(&place, place.admin(), &ada()).await;
    let calls = place.sandbox.trace().len();
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": []});
    for (role, systems, status) in [
        (Role::Viewer, &["prod"][..], 403),
        (Role::Approver, &["prod"], 403),
        (Role::Admin, &["test"], 403),
        (Role::Viewer, &[], 403),
    ] {
        let token = place.token(role, systems).await;
        let off = json!([{"op": "replace", "path": "active", "value": false}]);
        for request in [
            post(&place, &token, &json!({"schemas": [USER], "userName": "eve"})),
            patch(&place, &token, &at(&made), off),
            place.request(Method::PUT, &at(&made), Some(&token)).json(&ada()),
            place.request(Method::DELETE, &at(&made), Some(&token)),
            place.request(Method::POST, "/scim/v2/prod/Bulk", Some(&token)).json(&bulk),
            place.request(Method::DELETE, "/scim/v2/prod/Users/NOBODY", Some(&token)),
        ] {
            assert_eq!(refused(request).await.0, status, "{role:?} {systems:?}");
        }
    }
    assert_eq!(place.sandbox.trace().len(), calls);
    place.stop().await;
}

/// Words of SCIM for what is refused before SCIM has its turn, and no command for who has no command line.
#[tokio::test]
async fn what_clients_cannot_do_is_not_asked_of_them() {
    let place = Place::start().await;
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let body = place.request(Method::POST, super::users::USERS, Some(place.admin()));
    let body = body.header("content-type", "application/scim+json").body(deep);
    assert_eq!(refused(body).await, (400, "invalidSyntax".to_owned()));
    let nowhere = place.request(Method::GET, "/scim/v2/nowhere/Users", Some(place.admin()));
    let (status, answer) = answered(nowhere).await;
    let detail = answer["detail"].as_str().unwrap();
    assert!(
        status == StatusCode::NOT_FOUND && !detail.contains("keyreeve") && detail.contains("address"),
        "{detail}"
    );
    place.not_imported("fresh").await;
    let (_, answer) = answered(place.request(Method::GET, "/scim/v2/fresh/Users", Some(place.admin()))).await;
    assert!(
        answer["detail"].as_str().unwrap().contains("an administrator of Keyreeve imports it"),
        "{answer}"
    );
    place.stop().await;
}
