//! How a system signs in, replaced: other credentials, and another access key. What is secret is on no page.

use keyreeve_model::{CredentialKind, Role};
use reqwest::StatusCode;

use super::Browser;
use crate::place::{PROD_ACCOUNT, Place, system};

const ADDRESS: &str = "/systems/prod/credential";

fn form<'a>(way: &'a str, key: (&'a str, &'a str), role_arn: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("credential", way),
        ("access_key_id", key.0),
        ("secret_access_key", key.1),
        ("role_arn", role_arn),
        ("external_id", ""),
    ]
}

async fn credential(place: &Place) -> CredentialKind {
    place.store.get_system(&system("prod")).await.unwrap().credential
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s24_credentials_are_replaced_by_those_that_work_and_their_secret_is_on_no_page() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    browser.get("/systems/prod/connection").await.has(&[&format!("href=\"{ADDRESS}\""), "/rotate-key\""]);
    let page = browser.get(ADDRESS).await;
    page.has(&["name=\"secret_access_key\" autocomplete=\"off\"", "It signs in with the access key"]);
    let before = credential(&place).await;
    let own = place.sandbox.connector_key(PROD_ACCOUNT).unwrap();
    let other = place.sandbox.connector_key("444455556666").unwrap();
    let own = (own.access_key_id.as_str(), own.secret_access_key.as_str());
    let canary = "canary-secret-of-another-key-0000000000000";
    for (form, beside) in [
        (form("access_key", ("", own.1), ""), Some("access_key_id")),
        (form("access_key", (own.0, ""), ""), Some("secret_access_key")),
        (form("access_key", (own.0, canary), ""), Some("secret_access_key")),
        (form("role_by_access_key", own, ""), Some("role_arn")),
        (form("server", ("", ""), ""), Some("credential")),
        (form("access_key", (&other.access_key_id, &other.secret_access_key), ""), None),
        (form("role_by_access_key", own, "arn:aws:iam::444455556666:role/other"), None),
    ] {
        let refused = browser.send(ADDRESS, &form).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{beside:?}: {}", refused.text);
        let error = match beside {
            Some(field) => format!("id=\"{field}-about\"><p class=\"error\">"),
            None => "role=\"alert\">".to_owned(),
        };
        assert!(refused.text.contains(&error), "{beside:?}: {}", refused.text);
        for secret in [own.1, canary, &other.secret_access_key] {
            assert!(!refused.text.contains(secret), "{beside:?}");
        }
        assert_eq!(credential(&place).await, before, "{beside:?}");
    }
    // A role is given twice: first its trust policy is said.
    let role = format!("arn:aws:iam::{PROD_ACCOUNT}:role/reader");
    let first = browser.send(ADDRESS, &form("role_by_access_key", own, &role)).await;
    first.has(&["sts:ExternalId", "Nothing was changed yet", &format!("value=\"{role}\"")]);
    assert!(!first.text.contains(own.1) && credential(&place).await == before);
    let again = browser.send(ADDRESS, &form("access_key", own, "")).await;
    assert_eq!(
        again.to.as_deref(),
        Some("/systems/prod/connection?said=credential_replaced"),
        "{}",
        again.text
    );
    let rows = place.get("/api/v1/audit?system_id=prod&action=credentials_replaced").await;
    assert_eq!(rows["items"][0]["actor"], "ada", "{rows}");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_access_key_is_replaced_once_as_it_was_seen() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let address = "/systems/prod/rotate-key";
    let in_use = async || credential(&place).await.access_key_id().unwrap().to_owned();
    let old = in_use().await;
    let page = browser.get(address).await;
    page.has(&["data-confirm=\"prod\"", &format!("The access key {old} is switched off")]);
    assert_eq!(place.writes(), Vec::<String>::new(), "a look changes nothing");
    let (seen, once) = (page.hidden("seen"), page.hidden("once"));
    let send = async |seen: &str, once: &str, confirm: &str| {
        let form = [("seen", seen), ("once", once), ("reason", "quarterly"), ("confirm", confirm)];
        browser.send(address, &form).await
    };
    for (seen, confirm, why) in [
        (seen.as_str(), "test", "Type prod to go on"),
        ("AKIAOTHER", "prod", "has changed since it was looked at"),
    ] {
        let refused = send(seen, &format!("{once}x"), confirm).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
        assert!(refused.text.contains(why), "{}", refused.text);
    }
    assert_eq!(in_use().await, old);
    let done = send(&seen, &once, "prod").await;
    assert_eq!(done.to.as_deref(), Some("/systems/prod/connection?said=key_rotated"), "{}", done.text);
    let new = in_use().await;
    assert_ne!(new, old);
    let again = send(&seen, &once, "prod").await;
    assert_eq!(again.to, done.to, "{}", again.text);
    assert_eq!((place.calls("CreateAccessKey"), in_use().await), (1, new));
    let rows = place.get("/api/v1/audit?system_id=prod&action=key_rotation_begun").await;
    assert_eq!(
        (&rows["items"][0]["actor"], &rows["items"][0]["subject"]["reason"]),
        (&"ada".into(), &"quarterly".into())
    );
    place.stop().await;
}
