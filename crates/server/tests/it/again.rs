//! What failed is tried again as it was seen, and who looks is told when it would be refused.

use keyreeve_model::Role;
use keyreeve_sandbox::{Effect, FaultRule, Mutation, Phase};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::console::Browser;
use crate::console::accounts::address_of;
use crate::place::{PROD_ACCOUNT, Place};

/// What trying a job again would take, and the name of just that.
async fn planned(place: &Place, job: &str) -> (Value, String) {
    let request = place.request(Method::POST, &format!("{job}/retry-plan"), Some(place.admin()));
    let answer = request.json(&json!({})).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let seen = answer.headers()["plan-sha256"].to_str().unwrap().to_owned();
    (answer.json().await.unwrap(), seen)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_failed_is_tried_again_as_it_was_seen() {
    let place = Place::start().await;
    place.sandbox.add_fault(FaultRule::new("CreateUser", Effect::AccessDenied).times(1).min_fires(1));
    let body = json!({"wishes": [{"task": "create_account", "name": "ada"}]});
    let job = place.post("/api/v1/systems/prod/jobs", &body).await.1;
    let first = &job["one_time_secrets"][0]["secret"];
    let address = format!("/api/v1/jobs/{}", job["id"]);
    let failed = place.ended(&address).await;
    assert_eq!(failed["state"], "failed", "{failed}");
    let (plan, seen) = planned(&place, &address).await;
    assert_eq!((&plan["refused"], plan["tasks"].as_array().map(Vec::len)), (&Value::Null, Some(1)), "{plan}");
    let retry = format!("{address}/retry");
    let (status, problem) = place.post(&retry, &json!({"plan_sha256": "0".repeat(64)})).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &"plan_changed".into()), "{problem}");
    assert_eq!(place.get(&address).await["state"], "failed");
    let (status, again) = place.post(&retry, &json!({"plan_sha256": seen})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{again}");
    let second = &again["one_time_secrets"][0]["secret"];
    assert!(second.as_str().unwrap().starts_with("krs_") && first != second);
    let ended = place.ended(&address).await;
    assert_eq!(ended["state"], "succeeded", "{ended}");
    assert!(place.in_aws("ada").is_some() && place.sandbox.unfired().is_empty());
    place.stop().await;
}

