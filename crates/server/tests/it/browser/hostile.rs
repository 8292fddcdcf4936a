//! What others wrote and where they send people, in a real browser: S19, S21, S22, S24 and S25.

use keyreeve_model::{Role, SystemName};
use keyreeve_sandbox::Mutation;
use keyreeve_store::SystemPatch;
use serde_json::{Value, json};

use super::Chromium;
use crate::place::{PROD_ACCOUNT, Place, system};

/// Markup and code wherever IAM takes them, what turns the direction of reading or hides, and what forges lines.
const MARKUP: &str =
    "\"><img src=x onerror=\"window.ran=1\"><svg/onload=window.ran=1>'</title><script>window.ran=1</script>";
const PATH: &str = "/\"><img/src=x/onerror=window.ran=1>/";
const BIDI: &str = "\u{202e}gnp.exe\u{200b}";
const LINES: &str = "x\u{1b}[2J{\"level\":\"error\"}";
const LINK: &str = "javascript:window.ran=1";

/// A place whose account, system and jobs have such names, with somebody who looks.
async fn hostile(place: &Place) -> Vec<String> {
    place.person("ada", Role::Admin, &[]).await;
    let made = Mutation::CreateUser {
        name: "eve".to_owned(),
        path: PATH.to_owned(),
        tags: vec![
            ("<svg/onload=window.ran=1>".to_owned(), LINK.to_owned()),
            ("data".to_owned(), "data:text/html,<script>window.ran=1</script>".to_owned()),
            ("long".to_owned(), "x".repeat(256)),
        ],
        boundary: None,
    };
    let document = json!({
        "Version": "2012-10-17",
        "Statement": [{"Sid": format!("{MARKUP}{BIDI}"), "Effect": "Deny", "Action": LINK, "Resource": "*"}],
    });
    let policy =
        Mutation::CreatePolicy { name: "evil".into(), path: "/".into(), document: document.to_string() };
    let inline =
        Mutation::PutUserInline { user: "eve".into(), name: "own".into(), document: document.to_string() };
    place.sandbox.mutate(PROD_ACCOUNT, &[made, policy, inline]).unwrap();
    place.import("prod").await;
    let patch = SystemPatch {
        name: Some(SystemName::new(MARKUP).unwrap()),
        category: Some(format!("{LINK}{BIDI}")),
        ..SystemPatch::default()
    };
    place.store.update_system(&system("prod"), patch, "local:test", place.clock.now()).await.unwrap();
    let wishes = json!([{"task": "update_account", "account": "eve", "tags": {"<b>": MARKUP}}]);
    let body = json!({"wishes": wishes, "reason": format!("{MARKUP} because")});
    let (_, job) = place.post("/api/v1/systems/prod/jobs", &body).await;
    let job = job["id"].as_i64().map(|job| format!("/jobs/{job}"));
    let account = place.get("/api/v1/systems/prod/accounts/eve").await;
    let id = account["external_id"].as_str().unwrap();
    let mut pages: Vec<String> = [
        "/",
        "/systems",
        "/systems/prod",
        "/systems/prod/settings",
        "/systems/prod/remove",
        "/systems/prod/accounts?q=eve",
        "/systems/prod/accounts?path=%2F%22%3E",
        "/imports",
        "/imports/1",
        "/imports/3/changes",
        "/jobs",
        "/audit",
    ]
    .map(str::to_owned)
    .into();
    pages.extend(job);
    let policy = place.get("/api/v1/systems/prod/resources?type=policy&name=evil").await["items"][0].clone();
    let policy = format!("/systems/prod/resources/{}", policy["external_id"].as_str().unwrap());
    pages.extend([format!("{policy}/versions?from=v1&to=v1"), policy]);
    pages.push(format!("/systems/prod/accounts/{id}"));
    pages.push(format!("/systems/prod/accounts/{id}/delete"));
    pages
}

/// The page as it is seen: what fields hold goes back as it is, and what is copied is copied so; neither is a part of it.
const SEEN: &str = "const seen = document.documentElement.cloneNode(true);
    for (const field of seen.querySelectorAll('[value], [data-confirm], [data-text], textarea')) {
        field.removeAttribute('value');
        field.removeAttribute('data-confirm');
        field.removeAttribute('data-text');
        if (field.localName === 'textarea') field.textContent = '';
    }";

