//! Coming back to the answer to a form: nobody is asked to send the form once more, and nothing is done twice.

use keyreeve_model::Role;
use keyreeve_sandbox::Mutation;

use super::Chromium;
use crate::place::{PROD_ACCOUNT, Place};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn back_from_the_page_of_a_job_leads_to_the_form_and_sends_nothing() {
    let place = Place::start().await;
    place.person("ada", Role::Operator, &[]).await;
    let made: Vec<Mutation> =
        std::iter::once(Mutation::CreateGroup { name: "zz-crew".into(), path: "/".into() })
            .chain(["zz.one", "zz.two"].into_iter().flat_map(|name| {
                let tags = Vec::new();
                let user = Mutation::CreateUser { name: name.into(), path: "/".into(), tags, boundary: None };
                [user, Mutation::AddToGroup { user: name.into(), group: "zz-crew".into() }]
            }))
            .collect();
    place.sandbox.mutate(PROD_ACCOUNT, &made).unwrap();
    place.import("prod").await;
    let account = place.get("/api/v1/systems/prod/accounts/zz.one").await["external_id"].clone();
    let form = format!("{}/systems/prod/accounts/{}/update", place.url, account.as_str().unwrap());
    let browser = Chromium::start().await;
    browser.sign_in(&place.url, "ada").await;
    browser.go(&form).await;
    browser.fill("#path", "/zz/").await;
    browser.click("form.stack button.primary").await;
    browser.is_at("Plan").await;
    browser.click("form.stack button.primary").await;
    browser.reads("Asked for. This page shows what becomes of it").await;
    browser.back().await;
    browser.is_at("Update zz.one").await;
    assert_eq!(browser.url().await, form);

    // Several who lose a group at once: back to who holds it.
    let group = place.get("/api/v1/systems/prod/resources?name=zz-crew").await["items"][0].clone();
    let group = format!("{}/systems/prod/resources/{}", place.url, group["external_id"].as_str().unwrap());
    browser.go(&group).await;
    browser.click("#list tbody tr:nth-child(1) input").await;
    browser.click("#list tbody tr:nth-child(2) input").await;
    browser.click("#removal button").await;
    browser.is_at("Plan").await;
    browser.fill("#confirm", "zz-crew").await;
    browser.click("button.danger").await;
    browser.reads("Asked for. This page shows what becomes of it").await;
    browser.back().await;
    browser.is_at("zz-crew").await;
    assert_eq!(browser.url().await, group);
    let jobs = place.all("/api/v1/systems/prod/jobs", 100).await;
    assert_eq!(jobs.len(), 2, "{jobs:?}");
    assert!(browser.complaints().await.is_empty());
    browser.quit().await;
    place.stop().await;
}
