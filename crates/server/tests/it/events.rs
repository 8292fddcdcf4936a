//! Streams of events: how far an import is, and that nobody is told who may not be told any more.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use keyreeve_model::{Role, TokenId};
use keyreeve_sandbox::{Effect, FaultRule};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::place::{Place, system};

/// A stream ends within so long after its reason has gone.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// The address of the events of a job that waits for a second person: nothing happens to it.
async fn waiting(place: &Place) -> String {
    let people = place.people().await;
    let deletes: Vec<Value> =
        people.iter().take(2).map(|name| json!({"task": "delete_account", "account": name})).collect();
    let job = place.post("/api/v1/systems/prod/jobs", &json!({"wishes": deletes})).await.1;
    assert_eq!(job["state"], "awaiting_approval");
    format!("/api/v1/jobs/{}/events", job["id"])
}

async fn open(place: &Place, address: &str, (token, cookie): (Option<&str>, Option<&str>)) -> Response {
    let mut request = place.request(Method::GET, address, token);
    if let Some(cookie) = cookie {
        request = request.header("cookie", cookie);
    }
    let mut stream = request.send().await.unwrap();
    assert_eq!(stream.status(), StatusCode::OK);
    let first = String::from_utf8(stream.chunk().await.unwrap().unwrap().to_vec()).unwrap();
    assert!(first.contains("awaiting_approval") && first.contains("retry: 5000"), "{first}");
    stream
}

/// That the stream ends, and soon.
async fn ends(mut stream: Response, why: &str) {
    let begun = Instant::now();
    let end = async { while stream.chunk().await.unwrap().is_some() {} };
    let ended = tokio::time::timeout(ENDS_WITHIN, end).await;
    assert!(ended.is_ok(), "{why}: it goes on after {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s46_nobody_has_more_streams_than_their_share() {
    let place = Place::start().await;
    let address = waiting(&place).await;
    let (ada, ben) =
        (place.token_of("ada", Role::Viewer, &[]).await, place.token_of("ben", Role::Viewer, &[]).await);
    let mut streams = Vec::new();
    for _ in 0..16 {
        streams.push(open(&place, &address, (Some(&ada), None)).await);
    }
    let (status, problem) = place.ask(&address, Some(&ada)).await;
    assert_eq!((status, &problem["code"]), (StatusCode::TOO_MANY_REQUESTS, &json!("too_many_streams")));
    drop(open(&place, &address, (Some(&ben), None)).await);
    // One that is closed makes room.
    streams.pop();
    let begun = Instant::now();
    while place.request(Method::GET, &address, Some(&ada)).send().await.unwrap().status() != StatusCode::OK {
        assert!(begun.elapsed() < Duration::from_secs(30), "a closed stream still counts");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_when_whoever_is_told_may_not_be_told_any_more() {
    let place = Place::start().await;
    let address = waiting(&place).await;
    let now = place.clock.now();
    let revoked = place.token_of("ada", Role::Viewer, &[]).await;
    let soon = now.checked_add(SignedDuration::from_secs(3)).unwrap();
    let expires = place.token_until(Role::Viewer, &[], Some(soon)).await;
    for name in ["bea", "cy", "dora"] {
        place.person(name, Role::Viewer, &[]).await;
    }
    let (bea, cy, dora) = (place.cookie("bea").await, place.cookie("cy").await, place.cookie("dora").await);
    let streams = [
        ("the token is revoked", open(&place, &address, (Some(&revoked), None)).await),
        ("the token expires", open(&place, &address, (Some(&expires), None)).await),
        ("the person signs out", open(&place, &address, (None, Some(&bea))).await),
        ("the person is limited to other systems", open(&place, &address, (None, Some(&cy))).await),
    ];
    let mut others = [
        open(&place, &address, (Some(place.admin()), None)).await,
        open(&place, &address, (None, Some(&dora))).await,
    ];
    let id = TokenId(revoked.split('_').nth(2).unwrap().to_owned());
    place.store.revoke_token(&id, "local:test", None, now).await.unwrap();
    let out = place.request(Method::DELETE, "/api/v1/session", None).header("cookie", &bea);
    assert!(out.header("origin", &place.url).send().await.unwrap().status().is_success());
    let systems = [system("test")];
    place.store.set_role("cy", (Role::Viewer, &systems), "local:test", now).await.unwrap();
    for (why, stream) in streams {
        ends(stream, why).await;
    }
    for stream in &mut others {
        let more = tokio::time::timeout(Duration::from_millis(100), stream.chunk()).await;
        assert!(more.is_err(), "a stream of somebody else ended: {more:?}");
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_far_an_import_is_is_told_while_it_runs() {
    let place = Place::start().await;
    place
        .sandbox
        .add_fault(FaultRule::new("ListGroups", Effect::Latency { ms: 2_500 }).times(1).min_fires(1));
    let answer = place.post("/api/v1/systems/prod/import-runs", &json!({})).await.1;
    let address = format!("/api/v1/import-runs/{}/events", answer["id"]);
    let begun = Instant::now();
    let text = place.request(Method::GET, &address, Some(place.admin())).send().await.unwrap().text();
    let text = text.await.unwrap();
    let took = begun.elapsed();
    let mut told: Vec<(String, Value)> = Vec::new();
    for block in text.split("\n\n") {
        let field =
            |name: &str| Some(block.lines().find_map(|line| line.strip_prefix(name))?.trim().to_owned());
        let Some((name, data)) = field("event:").zip(field("data:")) else { continue };
        told.push((name, serde_json::from_str(&data).unwrap()));
    }
    assert_eq!((told[0].0.as_str(), &told[0].1["state"]), ("import_run", &json!("running")));
    let last = told.last().unwrap();
    assert_eq!((last.0.as_str(), &last.1["state"]), ("import_run", &json!("published")));
    let progress: Vec<&Value> =
        told.iter().filter(|(name, _)| name == "progress").map(|(_, data)| data).collect();
    let stage = |told: &Value, name: &str| {
        let all = told["collections"].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("no {name}: {told}")).clone()
    };
    // The last one before the groups come: by then all else was read.
    let waits = progress.iter().rfind(|told| stage(told, "groups")["stage"] == "reading");
    let waits = waits.unwrap_or_else(|| panic!("nothing was told of what is read: {told:?}"));
    assert_eq!(waits["run"], answer["id"]);
    assert!(waits["aws_calls"].as_u64() > Some(1), "{waits}");
    let users = stage(waits, "users");
    assert!(users["items"].as_u64() >= Some(40) && users["expected"].as_u64() >= Some(40), "{waits}");
    assert_eq!(users["stage"], "whole", "{waits}");
    // Two a second, and the first at once.
    let most = 2 * usize::try_from(took.as_secs() + 1).unwrap() + 1;
    assert!(told.len() <= most, "{} events in {took:?}", told.len());
    assert!(place.sandbox.unfired().is_empty());
    place.stop().await;
}
