//! S35: a second person is another person, of now, who decides once, about what they have seen.

use keyreeve_model::{Role, TokenId};
use keyreeve_sandbox::{Effect, FaultRule};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::place::Place;

/// A job that takes more deletions than one person may ask for.
async fn waiting(place: &Place, names: &[String]) -> Value {
    let delete = |name: &String| json!({"task": "delete_account", "account": name});
    let body = json!({"wishes": names.iter().map(delete).collect::<Vec<_>>()});
    let (status, job) = place.post("/api/v1/systems/prod/jobs", &body).await;
    assert_eq!((status, &job["state"]), (StatusCode::ACCEPTED, &"awaiting_approval".into()), "{job}");
    job
}

/// What somebody is told who was late.
fn is_told_who_approved(problem: &Value, by: &str) {
    let said = problem["detail"].as_str().unwrap();
    assert!(
        problem["code"] == "wrong_state" && said.contains(&format!("was approved by {by} at 2")),
        "{problem}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s35_nobody_approves_their_own_wish_or_what_concerns_themselves_or_after_they_left() {
    let place = Place::start().await;
    let people = place.people().await;
    let job = waiting(&place, &people[..3]).await;
    let approve = format!("/api/v1/jobs/{}/approve", job["id"]);
    let refused = async |token: &str, mut body: Value, status: StatusCode, code: &str| {
        let (got, problem) = place.send(Method::POST, &approve, token, &body).await;
        assert_eq!((got, &problem["code"]), (status, &code.into()), "{problem}");
        // Whoever only looks is told the same.
        body["preview"] = true.into();
        let (got, looked) = place.send(Method::POST, &approve, token, &body).await;
        assert_eq!((got, &looked["detail"]), (status, &problem["detail"]), "{looked}");
        assert_eq!(place.writes(), Vec::<String>::new());
    };
    let none = || json!({});

    // Who asked, also by another token and in other letters.
    refused(place.admin(), none(), StatusCode::FORBIDDEN, "own_approval").await;
    let mut owner = job["actor"].as_str().unwrap().to_uppercase();
    let again = place.token_of(&owner, Role::Approver, &[]).await;
    refused(&again, none(), StatusCode::FORBIDDEN, "own_approval").await;
    // Whose account it is.
    owner = people[1].to_uppercase();
    let oneself = place.token_of(&owner, Role::Approver, &[]).await;
    refused(&oneself, none(), StatusCode::FORBIDDEN, "own_account").await;
    // Who may not, or not here.
    let operator = place.token(Role::Operator, &["prod"]).await;
    refused(&operator, none(), StatusCode::FORBIDDEN, "forbidden").await;
    let elsewhere = place.token(Role::Approver, &["test"]).await;
    refused(&elsewhere, none(), StatusCode::NOT_FOUND, "job_not_found").await;
    // Who was an approver until just now.
    let gone = place.token_of("gone", Role::Approver, &["prod"]).await;
    let id = TokenId(gone.split('_').nth(2).unwrap().to_owned());
    place.store.revoke_token(&id, "local:test", None, place.clock.now()).await.unwrap();
    refused(&gone, none(), StatusCode::UNAUTHORIZED, "unauthorised").await;
    // Who has seen another plan.
    let approver = place.token_of("berta", Role::Approver, &["prod"]).await;
    let other = json!({"plan_sha256": "0".repeat(64)});
    refused(&approver, other, StatusCode::CONFLICT, "other_plan").await;

    // Who asked takes back what they do not want any more; whoever looks is told so.
    let reject = format!("/api/v1/jobs/{}/reject", job["id"]);
    for body in [json!({}), json!({"preview": true})] {
        let (status, problem) = place.send(Method::POST, &reject, place.admin(), &body).await;
        assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &"own_approval".into()), "{problem}");
        assert!(problem.to_string().contains("cancel"), "{problem}");
    }
    // Looking decides nothing.
    let looking = json!({"plan_sha256": job["plan_sha256"], "preview": true});
    let (status, looked) = place.send(Method::POST, &approve, &approver, &looking).await;
    assert_eq!((status, &looked["state"]), (StatusCode::OK, &"awaiting_approval".into()), "{looked}");
    let (status, looked) = place.send(Method::POST, &reject, &approver, &json!({"preview": true})).await;
    assert_eq!((status, &looked["state"]), (StatusCode::OK, &"awaiting_approval".into()), "{looked}");
    assert_eq!(place.writes(), Vec::<String>::new());

    let seen = json!({"plan_sha256": job["plan_sha256"], "reason": "they left"});
    let (status, approved) = place.send(Method::POST, &approve, &approver, &seen).await;
    assert_eq!((status, &approved["decided_by"]), (StatusCode::OK, &"berta".into()), "{approved}");
    let ended = place.ended(&format!("/api/v1/jobs/{}", job["id"])).await;
    assert_eq!(ended["state"], "succeeded");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s35_an_approval_is_of_one_job_as_it_is_and_is_given_once() {
    let place = Place::start().await;
    let people = place.people().await;
    let job = waiting(&place, &people[..3]).await;
    let address = format!("/api/v1/jobs/{}", job["id"]);
    let approver = place.token_of("berta", Role::Approver, &["prod"]).await;
    // There is no way to edit a job.
    for method in [Method::PUT, Method::PATCH, Method::DELETE] {
        let (status, _) = place.send(method.clone(), &address, place.admin(), &job).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
    assert_eq!(place.get(&address).await["plan_sha256"], job["plan_sha256"]);
    // Two at once: one decides.
    let approve = format!("{address}/approve");
    let (carla, body) = (place.token_of("carla", Role::Approver, &["prod"]).await, json!({}));
    let (one, two) = futures::join!(
        place.send(Method::POST, &approve, &approver, &body),
        place.send(Method::POST, &approve, &carla, &body)
    );
    let mut answers = [one.0, two.0];
    answers.sort();
    assert_eq!(answers, [StatusCode::OK, StatusCode::CONFLICT], "{one:?} {two:?}");
    let by = if one.0 == StatusCode::OK { "berta" } else { "carla" };
    let late = if one.0 == StatusCode::OK { &two.1 } else { &one.1 };
    is_told_who_approved(late, by);
    assert_eq!(place.ended(&address).await["state"], "succeeded");
    // What was approved once is not approved again, and says nothing about the next job for the same people.
    let (status, problem) = place.send(Method::POST, &approve, &approver, &body).await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    is_told_who_approved(&problem, by);
    let next = waiting(&place, &people[3..6]).await;
    assert_ne!(next["id"], job["id"]);
    let replayed = json!({"plan_sha256": job["plan_sha256"]});
    let approve = format!("/api/v1/jobs/{}/approve", next["id"]);
    let (status, problem) = place.send(Method::POST, &approve, &approver, &replayed).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &"other_plan".into()), "{problem}");
    assert_eq!(place.get(&format!("/api/v1/jobs/{}", next["id"])).await["state"], "awaiting_approval");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_looks_while_another_approves_is_told_so_and_not_that_the_plan_is_stale() {
    let place = Place::start().await;
    let people = place.people().await;
    let job = waiting(&place, &people[..3]).await;
    let approve = format!("/api/v1/jobs/{}/approve", job["id"]);
    let slow = FaultRule::new("*", Effect::Latency { ms: 6_000 }).times(1).min_fires(1);
    place.sandbox.add_fault(slow);
    let (berta, carla) = (
        place.token_of("berta", Role::Approver, &["prod"]).await,
        place.token_of("carla", Role::Approver, &["prod"]).await,
    );
    let body = json!({});
    let late = place.send(Method::POST, &approve, &berta, &body);
    let first = async {
        while !place.sandbox.unfired().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let (status, approved) = place.send(Method::POST, &approve, &carla, &body).await;
        assert_eq!(status, StatusCode::OK, "{approved}");
        assert_eq!(place.ended(&format!("/api/v1/jobs/{}", job["id"])).await["state"], "succeeded");
    };
    let ((status, problem), ()) = futures::join!(late, first);
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    is_told_who_approved(&problem, "carla");
    place.stop().await;
}
