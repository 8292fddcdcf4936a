//! Accounts: found, looked at, and changed by exactly the plan that was seen.

use keyreeve_model::Role;
use keyreeve_sandbox::Mutation;
use reqwest::StatusCode;
use serde_json::Value;

use super::{Browser, Seen};
use crate::place::{PROD_ACCOUNT, Place};

const LIST: &str = "/systems/prod/accounts";

/// The names of a list, as its file has them.
async fn names(browser: &Browser<'_>, query: &str) -> Vec<String> {
    let file = browser.get(&format!("{LIST}?{query}&format=csv")).await;
    assert_eq!(file.status, StatusCode::OK, "{query}: {}", file.text);
    file.text.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect()
}

/// What the form of a plan sends, with more.
pub(super) fn form<'a>(plan: &Seen, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, String)> {
    let hidden = ["wishes", "seen", "meant", "once", "next"]
        .map(|name| (name, plan.hidden(name).replace("&#34;", "\"")));
    let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
    hidden.into_iter().chain(more).collect()
}

/// That it led to the page of a job, which shows what becomes of it.
fn led(answer: &Seen, said: &str) {
    let to = answer.to.as_deref().unwrap_or_default();
    let (job, word) = to.split_once("?said=").unwrap_or_default();
    let of_job = job.strip_prefix("/jobs/").is_some_and(|job| job.parse::<i64>().is_ok());
    assert!(of_job && word == said, "{to}: {}", answer.text);
}

async fn apply(browser: &Browser<'_>, form: &[(&str, String)]) -> Seen {
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.send("/systems/prod/changes", &form).await
}

pub(crate) async fn address_of(place: &Place, name: &str) -> String {
    let account = place.get(&format!("/api/v1/systems/prod/accounts/{name}")).await;
    format!("{LIST}/{}", account["external_id"].as_str().unwrap())
}

pub(super) async fn last_job(place: &Place) -> Value {
    let jobs = place.get("/api/v1/systems/prod/jobs?limit=1").await;
    place.ended(&format!("/api/v1/jobs/{}", jobs["items"][0]["id"])).await
}

