//! What pages say is so: of what no import has confirmed, of what is older than the first import, of what failed after it
//! was asked for, of what is not known, and of passwords that nobody can open any more.

use jiff::SignedDuration;
use keyreeve_model::Role;
use keyreeve_sandbox::{Effect, FaultRule, Mutation};
use reqwest::StatusCode;
use serde_json::json;

use super::Browser;
use super::accounts::{address_of, form, last_job};
use super::gone::{done, user};
use crate::place::{PROD_ACCOUNT, Place};

const LIST: &str = "/systems/prod/accounts";

/// The row of an account in the file of the list.
async fn row(browser: &Browser<'_>, name: &str) -> String {
    let file = browser.get(&format!("{LIST}?format=csv&limit=250")).await.text;
    let row = file.lines().find(|line| line.starts_with(&format!("{name},")));
    row.unwrap_or_else(|| panic!("{name} is not in {file}")).to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_job_deleted_or_deactivated_is_not_shown_as_enabled() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    // Of whom all is known, and who can come in.
    let can_come_in = |name: &&String| !place.in_aws(name).unwrap()["login_profile"].is_null();
    let people = place.people().await;
    let mut known = people.iter().filter(can_come_in);
    let (name, other) = (known.next().unwrap(), known.next().unwrap());
    let (gone, off) = (address_of(&place, name).await, address_of(&place, other).await);
    assert!(row(&browser, name).await.contains(",Enabled,"));
    browser.get(&gone).await.has(&["/delete\""]);
    let job = done(&place, json!({"task": "delete_account", "account": name})).await;
    done(&place, json!({"task": "deactivate_account", "account": other})).await;
    let listed = row(&browser, name).await;
    assert!(listed.contains(",\"Deleted, not confirmed\",,,,"), "{listed}");
    let listed = row(&browser, other).await;
    assert!(listed.contains(",\"Disabled, not confirmed\",Has none,"), "{listed}");
    let page = browser.get(&gone).await;
    page.has(&[
        ">Deleted, not confirmed</span>",
        &format!("{name} was deleted by a job, so nothing of it can be changed"),
        &format!("Deleted by</dt><dd><a href=\"/jobs/{job}\">"),
    ]);
    assert!(!page.text.contains("/delete\"") && !page.text.contains(">Enabled<"), "{}", page.text);
    // What it had is not shown as if it had it: that is how the last import saw it.
    for had in ["Console password", ">MFA<", ">Access keys<", "What it holds"] {
        assert!(!page.text.contains(had), "{had}: {}", page.text);
    }
    let was = format!("{gone}?as_of=run%3A1");
    page.has(&[
        "all that it held went with it",
        &format!("<a href=\"{was}\">As import run 1 saw it last</a>"),
    ]);
    browser.get(&was).await.has(&["Console password", "What it holds"]);
    let file = browser.get(&format!("{gone}?format=csv")).await.text;
    assert_eq!(file.lines().count(), 1, "{file}");
    let page = browser.get(&off).await;
    page.has(&[">Disabled, not confirmed</span>", "/reactivate\""]);
    // Who is let in again by mistake has been in: it takes a name.
    let plan = browser.send(&format!("{off}/reactivate"), &[("deliver", "link")]).await;
    plan.has(&[&format!("data-confirm=\"{other}\""), &format!("{other} can come in again")]);
    for action in ["delete", "reset-password", "update"] {
        let address = format!("{gone}/{action}");
        for refused in [browser.get(&address).await, browser.send(&address, &[]).await] {
            assert_eq!(refused.status, StatusCode::CONFLICT, "{action}: {}", refused.text);
            assert!(refused.text.contains("was deleted by a job"), "{}", refused.text);
        }
    }
    place.import("prod").await;
    browser.get(&gone).await.has(&[">Gone</span>"]);
    assert!(row(&browser, other).await.contains(",Disabled,"));
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_there_at_the_first_import_is_older_than_that() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Viewer, &[]).await;
    let groups = place.get("/api/v1/systems/prod/assignments?kind=account_group").await;
    let name = groups["items"][0]["account"].as_str().unwrap().to_owned();
    let group = groups["items"][0]["resource_name"].as_str().unwrap().to_owned();
    let crew = [
        Mutation::CreateGroup { name: "zz-crew".into(), path: "/".into() },
        Mutation::AddToGroup { user: name.clone(), group: "zz-crew".into() },
    ];
    place.sandbox.mutate(PROD_ACCOUNT, &crew).unwrap();
    place.import("prod").await;
    let account = address_of(&place, &name).await;
    browser.get(&account).await.has(&["before <time ", "</time>, the first import"]);
    let file = browser.get(&format!("{account}?format=csv")).await.text;
    let since = |what: &str| {
        let row = file.lines().find(|line| line.starts_with(&format!("Group,{what},")));
        row.unwrap_or_else(|| panic!("{what} is not in {file}")).to_owned()
    };
    assert!(
        since(&group).contains(",\"before 20") && since(&group).contains("Z, the first import\","),
        "{file}"
    );
    assert!(since("zz-crew").contains(",Member itself,20"), "{file}");
    let found = place.get(&format!("/api/v1/systems/prod/resources?name={group}")).await;
    let page = format!("/systems/prod/resources/{}", found["items"][0]["external_id"].as_str().unwrap());
    browser.get(&page).await.has(&["</time>, the first import"]);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_asked_for_leads_to_the_page_that_says_that_it_failed() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    let person = place.people().await.remove(0);
    let address = address_of(&place, &person).await;
    let plan = browser.send(&format!("{address}/delete"), &[]).await;
    place.sandbox.add_fault(FaultRule::new("DeleteUser", Effect::AccessDenied).min_fires(1));
    let sent = form(&plan, &[("reason", ""), ("confirm", person.as_str())]);
    let sent: Vec<(&str, &str)> = sent.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let led = browser.send("/systems/prod/changes", &sent).await.to.unwrap();
    let job = last_job(&place).await;
    assert_eq!(led, format!("/jobs/{}?said=asked", job["id"]), "{job}");
    assert_eq!(job["state"], "failed", "{job}");
    let page = browser.get(&led).await;
    page.has(&["class=\"said\"", ">Failed<", "This page shows what becomes of it"]);
    assert!(!page.text.contains("carried out now"), "{}", page.text);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_are_not_known_say_whether_the_report_is_older_or_may_not_be_read() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Viewer, &[]).await;
    place.sandbox.mutate(PROD_ACCOUNT, &[user("zz.late")]).unwrap();
    place.import("prod").await;
    let address = address_of(&place, "zz.late").await;
    let page = browser.get(&address).await;
    page.has(&["Access keys are not known", "is older than the last change of this account"]);
    page.has(&["Credential report of</dt><dd><time "]);
    assert!(!page.text.contains("allowed to read"), "{}", page.text);
    for call in ["GenerateCredentialReport", "GetCredentialReport"] {
        place.sandbox.add_fault(FaultRule::new(call, Effect::AccessDenied));
    }
    place.import("prod").await;
    let page = browser.get(&address).await;
    page.has(&["Access keys are not known", "was not allowed to read the credential report"]);
    assert!(!page.text.contains("is older than"), "{}", page.text);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_one_time_secret_says_where_and_how_long_it_is_opened_and_home_when_it_is_too_late() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    let plan =
        browser.send("/systems/prod/new-account", &[("name", "new.person"), ("deliver", "link")]).await;
    let sent = form(&plan, &[("reason", "joins")]);
    let sent: Vec<(&str, &str)> = sent.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let handed = browser.send("/systems/prod/changes", &sent).await;
    let job = last_job(&place).await["id"].clone();
    let at = format!("<a href=\"/one-time\">{}/one-time</a>", place.url);
    handed.has(&["krs_", &at, "within 24 hours", &format!("href=\"/jobs/{job}\"")]);
    assert!(!handed.text.contains(">Queued<"), "{}", handed.text);
    assert!(browser.get("/").await.text.contains("Nothing needs you now"));
    let later = place.clock.now() + SignedDuration::from_hours(25);
    assert_eq!(place.store.expire_deliveries(later).await.unwrap(), 1);
    browser.get("/").await.has(&[
        "Password expired",
        "nobody can any more: its one-time secret has expired. new.person needs a new one",
        &format!("href=\"/jobs/{job}#passwords\""),
    ]);
    browser
        .get(&format!("/jobs/{job}"))
        .await
        .has(&["Expired unopened", "New one-time secret for new.person…"]);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn home_says_what_an_approval_is_about_and_why_an_import_failed() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Viewer, &[]).await;
    let people = place.people().await;
    let gone = |name: &String| json!({"task": "delete_account", "account": name});
    let wishes: Vec<_> = people.iter().take(3).map(gone).collect();
    let (status, job) = place.post("/api/v1/systems/prod/jobs", &json!({"wishes": wishes})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{job}");
    place.sandbox.add_fault(FaultRule::new("ListGroups", Effect::AccessDenied));
    let (_, run) = place.post("/api/v1/systems/prod/import-runs", &json!({})).await;
    let run = place.ended(&format!("/api/v1/import-runs/{}", run["id"])).await;
    assert_eq!(run["state"], "failed", "{run}");
    browser.get("/").await.has(&[
        &format!("Delete account {} and 2 more changes, asked for by admin", people[0]),
        "waits for a second person.",
        "failed, and what was known before still stands.",
        "iam:ListGroups",
    ]);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn times_in_sentences_are_times() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Viewer, &[]).await;
    let account = address_of(&place, &place.people().await[0]).await;
    for address in [LIST, "/systems/prod/resources", &account] {
        let page = browser.get(&format!("{address}?as_of=2001-01-01")).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{address}");
        assert!(page.text.contains("history begins at <time datetime=\"2"), "{address}: {}", page.text);
        let before =
            page.text.split("history begins at ").skip(1).filter(|after| !after.starts_with("<time "));
        assert_eq!(before.count(), 0, "{address}: {}", page.text);
    }
    place.stop().await;
}
