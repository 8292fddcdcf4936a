//! Who may sign in, changed by an admin; and one's own password.

use keyreeve_model::Role;
use reqwest::header::SET_COOKIE;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::place::{PASSWORD, Place};

const OTHER: &str = "another long sentence";

async fn sign_in(place: &Place, name: &str, password: &str) -> Option<String> {
    let body = json!({"name": name, "password": password});
    let answer = place.request(Method::POST, "/api/v1/session", None).json(&body).send().await.unwrap();
    let cookie = answer.headers().get(SET_COOKIE)?.to_str().unwrap().split(';').next().unwrap().to_owned();
    Some(cookie)
}

/// With a cookie, from our own page.
async fn by_cookie(
    place: &Place,
    method: Method,
    address: &str,
    cookie: &str,
    body: Option<&Value>,
) -> (StatusCode, Option<String>, Value) {
    let request = place.request(method, address, None).header("cookie", cookie).header("origin", &place.url);
    let request = body.into_iter().fold(request, |request, body| request.json(body));
    let answer = request.send().await.unwrap();
    let set = answer.headers().get(SET_COOKIE).map(|set| set.to_str().unwrap().to_owned());
    let set = set.map(|set| set.split(';').next().unwrap().to_owned());
    (answer.status(), set, answer.json().await.unwrap_or_default())
}

async fn reads(place: &Place, cookie: &str) -> StatusCode {
    by_cookie(place, Method::GET, "/api/v1/systems", cookie, None).await.0
}

#[tokio::test]
async fn an_admin_adds_people_and_changes_what_they_may() {
    let place = Place::start().await;
    let ada = json!({"name": "ada", "role": "operator", "systems": ["prod"], "password": PASSWORD});
    let (status, added) = place.post("/api/v1/people", &ada).await;
    assert_eq!(
        (status, &added["role"], &added["systems"]),
        (StatusCode::OK, &json!("operator"), &json!(["prod"]))
    );
    let (again, problem) = place.post("/api/v1/people", &ada).await;
    assert_eq!(again, StatusCode::CONFLICT, "{problem}");
    for (wrong, status) in [
        (json!({"name": "Ada", "role": "viewer", "password": PASSWORD}), StatusCode::BAD_REQUEST),
        (json!({"name": "eve", "role": "viewer", "password": "canary"}), StatusCode::BAD_REQUEST),
        (json!({"name": "eve", "role": "root", "password": PASSWORD}), StatusCode::BAD_REQUEST),
        (
            json!({"name": "eve", "role": "viewer", "systems": ["none"], "password": PASSWORD}),
            StatusCode::NOT_FOUND,
        ),
        (json!(["eve", "admin", [], PASSWORD]), StatusCode::BAD_REQUEST),
    ] {
        let (got, problem) = place.post("/api/v1/people", &wrong).await;
        assert_eq!(got, status, "{wrong}: {problem}");
        assert!(!problem.to_string().contains("canary"), "{problem}");
    }
    let listed = place.get("/api/v1/people").await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    assert!(!listed.to_string().contains("argon2"), "{listed}");

    let cookie = sign_in(&place, "ada", PASSWORD).await.unwrap();
    assert_eq!(reads(&place, &cookie).await, StatusCode::OK);
    let role = json!({"role": "viewer"});
    let (status, body) = place.send(Method::PUT, "/api/v1/people/ada/role", place.admin(), &role).await;
    assert_eq!((status, &body["systems"]), (StatusCode::OK, &json!([])), "{body}");
    assert_eq!(
        reads(&place, &cookie).await,
        StatusCode::UNAUTHORIZED,
        "the session went on with another role"
    );

    let cookie = sign_in(&place, "ada", PASSWORD).await.unwrap();
    let access = async |may: bool| {
        let body = json!({"may_sign_in": may});
        place.send(Method::PUT, "/api/v1/people/ada/access", place.admin(), &body).await.0
    };
    assert_eq!(access(false).await, StatusCode::OK);
    assert_eq!(reads(&place, &cookie).await, StatusCode::UNAUTHORIZED);
    assert_eq!(sign_in(&place, "ada", PASSWORD).await, None);
    assert_eq!(access(true).await, StatusCode::OK);

    let cookie = sign_in(&place, "ada", PASSWORD).await.unwrap();
    let other = json!({"password": OTHER});
    let (status, body) = place.send(Method::PUT, "/api/v1/people/ada/password", place.admin(), &other).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(reads(&place, &cookie).await, StatusCode::UNAUTHORIZED);
    assert!(sign_in(&place, "ada", OTHER).await.is_some());

    let gone = place.send(Method::DELETE, "/api/v1/people/ada?reason=left", place.admin(), &json!({})).await;
    assert_eq!(gone.0, StatusCode::OK, "{}", gone.1);
    assert_eq!(sign_in(&place, "ada", OTHER).await, None);
    assert_eq!(access(false).await, StatusCode::NOT_FOUND);
    place.stop().await;
}

#[tokio::test]
async fn who_has_a_password_changes_it_and_every_other_session_ends() {
    let place = Place::start().await;
    place.person("ada", Role::Viewer, &[]).await;
    let (here, there) =
        (sign_in(&place, "ada", PASSWORD).await.unwrap(), sign_in(&place, "ada", PASSWORD).await.unwrap());
    let change = async |cookie: &str, old: &str, new: &str| {
        let body = json!({"password": old, "new_password": new});
        by_cookie(&place, Method::PUT, "/api/v1/session/password", cookie, Some(&body)).await
    };
    let (status, set, problem) = change(&here, "not the canary", OTHER).await;
    assert_eq!((status, set), (StatusCode::UNAUTHORIZED, None), "{problem}");
    let (status, _, problem) = change(&here, PASSWORD, "canary").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
    assert!(!problem.to_string().contains("canary"), "{problem}");
    assert_eq!(reads(&place, &here).await, StatusCode::OK);
    let body = json!({"password": PASSWORD, "new_password": OTHER});
    let by_token = place.send(Method::PUT, "/api/v1/session/password", place.admin(), &body).await;
    assert_eq!(by_token.0, StatusCode::CONFLICT, "{}", by_token.1);

    let (status, set, who) = change(&here, PASSWORD, OTHER).await;
    assert_eq!((status, &who["name"]), (StatusCode::OK, &json!("ada")), "{who}");
    let now = set.unwrap();
    assert_eq!(reads(&place, &now).await, StatusCode::OK);
    for ended in [&here, &there] {
        assert_eq!(reads(&place, ended).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(sign_in(&place, "ada", PASSWORD).await, None);
    assert!(sign_in(&place, "ada", OTHER).await.is_some());
    place.stop().await;
}
