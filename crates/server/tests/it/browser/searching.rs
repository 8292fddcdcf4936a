//! Searching as one types: what the rows are of is seen and heard.

use keyreeve_model::Role;
use serde_json::json;

use super::Chromium;
use crate::place::Place;

/// Whether the list is marked as one of another question, and whether it is being renewed.
const MARKED: &str = "
    const list = document.getElementById('list');
    return [list.hasAttribute('data-stale'), list.getAttribute('aria-busy')];
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_another_question_are_marked_and_what_became_of_it_is_said() {
    let place = Place::start().await;
    place.person("ada", Role::Viewer, &[]).await;
    let person = place.people().await.remove(0);
    let browser = Chromium::start().await;
    browser.sign_in(&place.url, "ada").await;
    browser.go(&format!("{}/systems/prod/accounts?limit=25", place.url)).await;
    browser.reads("25 rows here, of ").await;
    // What is read aloud is the same element all the time.
    browser.run("document.getElementById('list-told').stays = true", json!([])).await;
    let asked = format!(
        "const field = document.getElementById('filter-q');
         field.value = {};
         field.dispatchEvent(new Event('input', {{ bubbles: true }}));
         {MARKED}",
        json!(person)
    );
    assert_eq!(browser.run(&asked, json!([])).await, json!([true, "true"]), "marked at once");
    browser.reads("1 row in all.").await;
    assert_eq!(browser.run(MARKED, json!([])).await, json!([false, null]));
    let told =
        "const told = document.getElementById('list-told'); return [told.stays, told.getAttribute('role')]";
    assert_eq!(browser.run(told, json!([])).await, json!([true, "status"]));
    browser.fill("#filter-q", "nobody-is-called-so").await;
    browser.reads("There is nothing that all filters let through.").await;
    assert_eq!(browser.run(MARKED, json!([])).await, json!([false, null]));
    // Nobody answers any more.
    place.stop().await;
    browser.fill("#filter-q", "somebody").await;
    browser.reads("The server gave no answer: what stands below is of what was asked for before.").await;
    assert_eq!(browser.run(MARKED, json!([])).await, json!([true, null]));
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_are_looked_up_and_added_line_by_line_with_keys_alone() {
    const ENTER: &str = "\u{e007}";
    let place = Place::start().await;
    place.person("ada", Role::Operator, &[]).await;
    let groups = place.all("/api/v1/systems/prod/resources?type=group", 100).await;
    let [one, other] = [0, 1].map(|at| groups[at]["name"].as_str().unwrap().to_owned());
    let browser = Chromium::start().await;
    browser.sign_in(&place.url, "ada").await;
    browser.go(&format!("{}/systems/prod/new-account", place.url)).await;
    browser.shows("#groups-add").await;
    browser.run("document.getElementById('groups-add').focus()", json!([])).await;
    let proposed = |name: &str| {
        format!(
            "const done = arguments[arguments.length - 1], look = () =>
                [...document.querySelectorAll('#groups-proposed option')].some((one) => one.value === {}) ? done(true) : setTimeout(look, 20);
             look();",
            json!(name)
        )
    };
    for name in [&one, &other, &one] {
        browser.press(name).await;
        browser.run_to_its_end(&proposed(name)).await;
        browser.press(ENTER).await;
        browser.has_focus("groups-add").await;
    }
    let stands =
        "return [document.getElementById('groups').value, document.getElementById('groups-add').value,
        document.getElementById('heard').textContent, location.pathname]";
    let expected = json!([
        format!("{one}\n{other}"),
        "",
        format!("{one} is there already"),
        "/systems/prod/new-account"
    ]);
    assert_eq!(browser.run(stands, json!([])).await, expected);
    browser.quit().await;
    place.stop().await;
}
