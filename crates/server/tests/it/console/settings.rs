//! Settings: tokens, people, the protect list, and how old keys are.

use keyreeve_model::Role;
use keyreeve_server::notify::Destination;
use reqwest::StatusCode;

use super::{Browser, Seen};
use crate::place::{PASSWORD, Place};

const ROLES: [Role; 4] = [Role::Viewer, Role::Operator, Role::Approver, Role::Admin];

/// The fields of which systems somebody is limited to; all where none is named.
fn of_systems(systems: &str) -> [(&'static str, &str); 2] {
    [("reach", if systems.is_empty() { "all" } else { "only" }), ("systems", systems)]
}

fn refused(page: &Seen, field: &str) {
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}: {}", page.text);
    let beside = [
        format!("<div id=\"{field}-about\"><p class=\"error\">"),
        format!("<p class=\"error\" id=\"{field}-about\">"),
    ];
    assert!(beside.iter().any(|one| page.text.contains(one)), "{field}: {}", page.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_shown_once_works_and_is_taken_back() {
    let place = Place::start().await;
    let admin = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let new = |owner: &'static str, systems: &'static str, days: &'static str| {
        let fields = [("owner", owner), ("role", "viewer"), ("expires_in_days", days), ("once", owner)];
        let [reach, named] = of_systems(systems);
        let [owner, role, days, once] = fields;
        [owner, role, reach, named, days, once]
    };
    for (owner, systems, days, field) in
        [("ci", "a b", "", "systems"), ("ci", "none", "", "systems"), ("ci", "", "soon", "expires_in_days")]
    {
        refused(&admin.send("/settings/tokens", &new(owner, systems, days)).await, field);
    }
    let taken = admin.send("/settings/tokens", &new("local:root", "", "")).await;
    assert_eq!(taken.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", taken.text);
    let made = admin.send("/settings/tokens", &new("ci", "prod", "30")).await;
    made.has(&["The token, shown this once"]);
    let text = made.text.split("<code id=\"token\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert_eq!(place.ask("/api/v1/systems/prod", Some(&text)).await.0, StatusCode::OK);
    assert_eq!(place.ask("/api/v1/systems/test", Some(&text)).await.0, StatusCode::FORBIDDEN);
    let list = admin.get("/settings/tokens?q=ci&state=active").await;
    list.has(&[">ci<", ">prod<", ">Active<", "Revoke…"]);
    assert!(!list.text.contains(&text), "{}", list.text);
    let id = text.split('_').nth(2).unwrap();
    let revoke = format!("/settings/tokens/{id}/revoke");
    admin.get(&revoke).await.has(&["data-confirm=\"ci\""]);
    refused(&admin.send(&revoke, &[("reason", ""), ("confirm", "Ci")]).await, "confirm");
    assert_eq!(place.ask("/api/v1/systems/prod", Some(&text)).await.0, StatusCode::OK);
    let done = admin.send(&revoke, &[("reason", "left"), ("confirm", "ci")]).await;
    assert_eq!(done.to.as_deref(), Some("/settings/tokens?said=revoked"), "{}", done.text);
    assert_eq!(place.ask("/api/v1/systems/prod", Some(&text)).await.0, StatusCode::UNAUTHORIZED);
    admin.get("/settings/tokens?state=revoked").await.has(&[">ci<"]);
    let file = admin.get("/settings/tokens?format=csv&q=ci").await.text;
    assert!(
        file.starts_with("Owner,Token,Role,Systems,State,")
            && !file.contains(&text)
            && !file.contains("Revoke…"),
        "{file}"
    );
    assert!(file.lines().next().unwrap().ends_with(",Works until"), "what is done is in no file: {file}");
    assert_eq!(admin.get("/settings/tokens/none/revoke").await.status, StatusCode::NOT_FOUND);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s32_people_are_added_changed_kept_out_and_removed_but_not_the_last_admin() {
    let place = Place::start().await;
    let admin = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let new = |name: &'static str, systems: &'static str, password: &'static str| {
        let [reach, named] = of_systems(systems);
        [("name", name), ("role", "operator"), reach, named, ("password", password)]
    };
    refused(&admin.send("/settings/people", &new("Bea X", "", PASSWORD)).await, "name");
    refused(&admin.send("/settings/people", &new("bea", "none", PASSWORD)).await, "systems");
    let short = admin.send("/settings/people", &new("bea", "", "canary-1")).await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", short.text);
    assert!(!short.text.contains("canary") && short.text.contains("value=\"bea\""), "{}", short.text);
    let added = admin.send("/settings/people", &new("bea", "prod", PASSWORD)).await;
    assert_eq!(added.to.as_deref(), Some("/settings/people/bea?said=added"), "{}", added.text);
    admin.get("/settings/people?q=BEA").await.has(&[">bea<", ">operator<", ">prod<", ">Active<"]);
    let bea = Browser { cookie: Some(place.cookie("bea").await), ..Browser::new(&place) };
    assert_eq!(bea.get("/").await.status, StatusCode::OK);
    let page = "/settings/people/bea";
    let role = async |seen: &str, systems: &str| {
        let [reach, named] = of_systems(systems);
        let form = [("seen", seen), ("role", "viewer"), reach, named];
        admin.send(&format!("{page}/role"), &form).await
    };
    let seen = admin.get(page).await.hidden("seen");
    let changed = role(&seen, "").await;
    assert_eq!(changed.to.as_deref(), Some("/settings/people/bea?said=saved"), "{}", changed.text);
    assert_eq!(bea.get("/").await.status, StatusCode::SEE_OTHER, "their sessions end");
    // A page that was loaded before that gives nothing back.
    let stale = role(&seen, "").await;
    assert_eq!(stale.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", stale.text);
    assert!(stale.text.contains("changed since you have seen it"), "{}", stale.text);
    refused(&role(&admin.get(page).await.hidden("seen"), "none").await, "systems");
    let weak = admin.send(&format!("{page}/password"), &[("password", "canary-1")]).await;
    assert_eq!(weak.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!weak.text.contains("canary"), "{}", weak.text);
    let kept_out = admin.send(&format!("{page}/access"), &[("may_sign_in", "false")]).await;
    assert_eq!(kept_out.status, StatusCode::SEE_OTHER, "{}", kept_out.text);
    admin.get(page).await.has(&[">Disabled<", "Let in again"]);
    refused(&admin.send(&format!("{page}/remove"), &[("reason", ""), ("confirm", "be")]).await, "confirm");
    let removed = admin.send(&format!("{page}/remove"), &[("reason", ""), ("confirm", "bea")]).await;
    assert_eq!(removed.to.as_deref(), Some("/settings/people?said=person_removed"), "{}", removed.text);
    assert_eq!(admin.get(page).await.status, StatusCode::NOT_FOUND);
    // Nobody takes their own rights or access, or sets their own password without the one that they have.
    let own = admin.get("/settings/people/ada").await;
    own.has(&["This is you", "href=\"/your-sign-in\""]);
    assert!(!own.text.contains("action=\"/settings/people/"), "{}", own.text);
    for (what, form) in [
        ("role", vec![("seen", "admin "), ("role", "viewer"), ("reach", "all"), ("systems", "")]),
        ("access", vec![("may_sign_in", "false")]),
        ("password", vec![("password", PASSWORD)]),
        ("remove", vec![("reason", ""), ("confirm", "ada")]),
    ] {
        let refused = admin.send(&format!("/settings/people/ada/{what}"), &form).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{what}: {}", refused.text);
        assert!(refused.text.contains("nothing was done"), "{what}: {}", refused.text);
    }
    assert_eq!(admin.get("/").await.status, StatusCode::OK);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_protected_is_added_and_taken_off_by_system() {
    let place = Place::start().await;
    let admin = Browser::of(&place, "ada", Role::Admin, &["prod"]).await;
    let viewer = Browser::of(&place, "vi", Role::Viewer, &[]).await;
    admin.get("/settings/protections").await.has(&["Nothing is protected", "<option value=\"prod\""]);
    let add = |system: &'static str, value: &'static str| {
        [("system", system), ("kind", "tag"), ("value", value), ("reason", "last resort")]
    };
    let bad = [("system", "prod"), ("kind", "path"), ("value", "a"), ("reason", "")];
    let wrong = admin.send("/settings/protections", &bad).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", wrong.text);
    assert_eq!(admin.send("/settings/protections", &add("test", "a=b")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(viewer.send("/settings/protections", &add("prod", "a=b")).await.status, StatusCode::FORBIDDEN);
    let evil = "a=\"><img src=x>";
    let done = admin.send("/settings/protections", &add("prod", evil)).await;
    assert_eq!(done.to.as_deref(), Some("/settings/protections?said=protected_unseen"), "{}", done.text);
    let list = viewer.get("/settings/protections?kind=tag&system=prod").await;
    list.has(&["a=&#34;&#62;&#60;img", "last resort", "ada"]);
    assert!(!list.text.contains("Take off…") && !list.text.contains("<img"), "{}", list.text);
    viewer.get("/settings/protections?system=test").await.has(&["Nothing fits"]);
    let list = admin.get("/settings/protections").await;
    let remove = list.text.split("href=\"/settings/protections/remove?").nth(1).unwrap();
    let remove = remove.split('"').next().unwrap().replace("&#38;", "&");
    admin.get(&format!("/settings/protections/remove?{remove}")).await.has(&["can be changed, switched off"]);
    let form = |confirm: &'static str| {
        [("system", "prod"), ("kind", "tag"), ("value", evil), ("reason", ""), ("confirm", confirm)]
    };
    refused(&admin.send("/settings/protections/remove", &form("a")).await, "confirm");
    let gone = admin.send("/settings/protections/remove", &form(evil)).await;
    assert_eq!(gone.to.as_deref(), Some("/settings/protections?said=unprotected"), "{}", gone.text);
    assert_eq!(place.get("/api/v1/systems/prod/protections").await["items"].as_array().unwrap().len(), 0);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s18_s19_the_settings_are_for_admins_of_all_systems_and_forms_of_our_own_pages() {
    let place = Place::start().await;
    let limited = Browser::of(&place, "lim", Role::Admin, &["prod"]).await;
    let admin = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let pages = [
        "/settings/tokens",
        "/settings/people",
        "/settings/people/ada",
        "/settings/secrets",
        "/settings/notifications",
    ];
    let token = place.get("/api/v1/tokens").await["items"][0]["id"].as_str().unwrap().to_owned();
    let revoke = format!("/settings/tokens/{token}/revoke");
    let forms: [(&str, &[(&str, &str)]); 7] = [
        (
            "/settings/tokens",
            &[
                ("owner", "x"),
                ("role", "admin"),
                ("reach", "all"),
                ("systems", ""),
                ("expires_in_days", ""),
                ("once", "x"),
            ],
        ),
        (&revoke, &[("reason", ""), ("confirm", "x")]),
        (
            "/settings/people",
            &[("name", "x"), ("role", "admin"), ("reach", "all"), ("systems", ""), ("password", PASSWORD)],
        ),
        ("/settings/people/ada/role", &[("seen", ""), ("role", "viewer"), ("reach", "all"), ("systems", "")]),
        ("/settings/people/ada/password", &[("password", PASSWORD)]),
        ("/settings/people/ada/access", &[("may_sign_in", "false")]),
        ("/settings/people/ada/remove", &[("reason", ""), ("confirm", "ada")]),
    ];
    let mut others = vec![limited];
    for role in ROLES.into_iter().filter(|role| *role != Role::Admin) {
        others.push(Browser::of(&place, role.as_str(), role, &[]).await);
    }
    for browser in &others {
        let overview = browser.get("/settings").await;
        overview.has(&["href=\"/settings/protections\""]);
        assert!(!overview.text.contains("/settings/tokens"), "{}", overview.text);
        for page in pages.iter().copied().chain([revoke.as_str()]) {
            assert_eq!(browser.get(page).await.status, StatusCode::FORBIDDEN, "{page}");
        }
        for (address, form) in forms {
            assert_eq!(browser.send(address, form).await.status, StatusCode::FORBIDDEN, "{address}");
        }
    }
    for (address, form) in forms.into_iter().chain([("/settings/protections", forms[0].1)]) {
        let foreign = admin.send_from(address, form, "https://evil.example").await;
        assert_eq!(foreign.status, StatusCode::FORBIDDEN, "{address}");
        let more: Vec<(&str, &str)> = form.iter().copied().chain([("more", "x")]).collect();
        assert_eq!(admin.send(address, &more).await.status, StatusCode::BAD_REQUEST, "{address}");
    }
    admin.get("/settings").await.has(&["href=\"/settings/tokens\"", "href=\"/settings/secrets\""]);
    admin.get("/settings/people/ada").await.has(&[">Active<"]);
    let key = place.sandbox.connector_key(crate::place::PROD_ACCOUNT).unwrap();
    let secrets = admin.get("/settings/secrets").await;
    secrets.has(&["The store", ">Key 1<", ">0 days old<", &key.access_key_id]);
    assert!(!secrets.text.contains(&key.secret_access_key));
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_people_are_told_is_seen_without_what_may_be_a_secret() {
    let to = ["ops@example.com".to_owned()];
    let destinations = vec![
        Destination::webhook("https://user:canary@hooks.example/services/canary?token=canary#canary"),
        Destination::mail("mail.example:465", "keyreeve@example.com", &to),
    ];
    let place = Place::start_as(|server, _| server.destinations(destinations)).await;
    let admin = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let page = admin.get("/settings/notifications").await;
    page.has(&[
        ">https://hooks.example<",
        "mail.example:465",
        "from keyreeve@example.com to ops@example.com",
    ]);
    assert!(!page.text.contains("canary"), "{}", page.text);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_of_a_protected_account_says_so_and_offers_nothing() {
    let place = Place::start().await;
    let admin = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let person = place.people().await.remove(0);
    let account = place.get(&format!("/api/v1/systems/prod/accounts/{person}")).await;
    let address = format!("/systems/prod/accounts/{}", account["external_id"].as_str().unwrap());
    let before = admin.get(&address).await;
    before.has(&["aria-label=\"Change the account\""]);
    assert!(!before.text.contains(">Protected<"), "{}", before.text);
    let page = admin.get("/settings/protections").await;
    page.has(&["From then on nobody changes what it covers"]);
    let form = [("system", "prod"), ("kind", "account"), ("value", person.as_str()), ("reason", "")];
    let done = admin.send("/settings/protections", &form).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let after = admin.get(&address).await;
    after.has(&[">Protected<", "is on the protect list (account"]);
    assert!(!after.text.contains("aria-label=\"Change the account\""), "{}", after.text);
    let ask =
        admin.get(&format!("/settings/protections/remove?system=prod&kind=account&value={person}")).await;
    ask.has(&[
        "can be changed, switched off and deleted from now on",
        "What other entries of the list cover stays",
    ]);
    // The one that the system signs in with always is.
    let own = place.all("/api/v1/systems/prod/accounts", 100).await;
    let own = own.iter().find(|one| one["name"] == "keyreeve-connector").unwrap();
    let own = admin.get(&format!("/systems/prod/accounts/{}", own["external_id"].as_str().unwrap())).await;
    own.has(&[">Protected<", "is the account that Keyreeve signs in with"]);
    place.stop().await;
}
