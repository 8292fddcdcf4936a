//! Who may do what in the console: each address, each role, forms of elsewhere (S18, S19).

use keyreeve_model::Role;
use reqwest::header::{CONTENT_TYPE, LOCATION, ORIGIN};
use reqwest::{Method, StatusCode};

use super::Browser;
use crate::place::Place;

const ROLES: [Role; 4] = [Role::Viewer, Role::Operator, Role::Approver, Role::Admin];

/// Each page, and who sees it, in the order of [`ROLES`]. Run 1 is one of the system `prod`.
const PAGES: [(&str, [bool; 4]); 41] = [
    ("/systems/prod/named?of=group", [true, true, true, true]),
    ("/search?q=a", [true, true, true, true]),
    ("/held?resource=a", [true, true, true, true]),
    ("/your-sign-in", [true, true, true, true]),
    ("/", [true, true, true, true]),
    ("/systems", [true, true, true, true]),
    ("/new-system", [false, false, false, true]),
    ("/systems/prod", [true, true, true, true]),
    ("/systems/prod/connection", [true, true, true, true]),
    ("/systems/prod/policy", [true, true, true, true]),
    ("/systems/prod/settings", [true, true, true, true]),
    ("/systems/prod/compare", [true, true, true, true]),
    ("/systems/prod/drift", [true, true, true, true]),
    ("/systems/prod/profiles", [true, true, true, true]),
    ("/systems/prod/profiles/default", [true, true, true, true]),
    ("/systems/prod/new-profile", [false, false, false, true]),
    ("/systems/prod/mappings", [true, true, true, true]),
    ("/systems/prod/mappings/AWS%20-%20User", [true, true, true, true]),
    ("/systems/prod/mappings/AWS%20-%20User/reset", [false, false, false, true]),
    ("/systems/prod/credential", [false, false, false, true]),
    ("/systems/prod/rotate-key", [false, false, false, true]),
    ("/systems/prod/remove", [false, false, false, true]),
    ("/imports", [true, true, true, true]),
    ("/imports/1", [true, true, true, true]),
    ("/imports/1/changes", [true, true, true, true]),
    ("/systems/prod/accounts", [true, true, true, true]),
    ("/systems/prod/accounts/script.path", [true, true, true, true]),
    ("/systems/prod/accounts/script.path/history", [true, true, true, true]),
    ("/systems/prod/accounts/script.path/delete", [false, true, false, true]),
    ("/systems/prod/new-account", [false, true, false, true]),
    ("/systems/prod/resources", [true, true, true, true]),
    ("/systems/prod/jobs", [true, true, true, true]),
    ("/jobs", [true, true, true, true]),
    ("/audit", [true, true, true, true]),
    ("/audit?system=prod", [true, true, true, true]),
    ("/settings", [true, true, true, true]),
    ("/settings/protections", [true, true, true, true]),
    ("/settings/tokens", [false, false, false, true]),
    ("/settings/people", [false, false, false, true]),
    ("/settings/secrets", [false, false, false, true]),
    ("/settings/notifications", [false, false, false, true]),
];

/// Each form, and who may send it.
const FORMS: [(&str, [bool; 4]); 20] = [
    ("/new-system", [false, false, false, true]),
    ("/systems/prod/connection", [false, true, false, true]),
    ("/systems/prod/settings", [false, false, false, true]),
    ("/systems/prod/remove", [false, false, false, true]),
    ("/systems/prod/release", [false, false, false, true]),
    ("/systems/prod/profiles/default", [false, false, false, true]),
    ("/systems/prod/profiles/default/remove", [false, false, false, true]),
    ("/systems/prod/new-profile", [false, false, false, true]),
    ("/systems/prod/mappings/AWS%20-%20User", [false, false, false, true]),
    ("/systems/prod/mappings/AWS%20-%20User/reset", [false, false, false, true]),
    ("/systems/prod/credential", [false, false, false, true]),
    ("/systems/prod/rotate-key", [false, false, false, true]),
    ("/systems/prod/drift", [false, false, true, true]),
    ("/imports", [false, true, false, true]),
    ("/imports/1/accept", [false, false, true, true]),
    ("/imports/1/reject", [false, false, true, true]),
    ("/systems/prod/changes", [false, true, false, true]),
    ("/systems/prod/new-account", [false, true, false, true]),
    ("/systems/prod/accounts/script.path/delete", [false, true, false, true]),
    ("/audit/verify", [true, true, true, true]),
];

