//! The pictures of the guide, taken where `KEYREEVE_TEST_PICTURES` says.

use keyreeve_model::{Role, SystemName};
use keyreeve_sandbox::Mutation;
use keyreeve_store::SystemPatch;
use reqwest::Method;
use serde_json::json;

use super::Chromium;
use crate::place::{PASSWORD, PROD_ACCOUNT, Place, system};

/// Gives the systems names that people would give, and something to be seen.
async fn furnished(place: &Place) -> Vec<String> {
    for (id, name) in [("prod", "Production"), ("test", "Staging")] {
        let patch = SystemPatch { name: Some(SystemName::new(name).unwrap()), ..SystemPatch::default() };
        place.store.update_system(&system(id), patch, "local:test", place.clock.now()).await.unwrap();
    }
    let people = place.people().await;
    let moved = people.iter().take(3).map(|name| Mutation::TagUser {
        name: name.clone(),
        key: "team".to_owned(),
        value: "operations".to_owned(),
    });
    let changes: Vec<Mutation> =
        moved.chain(people.last().map(|name| Mutation::DeleteUser { name: name.clone() })).collect();
    place.sandbox.mutate(PROD_ACCOUNT, &changes).unwrap();
    place.import("prod").await;
    let operator = place.token_of("olga", Role::Operator, &[]).await;
    for (wishes, reason) in [
        (json!([{"task": "create_account", "name": "ada.byron", "path": "/staff/"}]), "joins on Monday"),
        (
            json!([
                {"task": "delete_account", "account": people[4]},
                {"task": "delete_account", "account": people[5]}
            ]),
            "their contracts have ended",
        ),
    ] {
        let body = json!({"wishes": wishes, "reason": reason});
        let (status, job) = place.send(Method::POST, "/api/v1/systems/prod/jobs", &operator, &body).await;
        assert!(status.is_success(), "{job}");
        if job["state"] != "awaiting_approval" {
            place.ended(&format!("/api/v1/jobs/{}", job["id"])).await;
        }
    }
    let gone = people.iter().skip(6).take(people.len() / 2);
    let gone: Vec<Mutation> = gone.map(|name| Mutation::DeleteUser { name: name.clone() }).collect();
    place.sandbox.mutate(PROD_ACCOUNT, &gone).unwrap();
    let runs = "/api/v1/systems/prod/import-runs";
    let (_, run) = place.send(Method::POST, runs, &operator, &json!({})).await;
    let run = place.ended_or_suspended(&format!("/api/v1/import-runs/{}", run["id"])).await;
    assert_eq!(run["state"], "suspended", "{run}");
    people
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_of_the_guide_are_shown_without_a_complaint() {
    let place = Place::start().await;
    place.person("ada", Role::Admin, &[]).await;
    let people = furnished(&place).await;
    let browser = Chromium::start().await;
    browser.window(1_280, 760).await;
    browser.go(&format!("{}/sign-in", place.url)).await;
    browser.fill("#name", "ada").await;
    browser.fill("#password", PASSWORD).await;
    browser.picture("sign-in").await;
    browser.click("main button[type=submit]").await;
    browser.is_at("Home").await;
    let account = place.get(&format!("/api/v1/systems/prod/accounts/{}", people[1])).await;
    let account = format!("systems/prod/accounts/{}", account["external_id"].as_str().unwrap());
    for (page, name) in [
        ("", "home"),
        ("systems/prod", "system"),
        ("systems/prod/profiles/default", "import-profile"),
        ("systems/prod/accounts", "accounts"),
        (&account, "account"),
        ("systems/prod/compare?from=run:1", "compare"),
        ("imports/4", "import-suspended"),
        ("jobs/2", "job"),
        ("audit?system=prod", "audit"),
    ] {
        browser.go(&format!("{}/{page}", place.url)).await;
        browser.shows("main h1").await;
        browser.picture(name).await;
    }
    browser.go(&format!("{}/{account}/delete", place.url)).await;
    browser.click("form.stack button.primary").await;
    browser.is_at("Plan").await;
    browser.picture("plan").await;
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "{complaints:#?}");
    browser.quit().await;
    place.stop().await;
}
