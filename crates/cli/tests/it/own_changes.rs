//! What is said of changes of ours before an import has seen them, and of those that somebody has undone.

use keyreeve_sandbox::{Effect, FaultRule, KeyStatus, Mutation};
use serde_json::Value;

use crate::harness::{ACCOUNT, Place, SYSTEM, user};

/// Accounts with a password and a key each, imported by a report.
fn with(names: &[&str]) -> Place {
    let place = Place::registered(0);
    place.run(&["system", "set", SYSTEM, "permission_profile=lifecycle"]).code(0);
    let made = names.iter().flat_map(|name| {
        let login = Mutation::CreateLoginProfile { user: (*name).into(), reset_required: false };
        [user(name), login, Mutation::CreateAccessKey { user: (*name).into() }]
    });
    place.mutate(&made.collect::<Vec<_>>());
    place.run(&["import", "run", SYSTEM]).code(0);
    place
}

fn show(place: &Place, name: &str) -> Value {
    place.json(&["account", "show", SYSTEM, name])
}

fn read_from(account: &Value) -> (&str, &str) {
    (account["status"].as_str().unwrap(), account["credentials"]["source"].as_str().unwrap())
}

#[test]
fn a_leaver_is_not_published_as_enabled_by_a_report_that_is_older_than_the_change() {
    let place = with(&["ada", "bob"]);
    let before = show(&place, "ada");
    assert_eq!(read_from(&before), ("enabled", "credential_report"));
    let report_at = before["credentials"]["as_of"].clone();
    place.run(&["account", "deactivate", SYSTEM, "ada", "--yes"]).code(0);
    // The second of them has no open claims any more, and the same report.
    for _ in 0..2 {
        place.run(&["import", "run", SYSTEM]).code(0);
        let after = show(&place, "ada");
        assert_eq!(read_from(&after), ("disabled", "per_user"), "{after:#}");
        assert_eq!(after["access_keys"][0]["active"], false, "{after:#}");
        let bob = show(&place, "bob");
        assert_eq!(read_from(&bob), ("enabled", "credential_report"));
        assert_eq!(bob["credentials"]["as_of"], report_at);
    }
}

