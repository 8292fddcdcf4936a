//! What all tables do: they sort by their columns, and their pages are turned both ways, and the address says all of it.

use std::cmp::Ordering;

use keyreeve_model::{ImportProfile, Role};
use keyreeve_sandbox::Mutation;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Browser;
use super::accounts::address_of;
use super::gone::{done, user};
use crate::place::{PROD_ACCOUNT, Place};

/// The keys of the columns that a page offers to sort its list by.
fn offered(page: &str) -> Vec<String> {
    let list = page.split("id=\"list\"").nth(1).unwrap_or_else(|| panic!("{page}"));
    let head = list.split("</thead>").next().unwrap();
    let keys = head.split("sort=").skip(1).map(|rest| rest.split(['"', '&']).next().unwrap());
    // The one that it is sorted by says so before its link.
    keys.filter(|key| !key.is_empty()).map(|key| key.trim_start_matches('-').to_owned()).collect()
}

/// The rows of a page, as they are written.
fn body(page: &str) -> String {
    let list = page.split("id=\"list\"").nth(1).unwrap_or_else(|| panic!("{page}"));
    let rows = list.split("<tbody>").nth(1).unwrap_or_default();
    rows.split("</tbody>").next().unwrap().to_owned()
}

/// Where the page before or after is.
fn turned(page: &str, which: &str) -> Option<String> {
    let before =
        page.split(&format!("\" rel=\"{which}\"")).next().filter(|before| before.len() < page.len())?;
    Some(before.rsplit('"').next().unwrap().replace("&#38;", "&"))
}

/// Two texts in the order of a column: nothing first, then by the numbers and the words in them.
fn compared(one: &str, other: &str) -> Ordering {
    // Some time before an instant comes before it.
    let parts = |text: &str| {
        let (of_before, text) = match text.strip_prefix("before ") {
            Some(rest) => (0, rest.split(',').next().unwrap()),
            None => (1, text),
        };
        let mut parts: Vec<(u64, String)> = Vec::new();
        if let Ok(at) = text.parse::<jiff::Timestamp>() {
            return (vec![(u64::try_from(at.as_millisecond()).unwrap(), String::new())], of_before);
        }
        for character in text.to_lowercase().chars() {
            match (character.to_digit(10), parts.last_mut()) {
                (Some(digit), Some((number, after))) if after.is_empty() => {
                    *number = *number * 10 + u64::from(digit);
                }
                (Some(digit), _) => parts.push((u64::from(digit), String::new())),
                (None, Some((_, after))) => after.push(character),
                // Digits come before all else.
                (None, None) => parts.push((u64::MAX, character.to_string())),
            }
        }
        (parts, of_before)
    };
    parts(one).cmp(&parts(other))
}

/// The cells of a column of a list, as its file has them.
async fn column(browser: &Browser<'_>, address: &str, at: usize) -> Vec<String> {
    let mark = if address.contains('?') { '&' } else { '?' };
    let file = browser.get(&format!("{address}{mark}format=csv")).await;
    assert_eq!(file.status, StatusCode::OK, "{address}: {}", file.text);
    let mut file = csv::Reader::from_reader(file.text.as_bytes());
    file.records().map(|row| row.unwrap()[at].to_owned()).collect()
}

