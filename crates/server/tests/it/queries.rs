//! A query with a name that its address does not know is refused, and nothing is done. Made from the description.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;

use crate::bodies::example;
use crate::place::{Place, system};

/// What an operation is asked with: its whole address, and a body where it takes one.
fn asked(
    place: &Place,
    (method, path, query): (&str, &str, &str),
    with_body: bool,
    token: Option<&str>,
) -> RequestBuilder {
    let address = path
        .replace("{system_id}", "prod")
        .replace("{account}", "administrator")
        .replace("{resource}", "AGPANOTHING")
        .replace("{profile}", "default")
        .replace("{mapping}", "AWS%20-%20User")
        .replace("{what}", "accounts")
        .replace("{run}", "1")
        .replace("{job}", "1")
        .replace("{task}", "1")
        .replace("{token}", "0000000000000000")
        .replace("{session}", "0000000000000000")
        .replace("{person}", "nobody");
    assert!(!address.contains('{'), "{address} has a place that nothing is put in");
    let method_name: Method = method.to_uppercase().parse().unwrap();
    let request =
        place.request(method_name, &format!("/api/v1{address}?{query}"), token).header("if-match", "*");
    match with_body {
        true => request.json(&example(method, path)),
        false => request,
    }
}

async fn answered(request: RequestBuilder) -> (StatusCode, Value) {
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_an_address_does_not_know_is_refused_at_each_and_nothing_is_done() {
    let place = Place::start().await;
    let openapi = serde_json::to_value(keyreeve_server::openapi()).unwrap();
    let head = place.store.verify_audit().await.unwrap();
    let mut operations = 0;
    for (path, methods) in openapi["paths"].as_object().unwrap() {
        for (method, described) in methods.as_object().unwrap() {
            let with_body = described.get("requestBody").is_some();
            let ask =
                |query: &str, token: Option<&str>| asked(&place, (method, path, query), with_body, token);
            // Alone, and after one that the address knows.
            let known = described["parameters"].as_array().into_iter().flatten();
            let known = known.filter(|one| one["in"] == "query").map(|one| one["name"].as_str().unwrap());
            let known = known.map(|known| format!("{known}=1&surprise=1")).take(1);
            for query in std::iter::once("surprise=1".to_owned()).chain(known) {
                let (status, problem) = answered(ask(&query, Some(place.admin()))).await;
                assert_eq!(status, StatusCode::BAD_REQUEST, "{method} {path}: {problem}");
                assert_eq!(problem["code"], "bad_request", "{method} {path}");
                assert!(
                    problem["detail"].as_str().unwrap().contains("surprise"),
                    "{method} {path}: {problem}"
                );
            }
            let (status, _) = answered(ask("surprise=1", None)).await;
            let nobody = match (method.as_str(), path.as_str()) {
                ("post", "/session") => StatusCode::BAD_REQUEST,
                _ => StatusCode::UNAUTHORIZED,
            };
            assert_eq!(status, nobody, "{method} {path}");
            operations += 1;
        }
    }
    assert!(operations >= 45, "{operations}");
    let described = place.ask("/api/v1/openapi.json?surprise=1", None).await.0;
    assert_eq!(described, StatusCode::BAD_REQUEST);
    assert_eq!(place.store.verify_audit().await.unwrap(), head);
    assert_eq!(place.sandbox.trace().len(), 0);
    assert!(place.store.jobs(&system("prod"), None, 10).await.unwrap().is_empty());
    assert_eq!(place.store.list_import_runs(&system("prod"), None, 10).await.unwrap().len(), 1);
    // RFC 7644 has a service provider pass over what it does not know.
    let (status, _) = place.ask("/scim/v2/prod/Users?surprise=1", Some(place.admin())).await;
    assert_eq!(status, StatusCode::OK);
    place.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_query_is_said_in_words() {
    let place = Place::start().await;
    let (_, problem) = place.ask("/api/v1/systems/prod/accounts?mfa=yes", Some(place.admin())).await;
    let said = problem["detail"].as_str().unwrap();
    assert!(said.contains("mfa") && said.contains("inactive") && !said.contains("eserialize"), "{said}");
    let (_, problem) = place.ask("/api/v1/systems/prod/accounts?staus=on", Some(place.admin())).await;
    let said = problem["detail"].as_str().unwrap();
    assert!(said.contains("\"staus\"") && said.contains("status"), "{said}");
    for (path, words) in [
        ("/api/v1/audit?action=nope", "no action \"nope\""),
        ("/api/v1/audit?since=2026-01-01&until=2025-01-01", "before `since`"),
        ("/api/v1/exports/audit?since=2026-01-01&until=2025-01-01", "before `since`"),
        ("/api/v1/systems/prod/exports/audit?since=2026-01-01&until=2025-01-01", "before `since`"),
        ("/api/v1/systems/prod/accounts?name=%ff", "no UTF-8"),
        ("/api/v1/assignments", "resource"),
        ("/api/v1/assignments?resource=", "give a name or an ARN"),
    ] {
        let (status, problem) = place.ask(path, Some(place.admin())).await;
        let said = problem["detail"].as_str().unwrap();
        assert!(status == StatusCode::BAD_REQUEST && said.contains(words), "{path}: {problem}");
    }
    let (status, rows) = place
        .ask("/api/v1/audit?action=token_created&until=2026-01-01&since=2026-01-01", Some(place.admin()))
        .await;
    assert_eq!((status, rows["items"].as_array().map(Vec::len)), (StatusCode::OK, Some(0)), "{rows}");
    place.stop().await;
}

/// Whoever sends an `Idempotency-Key` relies on the request being done once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_an_address_would_pass_over_is_refused_and_nothing_is_done() {
    let place = Place::start().await;
    let openapi = serde_json::to_value(keyreeve_server::openapi()).unwrap();
    let head = place.store.verify_audit().await.unwrap();
    let (mut refused, mut taken) = (0, 0);
    for (path, methods) in openapi["paths"].as_object().unwrap() {
        for (method, described) in methods.as_object().unwrap().iter().filter(|(method, _)| *method != "get")
        {
            let keys = described["parameters"].as_array().into_iter().flatten();
            if keys.filter(|one| one["name"] == "Idempotency-Key").count() > 0 {
                taken += 1;
                continue;
            }
            let with_body = described.get("requestBody").is_some();
            let request = asked(&place, (method, path, ""), with_body, Some(place.admin()));
            let (status, problem) = answered(request.header("idempotency-key", "once")).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{method} {path}: {problem}");
            assert!(problem["detail"].to_string().contains("Idempotency-Key"), "{method} {path}: {problem}");
            refused += 1;
        }
    }
    assert!(refused > 20 && taken >= 5, "{refused} {taken}");
    assert_eq!(place.store.verify_audit().await.unwrap(), head);
    place.stop().await;
}
