//! The access key of a system, replaced over REST: once, by an admin, and its secret stands nowhere.

use keyreeve_model::Role;
use keyreeve_sandbox::{Effect, FaultRule};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::place::{Place, system};

const ADDRESS: &str = "/api/v1/systems/prod/rotate-key";

async fn with_key(place: &Place, token: &str, key: &str, body: &Value) -> (StatusCode, Value) {
    let request = place.request(Method::POST, ADDRESS, Some(token)).header("idempotency-key", key);
    let answer = request.json(body).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

async fn key_in_use(place: &Place) -> String {
    let system = place.store.get_system(&system("prod")).await.unwrap();
    system.credential.access_key_id().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_replaced_once_however_often_the_same_request_comes() {
    let place = Place::start().await;
    let old = key_in_use(&place).await;
    let (status, plan) = place.post(ADDRESS, &json!({"preview": true})).await;
    assert_eq!((status, &plan["state"]), (StatusCode::OK, &"planned".into()), "{plan}");
    assert_eq!((&plan["old_key"], &plan["under_way"]), (&old.as_str().into(), &Value::Null), "{plan}");
    assert_eq!(place.writes(), Vec::<String>::new(), "a preview changes nothing");
    // An admin of this system alone may.
    let admin = place.token(Role::Admin, &["prod"]).await;
    let body = json!({"reason": "quarterly"});
    let (status, done) = with_key(&place, &admin, "k1", &body).await;
    assert_eq!((status, &done["state"]), (StatusCode::OK, &"done".into()), "{done}");
    assert_eq!((&done["old_key"], &done["repeated"]), (&old.as_str().into(), &false.into()), "{done}");
    assert_eq!(done["new_key"], key_in_use(&place).await.as_str());
    let (status, again) = with_key(&place, &admin, "k1", &body).await;
    assert_eq!((status, &again["repeated"]), (StatusCode::OK, &true.into()), "{again}");
    assert_eq!((&again["new_key"], &again["user"]), (&done["new_key"], &done["user"]), "{again}");
    let (status, other) = with_key(&place, &admin, "k1", &json!({})).await;
    assert_eq!((status.as_u16(), &other["code"]), (422, &"key_reused".into()), "{other}");
    assert_eq!(place.calls("CreateAccessKey"), 1);
    // A request of somebody else is another one, and what it came to is told apart from the first.
    let (status, second) = with_key(&place, place.admin(), "k1", &body).await;
    assert_eq!((status, &second["old_key"]), (StatusCode::OK, &done["new_key"]), "{second}");
    let (_, again) = with_key(&place, &admin, "k1", &body).await;
    assert_eq!(again["new_key"], done["new_key"], "{again}");
    let rows = place.get("/api/v1/audit?system_id=prod&action=key_rotation_begun&sort=seq").await;
    let row = &rows["items"][0];
    assert_eq!((&row["actor"], &row["subject"]["reason"]), (&"admin-prod".into(), &"quarterly".into()));
    place.stop().await;
}

/// The key is replaced for all systems that sign in with it, so whoever has it replaced is an admin of each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_of_one_system_does_not_replace_the_key_of_another_one_too() {
    let place = Place::start().await;
    let key = place.sandbox.connector_key(crate::place::PROD_ACCOUNT).unwrap();
    let credential = json!({
        "kind": "access_key", "access_key_id": key.access_key_id, "secret_access_key": key.secret_access_key,
    });
    let other = json!({
        "system_id": "elsewhere", "name": "Elsewhere", "region": "eu-central-1", "credential": credential,
    });
    let (status, made) = place.post("/api/v1/systems", &other).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let old = key_in_use(&place).await;
    let admin = place.token(Role::Admin, &["prod"]).await;
    for body in [json!({"preview": true}), json!({})] {
        let (status, problem) = place.send(Method::POST, ADDRESS, &admin, &body).await;
        assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &"forbidden".into()), "{problem}");
        assert!(!problem.to_string().contains("elsewhere"), "{problem}");
    }
    assert_eq!((place.calls("CreateAccessKey"), key_in_use(&place).await), (0, old));
    let both = place.token(Role::Admin, &["prod", "elsewhere"]).await;
    let (status, done) = place.send(Method::POST, ADDRESS, &both, &json!({})).await;
    assert_eq!((status, &done["also"]), (StatusCode::OK, &json!(["elsewhere"])), "{done}");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_keeps_a_key_from_being_replaced_is_told_and_a_repeat_tries_anew() {
    let place = Place::start().await;
    let old = key_in_use(&place).await;
    place.sandbox.add_fault(FaultRule::new("CreateAccessKey", Effect::AccessDenied));
    let (status, problem) = with_key(&place, place.admin(), "k1", &json!({})).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &"key_not_rotated".into()), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("iam:CreateAccessKey"), "{problem}");
    assert_eq!(key_in_use(&place).await, old);
    place.sandbox.clear_faults();
    place.sandbox.add_fault(FaultRule::new("UpdateAccessKey", Effect::AccessDenied));
    let (status, problem) = with_key(&place, place.admin(), "k1", &json!({})).await;
    assert_eq!((status, &problem["code"]), (StatusCode::BAD_GATEWAY, &"rotation_failed".into()), "{problem}");
    place.sandbox.clear_faults();
    let (status, problem) = place.post(ADDRESS, &json!({"reason": "x".repeat(1_001)})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
    place.stop().await;
}
