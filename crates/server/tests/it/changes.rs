//! Changes over REST: planned without a write, asked for once, decided, carried out, and seen at the connected system.

use keyreeve_engine::password::PublicUrl;
use keyreeve_model::Role;
use keyreeve_sandbox::{Effect, FaultRule, Mutation};
use reqwest::header::{CACHE_CONTROL, LOCATION};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::place::{PROD_ACCOUNT, Place, system};

const ACCOUNT: &str = "111122223333";
const JOBS: &str = "/api/v1/systems/prod/jobs";

/// A user as the sandbox has it.
fn user(place: &Place, name: &str) -> Option<Value> {
    let state = place.sandbox.state(ACCOUNT).unwrap();
    state["users"].as_array().unwrap().iter().find(|user| user["name"] == name).cloned()
}

/// Asks for one thing, and waits until it is done.
async fn done(place: &Place, wish: Value) -> Value {
    let (status, job) = place.post(JOBS, &json!({"wishes": [wish], "reason": "a test"})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{job}");
    let job = place.ended(&format!("/api/v1/jobs/{}", job["id"])).await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    job
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_life_driven_over_rest_alone_is_what_the_connected_system_shows() {
    let place = Place::start().await;
    let group = place.get("/api/v1/systems/prod/resources?type=group&limit=1").await["items"][0].take();
    let group = group["name"].as_str().unwrap();
    done(&place, json!({"task": "create_account", "name": "ada", "path": "/staff/", "groups": [group]}))
        .await;
    let ada = user(&place, "ada").unwrap();
    assert_eq!((&ada["path"], ada["login_profile"].is_null()), (&"/staff/".into(), false), "{ada}");
    assert!(ada["groups"].to_string().contains(group), "{ada}");
    done(
        &place,
        json!({"task": "update_account", "account": "ada", "new_name": "ada.l", "new_path": "/left/"}),
    )
    .await;
    assert!(user(&place, "ada").is_none());
    assert_eq!(user(&place, "ada.l").unwrap()["path"], "/left/");
    done(&place, json!({"task": "remove_assignment", "account": "ada.l", "group": group})).await;
    assert!(!user(&place, "ada.l").unwrap()["groups"].to_string().contains(group));
    done(&place, json!({"task": "add_assignment", "account": "ada.l", "group": group})).await;
    done(&place, json!({"task": "reset_password", "account": "ada.l"})).await;
    assert!(user(&place, "ada.l").unwrap()["groups"].to_string().contains(group));
    done(&place, json!({"task": "deactivate_account", "account": "ada.l"})).await;
    assert!(user(&place, "ada.l").unwrap()["login_profile"].is_null());
    done(&place, json!({"task": "reactivate_account", "account": "ada.l"})).await;
    assert!(!user(&place, "ada.l").unwrap()["login_profile"].is_null());
    done(&place, json!({"task": "delete_account", "account": "ada.l"})).await;
    assert!(user(&place, "ada.l").is_none());
    place.store.verify_audit().await.unwrap();
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r38_a_plan_over_rest_makes_no_call_that_changes_anything_for_any_kind_of_task() {
    let place = Place::start().await;
    let person = place.people().await.remove(0);
    let group = place.get("/api/v1/systems/prod/resources?type=group&limit=1").await["items"][0].take();
    let wishes = json!([
        {"task": "create_account", "name": "ada", "groups": [group["name"]]},
        {"task": "update_account", "account": person, "new_path": "/other/"},
        {"task": "add_assignment", "account": person, "group": group["name"]},
        {"task": "remove_assignment", "account": person, "group": group["name"]},
        {"task": "reset_password", "account": person},
        {"task": "deactivate_account", "account": person},
        {"task": "reactivate_account", "account": person},
        {"task": "delete_account", "account": person},
    ]);
    place.sandbox.clear_trace();
    let head = place.store.verify_audit().await.unwrap();
    for wish in wishes.as_array().unwrap() {
        let (status, plan) = place.post("/api/v1/systems/prod/plans", &json!({"wishes": [wish]})).await;
        assert_eq!((status, plan["tasks"].as_array().map(Vec::len)), (StatusCode::OK, Some(1)), "{plan}");
    }
    let nobody = json!({"wishes": [{"task": "delete_account", "account": "nobody"}]});
    let (status, plan) = place.post("/api/v1/systems/prod/plans", &nobody).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(plan["tasks"][0]["obstacles"][0]["kind"], "not_found");
    assert!(!place.sandbox.trace().is_empty());
    assert_eq!(place.writes(), Vec::<String>::new());
    assert_eq!(place.store.jobs(&system("prod"), None, 9).await.unwrap(), []);
    assert_eq!(place.store.verify_audit().await.unwrap(), head);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_told_where_it_stands_with_its_secrets_once_and_kept_by_nobody() {
    let place = Place::start().await;
    let body = json!({"wishes": [{"task": "create_account", "name": "ada", "deliver": "link"}]});
    let answer = place.request(Method::POST, JOBS, Some(place.admin())).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    assert_eq!(answer.headers()[CACHE_CONTROL], "no-store");
    let location = answer.headers()[LOCATION].to_str().unwrap().to_owned();
    let asked: Value = answer.json().await.unwrap();
    let secret = asked["one_time_secrets"][0]["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("krs_"));
    let shown = place.ended(&location).await;
    assert_eq!((&shown["id"], &shown["state"]), (&asked["id"], &"succeeded".into()));
    assert!(!shown.to_string().contains(&secret));
    let secret = keyreeve_model::Secret::new(secret);
    let opened = keyreeve_engine::provisioning::open_once(&place.store, &secret, place.clock.now()).await;
    assert!(opened.is_ok());
    // What is so already is no job.
    let same = json!({"wishes": [{"task": "update_account", "account": "ada", "new_path": "/"}]});
    let (status, plan) = place.post(JOBS, &same).await;
    assert_eq!((status, &plan["tasks"][0]["steps"]), (StatusCode::OK, &json!([])), "{plan}");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_the_way_is_a_problem_that_names_it_and_nothing_is_written_down() {
    let place = Place::start().await;
    let body = json!({"wishes": [
        {"task": "create_account", "name": "ada"},
        {"task": "delete_account", "account": "nobody"},
        {"task": "create_account", "name": "eve", "deliver": "operator"},
    ]});
    let (status, problem) = place.post(JOBS, &body).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &"obstructed".into()), "{problem}");
    let obstacles = problem["obstacles"].as_array().unwrap();
    let named: Vec<_> =
        obstacles.iter().map(|one| (one["task"].as_u64().unwrap(), one["kind"].clone())).collect();
    assert_eq!(named, [(1, "not_found".into()), (2, "delivery".into())]);
    assert_eq!(place.store.jobs(&system("prod"), None, 9).await.unwrap(), []);
    assert_eq!(place.writes(), Vec::<String>::new());
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_needs_a_second_person_waits_for_another_one_and_is_then_done() {
    let place = Place::start().await;
    let people = place.people().await;
    let delete = |name: &String| json!({"task": "delete_account", "account": name});
    let body = json!({"wishes": people[..3].iter().map(delete).collect::<Vec<_>>()});
    let (status, job) = place.post(JOBS, &body).await;
    assert_eq!((status, &job["state"]), (StatusCode::ACCEPTED, &"awaiting_approval".into()), "{job}");
    let address = format!("/api/v1/jobs/{}", job["id"]);
    assert_eq!(place.get(&address).await["standing"]["keeps"], "approval");
    let (status, problem) = place.post(&format!("{address}/approve"), &json!({})).await;
    assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &"own_approval".into()));
    assert_eq!(place.writes(), Vec::<String>::new());
    let approver = place.token(Role::Approver, &["prod"]).await;
    let approve = format!("{address}/approve");
    let (status, approved) =
        place.send(Method::POST, &approve, &approver, &json!({"reason": "they left"})).await;
    assert_eq!((status, &approved["decided_by"]), (StatusCode::OK, &"approver-prod".into()), "{approved}");
    assert_eq!(place.ended(&address).await["state"], "succeeded");
    assert!(people[..3].iter().all(|name| user(&place, name).is_none()));
    let body = json!({"wishes": people[3..6].iter().map(delete).collect::<Vec<_>>()});
    for (verb, token) in [("reject", approver.as_str()), ("cancel", place.admin())] {
        let job = place.post(JOBS, &body).await.1["id"].to_string();
        let decide = format!("/api/v1/jobs/{job}/{verb}");
        let (status, decided) = place.send(Method::POST, &decide, token, &json!({})).await;
        assert_eq!((status, &decided["state"]), (StatusCode::OK, &"cancelled".into()), "{decided}");
        let (status, again) = place.send(Method::POST, &decide, token, &json!({})).await;
        assert_eq!((status, &again["code"]), (StatusCode::CONFLICT, &"wrong_state".into()));
    }
    assert!(people[3..6].iter().all(|name| user(&place, name).is_some()));
    place.stop().await;
}

async fn keyed(place: &Place, token: &str, key: &str, body: &Value) -> (StatusCode, bool, Value) {
    let request = place.request(Method::POST, JOBS, Some(token)).header("Idempotency-Key", key);
    let answer = request.json(body).send().await.unwrap();
    let (status, replayed) = (answer.status(), answer.headers().contains_key("idempotency-replayed"));
    (status, replayed, answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r36_the_same_request_five_times_at_once_is_one_job_and_its_secrets_are_given_once() {
    let place = Place::start().await;
    let body = json!({"wishes": [{"task": "create_account", "name": "ada"}]});
    let five = (0..5).map(|_| keyed(&place, place.admin(), "k-1", &body));
    let answers = futures::future::join_all(five).await;
    let (done, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|(status, ..)| *status == StatusCode::ACCEPTED);
    assert!(
        !done.is_empty()
            && refused.iter().all(|(status, _, problem)| {
                *status == StatusCode::CONFLICT && problem["code"] == "in_progress"
            }),
        "{answers:?}"
    );
    let jobs = place.store.jobs(&system("prod"), None, 9).await.unwrap();
    assert_eq!(jobs.len(), 1);
    assert!(done.iter().all(|(_, _, job)| job["id"] == jobs[0].id.0));
    let with_secrets = done.iter().filter(|(_, _, job)| job.get("one_time_secrets").is_some()).count();
    assert_eq!(with_secrets, 1, "{answers:?}");
    // A repeat gets the same job, without the secrets, and is told so.
    let (status, replayed, again) = keyed(&place, place.admin(), "k-1", &body).await;
    assert_eq!((status, replayed, &again["id"]), (StatusCode::ACCEPTED, true, &json!(jobs[0].id.0)));
    assert_eq!((&again["repeated"], again.get("one_time_secrets")), (&true.into(), None));
    // The key belongs to that request of that caller.
    let other = json!({"wishes": [{"task": "create_account", "name": "eve"}]});
    let (status, _, problem) = keyed(&place, place.admin(), "k-1", &other).await;
    assert_eq!((status, &problem["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &"key_reused".into()));
    // Also where it comes with another request, or for another system.
    for (address, body) in [
        ("/api/v1/systems/prod/import-runs", json!({})),
        ("/api/v1/systems/test/jobs", body.clone()),
        ("/api/v1/systems/prod/rotate-key", json!({})),
        ("/api/v1/systems", crate::bodies::example("post", "/systems")),
    ] {
        let request = place.request(Method::POST, address, Some(place.admin()));
        let answer = request.header("Idempotency-Key", "k-1").json(&body).send().await.unwrap();
        let status = answer.status();
        let problem: Value = answer.json().await.unwrap();
        let refused = (StatusCode::UNPROCESSABLE_ENTITY, &"key_reused".into());
        assert_eq!((status, &problem["code"]), refused, "{address}: {problem}");
    }
    let operator = place.token(Role::Operator, &["prod"]).await;
    let (status, replayed, theirs) = keyed(&place, &operator, "k-1", &other).await;
    assert_eq!((status, replayed), (StatusCode::ACCEPTED, false), "{theirs}");
    // What was refused came to nothing, so its repeat is a new request.
    let nobody = json!({"wishes": [{"task": "delete_account", "account": "nobody"}]});
    for _ in 0..2 {
        let (status, _, problem) = keyed(&place, place.admin(), "k-2", &nobody).await;
        assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &"obstructed".into()));
    }
    for bad in ["", "a b", &"k".repeat(256)] {
        assert_eq!(keyed(&place, place.admin(), bad, &body).await.0, StatusCode::BAD_REQUEST, "{bad}");
    }
    assert_eq!(place.store.jobs(&system("prod"), None, 9).await.unwrap().len(), 2);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_seen_is_done_and_nothing_else() {
    let place = Place::start().await;
    let keys = |name: &String| place.in_aws(name).unwrap()["keys"].as_array().map_or(0, Vec::len);
    let person = place.people().await.into_iter().find(|name| keys(name) < 2).unwrap();
    let wishes = json!([
        {"task": "create_account", "name": "seen"},
        {"task": "deactivate_account", "account": person}
    ]);
    let planned = async || {
        let request = place.request(Method::POST, "/api/v1/systems/prod/plans", Some(place.admin()));
        let answer = request.json(&json!({"wishes": wishes})).send().await.unwrap();
        answer.headers()["plan-sha256"].to_str().unwrap().to_owned()
    };
    let seen = planned().await;
    // The same, however often it is looked at, although each new account has a mark of its own.
    assert_eq!(planned().await, seen, "it is the same plan");
    let ask = async |wishes: &Value, seen: &str| {
        place.post("/api/v1/systems/prod/jobs", &json!({"wishes": wishes, "plan_sha256": seen})).await
    };
    let other = json!([{"task": "create_account", "name": "seem"}]);
    for (wishes, seen) in [(&other, seen.as_str()), (&wishes, &"0".repeat(64))] {
        let (status, problem) = ask(wishes, seen).await;
        assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("plan_changed")), "{problem}");
    }
    place.sandbox.mutate(PROD_ACCOUNT, &[Mutation::CreateAccessKey { user: person.clone() }]).unwrap();
    let (status, problem) = ask(&wishes, &seen).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("plan_changed")), "{problem}");
    assert_eq!(place.get("/api/v1/systems/prod/jobs").await["items"], json!([]));
    assert_eq!(place.writes(), Vec::<String>::new());
    let now = planned().await;
    assert_ne!(now, seen);
    let (status, job) = ask(&wishes, &now).await;
    assert_eq!((status, &job["plan_sha256"]), (StatusCode::ACCEPTED, &now.into()), "{job}");
    assert_eq!(place.ended(&format!("/api/v1/jobs/{}", job["id"])).await["state"], "succeeded");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_one_time_secret_comes_with_its_link_where_the_server_knows_its_place() {
    let url: PublicUrl = "https://keys.example.org".parse().unwrap();
    let place = Place::start_as(|server, _| server.public_url(&url)).await;
    let body = json!({"wishes": [{"task": "create_account", "name": "ada"}]});
    let job = place.post("/api/v1/systems/prod/jobs", &body).await.1;
    let given = &job["one_time_secrets"][0];
    let expected = format!("https://keys.example.org/one-time#{}", given["secret"].as_str().unwrap());
    assert_eq!(given["link"], expected, "{job}");
    // What was made and no import has seen is not shown, and who looks for it learns why.
    place.ended(&format!("/api/v1/jobs/{}", job["id"])).await;
    let (status, problem) = place.ask("/api/v1/systems/prod/accounts/ada", Some(place.admin())).await;
    assert_eq!((status, &problem["code"]), (StatusCode::NOT_FOUND, &json!("account_not_found")));
    let said = problem["detail"].as_str().unwrap();
    assert!(said.contains(&format!("made by job {}", job["id"])), "{said}");
    assert!(problem["advice"].as_str().unwrap().contains("/import-runs"), "{problem}");
    let then = place.clock.now();
    let (_, problem) =
        place.ask(&format!("/api/v1/systems/prod/accounts/ada?as_of={then}"), Some(place.admin())).await;
    assert!(!problem["detail"].as_str().unwrap().contains("made by job"), "{problem}");
    place.import("prod").await;
    assert_eq!(place.get("/api/v1/systems/prod/accounts/ada").await["name"], "ada");
    place.stop().await;
    let place = Place::start().await;
    let job = place.post("/api/v1/systems/prod/jobs", &body).await.1;
    assert_eq!(job["one_time_secrets"][0]["link"], Value::Null, "{job}");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r36_a_key_whose_request_came_to_nothing_after_its_caller_hung_up_is_free() {
    let place = Place::start().await;
    let slow = FaultRule::new("*", Effect::Latency { ms: 1_000 }).times(1);
    place.sandbox.add_fault(slow);
    let nobody = json!({"wishes": [{"task": "delete_account", "account": "nobody"}]});
    let request = place.request(Method::POST, JOBS, Some(place.admin())).header("Idempotency-Key", "hung-up");
    let sent = request.json(&nobody).timeout(std::time::Duration::from_millis(300)).send().await;
    assert!(sent.is_err_and(|error| error.is_timeout()));
    let begun = std::time::Instant::now();
    loop {
        let (status, _, problem) = keyed(&place, place.admin(), "hung-up", &nobody).await;
        if problem["code"] != "in_progress" {
            assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &"obstructed".into()), "{problem}");
            break;
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(15), "the key stays taken");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    place.stop().await;
}
