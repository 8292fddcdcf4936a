//! What all pages have: what they say to browsers, what is text, and what is refused.

use keyreeve_model::{Effect, Failure, FailureKind, Role, SystemName};
use keyreeve_store::SystemPatch;
use reqwest::{Method, StatusCode};

use super::{Browser, Seen, every_page};
use crate::place::{Place, system};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

#[tokio::test]
async fn every_page_says_to_browsers_what_it_may_hold() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let stranger = Browser::new(&place);
    let rows = every_page::rows(&place).await;
    let pages = rows.iter().map(|(_, page)| page.as_str()).filter(|page| *page != "/sign-in");
    let asked = pages.map(|page| (&browser, page)).chain([(&stranger, "/sign-in"), (&browser, "/nothing")]);
    for (who, page) in asked {
        let answer = who.ask(Method::GET, page).send().await.unwrap();
        for (name, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("content-security-policy", POLICY),
            ("referrer-policy", "same-origin"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(
                answer.headers().get(name).map(|value| value.to_str().unwrap()),
                Some(value),
                "{page} {name}"
            );
        }
        let text = Seen::of(answer).await.text;
        assert!(text.starts_with("<!doctype html>\n<html lang=\"en\""), "{page}: {text}");
        for needed in ["<main id=\"main\"", "class=\"skip\"", "<h1>"] {
            assert_eq!(text.matches(needed).count(), 1, "{page} {needed}");
        }
        // Bars of charts have titles, too.
        let head = text.split("</head>").next().unwrap();
        assert_eq!(head.matches("<title>").count(), 1, "{page}");
    }
    place.stop().await;
}

#[tokio::test]
async fn style_script_and_icon_are_kept_for_good_and_nothing_else_is_served() {
    let place = Place::start().await;
    let browser = Browser::new(&place);
    let page = browser.get("/sign-in").await.text;
    let addresses: Vec<&str> = page.split('"').filter(|part| part.starts_with("/console/")).collect();
    assert_eq!(addresses.len(), 3, "{page}");
    let mut all = page.len();
    for address in addresses {
        let answer = browser.ask(Method::GET, address).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{address}");
        assert_eq!(answer.headers()["cache-control"], "public, max-age=31536000, immutable");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        all += answer.text().await.unwrap().len();
    }
    assert!(all < 200 * 1024, "the first view has {all} bytes");
    for other in ["/console/console.css", "/console/..%2f..%2fCargo.toml", "/console/", "/console/x.js"] {
        assert_eq!(browser.get(other).await.status, StatusCode::NOT_FOUND, "{other}");
    }
    place.stop().await;
}

#[tokio::test]
async fn what_is_refused_is_a_page_for_browsers_and_a_problem_for_programs() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Viewer, &[]).await;
    for (address, status, said) in [
        ("/nothing", StatusCode::NOT_FOUND, "Nothing here"),
        ("/systems/none", StatusCode::NOT_FOUND, "Nothing here"),
        ("/systems/a%2Fb", StatusCode::NOT_FOUND, "Nothing here"),
        ("/new-system", StatusCode::FORBIDDEN, "Not allowed"),
        ("/imports/x/changes?which=1", StatusCode::NOT_FOUND, "Nothing here"),
        ("/signin/oidc", StatusCode::NOT_FOUND, "Nothing here"),
    ] {
        let answer = browser.ask(Method::GET, address).send().await.unwrap();
        let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        let page = Seen::of(answer).await;
        assert_eq!(page.status, status, "{address}");
        for text in [&format!("<h1>{said}</h1>"), &id, "aria-label=\"Console\""] {
            assert!(page.text.contains(text), "{address} {text}: {}", page.text);
        }
    }
    // Who is nobody has nowhere to go but the sign-in.
    let page = Browser::new(&place).get("/nothing").await;
    assert!(
        page.text.contains("href=\"/sign-in\"") && !page.text.contains("aria-label=\"Console\""),
        "{}",
        page.text
    );
    let (status, problem) = place.ask("/nothing", None).await;
    assert_eq!((status, &problem["code"]), (StatusCode::NOT_FOUND, &"not_found".into()));
    let api = browser.get("/api/v1/nothing").await;
    assert!(api.text.starts_with('{'), "{}", api.text);
    place.stop().await;
}

