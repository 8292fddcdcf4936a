//! The audit log: found by what REST knows, verified, exported, and read row by row.

use keyreeve_model::Role;
use reqwest::StatusCode;
use serde_json::json;

use super::{Browser, Seen};
use crate::place::Place;

fn rows(page: &Seen) -> usize {
    page.text.matches("<tr>").count().saturating_sub(1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_the_audit_log_are_found_as_over_rest_and_each_has_its_page() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Viewer, &[]).await;
    let evil = "<script>alert(1)</script>";
    let body = json!({"kind": "path", "value": "/a/", "reason": evil});
    let (status, _) = place.post("/api/v1/systems/prod/protections", &body).await;
    assert_eq!(status, StatusCode::OK);
    browser.get("/audit").await.has(&["Audit log", "Put on the protect list", "aria-sort=\"descending\""]);
    for query in [
        "action=protection_added",
        "system=prod&action=protection_added",
        "actor=admin-",
        "action=person_added",
        "after=1&before=3",
        "since=2020-01-01&until=2020-01-02",
        "since=2020-01-01T00:00:00Z",
        "account=nobody",
    ] {
        let asked = query.replace("system=", "system_id=").replace("2020-01-01&", "2020-01-01T00:00:00Z&");
        let asked = asked.replace("until=2020-01-02", "until=2020-01-02T00:00:00Z");
        let rest = place.get(&format!("/api/v1/audit?{asked}&limit=1000")).await;
        let page = browser.get(&format!("/audit?{query}&limit=1000")).await;
        assert_eq!(page.status, StatusCode::OK, "{query}: {}", page.text);
        assert_eq!(rows(&page), rest["items"].as_array().unwrap().len(), "{query}: {}", page.text);
    }
    // Who it was is known by any part of the name, and whoever writes it small.
    let all = rows(&browser.get("/audit?limit=250&action=protection_added&actor=admin-").await);
    for who in ["ADMIN-", "adm*", "*MIN-"] {
        let page = browser.get(&format!("/audit?limit=250&action=protection_added&actor={who}")).await;
        assert_eq!((rows(&page), all), (1, 1), "{who}: {}", page.text);
    }
    browser.get("/audit?limit=25").await.has(&["data-moment=\"seconds\""]);
    let first = browser.get("/audit?sort=seq&limit=1").await;
    first.has(&["href=\"/audit/1\"", "rel=\"next\""]);
    for wrong in ["since=yesterday", "after=x", "system=a%2Fb", "since=9999-01-01", "zone=Atlantis"] {
        assert_eq!(browser.get(&format!("/audit?{wrong}")).await.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    // What is wrong stands beside its field, and nothing that was typed is lost.
    let wrong = browser.get("/audit?since=yesterday&actor=ada").await.text;
    assert!(wrong.contains("id=\"filter-since-about\"") && wrong.contains("value=\"ada\""), "{wrong}");
    let file = browser.get("/audit?format=csv&since=yesterday").await;
    assert_eq!(file.status, StatusCode::BAD_REQUEST);
    browser.get("/audit").await.has(&[
        "Time zone of both (UTC, if empty)",
        "<span title=\"protection_added\">Put on the protect list</span>",
        "<option value=\"protection_added\">Put on the protect list</option>",
    ]);
    // A time without a zone is one of the zone that is given.
    let now = place.clock.now();
    let local = |zone: &str, minutes: i64| {
        let zone = jiff::tz::TimeZone::get(zone).unwrap();
        let at = now + jiff::SignedDuration::from_mins(minutes);
        zone.to_datetime(at).strftime("%Y-%m-%dT%H:%M").to_string()
    };
    let all = rows(&browser.get("/audit?limit=250").await);
    for (zone, minutes, expected) in
        [("Asia/Tokyo", 5, all), ("Asia/Tokyo", -600, 0), ("America/New_York", 5, all), ("", 5, all)]
    {
        let at = local(if zone.is_empty() { "UTC" } else { zone }, minutes);
        let page = browser.get(&format!("/audit?limit=250&until={at}&zone={zone}")).await;
        assert_eq!((page.status, rows(&page)), (StatusCode::OK, expected), "{zone} {at}: {}", page.text);
    }
    let row = &place.get("/api/v1/audit?action=protection_added").await["items"][0];
    let page = browser.get(&format!("/audit/{}", row["seq"])).await;
    page.has(&[
        row["hash"].as_str().unwrap(),
        row["prev_hash"].as_str().unwrap(),
        "&#60;script&#62;alert(1)",
        "href=\"/systems/prod\"",
        ">Not verified<",
    ]);
    assert!(!page.text.contains("<script>"), "{}", page.text);
    assert_eq!(browser.get("/audit/999999").await.status, StatusCode::NOT_FOUND);
    let file = browser.get("/audit?format=csv&action=protection_added").await.text;
    assert!(file.starts_with("Row,When,Who,System,Action,About,Verified\r\n"), "{file}");
    browser.get("/audit?system=prod").await.has(&["href=\"/api/v1/systems/prod/exports/audit?format=csv\""]);
    let whole = browser.get("/api/v1/exports/audit?format=jsonl").await;
    whole.has(&["protection_added"]);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_says_how_far_it_was_verified_and_when() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Viewer, &[]).await;
    browser.get("/audit").await.has(&["has not verified the log since it was started", ">Not verified<"]);
    assert!(browser.send_from("/audit/verify", &[], "null").await.status == StatusCode::FORBIDDEN);
    let verification = place.get("/api/v1/audit/verification").await;
    assert_eq!(verification["intact"], true, "{verification}");
    let done = browser.send("/audit/verify", &[]).await;
    assert_eq!(done.to.as_deref(), Some("/audit?said=log_verified"), "{}", done.text);
    let up_to = format!("Each row from 1 to {} fits the one before it", verification["seq"]);
    let page = browser.get("/audit").await;
    page.has(&[&up_to, " Verified <time datetime=", ">Verified<"]);
    let head = format!("/audit/{}", verification["seq"]);
    browser.get(&head).await.has(&[">Verified<", "Verified <time datetime="]);
    // What is written afterwards was not verified.
    place.person("eve", Role::Viewer, &[]).await;
    browser.get("/audit?limit=1").await.has(&[&up_to, ">Not verified<"]);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s18_rows_of_others_and_those_about_no_system_are_not_there() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "bea", Role::Admin, &["test"]).await;
    let body = json!({"kind": "path", "value": "/a/"});
    for id in ["prod", "test"] {
        let address = format!("/api/v1/systems/{id}/protections");
        assert_eq!(place.post(&address, &body).await.0, StatusCode::OK);
    }
    let page = browser.get("/audit").await;
    page.has(&["Choose a system", "href=\"/audit?system=test\""]);
    assert!(
        !page.text.contains("<span title=\"protection_added\"")
            && !page.text.contains("/api/v1/exports/audit")
    );
    assert!(!browser.get("/audit?format=csv").await.text.contains("protection_added"));
    let own = browser.get("/audit?system=test&limit=1000").await;
    own.has(&["protection_added"]);
    assert!(!own.text.contains(">prod<"), "{}", own.text);
    assert_eq!(browser.get("/audit?system=prod").await.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.send("/audit/verify", &[]).await.status, StatusCode::FORBIDDEN);
    let rows = place.get("/api/v1/audit?limit=1000").await;
    for row in rows["items"].as_array().unwrap() {
        let status = browser.get(&format!("/audit/{}", row["seq"])).await.status;
        let expected = if row["system_id"] == "test" { StatusCode::OK } else { StatusCode::NOT_FOUND };
        assert_eq!(status, expected, "{row}");
    }
    place.stop().await;
}
