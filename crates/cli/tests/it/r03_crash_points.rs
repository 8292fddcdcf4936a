//! R03: the command ends at each named point on the way of a job into the store, and of an import, once and twice in
//! a row. A job is there whole or not at all; readers see the import before or after, never a mix.
//!
//! The points of a worker are passed in `engine/tests/it/provisioning/r03_crash_points.rs`. A new stage of points does
//! not compile without a line in [`who_crashes_there`].

use std::os::unix::process::ExitStatusExt as _;

use keyreeve_model::TaskKind;
use keyreeve_sandbox::Mutation;
use keyreeve_store::{CrashPoint, CrashStage};
use serde_json::{Value, json};

use crate::harness::{ACCOUNT, Place, SYSTEM, timeless, user};

/// The test that has processes end at the points of a stage.
fn who_crashes_there(stage: CrashStage) -> &'static str {
    match stage {
        CrashStage::Queuing => "r03_a_command_that_ends_while_it_queues_leaves_a_whole_job_or_none",
        CrashStage::Working => "r03_a_worker_that_ends_at_any_point_of_any_task_loses_and_repeats_nothing",
        CrashStage::Rekeying => "r44_a_change_of_the_key_that_ends_at_any_point_goes_on",
        CrashStage::Rotating => "r44_a_rotation_that_ends_at_any_point_goes_on",
        CrashStage::Bootstrapping => "r44_access_that_is_made_half_is_completed_and_every_call_is_in_the_log",
        CrashStage::Moving => "r03_a_move_that_ends_at_any_point_leaves_one_store",
        CrashStage::Forgetting => "r03_a_server_that_ends_while_history_is_given_up_keeps_what_is_to_be_kept",
        CrashStage::Importing => "r03_an_import_that_ends_at_any_point_shows_what_was_or_what_is",
    }
}

fn points(stage: CrashStage) -> Vec<CrashPoint> {
    CrashPoint::ALL.iter().copied().filter(|point| point.stage() == stage).collect()
}

/// Runs a command that must end at a point.
#[track_caller]
fn end_at(place: &Place, arguments: &[&str], point: CrashPoint) {
    let mut command = place.command(arguments);
    command.env("KEYREEVE_CRASH_AT", point.name()).env("KEYREEVE_IMPORT_LEASE_SECONDS", "1");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // 6 is SIGABRT: it ended at the point, and nowhere else.
    assert_eq!(output.status.signal(), Some(6), "{} {arguments:?}: {said}", point.name());
}

#[test]
fn r03_no_point_is_left_out_and_each_has_a_name_of_its_own() {
    let names: std::collections::BTreeSet<_> = CrashPoint::ALL.iter().map(|point| point.name()).collect();
    assert_eq!(names.len(), CrashPoint::ALL.len());
    for point in CrashPoint::ALL {
        let test = who_crashes_there(point.stage());
        assert!(test.starts_with("r03_") || test.starts_with("r44_"), "{test}");
    }
    for named in [
        "before_attempt_commit",
        "after_attempt_commit",
        "after_send",
        "after_response",
        "before_result_commit",
        "after_result_commit",
        "mid_publish",
    ] {
        assert!(names.contains(named), "{named}");
    }
}

/// A wish of each kind; a kind without a line does not compile.
fn asked(kind: TaskKind) -> Value {
    let own = format!("arn:aws:iam::{ACCOUNT}:policy/own");
    match kind {
        TaskKind::CreateAccount => json!({"task": "create_account", "name": "eve", "deliver": "link"}),
        TaskKind::UpdateAccount => json!({"task": "update_account", "account": "ada", "new_path": "/it/"}),
        TaskKind::DeactivateAccount => json!({"task": "deactivate_account", "account": "bob"}),
        TaskKind::ReactivateAccount => {
            json!({"task": "reactivate_account", "account": "ada", "deliver": "link"})
        }
        TaskKind::DeleteAccount => json!({"task": "delete_account", "account": "ada"}),
        TaskKind::ResetPassword => json!({"task": "reset_password", "account": "ada", "deliver": "link"}),
        TaskKind::AddAssignment => json!({"task": "add_assignment", "account": "bob", "group": "devs"}),
        TaskKind::RemoveAssignment => json!({"task": "remove_assignment", "account": "ada", "policy": own}),
    }
}