#[tokio::test]
async fn s21_s22_what_others_wrote_is_text_on_every_page() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let rows = every_page::rows(&place).await;
    let evil = "\"><img/src=x/onerror=alert(1)>'</title><script>alert(2)</script>";
    let patch = SystemPatch {
        name: Some(SystemName::new(evil).unwrap()),
        category: Some(format!("{evil}\u{202e}gnp.exe\u{200b}")),
        ..SystemPatch::default()
    };
    let now = place.clock.now();
    place.store.update_system(&system("prod"), patch, "local:test", now).await.unwrap();
    let message = format!("AWS said {evil}");
    let why = Failure { kind: FailureKind::AccountMismatch, message, effect: Effect::None, at: now };
    place.store.quarantine_system(&system("prod"), why, now).await.unwrap();
    for (_, page) in rows.iter().filter(|(route, _)| *route != "/sign-in") {
        let seen = browser.get(page).await;
        // Nothing is changed through a system in quarantine, and that is said.
        let refused = [StatusCode::CONFLICT, StatusCode::UNPROCESSABLE_ENTITY, StatusCode::BAD_REQUEST];
        assert!(seen.status == StatusCode::OK || refused.contains(&seen.status), "{page}: {}", seen.status);
        for markup in ["<img", "<script>", "alert(1)>", "</title><script"] {
            assert!(!seen.text.contains(markup), "{page} has {markup:?}: {}", seen.text);
        }
        // What is in a field is sent back, and so it is what it is.
        let shown: Vec<&str> = seen
            .text
            .split(" value=\"")
            .map(|part| part.split_once('"').map_or("", |(_, rest)| rest))
            .collect();
        let shown = format!("{}{}", seen.text.split(" value=\"").next().unwrap(), shown[1..].concat());
        for hidden in ["\u{202e}", "\u{200b}"] {
            assert!(!shown.contains(hidden), "{page} shows {hidden:?}: {}", seen.text);
        }
    }
    browser
        .get("/systems")
        .await
        .has(&["&#34;&#62;&#60;img/src=x/onerror=alert(1)&#62;", r"\u{202e}gnp.exe\u{200b}"]);
    browser.get("/").await.has(&["AWS said &#34;&#62;&#60;img", "Quarantined"]);
    let said = browser.get(&format!("/?said={}", "%3Cimg%20src=x%3E")).await;
    assert!(!said.text.contains("<img") && !said.text.contains("class=\"said\""), "{}", said.text);
    // A file holds no formula.
    let named = SystemPatch { name: Some(SystemName::new("=1+1").unwrap()), ..SystemPatch::default() };
    place.store.update_system(&system("prod"), named, "local:test", now).await.unwrap();
    let file = browser.get("/systems?format=csv").await.text;
    assert!(file.contains("\r\n'=1+1,prod,"), "{file}");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_is_too_large_is_told_on_a_page_what_to_do() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let place = Place::start().await;
    let address = place.url.strip_prefix("http://").unwrap();
    let ask = async |accept: &str, path: &str| {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nAccept: {accept}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 2000000\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    };
    let page = ask("text/html", "/systems/prod/new-account").await;
    assert!(page.starts_with("HTTP/1.1 413") && page.contains("connection: close"), "{page}");
    for said in ["content-type: text/html", "<h1>Too much at once</h1>", "a form takes 1 MiB"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    for (accept, path) in [("*/*", "/systems/prod/new-account"), ("text/html", "/api/v1/tokens")] {
        let problem = ask(accept, path).await;
        assert!(problem.contains("application/problem+json"), "{accept} {path}: {problem}");
    }
    place.stop().await;
}

#[tokio::test]
async fn home_says_what_needs_a_person() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Viewer, &[]).await;
    let calm = browser.get("/").await;
    calm.has(&["Nothing needs you now", "System prod", "System test", "Published"]);
    // Both have 41 accounts, as of their first imports today; a reader of one of them sees its own.
    calm.has(&["<figcaption>Accounts</figcaption>", "<td class=\"number\">82</td>"]);
    let now = place.clock.now();
    let why = Failure {
        kind: FailureKind::CredentialBad,
        message: "the credentials were refused".to_owned(),
        effect: Effect::None,
        at: now,
    };
    place.store.quarantine_system(&system("test"), why, now).await.unwrap();
    let people = place.people().await;
    // Two deletions are more than one person may ask for alone.
    let gone = |name: &String| serde_json::json!({"task": "delete_account", "account": name});
    let wishes: Vec<_> = people.iter().take(2).map(gone).collect();
    let (status, job) = place.post("/api/v1/systems/prod/jobs", &serde_json::json!({"wishes": wishes})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{job}");
    assert_eq!(job["state"], "awaiting_approval", "{job}");
    let page = browser.get("/").await;
    page.has(&[
        "the credentials were refused",
        "Approval",
        "waits for a second person",
        "class=\"count\">2<",
    ]);
    assert!(!page.text.contains("Nothing needs you now"));
    let other = Browser::of(&place, "bea", Role::Viewer, &["prod"]).await.get("/").await;
    assert!(!other.text.contains("the credentials were refused"), "{}", other.text);
    other.has(&["<td class=\"number\">41</td>"]);
    assert!(!other.text.contains(">82</td>"), "{}", other.text);
    place.stop().await;
}
