//! Signing in with a password, and what a cookie is good for: S19, S39 and S41 from the front door.

use keyreeve_model::Role;
use keyreeve_store::AuditFilter;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER, SET_COOKIE};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::place::{PASSWORD, Place};

/// What changes something, with a body that is taken.
const CHANGE: &str = "/api/v1/systems/prod/protections";

const FORM: &str = "application/x-www-form-urlencoded";

fn change() -> Value {
    json!({"kind": "path", "value": "/kept/"})
}

/// A request with a cookie, and with these headers besides.
fn by_cookie(
    place: &Place,
    method: Method,
    address: &str,
    cookie: &str,
    more: &[(&str, &str)],
) -> RequestBuilder {
    let request = place.request(method, address, None).header("cookie", cookie);
    more.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

async fn status(request: RequestBuilder) -> (StatusCode, Value) {
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap_or_default())
}

async fn sign_in(place: &Place, name: &str, password: &str) -> (StatusCode, HeaderMap, Value) {
    let body = json!({"name": name, "password": password});
    let answer = place.request(Method::POST, "/api/v1/session", None).json(&body).send().await.unwrap();
    (answer.status(), answer.headers().clone(), answer.json().await.unwrap_or_default())
}

#[tokio::test]
async fn who_signs_in_has_a_cookie_that_lets_in_until_they_sign_out() {
    let place = Place::start().await;
    place.person("ada", Role::Admin, &[]).await;
    let (ok, headers, body) = sign_in(&place, " Ada ", PASSWORD).await;
    assert_eq!(ok, StatusCode::OK, "{body}");
    let set = headers[SET_COOKIE].to_str().unwrap();
    let (cookie, attributes) = set.split_once(';').unwrap();
    assert_eq!(attributes, " Path=/; HttpOnly; SameSite=Lax");
    let value = cookie.strip_prefix("keyreeve=").unwrap();
    assert_eq!(value.len(), 64);
    assert!(!body.to_string().contains(value));
    assert_eq!(
        (&body["name"], &body["by"], &body["role"]),
        (&json!("ada"), &json!("password"), &json!("admin"))
    );
    let get = |address: &str| status(by_cookie(&place, Method::GET, address, cookie, &[]));
    let (_, who) = get("/api/v1/session").await;
    assert_eq!(who["session"]["id"], body["session"]["id"]);
    assert!(who["ends_at"].as_str() > who["idle_ends_at"].as_str(), "{who}");
    assert_eq!(get("/api/v1/systems").await.0, StatusCode::OK);
    // Neither with a token besides, nor twice, nor where only tokens are taken.
    let refused = [
        by_cookie(&place, Method::GET, "/api/v1/systems", cookie, &[]).bearer_auth(place.admin()),
        by_cookie(&place, Method::GET, "/api/v1/systems", &format!("{cookie}; {cookie}"), &[]),
        by_cookie(&place, Method::GET, "/api/v1/systems", &format!("keyreeve={}", "0".repeat(64)), &[]),
        by_cookie(&place, Method::GET, "/scim/v2/prod/Users", cookie, &[]),
        place.request(Method::GET, &format!("/api/v1/systems?session={value}"), None),
    ];
    for request in refused {
        assert_eq!(status(request).await.0, StatusCode::UNAUTHORIZED);
    }
    let origin = [("origin", place.url.as_str())];
    let (made, body) = status(by_cookie(&place, Method::POST, CHANGE, cookie, &origin).json(&change())).await;
    assert_eq!((made, &body["added_by"]), (StatusCode::OK, &json!("ada")));
    let out = by_cookie(&place, Method::DELETE, "/api/v1/session", cookie, &origin).send().await.unwrap();
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
    assert!(out.headers()[SET_COOKIE].to_str().unwrap().starts_with("keyreeve=; "));
    assert_eq!(get("/api/v1/systems").await.0, StatusCode::UNAUTHORIZED, "it was signed out");
    let kept = place.store.audit(&AuditFilter::default(), 50).await.unwrap();
    assert!(kept.iter().all(|row| !row.subject.to_string().contains(value)));
    let actions: Vec<&str> = kept.iter().map(|row| row.action.as_str()).collect();
    assert!(actions.contains(&"signed_in") && actions.contains(&"session_ended"), "{actions:?}");
    place.stop().await;
}

