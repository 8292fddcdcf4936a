//! What every answer says to browsers and caches, and what is never believed of a request (S20).

use reqwest::Method;
use reqwest::header::AUTHORIZATION;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::place::Place;

#[tokio::test]
async fn every_answer_guards_browsers_and_stays_in_no_cache() {
    let place = Place::start().await;
    let addresses = [
        "/healthz",
        "/api/v1/systems",
        "/api/v1/openapi.json",
        "/nothing",
        "/api/v1/jobs/1",
        "//",
        "/%2e%2e/x",
    ];
    for address in addresses {
        for (method, token) in
            [(Method::GET, None), (Method::GET, Some(place.admin())), (Method::PUT, Some(place.admin()))]
        {
            let answer = place.request(method, address, token).send().await.unwrap();
            let said =
                |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            let expected = [
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "no-referrer"),
                ("cache-control", "no-store"),
                ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
                ("x-frame-options", "DENY"),
            ];
            for (name, value) in expected {
                assert_eq!(said(name).as_deref(), Some(value), "{address} {name}");
            }
        }
    }
    place.stop().await;
}

#[tokio::test]
async fn s20_nothing_of_who_forwards_is_believed() {
    let place = Place::start().await;
    let plain = place.get("/api/v1/systems").await;
    let forwarded = place
        .request(Method::GET, "/api/v1/systems", Some(place.admin()))
        .header("Host", "evil.example")
        .header("X-Forwarded-Host", "evil.example")
        .header("X-Forwarded-For", "10.0.0.1")
        .header("X-Forwarded-Proto", "https")
        .header("Forwarded", "for=10.0.0.1;host=evil.example")
        .header("X-Original-URL", "/api/v1/tokens")
        .header("X-HTTP-Method-Override", "DELETE")
        .header("X-Request-Id", "evil")
        .send()
        .await
        .unwrap();
    assert_ne!(forwarded.headers()["x-request-id"], "evil");
    assert!(!format!("{:?}", forwarded.headers()).contains("evil"));
    assert_eq!(forwarded.json::<serde_json::Value>().await.unwrap(), plain);
    // Nor is anybody let in for two tokens of which one is good.
    let twice = place.request(Method::GET, "/api/v1/systems", Some(place.admin()));
    let twice = twice.header(AUTHORIZATION, format!("Bearer {}", place.admin())).send().await.unwrap();
    assert_eq!(twice.status().as_u16(), 401);
    // Sent as they are: a client library would tidy them up.
    let at = place.url.strip_prefix("http://").unwrap();
    let cases = [
        ("/api/v1/systems", 200),
        ("http://evil.example/api/v1/systems", 200),
        ("//api/v1/systems", 404),
        ("/api//v1/systems", 404),
        ("/api/v1/%2e%2e/v1/systems", 404),
        ("/api/v1/../v1/systems", 404),
        ("/api/v1/systems/", 404),
    ];
    for (address, status) in cases {
        let mut stream = TcpStream::connect(at).await.unwrap();
        let token = place.admin();
        let head = format!(
            "GET {address} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{address}: {answer}");
        assert!(!answer.contains("evil"), "{address}: {answer}");
    }
    place.stop().await;
}
