//! Imports that fail, stop, or are many.

use keyreeve_sandbox::{Effect, FaultRule};
use serde_json::json;

use crate::harness::{ACCOUNT, OTHER_ACCOUNT, Place, SYSTEM, piped, terminate, until};

#[test]
fn a_run_that_cannot_read_what_it_needs_fails_and_publishes_nothing() {
    let place = Place::imported(5);
    let before = place.json(&["account", "list", SYSTEM]);
    place.sandbox.deny("*", &["iam:ListGroups"]);
    let run = place.run(&["import", "run", SYSTEM, "--output", "json"]).code(1);
    assert_eq!(run.json()["state"], "failed");
    assert!(run.stderr.contains("failed:"), "{}", run.stderr);
    assert_eq!(place.json(&["account", "list", SYSTEM]), before);
    let shown = place.run(&["import", "show", "2"]).code(0);
    assert!(shown.stdout.contains("denied") && shown.stdout.contains("Because"), "{}", shown.stdout);
    let table = place.run(&["import", "run", SYSTEM]).code(1);
    let said = format!("{}{}", table.stdout, table.stderr);
    assert_eq!(said.matches("ListGroups failed").count(), 1, "{said}");
    let refused = place.run(&["import", "diff", "2"]).code(2);
    assert!(refused.stderr.contains("it failed"), "{}", refused.stderr);
}

#[test]
fn one_system_that_fails_does_not_keep_the_others_from_being_imported() {
    let place = Place::registered(3);
    place.add("other", OTHER_ACCOUNT).code(0);
    place
        .sandbox
        .deny(&format!("arn:aws:iam::{ACCOUNT}:user/keyreeve/keyreeve-connector"), &["iam:ListUsers"]);
    let runs = place.run(&["import", "run", "--all", "--output", "json"]).code(1).json();
    let states: Vec<_> =
        runs.as_array().unwrap().iter().map(|run| (run["system_id"].clone(), run["state"].clone())).collect();
    assert_eq!(states, [(json!("example"), json!("failed")), (json!("other"), json!("published"))]);
}

#[test]
fn a_run_that_is_asked_to_stop_is_closed_at_once() {
    let place = Place::registered(3);
    place.sandbox.add_fault(FaultRule::new("ListGroups", Effect::Hang));
    let child = piped(place.command(&["import", "run", SYSTEM, "--output", "json"]));
    until("the call that hangs", || {
        place.sandbox.trace().iter().any(|call| call.action == "ListPolicies").then_some(())
    });
    until("the fault", || place.sandbox.faults().iter().any(|fault| fault.fires > 0).then_some(()));
    terminate(&child);
    let ran = crate::harness::Ran::of(child.wait_with_output().unwrap()).code(1);
    let run = ran.json();
    assert_eq!(run["state"], "failed", "{run:#}");
    assert_eq!(run["failure"]["kind"], "interrupted");
    place.sandbox.clear_faults();
    place.run(&["import", "run", SYSTEM]).code(0);
}

#[test]
fn two_imports_of_one_system_do_not_run_at_once() {
    let place = Place::registered(3);
    place.sandbox.add_fault(FaultRule::new("ListGroups", Effect::Hang));
    let child = piped(place.command(&["import", "run", SYSTEM]));
    until("the fault", || place.sandbox.faults().iter().any(|fault| fault.fires > 0).then_some(()));
    let refused = place.run(&["import", "run", SYSTEM]).code(2);
    assert!(refused.stderr.contains("under way"), "{}", refused.stderr);
    terminate(&child);
    crate::harness::Ran::of(child.wait_with_output().unwrap()).code(1);
}

