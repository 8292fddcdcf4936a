//! Imports over REST: begun, watched, and decided; one of a system at a time.

use std::time::Duration;

use keyreeve_model::Role;
use keyreeve_sandbox::{Effect, FaultRule, Mutation};
use reqwest::header::LOCATION;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::place::Place;

const RUNS: &str = "/api/v1/systems/prod/import-runs";

/// The events of a stream until it ends: names and data.
async fn events(place: &Place, address: &str) -> Vec<(String, Value)> {
    let answer = place.request(Method::GET, address, Some(place.admin())).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/event-stream"));
    let text = tokio::time::timeout(Duration::from_secs(30), answer.text()).await.unwrap().unwrap();
    let event = |block: &str| {
        let field = |name: &str| {
            let line = block.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim_start().to_owned())
        };
        Some((field("event:")?, serde_json::from_str(&field("data:")?).unwrap()))
    };
    text.split("\n\n").filter_map(event).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_is_begun_watched_to_its_end_and_alone() {
    let place = Place::start().await;
    place
        .sandbox
        .mutate("111122223333", &[Mutation::CreateGroup { name: "new".into(), path: "/".into() }])
        .unwrap();
    place.sandbox.add_fault(FaultRule::new("ListUsers", Effect::Latency { ms: 800 }).times(1).min_fires(1));
    let answer =
        place.request(Method::POST, RUNS, Some(place.admin())).json(&json!({})).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let location = answer.headers()[LOCATION].to_str().unwrap().to_owned();
    let run: Value = answer.json().await.unwrap();
    assert_eq!((&run["state"], &run["actor"]), (&"running".into(), &"admin-".into()));
    let (status, problem) = place.post(RUNS, &json!({})).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &"system_busy".into()));
    let told = events(&place, &format!("{location}/events")).await;
    let told: Vec<_> = told.into_iter().filter(|(name, _)| name != "progress").collect();
    assert!(told.iter().all(|(name, run)| name == "import_run" && run["id"] == told[0].1["id"]));
    assert_eq!(told[0].1["state"], "running");
    assert_eq!(told.last().unwrap().1["state"], "published");
    let groups = place.get("/api/v1/systems/prod/resources?type=group&limit=1000").await;
    assert!(groups.to_string().contains("\"new\""));
    assert!(place.sandbox.unfired().is_empty());
    let keyed = || {
        place
            .request(Method::POST, RUNS, Some(place.admin()))
            .header("Idempotency-Key", "k")
            .json(&json!({"preview": true}))
    };
    let first: Value = keyed().send().await.unwrap().json().await.unwrap();
    let ended = place.ended(&format!("/api/v1/import-runs/{}", first["id"])).await;
    assert_eq!(ended["state"], "previewed");
    let again = keyed().send().await.unwrap();
    assert!(again.headers().contains_key("idempotency-replayed"));
    assert_eq!(again.json::<Value>().await.unwrap()["id"], first["id"]);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_import_is_accepted_or_rejected_by_who_may() {
    let place = Place::start().await;
    let approver = place.token(Role::Approver, &["prod"]).await;
    let state = place.sandbox.state("111122223333").unwrap();
    let users =
        state["users"].as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap().to_owned());
    let gone: Vec<Mutation> = users
        .filter(|name| name != "administrator" && !name.starts_with("keyreeve-"))
        .take(25)
        .map(|name| Mutation::DeleteUser { name })
        .collect();
    place.sandbox.mutate("111122223333", &gone).unwrap();
    for (verb, body, state) in
        [("reject", json!({}), "rejected"), ("accept", json!({"reason": "they left"}), "published")]
    {
        let run = place.post(RUNS, &json!({})).await.1["id"].to_string();
        let address = format!("/api/v1/import-runs/{run}");
        assert_eq!(place.ended_or_suspended(&address).await["state"], "suspended");
        if verb == "accept" {
            let (status, _) = place
                .send(Method::POST, &format!("{address}/accept"), &approver, &json!({"reason": " "}))
                .await;
            assert_eq!(status, StatusCode::BAD_REQUEST);
        }
        let (status, decided) =
            place.send(Method::POST, &format!("{address}/{verb}"), &approver, &body).await;
        assert_eq!((status, &decided["state"]), (StatusCode::OK, &state.into()), "{decided}");
        let (status, _) = place.send(Method::POST, &format!("{address}/{verb}"), &approver, &body).await;
        assert_eq!(status, StatusCode::CONFLICT);
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_becomes_of_a_job_is_told_until_its_end_or_until_the_server_stops() {
    let place = Place::start().await;
    place.sandbox.add_fault(FaultRule::new("CreateUser", Effect::Latency { ms: 700 }).times(1).min_fires(1));
    let wish = json!({"wishes": [{"task": "create_account", "name": "ada"}]});
    let job = place.post("/api/v1/systems/prod/jobs", &wish).await.1["id"].to_string();
    let told = events(&place, &format!("/api/v1/jobs/{job}/events")).await;
    assert!(told.len() >= 2 && told.iter().all(|(name, _)| name == "job"), "{told:?}");
    assert_ne!(told[0].1["state"], "succeeded");
    assert_eq!(told.last().unwrap().1["state"], "succeeded");
    let people = place.all("/api/v1/systems/prod/accounts", 100).await;
    let people = people.iter().map(|account| account["name"].clone());
    let people = people.filter(|name| name.as_str().unwrap().contains('.')).take(2);
    let deletes: Vec<Value> = people.map(|name| json!({"task": "delete_account", "account": name})).collect();
    let waits = place.post("/api/v1/systems/prod/jobs", &json!({"wishes": deletes})).await.1;
    assert_eq!(waits["state"], "awaiting_approval");
    let address = format!("/api/v1/jobs/{}/events", waits["id"]);
    let open = place.request(Method::GET, &address, Some(place.admin())).send().await.unwrap();
    let begun = std::time::Instant::now();
    let (text, ()) = tokio::join!(open.text(), place.stop());
    assert!(text.unwrap().contains("awaiting_approval"));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_different_between_two_runs_comes_in_pages_of_those_two() {
    let place = Place::start().await;
    let make = |names: &[&str]| {
        let group = |name: &&str| Mutation::CreateGroup { name: (*name).into(), path: "/".into() };
        let groups: Vec<Mutation> = names.iter().map(group).collect();
        place.sandbox.mutate("111122223333", &groups).unwrap();
    };
    make(&["new-a", "new-b"]);
    place.import("prod").await;
    make(&["new-c"]);
    place.import("prod").await;
    let runs = place.get(RUNS).await;
    let ids: Vec<i64> =
        runs["items"].as_array().unwrap().iter().map(|run| run["id"].as_i64().unwrap()).collect();
    let (third, second, first) = (ids[0], ids[1], ids[2]);
    let differences = "/api/v1/systems/prod/differences";
    let whole = place.get(&format!("{differences}?from=run:{first}")).await;
    assert_eq!((&whole["from"], &whole["to"], &whole["next"]), (&first.into(), &third.into(), &Value::Null));
    let names = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|one| one["resource"]["after"]["name"].as_str().unwrap_or("?").to_owned()).collect()
    };
    assert_eq!(names(&whole), ["new-a", "new-b", "new-c"], "{whole}");
    // What is published meanwhile changes no page.
    let paged = format!("{differences}?from=run:{first}&limit=2");
    let page = place.get(&paged).await;
    assert_eq!(names(&page), ["new-a", "new-b"]);
    make(&["new-0"]);
    place.import("prod").await;
    let next = place.get(&format!("{paged}&cursor={}", page["next"].as_str().unwrap())).await;
    assert_eq!((names(&next), &next["to"]), (vec!["new-c".to_owned()], &third.into()), "{next}");
    let some = place.get(&format!("{differences}?from=run:{second}&to=run:{third}")).await;
    assert_eq!(names(&some), ["new-c"]);
    let of_test = place.get("/api/v1/systems/test/import-runs").await["items"][0]["id"].clone();
    for (query, status) in [
        (format!("from=run:{third}&to=run:{first}"), StatusCode::BAD_REQUEST),
        (format!("from=run:{first}&to=run:{of_test}"), StatusCode::CONFLICT),
        ("from=yesterday".to_owned(), StatusCode::BAD_REQUEST),
        ("from=2999-01-01".to_owned(), StatusCode::BAD_REQUEST),
        (String::new(), StatusCode::BAD_REQUEST),
    ] {
        let (found, problem) = place.ask(&format!("{differences}?{query}"), Some(place.admin())).await;
        assert_eq!(found, status, "{query}: {problem}");
    }
    // Whose run it is, is said to who may know; to others there is none.
    let limited = place.token(Role::Viewer, &["prod"]).await;
    let others = format!("{differences}?from=run:{first}&to=run:{of_test}");
    let of_others = format!("import run {of_test} is one of the system test, not of prod");
    for (token, code, words) in [
        (place.admin(), "different_systems", of_others.as_str()),
        (limited.as_str(), "import_run_not_found", "there is no import run"),
    ] {
        let (_, problem) = place.ask(&others, Some(token)).await;
        let said = problem["detail"].as_str().unwrap();
        assert!(problem["code"] == code && said.contains(words), "{problem}");
        assert_eq!(said.contains("test"), token == place.admin(), "{problem}");
    }
    place.stop().await;
}
