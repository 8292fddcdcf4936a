//! By keyboard alone: keys are pressed, and nothing is clicked or filled in from outside.

use keyreeve_model::Role;
use keyreeve_sandbox::{Effect, FaultRule};
use serde_json::json;

use super::Chromium;
use crate::place::{PASSWORD, Place};

const TAB: char = '\u{e004}';
const ENTER: char = '\u{e007}';
const MOST_TABS: usize = 150;

/// What the focus is on: its text, or its name if it is a field.
const FOCUSED: &str = "
    const one = document.activeElement;
    return one.name && one.type !== 'submit' ? `field ${one.name}` : one.innerText.trim();
";

/// Goes on by Tab until the focus is on this, which must be seen to be there.
async fn tab_to(browser: &Chromium, wanted: &str) {
    let mut met = Vec::new();
    for _ in 0..MOST_TABS {
        browser.press(&TAB.to_string()).await;
        let focused = browser.run(FOCUSED, json!([])).await.as_str().unwrap_or_default().to_owned();
        if focused == wanted {
            let seen = "
                const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
                return style.outlineStyle !== 'none' && box.width > 0 && box.top >= 0 && box.bottom <= innerHeight;
            ";
            assert_eq!(
                browser.run(seen, json!([])).await,
                true,
                "{wanted} has the focus, and nobody sees it"
            );
            return;
        }
        met.push(focused);
    }
    panic!("{wanted:?} is not come to by Tab at {}: {met:?}", browser.url().await);
}

async fn press_on(browser: &Chromium, wanted: &str) {
    tab_to(browser, wanted).await;
    browser.press(&ENTER.to_string()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_deleted_and_a_job_approved_by_keyboard_alone() {
    let place = Place::start().await;
    place.person("ada", Role::Operator, &[]).await;
    place.person("bo", Role::Approver, &[]).await;
    let people = place.people().await;
    let browser = Chromium::start().await;
    browser.sign_in(&place.url, "ada").await;
    // The way past what is the same on each page.
    browser.go(&format!("{}/systems", place.url)).await;
    browser.shows("main h1").await;
    browser.press(&format!("{TAB}")).await;
    assert_eq!(browser.run(FOCUSED, json!([])).await, "Skip to the content");
    browser.press(&ENTER.to_string()).await;
    browser.has_focus("main").await;
    press_on(&browser, "System prod").await;
    browser.is_at("Overview").await;
    for (at, person) in people.iter().take(2).enumerate() {
        press_on(&browser, "Accounts").await;
        browser.is_at("Accounts").await;
        // The field above each page, then that of the list.
        for _ in 0..2 {
            tab_to(&browser, "field q").await;
        }
        browser.press(person).await;
        // As one types; the focus stays in the field, and the way goes on from there.
        browser
            .run_to_its_end(&format!(
                "const done = arguments[arguments.length - 1], look = () =>
                location.search.includes({}) ? done(true) : setTimeout(look, 20);
             look();",
                json!(person)
            ))
            .await;
        browser.has_focus("filter-q").await;
        press_on(&browser, person).await;
        browser.is_at(person).await;
        press_on(&browser, "Delete…").await;
        browser.shows("main form[action$='/delete']").await;
        press_on(&browser, "Show the plan").await;
        browser.is_at("Plan").await;
        if at == 0 {
            // The button comes with the name; without the script's help, what is wrong has the focus.
            tab_to(&browser, "field confirm").await;
            browser.press("somebody").await;
            browser.run("document.activeElement.form.requestSubmit()", json!([])).await;
            browser.reads("to go on; nothing was done").await;
            browser.has_focus("confirm").await;
        } else {
            tab_to(&browser, "field confirm").await;
        }
        browser.press(person).await;
        let button = if at == 0 { "Apply this plan" } else { "Ask for approval" };
        press_on(&browser, button).await;
        // What was done is said where the focus is.
        browser.reads("Asked for").await;
        browser.has_focus("said").await;
        if at == 0 {
            let job = place.get("/api/v1/systems/prod/jobs?limit=1").await["items"][0]["id"].to_string();
            place.ended(&format!("/api/v1/jobs/{job}")).await;
            press_on(&browser, "Systems").await;
            browser.is_at("Systems").await;
            press_on(&browser, "System prod").await;
            browser.is_at("Overview").await;
        }
    }
    assert!(place.in_aws(&people[0]).is_none(), "the first is gone");
    assert!(place.in_aws(&people[1]).is_some(), "the second waits");
    press_on(&browser, "Sign out").await;
    browser.reads("You have signed out.").await;

    browser.sign_in(&place.url, "bo").await;
    press_on(&browser, "Jobs").await;
    browser.is_at("Jobs").await;
    let job = place.get("/api/v1/systems/prod/jobs?limit=1").await["items"][0]["id"].to_string();
    press_on(&browser, &job).await;
    browser.reads("Awaits approval").await;
    press_on(&browser, "Approve…").await;
    browser.reads("DeleteUser is called once.").await;
    tab_to(&browser, "field confirm").await;
    browser.press("prod").await;
    press_on(&browser, "Approve, and begin").await;
    browser.reads("Approved. This page shows what becomes of it.").await;
    browser.has_focus("said").await;
    assert_eq!(place.ended(&format!("/api/v1/jobs/{job}")).await["state"], "succeeded");
    assert!(place.in_aws(&people[1]).is_none());
    let complaints = browser.complaints().await;
    let unexpected: Vec<_> = complaints.iter().filter(|one| !one.contains("422")).collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
    browser.quit().await;
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_button_that_is_pressed_twice_sends_once_and_the_secret_is_seen() {
    let place = Place::start().await;
    place.person("ada", Role::Operator, &[]).await;
    let browser = Chromium::start().await;
    browser.sign_in(&place.url, "ada").await;
    browser.go(&format!("{}/systems/prod/new-account", place.url)).await;
    browser.fill("#name", "new.person").await;
    browser.click("main button.primary").await;
    browser.is_at("Plan").await;
    // While the first sending is being answered, the button is pressed once more.
    place.sandbox.add_fault(FaultRule::new("ListUsers", Effect::Latency { ms: 2_000 }).times(1).min_fires(1));
    let twice = "
        const button = document.querySelector('main button.primary');
        button.click();
        return new Promise((done) => setTimeout(() => {
            button.click();
            done(button.form.getAttribute('aria-busy') ?? 'no');
        }, 500));
    ";
    assert_eq!(browser.run(twice, json!([])).await, "true");
    browser.reads("One-time secret").await;
    browser.reads("krs_").await;
    assert!(!browser.text().await.contains("sent twice"));
    assert!(place.sandbox.unfired().is_empty(), "nothing was slow");
    assert_eq!(place.all("/api/v1/systems/prod/jobs", 10).await.len(), 1);
    // One's own password, with the button that has a name of its own.
    browser.click(".who-name").await;
    browser.is_at("Your sign-in").await;
    let _other = place.cookie("ada").await;
    browser.go(&format!("{}/your-sign-in", place.url)).await;
    browser.click("button[name=others]").await;
    browser.reads("Whoever used those sessions must sign in again.").await;
    browser.fill("#password", PASSWORD).await;
    browser.fill("#new_password", "short").await;
    browser.click("main button.primary").await;
    browser.has_focus("new_password").await;
    browser.quit().await;
    place.stop().await;
}