/// That nothing of it ran, was refused by the policy, or became an element or a link.
async fn inert(browser: &Chromium, page: &str) {
    let seen = "
        const markup = document.querySelectorAll('main img, main svg:not(.chart svg), main script, main b').length;
        const links = [...document.querySelectorAll('a[href], form[action], button[formaction]')];
        const written = (one) => one.getAttribute('href') ?? one.getAttribute('action') ?? one.getAttribute('formaction');
        const away = links.map((one) => new URL(written(one), location.href).href);
        return [window.ran ?? null, markup, away.filter((one) => !one.startsWith(location.origin + '/'))];
    ";
    assert_eq!(browser.run(seen, json!([])).await, json!([null, 0, []]), "{page}");
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "{page}: {complaints:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s21_s22_what_iam_returns_is_text_in_pages_titles_tooltips_and_lists() {
    let place = Place::start().await;
    let pages = hostile(&place).await;
    let browser = Chromium::start().await;
    browser.sign_in(&place.url, "ada").await;
    for page in &pages {
        browser.go(&format!("{}{page}", place.url)).await;
        browser.shows("main h1").await;
        inert(&browser, page).await;
        let hidden = format!("{SEEN} return /[\\u202a-\\u202e\\u2066-\\u2069\\u200b]/.test(seen.outerHTML)");
        assert_eq!(browser.run(&hidden, json!([])).await, false, "{page}");
    }
    // It is there to be read: in the page, in its title, and in the tags, none of which is a link.
    browser.go(&format!("{}{}", place.url, pages[pages.len() - 2])).await;
    for text in [PATH, LINK, "<svg/onload=window.ran=1>", "data:text/html"] {
        browser.reads(text).await;
    }
    assert!(browser.title().await.contains("</title><script>"), "{}", browser.title().await);
    browser.go(&format!("{}/systems", place.url)).await;
    browser.reads(r"\u{202e}gnp.exe\u{200b}").await;
    // What is renewed as one types is text, too.
    browser.fill("#filter-q", "onerror").await;
    browser.reads("onerror=\"window.ran=1\"").await;
    inert(&browser, "/systems, renewed").await;
    browser.quit().await;
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s19_pages_of_elsewhere_send_nothing_and_show_nothing_of_ours() {
    let place = Place::start().await;
    place.person("ada", Role::Admin, &[]).await;
    let browser = Chromium::start().await;
    browser.sign_in(&place.url, "ada").await;
    let before = place.get("/api/v1/systems/prod").await;
    // A page of a file is of no site at all.
    let files = tempfile::tempdir().unwrap();
    for (name, body) in [
        (
            "form",
            format!(
                "<form method=post action='{0}/systems/prod/release'><input name=reason value=x></form>
                 <script>document.forms[0].submit()</script>",
                place.url
            ),
        ),
        (
            "text",
            format!(
                "<form method=post enctype=text/plain action='{0}/imports'><input name='system' value='prod'></form>
                 <script>document.forms[0].submit()</script>",
                place.url
            ),
        ),
    ] {
        let file = files.path().join(format!("{name}.html"));
        std::fs::write(&file, body).unwrap();
        browser.go(&format!("file://{}", file.display())).await;
        browser.is_at("Not allowed").await;
    }
    let frame = files.path().join("frame.html");
    std::fs::write(
        &frame,
        format!("<title>frame</title><iframe src='{}/jobs' name=one></iframe>", place.url),
    )
    .unwrap();
    browser.complaints().await;
    browser.go(&format!("file://{}", frame.display())).await;
    browser.is_at("frame").await;
    let complaints = browser.until_complaints().await;
    assert!(
        complaints.iter().any(|one| one.contains("frame") && one.contains(&place.url)),
        "a page of elsewhere may not have ours in a frame: {complaints:#?}"
    );
    // Nor may it read what is ours.
    let read = format!(
        "const done = arguments[arguments.length - 1];
         fetch('{0}/api/v1/systems', {{credentials: 'include'}}).then((one) => done(one.status), (why) => done(why.name));",
        place.url
    );
    assert_eq!(browser.run_to_its_end(&read).await, json!("TypeError"));
    assert_eq!(place.get("/api/v1/systems/prod").await, before);
    assert_eq!(place.get("/api/v1/systems/prod/import-runs").await["items"].as_array().unwrap().len(), 1);
    browser.quit().await;
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s24_s25_a_file_of_a_hostile_name_stays_in_its_folder_and_forges_no_line() {
    let place = Place::start().await;
    place.person("ada", Role::Admin, &[]).await;
    let patch = SystemPatch {
        name: Some(SystemName::new("../../etc/x").unwrap()),
        category: Some(LINES.replace('\u{1b}', "")),
        ..SystemPatch::default()
    };
    place.store.update_system(&system("prod"), patch, "local:test", place.clock.now()).await.unwrap();
    let browser = Chromium::start().await;
    browser.sign_in(&place.url, "ada").await;
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("a/b");
    std::fs::create_dir_all(&into).unwrap();
    browser.downloads_to(&into).await;
    let files = |folder: &std::path::Path| -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    };
    let mut wanted = 0;
    for list in ["/systems", "/systems/prod/accounts", "/systems/prod/jobs", "/imports"] {
        let address = format!("{}{list}?format=csv", place.url);
        let said = format!(
            "const done = arguments[arguments.length - 1];
             fetch('{address}').then((one) => done(one.headers.get('content-disposition')));"
        );
        let said = browser.run_to_its_end(&said).await;
        let named = said.as_str().unwrap_or_default();
        assert!(
            named.contains(".csv") && !named.contains("..") && !named.contains(['/', '\\']),
            "{list}: {said}"
        );
        let click = "const link = document.createElement('a'); link.href = arguments[0]; link.click()";
        browser.run(click, json!([address])).await;
        wanted += 1;
        for _ in 0..500 {
            if files(&into).iter().filter(|name| name.ends_with(".csv")).count() == wanted {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
    let there = files(&into);
    assert_eq!(there.iter().filter(|name| name.ends_with(".csv")).count(), 4, "{there:?}");
    assert!(there.iter().all(|name| !name.contains(['/', '\\']) && !name.contains("..")), "{there:?}");
    assert_eq!(
        (files(folder.path()), files(&folder.path().join("a"))),
        (vec!["a".to_owned()], vec!["b".to_owned()])
    );
    // What is said in an address, and what is sent with it, is said back as it is, in one piece, or not at all.
    for hostile in ["%1b%5B2J%0d%0aSet-Cookie:%20x=y", "%7B%22level%22:%22error%22%7D%0a", "%E2%80%AEtxt"] {
        for page in ["/systems?q=", "/jobs?account=", "/?said=", "/audit?q="] {
            browser.go(&format!("{}{page}{hostile}", place.url)).await;
            browser.shows("main h1").await;
            let script = format!("{SEEN} return [document.cookie, /[\\u001b\\u202e]/.test(seen.outerHTML)]");
            let seen: Value = browser.run(&script, json!([])).await;
            assert_eq!(seen, json!(["", false]), "{page}{hostile}");
        }
    }
    browser.quit().await;
    place.stop().await;
}