#[tokio::test]
async fn s18_each_page_and_each_form_is_for_the_roles_that_it_is_for() {
    let place = Place::start().await;
    for (at, role) in ROLES.into_iter().enumerate() {
        let browser = Browser::of(&place, role.as_str(), role, &[]).await;
        for (address, may) in PAGES {
            let status = browser.get(address).await.status;
            assert_eq!(status == StatusCode::OK, may[at], "{} {address} {status}", role.as_str());
            assert!(may[at] || status == StatusCode::FORBIDDEN, "{} {address} {status}", role.as_str());
        }
        for (address, may) in FORMS {
            // What it sends is not what the form has: whoever may is told so, and nothing is done.
            let status = browser.send(address, &[("a", "b")]).await.status;
            let expected = if may[at] { StatusCode::BAD_REQUEST } else { StatusCode::FORBIDDEN };
            let refused = [expected, StatusCode::BAD_REQUEST];
            assert!(refused.contains(&status), "{} {address} {status}", role.as_str());
        }
        let test = browser.send("/systems/prod/connection", &[]).await.status;
        let may = [false, true, false, true][at];
        assert_eq!(test, if may { StatusCode::OK } else { StatusCode::FORBIDDEN }, "{}", role.as_str());
    }
    place.stop().await;
}

#[tokio::test]
async fn s18_a_system_of_others_is_on_no_page() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Admin, &["test"]).await;
    for address in ["/", "/systems", "/systems?format=csv"] {
        let page = browser.get(address).await;
        assert_eq!(page.status, StatusCode::OK, "{address}");
        assert!(page.text.contains("System test") && !page.text.contains("System prod"), "{}", page.text);
    }
    for (address, _) in PAGES.iter().filter(|(address, _)| address.contains("prod")) {
        let page = browser.get(address).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{address}");
        assert!(!page.text.contains("System prod"), "{address}");
        assert_eq!(browser.get(&address.replace("prod", "test")).await.status, StatusCode::OK);
    }
    for (address, _) in FORMS {
        let form = [("seen", ""), ("reason", ""), ("confirm", "prod")];
        let status = browser.send(address, &form).await.status;
        // A run of others is not there at all.
        let refused = [StatusCode::FORBIDDEN, StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND];
        assert!(refused.contains(&status), "{address} {status}");
    }
    assert_eq!(browser.get("/new-system").await.status, StatusCode::FORBIDDEN);
    place.stop().await;
}

#[tokio::test]
async fn s19_a_form_of_elsewhere_does_nothing() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let seen = browser.get("/systems/prod/remove").await.hidden("seen");
    let removal = [("seen", seen.as_str()), ("reason", ""), ("confirm", "prod")];
    let forms: [(&str, &[(&str, &str)]); 15] = [
        ("/systems/prod/remove", &removal),
        ("/systems/prod/connection", &[]),
        ("/new-system", &[("name", "x")]),
        ("/systems/prod/settings", &[("name", "x")]),
        ("/systems/prod/release", &[("reason", "")]),
        ("/systems/prod/profiles/default", &[("schedule", "")]),
        ("/systems/prod/new-profile", &[("name", "x")]),
        (
            "/systems/prod/mappings/AWS%20-%20User/reset",
            &[("seen", ""), ("reason", ""), ("confirm", "AWS - User")],
        ),
        ("/systems/prod/credential", &[("credential", "server")]),
        ("/systems/prod/rotate-key", &[("seen", ""), ("once", "x"), ("reason", ""), ("confirm", "prod")]),
        ("/imports", &[("system", "prod"), ("profile", "default")]),
        ("/imports/1/accept", &[("seen", ""), ("reason", "x"), ("confirm", "prod")]),
        ("/imports/1/reject", &[("seen", ""), ("because", "x")]),
        ("/sign-out", &[]),
        ("/theme", &[("theme", "dark"), ("next", "/")]),
    ];
    let own = place.url.clone();
    let foreign = [
        "null",
        "http://evil.example",
        "https://evil.example",
        &format!("{own}.evil.example"),
        &own.replace("127.0.0.1", "localhost"),
    ];
    for (address, form) in forms {
        for origin in foreign {
            let page = browser.send_from(address, form, origin).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{address} {origin}");
            assert!(page.text.contains("<h1>Not allowed</h1>"), "{address} {origin}: {}", page.text);
        }
        // A browser that does not say from where, a form as text, another method by a header.
        let bare = browser.form(address, form).send().await.unwrap();
        assert_eq!(bare.status(), StatusCode::FORBIDDEN, "{address}");
        let text = browser.ask(Method::POST, address).header(ORIGIN, &own).header(CONTENT_TYPE, "text/plain");
        let text = text.body("confirm=prod").send().await.unwrap();
        assert_eq!(text.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{address}");
        let overridden =
            browser.ask(Method::GET, address).header("X-HTTP-Method-Override", "POST").send().await.unwrap();
        // It is read, which leads to the page of the form at most, and says of nothing that it was done.
        let to = overridden.headers().get(LOCATION).map(|to| to.to_str().unwrap());
        assert!(to.is_none_or(|to| !to.contains("said=")), "{address}: {to:?}");
    }
    let page = browser.get("/systems/prod").await;
    page.has(&["Active"]);
    // The same form of our own page is done.
    let own_form = browser.send("/systems/prod/remove", &removal).await;
    assert_eq!(own_form.to.as_deref(), Some("/systems?said=removed"), "{}", own_form.text);
    place.stop().await;
}
