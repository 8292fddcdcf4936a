//! The protect list, tokens, import profiles, passwords in operator mode and the audit log, over REST.

use keyreeve_model::{ImportProfile, PasswordDelivery, PermissionProfile, SystemSettings};
use keyreeve_store::SystemPatch;
use reqwest::header::CACHE_CONTROL;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::place::{Place, system};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_protected_over_rest_is_left_alone_until_it_is_no_more() {
    let place = Place::start().await;
    let address = "/api/v1/systems/prod/protections";
    let body = json!({"kind": "account", "value": "Ada", "reason": "on call"});
    let (status, made) = place.post(address, &body).await;
    assert_eq!((status, &made["added_by"]), (StatusCode::OK, &"admin-".into()), "{made}");
    assert_eq!(place.get(address).await["items"], json!([made]));
    let wish = json!({"wishes": [{"task": "create_account", "name": "ada"}]});
    let (_, plan) = place.post("/api/v1/systems/prod/plans", &wish).await;
    assert_eq!(plan["tasks"][0]["obstacles"][0]["kind"], "protected", "{plan}");
    let gone = format!("{address}?kind=account&value=Ada");
    let (status, _) = place.send(Method::DELETE, &gone, place.admin(), &Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, problem) = place.send(Method::DELETE, &gone, place.admin(), &Value::Null).await;
    assert_eq!((status, &problem["code"]), (StatusCode::NOT_FOUND, &"protection_not_found".into()));
    let (_, plan) = place.post("/api/v1/systems/prod/plans", &wish).await;
    assert_eq!(plan["tasks"][0]["obstacles"], json!([]));
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_made_over_rest_lets_in_until_it_is_taken_back() {
    let place = Place::start().await;
    let body = json!({"owner": "reports", "role": "viewer", "systems": ["prod"], "expires_in_days": 1});
    let request = place.request(Method::POST, "/api/v1/tokens", Some(place.admin())).json(&body);
    let answer = request.send().await.unwrap();
    assert_eq!(
        (answer.status(), &answer.headers()[CACHE_CONTROL]),
        (StatusCode::OK, &"no-store".parse().unwrap())
    );
    let made: Value = answer.json().await.unwrap();
    let text = made["text"].as_str().unwrap();
    let accounts = "/api/v1/systems/prod/accounts";
    assert_eq!(place.ask(accounts, Some(text)).await.0, StatusCode::OK);
    assert_eq!(place.ask("/api/v1/systems/test/accounts", Some(text)).await.0, StatusCode::FORBIDDEN);
    assert!(!place.get("/api/v1/tokens").await.to_string().contains(text));
    let revoke = format!("/api/v1/tokens/{}/revoke", made["id"].as_str().unwrap());
    let (status, revoked) = place.post(&revoke, &json!({"reason": "lost"})).await;
    assert!(status == StatusCode::OK && !revoked["revoked_at"].is_null(), "{revoked}");
    assert_eq!(place.ask(accounts, Some(text)).await.0, StatusCode::UNAUTHORIZED);
    for bad in [
        json!({"owner": "local:root", "role": "admin"}),
        json!({"owner": "a", "role": "admin", "expires_in_days": 0}),
    ] {
        assert_eq!(place.post("/api/v1/tokens", &bad).await.0, StatusCode::BAD_REQUEST);
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn profiles_are_set_whole_passwords_shown_in_operator_mode_and_the_log_is_verified() {
    let place = Place::start().await;
    let address = "/api/v1/systems/prod/import-profiles/nightly";
    let mut profile = json!(ImportProfile::default_named("nightly".parse().unwrap()));
    profile["schedule"] = json!("30 2 * * *");
    let put = |condition: &'static str, body: &Value| {
        place.request(Method::PUT, address, Some(place.admin())).header(condition, "*").json(body).send()
    };
    let set = put("if-none-match", &profile).await.unwrap();
    assert_eq!((set.status(), &set.json::<Value>().await.unwrap()), (StatusCode::OK, &profile));
    assert_eq!(place.get(address).await, profile);
    profile["name"] = json!("other");
    assert_eq!(put("if-match", &profile).await.unwrap().status(), StatusCode::BAD_REQUEST);
    let settings = SystemSettings {
        permission_profile: PermissionProfile::Full,
        password_delivery: PasswordDelivery::Operator,
        ..SystemSettings::default()
    };
    let patch = SystemPatch { settings: Some(settings), ..SystemPatch::default() };
    place.store.update_system(&system("prod"), patch, "local:test", place.clock.now()).await.unwrap();
    let wish = json!({"wishes": [{"task": "create_account", "name": "ada"}]});
    let job = place.post("/api/v1/systems/prod/jobs", &wish).await.1;
    assert_eq!(place.ended(&format!("/api/v1/jobs/{}", job["id"])).await["state"], "succeeded");
    let reveal = format!("/api/v1/tasks/{}/password", job["tasks"][0]["id"]);
    let (status, shown) = place.post(&reveal, &json!({})).await;
    assert!(status == StatusCode::OK && shown["password"].as_str().unwrap().len() > 11);
    let (status, problem) = place.post(&reveal, &json!({})).await;
    assert_eq!((status, &problem["code"]), (StatusCode::GONE, &"gone".into()));
    let verified = place.get("/api/v1/audit/verification").await;
    let head = place.store.verify_audit().await.unwrap();
    assert_eq!((&verified["intact"], &verified["hash"]), (&true.into(), &head.hash.into()));
    place.stop().await;
}
