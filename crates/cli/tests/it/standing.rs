//! How a job stands is said where jobs are listed and shown, by `doctor` too, with what to do.

use keyreeve_sandbox::{Effect, FaultRule};
use serde_json::{Value, json};

use crate::harness::{Place, SYSTEM, piped, until, user};
use crate::plans::with;

#[test]
fn a_job_that_nobody_works_on_any_more_is_called_abandoned() {
    let place = with(&[user("anna")]);
    place.sandbox.add_fault(FaultRule::new("DeleteUser", Effect::Hang));
    let mut command = place.command(&["account", "delete", SYSTEM, "anna", "--yes"]);
    command.env("KEYREEVE_IMPORT_LEASE_SECONDS", "1");
    let mut child = piped(command);
    until("the deletion", || {
        place.sandbox.trace().iter().any(|entry| entry.action == "DeleteUser").then_some(())
    });
    child.kill().unwrap();
    child.wait().unwrap();
    place.sandbox.clear_faults();
    let shown = until("the end of the lease", || {
        Some(place.run(&["job", "show", "1"]).code(0).stderr).filter(|said| said.contains("abandoned"))
    });
    assert!(shown.contains("keyreeve job apply 1"), "{shown}");
    assert!(place.run(&["job", "list", SYSTEM]).code(0).stderr.contains("Job 1: it is abandoned"));
    let doctor = place.run(&["doctor", "--output", "json"]).json();
    let job = doctor.as_array().unwrap().iter().find(|check| check["name"] == "job").unwrap();
    assert!(job["message"].as_str().unwrap().contains("job 1 of example: it is abandoned"), "{job}");
    place.run(&["job", "apply", "1", "--yes"]).code(0);
    assert_eq!(place.run(&["job", "show", "1"]).code(0).stderr, "");
}

/// A job of deletions of which the last one is refused.
fn partly_failed(place: &Place, names: &[String]) {
    let wishes: Vec<Value> =
        names.iter().map(|name| json!({"task": "delete_account", "account": name})).collect();
    std::fs::write(place.folder.path().join("wishes.json"), json!(wishes).to_string()).unwrap();
    let mut rule = FaultRule::new("DeleteUser", Effect::AccessDenied);
    rule.on.subject = names.last().cloned();
    place.sandbox.add_fault(rule);
    place.run(&["system", "set", SYSTEM, "max_deletes=100"]).code(0);
    place.run(&["job", "apply", "wishes.json", "--system", SYSTEM, "--yes"]).code(1);
    place.sandbox.clear_faults();
}

#[test]
fn a_large_job_shows_counts_and_what_failed_and_retry_shows_what_it_would_do() {
    let names: Vec<String> = (0..22).map(|number| format!("leaver{number}")).collect();
    let place = with(&names.iter().map(|name| user(name)).collect::<Vec<_>>());
    partly_failed(&place, &names);
    let shown = place.run(&["job", "show", "1"]).code(0).stdout;
    assert!(shown.contains("21 succeeded, 1 failed"), "{shown}");
    assert!(shown.contains("delete_account leaver21 is failed"), "{shown}");
    assert!(!shown.contains("leaver3 ") && shown.contains("job show 1 --tasks"), "{shown}");
    assert!(place.run(&["job", "show", "1", "--tasks"]).code(0).stdout.contains("leaver3 is succeeded"));
    assert_eq!(place.json(&["job", "show", "1"])["tasks"].as_array().unwrap().len(), 22);
    let jobs = |state: &str| place.json(&["job", "list", SYSTEM, "--state", state]).as_array().unwrap().len();
    assert_eq!((jobs("partially_failed"), jobs("succeeded")), (1, 0));
    place.run(&["job", "list", SYSTEM, "--state", "done"]).code(2);

    place.sandbox.clear_trace();
    let plan = place.run(&["job", "retry", "1", "--plan"]).code(0).stdout;
    assert!(plan.contains("Task 1: delete_account leaver21") && plan.contains("DeleteUser"), "{plan}");
    place.run(&["protect", "add", SYSTEM, "--account", "leaver21"]).code(0);
    let plan = place.run(&["job", "retry", "1", "--plan"]).code(1).stdout;
    assert!(plan.contains("protect list"), "{plan}");
    assert!(place.sandbox.trace().iter().all(|entry| entry.applied.is_none()));
}
