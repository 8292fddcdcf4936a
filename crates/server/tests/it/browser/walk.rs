//! A way through the console, from the first sign-in on.

use keyreeve_model::{Role, SessionId, SystemName};
use keyreeve_sandbox::{Effect, FaultRule, Mutation};
use keyreeve_store::SystemPatch;
use serde_json::json;

use super::{Chromium, looked_at};
use crate::place::{PASSWORD, PROD_ACCOUNT, Place, system};

const TAB: char = '\u{e004}';
const ENTER: char = '\u{e007}';

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_signs_in_by_keyboard_finds_systems_and_registers_one() {
    let place = Place::start().await;
    let browser = Chromium::start().await;
    browser.go(&place.url).await;
    browser.is_at("Sign in").await;
    browser.reads("Nobody can sign in yet").await;
    looked_at(&browser, "first-start").await;

    place.person("ada", Role::Admin, &[]).await;
    browser.go(&format!("{}/systems", place.url)).await;
    browser.is_at("Sign in").await;
    looked_at(&browser, "sign-in").await;
    browser.go(&format!("{}/systems", place.url)).await;
    // The focus is in the first field.
    browser.has_focus("name").await;
    browser.press(&format!("ada{TAB}{PASSWORD}{ENTER}")).await;
    browser.is_at("Systems").await;
    browser.reads("System prod").await;
    looked_at(&browser, "systems").await;

    // As one types, without a button; the address follows.
    browser.fill("#filter-q", "prod").await;
    for _ in 0..200 {
        if !browser.text().await.contains("System test") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(!browser.text().await.contains("System test"));
    let url = browser
        .run("return new Promise((done) => setTimeout(() => done(location.href), 200))", json!([]))
        .await;
    assert!(url.as_str().unwrap().ends_with("/systems?q=prod"), "{url}");
    browser.click("a[href='/systems/prod']").await;
    browser.is_at("Overview").await;
    browser.reads("Ready for use").await;
    looked_at(&browser, "system").await;
    for (tab, title) in [("connection", "Connection"), ("policy", "Policy"), ("settings", "Settings")] {
        browser.click(&format!("a[href='/systems/prod/{tab}']")).await;
        browser.is_at(title).await;
        looked_at(&browser, &format!("system-{tab}")).await;
    }
    browser.click("a[href='/systems/prod/connection']").await;
    browser.is_at("Connection").await;
    browser.click("main button[type=submit]").await;
    browser.reads("What the test found").await;
    // Its button comes with the name.
    browser.go(&format!("{}/systems/prod/remove", place.url)).await;
    let disabled = "return document.querySelector('button.danger').disabled";
    assert_eq!(browser.run(disabled, json!([])).await, true);
    looked_at(&browser, "system-remove").await;
    browser.fill("#confirm", "prod").await;
    assert_eq!(browser.run(disabled, json!([])).await, false);

    browser.go(&format!("{}/new-system", place.url)).await;
    looked_at(&browser, "system-new").await;
    let key = place.sandbox.connector_key(PROD_ACCOUNT).unwrap();
    browser.fill("#name", "Third").await;
    browser.fill("#system_id", "third").await;
    browser.fill("#access_key_id", &key.access_key_id).await;
    browser.fill("#secret_access_key", &key.secret_access_key).await;
    browser.click("button.primary").await;
    browser.is_at("Overview").await;
    browser.reads("The system is registered.").await;
    assert!(browser.url().await.ends_with("/systems/third"), "what was said is said once");
    browser.click("a[href='/']").await;
    browser.is_at("Home").await;
    looked_at(&browser, "home").await;
    let times = "return [...document.querySelectorAll('time')].every((time) => time.title.endsWith(' UTC'))";
    assert_eq!(browser.run(times, json!([])).await, true);
    for (page, title) in [
        ("jobs", "Jobs"),
        ("audit", "Audit"),
        ("audit/1", "Row 1: System registered"),
        ("settings", "Settings"),
        ("settings/tokens", "Tokens"),
        ("settings/people", "People"),
        ("settings/people/ada", "ada"),
        ("settings/protections", "Protect list"),
        ("settings/secrets", "Secrets"),
        ("settings/notifications", "Notifications"),
    ] {
        browser.go(&format!("{}/{page}", place.url)).await;
        browser.is_at(title).await;
        looked_at(&browser, &page.replace('/', "-")).await;
    }
    browser.go(&format!("{}/nothing", place.url)).await;
    browser.is_at("Nothing here").await;
    // That there is nothing is what the browser says of it, too.
    assert_eq!(browser.complaints().await.len(), 1);
    browser.click(".who button").await;
    browser.reads("You have signed out.").await;
    browser.quit().await;
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_is_watched_live_and_one_that_is_suspended_is_accepted() {
    let place = Place::start().await;
    place.person("ada", Role::Admin, &[]).await;
    let people = place.people().await;
    let gone = people.iter().take(people.len() / 2).map(|name| Mutation::DeleteUser { name: name.clone() });
    place.sandbox.mutate(PROD_ACCOUNT, &gone.collect::<Vec<_>>()).unwrap();
    place.sandbox.add_fault(FaultRule::new("ListUsers", Effect::Latency { ms: 4_000 }).times(1).min_fires(1));
    let browser = Chromium::start().await;
    browser.go(&format!("{}/systems/prod", place.url)).await;
    browser.has_focus("name").await;
    browser.press(&format!("ada{TAB}{PASSWORD}{ENTER}")).await;
    browser.is_at("Overview").await;
    browser.click("form[action='/imports'] button").await;
    browser.reads("Running").await;
    browser.picture("import-running").await;
    // The page is the same all the time: nobody loads it anew.
    browser.run("window.same = true", json!([])).await;
    browser.reads("Reading").await;
    browser.reads("Accept or reject").await;
    assert_eq!(browser.run("return window.same", json!([])).await, true);
    looked_at(&browser, "import-suspended").await;
    browser.click("main a.button").await;
    browser.reads("What it would change").await;
    browser.reads("Deleted").await;
    looked_at(&browser, "import-changes").await;
    browser.click("nav.above a[href^='/imports/']").await;
    browser.fill("#reason", "they left").await;
    browser.fill("#confirm", "prod").await;
    browser.click("form[action$='/accept'] button").await;
    browser.reads("Accepted: what the run found is published.").await;
    browser.go(&format!("{}/imports", place.url)).await;
    browser.reads("Published").await;
    looked_at(&browser, "imports").await;
    assert!(place.sandbox.unfired().is_empty());
    browser.quit().await;
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s21_nothing_that_others_wrote_runs_in_a_browser() {
    let place = Place::start().await;
    place.person("ada", Role::Admin, &[]).await;
    let evil = "\"><img src=x onerror=\"window.ran=1\"><svg/onload=window.ran=1>'</title><script>window.ran=1</script>";
    let patch = SystemPatch {
        name: Some(SystemName::new(evil).unwrap()),
        category: Some("javascript:window.ran=1".to_owned()),
        ..SystemPatch::default()
    };
    place.store.update_system(&system("prod"), patch, "local:test", place.clock.now()).await.unwrap();
    let browser = Chromium::start().await;
    browser.go(&format!("{}/sign-in", place.url)).await;
    browser.has_focus("name").await;
    browser.press(&format!("ada{TAB}{PASSWORD}{ENTER}")).await;
    browser.is_at("Home").await;
    let pages = [
        "/",
        "/systems",
        "/systems?q=svg",
        "/systems/prod",
        "/systems/prod/connection",
        "/systems/prod/policy",
        "/systems/prod/settings",
        "/systems/prod/remove",
    ];
    for page in pages {
        browser.go(&format!("{}{page}", place.url)).await;
        browser.reads("onerror=\"window.ran=1\"").await;
        let seen = "return [window.ran, document.querySelectorAll('main img, main script, a[href^=\"javascript\"]').length]";
        assert_eq!(browser.run(seen, json!([])).await, json!([null, 0]), "{page}");
        let complaints = browser.complaints().await;
        assert!(complaints.is_empty(), "{page}: {complaints:#?}");
    }
    // What makes markup of text is refused by the browser itself.
    let refused =
        "try { document.body.innerHTML = '<b>x</b>'; return 'done' } catch (why) { return why.name }";
    assert_eq!(browser.run(refused, json!([])).await, "TypeError");
    browser.quit().await;
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_typed_outlives_another_look_of_the_page_and_the_end_of_the_session() {
    let place = Place::start().await;
    place.person("ada", Role::Admin, &[]).await;
    let browser = Chromium::start().await;
    browser.sign_in(&place.url, "ada").await;
    let address = format!("{}/systems/prod/settings", place.url);
    browser.go(&address).await;
    browser.fill("#category", "typed here").await;
    browser.run("window.same = true", json!([])).await;
    browser.click("button[name=theme][value=dark]").await;
    browser.shows("html[data-theme=dark] button[value=dark][aria-pressed=true]").await;
    let typed = "return [window.same, document.getElementById('category').value]";
    assert_eq!(browser.run(typed, json!([])).await, json!([true, "typed here"]));
    browser.go(&address).await;
    browser.shows("html[data-theme=dark]").await;

    browser.fill("#category", "typed here").await;
    for session in place.get("/api/v1/sessions").await["items"].as_array().unwrap() {
        let id = SessionId(session["id"].as_str().unwrap().to_owned());
        place.store.end_session(&id, None, "local:test", place.clock.now()).await.unwrap();
    }
    browser.click("main form[method=post] button[type=submit]").await;
    browser.is_at("Sign in").await;
    browser.reads("Your session had ended, so what you sent was not done.").await;
    browser.has_focus("name").await;
    browser.press(&format!("ada{TAB}{PASSWORD}{ENTER}")).await;
    browser.is_at("Settings").await;
    browser.reads("Look at it once more, and send it again.").await;
    assert_eq!(browser.url().await, address, "what was said is said once");
    let typed = "return document.getElementById('category').value";
    assert_eq!(browser.run(typed, json!([])).await, json!("typed here"));
    assert_ne!(place.get("/api/v1/systems/prod").await["category"], "typed here");
    browser.click("main form[method=post] button[type=submit]").await;
    browser.reads("Saved.").await;
    assert_eq!(place.get("/api/v1/systems/prod").await["category"], "typed here");
    assert!(browser.complaints().await.is_empty());
    browser.quit().await;
    place.stop().await;
}
