//! A system that was removed: what is asked of it is refused as that, and nothing is sent.

use keyreeve_sandbox::{Effect, FaultRule};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::bodies::example;
use crate::place::{Place, system};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_of_a_removed_system_is_refused_as_that() {
    let place = Place::start().await;
    place.sandbox.add_fault(FaultRule::new("CreateUser", Effect::AccessDenied).times(1).min_fires(1));
    let wishes = json!({"wishes": [{"task": "create_account", "name": "ada"}]});
    let job = place.post("/api/v1/systems/prod/jobs", &wishes).await.1["id"].to_string();
    assert_eq!(place.ended(&format!("/api/v1/jobs/{job}")).await["state"], "failed");
    place.store.remove_system(&system("prod"), ("local:test", None), place.clock.now()).await.unwrap();
    place.sandbox.clear_trace();
    for address in [
        "/systems/{system_id}/import-runs",
        "/systems/{system_id}/plans",
        "/systems/{system_id}/jobs",
        "/systems/{system_id}/release",
        "/systems/{system_id}/rotate-key",
        "/systems/{system_id}/drift/accept",
        "/jobs/{job}/retry-plan",
        "/jobs/{job}/retry",
    ] {
        let body = example("post", address);
        let address = format!("/api/v1{address}").replace("{system_id}", "prod").replace("{job}", &job);
        let (status, problem) = place.send(Method::POST, &address, place.admin(), &body).await;
        let refused = (StatusCode::CONFLICT, &"system_removed".into());
        assert_eq!((status, &problem["code"]), refused, "{address}: {problem}");
    }
    assert!(place.sandbox.trace().is_empty());
    assert_eq!(place.get(&format!("/api/v1/jobs/{job}")).await["state"], "failed");
    place.stop().await;
}
