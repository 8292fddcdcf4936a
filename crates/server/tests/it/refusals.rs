//! What is refused is refused in one form: a problem with a stable code and the request's id, and nothing secret.

use jiff::SignedDuration;
use keyreeve_model::{PasswordDelivery, Role, SystemSettings, TokenId};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::place::Place;

async fn problem(request: reqwest::RequestBuilder) -> (StatusCode, String) {
    let answer = request.send().await.unwrap();
    let (status, id) = (answer.status(), answer.headers()["x-request-id"].to_str().unwrap().to_owned());
    assert_eq!(answer.headers()[CONTENT_TYPE], "application/problem+json");
    assert_eq!(answer.headers().contains_key(WWW_AUTHENTICATE), status == StatusCode::UNAUTHORIZED);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["status"], status.as_u16());
    assert_eq!(body["request_id"], id);
    assert!(body["detail"].as_str().unwrap().len() > 10);
    (status, body["code"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn s40_only_one_valid_bearer_token_lets_in() {
    let place = Place::start().await;
    let address = "/api/v1/systems";
    let get = || place.request(Method::GET, address, None);
    let ok = place.token(Role::Viewer, &[]).await;
    assert_eq!(place.ask(address, Some(&ok)).await.0, StatusCode::OK);
    let expired = place.clock.now().checked_sub(SignedDuration::from_secs(1)).unwrap();
    let expired = place.token_until(Role::Admin, &[], Some(expired)).await;
    let revoked = place.token(Role::Admin, &[]).await;
    let id = TokenId(revoked.split('_').nth(2).unwrap().to_owned());
    place.store.revoke_token(&id, "local:test", None, place.clock.now()).await.unwrap();
    let other_half = format!("{}{}", &ok[..ok.len() - 1], if ok.ends_with('0') { '1' } else { '0' });
    let refused = [
        get(),
        get().bearer_auth(""),
        get().bearer_auth(other_half),
        get().bearer_auth(&ok[..ok.len() - 1]),
        get().bearer_auth(ok.to_uppercase()),
        get().bearer_auth(expired),
        get().bearer_auth(revoked),
        get().header(AUTHORIZATION, format!("Basic {ok}")),
        get().header(AUTHORIZATION, ok.as_str()),
        get().bearer_auth(&ok).header(AUTHORIZATION, "Bearer other"),
        place.request(Method::GET, &format!("{address}?access_token={ok}"), None),
    ];
    for request in refused {
        assert_eq!(problem(request).await, (StatusCode::UNAUTHORIZED, "unauthorised".to_owned()));
    }
    place.stop().await;
}

#[tokio::test]
async fn what_is_not_there_or_not_understood_has_its_code() {
    let place = Place::start().await;
    let cases = [
        ("/api/v1/systems/none", 404, "system_not_found"),
        ("/api/v1/systems/a%20b", 404, "not_found"),
        ("/api/v1/systems/none/accounts", 404, "system_not_found"),
        ("/api/v1/systems/prod/accounts/nobody", 404, "account_not_found"),
        ("/api/v1/systems/prod/accounts?staus=enabled", 400, "bad_request"),
        ("/api/v1/systems/prod/accounts?status=on", 400, "bad_request"),
        ("/api/v1/systems/prod/accounts?limit=0", 400, "bad_request"),
        ("/api/v1/systems/prod/accounts?limit=1001", 400, "bad_request"),
        ("/api/v1/systems/prod/accounts?cursor=AAAA", 400, "bad_request"),
        ("/api/v1/systems/prod/accounts?as_of=yesterday", 400, "bad_request"),
        ("/api/v1/systems/prod/accounts?as_of=2001-01-01T00:00:00Z", 404, "nothing_then"),
        ("/api/v1/systems/prod/accounts?as_of=2030-01-01T00:00:00Z&run=1", 400, "bad_request"),
        ("/api/v1/systems/prod/accounts?run=99", 404, "import_run_not_found"),
        ("/api/v1/import-runs/99", 404, "import_run_not_found"),
        ("/api/v1/import-runs/x", 404, "not_found"),
        ("/api/v1/jobs/1", 404, "job_not_found"),
        ("/api/v1/nothing", 404, "not_found"),
        ("/nothing", 404, "not_found"),
    ];
    for (address, status, code) in cases {
        let (found, found_code) = problem(place.request(Method::GET, address, Some(place.admin()))).await;
        assert_eq!((found.as_u16(), found_code.as_str()), (status, code), "{address}");
    }
    let put = place.request(Method::PUT, "/api/v1/systems", Some(place.admin()));
    assert_eq!(problem(put).await, (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed".to_owned()));
    place.stop().await;
}

#[tokio::test]
async fn a_store_that_fails_says_so_without_its_places() {
    let place = Place::start().await;
    place.store.close().await;
    let answer = place.request(Method::GET, "/api/v1/systems", Some(place.admin())).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let text = answer.text().await.unwrap();
    assert!(text.contains("store_unavailable") && !text.contains("store.db"), "{text}");
    let ready = place.request(Method::GET, "/readyz", None).send().await.unwrap();
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    let alive = place.request(Method::GET, "/healthz", None).send().await.unwrap();
    assert_eq!(alive.status(), StatusCode::OK);
    place.stop().await;
}

#[tokio::test]
async fn what_to_do_is_said_to_who_has_no_command_line_too() {
    let place = Place::start().await;
    let limited = place.token(Role::Viewer, &["prod"]).await;
    for (address, token, detail, advice) in [
        ("systems/none", place.admin(), "there is no system none", "`GET /api/v1/systems`"),
        (
            "import-runs/99",
            place.admin(),
            "there is no import run 99",
            "`GET /api/v1/systems/ID/import-runs`",
        ),
        ("jobs/99", place.admin(), "there is no job 99", "`GET /api/v1/systems/ID/jobs`"),
        (
            "systems/prod/accounts/nobody",
            place.admin(),
            "no account \"nobody\"",
            "`GET /api/v1/systems/prod/accounts`",
        ),
        ("audit", &limited, "for some systems only", "`system_id=ID`"),
    ] {
        let (_, problem) = place.ask(&format!("/api/v1/{address}"), Some(token)).await;
        let (said, then) = (problem["detail"].as_str().unwrap(), problem["advice"].as_str().unwrap());
        assert!(said.contains(detail) && !said.contains("keyreeve "), "{address}: {said}");
        assert!(then.contains(advice), "{address}: {then}");
    }
    place.stop().await;
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_with_the_field_and_what_it_takes() {
    let place = Place::start().await;
    let token = json!({"owner": "ada", "role": "viewer", "expires_in_days": 5_000_000_000_u64});
    let create = |name: Value| json!({"task": "create_account", "name": name});
    let wishes = json!({"wishes": [create("ada".into()), create(1.into())]});
    let twice = json!({"owner": "ada", "role": "king"});
    for (address, body, words) in [
        ("tokens", token, ["expires_in_days: ", "a whole number from 0 to 4294967295"]),
        ("systems/prod/plans", wishes, ["wishes[1]", "a string"]),
        ("tokens", twice, ["role: ", "viewer"]),
    ] {
        let (status, problem) = place.post(&format!("/api/v1/{address}"), &body).await;
        let said = problem["detail"].as_str().unwrap();
        assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_over_rest_names_no_option_of_the_command_line() {
    let settings =
        SystemSettings { password_delivery: PasswordDelivery::Recipient, ..SystemSettings::default() };
    let place = Place::with(settings).await;
    let wishes = json!({"wishes": [{"task": "create_account", "name": "ada"}]});
    let attempt = json!({"task": "update_account"});
    for (address, body, words) in
        [("jobs", wishes, "recipient:KEY"), ("mappings/AWS%20-%20User/try", attempt, "give its name")]
    {
        let (_, problem) = place.post(&format!("/api/v1/systems/prod/{address}"), &body).await;
        let said = problem.to_string();
        assert!(said.contains(words) && !said.contains("--"), "{address}: {said}");
    }
    place.stop().await;
}