pub(super) async fn jobs(place: &Place) -> usize {
    place.all("/api/v1/systems/prod/jobs", 100).await.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_are_found_by_what_is_known_of_them_now_and_then() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Viewer, &[]).await;
    let before = names(&browser, "limit=250").await;
    let tags = vec![("Team".to_owned(), "Q7-falcon".to_owned())];
    let made = Mutation::CreateUser {
        name: "zz.found".to_owned(),
        path: "/bird-sanctuary/".to_owned(),
        tags,
        boundary: None,
    };
    place.sandbox.mutate(PROD_ACCOUNT, &[made]).unwrap();
    place.import("prod").await;
    for wanted in ["ZZ.fou", "bird-sanct", "user%2Fbird-sanctuary%2Fzz", "q7-FALCON", "zz*"] {
        assert_eq!(names(&browser, &format!("q={wanted}")).await, ["zz.found"], "{wanted}");
    }
    assert_eq!(names(&browser, "path=/bird").await, ["zz.found"]);
    let run = place.get("/api/v1/systems/prod/import-runs").await["items"][1]["id"].to_string();
    assert_eq!(names(&browser, &format!("as_of=run:{run}")).await, before);
    let all = place.all("/api/v1/systems/prod/accounts", 100).await;
    for state in ["present", "absent"] {
        let known = all.iter().filter(|one| one["login_profile"]["state"] == state);
        // The names of people stand in a file as they are.
        let known = known.map(|one| one["name"].as_str().unwrap()).filter(|name| name.contains('.'));
        let mut found = names(&browser, &format!("console={state}")).await;
        found.retain(|name| name.contains('.'));
        assert_eq!(found, known.collect::<Vec<_>>(), "{state}");
    }
    let page = browser.get(&format!("{LIST}?sort=-name&limit=25&q=zz")).await;
    page.has(&[
        "zz.found",
        "aria-sort=\"descending\"",
        "data-search=\"list\"",
        ">Has none<",
        "Export as CSV",
    ]);
    assert!(!page.text.contains("New account"), "a viewer makes none");
    browser.get(&format!("{LIST}?q=nobody-is-called-so")).await.has(&["Nothing fits"]);
    for (then, why) in [
        ("tomorrow", "Give a time with its zone"),
        ("2999-01-01", "is in the future"),
        ("run:999", "run 999"),
    ] {
        for list in [LIST, "/systems/prod/resources"] {
            let page = browser.get(&format!("{list}?as_of={then}&q=zz")).await;
            assert_eq!(page.status, StatusCode::BAD_REQUEST, "{list} {then}");
            // The form is as it was sent, with what is wrong beside the field.
            let field = format!("name=\"as_of\" value=\"{then}\"");
            for text in [&field, why, "value=\"zz\"", "id=\"filter-as_of-about\""] {
                assert!(page.text.contains(text), "{list} {then} {text}: {}", page.text);
            }
            let file = browser.get(&format!("{list}?as_of={then}&format=csv")).await;
            assert_eq!(file.status, StatusCode::BAD_REQUEST, "{list} {then}");
        }
    }
    place.not_imported("fresh").await;
    browser.get("/systems/fresh/accounts").await.has(&["Nothing was imported yet"]);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_says_why_it_holds_what_it_holds_and_what_became_of_it() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    let groups = place.all("/api/v1/systems/prod/assignments?kind=group_policy", 100).await;
    let (group, policy) =
        (groups[0]["group"].as_str().unwrap(), groups[0]["resource_name"].as_str().unwrap());
    let evil = "\"><img/src=x/onerror=alert(1)>";
    let made = Mutation::CreateUser {
        name: "eve".to_owned(),
        path: format!("/{evil}/"),
        tags: vec![("<b>team".to_owned(), "a<script>".to_owned())],
        boundary: None,
    };
    place.sandbox.mutate(PROD_ACCOUNT, &[made]).unwrap();
    place.import("prod").await;
    let address = address_of(&place, "eve").await;
    let plan = browser.send(&format!("{address}/add-assignment"), &[("group", group), ("policy", "")]).await;
    let done = apply(&browser, &form(&plan, &[("reason", "for the audit")])).await;
    led(&done, "asked");
    let job = last_job(&place).await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    browser.get(&address).await.has(&["not confirmed by an import yet", "It was put into group"]);
    place.import("prod").await;
    let page = browser.get(&address).await;
    let by = format!("<a href=\"/jobs/{0}\">Job {0}</a> of {1}", job["id"], job["actor"].as_str().unwrap());
    page.has(&[
        group,
        policy,
        "Member itself",
        &format!("Through group {group}"),
        &by,
        &format!("Add group {group}."),
    ]);
    let history = page.text.split("id=\"history\"").nth(1).unwrap();
    assert!(
        history.contains(&by) && page.text.matches(&by).count() > 1,
        "beside what it gave, too: {}",
        page.text
    );
    page.has(&["&#60;b&#62;team", "a&#60;script&#62;", "Account eve is new.", "Import run"]);
    assert!(!page.text.contains("<img") && !page.text.contains("<script>"), "{}", page.text);
    // Before it was put there, it held nothing, and nothing is changed in the past.
    let run = page.text.split("First seen</dt><dd><a href=\"/imports/").nth(1).unwrap();
    let then = browser.get(&format!("{address}?as_of=run:{}", run.split('"').next().unwrap())).await;
    then.has(&["It holds nothing"]);
    assert!(!then.text.contains("/delete\""), "{}", then.text);
    let never = browser.get(&format!("{address}?as_of=then")).await;
    assert_eq!(never.status, StatusCode::BAD_REQUEST);
    for text in ["<h1>eve ", "Give a time with its zone", "value=\"then\""] {
        assert!(never.text.contains(text), "{text}: {}", never.text);
    }
    assert_eq!(browser.get(&format!("{LIST}/AIDANOBODY")).await.status, StatusCode::NOT_FOUND);
    let viewer = Browser::of(&place, "vic", Role::Viewer, &[]).await;
    let viewed = viewer.get(&address).await;
    viewed.has(&["Your role here is viewer, which changes nothing."]);
    assert!(!viewed.text.contains("/delete\""));
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_shows_its_calls_and_does_exactly_these_once_its_name_is_typed() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    let person = place.people().await.remove(0);
    let address = address_of(&place, &person).await;
    browser.get(&format!("{address}/delete")).await.has(&["Show the plan", "cannot be undone"]);
    let plan = browser.send(&format!("{address}/delete"), &[]).await;
    plan.has(&["DeleteUser", "Blocks the deletion", "for good", &format!("data-confirm=\"{person}\"")]);
    assert_eq!(place.writes(), Vec::<String>::new(), "a plan changes nothing");
    for typed in ["", "somebody", &person.to_uppercase()] {
        let page = apply(&browser, &form(&plan, &[("reason", ""), ("confirm", typed)])).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{typed}");
        assert!(page.text.contains("nothing was done"), "{}", page.text);
    }
    assert_eq!(jobs(&place).await, 0);
    // What it would take has changed: it is shown as it is now.
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    let inline = Mutation::PutUserInline {
        user: person.clone(),
        name: "late".to_owned(),
        document: document.to_owned(),
    };
    place.sandbox.mutate(PROD_ACCOUNT, &[inline]).unwrap();
    let typed = [("reason", ""), ("confirm", person.as_str())];
    let other = apply(&browser, &form(&plan, &typed)).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", other.text);
    assert!(other.text.contains("has changed since it was looked at"), "{}", other.text);
    assert_eq!(jobs(&place).await, 0);
    let seen = form(&other, &typed);
    let viewer = Browser::of(&place, "vic", Role::Viewer, &[]).await;
    assert_eq!(apply(&viewer, &seen).await.status, StatusCode::FORBIDDEN);
    let done = apply(&browser, &seen).await;
    led(&done, "asked");
    let again = apply(&browser, &seen).await;
    led(&again, "asked_before");
    assert_eq!((last_job(&place).await["state"].as_str(), jobs(&place).await), (Some("succeeded"), 1));
    assert!(place.in_aws(&person).is_none());
    // Two in an hour are more than one person may ask for.
    let second = place.people().await.pop().unwrap();
    let address = address_of(&place, &second).await;
    let plan = browser.send(&format!("{address}/delete"), &[]).await;
    plan.has(&[
        "A second person must approve it",
        "Ask for approval",
        "Nobody who signs in here may approve it",
    ]);
    place.person("cora", Role::Approver, &["prod"]).await;
    place.person("dan", Role::Approver, &["test"]).await;
    let plan = browser.send(&format!("{address}/delete"), &[]).await;
    plan.has(&["Who may approve it: cora."]);
    let waits = apply(&browser, &form(&plan, &[("reason", ""), ("confirm", &second)])).await;
    led(&waits, "awaits_approval");
    assert!(place.in_aws(&second).is_some());
    place.stop().await;
}

