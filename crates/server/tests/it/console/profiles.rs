//! Import profiles: seen with their times, made, set with schedule and thresholds, and taken away.

use keyreeve_model::{ImportProfile, ProfileName, Role};
use reqwest::StatusCode;

use super::{Browser, Seen};
use crate::place::{Place, system};

const ADDRESS: &str = "/systems/prod/profiles/default";

/// Every field of the form, as the page has it, with some of them otherwise.
fn filled(page: &Seen, changed: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut form = vec![("seen".to_owned(), page.hidden("seen"))];
    for tag in page.text.split('<').filter(|tag| tag.starts_with("input ")) {
        let part = |name: &str| Some(tag.split(&format!(" {name}=\"")).nth(1)?.split('"').next()?.to_owned());
        let Some(name) = part("name").filter(|name| !["seen", "next", "name", "q"].contains(&name.as_str()))
        else {
            continue;
        };
        if !tag.contains("checkbox") || tag.contains(" checked") {
            form.push((name, part("value").unwrap()));
        }
    }
    form.extend(
        [("policy_scope", "all"), ("login_profile_source", "auto")]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    for (name, value) in changed {
        form.retain(|(there, _)| there != name);
        if *value != "off" {
            form.push(((*name).to_owned(), (*value).to_owned()));
        }
    }
    form
}

async fn send(browser: &Browser<'_>, address: &str, form: &[(String, String)]) -> Seen {
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.send(address, &form).await
}

async fn profile(place: &Place, name: &str) -> Option<ImportProfile> {
    place.store.get_import_profile(&system("prod"), &name.parse::<ProfileName>().unwrap()).await.ok()
}

#[tokio::test]
async fn a_schedule_and_thresholds_are_set_as_they_were_seen_and_the_next_times_are_told() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let page = browser.get(ADDRESS).await;
    page.has(&[
        "name=\"schedule\" value=\"\"",
        "name=\"large_deleted\" value=\"100\"",
        "name=\"time_zone\" value=\"UTC\"",
    ]);
    let usual = profile(&place, "default").await.unwrap();
    for (field, value) in [
        ("schedule", "99 * * * *"),
        ("time_zone", "Europe/Nowhere"),
        ("path_prefix", "staff"),
        ("medium_deleted_percent", "101"),
        ("small_deleted", "many"),
        ("accounts", "off"),
    ] {
        let refused = send(&browser, ADDRESS, &filled(&page, &[(field, value)])).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}: {}", refused.text);
        let beside = if field == "accounts" { "login_profiles" } else { field };
        let error = format!("id=\"{beside}-about\"><p class=\"error\">");
        assert!(refused.text.contains(&error), "{field}: {}", refused.text);
        assert!(value == "off" || refused.text.contains(&format!("value=\"{value}\"")), "{field}");
    }
    assert_eq!(profile(&place, "default").await, Some(usual));
    let changed = [
        ("schedule", "30 2 * * *"),
        ("time_zone", "Europe/Berlin"),
        ("large_deleted", "7"),
        ("large_deleted_percent", ""),
    ];
    let saved = send(&browser, ADDRESS, &filled(&page, &changed)).await;
    assert_eq!(saved.to, Some(format!("{ADDRESS}?said=saved")), "{}", saved.text);
    let now = profile(&place, "default").await.unwrap();
    assert_eq!(
        (now.schedule.unwrap().to_string().as_str(), now.time_zone.as_str()),
        ("30 2 * * *", "Europe/Berlin")
    );
    assert_eq!((now.thresholds.large.deleted, now.thresholds.large.deleted_percent), (Some(7), None));
    let after = browser.get(ADDRESS).await;
    after.has(&["Next time", "And then", "value=\"30 2 * * *\""]);
    // Half past two in Berlin is another hour in UTC, whatever the season.
    assert_eq!(after.text.matches(":30 UTC</time>").count(), 3, "{}", after.text);
    assert!(!after.text.contains("02:30 UTC"), "{}", after.text);
    browser.get("/systems/prod/profiles").await.has(&["30 2 * * *", "Europe/Berlin", ":30 UTC</time>"]);
    browser
        .get("/systems/prod")
        .await
        .has(&["Imports run by themselves: default at 30 2 * * * (Europe/Berlin)."]);
    // Somebody else was faster.
    let stale = send(&browser, ADDRESS, &filled(&page, &[("schedule", "")])).await;
    assert_eq!(stale.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", stale.text);
    assert!(stale.text.contains("role=\"alert\""), "{}", stale.text);
    let removed = send(&browser, ADDRESS, &filled(&after, &[("schedule", "")])).await;
    assert_eq!(removed.status, StatusCode::SEE_OTHER, "{}", removed.text);
    assert_eq!(profile(&place, "default").await.unwrap().schedule, None);
    let viewer = Browser::of(&place, "vi", Role::Viewer, &[]).await.get(ADDRESS).await;
    viewer.has(&["<fieldset disabled>", "An administrator can change this."]);
    place.stop().await;
}

#[tokio::test]
async fn a_profile_is_made_once_and_taken_away_by_who_types_its_name() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let page = browser.get("/systems/prod/new-profile").await;
    let make = async |name: &str| {
        let form = filled(&page, &[("name", name), ("path_prefix", "/staff/")]);
        send(&browser, "/systems/prod/new-profile", &form).await
    };
    for wrong in ["", "a/b", "default"] {
        let refused = make(wrong).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}: {}", refused.text);
        assert!(refused.text.contains("id=\"name-about\"><p class=\"error\">"), "{wrong}: {}", refused.text);
    }
    assert_eq!(profile(&place, "default").await.unwrap().path_prefix, "/", "what there is stays");
    let made = make("staff").await;
    assert_eq!(made.to.as_deref(), Some("/systems/prod/profiles/staff?said=saved"), "{}", made.text);
    assert_eq!(profile(&place, "staff").await.unwrap().path_prefix, "/staff/");
    browser.get("/systems/prod").await.has(&["<option value=\"staff\">"]);

    let address = "/systems/prod/profiles/staff/remove";
    let page = browser.get(address).await;
    page.has(&["data-confirm=\"staff\"", "stay as they are"]);
    let remove = async |seen: &str, confirm: &str| {
        browser.send(address, &[("seen", seen), ("reason", ""), ("confirm", confirm)]).await
    };
    let seen = page.hidden("seen");
    for (seen, confirm) in [(seen.as_str(), "default"), ("0", "staff")] {
        let refused = remove(seen, confirm).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{confirm}: {}", refused.text);
    }
    assert!(profile(&place, "staff").await.is_some());
    assert_eq!(
        remove(&seen, "staff").await.to.as_deref(),
        Some("/systems/prod/profiles?said=profile_removed")
    );
    assert!(profile(&place, "staff").await.is_none());
    // The one that every system has stays.
    let page = browser.get(ADDRESS).await;
    assert!(!page.text.contains("Remove the import profile"), "{}", page.text);
    let form = [("seen", page.hidden("seen")), ("reason", String::new()), ("confirm", "default".to_owned())];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let refused = browser.send(&format!("{ADDRESS}/remove"), &form).await;
    assert!(
        refused.status.is_client_error() && profile(&place, "default").await.is_some(),
        "{}",
        refused.text
    );
    place.stop().await;
}