#[test]
fn an_import_profile_narrows_what_is_read() {
    let place = Place::registered(8);
    let new = place
        .run(&[
            "import",
            "profile",
            "set",
            SYSTEM,
            "groups-only",
            "objects=groups",
            "thresholds.small.deleted=none",
        ])
        .code(0);
    assert!(new.stderr.contains("is new"), "{}", new.stderr);
    let profile = place.json(&["import", "profile", "show", SYSTEM, "groups-only"]);
    assert_eq!(profile["objects"], json!(["groups"]));
    assert_eq!(profile["thresholds"]["small"]["deleted"], json!(null));
    place.run(&["import", "run", SYSTEM, "--profile", "groups-only"]).code(0);
    assert_eq!(place.json(&["account", "list", SYSTEM]), json!([]));
    assert!(!place.json(&["resource", "list", SYSTEM]).as_array().unwrap().is_empty());
    let names = place.json(&["import", "profile", "list", SYSTEM]);
    assert_eq!(names.as_array().unwrap().len(), 2);
}

#[test]
fn the_list_of_runs_begins_with_the_newest() {
    let place = Place::imported(2);
    place.run(&["import", "run", SYSTEM]).code(0);
    let runs = place.json(&["import", "list", SYSTEM]);
    let ids: Vec<_> = runs.as_array().unwrap().iter().map(|run| run["id"].clone()).collect();
    assert_eq!(ids, [json!(2), json!(1)]);
    assert_eq!(place.json(&["import", "list", SYSTEM, "--limit", "1"]).as_array().unwrap().len(), 1);
    let second = place.run(&["import", "diff", "2"]).code(0);
    assert!(
        second.stdout.is_empty()
            && second.stderr.contains("Import run 2 changed nothing, compared with run 1."),
        "{}",
        second.stderr
    );
}

#[test]
fn a_credential_report_that_is_denied_or_cut_is_warned_of_everywhere() {
    let place = Place::registered(5);
    let warned = |number: &str, code: &str, state: &str| {
        let ran = place.run(&["import", "run", SYSTEM, "--output", "json"]).code(0);
        let run = ran.json();
        assert_eq!(run["state"], "published");
        let codes: Vec<_> = run["warnings"].as_array().unwrap().iter().map(|one| &one["code"]).collect();
        assert_eq!(codes, [code], "{run:#}");
        let collections = run["collections"].as_array().unwrap();
        let report = collections.iter().find(|one| one["name"] == "credential_report").unwrap();
        assert_eq!(report["state"], state);
        assert!(report["reason"].is_string(), "{report:#}");
        assert!(ran.stderr.contains(code) && ran.stderr.contains("MFA"), "{}", ran.stderr);
        let shown = place.run(&["import", "show", number]).code(0).stdout;
        assert!(shown.contains("Warnings:") && shown.contains(code), "{shown}");
    };
    place.sandbox.deny("*", &["iam:GenerateCredentialReport"]);
    warned("1", "credential_report_denied", "denied");
    let keys = place.json(&["account", "list", SYSTEM]);
    assert!(keys.as_array().unwrap().iter().all(|account| account["access_keys"].is_null()), "{keys:#}");
    let place = Place::registered(5);
    place.sandbox.deny("*", &["iam:GetCredentialReport"]);
    let ran = place.run(&["import", "run", "--all"]).code(0);
    assert!(ran.stderr.contains("credential_report_denied"), "{}", ran.stderr);
}

#[test]
fn a_failed_run_does_not_count_changes_it_never_looked_for() {
    let place = Place::imported(2);
    place.sandbox.deny("*", &["iam:ListGroups"]);
    place.run(&["import", "run", SYSTEM]).code(1);
    let list = place.run(&["import", "list", SYSTEM]).code(0).stdout;
    let failed = list.lines().find(|line| line.contains("failed")).unwrap();
    assert!(!failed.contains("+0"), "{list}");
    let shown = place.run(&["import", "show", "2"]).code(0).stdout;
    assert!(shown.contains("nothing was compared") && !shown.contains("+0"), "{shown}");
    let csv = place.run(&["import", "show", "2", "--output", "csv"]).code(0).stdout;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let column =
        reader.headers().unwrap().iter().position(|name| name == "changes.accounts.created").unwrap();
    assert_eq!(&reader.records().next().unwrap().unwrap()[column], "");
}