/// The page is of one user, and names pass on: nothing is done to who has the name by now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_the_name_by_now_is_left_alone() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    let person = place.people().await.remove(0);
    let address = address_of(&place, &person).await;
    let again = || [Mutation::DeleteAndRecreateUser { name: person.clone() }];
    let before = browser.send(&format!("{address}/delete"), &[]).await;
    before.has(&["DeleteUser"]);
    place.sandbox.mutate(PROD_ACCOUNT, &again()).unwrap();
    // What was planned before, and what is planned now.
    let typed = form(&before, &[("reason", "left"), ("confirm", &person)]);
    let now = browser.send(&format!("{address}/delete"), &[]).await;
    for refused in [apply(&browser, &typed).await, now] {
        assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
        assert!(refused.text.contains("another user has that name now"), "{}", refused.text);
    }
    assert!(place.writes().is_empty(), "{:?}", place.writes());
    assert_eq!(jobs(&place).await, 0);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_comes_with_a_secret_that_is_shown_once_and_each_action_has_its_plan() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    let page = browser.get("/systems/prod/new-account").await;
    page.has(&["New account", "The password is handed over"]);
    let made =
        [("name", "new.person"), ("path", "/staff/"), ("tags", "team = ops\r\ncost=1"), ("deliver", "link")];
    let plan = browser.send("/systems/prod/new-account", &made).await;
    plan.has(&["CreateUser", "CreateLoginProfile", "new.person with path /staff/"]);
    let sent = form(&plan, &[("reason", "joins")]);
    let handed = apply(&browser, &sent).await;
    handed.has(&["krs_", "It is shown here once"]);
    let again = apply(&browser, &sent).await;
    again.has(&["This was sent twice."]);
    assert!(!again.text.contains("krs_"), "{}", again.text);
    let job = last_job(&place).await;
    assert_eq!(job["state"], "succeeded");
    assert_eq!(place.in_aws("new.person").unwrap()["path"], "/staff/");
    // No import has seen it: the list says so, and it has a page of what was done.
    let list = browser.get(LIST).await;
    list.has(&["1 account was made since the last import:"]);
    let unseen = list.text.split("since the last import: <a href=\"").nth(1).unwrap();
    for address in [unseen.split('"').next().unwrap(), "/systems/prod/accounts/NEW.person"] {
        let page = browser.get(address).await;
        page.has(&["new.person", "Not imported yet", &format!("Job {}", job["id"]), "Create account."]);
        assert!(!page.text.contains("/delete\""), "{}", page.text);
    }
    assert!(!browser.get(&format!("{LIST}?as_of=run:1")).await.text.contains("since the last import"));
    place.import("prod").await;
    assert!(!browser.get(LIST).await.text.contains("since the last import"));
    let address = address_of(&place, "new.person").await;
    for (action, fields, said) in [
        ("update", vec![("name", "new.name"), ("tags", "team=dev")], "new name new.name"),
        ("reset-password", vec![("deliver", "link")], "UpdateLoginProfile"),
        ("deactivate", vec![], "DeleteLoginProfile"),
        ("add-assignment", vec![("group", "no-such-group")], "What stands in the way"),
        ("update", vec![("path", "/staff/")], "There is nothing to do"),
    ] {
        let plan = browser.send(&format!("{address}/{action}"), &fields).await;
        plan.has(&[said]);
        // What cannot be asked for has no form, and a button that says why.
        let refused = ["What stands in the way", "There is nothing to do"].contains(&said);
        assert_eq!(
            plan.text.contains("disabled aria-describedby=\"refused\""),
            refused,
            "{said}: {}",
            plan.text
        );
        assert_eq!(plan.text.contains("name=\"seen\""), !refused, "{said}: {}", plan.text);
    }
    // What limits is taken away as what is held is: not without its name.
    let arn =
        place.get("/api/v1/systems/prod/resources?managed_by=customer").await["items"][0]["arn"].clone();
    let arn = arn.as_str().map(str::to_owned);
    let limited = [Mutation::SetBoundary { name: "new.person".to_owned(), arn }];
    place.sandbox.mutate(PROD_ACCOUNT, &limited).unwrap();
    place.import("prod").await;
    let plan = browser.send(&format!("{address}/update"), &[("boundary", "none")]).await;
    plan.has(&["data-confirm=\"new.person\"", "Nothing limits new.person any more"]);
    for (action, fields, said) in [
        ("update", vec![("tags", "team")], "is no pair"),
        ("add-assignment", vec![], "either a group or a policy"),
        ("remove-assignment", vec![("held", "")], "choose what is to be removed"),
        ("reset-password", vec![("deliver", "recipient")], "not understood"),
        ("reset-password", vec![("recipient", "age1abc")], "would not be encrypted to it"),
        (
            "reset-password",
            vec![("deliver", "link"), ("recipient", "age1abc")],
            "would not be encrypted to it",
        ),
        ("update", vec![("tags", "team=a\nTEAM=b")], "is there twice"),
    ] {
        let page = browser.send(&format!("{address}/{action}"), &fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{action}: {}", page.text);
        assert!(page.text.to_lowercase().contains(said), "{action}: {}", page.text);
    }
    assert_eq!(browser.get(&format!("{address}/grow")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(jobs(&place).await, 1);
    let foreign = browser.send_from("/systems/prod/new-account", &made, "https://evil.example").await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_counted_by_their_age_and_each_count_leads_to_those_it_counts() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Viewer, &[]).await;
    let accounts = place.all("/api/v1/systems/prod/accounts", 100).await;
    let has_active = |one: &&serde_json::Value| {
        one["access_keys"].as_array().into_iter().flatten().any(|key| key["active"] == true)
    };
    let with_keys = accounts.iter().filter(has_active).count();
    assert!(with_keys > 0);
    for address in ["/", "/systems/prod/accounts"] {
        let page = browser.get(address).await;
        let mut counted = 0;
        for band in ["0", "30", "90", "180", "365"] {
            let link = format!("href=\"/systems/prod/accounts?key_age={band}\"");
            let after = page.text.split_once(&link).unwrap_or_else(|| panic!("{address}: {link}")).1;
            let number = after.split_once("class=\"number\">").unwrap().1.split('<').next().unwrap();
            let number: usize = number.parse().unwrap();
            let list = browser.get(&format!("/systems/prod/accounts?key_age={band}&format=csv")).await;
            assert_eq!(list.text.lines().count() - 1, number, "{band}: {}", list.text);
            counted += number;
        }
        assert_eq!(counted, with_keys, "{address}");
    }
    assert_eq!(browser.get("/systems/prod/accounts?key_age=7").await.status, StatusCode::BAD_REQUEST);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_forms_are_sent_to_leads_on_and_names_may_be_left_to_the_task_mapping() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    let led = browser.get("/systems/prod/changes").await;
    assert_eq!((led.status, led.to.as_deref()), (StatusCode::SEE_OTHER, Some("/systems/prod/jobs")));
    let page = browser.get("/sign-out").await;
    assert_eq!(page.status, StatusCode::METHOD_NOT_ALLOWED);
    let said = page.text.contains("Nothing to be read here") && page.text.contains("takes what a form sends");
    assert!(said, "{}", page.text);
    let form = browser.get("/systems/prod/new-account").await;
    form.has(&["<label for=\"name\">Name</label>", "Path <span class=\"muted\">(optional)"]);
    place.not_imported("fresh").await;
    let fresh = "fresh".parse().unwrap();
    place.store.remove_system(&fresh, ("local:test", None), place.clock.now()).await.unwrap();
    let page = browser.get("/systems/fresh/accounts").await;
    page.has(&["Nothing was ever imported"]);
    assert!(!page.text.contains("once an import"), "{}", page.text);
    place.stop().await;
}
