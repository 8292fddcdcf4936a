//! Whoever has another name than before: they are still meant, found and told of. And the ways to the page of a form.

use keyreeve_model::Role;
use keyreeve_sandbox::Mutation;
use reqwest::StatusCode;
use serde_json::json;

use super::Browser;
use super::accounts::{address_of, form, last_job};
use super::gone::{done, user};
use super::imports::suspended;
use crate::place::{PROD_ACCOUNT, Place};

/// Applies the plan of a page, with what it wants typed.
async fn applied(browser: &Browser<'_>, plan: &super::Seen, typed: &str) -> super::Seen {
    let form = form(plan, &[("reason", ""), ("confirm", typed)]);
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.send("/systems/prod/changes", &form).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_was_renamed_here_is_changed_before_an_import_saw_its_name() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    let made = [
        Mutation::CreateGroup { name: "zz-crew".into(), path: "/".into() },
        user("zz.before"),
        user("zz.other"),
        Mutation::AddToGroup { user: "zz.before".into(), group: "zz-crew".into() },
        Mutation::AddToGroup { user: "zz.other".into(), group: "zz-crew".into() },
    ];
    place.sandbox.mutate(PROD_ACCOUNT, &made).unwrap();
    place.import("prod").await;
    let account = address_of(&place, "zz.before").await;
    let id = account.rsplit('/').next().unwrap().to_owned();
    let other = address_of(&place, "zz.other").await;
    let other = other.rsplit('/').next().unwrap().to_owned();
    let group = place.get("/api/v1/systems/prod/resources?name=zz-crew").await["items"][0].clone();
    let group = format!("/systems/prod/resources/{}", group["external_id"].as_str().unwrap());
    done(&place, json!({"task": "update_account", "account": "zz.before", "new_name": "zz.after"})).await;
    // All of it names whom it is about as they are called at AWS, and has that typed.
    let plan = browser.send(&format!("{group}/remove"), &[("holder", &id), ("holder", &other)]).await;
    plan.has(&["Apply this plan", "2 accounts leave group zz-crew", "zz.after", "zz.other"]);
    assert!(!plan.text.contains("zz.before") && !plan.text.contains(&format!("{id}.")), "{}", plan.text);
    let removed = applied(&browser, &plan, "zz-crew").await;
    assert_eq!(removed.status, StatusCode::SEE_OTHER, "{}", removed.text);
    assert_eq!(last_job(&place).await["state"], "succeeded");
    assert_eq!(place.in_aws("zz.after").unwrap()["groups"], json!([]));
    browser.get(&format!("{account}/delete")).await.has(&["Delete: zz.after"]);
    let plan = browser.send(&format!("{account}/delete"), &[]).await;
    plan.has(&["Apply this plan", "data-confirm=\"zz.after\"", "zz.after is deleted for good"]);
    let gone = applied(&browser, &plan, "zz.after").await;
    assert_eq!(gone.status, StatusCode::SEE_OTHER, "{}", gone.text);
    let job = last_job(&place).await;
    assert_eq!((&job["state"], &job["tasks"][0]["account"]), (&json!("succeeded"), &json!("zz.after")));
    assert!(place.in_aws("zz.after").is_none());
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_whose_name_is_the_id_of_another_is_changed_and_so_is_the_other() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    place.sandbox.mutate(PROD_ACCOUNT, &[user("zz.other")]).unwrap();
    place.import("prod").await;
    let other = address_of(&place, "zz.other").await;
    let name = other.rsplit('/').next().unwrap().to_owned();
    place.sandbox.mutate(PROD_ACCOUNT, &[user(&name)]).unwrap();
    place.import("prod").await;
    let all = place.all("/api/v1/systems/prod/accounts", 100).await;
    let own = all.iter().find(|one| one["name"] == name.as_str()).unwrap()["external_id"].clone();
    let own = format!("/systems/prod/accounts/{}", own.as_str().unwrap());
    for (address, called) in [(&own, name.as_str()), (&other, "zz.other")] {
        let plan = browser.send(&format!("{address}/delete"), &[]).await;
        plan.has(&["Apply this plan", &format!("data-confirm=\"{called}\"")]);
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_called_otherwise_now_is_not_said_to_be_gone() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    place.sandbox.mutate(PROD_ACCOUNT, &[user("zz.before")]).unwrap();
    place.import("prod").await;
    let account = address_of(&place, "zz.before").await;
    done(&place, json!({"task": "update_account", "account": "zz.before", "new_name": "zz.after"})).await;
    // What no import has seen is found by its new name, and stands as it is after that.
    browser.get("/search?q=zz.after").await.has(&[&format!("<a href=\"{account}\">zz.after</a>")]);
    place.import("prod").await;
    let page = browser.get("/systems/prod/accounts/zz.before").await;
    page.has(&[&format!("zz.before is called <a href=\"{account}\">zz.after</a> now"), ">Renamed</span>"]);
    for wrong in [">Gone</span>", "no longer in AWS", "Deleted by", "not there as of"] {
        assert!(!page.text.contains(wrong), "{wrong}: {}", page.text);
    }
    browser.get("/systems/prod/accounts/zz.before/history").await.has(&["History of zz.after"]);
    done(&place, json!({"task": "delete_account", "account": "zz.after"})).await;
    let found = async |query: &str| browser.get(&format!("/search?format=csv&q={query}")).await.text;
    let deleted = found("zz.after").await;
    assert!(deleted.contains("Deleted, not confirmed") && !deleted.contains("Enabled"), "{deleted}");
    place.import("prod").await;
    let page = browser.get("/systems/prod/accounts/zz.before").await;
    page.has(&[">Gone</span>", "It was called zz.before before, and zz.after last."]);
    // Who was made here since the last import is found as well, by a part of the name or a pattern, and by no other.
    done(&place, json!({"task": "create_account", "name": "zz.made"})).await;
    for (query, fits) in [("Z.MADE", true), ("zz.m%3F*", true), ("zz.mode", false), ("%20zz.made%20", true)] {
        assert_eq!(found(query).await.contains("zz.made,Account"), fits, "{query}");
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spaces_around_what_a_list_is_narrowed_down_by_mean_nothing() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Viewer, &[]).await;
    let person = place.people().await.remove(0);
    for (plain, spaced) in [
        (format!("/systems/prod/accounts?format=csv&q={person}"), format!("+{person}%20")),
        ("/systems/prod/accounts?format=csv&status=enabled".to_owned(), "+enabled+".to_owned()),
        ("/imports?format=csv&system=prod".to_owned(), "%09prod+".to_owned()),
    ] {
        let (before, value) = plain.rsplit_once('=').unwrap();
        assert!(!value.is_empty());
        let (plain, spaced) = (browser.get(&plain).await, browser.get(&format!("{before}={spaced}")).await);
        assert_eq!((spaced.status, &spaced.text), (StatusCode::OK, &plain.text));
        assert!(plain.text.lines().count() > 1, "{}", plain.text);
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_form_is_sent_to_leads_to_the_page_that_has_the_form() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let stranger = Browser::new(&place);
    let run = suspended(&place).await;
    let group = place.get("/api/v1/systems/prod/resources?type=group").await["items"][0].clone();
    let group = format!("/systems/prod/resources/{}", group["external_id"].as_str().unwrap());
    for (address, page) in [
        (format!("{group}/remove"), group.as_str()),
        (format!("/imports/{run}/accept"), &format!("/imports/{run}")),
        (format!("/imports/{run}/reject"), &format!("/imports/{run}")),
        ("/systems/prod/release".to_owned(), "/systems/prod/connection"),
        ("/settings/people/ada/role".to_owned(), "/settings/people/ada"),
        ("/settings/people/ada/password".to_owned(), "/settings/people/ada"),
        ("/settings/people/ada/access".to_owned(), "/settings/people/ada"),
        ("/settings/people/ada/remove".to_owned(), "/settings/people/ada"),
        ("/jobs/1/tasks/1/password".to_owned(), "/jobs/1"),
        ("/your-sign-in/password".to_owned(), "/your-sign-in"),
        ("/your-sign-in/sessions".to_owned(), "/your-sign-in"),
        ("/audit/verify".to_owned(), "/audit"),
    ] {
        let led = browser.get(&address).await;
        assert_eq!((led.status, led.to.as_deref()), (StatusCode::SEE_OTHER, Some(page)), "{address}");
        if !page.starts_with("/jobs/") {
            assert_eq!(browser.get(page).await.status, StatusCode::OK, "{page}");
        }
        let led = stranger.get(&address).await;
        assert!(
            led.to.as_ref().is_some_and(|to| to.starts_with("/sign-in?next=")),
            "{address}: {}",
            led.text
        );
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_is_found_by_its_name_and_by_the_one_that_it_had() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Viewer, &[]).await;
    let group = |name: &str| Mutation::CreateGroup { name: name.into(), path: "/".into() };
    place.sandbox.mutate(PROD_ACCOUNT, &[group("zz-before"), group("zz-left")]).unwrap();
    place.import("prod").await;
    let list = "/systems/prod/resources";
    let found = place.get("/api/v1/systems/prod/resources?name=zz-before").await["items"][0].clone();
    let own = format!("{list}/{}", found["external_id"].as_str().unwrap());
    assert_eq!(browser.get(&format!("{list}/ZZ-before")).await.to, Some(own.clone()));
    let changed = [
        Mutation::RenameGroup { name: "zz-before".into(), new_name: "zz-after".into() },
        Mutation::DeleteGroup { name: "zz-left".into() },
    ];
    place.sandbox.mutate(PROD_ACCOUNT, &changed).unwrap();
    place.import("prod").await;
    browser
        .get(&format!("{list}/zz-before"))
        .await
        .has(&[">Renamed</span>", &format!("Group zz-before is called <a href=\"{own}\">zz-after</a> now.")]);
    assert_eq!(browser.get(&format!("{list}/zz-after")).await.to, Some(own.clone()));
    browser
        .get(&format!("{list}/ZZ-BEFORE"))
        .await
        .has(&[&format!("Group zz-before is called <a href=\"{own}\">zz-after</a> now.")]);
    browser.get(&format!("{list}/zz-left")).await.has(&[">zz-left</a> is no longer in AWS."]);
    // Another one has the name by now: both are told of.
    place.sandbox.mutate(PROD_ACCOUNT, &[group("zz-before")]).unwrap();
    place.import("prod").await;
    let both = browser.get(&format!("{list}/zz-before")).await;
    both.has(&["Group zz-before is called", "Another group is called", ">zz-before</a> now."]);
    assert!(!both.text.contains(">Renamed<"), "{}", both.text);
    let never = browser.get(&format!("{list}/zz-never")).await;
    never.refuses(StatusCode::NOT_FOUND, &["There is no group or policy zz-never in system prod."]);
    assert!(
        !never.text.contains("in system prod then") && !never.text.contains("at that moment"),
        "{}",
        never.text
    );
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_put_into_a_group_here_is_there_by_that_job_whatever_the_group_is_called_now() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    let group = |name: &str| Mutation::CreateGroup { name: name.into(), path: "/".into() };
    place.sandbox.mutate(PROD_ACCOUNT, &[group("zz-before"), user("zz.eve")]).unwrap();
    place.import("prod").await;
    let found = place.get("/api/v1/systems/prod/resources?name=zz-before").await["items"][0].clone();
    let own = format!("/systems/prod/resources/{}", found["external_id"].as_str().unwrap());
    let account = address_of(&place, "zz.eve").await;
    let wish = json!({"task": "add_assignment", "account": "zz.eve", "group": "zz-before"});
    let job = done(&place, wish).await;
    place.import("prod").await;
    let renamed = Mutation::RenameGroup { name: "zz-before".into(), new_name: "all-others".into() };
    place.sandbox.mutate(PROD_ACCOUNT, &[renamed]).unwrap();
    place.import("prod").await;
    let by = format!("<a href=\"/jobs/{job}\">Job {job}</a> of ");
    let by_job = async || {
        for address in [&own, &account] {
            let page = browser.get(address).await;
            page.has(&["all-others", &by]);
            assert!(!page.text.contains("not given here"), "{address}: {}", page.text);
        }
    };
    by_job().await;
    // Another group has the name by now: that is none of this.
    place.sandbox.mutate(PROD_ACCOUNT, &[group("zz-before")]).unwrap();
    place.import("prod").await;
    by_job().await;
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_by_a_name_that_a_group_had_is_told_the_one_that_it_has() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    let group = Mutation::CreateGroup { name: "zz-before".into(), path: "/".into() };
    place.sandbox.mutate(PROD_ACCOUNT, &[group]).unwrap();
    place.import("prod").await;
    let renamed = Mutation::RenameGroup { name: "zz-before".into(), new_name: "all-others".into() };
    place.sandbox.mutate(PROD_ACCOUNT, &[renamed]).unwrap();
    place.import("prod").await;
    let list = browser.get("/systems/prod/accounts?group=ZZ-Before").await;
    list.refuses(StatusCode::BAD_REQUEST, &["The group “zz-before” is called “all-others” now"]);
    let person = place.people().await.swap_remove(0);
    for task in ["add_assignment", "remove_assignment"] {
        let wishes = json!({"wishes": [{"task": task, "account": person, "group": "zz-before"}]});
        let (_, plan) = place.post("/api/v1/systems/prod/plans", &wishes).await;
        let obstacle = plan["tasks"][0]["obstacles"][0]["message"].as_str().unwrap_or_default();
        assert!(obstacle.contains("is called \"all-others\" now"), "{task}: {plan}");
    }
    place.stop().await;
}