/// The answer to its creation was lost, and whose the user is could not be looked at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_whose_own_user_may_be_there_says_that_it_looks_first_and_names_no_obstacle() {
    let place = Place::start().await;
    place
        .sandbox
        .add_fault(FaultRule::new("CreateUser", Effect::Reset).phase(Phase::AfterApply).min_fires(1));
    place.sandbox.add_fault(FaultRule::new("GetUser", Effect::AccessDenied));
    let body = json!({"wishes": [{"task": "create_account", "name": "unsure"}]});
    let job = place.post("/api/v1/systems/prod/jobs", &body).await.1;
    let address = format!("/api/v1/jobs/{}", job["id"]);
    let failed = place.ended(&address).await;
    assert_eq!(failed["tasks"][0]["state"], "needs_person", "{failed:#}");
    place.sandbox.clear_faults();
    let (plan, seen) = planned(&place, &address).await;
    let task = &plan["tasks"][0];
    assert_eq!(task["obstacles"], json!([]), "{plan:#}");
    assert!(task["notices"].to_string().contains("this task may have made it"), "{plan:#}");
    assert_eq!(
        task["steps"][0]["call"], failed["tasks"][0]["steps"][0]["call"],
        "the mark of then: {plan:#}"
    );
    let (status, again) = place.post(&format!("{address}/retry"), &json!({"plan_sha256": seen})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{again}");
    assert_eq!(place.ended(&address).await["state"], "succeeded");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_looks_is_told_why_a_job_is_not_tried_again() {
    let place = Place::start().await;
    let body = json!({"wishes": [{"task": "create_account", "name": "ada"}]});
    let address = format!("/api/v1/jobs/{}", place.post("/api/v1/systems/prod/jobs", &body).await.1["id"]);
    assert_eq!(place.ended(&address).await["state"], "succeeded");
    let (plan, seen) = planned(&place, &address).await;
    let refused = plan["refused"].as_str().unwrap_or_default();
    assert!(refused.contains("succeeded"), "{plan}");
    for body in [json!({}), json!({"plan_sha256": seen})] {
        let (status, problem) = place.post(&format!("{address}/retry"), &body).await;
        assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &"wrong_state".into()), "{problem}");
        let said = problem["detail"].as_str().unwrap();
        assert!(refused.starts_with(said), "{said}: {refused}");
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plan_that_is_shown_is_what_is_carried_out_although_it_is_another_one_by_now() {
    let place = Place::start().await;
    let people = place.people().await;
    let with_password = |name: &&String| !place.in_aws(name).unwrap()["login_profile"].is_null();
    let name = people.iter().find(with_password).unwrap().clone();
    place.sandbox.add_fault(FaultRule::new("UpdateLoginProfile", Effect::AccessDenied).times(1).min_fires(1));
    let body = json!({"wishes": [{"task": "reset_password", "account": name}]});
    let job = place.post("/api/v1/systems/prod/jobs", &body).await.1;
    let address = format!("/api/v1/jobs/{}", job["id"]);
    let failed = place.ended(&address).await;
    assert_eq!(failed["state"], "failed", "{failed}");
    place.sandbox.mutate(PROD_ACCOUNT, &[Mutation::DeleteLoginProfile { user: name.clone() }]).unwrap();
    let (plan, seen) = planned(&place, &address).await;
    let shown = plan["tasks"][0]["steps"].as_array().unwrap().clone();
    let names = |steps: &[Value]| steps.iter().map(|step| step["operation"].clone()).collect::<Vec<_>>();
    assert_eq!(names(&shown).last().unwrap(), "CreateLoginProfile", "{plan}");
    let (status, again) = place.post(&format!("{address}/retry"), &json!({"plan_sha256": seen})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{again}");
    let ended = place.ended(&address).await;
    assert_eq!(ended["state"], "succeeded", "{ended}");
    let steps = ended["tasks"][0]["steps"].as_array().unwrap();
    let before = failed["tasks"][0]["steps"].as_array().unwrap();
    // What was done stays as it was, what was not is skipped, and what was shown comes behind it.
    let (old, new) = steps.split_at(before.len());
    assert_eq!((names(old), names(new)), (names(before), names(&shown)));
    assert!(new.iter().all(|step| step["state"] == "applied"), "{ended}");
    assert_eq!(old.last().unwrap()["state"], "skipped", "{ended}");
    assert!(!place.in_aws(&name).unwrap()["login_profile"].is_null());
    place.store.verify_audit().await.unwrap();
    place.stop().await;
}

/// Its call may have been carried out: nothing takes its place before that is known.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_outcome_is_not_known_is_tried_again_although_the_plan_is_another_one_by_now() {
    let place = Place::start().await;
    let people = place.people().await;
    let with_password = |name: &&String| !place.in_aws(name).unwrap()["login_profile"].is_null();
    let name = people.iter().find(with_password).unwrap().clone();
    let lost = Effect::Error { status: 500, code: "ServiceFailure".into(), message: String::new() };
    place.sandbox.add_fault(FaultRule::new("UpdateLoginProfile", lost).min_fires(1));
    let body = json!({"wishes": [{"task": "reset_password", "account": name}]});
    let job = place.post("/api/v1/systems/prod/jobs", &body).await.1;
    let address = format!("/api/v1/jobs/{}", job["id"]);
    let failed = place.ended(&address).await;
    let steps = failed["tasks"][0]["steps"].as_array().unwrap().clone();
    assert_eq!(steps.last().unwrap()["state"], "unknown", "{failed}");
    place.sandbox.clear_faults();
    place.sandbox.mutate(PROD_ACCOUNT, &[Mutation::DeleteLoginProfile { user: name.clone() }]).unwrap();
    let (plan, seen) = planned(&place, &address).await;
    let shown = plan["tasks"][0]["steps"].as_array().unwrap();
    assert_eq!(shown.last().unwrap()["operation"], "UpdateLoginProfile", "{plan}");
    let (status, again) = place.post(&format!("{address}/retry"), &json!({"plan_sha256": seen})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{again}");
    let ended = place.ended(&address).await;
    assert_eq!(ended["tasks"][0]["steps"].as_array().unwrap().len(), steps.len(), "{ended}");
    place.stop().await;
}

/// Whoever has been asked to decide about a deletion decides about all of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_is_not_tried_again_beside_another_one_of_the_same_account() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ola", Role::Operator, &[]).await;
    let name = place.people().await.swap_remove(0);
    place.sandbox.add_fault(FaultRule::new("DeleteUser", Effect::AccessDenied).times(1).min_fires(1));
    let body = json!({"wishes": [{"task": "delete_account", "account": name}]});
    let address = format!("/api/v1/jobs/{}", place.post("/api/v1/systems/prod/jobs", &body).await.1["id"]);
    assert_eq!(place.ended(&address).await["state"], "failed");
    let (_, second) = place.post("/api/v1/systems/prod/jobs", &body).await;
    assert_eq!(second["state"], "awaiting_approval", "{second}");
    let other = &second["id"];
    let (plan, seen) = planned(&place, &address).await;
    let refused = plan["refused"].as_str().unwrap_or_default();
    let said = format!("job {other} of system prod, which waits for a second person, deletes {name} already");
    assert!(refused.starts_with(&said), "{plan}");
    for body in [json!({}), json!({"plan_sha256": seen})] {
        let (status, problem) = place.post(&format!("{address}/retry"), &body).await;
        assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &"under_way".into()), "{problem}");
        assert!(problem["detail"].as_str().unwrap().starts_with(&said), "{problem}");
    }
    let page = browser.get(&format!("{}/retry", address.replace("/api/v1", ""))).await;
    let link = format!("<a href=\"/jobs/{other}\">the page of job {other}</a>");
    page.refuses(StatusCode::UNPROCESSABLE_ENTITY, &[&format!("Job {other} of system prod"), &link]);
    assert!(!page.text.contains("name=\"seen\""), "{}", page.text);
    // So is a third one, which is asked for anew.
    let account = address_of(&place, &name).await;
    let third = browser.send(&format!("{account}/delete"), &[]).await;
    assert!(third.text.contains(&link) && !third.text.contains("Apply this plan"), "{}", third.text);
    assert!(place.in_aws(&name).is_some());
    // Once that one is taken back, nothing keeps it.
    place.post(&format!("/api/v1/jobs/{other}/cancel"), &json!({})).await;
    let (status, again) = place.post(&format!("{address}/retry"), &json!({})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{again}");
    assert_eq!(place.ended(&address).await["state"], "succeeded");
    assert!(place.in_aws(&name).is_none());
    place.stop().await;
}
