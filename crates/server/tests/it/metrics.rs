//! What is measured: who may read it, and that it names nobody.

use keyreeve_model::Role;
use keyreeve_server::Metrics;
use reqwest::{Method, StatusCode};

use crate::place::{Place, system};

/// The value of a series whose line begins so.
fn value(text: &str, series: &str) -> f64 {
    let line =
        text.lines().find(|line| line.starts_with(series)).unwrap_or_else(|| panic!("{series}: {text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// One process measures once, so this is one test.
#[tokio::test]
async fn what_is_measured_is_for_who_reads_all_systems_and_names_nobody() {
    let metrics = Metrics::install(false).unwrap();
    assert!(Metrics::install(true).is_err());
    let place = Place::start_as(|server, parts| server.metrics(parts, metrics)).await;
    let all = place.token(Role::Viewer, &[]).await;
    let one = place.token(Role::Admin, &["prod"]).await;
    for (token, status) in
        [(None, 401), (Some("x"), 401), (Some(one.as_str()), 403), (Some(all.as_str()), 200)]
    {
        let answer = place.request(Method::GET, "/metrics", token).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
    }
    let read = async || {
        let answer = place.request(Method::GET, "/metrics", Some(&all)).send().await.unwrap();
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
        answer.text().await.unwrap()
    };
    place.get("/api/v1/systems/prod/accounts").await;
    let brew: Method = "BREW".parse().unwrap();
    place.request(brew, "/never/ada", Some(&all)).send().await.unwrap();
    let text = read().await;
    // Two systems were imported by this process.
    assert_eq!(value(&text, "keyreeve_import_seconds_count{ended=\"published\"}"), 2.0);
    assert!(value(&text, "keyreeve_aws_requests_total{action=\"ListUsers\",outcome=\"done\"}") >= 2.0);
    let route = "method=\"GET\",route=\"/api/v1/systems/{system_id}/accounts\",status=\"200\"";
    assert_eq!(value(&text, &format!("keyreeve_http_requests_total{{{route}}}")), 1.0);
    assert_eq!(
        value(&text, "keyreeve_http_requests_total{method=\"other\",route=\"none\",status=\"404\"}"),
        1.0
    );
    assert!(text.contains("keyreeve_http_request_seconds_bucket{"));
    for none in ["keyreeve_queue_age_seconds", "keyreeve_jobs{state=\"queued\"}", "keyreeve_open_claims"] {
        assert_eq!(value(&text, none), 0.0);
    }
    let names = place.store.current_inventory(&system("prod")).await.unwrap().accounts;
    assert!(names.iter().all(|account| !text.contains(&format!("\"{}\"", account.name.as_str()))));
    assert!(!text.contains("ada") && !text.contains("BREW") && !text.contains("prod"), "{text}");
    place.store.close().await;
    let answer = place.request(Method::GET, "/metrics", Some(&all)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    place.stop().await;
}