#[tokio::test]
async fn s19_what_changes_something_by_cookie_comes_from_our_own_page() {
    let place = Place::start().await;
    place.person("ada", Role::Admin, &[]).await;
    let cookie = place.cookie("ada").await;
    let host = place.url.strip_prefix("http://").unwrap().to_owned();
    let other_port =
        format!("http://127.0.0.1:{}", host.rsplit(':').next().unwrap().parse::<u16>().unwrap() ^ 1);
    let (https, sub) = (format!("https://{host}"), format!("http://a.{host}"));
    let foreign: [&[(&str, &str)]; 12] = [
        &[],
        &[("origin", "null")],
        &[("origin", "http://evil.example")],
        &[("origin", &other_port)],
        &[("origin", &https)],
        &[("origin", &sub)],
        &[("origin", "http://evil.example"), ("sec-fetch-site", "same-origin")],
        &[("origin", &place.url), ("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "none")],
        &[("referer", &place.url)],
    ];
    for given in foreign {
        let json = by_cookie(&place, Method::POST, CHANGE, &cookie, given).json(&change());
        let delete = format!("{CHANGE}?kind=path&value=/kept/");
        let form = by_cookie(&place, Method::POST, CHANGE, &cookie, given)
            .header(CONTENT_TYPE, FORM)
            .body("kind=path&value=/kept/");
        for request in [json, form, by_cookie(&place, Method::DELETE, &delete, &cookie, given)] {
            let (refused, body) = status(request).await;
            assert_eq!(
                (refused, &body["code"]),
                (StatusCode::FORBIDDEN, &json!("foreign_page")),
                "{given:?}"
            );
        }
    }
    // What a form or a page can send without being asked first is no JSON.
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let own = [("origin", place.url.as_str())];
        for method in [Method::POST, Method::DELETE] {
            let request = by_cookie(&place, method, CHANGE, &cookie, &own);
            let request = request.header(CONTENT_TYPE, kind).body(change().to_string());
            assert_eq!(status(request).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
        }
    }
    // A link leads to what only reads, whatever it says of its method.
    for name in ["x-http-method-override", "x-method-override", "x-http-method"] {
        let request = by_cookie(&place, Method::GET, CHANGE, &cookie, &[(name, "POST")]);
        assert_eq!(status(request.json(&change())).await.0, StatusCode::OK);
        let hidden = by_cookie(&place, Method::POST, CHANGE, &cookie, &[(name, "GET")]);
        assert_eq!(status(hidden.json(&change())).await.0, StatusCode::FORBIDDEN);
    }
    assert_eq!(place.get(CHANGE).await["items"], json!([]), "something was changed");
    // Nor is anybody signed in by a page of elsewhere, as somebody else.
    let body = json!({"name": "ada", "password": PASSWORD});
    for (name, value) in
        [("origin", "http://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")]
    {
        let request = place.request(Method::POST, "/api/v1/session", None).header(name, value);
        assert_eq!(status(request.json(&body)).await.0, StatusCode::FORBIDDEN, "{value}");
    }
    let form = place
        .request(Method::POST, "/api/v1/session", None)
        .header(CONTENT_TYPE, FORM)
        .body("name=ada&password=x");
    assert_eq!(status(form).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let own = by_cookie(&place, Method::POST, CHANGE, &cookie, &[("sec-fetch-site", "same-origin")]);
    assert_eq!(status(own.json(&change())).await.0, StatusCode::OK);
    place.stop().await;
}

#[tokio::test]
async fn s41_a_session_is_ones_own_and_ends_with_what_one_may_do() {
    let place = Place::start().await;
    for (name, role) in [("ada", Role::Admin), ("bea", Role::Operator)] {
        place.person(name, role, &[]).await;
    }
    let (ada, bea) = (place.cookie("ada").await, place.cookie("bea").await);
    // A value that was put there beforehand is not taken over.
    let fixed = format!("keyreeve={}", "a".repeat(64));
    let body = json!({"name": "bea", "password": PASSWORD});
    let request = by_cookie(&place, Method::POST, "/api/v1/session", &fixed, &[]).json(&body);
    let set = request.send().await.unwrap().headers()[SET_COOKIE].to_str().unwrap().to_owned();
    assert!(!set.starts_with(&fixed));
    assert_eq!(
        status(by_cookie(&place, Method::GET, "/api/v1/session", &fixed, &[])).await.0,
        StatusCode::UNAUTHORIZED
    );

    let list = async |cookie: &str| {
        let (_, body) = status(by_cookie(&place, Method::GET, "/api/v1/sessions", cookie, &[])).await;
        let items = body["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|one| (one["person"].as_str().unwrap().to_owned(), one["id"].as_str().unwrap().to_owned()))
            .collect::<Vec<_>>()
    };
    let (all, own) = (list(&ada).await, list(&bea).await);
    assert_eq!((all.len(), own.len()), (3, 2));
    assert!(own.iter().all(|(person, _)| person == "bea"));
    let origin = [("origin", place.url.as_str())];
    let adas = &all.iter().find(|(person, _)| person == "ada").unwrap().1;
    let end = |cookie: &str, id: &str| {
        status(by_cookie(&place, Method::DELETE, &format!("/api/v1/sessions/{id}"), cookie, &origin))
    };
    assert_eq!(end(&bea, adas).await.0, StatusCode::NOT_FOUND, "it is somebody else's");
    // A token whose owner is called the same is not them.
    let token = place.token_of("bea", Role::Operator, &[]).await;
    let (_, listed) = place.ask("/api/v1/sessions", Some(&token)).await;
    assert_eq!(listed["items"], json!([]));
    let request = place.request(Method::DELETE, &format!("/api/v1/sessions/{}", own[0].1), Some(&token));
    assert_eq!(status(request).await.0, StatusCode::NOT_FOUND);
    assert_eq!(end(&bea, &own[0].1).await.0, StatusCode::NO_CONTENT);
    assert_eq!(end(&ada, &own[1].1).await.0, StatusCode::NO_CONTENT, "an admin ends anybody's");
    let who =
        async |cookie: &str| status(by_cookie(&place, Method::GET, "/api/v1/session", cookie, &[])).await.0;
    assert_eq!((who(&bea).await, who(&ada).await), (StatusCode::UNAUTHORIZED, StatusCode::OK));

    let bea = place.cookie("bea").await;
    place.store.set_role("bea", (Role::Viewer, &[]), "local:test", place.clock.now()).await.unwrap();
    assert_eq!(who(&bea).await, StatusCode::UNAUTHORIZED, "of another role");
    let four = [
        place.cookie("bea").await,
        place.cookie("bea").await,
        place.cookie("bea").await,
        place.cookie("bea").await,
    ];
    assert_eq!(
        (who(&four[0]).await, who(&four[1]).await, who(&four[3]).await),
        (StatusCode::UNAUTHORIZED, StatusCode::OK, StatusCode::OK)
    );
    place.store.let_in("bea", false, "local:test", place.clock.now()).await.unwrap();
    assert_eq!(who(&four[3]).await, StatusCode::UNAUTHORIZED, "disabled");
    assert_eq!(sign_in(&place, "bea", PASSWORD).await.0, StatusCode::UNAUTHORIZED);
    place.stop().await;
}

#[tokio::test]
async fn s39_a_flood_is_throttled_has_one_answer_and_few_rows() {
    let place = Place::start().await;
    place.person("ada", Role::Admin, &[]).await;
    let (wrong, _, said) = sign_in(&place, "ada", "not her password").await;
    let (unknown, _, said_of_nobody) = sign_in(&place, "nobody", "not her password").await;
    assert_eq!((wrong, unknown), (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED));
    assert_eq!((&said["code"], &said["detail"]), (&said_of_nobody["code"], &said_of_nobody["detail"]));
    let mut throttled = 0;
    for _ in 0..40 {
        let (status, headers, _) = sign_in(&place, "ada", "not her password").await;
        if status == StatusCode::TOO_MANY_REQUESTS {
            assert!(headers[RETRY_AFTER].to_str().unwrap().parse::<u64>().unwrap() <= 31);
            throttled += 1;
        }
    }
    assert!(throttled >= 35, "{throttled}");
    let (store, clock) = (std::sync::Arc::clone(&place.store), place.clock);
    place.stop().await;
    let filter = AuditFilter { action: Some("sign_in_failed".to_owned()), ..AuditFilter::default() };
    let rows = store.audit(&filter, 50).await.unwrap();
    assert!((1..=3).contains(&rows.len()), "{}", rows.len());
    let sum = |name: &str| rows.iter().map(|row| row.subject[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("throttled"), sum("unknown")), (throttled, 1));
    assert!(rows.iter().all(|row| row.at <= clock.now() && !row.subject.to_string().contains("password")));
}
