//! Jobs: found, understood, decided, tried again, and the passwords they make.

use keyreeve_model::{PermissionProfile, Role, SystemSettings};
use keyreeve_sandbox::{Effect, FaultRule, Mutation};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Browser, Seen};
use crate::place::{PROD_ACCOUNT, Place};

const JOBS: &str = "/api/v1/systems/prod/jobs";

/// Asks for changes: the job.
async fn asked(place: &Place, wishes: Value, reason: Option<&str>) -> Value {
    let (status, job) = place.post(JOBS, &json!({"wishes": wishes, "reason": reason})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{job}");
    job
}

/// A job that waits for a second person: two deletions.
async fn waiting(place: &Place) -> (Value, Vec<String>) {
    let people: Vec<String> = place.people().await.into_iter().take(2).collect();
    let gone = |name: &String| json!({"task": "delete_account", "account": name});
    let job = asked(place, people.iter().map(gone).collect(), Some("they left")).await;
    assert_eq!(job["state"], "awaiting_approval", "{job}");
    (job, people)
}

fn page_of(job: &Value) -> String {
    format!("/jobs/{}", job["id"])
}

/// What is to be copied.
fn copied(page: &Seen, id: &str) -> String {
    let begin = format!("<code id=\"{id}\">");
    page.text.split(&begin).nth(1).unwrap().split('<').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_are_found_by_state_kind_account_and_system() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Viewer, &[]).await;
    browser.get("/jobs").await.has(&["Nothing was asked for yet", "href=\"/jobs\" aria-current=\"page\""]);
    let (waits, people) = waiting(&place).await;
    let reason = "\"><script>alert(1)</script>\u{202e}";
    let (status, refused) = place
        .post(JOBS, &json!({"wishes": [{"task": "create_account", "name": "new"}], "reason": reason}))
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
    let made =
        asked(&place, json!([{"task": "create_account", "name": "new"}]), Some("<script>alert(1)")).await;
    place.ended(&format!("/api/v1{}", page_of(&made))).await;
    let rows = |page: &Seen| page.text.matches("<tr>").count() - 1;
    let all = browser.get("/jobs").await;
    all.has(&["Delete account", "several", "Create account", ">new<", "&#60;script&#62;alert(1)"]);
    assert!(!all.text.contains("<script>"), "{}", all.text);
    assert_eq!(rows(&all), 2, "{}", all.text);
    for (query, of) in [
        ("state=awaiting_approval", &waits),
        ("kind=create_account", &made),
        ("account=NEW", &made),
        (&format!("account={}&kind=delete_account&state=awaiting_approval", people[1]), &waits),
        ("limit=1", &made),
        ("limit=1&sort=job", &waits),
    ] {
        for address in ["/jobs", "/systems/prod/jobs"] {
            let page = browser.get(&format!("{address}?{query}")).await;
            page.has(&[&format!("href=\"{}\"", page_of(of))]);
            assert_eq!(rows(&page), 1, "{query}: {}", page.text);
        }
    }
    for nothing in ["/jobs?state=failed", "/jobs?account=nobody", "/jobs?system=test"] {
        browser.get(nothing).await.has(&["Nothing fits"]);
    }
    browser.get("/systems/test/jobs").await.has(&["Nothing was asked for yet"]);
    let file = browser.get("/jobs?format=csv&kind=delete_account").await.text;
    assert!(file.starts_with("Job,System,What,Account,Tasks,State,"), "{file}");
    assert_eq!(file.matches("\r\n").count(), 2, "{file}");
    let other = Browser::of(&place, "bea", Role::Admin, &["test"]).await;
    assert!(other.get("/jobs").await.text.contains("Nothing was asked for yet"));
    for address in ["/jobs?system=prod", "/systems/prod/jobs"] {
        assert_eq!(other.get(address).await.status, StatusCode::FORBIDDEN, "{address}");
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s35_a_job_is_approved_by_another_person_exactly_as_it_was_seen() {
    let place = Place::start().await;
    let approver = Browser::of(&place, "ada", Role::Approver, &[]).await;
    let operator = Browser::of(&place, "ola", Role::Operator, &[]).await;
    let (job, people) = waiting(&place).await;
    let address = page_of(&job);
    let live = format!("data-live=\"/api/v1{address}/events\"");
    approver.get("/").await.has(&[&format!("href=\"{address}\"")]);
    let page = approver.get(&address).await;
    page.has(&[">Awaits approval<", &live, "DeleteUser", &people[0], "they left", "Approve…", "Reject…"]);
    page.has(&["Who may approve it: ada."]);
    assert!(!page.text.contains("Cancel…"), "an approver cancels nothing");
    assert!(!page.text.contains("You cannot decide"), "{}", page.text);
    let seen_by_operator = operator.get(&address).await;
    seen_by_operator.has(&[
        "Cancel…",
        "You cannot decide about it: your role here is operator, and it takes an approver",
    ]);
    assert!(!seen_by_operator.text.contains("Approve…"), "{}", seen_by_operator.text);
    assert_eq!(operator.get(&format!("{address}/approve")).await.status, StatusCode::FORBIDDEN);

    let form = approver.get(&format!("{address}/approve")).await;
    form.has(&["DeleteUser is called 2 times.", "data-confirm=\"prod\"", "Their reason: they left"]);
    // What is approved is there, call by call.
    form.has(&["Blocks the deletion", &format!("Delete account: {}", people[0]), &people[1]]);
    let seen = form.hidden("seen");
    let approve = async |browser: &Browser<'_>, seen: &str, confirm: &str| {
        let form = [("seen", seen), ("reason", "it is right"), ("confirm", confirm)];
        browser.send(&format!("{address}/approve"), &form).await
    };
    assert_eq!(approve(&operator, &seen, "prod").await.status, StatusCode::FORBIDDEN);
    for (seen, confirm, why) in
        [(seen.as_str(), "test", "Type prod to go on"), ("0", "prod", "is not the one that was seen")]
    {
        let refused = approve(&approver, seen, confirm).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
        assert!(refused.text.contains(why), "{}", refused.text);
    }
    assert_eq!(place.writes(), Vec::<String>::new());
    let done = approve(&approver, &seen, "prod").await;
    assert_eq!(done.to, Some(format!("{address}?said=job_approved")), "{}", done.text);
    let ended = place.ended(&format!("/api/v1{address}")).await;
    assert_eq!(ended["state"], "succeeded", "{ended}");
    let request = ended["tasks"][0]["steps"][0]["request_id"].as_str().unwrap();
    let page = approver.get(&address).await;
    page.has(&[">Succeeded<", ">Applied<", request, "it is right", "Approved by"]);
    assert!(!page.text.contains("data-live") && !page.text.contains("Approve…"), "{}", page.text);
    assert_eq!(approver.get(&format!("{address}/approve")).await.status, StatusCode::CONFLICT);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_to_approve_sees_what_has_changed_since_it_was_asked_for() {
    let place = Place::start().await;
    let approver = Browser::of(&place, "ada", Role::Approver, &[]).await;
    let (job, people) = waiting(&place).await;
    let again = [Mutation::DeleteAndRecreateUser { name: people[0].clone() }];
    place.sandbox.mutate(PROD_ACCOUNT, &again).unwrap();
    let page = approver.get(&format!("{}/approve", page_of(&job))).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", page.text);
    for text in [
        "has changed since it was planned",
        "role=\"alert\"",
        "Blocks the deletion",
        "What it would be now",
        "What was asked for",
        "Reject…",
    ] {
        assert!(page.text.contains(text), "{text}: {}", page.text);
    }
    // The one is what was asked for, the other deletes whom nobody meant; neither can be approved.
    let (now, asked) = page.text.split_once("What was asked for").unwrap();
    let of_both = format!("<h2>Delete account: {}</h2>", people[1]);
    assert!(now.contains(&of_both), "{now}");
    // The job itself is none of what is asked for besides.
    assert!(now.contains("2 deletions are asked for, and more than 1 need a second person"), "{now}");
    assert!(asked.contains(&format!("Delete account: {}</h2>", people[1])), "{asked}");
    assert!(!page.text.contains("data-confirm") && !page.text.contains("plan_stale"), "{}", page.text);
    let form = [("seen", job["plan_sha256"].as_str().unwrap()), ("reason", ""), ("confirm", "prod")];
    let refused = approver.send(&format!("{}/approve", page_of(&job)), &form).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
    assert!(refused.text.contains("What it would be now"), "{}", refused.text);
    assert_eq!(place.writes(), Vec::<String>::new());
    for nothing in ["/jobs/x", "/jobs/x/approve", "/jobs/99999999999999999999"] {
        let page = approver.get(nothing).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{nothing}");
        let said = format!("There is no job {}.", nothing.split('/').nth(2).unwrap());
        assert!(page.text.contains(&said), "{said}: {}", page.text);
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_rejected_with_a_reason_or_cancelled_and_nothing_of_it_is_done() {
    let place = Place::start().await;
    let approver = Browser::of(&place, "ada", Role::Approver, &[]).await;
    let operator = Browser::of(&place, "ola", Role::Operator, &[]).await;
    let (job, people) = waiting(&place).await;
    let address = page_of(&job);
    approver.get(&format!("{address}/reject")).await.has(&["name=\"reason\"", "required"]);
    // What waits has the time at which it was asked for.
    let account = super::accounts::address_of(&place, &people[0]).await;
    let history = approver.get(&format!("{account}/history?from=job&format=csv")).await.text;
    let asked_at = job["created_at"].as_str().unwrap().get(..16).unwrap().replace('T', " ");
    let row = history.lines().nth(1).unwrap_or_default().replace('T', " ");
    assert!(row.starts_with(&asked_at), "{asked_at}: {history}");
    let reject = async |browser: &Browser<'_>, reason: &str| {
        browser.send(&format!("{address}/reject"), &[("reason", reason)]).await
    };
    assert_eq!(reject(&operator, "no").await.status, StatusCode::FORBIDDEN);
    let without = reject(&approver, " ").await;
    assert_eq!(without.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(without.text.contains("A reason must be given"), "{}", without.text);
    let done = reject(&approver, "they stay").await;
    assert_eq!(done.to, Some(format!("{address}?said=job_rejected")), "{}", done.text);
    let page = approver.get(&address).await;
    page.has(&["<h1>Job 1 <span class=\"badge quiet\">Rejected</span>", "Rejected by", "they stay"]);
    // Its tasks say what did that.
    page.has(&[">Rejected by ada.<"]);
    assert!(!page.text.contains("aken back"), "{}", page.text);
    for dismissed in [
        operator.get(&format!("{address}/dismiss")).await,
        operator.send(&format!("{address}/dismiss"), &[("reason", "x")]).await,
    ] {
        dismissed.refuses(StatusCode::CONFLICT, &["Job 1 is rejected: only a job that failed"]);
    }
    // Programs are told what they always were.
    let (state, found) =
        (place.get(&format!("/api/v1{address}")).await["state"].clone(), "Rejected</span> by ada: they stay");
    assert_eq!(state, "cancelled");
    approver.get("/jobs").await.has(&[found]);
    approver.get("/jobs?state=rejected").await.has(&[found]);
    approver.get("/jobs?state=cancelled").await.has(&["Nothing fits"]);
    let late = approver.get(&format!("{address}/approve")).await;
    assert!(late.text.contains("Job 1 is rejected"), "{}", late.text);
    // Whose account it was about reads it there as well.
    approver.get(&format!("{account}/history")).await.has(&[
        "rejected by ada",
        "Delete account. Reason: they left. Rejected because: they stay.",
        ">Rejected</span>",
    ]);
    // Whoever sends it twice is led to the same place; somebody else is told that it is decided.
    assert_eq!(reject(&approver, "they stay").await.to, done.to);
    let other = Browser::of(&place, "bo", Role::Approver, &[]).await;
    let late = reject(&other, "once more").await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", late.text);

    let (other, _) = waiting(&place).await;
    let address = page_of(&other);
    operator.get(&format!("{address}/cancel")).await.has(&["What has not begun is taken back."]);
    let cancel = format!("{address}/cancel");
    assert_eq!(approver.send(&cancel, &[]).await.status, StatusCode::FORBIDDEN);
    let done = operator.send(&cancel, &[]).await;
    assert_eq!(done.to, Some(format!("{address}?said=job_cancelled")), "{}", done.text);
    operator.get(&address).await.has(&[">Cancelled<"]);
    approver.get("/jobs?state=cancelled").await.has(&[&format!("href=\"{address}\""), ">Cancelled</span>"]);
    approver.get("/jobs?state=rejected").await.has(&[found]);
    assert_eq!(operator.get(&cancel).await.status, StatusCode::CONFLICT);
    assert_eq!(place.writes(), Vec::<String>::new());
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_failed_is_tried_again_with_its_plan_and_a_new_secret_that_is_shown_once() {
    let place = Place::start().await;
    let operator = Browser::of(&place, "ola", Role::Operator, &[]).await;
    let viewer = Browser::of(&place, "vi", Role::Viewer, &[]).await;
    place.sandbox.add_fault(FaultRule::new("CreateUser", Effect::AccessDenied).times(1).min_fires(1));
    let job = asked(&place, json!([{"task": "create_account", "name": "ada"}]), None).await;
    let address = page_of(&job);
    let failed = place.ended(&format!("/api/v1{address}")).await;
    let why = failed["tasks"][0]["failure"]["message"].as_str().unwrap();
    let page = operator.get(&address).await;
    page.has(&[
        ">Failed<",
        "CreateUser",
        "Try again…",
        "class=\"failed\"",
        "Next: allow what is missing in AWS",
    ]);
    assert!(page.text.contains(&why[1..20]), "{why}: {}", page.text);
    assert!(!viewer.get(&address).await.text.contains("Try again…"));
    let retry = format!("{address}/retry");
    for status in
        [viewer.get(&retry).await.status, viewer.send(&retry, &[("seen", "x"), ("once", "x")]).await.status]
    {
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
    let before = place.calls("CreateUser");
    let plan = operator.get(&retry).await;
    plan.has(&["Create account: ada", "CreateLoginProfile", ">Try again</button>"]);
    let other = operator.send(&retry, &[("seen", "another"), ("once", "1")]).await;
    assert!(other.text.contains("has changed since it was looked at"), "{}", other.text);
    assert_eq!(place.calls("CreateUser"), before, "a plan changes nothing");
    let again =
        operator.send(&retry, &[("seen", &plan.hidden("seen")), ("once", &plan.hidden("once"))]).await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.text);
    let task = failed["tasks"][0]["id"].to_string();
    assert!(copied(&again, &format!("secret-{task}")).starts_with("krs_"), "{}", again.text);
    assert_eq!(place.ended(&format!("/api/v1{address}")).await["state"], "succeeded");
    let page = operator.get(&address).await;
    page.has(&[">Succeeded<", ">Not opened yet<"]);
    assert!(!page.text.contains("krs_"), "{}", page.text);
    assert_eq!(operator.get(&retry).await.status, StatusCode::CONFLICT);
    assert!(place.sandbox.unfired().is_empty());
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_nobody_opened_is_replaced_by_a_reset_and_its_new_secret_is_shown_once() {
    let place = Place::start().await;
    let operator = Browser::of(&place, "ola", Role::Operator, &[]).await;
    let viewer = Browser::of(&place, "vi", Role::Viewer, &[]).await;
    let job = asked(&place, json!([{"task": "create_account", "name": "ada"}]), None).await;
    let address = page_of(&job);
    let made = place.ended(&format!("/api/v1{address}")).await;
    let reset = format!("{address}/tasks/{}/reset", made["tasks"][0]["id"]);
    operator.get(&address).await.has(&[">Not opened yet<", &format!("href=\"{reset}\"")]);
    assert!(!viewer.get(&address).await.text.contains(&reset));
    assert_eq!(viewer.get(&reset).await.status, StatusCode::FORBIDDEN);
    let form = operator.get(&reset).await;
    form.has(&["UpdateLoginProfile", "data-confirm=\"ada\""]);
    let hidden = ["wishes", "seen", "meant", "once", "next"]
        .map(|name| (name, form.hidden(name).replace("&#34;", "\"")));
    let send = async |browser: &Browser<'_>, seen: &str, confirm: &str| {
        let hidden = hidden.iter().map(|(name, value)| (*name, if *name == "seen" { seen } else { value }));
        let form: Vec<(&str, &str)> = hidden.chain([("reason", ""), ("confirm", confirm)]).collect();
        browser.send("/systems/prod/changes", &form).await
    };
    let seen = form.hidden("seen");
    assert_eq!(send(&viewer, &seen, "ada").await.status, StatusCode::FORBIDDEN);
    for (seen, confirm, why) in
        [(seen.as_str(), "Ada", "Type ada to go on"), ("0", "ada", "has changed since it was looked at")]
    {
        let refused = send(&operator, seen, confirm).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
        assert!(refused.text.contains(why), "{}", refused.text);
    }
    assert_eq!(place.calls("UpdateLoginProfile"), 0);
    let given = send(&operator, &seen, "ada").await;
    assert_eq!(given.status, StatusCode::OK, "{}", given.text);
    let next = given.text.split("secrets of job ").nth(1).unwrap().split('<').next().unwrap();
    let ended = place.ended(&format!("/api/v1/jobs/{next}")).await;
    assert_eq!(ended["state"], "succeeded", "{ended}");
    let secret = copied(&given, &format!("secret-{}", ended["tasks"][0]["id"]));
    let opened = operator.send("/one-time", &[("secret", &secret)]).await;
    opened.has(&["This is the password."]);
    operator.get(&format!("/jobs/{next}")).await.has(&[">Opened<"]);
    operator.get(&address).await.has(&[">Replaced since<"]);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancellation_that_comes_too_late_says_so() {
    let place = Place::start().await;
    let operator = Browser::of(&place, "ola", Role::Operator, &[]).await;
    place.sandbox.add_fault(FaultRule::new("CreateUser", Effect::Latency { ms: 3_000 }).times(1));
    let job = asked(&place, json!([{"task": "create_account", "name": "ada"}]), None).await;
    let address = page_of(&job);
    for _ in 0..500 {
        if place.get(&format!("/api/v1{address}")).await["state"] == "running" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let done = operator.send(&format!("{address}/cancel"), &[]).await;
    assert_eq!(done.to, Some(format!("{address}?said=nothing_cancelled")), "{}", done.text);
    operator.get(&format!("{address}?said=nothing_cancelled")).await.has(&["nothing was taken back"]);
    assert_eq!(place.ended(&format!("/api/v1{address}")).await["state"], "succeeded");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_is_of_whom_the_password_was_made_for_and_not_of_whoever_has_the_name_by_now() {
    let place = Place::start().await;
    let operator = Browser::of(&place, "ola", Role::Operator, &[]).await;
    let job = asked(&place, json!([{"task": "create_account", "name": "ada"}]), None).await;
    let address = page_of(&job);
    let made = place.ended(&format!("/api/v1{address}")).await;
    let reset = format!("{address}/tasks/{}/reset", made["tasks"][0]["id"]);
    let newcomer = [
        Mutation::DeleteAndRecreateUser { name: "ada".into() },
        Mutation::CreateLoginProfile { user: "ada".into(), reset_required: false },
    ];
    place.sandbox.mutate(PROD_ACCOUNT, &newcomer).unwrap();
    place.import("prod").await;
    let page = operator.get(&reset).await;
    assert_eq!(page.status, StatusCode::CONFLICT, "{}", page.text);
    assert!(page.text.contains("another user has that name now"), "{}", page.text);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_operator_mode_a_password_is_shown_once() {
    let place = Place::with(SystemSettings {
        permission_profile: PermissionProfile::Full,
        password_delivery: keyreeve_model::PasswordDelivery::Operator,
        ..SystemSettings::default()
    })
    .await;
    let operator = Browser::of(&place, "ola", Role::Operator, &[]).await;
    let viewer = Browser::of(&place, "vi", Role::Viewer, &[]).await;
    let job = asked(&place, json!([{"task": "create_account", "name": "ada"}]), None).await;
    let address = page_of(&job);
    let made = place.ended(&format!("/api/v1{address}")).await;
    let password = format!("{address}/tasks/{}/password", made["tasks"][0]["id"]);
    operator.get(&address).await.has(&["Show the password of ada, once", &format!("action=\"{password}\"")]);
    assert!(!viewer.get(&address).await.text.contains("Show the password"));
    assert_eq!(viewer.send(&password, &[]).await.status, StatusCode::FORBIDDEN);
    let other = Browser::of(&place, "bea", Role::Operator, &["test"]).await;
    assert_eq!(other.send(&password, &[]).await.status, StatusCode::NOT_FOUND);
    let shown = operator.send(&password, &[]).await;
    shown.has(&["The password, shown this once"]);
    assert!(!copied(&shown, "password").is_empty());
    // Whoever presses twice sees the second answer alone: it leads to what can be done about it.
    let again = operator.send(&password, &[]).await;
    assert_eq!(again.to, Some(format!("{address}?said=shown_before")), "{}", again.text);
    operator
        .get(&format!("{address}?said=shown_before"))
        .await
        .has(&["shown already, and is shown once only"]);
    operator.get(&address).await.has(&[">Opened<"]);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s18_s19_a_job_of_others_is_not_there_and_forms_of_elsewhere_do_nothing() {
    let place = Place::start().await;
    let other = Browser::of(&place, "bea", Role::Admin, &["test"]).await;
    let admin = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let (job, _) = waiting(&place).await;
    let address = page_of(&job);
    let task = job["tasks"][0]["id"].to_string();
    for page in ["", "/approve", "/reject", "/cancel", "/dismiss", "/retry", &format!("/tasks/{task}/reset")]
    {
        let status = other.get(&format!("{address}{page}")).await.status;
        assert_eq!(status, StatusCode::NOT_FOUND, "{page}");
    }
    let seen = admin.get(&format!("{address}/approve")).await.hidden("seen");
    let approval = [("seen", seen.as_str()), ("reason", ""), ("confirm", "prod")];
    let forms: [(String, &[(&str, &str)]); 6] = [
        (format!("{address}/approve"), &approval),
        (format!("{address}/reject"), &[("reason", "no")]),
        (format!("{address}/cancel"), &[]),
        (format!("{address}/dismiss"), &[("reason", "no")]),
        (format!("{address}/retry"), &[("seen", "x"), ("once", "x")]),
        (format!("{address}/tasks/{task}/password"), &[]),
    ];
    for (address, form) in &forms {
        assert_eq!(other.send(address, form).await.status, StatusCode::NOT_FOUND, "{address}");
        let foreign = admin.send_from(address, form, "https://evil.example").await;
        assert_eq!(foreign.status, StatusCode::FORBIDDEN, "{address}");
        let more: Vec<(&str, &str)> = form.iter().copied().chain([("actor", "bea")]).collect();
        assert_eq!(admin.send(address, &more).await.status, StatusCode::BAD_REQUEST, "{address}");
    }
    assert_eq!(place.get(&format!("/api/v1{address}")).await["state"], "awaiting_approval");
    assert_eq!(place.writes(), Vec::<String>::new());
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asked_is_told_in_place_that_somebody_else_approves() {
    let place = Place::start().await;
    let ola = Browser::of(&place, "ola", Role::Admin, &[]).await;
    let token = place.token_of("ola", Role::Admin, &[]).await;
    let people: Vec<String> = place.people().await.into_iter().take(2).collect();
    let gone = |name: &String| json!({"task": "delete_account", "account": name});
    let wishes: Value = people.iter().map(gone).collect();
    let (_, job) = place.send(reqwest::Method::POST, JOBS, &token, &json!({"wishes": wishes})).await;
    assert_eq!(job["state"], "awaiting_approval", "{job}");
    let page = ola.get(&page_of(&job)).await;
    page.has(&["You cannot decide about it: you asked for it", "Nobody who signs in here may approve it"]);
    assert!(!page.text.contains("Approve…"), "{}", page.text);
    // Whoever comes to the forms all the same finds that in their place.
    for form in ["approve", "reject"] {
        let page = ola.get(&format!("{}/{form}", page_of(&job))).await;
        page.has(&["You cannot decide about it: you asked for it"]);
        assert!(
            !page.text.contains("name=\"reason\"") && !page.text.contains("Approve, and begin"),
            "{}",
            page.text
        );
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_leads_to_its_accounts_to_what_was_written_down_and_to_the_import_that_saw_it() {
    let place = Place::start().await;
    let viewer = Browser::of(&place, "vi", Role::Viewer, &[]).await;
    let job = asked(&place, json!([{"task": "create_account", "name": "ada"}]), Some("she joins")).await;
    let address = page_of(&job);
    let done = place.ended(&format!("/api/v1{address}")).await;
    assert_eq!(done["state"], "succeeded", "{done:#}");
    let account = done["tasks"][0]["account_external_id"].as_str().unwrap();
    let page = viewer.get(&address).await;
    page.has(&[
        &format!("<a href=\"/systems/prod/accounts/{account}\">ada</a>"),
        "not seen by an import yet",
    ]);
    let log =
        page.text.split("href=\"/audit?").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&");
    let log = viewer.get(&format!("/audit?{log}")).await;
    log.has(&["job_created", "she joins"]);
    place.import("prod").await;
    let run = place.get("/api/v1/systems/prod/import-runs").await["items"][0]["id"].to_string();
    viewer.get(&address).await.has(&[&format!("seen by <a href=\"/imports/{run}\">import run {run}</a>")]);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_asked_for_names_the_group_or_policy_who_approved_it_and_why() {
    let place = Place::start().await;
    let viewer = Browser::of(&place, "vi", Role::Viewer, &[]).await;
    let people = place.people().await;
    let made = [
        Mutation::CreateGroup { name: "zz-crew".into(), path: "/".into() },
        Mutation::CreateGroup { name: "zz-other".into(), path: "/".into() },
    ];
    place.sandbox.mutate(PROD_ACCOUNT, &made).unwrap();
    place.import("prod").await;
    let person = &people[0];
    let wish =
        |group: &str, account: &str| json!({"task": "add_assignment", "account": account, "group": group});
    let job = asked(&place, json!([wish("zz-crew", person)]), Some("she builds it")).await;
    place.ended(&format!("/api/v1{}", page_of(&job))).await;
    let both = json!([wish("zz-other", person), wish("zz-other", &people[1])]);
    let two = asked(&place, both, None).await;
    place.ended(&format!("/api/v1{}", page_of(&two))).await;
    let list = viewer.get("/jobs").await;
    list.has(&[
        &format!("<td>Add group zz-crew to {person}</td>"),
        &format!("<td>Add group zz-other to {person} and 1 more change</td>"),
        "she builds it",
    ]);
    viewer.get(&page_of(&job)).await.has(&["Add group zz-crew"]);
    let account = super::accounts::address_of(&place, person).await;
    let history = viewer.get(&format!("{account}/history")).await;
    history.has(&["Add group zz-crew. ", "Reason: she builds it", "Add group zz-other."]);
    // The audit log finds what was done with jobs about an account by that, whoever is named in the row.
    let approver = Browser::of(&place, "ada", Role::Approver, &[]).await;
    let (waits, deleted) = waiting(&place).await;
    viewer.get("/").await.has(&[
        &format!("Delete account {} and 1 more change, asked for by", deleted[0]),
        "waits for a second person. Reason: they left",
    ]);
    let form = approver.get(&format!("{}/approve", page_of(&waits))).await;
    let form = [("seen", form.hidden("seen")), ("reason", "seen to".into()), ("confirm", "prod".into())];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let done = approver.send(&format!("{}/approve", page_of(&waits)), &form).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    place.ended(&format!("/api/v1{}", page_of(&waits))).await;
    viewer.get("/audit?action=job_approved").await.has(&[
        &format!("Delete account {} and 1 more change, asked for by admin-", deleted[0]),
        ", approved by ada. Reason: they left {",
    ]);
    // When it was asked for nobody had approved it yet.
    let asked = viewer.get("/audit?action=job_created").await;
    asked.has(&[&format!("Delete account {} and 1 more change, asked for by admin-", deleted[0])]);
    assert!(!asked.text.contains("approved by"), "{}", asked.text);
    let row = place.get("/api/v1/audit?action=job_created").await["items"][2]["seq"].to_string();
    viewer
        .get(&format!("/audit/{row}"))
        .await
        .has(&[&format!("Add group zz-crew to {person}, asked for by admin-"), "Reason: she builds it"]);
    let about = async |account: &str, action: &str| {
        let address = format!("/audit?action={action}&account={account}&limit=250");
        let page = viewer.get(&address).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        let rest = place.get(&format!("/api/v1/audit?action={action}&account={account}")).await;
        let rows = page.text.matches("<tr>").count().saturating_sub(1);
        assert_eq!(rest["items"].as_array().unwrap().len(), rows, "{rest}");
        rows
    };
    for (account, approved, created) in
        [(deleted[1].to_uppercase(), 1, 2), (people[2].clone(), 0, 0), (deleted[0].clone(), 1, 3)]
    {
        assert_eq!(about(&account, "job_approved").await, approved, "{account}");
        assert_eq!(about(&account, "job_created").await, created, "{account}");
    }
    place.stop().await;
}
