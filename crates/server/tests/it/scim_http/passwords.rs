//! S11: a password that a client chose becomes the console password, where that is switched on, and is found nowhere.

use keyreeve_model::{PermissionProfile, ScimPassword, SystemSettings};
use keyreeve_sandbox::{Effect, FaultRule, Mutation, PasswordPolicy};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::users::{USER, ada, at, created, patch, post};
use super::{answered, encoded, refused};
use crate::place::{PROD_ACCOUNT, Place, system};

fn accepting(profile: PermissionProfile) -> SystemSettings {
    SystemSettings {
        permission_profile: profile,
        scim_password: ScimPassword::Accept,
        ..SystemSettings::default()
    }
}

async fn place() -> Place {
    Place::with(accepting(PermissionProfile::Full)).await
}

fn with_password(password: &Value) -> Value {
    let mut body = ada();
    body["password"] = password.clone();
    body
}

fn put(place: &Place, user: &Value, body: &Value) -> RequestBuilder {
    place.request(Method::PUT, &at(user), Some(place.admin())).json(body)
}

fn set(place: &Place, user: &Value, password: &str) -> RequestBuilder {
    patch(place, place.admin(), &at(user), json!([{"op": "replace", "path": "password", "value": password}]))
}

fn signs_in(place: &Place, user: &str, password: &str) -> bool {
    place.sandbox.signs_in(PROD_ACCOUNT, user, password).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s11_a_chosen_password_is_set_by_post_put_and_patch_and_is_found_nowhere() {
    let place = place().await;
    let chosen = ["canary-1-Post!", "canary-2-Put!!", "canary-3-Patch", "canary-4-Back!"];
    let made = created(&place, place.admin(), &with_password(&json!(chosen[0]))).await;
    let mut seen = vec![made.to_string()];
    assert!(signs_in(&place, "ada.scim", chosen[0]));
    let (status, changed) = answered(put(&place, &made, &with_password(&json!(chosen[1])))).await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    seen.push(changed.to_string());
    assert!(signs_in(&place, "ada.scim", chosen[1]) && !signs_in(&place, "ada.scim", chosen[0]));
    let (status, changed) = answered(set(&place, &made, chosen[2])).await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    seen.push(changed.to_string());
    assert!(signs_in(&place, "ada.scim", chosen[2]) && !signs_in(&place, "ada.scim", chosen[1]));
    let login = &place.in_aws("ada.scim").unwrap()["login_profile"];
    assert_eq!(login["reset_required"], true, "it must be changed at the next sign-in");
    // What comes back comes back with the password of the client, too.
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    answered(patch(&place, place.admin(), &at(&made), off)).await;
    assert!(!signs_in(&place, "ada.scim", chosen[2]));
    let on = json!([
        {"op": "replace", "path": "active", "value": true},
        {"op": "add", "path": "password", "value": chosen[3]},
    ]);
    let (status, back) = answered(patch(&place, place.admin(), &at(&made), on)).await;
    assert_eq!((status, &back["active"]), (StatusCode::OK, &json!(true)), "{back}");
    seen.push(back.to_string());
    assert!(signs_in(&place, "ada.scim", chosen[3]));
    // A password is a change, even if nothing else is: each was a job.
    let jobs = place.all("/api/v1/systems/prod/jobs", 1000).await;
    assert_eq!(jobs.len(), 5, "{jobs:?}");
    for job in &jobs {
        seen.push(place.get(&format!("/api/v1/jobs/{}", job["id"])).await.to_string());
        for task in job["tasks"].as_array().into_iter().flatten() {
            assert_eq!(task["delivery"], Value::Null);
        }
    }
    seen.push(Value::from(place.all("/api/v1/audit", 1000).await).to_string());
    seen.push(place.get("/scim/v2/prod/Users?attributes=password&count=1000").await.to_string());
    seen.push(place.get(&format!("{}?attributes=password", at(&made))).await.to_string());
    assert!(seen.iter().all(|text| !text.contains("canary")), "{seen:?}");
    assert_eq!(place.files_with("canary"), 0, "it stands in no table");
    for task in 1..=5 {
        let left = place.store.given_password(&system("prod"), keyreeve_model::TaskId(task)).await.unwrap();
        assert!(left.is_none(), "it is wiped");
    }
    // It can be neither looked for nor sorted by.
    for filter in ["password pr", "password eq \"canary-3-Patch\"", "not (password co \"a\")"] {
        let found = place.request(
            Method::GET,
            &format!("/scim/v2/prod/Users?filter={}", encoded(filter)),
            Some(place.admin()),
        );
        assert_eq!(refused(found).await, (400, "invalidFilter".to_owned()), "{filter}");
    }
    let sorted = place.request(Method::GET, "/scim/v2/prod/Users?sortBy=password", Some(place.admin()));
    assert_eq!(refused(sorted).await.0, 400);
    place.stop().await;
}

/// It lies sealed while the job is under way, and is gone with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s11_a_chosen_password_lies_sealed_until_it_is_set() {
    let settings = SystemSettings { scim_wait_seconds: 1, ..accepting(PermissionProfile::Full) };
    let place = Place::with(settings).await;
    let slow = FaultRule::new("CreateUser", Effect::Latency { ms: 3_000 }).times(1).min_fires(1);
    place.sandbox.add_fault(slow);
    let (status, late) =
        answered(post(&place, place.admin(), &with_password(&json!("canary-1-Post!")))).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{late}");
    let task = keyreeve_model::TaskId(1);
    let kept = place.store.given_password(&system("prod"), task).await.unwrap();
    assert_eq!(kept.unwrap().expose(), "canary-1-Post!");
    assert_eq!(place.files_with("canary"), 0);
    assert!(place.store.given_password(&system("test"), task).await.is_err(), "it is bound to its system");
    place.ended("/api/v1/jobs/1").await;
    assert!(signs_in(&place, "ada.scim", "canary-1-Post!"));
    assert!(place.store.given_password(&system("prod"), task).await.unwrap().is_none());
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s11_what_the_policy_of_now_does_not_take_is_refused_before_anything_is_done() {
    let place = place().await;
    let made = created(&place, place.admin(), &ada()).await;
    // Set after the import, and never read since.
    let policy = PasswordPolicy {
        minimum_length: 14,
        require_symbols: true,
        require_numbers: true,
        require_uppercase: true,
        require_lowercase: true,
        ..PasswordPolicy::default()
    };
    place.sandbox.mutate(PROD_ACCOUNT, &[Mutation::SetPasswordPolicy { policy: Some(policy) }]).unwrap();
    let jobs = place.all("/api/v1/systems/prod/jobs", 1000).await.len();
    let writes = place.writes().len();
    for (password, rule) in [
        ("canarY-1", "at least 14"),
        ("canary-1-canary-1", "capital letter"),
        ("CANARY-1-CANARY-1", "small letter"),
        ("canarY-canarY-canarY", "digit"),
        ("canarY1canarY1canarY1", "symbol"),
        ("canarY-1-canarY-\u{1f511}", "U+00FF"),
    ] {
        let mut eve = with_password(&json!(password));
        (eve["userName"], eve["externalId"]) = (json!("eve"), json!("8"));
        let requests = [
            post(&place, place.admin(), &eve),
            put(&place, &made, &with_password(&json!(password))),
            set(&place, &made, password),
        ];
        for request in requests {
            let (status, body) = answered(request).await;
            assert_eq!((status.as_u16(), &body["scimType"]), (400, &json!("invalidValue")), "{body}");
            let detail = body["detail"].as_str().unwrap();
            assert!(detail.contains(rule) && !detail.to_lowercase().contains("canary"), "{detail}");
        }
    }
    // What is no text, or empty, is none either.
    for value in [json!(""), json!(7), json!(["canary-1-canarY"]), json!({"value": "canary-1-canarY"})] {
        let (status, body) = answered(put(&place, &made, &with_password(&value))).await;
        assert_eq!((status.as_u16(), &body["scimType"]), (400, &json!("invalidValue")), "{value}: {body}");
        assert!(!body.to_string().contains("canary"), "{body}");
    }
    // A password is a way in: who is not to be used gets none.
    let mut off = with_password(&json!("canarY-1-canarY-1"));
    off["active"] = json!(false);
    assert_eq!(refused(put(&place, &made, &off)).await, (400, "invalidValue".to_owned()));
    (off["userName"], off["externalId"]) = (json!("eve"), json!("8"));
    assert_eq!(refused(post(&place, place.admin(), &off)).await, (400, "invalidValue".to_owned()));
    assert_eq!(place.all("/api/v1/systems/prod/jobs", 1000).await.len(), jobs, "nothing was asked for");
    assert_eq!(place.writes().len(), writes);
    assert!(place.in_aws("eve").is_none());
    assert_eq!(place.files_with("canar"), 0);
    place.stop().await;
}

/// A password is gone with its job: who tries that again gets a new one, by a one-time secret.
#[tokio::test]
async fn s11_a_job_that_is_tried_again_makes_a_password_of_its_own() {
    let place = place().await;
    let denied = FaultRule::new("CreateLoginProfile", Effect::AccessDenied).times(1).min_fires(1);
    place.sandbox.add_fault(denied);
    let (status, body) =
        answered(post(&place, place.admin(), &with_password(&json!("canary-1-Post!")))).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
    assert!(!body.to_string().contains("canary"));
    let task = keyreeve_model::TaskId(1);
    assert!(place.store.given_password(&system("prod"), task).await.unwrap().is_none());
    let (status, again) = place.post("/api/v1/jobs/1/retry", &json!({})).await;
    assert!(status.is_success(), "{status} {again}");
    assert!(again.to_string().contains("krs_"), "{again}");
    let job = place.ended("/api/v1/jobs/1").await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    assert!(!signs_in(&place, "ada.scim", "canary-1-Post!"));
    assert!(!place.in_aws("ada.scim").unwrap()["login_profile"].is_null());
    place.stop().await;
}

/// S11: refused unless it is switched on, and where the account's policy cannot be read.
#[tokio::test]
async fn s11_passwords_are_refused_unless_they_are_switched_on_and_can_be_checked() {
    let place = Place::start().await;
    let made = created(&place, place.admin(), &ada()).await;
    let jobs = place.all("/api/v1/systems/prod/jobs", 1000).await.len();
    let whole = with_password(&json!("canary-1-Passw0rd!"));
    let mut eve = whole.clone();
    (eve["userName"], eve["externalId"]) = (json!("eve"), json!("8"));
    assert_eq!(refused(post(&place, place.admin(), &eve)).await, (400, "invalidSyntax".to_owned()));
    assert_eq!(refused(put(&place, &made, &whole)).await, (400, "invalidSyntax".to_owned()));
    assert_eq!(refused(set(&place, &made, "canary-1-Passw0rd!")).await, (400, "invalidPath".to_owned()));
    assert_eq!(place.all("/api/v1/systems/prod/jobs", 1000).await.len(), jobs);
    let config = place.get("/scim/v2/prod/ServiceProviderConfig").await;
    assert_eq!(config["changePassword"]["supported"], false);
    place.stop().await;

    let place = Place::with(accepting(PermissionProfile::Reference)).await;
    let eve = json!({"schemas": [USER], "userName": "eve", "password": "canary-1-Passw0rd!"});
    let (status, body) = answered(post(&place, place.admin(), &eve)).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
    assert!(body["detail"].as_str().unwrap().contains("iam:GetAccountPasswordPolicy"), "{body}");
    assert!(place.in_aws("eve").is_none());
    let config = place.get("/scim/v2/prod/ServiceProviderConfig").await;
    assert_eq!(config["changePassword"]["supported"], true);
    place.stop().await;
}
