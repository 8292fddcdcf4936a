//! Looking for somebody in all systems, and for who has left.

use keyreeve_model::Role;
use keyreeve_sandbox::Mutation;
use reqwest::StatusCode;

use super::Browser;
use super::accounts::address_of;
use crate::place::{PROD_ACCOUNT, Place};

const TEST_ACCOUNT: &str = "444455556666";

fn user(name: &str, path: &str) -> Mutation {
    let tags = vec![("team".to_owned(), format!("zz-team of {name}"))];
    Mutation::CreateUser { name: name.into(), path: path.into(), tags, boundary: None }
}

/// The rows of a list as a file has them, with the first column and another one.
fn rows(file: &str, other: usize) -> Vec<String> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        format!("{} {}", cells[0], cells[other])
    };
    file.lines().skip(1).map(row).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_is_found_in_all_systems_that_one_may_see_and_nowhere_else() {
    let place = Place::start().await;
    let group = Mutation::CreateGroup { name: "zz.ada-crew".into(), path: "/".into() };
    let made = [user("not-zz.ada", "/"), user("zz.ada", "/zz/"), user("zz.ada-2", "/"), group];
    place.sandbox.mutate(PROD_ACCOUNT, &made).unwrap();
    place.sandbox.mutate(TEST_ACCOUNT, &[user("zz.ada", "/")]).unwrap();
    place.import("prod").await;
    place.import("test").await;
    let browser = Browser::of(&place, "ada", Role::Viewer, &[]).await;
    // The way there is on each page, and is of use without a script.
    browser.get("/systems").await.has(&["action=\"/search\" role=\"search\"", "href=\"/search\""]);
    browser.get("/search").await.has(&["What is looked for?"]);
    let page = browser.get("/search?q=ZZ.ada").await;
    let account = address_of(&place, "zz.ada").await;
    page.has(&[
        &format!("<a href=\"{account}\">zz.ada</a>"),
        "<a href=\"/systems/test\">test</a>",
        "5 rows in all",
    ]);
    let found = async |browser: &Browser<'_>, query: &str| {
        let page = browser.get(&format!("/search?format=csv&{query}")).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        rows(&page.text, 2)
    };
    // Whoever is called so comes first, then whose name begins so.
    let all = ["zz.ada prod", "zz.ada test", "zz.ada-2 prod", "zz.ada-crew prod", "not-zz.ada prod"];
    assert_eq!(found(&browser, "q=zz.ada").await, all);
    assert_eq!(found(&browser, "q=zz.ada&type=group").await, [all[3]]);
    assert_eq!(found(&browser, "q=zz.ada&system=test").await, [all[1]]);
    assert_eq!(found(&browser, "q=user%2Fzz%2Fz").await, [all[0]]);
    assert_eq!(found(&browser, "q=zz-team+of+zz.ada-2").await, [all[2]]);
    assert_eq!(found(&browser, "q=zz.%3Fda").await, all[..2]);
    assert_eq!(found(&browser, "q=zz.ada&state=gone").await, [""; 0]);
    browser.get("/search?q=nobody-has-this").await.has(&["Nothing fits"]);

    let limited = Browser::of(&place, "bo", Role::Viewer, &["test"]).await;
    assert_eq!(found(&limited, "q=zz.ada").await, [all[1]]);
    assert_eq!(limited.get("/search?q=zz.ada&system=prod").await.status, StatusCode::FORBIDDEN);
    let none = limited.get("/search?q=zz.ada-crew").await;
    assert!(!none.text.contains(">prod<") && none.text.contains("Nothing fits"), "{}", none.text);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_left_is_found_by_the_search_in_the_list_and_from_the_run() {
    let place = Place::start().await;
    let group = || "zz-gone".to_owned();
    let made = [
        user("zz.left", "/zz/"),
        user("zz.back", "/"),
        user("zz.stays", "/"),
        Mutation::CreateGroup { name: group(), path: "/".into() },
    ];
    place.sandbox.mutate(PROD_ACCOUNT, &made).unwrap();
    place.import("prod").await;
    let left = address_of(&place, "zz.left").await;
    let delete = |name: &str| Mutation::DeleteUser { name: name.into() };
    let gone = [
        delete("zz.left"),
        delete("zz.back"),
        Mutation::DeleteGroup { name: group() },
        Mutation::TagUser { name: "zz.stays".into(), key: "team".into(), value: "another".into() },
    ];
    place.sandbox.mutate(PROD_ACCOUNT, &gone).unwrap();
    place.import("prod").await;
    let run = place.get("/api/v1/systems/prod/import-runs").await["items"][0]["id"].to_string();
    // Another one of that name is no hindrance, and a change of somebody else is no going.
    place.sandbox.mutate(PROD_ACCOUNT, &[user("zz.back", "/")]).unwrap();
    place.import("prod").await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    let lists = "/systems/prod/accounts";
    let page = browser.get(&format!("{lists}?status=gone")).await;
    let link = format!("<a href=\"{left}\">zz.left</a>");
    page.has(&[&link, &format!("<a href=\"/imports/{run}\">Run {run}</a>"), "2 rows in all", ">Gone</span>"]);
    let file = async |query: &str| {
        let page = browser.get(&format!("{lists}?status=gone&format=csv&{query}")).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        rows(&page.text, 3)
    };
    let [was_left, was_back] = ["zz.left", "zz.back"].map(|name| format!("{name} Run {run}"));
    assert_eq!(file("sort=name").await, [&*was_back, &was_left]);
    assert_eq!(file("sort=-name&q=ZZ.").await, [&*was_left, &was_back]);
    assert_eq!(file("path=/zz/").await, [&*was_left]);
    assert_eq!(file("q=stays").await, [""; 0]);
    let refused = browser.get(&format!("{lists}?status=gone&mfa=active")).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.text.contains("MFA is not looked for of accounts that are gone"), "{}", refused.text);
    assert!(!browser.get(lists).await.text.contains("zz.left"));
    // All who are gone, the group as well, in all systems.
    let search = browser.get("/search?q=zz&state=gone").await;
    search.has(&[
        &link,
        "zz-gone",
        &format!("Gone since <a href=\"/imports/{run}\">run {run}</a>"),
        "3 rows in all",
    ]);
    // What the run saw gone leads to the pages of what is gone.
    let changes = browser.get(&format!("/imports/{run}/changes?change=deleted")).await;
    changes.has(&[&link]);
    let group = changes.text.split("\">zz-gone</a>").next().unwrap().rsplit('"').next().unwrap().to_owned();
    browser.get(&group).await.has(&[">Gone</span>", "zz-gone"]);
    browser.get(&left).await.has(&[">Gone</span>"]);
    place.stop().await;
}
