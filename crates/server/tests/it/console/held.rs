//! Who holds something in all systems, on the page and over REST.

use keyreeve_model::Role;
use keyreeve_sandbox::Mutation;
use reqwest::StatusCode;
use serde_json::Value;

use super::Browser;
use crate::place::{PROD_ACCOUNT, Place};

const TEST_ACCOUNT: &str = "444455556666";
const POLICY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

fn made(name: &str) -> [Mutation; 5] {
    let (user, group) = (format!("zz.{name}"), "ZZ-crew".to_owned());
    [
        Mutation::CreateUser { name: user.clone(), path: "/".into(), tags: Vec::new(), boundary: None },
        Mutation::CreateGroup { name: group.clone(), path: "/".into() },
        Mutation::AddToGroup { user: user.clone(), group: group.clone() },
        Mutation::AttachUserPolicy { user, arn: POLICY.into() },
        Mutation::AttachGroupPolicy { group, arn: POLICY.into() },
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_holds_something_is_found_in_all_systems_that_one_may_see_and_nowhere_else() {
    let place = Place::start().await;
    place.sandbox.mutate(PROD_ACCOUNT, &made("ada")).unwrap();
    place.sandbox.mutate(TEST_ACCOUNT, &made("bea")).unwrap();
    place.import("prod").await;
    place.import("test").await;
    let said = |one: &Value| {
        let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        format!("{} {}{}", text("system_id"), text("account"), text("group"))
    };
    // Over REST, page by page: what the lists of the systems say, one after the other.
    for query in [
        "policy=ReadOnlyAccess",
        "policy=ReadOnlyAccess&kind=group_policy",
        "group=zz-crew&kind=account_group",
    ] {
        let asked = query.replace("policy=", "resource=").replace("group=", "resource=");
        let mut expected = place.all(&format!("/api/v1/systems/prod/assignments?{query}"), 100).await;
        expected.extend(place.all(&format!("/api/v1/systems/test/assignments?{query}"), 100).await);
        assert!(expected.len() >= 2, "{query}");
        for limit in [1, 100] {
            assert_eq!(place.all(&format!("/api/v1/assignments?{asked}"), limit).await, expected, "{query}");
        }
        expected.reverse();
        assert_eq!(place.all(&format!("/api/v1/assignments?{asked}&sort=-system"), 2).await, expected);
    }
    let limited = place.token(Role::Viewer, &["test"]).await;
    let (status, found) = place.ask("/api/v1/assignments?resource=zz-crew", Some(&limited)).await;
    let found: Vec<String> = found["items"].as_array().unwrap().iter().map(said).collect();
    assert_eq!((status, found), (StatusCode::OK, vec!["test zz.bea".to_owned()]));

    // On the page, which the pages of the group and of the search lead to.
    let browser = Browser::of(&place, "ada", Role::Viewer, &[]).await;
    browser.get("/held").await.has(&["Whose holders are looked for?"]);
    browser
        .get("/search?q=zz-crew")
        .await
        .has(&["<a href=\"/held?resource=zz-crew\">Held in all systems</a>"]);
    let found = place.get("/api/v1/systems/prod/resources?name=ZZ-crew").await["items"][0].clone();
    let group = format!("/systems/prod/resources/{}", found["external_id"].as_str().unwrap());
    browser.get(&group).await.has(&["<a href=\"/held?resource=ZZ-crew\">Held in all systems</a>"]);
    let page = browser.get("/held?resource=zz-CREW").await;
    page.has(&[
        "<a href=\"/systems/prod\">prod</a>",
        "<a href=\"/systems/test\">test</a>",
        ">zz.ada</a>",
        ">zz.bea</a>",
        &format!("<a href=\"{group}\">ZZ-crew</a>"),
        "2 rows in all",
    ]);
    let of_policy = browser.get(&format!("/held?resource={POLICY}&kind=group_policy&system=prod")).await;
    of_policy.has(&[&format!("<a href=\"{group}\">ZZ-crew</a>"), "Attached to the group"]);
    assert!(!of_policy.text.contains("href=\"/systems/test\""), "{}", of_policy.text);
    let policy = place.get("/api/v1/systems/prod/resources?name=ReadOnlyAccess").await["items"][0].clone();
    let policy = format!("/systems/prod/resources/{}", policy["external_id"].as_str().unwrap());
    // What AWS maintains is looked for by its ARN.
    browser.get(&policy).await.has(&["/held?resource=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FReadOnlyAccess"]);

    let limited = Browser::of(&place, "bo", Role::Viewer, &["test"]).await;
    let page = limited.get("/held?resource=zz-crew").await;
    page.has(&[">zz.bea</a>", "1 row in all"]);
    assert!(!page.text.contains("prod") && !page.text.contains("zz.ada"), "{}", page.text);
    assert_eq!(limited.get("/held?resource=zz-crew&system=prod").await.status, StatusCode::FORBIDDEN);
    place.stop().await;
}