/// A place where each list that is read whole has several rows, and the addresses of these lists with how many of their
/// columns sort.
async fn lists(place: &Place) -> Vec<(String, usize)> {
    let made = [
        Mutation::CreateGroup { name: "zz-a".into(), path: "/".into() },
        Mutation::CreateGroup { name: "zz-b".into(), path: "/".into() },
        user("zz.one"),
        user("zz.two"),
        user("zz.gone"),
        user("zz.left"),
        Mutation::AddToGroup { user: "zz.one".into(), group: "zz-a".into() },
    ];
    place.sandbox.mutate(PROD_ACCOUNT, &made).unwrap();
    place.import("prod").await;
    for (account, group) in [("zz.one", "zz-b"), ("zz.two", "zz-a"), ("zz.two", "zz-b")] {
        done(place, json!({"task": "add_assignment", "account": account, "group": group})).await;
    }
    place.import("prod").await;
    // Two are put out of a group after that was given here and before an import saw it, and two go.
    for account in ["zz.one", "zz.two"] {
        done(place, json!({"task": "update_account", "account": account, "tags": {"team": account}})).await;
        let away = Mutation::UntagUser { name: account.into(), key: "team".into() };
        place.sandbox.mutate(PROD_ACCOUNT, &[away]).unwrap();
    }
    place.sandbox.mutate(PROD_ACCOUNT, &[Mutation::DeleteUser { name: "zz.gone".into() }]).unwrap();
    place.import("prod").await;
    place.sandbox.mutate(PROD_ACCOUNT, &[Mutation::DeleteUser { name: "zz.left".into() }]).unwrap();
    place.import("prod").await;
    for kind in ["path", "account"] {
        let value = if kind == "path" { "/kept/" } else { "zz.one" };
        let body = json!({"kind": kind, "value": value, "reason": format!("kept as {kind}")});
        place.post("/api/v1/systems/prod/protections", &body).await;
    }
    place.person("bo", Role::Approver, &[]).await;
    place.token(Role::Viewer, &["prod"]).await;
    let mut profile = json!(ImportProfile::default_named("nightly".parse().unwrap()));
    profile["schedule"] = json!("30 2 * * *");
    let address = "/api/v1/systems/prod/import-profiles/nightly";
    let put = place.request(Method::PUT, address, Some(place.admin())).header("if-none-match", "*");
    assert_eq!(put.json(&profile).send().await.unwrap().status(), StatusCode::OK);
    let people = place.people().await;
    let gone = |name: &String| json!({"task": "delete_account", "account": name});
    let wishes: Value = people.iter().filter(|name| !name.starts_with("zz.")).take(3).map(gone).collect();
    let (_, job) = place.post("/api/v1/systems/prod/jobs", &json!({"wishes": wishes, "reason": "r"})).await;
    let one = address_of(place, "zz.one").await;
    let group = place.get("/api/v1/systems/prod/resources?name=zz-b").await["items"][0].clone();
    let group = group["external_id"].as_str().unwrap().to_owned();
    vec![
        ("/search?q=zz".to_owned(), 5),
        ("/systems/prod/drift".to_owned(), 6),
        ("/systems/prod/mappings".to_owned(), 5),
        ("/systems/prod/profiles".to_owned(), 8),
        ("/systems/prod/accounts?status=gone".to_owned(), 4),
        (one.clone(), 6),
        (format!("{one}/history"), 4),
        (format!("/systems/prod/resources/{group}"), 5),
        (format!("/jobs/{}", job["id"]), 6),
        ("/settings/people".to_owned(), 8),
        ("/settings/tokens".to_owned(), 8),
        ("/settings/protections".to_owned(), 6),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_sort_by_each_column_both_ways_and_their_files_do_too() {
    let place = Place::start().await;
    let lists = lists(&place).await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    for (address, number) in lists {
        let page = browser.get(&address).await;
        page.has(&["Export as CSV"]);
        let keys = offered(&page.text);
        assert_eq!(keys.len(), number, "{address}: {keys:?}");
        let mark = if address.contains('?') { '&' } else { '?' };
        let heads = browser.get(&format!("{address}{mark}format=csv")).await.text;
        let heads: Vec<&str> = heads.lines().next().unwrap().split(',').collect();
        for key in keys {
            let page = browser.get(&format!("{address}{mark}sort={key}")).await;
            page.has(&["aria-sort=\"ascending\""]);
            let label = page.text.split("aria-sort=\"ascending\"><a").nth(1).unwrap();
            let label = label.split('>').nth(1).unwrap().split('<').next().unwrap();
            let at =
                heads.iter().position(|head| *head == label).unwrap_or_else(|| panic!("{label}: {heads:?}"));
            let rising = column(&browser, &format!("{address}{mark}sort={key}"), at).await;
            assert!(rising.len() > 1, "{address} {key}: {rising:?}");
            let falls = |pair: &[String]| compared(&pair[0], &pair[1]) == Ordering::Greater;
            // What a type means is an order of its own, and so is what has not begun.
            if !(key == "type" && address.contains("/accounts/")) && key != "when" {
                assert!(!rising.windows(2).any(falls), "{address} {key}: {rising:?}");
            }
            let mut falling = column(&browser, &format!("{address}{mark}sort=-{key}"), at).await;
            falling.reverse();
            assert_eq!(rising, falling, "{address} {key}");
            browser.get(&format!("{address}{mark}sort=-{key}")).await.has(&["aria-sort=\"descending\""]);
        }
        let refused = browser.get(&format!("{address}{mark}sort=nothing")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{address}");
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn short_tables_are_narrowed_down_by_their_address_as_well() {
    let place = Place::start().await;
    lists(&place).await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    for (address, rows) in [
        ("/systems/prod/drift?account=ZZ.one", 1),
        ("/systems/prod/drift?q=team", 2),
        ("/systems/prod/drift?q=nothing-like-this", 0),
        ("/systems/prod/mappings?q=password", 1),
        ("/systems/prod/mappings?state=default", 4),
        ("/systems/prod/mappings?state=own", 0),
        ("/systems/prod/profiles?q=DEFAULT", 1),
        ("/systems/prod/profiles?schedule=yes", 1),
        ("/systems/prod/profiles?schedule=no", 1),
    ] {
        let page = browser.get(address).await;
        assert_eq!(page.status, StatusCode::OK, "{address}: {}", page.text);
        assert_eq!(body(&page.text).matches("<tr>").count(), rows, "{address}: {}", page.text);
    }
    // Whoever accepts some of a list comes back to it as it was.
    let page = browser.get("/systems/prod/drift?account=zz.one&sort=done").await;
    let action = "action=\"/systems/prod/drift?account=zz.one&#38;sort=done\"";
    assert!(page.text.contains(action), "{}", page.text);
    let mark = page.text.split("name=\"claim\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let done = browser.send("/systems/prod/drift?account=zz.one&sort=done", &[("claim", mark)]).await;
    let to = "/systems/prod/drift?account=zz.one&sort=done&said=drift_accepted";
    assert_eq!(done.to.as_deref(), Some(to), "{}", done.text);
    browser.get("/systems/prod/drift?account=zz.two").await.has(&["name=\"claim\""]);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_are_turned_back_as_they_were_turned_on() {
    let place = Place::start().await;
    lists(&place).await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let crowded = place.all("/api/v1/systems/prod/resources?type=group", 100).await;
    let mut group = (0, String::new());
    for one in &crowded {
        let id = one["external_id"].as_str().unwrap();
        let members = format!("/api/v1/systems/prod/assignments?kind=account_group&group={id}");
        group = group.max((place.all(&members, 100).await.len(), id.to_owned()));
    }
    assert!(group.0 >= 3, "{group:?}");
    let holders = format!("/systems/prod/resources/{}", group.1);
    // What the run saw that found those who were made.
    let runs = place.get("/api/v1/systems/prod/import-runs").await;
    let runs = runs["items"].as_array().unwrap();
    let changes = format!("/imports/{}/changes?sort=type", runs[runs.len() - 2]["id"]);
    for (address, limit) in [
        (changes.as_str(), 2),
        ("/systems/prod/accounts?sort=name", 3),
        ("/systems/prod/accounts?sort=-path", 3),
        ("/systems/prod/accounts?sort=-created_at", 3),
        ("/systems/prod/accounts?sort=password_last_used_at", 3),
        ("/systems/prod/resources?sort=-type", 3),
        (&format!("{holders}?sort=holder"), 1),
        (&format!("{holders}?sort=-holder"), 1),
        (&format!("{holders}?sort=-since"), 1),
        ("/jobs?sort=-job", 1),
        ("/jobs?sort=asked", 1),
        ("/imports?sort=-run", 1),
        ("/imports?sort=begun", 1),
        ("/audit?sort=-seq", 3),
        ("/audit?sort=at", 3),
        ("/systems?sort=-name", 1),
        ("/search?q=zz", 1),
        ("/held?resource=zz-b", 1),
        ("/held?resource=zz-b&sort=-system", 1),
        ("/systems/prod/mappings?sort=-mapping", 1),
    ] {
        let first = browser.get(&format!("{address}&limit={limit}")).await;
        first.has(&["rel=\"next\""]);
        assert_eq!(turned(&first.text, "prev"), None, "{address}");
        let mut pages = vec![body(&first.text)];
        let mut last = first.text;
        while let Some(next) = turned(&last, "next").filter(|_| pages.len() < 4) {
            last = browser.get(&next).await.text;
            assert!(!pages.contains(&body(&last)), "{address}: {last}");
            pages.push(body(&last));
        }
        assert!(pages.len() > 1, "{address}");
        for expected in pages.iter().rev().skip(1) {
            let previous = turned(&last, "prev").unwrap_or_else(|| panic!("{address}: {last}"));
            last = browser.get(&previous).await.text;
            assert_eq!(&body(&last), expected, "{address}: {previous}");
        }
        // It is the first again, and leads on to the second.
        assert_eq!(turned(&last, "prev"), None, "{address}: {last}");
        let on = turned(&last, "next").unwrap();
        assert_eq!(body(&browser.get(&on).await.text), pages[1], "{address}");
        let both = format!("{on}&back={}", on.split("cursor=").nth(1).unwrap());
        let refused = browser.get(&both).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{address}");
        assert!(refused.text.contains("give cursor or back alone"), "{}", refused.text);
    }
    place.stop().await;
}