fn staffed() -> Place {
    let place = Place::registered(0);
    place.mutate(&[
        user("ada"),
        user("bob"),
        Mutation::CreateLoginProfile { user: "ada".into(), reset_required: false },
        Mutation::CreateAccessKey { user: "ada".into() },
        Mutation::CreateLoginProfile { user: "bob".into(), reset_required: false },
        Mutation::CreateGroup { name: "devs".into(), path: "/".into() },
        Mutation::AddToGroup { user: "ada".into(), group: "devs".into() },
        Mutation::CreatePolicy {
            name: "own".into(),
            path: "/".into(),
            document: r#"{"Version":"2012-10-17","Statement":[]}"#.into(),
        },
        Mutation::AttachUserPolicy { user: "ada".into(), arn: format!("arn:aws:iam::{ACCOUNT}:policy/own") },
    ]);
    place.run(&["system", "set", SYSTEM, "permission_profile=full"]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    place
}

#[test]
fn r03_a_command_that_ends_while_it_queues_leaves_a_whole_job_or_none() {
    let place = staffed();
    // What a reactivation gives back.
    place.run(&["account", "deactivate", SYSTEM, "ada", "--yes"]).code(0);
    let mut expected = place.json(&["job", "list", SYSTEM]).as_array().unwrap().len();
    let file = place.folder.path().join("wishes.json");
    for kind in TaskKind::ALL {
        std::fs::write(&file, json!({"system": SYSTEM, "wishes": [asked(kind)]}).to_string()).unwrap();
        let ask = ["job", "apply", file.to_str().unwrap(), "--yes", "--no-wait", "--output", "json"];
        let whole = place.run(&ask).code(0).json();
        expected += 1;
        place.sandbox.clear_trace();
        for point in points(CrashStage::Queuing) {
            for _ in 0..2 {
                if kind == TaskKind::DeleteAccount {
                    take_back(&place);
                }
                end_at(&place, &ask, point);
                expected += usize::from(point == CrashPoint::AfterJobCommit);
                let jobs = place.json(&["job", "list", SYSTEM]);
                let jobs = jobs.as_array().unwrap().len();
                assert_eq!(jobs, expected, "{} {}", kind.as_str(), point.name());
            }
        }
        let writes = place.sandbox.trace().into_iter().filter(|entry| entry.applied.is_some()).count();
        assert_eq!(writes, 0, "{}: a job that was only queued made a call", kind.as_str());
        let latest =
            place.json(&["job", "list", SYSTEM]).as_array().unwrap().iter().map(number).max().unwrap();
        let shown = place.json(&["job", "show", &latest.to_string()]);
        assert_eq!(shown["state"], "queued");
        assert_eq!(shown["tasks"][0]["steps"].as_array().map(Vec::len), steps(&whole), "{}", kind.as_str());
    }
    place.run(&["audit", "verify"]).code(0);
}

/// Nobody asks for a second deletion of an account while one has not ended.
fn take_back(place: &Place) {
    for job in place.json(&["job", "list", SYSTEM]).as_array().unwrap() {
        if job["state"] == "queued" && job["tasks"][0]["kind"] == "delete_account" {
            place.run(&["job", "cancel", &number(job).to_string(), "--yes"]).code(0);
        }
    }
}

fn number(job: &Value) -> u64 {
    job["id"].as_u64().unwrap()
}

fn steps(job: &Value) -> Option<usize> {
    job["tasks"][0]["steps"].as_array().map(Vec::len)
}

/// Everything readers see, without what differs from run to run.
fn seen(place: &Place) -> Vec<Value> {
    fn strip(value: &mut Value) {
        match value {
            Value::Array(list) => list.iter_mut().for_each(strip),
            Value::Object(fields) => {
                fields.retain(|name, _| !["first_seen_run", "last_seen_run"].contains(&name.as_str()));
                fields.values_mut().for_each(strip);
            }
            _ => {}
        }
    }
    ["account", "resource", "assignment"]
        .map(|noun| {
            let mut list = timeless(place.json(&[noun, "list", SYSTEM]));
            strip(&mut list);
            list
        })
        .into()
}

/// Runs until the lease of the process that ended has run out.
fn run_when_free(place: &Place, arguments: &[&str], mut ended: impl FnMut(&str, Option<i32>) -> bool) {
    crate::harness::until("the lease to run out", || {
        let mut command = place.command(arguments);
        command.env("KEYREEVE_IMPORT_LEASE_SECONDS", "1");
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (!said.contains("under way")).then(|| assert!(ended(&said, output.status.code()), "{said}"))
    });
}

/// Ends at a point of an import, after waiting for the lease of the one before.
fn import_ends_at(place: &Place, point: CrashPoint) {
    crate::harness::until("an import to end at its point", || {
        let mut command = place.command(&["import", "run", SYSTEM]);
        command.env("KEYREEVE_CRASH_AT", point.name()).env("KEYREEVE_IMPORT_LEASE_SECONDS", "1");
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let waits = said.contains("under way");
        assert!(waits || output.status.signal() == Some(6), "{}: {said}", point.name());
        (!waits).then_some(())
    });
}

/// Moves the account to and fro between two states: an account, a resource and an assignment differ.
fn tip(place: &Place, there: bool) {
    let [from, to] = if there { ["devs", "tipped"] } else { ["tipped", "devs"] };
    let (user, key) = ("ada".to_owned(), "tipped".to_owned());
    place.mutate(&[
        Mutation::RenameGroup { name: from.into(), new_name: to.into() },
        if there {
            Mutation::TagUser { name: user, key, value: "yes".into() }
        } else {
            Mutation::UntagUser { name: user, key }
        },
    ]);
}

#[test]
fn r03_an_import_that_ends_at_any_point_shows_what_was_or_what_is() {
    let place = staffed();
    let here = seen(&place);
    tip(&place, true);
    publish(&place);
    let there = seen(&place);
    assert!(here.iter().zip(&there).all(|(here, there)| here != there), "all lists change");
    let mut at = true;
    for point in points(CrashStage::Importing) {
        for crashes in [1, 2] {
            at = !at;
            tip(&place, at);
            let (before, after) = if at { (&here, &there) } else { (&there, &here) };
            for _ in 0..crashes {
                import_ends_at(&place, point);
                let now = seen(&place);
                let published = point == CrashPoint::AfterPublishCommit;
                let nothing_left = now == *after;
                assert!(now == *before || nothing_left, "{}: a mix of two runs", point.name());
                assert_eq!(nothing_left, published, "{} ×{crashes}", point.name());
            }
            publish(&place);
            assert!(seen(&place) == *after, "{} ×{crashes}", point.name());
        }
    }
}

/// Imports, and accepts what was suspended.
fn publish(place: &Place) {
    run_when_free(place, &["import", "run", SYSTEM], |_, code| matches!(code, Some(0 | 1)));
    let runs = place.json(&["import", "list", SYSTEM]);
    if runs[0]["state"] == "suspended" {
        let run = runs[0]["id"].to_string();
        place.run(&["import", "accept", &run, "--reason", "test", "--yes"]).code(0);
    }
}
