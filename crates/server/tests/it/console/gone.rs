//! What is not there any more, and who holds what by whose job.

use keyreeve_model::Role;
use keyreeve_sandbox::Mutation;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Browser;
use super::accounts::address_of;
use crate::place::{PROD_ACCOUNT, Place};

const JOBS: &str = "/api/v1/systems/prod/jobs";

/// Asks for a change, and waits until it is done: the number of its job.
pub(super) async fn done(place: &Place, wish: Value) -> String {
    let (status, job) = place.post(JOBS, &json!({"wishes": [wish], "reason": null})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{job}");
    let ended = place.ended(&format!("/api/v1/jobs/{}", job["id"])).await;
    assert_eq!(ended["state"], "succeeded", "{ended:#}");
    ended["id"].to_string()
}

/// Where a page leads to what it is about as that was last.
fn as_it_was(page: &str) -> String {
    let before = page.split("\">As it was last").next().unwrap();
    before.rsplit('"').next().unwrap().to_owned()
}

pub(super) fn user(name: &str) -> Mutation {
    Mutation::CreateUser { name: name.into(), path: "/".into(), tags: Vec::new(), boundary: None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_gone_has_a_page_that_says_since_when_and_by_whom() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    place.sandbox.mutate(PROD_ACCOUNT, &[user("zz.ours"), user("zz.theirs")]).unwrap();
    place.import("prod").await;
    let seen_by = place.get("/api/v1/systems/prod/import-runs").await["items"][0]["id"].to_string();
    let (ours, theirs) = (address_of(&place, "zz.ours").await, address_of(&place, "zz.theirs").await);
    // Where it was not yet, that is said as well.
    let early = browser.get(&format!("{ours}?as_of=run:1")).await;
    early.has(&["Not there then", "The account was not there as of <code>run:1</code>", "As it is now"]);
    let job = done(&place, json!({"task": "delete_account", "account": "zz.ours"})).await;
    place.sandbox.mutate(PROD_ACCOUNT, &[Mutation::DeleteUser { name: "zz.theirs".into() }]).unwrap();
    place.import("prod").await;
    let gone_by = place.get("/api/v1/systems/prod/import-runs").await["items"][0]["id"].to_string();
    let run = format!("Seen to be gone by</dt><dd><a href=\"/imports/{gone_by}\"");
    let last = format!("as_of=run%3A{seen_by}");
    for (address, by) in [
        (&ours, format!("Deleted by</dt><dd><a href=\"/jobs/{job}\">Job {job}</a> of admin-")),
        (&theirs, "Deleted by</dt><dd>no job of ours".to_owned()),
    ] {
        let page = browser.get(address).await;
        page.has(&[">Gone</span>", "Gone since", &run, &last, &by, "is gone.", "Import run"]);
        assert!(!page.text.contains("/delete\""), "nothing is changed of it: {}", page.text);
        let then = browser.get(&as_it_was(&page.text)).await;
        then.has(&["<h1>zz.", "This is how it was."]);
    }
    // Its history has a list of its own, which is narrowed down, sorted and kept as others are.
    let all = format!("{ours}/history");
    browser.get(&all).await.has(&["History of zz.ours", "is gone.", "Delete account.", "3 rows in all"]);
    let lines = async |query: &str| {
        let file = browser.get(&format!("{all}?format=csv&{query}")).await.text;
        file.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (new, deleted, seen) =
        (format!("Import run {seen_by}"), format!("Job {job} of"), format!("Import run {gone_by}"));
    let by_time = lines("sort=when").await;
    assert!(by_time[0] == new && by_time[1].starts_with(&deleted) && by_time[2] == seen, "{by_time:?}");
    assert_eq!(lines("from=import&q=GONE").await, [seen]);
    assert_eq!(lines("from=job").await.len(), 1);
    // By its name, too; and whoever has the name now is another one.
    browser.get("/systems/prod/accounts/zz.theirs").await.has(&[">Gone</span>"]);
    place.sandbox.mutate(PROD_ACCOUNT, &[user("zz.theirs")]).unwrap();
    place.import("prod").await;
    browser.get(&theirs).await.has(&[">Gone</span>", "Another account that is called zz.theirs now"]);
    // The page of the job leads there.
    browser.get(&format!("/jobs/{job}")).await.has(&[&format!("<a href=\"{ours}\">zz.ours</a>")]);
    for nobody in ["/systems/prod/accounts/AIDANOBODY", "/systems/prod/accounts/AIDANOBODY?as_of=run:1"] {
        assert_eq!(browser.get(nobody).await.status, StatusCode::NOT_FOUND, "{nobody}");
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_is_gone_has_a_page_that_says_since_when() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    let made = [Mutation::CreateGroup { name: "zz-crew".into(), path: "/".into() }];
    place.sandbox.mutate(PROD_ACCOUNT, &made).unwrap();
    place.import("prod").await;
    let group = place.get("/api/v1/systems/prod/resources?name=zz-crew").await["items"][0].clone();
    let address = format!("/systems/prod/resources/{}", group["external_id"].as_str().unwrap());
    browser.get(&format!("{address}?as_of=run:1")).await.has(&["Not there then", "As it is now"]);
    place.sandbox.mutate(PROD_ACCOUNT, &[Mutation::DeleteGroup { name: "zz-crew".into() }]).unwrap();
    place.import("prod").await;
    let page = browser.get(&address).await;
    page.has(&["zz-crew", ">Gone</span>", "Gone since", "Seen to be gone by", "As it was last"]);
    browser.get(&as_it_was(&page.text)).await.has(&["Who holds it"]);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_given_something_taken_out_and_given_it_again_has_it_by_the_last_job() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    let made = [Mutation::CreateGroup { name: "zz-crew".into(), path: "/".into() }, user("zz.eve")];
    place.sandbox.mutate(PROD_ACCOUNT, &made).unwrap();
    place.import("prod").await;
    let group = place.get("/api/v1/systems/prod/resources?name=zz-crew").await["items"][0].clone();
    let group = format!("/systems/prod/resources/{}", group["external_id"].as_str().unwrap());
    let account = address_of(&place, "zz.eve").await;
    let wish = |task: &str| json!({"task": task, "account": "zz.eve", "group": "zz-crew"});
    let by = async |given: Option<&str>, why: &str| {
        for address in [&group, &account] {
            let page = browser.get(address).await;
            let row = page.text.split("<tbody>").find(|part| part.contains("Member")).unwrap();
            let row = row.split("</tr>").find(|row| row.contains("Member")).unwrap();
            match given {
                Some(job) => assert!(
                    row.contains(&format!("<a href=\"/jobs/{job}\">Job {job}</a> of ")),
                    "{why}: {row}"
                ),
                None => assert!(!row.contains("/jobs/") && row.contains("not given here"), "{why}: {row}"),
            }
        }
    };
    let first = done(&place, wish("add_assignment")).await;
    by(Some(&first), "not seen yet").await;
    place.import("prod").await;
    by(Some(&first), "seen").await;
    done(&place, wish("remove_assignment")).await;
    let second = done(&place, wish("add_assignment")).await;
    by(Some(&second), "taken out and given again between two imports").await;
    place.import("prod").await;
    by(Some(&second), "and seen").await;
    done(&place, wish("remove_assignment")).await;
    place.import("prod").await;
    let added = [Mutation::AddToGroup { user: "zz.eve".into(), group: "zz-crew".into() }];
    place.sandbox.mutate(PROD_ACCOUNT, &added).unwrap();
    place.import("prod").await;
    by(None, "given in AWS, after we took it away").await;
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_policy_that_reaches_an_account_is_named_and_what_is_not_known_said() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Viewer, &[]).await;
    let document =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let policy = |name: &str| format!("arn:aws:iam::{PROD_ACCOUNT}:policy/{name}");
    let managed = |name: &str| Mutation::CreatePolicy {
        name: name.into(),
        path: "/".into(),
        document: document.into(),
    };
    let made = [
        managed("zz-attached"),
        managed("zz-of-group"),
        managed("zz-limit"),
        Mutation::CreateGroup { name: "zz-crew".into(), path: "/".into() },
        Mutation::CreateUser {
            name: "zz.eve".into(),
            path: "/".into(),
            tags: Vec::new(),
            boundary: Some(policy("zz-limit")),
        },
        Mutation::AddToGroup { user: "zz.eve".into(), group: "zz-crew".into() },
        Mutation::AttachUserPolicy { user: "zz.eve".into(), arn: policy("zz-attached") },
        Mutation::AttachGroupPolicy { group: "zz-crew".into(), arn: policy("zz-of-group") },
        Mutation::PutUserInline {
            user: "zz.eve".into(),
            name: "zz-own-inline".into(),
            document: document.into(),
        },
        Mutation::PutGroupInline {
            group: "zz-crew".into(),
            name: "zz-group-inline".into(),
            document: document.into(),
        },
    ];
    place.sandbox.mutate(PROD_ACCOUNT, &made).unwrap();
    place.import("prod").await;
    let account = address_of(&place, "zz.eve").await;
    let page = browser.get(&account).await;
    page.has(&[
        "id=\"own-policies\"",
        "#own-policies\">zz-own-inline</a>",
        "#own\">zz-group-inline</a>",
        "6 rows in all",
    ]);
    page.has(&["Gives nothing: what is given holds as far as it allows", "What the organization"]);
    assert!(!page.text.contains("What is not known"), "{}", page.text);
    let file = browser.get(&format!("{account}?format=csv")).await.text;
    let rows: Vec<[&str; 3]> = file
        .lines()
        .skip(1)
        .map(|line| line.splitn(4, ',').take(3).collect::<Vec<_>>().try_into().unwrap())
        .collect();
    assert_eq!(
        rows,
        [
            ["Permissions boundary", "zz-limit", "Gives nothing: what is given holds as far as it allows"],
            ["Group", "zz-crew", "Member itself"],
            ["Policy", "zz-attached", "Attached to it"],
            ["Policy", "zz-of-group", "Through group zz-crew"],
            ["Inline policy", "zz-group-inline", "Of group zz-crew"],
            ["Inline policy", "zz-own-inline", "Of its own"],
        ],
        "{file}"
    );
    let names = async |query: &str| {
        let file = browser.get(&format!("{account}?format=csv&{query}")).await.text;
        file.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("type=inline&sort=-name").await, ["zz-own-inline", "zz-group-inline"]);
    assert_eq!(names("q=CREW").await, ["zz-crew"]);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_address_has_and_a_list_does_not_know_is_said_in_its_place() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let account = address_of(&place, &place.people().await[0]).await;
    let (status, job) =
        place.post(JOBS, &json!({"wishes": [{"task": "create_account", "name": "new"}]})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{job}");
    let job = format!("/jobs/{}", job["id"]);
    for (address, why) in [
        ("/systems/prod/accounts?status=bogus", "Status is never “bogus”; there is: enabled"),
        ("/systems/prod/accounts?sort=nope", "not sorted by “nope”; it is by: name, path, status"),
        ("/systems/prod/accounts?page=zzz", "cannot be narrowed down by “page”; it can be by: q, status"),
        ("/systems/prod/accounts?cursor=zzz", "Begin with its first page"),
        ("/systems/prod/accounts?limit=zzz", "“zzz” is no number of rows"),
        ("/systems/prod/resources?type=role", "Type is never “role”; there is: group"),
        ("/systems?state=gone", "State is never “gone”"),
        ("/jobs?state=bogus", "State is never “bogus”; there is: awaiting_approval"),
        ("/jobs?kind=bogus", "Kind of task is never “bogus”"),
        ("/jobs?system=no%20id", "“no id” is no System ID"),
        ("/jobs?system=nowhere", "There is no system “nowhere”"),
        ("/imports?system=nowhere", "There is no system “nowhere”"),
        ("/imports?state=bogus", "State is never “bogus”"),
        ("/audit?sort=bogus", "not sorted by “bogus”"),
        (&*format!("{account}?type=bogus"), "Type is never “bogus”; there is: boundary"),
        (&*format!("{job}?state=bogus"), "State is never “bogus”"),
    ] {
        let page = browser.get(address).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{address}");
        let sentence = page.text.to_lowercase();
        assert!(sentence.contains(&why.to_lowercase()), "{address}: {}", page.text);
        for text in [">Not understood<", "data-search=\"list\"", "id=\"list\"", "Show all"] {
            assert!(page.text.contains(text), "{address} {text}: {}", page.text);
        }
        let sign = if address.contains('?') { '&' } else { '?' };
        let file = browser.get(&format!("{address}{sign}format=csv")).await;
        assert_eq!(file.status, StatusCode::BAD_REQUEST, "{address} as a file");
    }
    let evil = browser.get("/systems/prod/accounts?status=%3Cimg%20src=x%3E").await;
    assert!(!evil.text.contains("<img"), "{}", evil.text);
    browser.get("/systems/prod/accounts?limit=25").await.has(&["role=\"status\">25 rows here, of "]);
    place.stop().await;
}
