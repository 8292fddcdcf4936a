//! A form that is sent twice is done once, and both answers lead to the same place.

use keyreeve_model::Role;
use keyreeve_sandbox::{Effect, FaultRule};
use reqwest::StatusCode;

use super::accounts::{address_of, form, jobs, last_job};
use super::{Browser, Seen};
use crate::place::{PROD_ACCOUNT, Place};

const CHANGES: &str = "/systems/prod/changes";

/// Sends a form twice at once, so that the second is sent while the first is being done.
async fn twice(browser: &Browser<'_>, address: &str, form: &[(&str, String)]) -> [Seen; 2] {
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (one, other) = tokio::join!(browser.send(address, &form), browser.send(address, &form));
    [one, other]
}

/// Lets whatever is planned next last for a while.
fn slow(place: &Place, call: &str) {
    place.sandbox.add_fault(FaultRule::new(call, Effect::Latency { ms: 700 }).times(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_is_sent_twice_at_once_is_told_twice_and_done_once() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    let person = place.people().await.remove(0);
    let address = address_of(&place, &person).await;
    let plan = browser.send(&format!("{address}/delete"), &[]).await;
    slow(&place, "GetLoginProfile");
    let sent = form(&plan, &[("reason", ""), ("confirm", &person)]);
    let answers = twice(&browser, CHANGES, &sent).await;
    let job = last_job(&place).await["id"].clone();
    let mut led: Vec<String> =
        answers.iter().map(|one| one.to.clone().unwrap_or_else(|| panic!("{}", one.text))).collect();
    led.sort();
    assert_eq!(led, [format!("/jobs/{job}?said=asked"), format!("/jobs/{job}?said=asked_before")]);
    assert_eq!(jobs(&place).await, 1);
    let form: Vec<(&str, &str)> = sent.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let before = browser.get(&browser.send(CHANGES, &form).await.to.unwrap()).await;
    before.has(&["is not done twice", &format!("<h1>Job {job} ")]);
    // Nobody writes into it what we do not say.
    let foreign = browser.get("/systems/prod/accounts?said=%3Cb%3E").await;
    assert!(!foreign.text.contains("class=\"said\""), "{}", foreign.text);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_lost_a_secret_by_sending_twice_is_told_where_a_new_one_is_made() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    let plan =
        browser.send("/systems/prod/new-account", &[("name", "new.person"), ("deliver", "link")]).await;
    slow(&place, "ListUsers");
    let answers = twice(&browser, CHANGES, &form(&plan, &[("reason", "")])).await;
    let (with, without): (Vec<&Seen>, Vec<&Seen>) = answers.iter().partition(|one| one.text.contains("krs_"));
    assert_eq!((with.len(), without.len()), (1, 1), "{} {}", answers[0].text, answers[1].text);
    let job = last_job(&place).await["id"].clone();
    without[0].has(&[
        "This was sent twice.",
        &format!("as job {job}"),
        &format!("href=\"/jobs/{job}#passwords\""),
    ]);
    // There, a new one is made: the plan of it first, then its secret.
    let page = browser.get(&format!("/jobs/{job}")).await;
    let reset = page.text.split("href=\"").find(|one| one.contains("/reset\"")).unwrap();
    let plan = browser.get(reset.split('"').next().unwrap()).await;
    plan.has(&["UpdateLoginProfile", "data-confirm=\"new.person\"", "opens nothing"]);
    let answers = twice(&browser, CHANGES, &form(&plan, &[("reason", ""), ("confirm", "new.person")])).await;
    assert_eq!(answers.iter().filter(|one| one.text.contains("krs_")).count(), 1);
    assert_eq!(jobs(&place).await, 2, "a reset that is sent twice is done once");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_tried_again_or_decided_twice_leads_twice_to_the_job() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    place.sandbox.add_fault(FaultRule::new("CreateUser", Effect::AccessDenied).times(1).min_fires(1));
    let plan =
        browser.send("/systems/prod/new-account", &[("name", "new.person"), ("deliver", "link")]).await;
    let sent = form(&plan, &[("reason", "")]);
    let sent: Vec<(&str, &str)> = sent.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.send(CHANGES, &sent).await.has(&["krs_"]);
    let job = last_job(&place).await["id"].clone();
    let retry = format!("/jobs/{job}/retry");
    let plan = browser.get(&retry).await;
    let sent = [("seen", plan.hidden("seen")), ("once", plan.hidden("once"))];
    slow(&place, "ListUsers");
    let answers = twice(&browser, &retry, &sent).await;
    assert_eq!(answers.iter().filter(|one| one.text.contains("krs_")).count(), 1, "{}", answers[1].text);
    assert_eq!(answers.iter().filter(|one| one.text.contains("This was sent twice.")).count(), 1);
    place.ended(&format!("/api/v1/jobs/{job}")).await;
    assert_eq!(place.calls("CreateUser"), 2);

    // Two deletions are more than one person may ask for alone, and nobody decides what they asked for themselves.
    for person in place.people().await.into_iter().take(2) {
        let address = address_of(&place, &person).await;
        let plan = browser.send(&format!("{address}/delete"), &[]).await;
        twice(&browser, CHANGES, &form(&plan, &[("reason", ""), ("confirm", &person)])).await;
    }
    let waits = place.get("/api/v1/systems/prod/jobs?limit=1").await["items"][0].clone();
    assert_eq!(waits["state"], "awaiting_approval", "{waits}");
    let address = format!("/jobs/{}", waits["id"]);
    let approver = Browser::of(&place, "bo", Role::Approver, &[]).await;
    let page = approver.get(&format!("{address}/approve")).await;
    page.has(&["Blocks the deletion", "DeleteUser", "ada asked for 1 change."]);
    let sent = [("seen", page.hidden("seen")), ("reason", String::new()), ("confirm", "prod".to_owned())];
    for done in twice(&approver, &format!("{address}/approve"), &sent).await {
        assert_eq!(done.to, Some(format!("{address}?said=job_approved")), "{}", done.text);
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asked_for_a_job_is_not_offered_its_decision() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    for person in place.people().await.into_iter().take(2) {
        let address = address_of(&place, &person).await;
        let plan = browser.send(&format!("{address}/delete"), &[]).await;
        twice(&browser, CHANGES, &form(&plan, &[("reason", ""), ("confirm", &person)])).await;
    }
    let waits = place.get("/api/v1/systems/prod/jobs?limit=1").await["items"][0].clone();
    assert_eq!(waits["state"], "awaiting_approval", "{waits}");
    let address = format!("/jobs/{}", waits["id"]);
    let own = browser.get(&address).await;
    own.has(&["Cancel…"]);
    assert!(!own.text.contains("Approve…") && !own.text.contains("Reject…"), "{}", own.text);
    let other = Browser::of(&place, "bo", Role::Approver, &[]).await;
    other.get(&address).await.has(&["Approve…", "Reject…"]);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_whose_form_is_sent_twice_is_registered_once_and_led_to_twice() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let page = browser.get("/new-system").await;
    assert!(!page.text.contains("Secret access key <span"), "it is not optional: {}", page.text);
    let key = place.sandbox.connector_key(PROD_ACCOUNT).unwrap();
    let sent = [
        ("name", "Third".to_owned()),
        ("system_id", "third".to_owned()),
        ("category", String::new()),
        ("technology", "aws".to_owned()),
        ("content", "access_rights".to_owned()),
        ("region", String::new()),
        ("credential", "access_key".to_owned()),
        ("access_key_id", key.access_key_id.clone()),
        ("secret_access_key", key.secret_access_key.clone()),
        ("role_arn", String::new()),
        ("once", page.hidden("once")),
    ];
    for done in twice(&browser, "/new-system", &sent).await {
        assert_eq!(done.to.as_deref(), Some("/systems/third?said=registered"), "{}", done.text);
    }
    let fields =
        sent.map(|(name, value)| if name == "once" { (name, "another".to_owned()) } else { (name, value) });
    let [other, _] = twice(&browser, "/new-system", &fields).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", other.text);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_asked_for_twice_leads_twice_to_the_same_run() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    let form = [("system", "prod"), ("profile", "default")];
    place.sandbox.add_fault(FaultRule::new("ListUsers", Effect::Latency { ms: 1_500 }).times(2));
    place
        .sandbox
        .add_fault(FaultRule::new("GetAccountAuthorizationDetails", Effect::Latency { ms: 1_500 }).times(2));
    let first = browser.send("/imports", &form).await;
    let again = browser.send("/imports", &form).await;
    assert!(first.to.as_deref().is_some_and(|to| to.starts_with("/imports/")), "{}", first.text);
    assert_eq!(again.to, first.to, "{}", again.text);
    place.ended(&format!("/api/v1/import-runs/{}", first.to.unwrap().rsplit('/').next().unwrap())).await;
    place.stop().await;
}

/// A form that was sent before as something else says so in its own words.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_was_sent_before_with_something_else_in_it_is_told_so_in_plain_words() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    let person = place.people().await.remove(0);
    let address = address_of(&place, &person).await;
    let plan = browser.send(&format!("{address}/delete"), &[]).await;
    for reason in ["left", "left for good"] {
        let sent = form(&plan, &[("reason", reason), ("confirm", &person)]);
        let sent: Vec<(&str, &str)> = sent.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let page = browser.send(CHANGES, &sent).await;
        if reason != "left" {
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", page.text);
            assert!(page.text.contains("sent before, with something else in it"), "{}", page.text);
            assert!(
                !page.text.contains("Idempotency") && !page.text.contains("Nothing was done"),
                "{}",
                page.text
            );
        }
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_asked_for_twice_is_made_once() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let tokens = async || place.get("/api/v1/tokens").await["items"].as_array().unwrap().len();
    let before = tokens().await;
    let page = browser.get("/settings/tokens").await;
    let fields =
        [("owner", "amy"), ("role", "viewer"), ("reach", "all"), ("systems", ""), ("expires_in_days", "9")];
    let mut form: Vec<(&str, String)> = fields.map(|(name, value)| (name, value.to_owned())).into();
    form.push(("once", page.hidden("once")));
    let answers = twice(&browser, "/settings/tokens", &form).await;
    let made = |one: &&Seen| one.status == StatusCode::OK;
    assert_eq!(answers.iter().filter(made).count(), 1, "{} {}", answers[0].text, answers[1].text);
    let other = answers.iter().find(|one| !made(one)).unwrap();
    assert!(
        other.text.contains("asked for before") && other.text.contains("role=\"alert\""),
        "{}",
        other.text
    );
    assert_eq!(tokens().await, before + 1);
    // What is sent from there is another asking.
    form.pop();
    form.push(("once", other.hidden("once")));
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(browser.send("/settings/tokens", &form).await.status, StatusCode::OK);
    assert_eq!(tokens().await, before + 2);
    place.stop().await;
}
