//! Systems: found, registered, tested, changed and removed.

use keyreeve_model::{Effect, Failure, FailureKind, PermissionProfile, Role, SystemSettings, SystemState};
use keyreeve_sandbox::{Effect as Fault, FaultRule};
use keyreeve_store::StoreError;
use reqwest::StatusCode;

use super::Browser;
use crate::place::{PROD_ACCOUNT, Place, system};

fn new<'a>(id: &'a str, name: &'a str, key: (&'a str, &'a str)) -> Vec<(&'a str, &'a str)> {
    vec![
        ("name", name),
        ("system_id", id),
        ("category", "Sandboxes"),
        ("technology", "aws"),
        ("content", "access_rights"),
        ("region", ""),
        ("credential", "access_key"),
        ("access_key_id", key.0),
        ("secret_access_key", key.1),
        ("role_arn", ""),
        ("once", "once"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn systems_are_sorted_filtered_turned_and_written_to_a_file() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Viewer, &[]).await;
    let order = |text: &str| text.find("System prod").unwrap() < text.find("System test").unwrap();
    let up = browser.get("/systems").await;
    up.has(&["aria-sort=\"ascending\"", "href=\"/systems/prod\"", ">41<", "href=\"/systems?sort=-name\""]);
    assert!(order(&up.text) && !up.text.contains("New system"));
    let down = browser.get("/systems?sort=-system_id").await;
    down.has(&["aria-sort=\"descending\""]);
    assert!(!order(&down.text));
    let first = browser.get("/systems?limit=1").await;
    assert!(first.text.contains("System prod") && !first.text.contains("System test"));
    let next = first.text.split("rel=\"next\"").next().unwrap().rsplit("href=\"").next().unwrap();
    let next = next.split('"').next().unwrap().replace("&#38;", "&");
    let second = browser.get(&next).await;
    second.has(&["System test", "First page"]);
    assert!(!second.text.contains("System prod") && !second.text.contains("rel=\"next\""));
    for (filter, prod, test) in [
        ("q=PROD", true, false),
        ("q=444455556666", false, true),
        ("state=active", true, true),
        ("state=quarantined", false, false),
        ("q=prod&state=active", true, false),
    ] {
        let page = browser.get(&format!("/systems?{filter}")).await;
        assert_eq!(
            (page.text.contains("System prod"), page.text.contains("System test")),
            (prod, test),
            "{filter}"
        );
    }
    browser.get("/systems?q=none").await.has(&["Nothing fits", "value=\"none\""]);
    let file = browser.get("/systems?format=csv&q=prod").await.text;
    assert!(file.starts_with("Name,System ID,Category,State,AWS account,Last import,Published,Accounts,Registered\r\nSystem prod,prod,AWS,Active,"), "{file}");
    assert_eq!(file.matches("\r\n").count(), 2, "{file}");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_is_registered_and_what_is_wrong_stands_beside_its_field() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    browser.get("/new-system").await.has(&["Collector technology", "Content", "<option value=\"AWS\">"]);
    let offered = browser.get("/new-system").await.text;
    assert!(!offered.contains("value=\"server\""), "what is not lent is not offered: {offered}");
    let key = place.sandbox.connector_key(PROD_ACCOUNT).unwrap();
    let key = (key.access_key_id.as_str(), key.secret_access_key.as_str());
    // Half a choice is none: what is given would not be used.
    let with = |name: &'static str, value: &'static str| {
        let mut form = new("new", "New", key);
        form.iter_mut().filter(|(field, _)| *field == name).for_each(|(_, sent)| *sent = value);
        form
    };
    let refused = [
        (new("prod", "New", key), "system_id"),
        (new("new", "SYSTEM PROD", key), "name"),
        (new("a/b", "New", key), "system_id"),
        (new("new", "", key), "name"),
        (new("new", "New", ("", key.1)), "access_key_id"),
        (new("new", "New", (key.0, "")), "secret_access_key"),
        (new("new", "New", (key.0, "canary-secret-of-another-key-0000000000000")), "secret_access_key"),
        (with("role_arn", "arn:aws:iam::111122223333:role/x"), "role_arn"),
        (with("credential", "server"), "access_key_id"),
    ];
    for (form, field) in refused {
        let page = browser.send("/new-system", &form).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}: {}", page.text);
        let wrong = page.text.split("aria-invalid=\"true\"").next().unwrap();
        assert!(wrong.ends_with(&format!("aria-describedby=\"{field}-about\" ")), "{field}: {}", page.text);
        assert!(!page.text.contains(key.1) && !page.text.contains("canary"), "{field}");
        assert!(page.text.contains("value=\"Sandboxes\""), "what was sent is still there");
        assert!(matches!(
            place.store.get_system(&system("new")).await,
            Err(StoreError::SystemNotFound { .. })
        ));
    }
    // Names that the form does not have.
    let mut more = new("new", "New", key);
    more.push(("state", "active"));
    assert_eq!(browser.send("/new-system", &more).await.status, StatusCode::BAD_REQUEST);
    let made = browser.send("/new-system", &new("new", "New", key)).await;
    assert_eq!(
        (made.status, made.to.as_deref()),
        (StatusCode::SEE_OTHER, Some("/systems/new?said=registered")),
        "{}",
        made.text
    );
    // No System ID has its page where something else is.
    browser.get("/systems/new").await.has(&["<h1>New ", "Import now"]);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_says_whether_it_is_ready_and_its_connection_is_tested() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let page = browser.get("/systems/prod").await;
    page.has(&[
        "Definition",
        "Connection",
        "Permissions",
        "Mappings",
        "Thresholds",
        "Provisioning",
        "Schedule",
    ]);
    page.has(&[
        "pinned to the AWS account 111122223333",
        "All task mappings are the defaults",
        "Remove the system",
    ]);
    assert_eq!(page.text.matches(">OK</span>").count(), 6, "{}", page.text);
    assert_eq!(page.text.matches(">Pending</span>").count(), 1, "the schedule: {}", page.text);
    page.has(&["href=\"/imports?system=prod\"", "href=\"/systems/prod/mappings\">Mappings<"]);
    page.has(&["href=\"/systems/prod/profiles\">Thresholds<", "href=\"/systems/prod/profiles\">Schedule<"]);
    place.not_imported("fresh").await;
    browser.get("/systems/fresh").await.has(&["What is permitted shows with the first import"]);
    // A test is kept, and says so until the system signs in otherwise.
    browser.send("/systems/fresh/connection", &[]).await.has(&["What the test found"]);
    let known = browser.get("/systems/fresh").await;
    known.has(&["The last test, by ada, found all that is needed. That was on <time "]);
    assert!(!known.text.contains("What is permitted shows with"), "{}", known.text);
    let kept = browser.get("/systems/fresh/connection").await;
    kept.has(&["What the last test found", "ada tested it on <time ", "identity", ":user/"]);
    assert!(!kept.text.contains("signs in otherwise"), "{}", kept.text);
    let other = keyreeve_store::SystemPatch {
        settings: Some(SystemSettings {
            permission_profile: PermissionProfile::Lifecycle,
            ..SystemSettings::default()
        }),
        ..Default::default()
    };
    place.store.update_system(&system("fresh"), other, "ada", place.clock.now()).await.unwrap();
    browser.get("/systems/fresh/connection").await.has(&["signs in otherwise since, or for something else"]);
    browser.get("/systems/fresh").await.has(&["What is permitted shows with the first import"]);
    // An import that read nothing says nothing of what is permitted.
    let (status, code) = (403, "InvalidClientTokenId".to_owned());
    let expired = Fault::Error { status, code, message: String::new() };
    place.sandbox.add_fault(FaultRule::new("GetAccountAuthorizationDetails", expired).times(1));
    let (_, run) = place.post("/api/v1/systems/fresh/import-runs", &serde_json::json!({})).await;
    place.ended(&format!("/api/v1/import-runs/{}", run["id"])).await;
    let failed = browser.get("/systems/fresh").await;
    failed.has(&["so what is permitted is not known", "href=\"/systems/fresh/connection\">Test<"]);
    browser
        .get("/systems/prod/policy?profile=read")
        .await
        .has(&["data-copy=\"document-1\"", "iam:ListUsers"]);
    let before = browser.get("/systems/prod/connection").await;
    assert!(before.text.contains("Test the connection") && !before.text.contains("What the test found"));
    let tested = browser.send("/systems/prod/connection", &[]).await;
    tested.has(&["What the test found", "identity", ":user/"]);
    // A quarantine whose cause is over is ended, by an admin.
    let now = place.clock.now();
    let message = "it was another AWS account; mend it, then use `keyreeve system release prod`".to_owned();
    let why = Failure { kind: FailureKind::AccountMismatch, message, effect: Effect::None, at: now };
    place.store.quarantine_system(&system("prod"), why, now).await.unwrap();
    browser
        .get("/systems/prod")
        .await
        .has(&[">Error</span>", "It was another AWS account; mend it, then use “Release” under Connection."]);
    browser.get("/systems/prod/connection").await.has(&["End the quarantine"]);
    let operator = Browser::of(&place, "ola", Role::Operator, &[]).await;
    assert!(!operator.get("/systems/prod/connection").await.text.contains("End the quarantine"));
    let release = async |browser: &Browser<'_>, typed: &str| {
        browser.send("/systems/prod/release", &[("reason", "it was mended"), ("confirm", typed)]).await
    };
    assert_eq!(release(&operator, "prod").await.status, StatusCode::FORBIDDEN);
    for typed in ["", "test"] {
        let refused = release(&browser, typed).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
        assert!(refused.text.contains("Type prod to go on"), "{}", refused.text);
        assert!(refused.text.contains("value=\"it was mended\""), "{}", refused.text);
    }
    assert_eq!(place.store.get_system(&system("prod")).await.unwrap().state, SystemState::Quarantined);
    let released = release(&browser, "prod").await;
    assert_eq!(released.to.as_deref(), Some("/systems/prod/connection?said=released"), "{}", released.text);
    assert_eq!(place.store.get_system(&system("prod")).await.unwrap().state, SystemState::Active);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_are_changed_as_they_were_seen_or_not_at_all() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let page = browser.get("/systems/prod/settings").await;
    page.has(&["Prioritise delete tasks", "name=\"prioritise_delete_tasks\" value=\"true\" checked"]);
    let fields = |seen: &str, deletes: &str, prioritised: bool| {
        let mut all: Vec<(String, String)> = [
            ("seen", seen),
            ("name", "System prod"),
            ("category", "AWS"),
            ("region", ""),
            ("permission_profile", "full"),
            ("first_sign_in", "attach"),
            ("password_delivery", "link"),
            ("deny_all_policy", ""),
            ("max_deletes", deletes),
            ("max_deactivations", "25"),
            ("unclaimed_password_days", "3"),
            ("keep_last_administrator", "true"),
            ("max_requests_per_second", ""),
            ("max_concurrent_requests", "50"),
            ("scim_delete", "deactivate"),
            ("scim_password", "refuse"),
            ("scim_tags", ""),
            ("scim_wait_seconds", "20"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        if prioritised {
            all.push(("prioritise_delete_tasks".to_owned(), "true".to_owned()));
        }
        all
    };
    let send = async |form: &[(String, String)]| {
        let form: Vec<(&str, &str)> =
            form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        browser.send("/systems/prod/settings", &form).await
    };
    let settings = async || place.store.get_system(&system("prod")).await.unwrap().settings;
    let before = settings().await;
    let seen = page.hidden("seen");
    let unchanged = send(&fields(&seen, &before.max_deletes.to_string(), true)).await;
    assert_eq!(
        unchanged.to.as_deref(),
        Some("/systems/prod/settings?said=nothing_changed"),
        "{}",
        unchanged.text
    );
    let bad = send(&fields(&seen, "many", true)).await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", bad.text);
    assert!(bad.text.contains("whole number") && bad.text.contains("value=\"many\""), "{}", bad.text);
    // What is wrong stands beside its field, whichever that is.
    for (name, value) in
        [("max_deletes", "many"), ("category", ""), ("name", "x\u{202e}"), ("region", "nowhere")]
    {
        let mut form = fields(&seen, &before.max_deletes.to_string(), true);
        form.iter_mut().filter(|(field, _)| field == name).for_each(|(_, sent)| *sent = value.to_owned());
        let page = send(&form).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}: {}", page.text);
        let field = page.text.split_once(&format!("id=\"{name}\"")).unwrap().1.split('>').next().unwrap();
        assert!(field.contains("aria-invalid"), "{name}: {field}");
        assert!(!page.text.contains("role=\"alert\""), "{name}: {}", page.text);
    }
    let mut unnamed = fields(&seen, "7", true);
    unnamed[1].1 = String::new();
    assert_eq!(send(&unnamed).await.status, StatusCode::UNPROCESSABLE_ENTITY, "a system has a name");
    let mirrored = |text: &str| {
        let mut all = fields(&seen, "7", false);
        all.iter_mut().filter(|(name, _)| name == "scim_tags").for_each(|(_, value)| text.clone_into(value));
        all
    };
    let wrong = send(&mirrored("nickName=x")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", wrong.text);
    assert!(wrong.text.contains("id=\"scim_tags-about\"><p class=\"error\">"), "{}", wrong.text);
    let mut more = fields(&seen, "7", false);
    more.push(("state".to_owned(), "removed".to_owned()));
    assert_eq!(send(&more).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(settings().await, before);
    let saved = send(&fields(&seen, "7", false)).await;
    assert_eq!(saved.to.as_deref(), Some("/systems/prod/settings?said=saved"), "{}", saved.text);
    let after = settings().await;
    assert_eq!((after.max_deletes, after.prioritise_delete_tasks), (7, false));
    let stale = send(&mirrored("displayName=Name")).await;
    assert_eq!(stale.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", stale.text);
    assert!(stale.text.contains("role=\"alert\"") && settings().await == after, "{}", stale.text);
    let seen = browser.get("/systems/prod/settings").await.hidden("seen");
    let mut form = mirrored("displayName=Name, department=Unit");
    form[0].1 = seen;
    assert_eq!(send(&form).await.status, StatusCode::SEE_OTHER);
    assert_eq!(settings().await.scim_tags.len(), 2);
    browser.get("/systems/prod/settings").await.has(&["value=\"displayName=Name, department=Unit\""]);
    place.stop().await;
}

#[tokio::test]
async fn a_system_is_removed_by_who_types_its_name() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let page = browser.get("/systems/prod/remove").await;
    page.has(&["data-confirm=\"prod\"", "stays taken for good"]);
    page.has(&[
        "Jobs that wait for approval or have not begun are cancelled",
        "Its drift is held up to nobody",
    ]);
    let seen = page.hidden("seen");
    let send = async |confirm: &str, seen: &str| {
        browser
            .send("/systems/prod/remove", &[("seen", seen), ("reason", "it is closed"), ("confirm", confirm)])
            .await
    };
    for wrong in ["", "Prod", "test"] {
        let page = send(wrong, &seen).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert!(page.text.contains("Type prod to go on"), "{}", page.text);
    }
    assert_eq!(send("prod", "0").await.status, StatusCode::UNPROCESSABLE_ENTITY, "it was seen otherwise");
    let state = async || place.store.get_system(&system("prod")).await.unwrap().state;
    assert_eq!(state().await, SystemState::Active);
    assert_eq!(send("prod", &seen).await.to.as_deref(), Some("/systems?said=removed"));
    assert_eq!(state().await, SystemState::Removed);
    let list = browser.get("/systems?said=removed").await;
    list.has(&["The system is removed.", "System test"]);
    assert!(!list.text.contains("System prod"));
    browser.get("/systems?state=removed").await.has(&["System prod"]);
    let page = browser.get("/systems/prod").await;
    page.has(&["It was removed, so there is nothing to do."]);
    for advice in ["Import now", "Nothing is imported by itself", "Test the connection", ">Pending<", ">OK<"]
    {
        assert!(!page.text.contains(advice), "{advice}: {}", page.text);
    }
    let connection = browser.get("/systems/prod/connection").await;
    connection.has(&["its credentials were wiped"]);
    assert!(!connection.text.contains("access key AKIA"), "{}", connection.text);
    let settings = browser.get("/systems/prod/settings").await;
    assert!(
        settings.text.contains("<fieldset disabled>") && !settings.text.contains(">Save<"),
        "{}",
        settings.text
    );
    for form in ["credential", "remove"] {
        assert_eq!(
            browser.get(&format!("/systems/prod/{form}")).await.status,
            StatusCode::CONFLICT,
            "{form}"
        );
    }
    place.stop().await;
}
