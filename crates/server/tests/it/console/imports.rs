//! Import runs: begun, watched, understood and decided.

use keyreeve_model::Role;
use keyreeve_sandbox::{Effect, FaultRule, Mutation};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Browser;
use crate::place::{PROD_ACCOUNT, Place};

/// Has half of the people of `prod` go in AWS, and imports: the run waits for a person. Its number.
pub(super) async fn suspended(place: &Place) -> String {
    let people = place.people().await;
    let gone = people.iter().take(people.len() / 2).map(|name| Mutation::DeleteUser { name: name.clone() });
    place.sandbox.mutate(PROD_ACCOUNT, &gone.collect::<Vec<_>>()).unwrap();
    let (status, run) = place.post("/api/v1/systems/prod/import-runs", &json!({})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{run}");
    let run: Value = place.ended_or_suspended(&format!("/api/v1/import-runs/{}", run["id"])).await;
    assert_eq!(run["state"], "suspended", "{run}");
    run["id"].to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_is_begun_from_its_system_and_its_page_is_live_until_it_has_ended() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    browser.get("/systems/prod").await.has(&["Import now", "name=\"system\" value=\"prod\""]);
    place.sandbox.add_fault(FaultRule::new("ListUsers", Effect::Latency { ms: 800 }).times(1).min_fires(1));
    let begun = browser.send("/imports", &[("system", "prod"), ("profile", "default")]).await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER, "{}", begun.text);
    let address = begun.to.unwrap();
    let id = address.rsplit('/').next().unwrap();
    let live = format!("data-live=\"/api/v1/import-runs/{id}/events\"");
    browser.get(&address).await.has(&[">Running<", &live, "authorization details"]);
    let again = browser.send("/imports", &[("system", "prod"), ("profile", "default")]).await;
    assert_eq!(again.to.as_deref(), Some(address.as_str()), "one at a time: {}", again.text);
    assert_eq!(place.ended(&format!("/api/v1/import-runs/{id}")).await["state"], "published");
    let ended = browser.get(&address).await;
    ended.has(&[">Published<", ">Whole<", "What it changed", "Compared with"]);
    assert!(!ended.text.contains("data-live"), "{}", ended.text);
    let list = browser.get("/imports").await;
    list.has(&[&format!("href=\"{address}\""), "System ID", "aria-sort=\"descending\""]);
    assert_eq!(list.text.matches("<tr>").count(), 4, "three runs and the head: {}", list.text);
    let of_test = browser.get("/imports?system=test&state=published").await;
    assert_eq!(of_test.text.matches("<tr>").count(), 2, "{}", of_test.text);
    browser.get("/imports?state=failed").await.has(&["Nothing fits"]);
    assert!(place.sandbox.unfired().is_empty());
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_run_shows_exactly_what_would_change_and_is_decided_as_it_was_seen() {
    let place = Place::start().await;
    let operator = Browser::of(&place, "ola", Role::Operator, &[]).await;
    let approver = Browser::of(&place, "ada", Role::Approver, &[]).await;
    let id = suspended(&place).await;
    let address = format!("/imports/{id}");
    approver.get("/").await.has(&["Import suspended", &format!("href=\"{address}\"")]);
    let page = approver.get(&address).await;
    page.has(&["What made it wait for a person", "Accept or reject", "What it would change", "gone."]);
    assert!(!operator.get(&address).await.text.contains("Accept or reject"));
    let changes = approver.get(&format!("{address}/changes?change=deleted&type=account&limit=250")).await;
    let gone = place.get(&format!("/api/v1/import-runs/{id}")).await["changes"]["accounts"]["deleted"]
        .as_u64()
        .unwrap();
    assert_eq!(changes.text.matches(">Deleted</span>").count() as u64, gone, "{}", changes.text);
    assert!(!changes.text.contains(">Created</span>"));
    let file = approver.get(&format!("{address}/changes?format=csv&change=deleted&type=account")).await.text;
    assert_eq!(file.matches("\r\n").count() as u64, gone + 1, "{file}");

    let seen = page.hidden("seen");
    let send = async |browser: &Browser<'_>, seen: &str, reason: &str, confirm: &str| {
        let form = [("seen", seen), ("reason", reason), ("confirm", confirm)];
        browser.send(&format!("{address}/accept"), &form).await
    };
    let accept =
        async |browser: &Browser<'_>, seen: &str, reason: &str| send(browser, seen, reason, "prod").await;
    assert_eq!(accept(&operator, &seen, "it is right").await.status, StatusCode::FORBIDDEN);
    let without = accept(&approver, &seen, " ").await;
    assert_eq!(without.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(without.text.contains("A reason must be given"), "{}", without.text);
    // Whoever ends the line of a reason has decided nothing.
    let untyped = send(&approver, &seen, "no, they are wrong", "").await;
    assert_eq!(untyped.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(untyped.text.contains("Type prod to go on; nothing was done"), "{}", untyped.text);
    let other = accept(&approver, "0", "it is right").await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(other.text.contains("not as you have seen it"), "{}", other.text);
    let state = async || place.get(&format!("/api/v1/import-runs/{id}")).await["state"].clone();
    assert_eq!(state().await, "suspended");
    let done = accept(&approver, &seen, "they left").await;
    assert_eq!(done.to, Some(format!("{address}?said=accepted")), "{}", done.text);
    assert_eq!(state().await, "published");
    approver
        .get(&format!("{address}?said=accepted"))
        .await
        .has(&["Accepted: what the run found is published.", "they left"]);
    // Whoever sends it twice is led to the same place; somebody else is told that it is decided.
    assert_eq!(accept(&approver, &seen, "they left").await.to, done.to);
    let somebody = Browser::of(&place, "bo", Role::Approver, &[]).await;
    let late = accept(&somebody, &seen, "once more").await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", late.text);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reason_for_a_decision_about_a_run_is_not_lost() {
    let place = Place::start().await;
    let approver = Browser::of(&place, "ada", Role::Approver, &[]).await;
    let address = format!("/imports/{}", suspended(&place).await);
    let seen = approver.get(&address).await.hidden("seen");
    let long = "x".repeat(1_001);
    for (what, form) in [
        ("accept", [("seen", seen.as_str()), ("reason", &long), ("confirm", "prod")]),
        ("accept", [("seen", &seen), ("reason", "they all left"), ("confirm", "test")]),
    ] {
        let page = approver.send(&format!("{address}/{what}"), &form).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", page.text);
        assert!(page.text.contains(&format!("value=\"{}\"", form[1].1)), "{}", page.text);
    }
    let page = approver.send(&format!("{address}/reject"), &[("seen", &seen), ("because", &long)]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", page.text);
    let kept = page.text.contains("id=\"because-about\"") && page.text.contains(&format!("value=\"{long}\""));
    assert!(kept, "{}", page.text);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_run_is_rejected_and_what_was_known_still_stands() {
    let place = Place::start().await;
    let approver = Browser::of(&place, "ada", Role::Approver, &[]).await;
    let known = place.people().await.len();
    let address = format!("/imports/{}", suspended(&place).await);
    let seen = approver.get(&address).await.hidden("seen");
    let done = approver.send(&format!("{address}/reject"), &[("seen", &seen), ("because", "")]).await;
    assert_eq!(done.to, Some(format!("{address}?said=rejected")), "{}", done.text);
    assert_eq!(place.people().await.len(), known);
    approver.get(&address).await.has(&[">Rejected<"]);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_another_has_overtaken_can_only_be_rejected() {
    let place = Place::start().await;
    let approver = Browser::of(&place, "ada", Role::Approver, &[]).await;
    let first = format!("/imports/{}", suspended(&place).await);
    let (_, run) = place.post("/api/v1/systems/prod/import-runs", &json!({})).await;
    let run = place.ended_or_suspended(&format!("/api/v1/import-runs/{}", run["id"])).await;
    assert_eq!(run["state"], "suspended", "{run}");
    let second = format!("/imports/{}", run["id"]);
    let home = approver.get("/").await;
    assert_eq!(home.text.matches("until it is accepted or rejected").count(), 2, "{}", home.text);
    let seen = approver.get(&second).await.hidden("seen");
    let form = [("seen", seen.as_str()), ("reason", "they left"), ("confirm", "prod")];
    let done = approver.send(&format!("{second}/accept"), &form).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    approver.get("/").await.has(&["Another was published since, so it can only be rejected."]);
    let page = approver.get(&first).await;
    let why = format!("Run {} was published since this one was compared", run["id"]);
    page.has(&[&why, "Reject it, and import anew.", &format!("action=\"{first}/reject\"")]);
    assert!(!page.text.contains(&format!("{first}/accept")), "{}", page.text);
    let rejected =
        approver.send(&format!("{first}/reject"), &[("seen", &page.hidden("seen")), ("because", "")]).await;
    assert_eq!(rejected.to, Some(format!("{first}?said=rejected")), "{}", rejected.text);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_decides_too_late_sees_what_was_decided() {
    let place = Place::start().await;
    let (one, other) = (
        Browser::of(&place, "ada", Role::Approver, &[]).await,
        Browser::of(&place, "bo", Role::Approver, &[]).await,
    );
    let address = format!("/imports/{}", suspended(&place).await);
    let seen = one.get(&address).await.hidden("seen");
    let accept = [("seen", seen.as_str()), ("reason", "they left"), ("confirm", "prod")];
    let reject = [("seen", seen.as_str()), ("because", "it is wrong")];
    let (accept_at, reject_at) = (format!("{address}/accept"), format!("{address}/reject"));
    let (first, second) = tokio::join!(one.send(&accept_at, &accept), other.send(&reject_at, &reject));
    let late: Vec<&super::Seen> =
        [&first, &second].into_iter().filter(|answer| answer.status != StatusCode::SEE_OTHER).collect();
    assert_eq!(late.len(), 1, "{} {}", first.text, second.text);
    assert_eq!(late[0].status, StatusCode::UNPROCESSABLE_ENTITY, "{}", late[0].text);
    assert!(!late[0].text.contains(">Suspended<"), "{}", late[0].text);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_others_is_not_there() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Admin, &["test"]).await;
    let runs = place.get("/api/v1/systems/prod/import-runs").await;
    let id = runs["items"][0]["id"].to_string();
    for address in [format!("/imports/{id}"), format!("/imports/{id}/changes")] {
        assert_eq!(browser.get(&address).await.status, StatusCode::NOT_FOUND, "{address}");
    }
    let accept: &[(&str, &str)] = &[("seen", ""), ("reason", "x"), ("confirm", "prod")];
    for (what, form) in [("accept", accept), ("reject", &[("seen", ""), ("because", "x")])] {
        let answer = browser.send(&format!("/imports/{id}/{what}"), form).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{what}");
    }
    let list = browser.get("/imports").await;
    assert!(list.text.contains(">test<") && !list.text.contains(">prod<"), "{}", list.text);
    assert_eq!(browser.get("/imports?system=prod").await.status, StatusCode::FORBIDDEN);
    let begun = browser.send("/imports", &[("system", "prod"), ("profile", "default")]).await;
    assert_eq!(begun.status, StatusCode::FORBIDDEN);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_two_moments_are_compared_and_all_of_it_stands_in_the_address() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Viewer, &[]).await;
    browser.get("/systems/prod/compare").await.has(&["There are no two to compare yet"]);
    let people = place.people().await;
    let tag = |name: &String| Mutation::TagUser {
        name: name.clone(),
        key: "team".to_owned(),
        value: "x".to_owned(),
    };
    place
        .sandbox
        .mutate(PROD_ACCOUNT, &[Mutation::DeleteUser { name: people[0].clone() }, tag(&people[1])])
        .unwrap();
    place.import("prod").await;
    place.sandbox.mutate(PROD_ACCOUNT, &[tag(&people[2])]).unwrap();
    place.import("prod").await;
    // Runs 1 and 2 are the first ones of both systems.
    let last = browser.get("/systems/prod/compare").await;
    last.has(&["href=\"/imports/3\"", "href=\"/imports/4\"", &people[2]]);
    assert!(!last.text.contains(&people[1]), "{}", last.text);
    let both = browser.get("/systems/prod/compare?from=run:1").await;
    both.has(&[&people[0], &people[1], &people[2], ">Deleted<", ">Changed<"]);
    let gone = browser.get("/systems/prod/compare?from=run:1&to=run:3&type=account&change=deleted").await;
    gone.has(&[&people[0]]);
    assert!(!gone.text.contains(&people[1]) && !gone.text.contains(&people[2]), "{}", gone.text);
    let found = browser
        .get(&format!("/systems/prod/compare?from=run:1&q={}&type=account", people[1].to_uppercase()))
        .await;
    found.has(&[&people[1]]);
    assert!(!found.text.contains(&people[2]), "{}", found.text);
    // Page by page it is the same, and in a file.
    let (mut address, mut rows) = ("/systems/prod/compare?from=run:1&limit=1".to_owned(), 0);
    let all = both.text.matches("<tr>").count() - 1;
    loop {
        let page = browser.get(&address).await;
        rows += page.text.matches("<tr>").count() - 1;
        let Some(before) =
            page.text.split("\" rel=\"next\"").next().filter(|before| before.len() < page.text.len())
        else {
            break;
        };
        address = before.rsplit("href=\"").next().unwrap().replace("&#38;", "&");
    }
    assert_eq!(rows, all);
    let file = browser.get("/systems/prod/compare?from=run:1&format=csv").await.text;
    assert_eq!(file.matches("\r\n").count(), all + 1, "{file}");
    for (wrong, why) in [
        ("from=soon", "aria-describedby=\"filter-from-about\""),
        ("from=run:3&to=run:1", "change their places"),
        ("from=run:2", "is one of the system test"),
        ("from=1999-01-01", "aria-describedby=\"filter-from-about\""),
    ] {
        let page = browser.get(&format!("/systems/prod/compare?{wrong}")).await;
        assert!(!page.status.is_success() && page.text.contains(why), "{wrong}: {}", page.text);
    }
    let other = Browser::of(&place, "bea", Role::Admin, &["test"]).await;
    assert_eq!(other.get("/systems/prod/compare").await.status, StatusCode::FORBIDDEN);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moment_that_is_none_is_said_at_its_field() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Viewer, &[]).await;
    for (query, field) in [("from=yesterday", "from"), ("from=run:1&to=2999-01-01", "to")] {
        let page = browser.get(&format!("/systems/prod/compare?{query}")).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", page.text);
        let beside = format!("aria-invalid=\"true\" aria-describedby=\"filter-{field}-about\"");
        let said = page.text.contains(&beside) && page.text.contains("They cannot be compared");
        assert!(said, "{query}: {}", page.text);
        let file = browser.get(&format!("/systems/prod/compare?{query}&format=csv")).await;
        assert_eq!(file.status, StatusCode::BAD_REQUEST, "{}", file.text);
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_run_counts_and_what_its_list_has_are_told_apart() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Viewer, &[]).await;
    // What only the report tells is not known without it.
    place
        .sandbox
        .deny("keyreeve-connector", &["GenerateCredentialReport", "GetCredentialReport", "ListMFADevices"]);
    let person = place.people().await.remove(0);
    let tag = Mutation::TagUser { name: person.clone(), key: "team".into(), value: "ops".into() };
    place.sandbox.mutate(PROD_ACCOUNT, &[tag]).unwrap();
    let (_, run) = place.post("/api/v1/systems/prod/import-runs", &json!({})).await;
    let run = place.ended(&format!("/api/v1/import-runs/{}", run["id"])).await;
    let counts = &run["changes"]["accounts"];
    let seen = counts["seen_differently"].as_u64().unwrap();
    assert!(seen > 0 && counts["changed"] == 1, "{run}");
    let said = format!("0 new, 1 changed, 0 gone, {seen} only seen otherwise");
    browser.get(&format!("/imports/{}", run["id"])).await.has(&[&said]);
    let list = browser.get(&format!("/imports/{}/changes?type=account&limit=250", run["id"])).await;
    list.has(&[&format!("Accounts: {said}."), "In all, whatever the filters let through"]);
    assert_eq!(list.text.matches(">Seen otherwise</span>").count() as u64, seen, "{}", list.text);
    assert_eq!(list.text.matches(">Changed</span>").count(), 1, "{}", list.text);
    list.has(&[&format!(">{person}</a>")]);
    let all = browser.get("/imports").await;
    all.has(&[&format!("({seen} seen otherwise)")]);
    place.stop().await;
}
