//! What needs nobody is not held up to anybody: a job that failed for good, keys that nobody can tell the age of, and what there
//! is nothing of to take away.

use keyreeve_model::Role;
use keyreeve_sandbox::{Effect, FaultRule, Mutation};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Browser;
use crate::place::{PROD_ACCOUNT, Place, system};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_failed_for_good_is_dismissed_and_leaves_home() {
    let place = Place::start().await;
    let operator = Browser::of(&place, "ola", Role::Operator, &[]).await;
    let viewer = Browser::of(&place, "vi", Role::Viewer, &[]).await;
    place.sandbox.add_fault(FaultRule::new("CreateUser", Effect::AccessDenied).min_fires(1));
    let wishes = json!({"wishes": [{"task": "create_account", "name": "ada"}]});
    let (_, job) = place.post("/api/v1/systems/prod/jobs", &wishes).await;
    let address = format!("/jobs/{}", job["id"]);
    assert_eq!(place.ended(&format!("/api/v1{address}")).await["state"], "failed");
    for page in ["/", "/systems/prod"] {
        viewer.get(page).await.has(&[">Job failed<"]);
    }
    assert!(!viewer.get(&address).await.text.contains("Dismiss…"));
    operator.get(&address).await.has(&["Dismiss…", "Try again…"]);
    let dismiss = format!("{address}/dismiss");
    for status in [viewer.get(&dismiss).await.status, viewer.send(&dismiss, &[("reason", "x")]).await.status]
    {
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
    operator.get(&dismiss).await.has(&["It stays failed", ">Dismiss</button>"]);
    for reason in ["", " ", &"x".repeat(1_001)] {
        let refused = operator.send(&dismiss, &[("reason", reason)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
    }
    let (status, refused) = place.post(&format!("/api/v1{dismiss}"), &json!({"reason": " "})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
    let done = operator.send(&dismiss, &[("reason", "<b>ada</b> is not coming")]).await;
    assert_eq!(done.to, Some(format!("{address}?said=job_dismissed")), "{}", done.text);
    let page = operator.get(&format!("{address}?said=job_dismissed")).await;
    page.has(&[
        ">Failed<",
        "Dismissed by",
        "&#60;b&#62;ada&#60;/b&#62; is not coming",
        "needs nobody any more",
    ]);
    assert!(!page.text.contains("Dismiss…"), "{}", page.text);
    for page in ["/", "/systems/prod"] {
        let page = viewer.get(page).await;
        assert!(!page.text.contains(">Job failed<"), "{}", page.text);
    }
    viewer.get("/").await.has(&["Nothing needs you now"]);
    // The same word once more leads to the same place; that of anybody else, or another one, says whose stands.
    let again = operator.send(&dismiss, &[("reason", "<b>ada</b> is not coming")]).await;
    assert_eq!(again.to, done.to, "{}", again.text);
    let bo = Browser::of(&place, "bo", Role::Operator, &[]).await;
    for late in [
        operator.get(&dismiss).await,
        operator.send(&dismiss, &[("reason", "something else")]).await,
        bo.send(&dismiss, &[("reason", "<b>ada</b> is not coming")]).await,
    ] {
        late.refuses(StatusCode::CONFLICT, &["ola has dismissed job"]);
    }
    let told = place.get(&format!("/api/v1{address}")).await;
    assert_eq!((&told["state"], &told["dismissed_by"]), (&json!("failed"), &json!("ola")), "{told}");
    let rows = place.get("/api/v1/audit?action=job_dismissed").await;
    let [row] = &rows["items"].as_array().unwrap()[..] else { panic!("{rows}") };
    assert_eq!((&row["actor"], &row["subject"]["job"]), (&json!("ola"), &job["id"]), "{row}");
    let of_whom = told["tasks"][0]["account"].as_str().unwrap();
    let rows = place.get(&format!("/api/v1/audit?action=job_dismissed&account={of_whom}")).await;
    assert_eq!(rows["items"].as_array().map(Vec::len), Some(1), "{rows}");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_removed_system_is_offered_to_be_tried_again() {
    let place = Place::start().await;
    let operator = Browser::of(&place, "ola", Role::Operator, &[]).await;
    place.sandbox.add_fault(FaultRule::new("CreateUser", Effect::AccessDenied).min_fires(1));
    let wishes = json!({"wishes": [{"task": "create_account", "name": "ada"}]});
    let (_, job) = place.post("/api/v1/systems/prod/jobs", &wishes).await;
    let address = format!("/jobs/{}", job["id"]);
    assert_eq!(place.ended(&format!("/api/v1{address}")).await["state"], "failed");
    operator.get(&address).await.has(&["Try again…"]);
    operator.get(&format!("{address}/dismiss")).await.has(&["It can still be tried again"]);
    place.store.remove_system(&system("prod"), ("local:test", None), place.clock.now()).await.unwrap();
    let page = operator.get(&address).await;
    page.has(&["Dismiss…"]);
    assert!(!page.text.contains("Try again…"), "{}", page.text);
    let page = operator.get(&format!("{address}/dismiss")).await;
    page.has(&["It stays failed", ">Dismiss</button>"]);
    assert!(!page.text.contains("tried again"), "{}", page.text);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_whose_age_is_not_known_are_counted_beside_those_whose_is() {
    let place = Place::start().await;
    let viewer = Browser::of(&place, "vi", Role::Viewer, &[]).await;
    let home = viewer.get("/").await;
    home.has(&["Active access keys of"]);
    assert!(!home.text.contains("it is not known which active keys"), "{}", home.text);
    // The report is not to be had, and of one user the keys are not.
    let denied = |action: &str| FaultRule::new(action, Effect::AccessDenied);
    place.sandbox.add_fault(denied("GenerateCredentialReport"));
    place.sandbox.add_fault(denied("GetCredentialReport"));
    let person = place.people().await.swap_remove(0);
    place.sandbox.add_fault(denied("ListAccessKeys").subject(&person));
    place.import("prod").await;
    let accounts = place.all("/api/v1/systems/prod/accounts", 100).await;
    let unknown = accounts.iter().filter(|one| one["access_keys"].is_null()).count();
    let said = match unknown {
        0 => panic!("all are known: {accounts:?}"),
        1 => "Of 1 account more it is not known which active keys it has".to_owned(),
        all if all == accounts.len() => {
            format!("Of {all} accounts it is not known which active keys they have")
        }
        some => format!("Of {some} accounts more it is not known which active keys they have"),
    };
    for page in ["/", "/systems/prod/accounts"] {
        viewer.get(page).await.has(&[&said]);
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_to_be_removed_of_whoever_holds_nothing() {
    let place = Place::start().await;
    let operator = Browser::of(&place, "ola", Role::Operator, &[]).await;
    let user = |name: &str| Mutation::CreateUser {
        name: name.into(),
        path: "/".into(),
        tags: vec![],
        boundary: None,
    };
    let crew = Mutation::CreateGroup { name: "zz-crew".into(), path: "/".into() };
    let joins = Mutation::AddToGroup { user: "zoe".into(), group: "zz-crew".into() };
    place.sandbox.mutate(PROD_ACCOUNT, &[user("yan"), user("zoe"), crew, joins]).unwrap();
    place.import("prod").await;
    let page = async |name: &str| {
        let account = place.get(&format!("/api/v1/systems/prod/accounts/{name}")).await;
        let id = account["external_id"].as_str().map(str::to_owned);
        operator.get(&format!("/systems/prod/accounts/{}", id.unwrap())).await
    };
    let of_nothing = page("yan").await;
    of_nothing.has(&["Add assignment…", "It holds nothing"]);
    assert!(!of_nothing.text.contains("Remove assignment…"), "{}", of_nothing.text);
    page("zoe").await.has(&["Remove assignment…"]);
    // What was taken away here is not taken away again, and what was given here can be.
    let changed = async |task: &str, name: &str| {
        let wish = json!({"task": task, "account": name, "group": "zz-crew"});
        let (_, job) = place.post("/api/v1/systems/prod/jobs", &json!({"wishes": [wish]})).await;
        let ended: Value = place.ended(&format!("/api/v1/jobs/{}", job["id"])).await;
        assert_eq!(ended["state"], "succeeded", "{ended}");
    };
    changed("remove_assignment", "zoe").await;
    assert!(!page("zoe").await.text.contains("Remove assignment…"));
    changed("add_assignment", "yan").await;
    page("yan").await.has(&["Remove assignment…"]);
    place.stop().await;
}