#[test]
fn when_a_key_was_last_used_is_not_forgotten_where_only_an_older_report_tells() {
    let place = with(&["ada"]);
    let state = place.sandbox.state(ACCOUNT).unwrap();
    let users = state["users"].as_array().unwrap();
    let ada = users.iter().find(|user| user["name"] == "ada").unwrap();
    let (key_id, at) = (ada["keys"][0]["id"].as_str().unwrap().to_owned(), "2025-03-01T10:00:00Z");
    let (region, service) = ("eu-central-1".to_owned(), "s3".to_owned());
    place.mutate(&[Mutation::SetKeyUsed { key_id, at: at.parse().unwrap(), region, service }]);
    // The report is made anew after four hours.
    place.sandbox.advance_clock(5 * 3_600);
    place.run(&["import", "run", SYSTEM]).code(0);
    assert_eq!(show(&place, "ada")["access_keys"][0]["last_used_at"], at);
    // The report knows her by another name.
    place.run(&["account", "update", SYSTEM, "ada", "--new-name", "ada-jr", "--yes"]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    let after = show(&place, "ada-jr");
    assert_eq!(read_from(&after), ("enabled", "per_user"), "{after:#}");
    assert_eq!(after["access_keys"][0]["last_used_at"], at, "{after:#}");
}

#[test]
fn keys_that_only_an_older_report_tells_of_are_unknown() {
    let place = with(&["ada"]);
    place.run(&["account", "deactivate", SYSTEM, "ada", "--yes"]).code(0);
    let denied = Effect::Error { status: 403, code: "AccessDenied".to_owned(), message: String::new() };
    place.sandbox.add_fault(FaultRule::new("ListAccessKeys", denied));
    place.run(&["import", "run", SYSTEM]).code(0);
    let after = show(&place, "ada");
    assert_eq!(read_from(&after), ("unknown", "per_user"), "{after:#}");
    assert_eq!((&after["access_keys"], &after["login_profile"]["state"]), (&Value::Null, &"absent".into()));
}

/// The warning of drift of the next import, if it has one.
fn drift(place: &Place) -> Option<String> {
    let run = place.run(&["import", "run", SYSTEM, "--output", "json"]).code(0).json();
    let warnings = run["warnings"].as_array().unwrap();
    let found = warnings.iter().find(|warning| warning["code"] == "drift")?;
    Some(found["message"].as_str().unwrap().to_owned())
}

/// What the claims that the last import settled became, sorted.
fn settled(place: &Place) -> Vec<String> {
    let rows = place.json(&["audit", "list", "--limit", "20"]);
    let row = rows.as_array().unwrap().iter().find(|row| row["action"] == "claims_settled").unwrap();
    let claims = row["subject"]["claims"].as_array().unwrap();
    let mut all: Vec<_> = claims.iter().map(|claim| claim["to"].as_str().unwrap().to_owned()).collect();
    all.sort();
    all
}

fn key_of(place: &Place, name: &str) -> String {
    let state = place.sandbox.state(ACCOUNT).unwrap();
    let users = state["users"].as_array().unwrap();
    let user = users.iter().find(|user| user["name"] == name).unwrap();
    user["keys"][0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_key_that_we_switched_off_and_somebody_switched_on_is_drift() {
    let place = with(&["ada", "bob"]);
    for name in ["ada", "bob"] {
        place.run(&["account", "deactivate", SYSTEM, name, "--yes"]).code(0);
    }
    let key_id = key_of(&place, "ada");
    let on = Mutation::SetKeyStatus { key_id: key_id.clone(), status: KeyStatus::Active };
    place.mutate(&[on]);
    let drift = drift(&place).unwrap();
    let expected = format!("\"ada\" had access key \"{key_id}\" switched off by job 1");
    assert!(drift.contains(&expected), "{drift}");
    assert!(drift.contains("`keyreeve job show 1`") && !drift.contains("bob"), "{drift}");
    assert_eq!(settled(&place), ["confirmed", "confirmed", "confirmed", "contradicted"]);
    assert_eq!(show(&place, "ada")["status"], "enabled");
}

#[test]
fn tags_and_boundaries_that_somebody_changed_are_drift_and_others_are_confirmed() {
    let document = r#"{"Version":"2012-10-17","Statement":[]}"#.to_owned();
    let boundary = |name: &str| Mutation::CreatePolicy {
        name: name.into(),
        path: "/".into(),
        document: document.clone(),
    };
    let place = with(&["ada", "bob"]);
    place.mutate(&[boundary("limit")]);
    place.run(&["system", "set", SYSTEM, "permission_profile=full"]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    let arn = format!("arn:aws:iam::{ACCOUNT}:policy/limit");
    for name in ["ada", "bob"] {
        let update = ["account", "update", SYSTEM, name, "--tag", "team=ops", "--boundary", &arn, "--yes"];
        place.run(&update).code(0);
    }
    let tag = Mutation::TagUser { name: "ada".into(), key: "team".into(), value: "sales".into() };
    place.mutate(&[tag, Mutation::SetBoundary { name: "ada".into(), arn: None }]);
    let drift = drift(&place).unwrap();
    assert!(drift.contains(r#""ada" was tagged "team" = "ops" by job 1"#), "{drift}");
    assert!(drift.contains(&format!("\"ada\" was given boundary \"{arn}\"")), "{drift}");
    assert_eq!(settled(&place), ["confirmed", "confirmed", "contradicted", "contradicted"]);
}

#[test]
fn what_no_import_has_seen_is_pending() {
    let place = with(&["ada", "bob"]);
    let group = |name: &str| Mutation::CreateGroup { name: name.into(), path: "/".into() };
    let join = Mutation::AddToGroup { user: "ada".into(), group: "old".into() };
    place.mutate(&[group("devs"), group("old"), join]);
    place.run(&["import", "run", SYSTEM]).code(0);
    for (what, name) in [("add", "devs"), ("remove", "old")] {
        let change = ["assignment", what, SYSTEM, "--account", "ada", "--group", name, "--yes"];
        place.run(&change).code(0);
    }
    let states = |more: &[&str]| {
        let listed = place.json(&[&["assignment", "list", SYSTEM], more].concat());
        let of = |one: &Value| {
            format!("{} {}", one["resource_name"].as_str().unwrap(), one["state"].as_str().unwrap())
        };
        listed.as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    let pending = ["devs pending_add", "old pending_remove"];
    assert_eq!(states(&["--account", "ada"]), pending);
    assert_eq!(states(&["--group", "DEVS"]), pending[..1]);
    assert_eq!(states(&["--group", "old"]), pending[1..]);
    assert_eq!(states(&["--account", "bob"]), Vec::<String>::new());
    let csv = place.run(&["assignment", "list", SYSTEM, "--output", "csv"]).code(0).stdout;
    assert!(csv.contains("pending_add") && csv.contains("pending_remove"), "{csv}");
    assert_eq!(show(&place, "ada")["groups"][0]["state"], "pending_add");
    let listed = |group| place.run(&["account", "list", SYSTEM, "--group", group]).code(0).stderr;
    assert!(listed("devs").contains("since then Keyreeve gave to an account: ada."), "{}", listed("devs"));
    assert!(listed("old").contains("since then Keyreeve took from an account: ada."), "{}", listed("old"));
    assert!(!place.run(&["account", "list", SYSTEM]).stderr.contains("since then"));
    // What was read then is not what is done now.
    assert_eq!(states(&["--account", "ada", "--as-of", "run:2"]), ["old actual"]);
    place.run(&["import", "run", SYSTEM]).code(0);
    assert_eq!(states(&["--account", "ada"]), ["devs actual"]);
}

#[test]
fn an_account_that_no_import_has_seen_yet_is_said_to_be_made() {
    let place = with(&["ada"]);
    let made = ["account", "create", SYSTEM, "--name", "eve", "--yes", "--output", "json"];
    let job = place.run(&made).code(0).json()["id"].to_string();
    let unseen = place.run(&["account", "show", SYSTEM, "Eve"]).code(2);
    assert!(unseen.stderr.contains(&format!("was made by job {job}")), "{}", unseen.stderr);
    assert!(unseen.stderr.contains("keyreeve import run"), "{}", unseen.stderr);
    let unknown = place.run(&["account", "show", SYSTEM, "zoe"]).code(2);
    assert!(!unknown.stderr.contains("as of that moment"), "{}", unknown.stderr);
    place.run(&["import", "run", SYSTEM]).code(0);
    assert_eq!(show(&place, "eve")["name"], "eve");
}

#[test]
fn what_is_protected_in_one_system_is_protected_in_the_others_of_its_aws_account() {
    let place = with(&["ada"]);
    let added = place.add("second", ACCOUNT).code(0);
    assert!(added.stderr.contains("Protect lists hold for all of them"), "{}", added.stderr);
    place.run(&["import", "run", "second"]).code(0);
    place.run(&["system", "set", "second", "permission_profile=full"]).code(0);
    let queued = ["account", "deactivate", "second", "ada", "--yes", "--no-wait", "--output", "json"];
    let job = place.run(&queued).code(0).json()["id"].to_string();
    place.run(&["protect", "add", SYSTEM, "--account", "ada"]).code(0);
    place.sandbox.clear_trace();
    let ran = place.run(&["job", "apply", &job, "--yes"]).code(1);
    assert!(ran.stdout.contains("protect list"), "{}", ran.stdout);
    let refused = place.run(&["account", "delete", "second", "ada", "--yes"]).code(2);
    assert!(refused.stderr.contains("protect list"), "{}", refused.stderr);
    assert!(place.sandbox.trace().iter().all(|entry| entry.applied.is_none()));
}

#[test]
fn an_account_that_we_changed_is_marked_until_an_import_has_seen_it() {
    let place = with(&["ada", "bob", "eve"]);
    place.run(&["account", "deactivate", SYSTEM, "ada", "--yes"]).code(0);
    place.run(&["account", "delete", SYSTEM, "bob", "--yes"]).code(0);
    place.run(&["account", "create", SYSTEM, "--name", "new", "--yes"]).code(0);
    let listed = place.run(&["account", "list", SYSTEM, "--output", "json"]).code(0);
    let of = |name: &str| {
        let list = listed.json();
        let found = list.as_array().unwrap().iter().find(|one| one["name"] == name).cloned();
        found.map(|account| account["pending"].as_array().unwrap().clone())
    };
    assert_eq!(of("bob").unwrap(), [serde_json::json!({"fact": "account_gone"})]);
    let facts: Vec<Value> = of("ada").unwrap().iter().map(|fact| fact["fact"].clone()).collect();
    assert_eq!(facts, ["key_inactive", "login_profile_absent"]);
    assert_eq!((of("eve").unwrap().len(), of("new")), (0, None));
    let made =
        "Not in the list, because no import has read them yet, are accounts that Keyreeve made (1): new.";
    assert!(listed.stderr.contains(made), "{}", listed.stderr);
    assert_eq!(show(&place, "bob")["pending"][0]["fact"], "account_gone");
    let card = place.run(&["account", "show", SYSTEM, "bob"]).code(0).stdout;
    assert!(card.contains("Not imported yet") && card.contains("was deleted"), "{card}");
    let table = place.run(&["account", "list", SYSTEM]).code(0).stdout;
    assert!(table.contains("PENDING") && table.contains("was deleted"), "{table}");
    let csv = place.run(&["account", "list", SYSTEM, "--output", "csv"]).code(0).stdout;
    assert!(csv.lines().next().unwrap().ends_with(",pending") && csv.contains(",was deleted"), "{csv}");
    // What was published before is as it was.
    let before = place.json(&["account", "list", SYSTEM, "--as-of", "run:1"]);
    assert!(
        before.as_array().unwrap().iter().all(|one| one["pending"] == serde_json::json!([])),
        "{before:#}"
    );
    place.run(&["import", "run", SYSTEM]).code(0);
    let after = place.run(&["account", "list", SYSTEM, "--output", "json"]).code(0);
    assert!(!after.stderr.contains("Not in the list"), "{}", after.stderr);
    let after = after.json();
    let after = after.as_array().unwrap();
    assert!(after.iter().all(|one| one["pending"] == serde_json::json!([])), "{after:#?}");
    assert!(after.iter().any(|one| one["name"] == "new") && after.iter().all(|one| one["name"] != "bob"));
}

#[test]
fn assignments_of_a_name_that_we_gave_say_whose_it_is() {
    let place = with(&["ada"]);
    place.run(&["account", "update", SYSTEM, "ada", "--new-name", "ada.king", "--yes"]).code(0);
    let none = place.run(&["assignment", "list", SYSTEM, "--account", "ada.king"]).code(0);
    assert!(none.stderr.contains("job 1 gave \"ada\" that name"), "{}", none.stderr);
}
