//! The whole way of a system through the console: from a server that knows nobody to what the audit log says of a password.

use keyreeve_model::Role;
use keyreeve_sandbox::{Effect, FaultRule, Mutation};
use serde_json::json;

use super::Chromium;
use crate::place::{PASSWORD, PROD_ACCOUNT, Place};

/// Nothing was complained of since it was asked last.
async fn quiet(browser: &Chromium, after: &str) {
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "{after}: {complaints:#?}");
}

/// The page is the same one all the time, so that what is seen later came without loading it anew.
async fn stays(browser: &Chromium) {
    browser.run("window.same = true", json!([])).await;
}

async fn has_stayed(browser: &Chromium) {
    assert_eq!(browser.run("return window.same", json!([])).await, true);
}

/// Finds an account of the new system by typing, and goes to its page.
async fn found(browser: &Chromium, name: &str) {
    browser.click("a[href='/systems/walked/accounts']").await;
    browser.is_at("Accounts").await;
    stays(browser).await;
    browser.fill("#filter-q", name).await;
    browser.shows("#list tbody tr:only-child").await;
    has_stayed(browser).await;
    browser.click("#list tbody tr:only-child a").await;
    browser.is_at(name).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_first_start_to_a_deletion_and_a_password_that_is_revealed_once() {
    let place = Place::start().await;
    let browser = Chromium::start().await;

    // First start, and the way in.
    browser.go(&place.url).await;
    browser.is_at("Sign in").await;
    browser.reads("Nobody can sign in yet").await;
    place.person("ada", Role::Admin, &[]).await;
    browser.go(&place.url).await;
    browser.fill("#name", "ada").await;
    browser.fill("#password", PASSWORD).await;
    browser.click("main button[type=submit]").await;
    browser.is_at("Home").await;

    // A new system on the sandbox.
    browser.click("a[href='/systems']").await;
    browser.click("a[href='/new-system']").await;
    browser.is_at("New system").await;
    let key = place.sandbox.connector_key(PROD_ACCOUNT).unwrap();
    browser.fill("#name", "Walked").await;
    browser.fill("#system_id", "walked").await;
    browser.fill("#access_key_id", &key.access_key_id).await;
    browser.fill("#secret_access_key", &key.secret_access_key).await;
    browser.click("button.primary").await;
    browser.reads("The system is registered.").await;
    browser.click("a[href='/systems/walked/settings']").await;
    browser.click("#permission_profile option[value=full]").await;
    browser.click("form.stack button.primary").await;
    browser.reads("Saved.").await;
    quiet(&browser, "the new system").await;

    // Its first import, watched.
    place.sandbox.add_fault(FaultRule::new("ListUsers", Effect::Latency { ms: 4_000 }).times(1).min_fires(1));
    browser.click("a[href='/systems/walked']").await;
    browser.click("form[action='/imports'] button").await;
    browser.reads("Running").await;
    stays(&browser).await;
    browser.reads("Reading").await;
    browser.shows("#run h1 .badge.good").await;
    has_stayed(&browser).await;
    assert!(place.sandbox.unfired().is_empty());
    quiet(&browser, "the first import").await;

    // Half of the people are gone: the next one is suspended, and accepted as it was seen.
    let people = place.people().await;
    let (gone, left) = people.split_at(people.len() / 2);
    let delete = |name: &String| Mutation::DeleteUser { name: name.clone() };
    place.sandbox.mutate(PROD_ACCOUNT, &gone.iter().map(delete).collect::<Vec<_>>()).unwrap();
    browser.click("nav.above a[href='/systems/walked']").await;
    browser.click("form[action='/imports'] button").await;
    browser.reads("Accept or reject").await;
    browser.fill("#reason", "they left").await;
    browser.fill("#confirm", "walked").await;
    browser.click("form[action$='/accept'] button").await;
    browser.reads("Accepted: what the run found is published.").await;
    quiet(&browser, "the suspended import").await;

    // An account is found by typing; its deletion is planned, and exactly that is applied.
    let [deleted, reset, ..] = left else { panic!("nobody is left: {left:?}") };
    browser.click("nav.above a[href='/systems/walked']").await;
    browser.is_at("Overview").await;
    found(&browser, deleted).await;
    browser.click("nav.actions a[href$='/delete']").await;
    browser.click("form.stack button.primary").await;
    browser.is_at("Plan").await;
    browser.reads("DeleteUser").await;
    assert!(place.in_aws(deleted).is_some(), "a plan changes nothing");
    let disabled = "return document.querySelector('button.danger').disabled";
    assert_eq!(browser.run(disabled, json!([])).await, true);
    browser.fill("#confirm", deleted).await;
    browser.click("button.danger").await;
    browser.reads("Asked for. This page shows what becomes of it").await;
    browser.click("a[href='/jobs']").await;
    browser.click("#list tbody a[href^='/jobs/']").await;
    browser.reads("Succeeded").await;
    assert!(place.in_aws(deleted).is_none());
    quiet(&browser, "the deletion").await;

    // A password, whose one-time secret is shown once and opens it once.
    browser.click("nav.above a[href='/systems/walked']").await;
    browser.is_at("Overview").await;
    found(&browser, reset).await;
    browser.click("nav.actions a[href$='/reset-password']").await;
    browser.click("form.stack button.primary").await;
    browser.is_at("Plan").await;
    browser.fill("#confirm", reset).await;
    browser.click("button.danger").await;
    browser.is_at("One-time secrets").await;
    let secret =
        browser.run("return document.querySelector('code[id^=secret]').textContent", json!([])).await;
    let secret = secret.as_str().unwrap();
    assert!(secret.starts_with("krs_"), "{secret}");
    assert!(!browser.url().await.contains(secret));
    browser.click("main a.button").await;
    browser.reads("Succeeded").await;
    assert!(!browser.text().await.contains(secret));
    browser.reads("Not opened yet").await;
    browser.go(&format!("{}/one-time", place.url)).await;
    browser.fill("#secret", secret).await;
    browser.click("button").await;
    browser.reads("This is the password.").await;
    quiet(&browser, "the password").await;
    browser.go(&format!("{}/one-time", place.url)).await;
    browser.fill("#secret", secret).await;
    browser.click("button").await;
    browser.reads("This one-time secret opens no password").await;
    // That it is gone is what the browser says of it, too.
    assert_eq!(browser.complaints().await.len(), 1);

    // What the audit log says of all that.
    browser.go(&format!("{}/audit?system=walked&action=password_opened", place.url)).await;
    browser.is_at("Audit").await;
    browser.click("#list tbody a[href^='/audit/']").await;
    browser.reads("password_opened").await;
    for action in ["system_registered", "import_accepted", "job_ended"] {
        browser.go(&format!("{}/audit?system=walked&action={action}", place.url)).await;
        browser.shows("#list tbody a[href^='/audit/']").await;
    }
    quiet(&browser, "the audit log").await;
    browser.quit().await;
    place.stop().await;
}
