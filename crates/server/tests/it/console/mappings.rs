//! Task mappings: seen, set as they were seen, and gone back from.

use keyreeve_model::{MappingName, Role};
use reqwest::StatusCode;

use super::Browser;
use crate::place::{Place, system};

const ADDRESS: &str = "/systems/prod/mappings/AWS%20-%20User";

#[tokio::test]
async fn a_task_mapping_is_set_as_it_was_seen_and_what_is_wrong_stands_beside_its_text() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let list = browser.get("/systems/prod/mappings").await;
    list.has(&["AWS - Password Reset", &format!("href=\"{ADDRESS}\"")]);
    assert_eq!(list.text.matches(">Default</span>").count(), 4, "{}", list.text);
    let page = browser.get(ADDRESS).await;
    page.has(&["Delete account", "DeleteLoginProfile", "Main call", "password_reset_required", "Constant"]);
    let there = async || place.store.task_mapping(&system("prod"), MappingName::User).await.unwrap();
    let before = there().await;
    let send = async |seen: &str, mapping: &str, reason: &str| {
        browser.send(ADDRESS, &[("seen", seen), ("mapping", mapping), ("reason", reason)]).await
    };
    let text = serde_json::to_string(&before.mapping).unwrap();
    let path = |path: &str| text.replace("\"source\":\"/\"", &format!("\"source\":\"{path}\""));
    let evil = "{\"</textarea><script>alert(1)</script>\"";
    let seen = page.hidden("seen");
    for (wrong, why) in [
        (evil.to_owned(), "This is no task mapping"),
        (path("staff"), "The row for path cannot be used"),
        (text.replace("DeleteLoginProfile", "CreateUser"), ""),
        (text.replace("AWS - User", "AWS - Password Reset"), "This is the task mapping AWS - Password Reset"),
    ] {
        let refused = send(&seen, &wrong, "").await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}: {}", refused.text);
        let error = format!("id=\"mapping-about\"><p class=\"error\">{why}");
        assert!(refused.text.contains(&error) && !refused.text.contains("<script>"), "{}", refused.text);
    }
    assert_eq!(there().await.mapping, before.mapping);
    let saved = send(&seen, &path("/staff/"), "all of them").await;
    assert_eq!(saved.to, Some(format!("{ADDRESS}?said=saved")), "{}", saved.text);
    let now = browser.get(ADDRESS).await;
    now.has(&[">Of your own<", "<code>/staff/</code>", ">ada</dd>", "Back to the default"]);
    assert_ne!(now.hidden("seen"), seen);
    let stale = send(&seen, &path("/other/"), "").await;
    assert_eq!(stale.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", stale.text);
    // What was set is lost by it, so its name is typed.
    let ask = browser.get(&format!("{ADDRESS}/reset")).await;
    ask.has(&[
        "What ada set, its values and its custom actions, is lost here",
        "data-confirm=\"AWS - User\"",
    ]);
    assert_eq!(ask.hidden("seen"), now.hidden("seen"));
    let reset = async |seen: &str, confirm: &str| {
        let form = [("seen", seen), ("reason", ""), ("confirm", confirm)];
        browser.send(&format!("{ADDRESS}/reset"), &form).await
    };
    for (seen, confirm) in
        [(&*seen, "AWS - User"), (&*now.hidden("seen"), "AWS - user"), (&*now.hidden("seen"), "")]
    {
        let refused = reset(seen, confirm).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{confirm}: {}", refused.text);
    }
    assert!(there().await.set.is_some());
    assert_eq!(
        reset(&now.hidden("seen"), "AWS - User").await.to,
        Some(format!("{ADDRESS}?said=mapping_reset"))
    );
    assert_eq!(there().await.set, None);
    let rows = place.get("/api/v1/audit?system_id=prod&action=mapping_set").await;
    assert_eq!(rows["items"][0]["subject"]["reason"], "all of them", "{rows}");
    let viewer = Browser::of(&place, "vi", Role::Viewer, &[]).await.get(ADDRESS).await;
    assert!(!viewer.text.contains("<textarea"), "{}", viewer.text);
    place.stop().await;
}
