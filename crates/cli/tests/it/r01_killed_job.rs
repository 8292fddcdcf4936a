//! R01: a job of 300 mixed tasks whose process is killed again and again comes to the end it would have come to, and
//! nothing that is not idempotent took effect twice. R34: asked to stop, it begins no new call and loses nothing.
//!
//! An auditor that shares no code with the engine (`tests/audit/audit_job.py`) reads the sandbox's trace and the
//! database afterwards and holds them against the invariants.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use keyreeve_sandbox::{AccountSeed, Effect, FaultRule, Mutation, Options, Population, TraceEntry};
use serde_json::{Value, json};

use crate::harness::{ACCOUNT, Place, SYSTEM, terminate};

const TASKS: usize = 300;
/// So long AWS keeps an answer back after it has done what was asked, in milliseconds.
const ANSWERED_AFTER: u64 = 150;

/// Whoever comes next waits so long for the place of the AWS account. Tasks that were cut off often let others go first, as a
/// step that is cut off twelve times is left to a person.
const LEASE_SECONDS: &str = "3";

/// What the tasks call.
const WRITES: [&str; 10] = [
    "CreateUser",
    "CreateLoginProfile",
    "AttachUserPolicy",
    "AddUserToGroup",
    "RemoveUserFromGroup",
    "DetachUserPolicy",
    "DeleteLoginProfile",
    "UpdateLoginProfile",
    "UpdateAccessKey",
    "DeleteUser",
];

/// So many kills, as `--long` or not.
fn wanted() -> usize {
    if std::env::var_os("KEYREEVE_TEST_LONG").is_some() { 200 } else { 40 }
}

fn user(number: usize) -> String {
    format!("user{number:03}")
}

/// An account with a user for each task but the creations, each with a password, a key, a group and a policy.
fn place() -> Place {
    let population = Population { users: 0, groups: 0, customer_policies: 0, roles: 0 };
    let place = Place::with_options(Options {
        accounts: vec![AccountSeed { account_id: ACCOUNT.to_owned(), population }],
        ..Options::default()
    });
    let document = r#"{"Version":"2012-10-17","Statement":[]}"#.to_owned();
    let document = document.replace("[]", r#"[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]"#);
    let mut changes = vec![
        Mutation::CreateGroup { name: "old".into(), path: "/".into() },
        Mutation::CreateGroup { name: "new".into(), path: "/".into() },
        Mutation::CreatePolicy { name: "own".into(), path: "/".into(), document },
    ];
    for number in (0..TASKS).filter(|number| number % 6 != 0) {
        let name = user(number);
        changes.extend([
            Mutation::CreateUser { name: name.clone(), path: "/".into(), tags: vec![], boundary: None },
            Mutation::CreateLoginProfile { user: name.clone(), reset_required: false },
            Mutation::CreateAccessKey { user: name.clone() },
            Mutation::AddToGroup { user: name.clone(), group: "old".into() },
            Mutation::AttachUserPolicy { user: name, arn: format!("arn:aws:iam::{ACCOUNT}:policy/own") },
        ]);
    }
    place.mutate(&changes);
    place.run(&["init"]).code(0);
    place.add(SYSTEM, ACCOUNT).code(0);
    for setting in
        ["permission_profile=full", "max_deletes=1000", "max_deactivations=1000", "max_concurrent_requests=8"]
    {
        place.run(&["system", "set", SYSTEM, setting]).code(0);
    }
    place.run(&["import", "profile", "set", SYSTEM, "default", "policy_scope=customer"]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    place
}

/// Six kinds of task, fifty of each.
fn wishes(place: &Place) -> PathBuf {
    let list: Vec<Value> = (0..TASKS)
        .map(|number| {
            let name = user(number);
            match number % 6 {
                0 => json!({"task": "create_account", "name": name, "groups": ["new"], "deliver": "link"}),
                1 => json!({"task": "deactivate_account", "account": name}),
                2 => json!({"task": "delete_account", "account": name}),
                3 => json!({"task": "reset_password", "account": name, "deliver": "link"}),
                4 => json!({"task": "add_assignment", "account": name, "group": "new"}),
                _ => json!({"task": "remove_assignment", "account": name, "group": "old"}),
            }
        })
        .collect();
    let path = place.folder.path().join("wishes.json");
    std::fs::write(&path, serde_json::to_string(&json!({"system": SYSTEM, "wishes": list})).unwrap())
        .unwrap();
    path
}

fn queue(place: &Place) -> String {
    let file = wishes(place);
    let ran = place.run(&["job", "apply", file.to_str().unwrap(), "--yes", "--no-wait", "--output", "json"]);
    ran.code(0).json()["id"].to_string()
}

fn apply(place: &Place, job: &str) -> Command {
    let mut command = place.command(&["job", "apply", job, "--yes", "--output", "json"]);
    command.env("KEYREEVE_IMPORT_LEASE_SECONDS", LEASE_SECONDS).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// The users of the account without ids, times and marks.
fn account(place: &Place) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|name, _| {
                    !["id", "created", "changed", "arn", "last_used", "uploaded", "enabled", "reset_required"]
                        .contains(&name.as_str())
                });
                fields.values_mut().for_each(strip);
            }
            Value::Array(items) => {
                items.retain(|item| {
                    item.as_array().is_none_or(|pair| pair.first() != Some(&"keyreeve:task".into()))
                });
                items.iter_mut().for_each(strip);
            }
            _ => {}
        }
    }
    let mut state = place.sandbox.state(ACCOUNT).unwrap();
    strip(&mut state);
    state["users"].take()
}

fn writes(place: &Place) -> Vec<TraceEntry> {
    place.sandbox.trace().into_iter().filter(|entry| entry.applied.is_some()).collect()
}

/// Waits for something that takes its time: a job of this size, planned and run without optimisation.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + Duration::from_secs(300);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < give_up, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn finish(place: &Place, job: &str) -> Value {
    until("the job to end", || {
        let ran = place.run(&["job", "show", job, "--output", "json"]).code(0).json();
        if matches!(ran["state"].as_str(), Some("queued" | "running")) {
            let mut child = apply(place, job).spawn().unwrap();
            let _ = child.wait();
            return None;
        }
        Some(ran)
    })
}

#[test]
fn r01_a_job_that_is_killed_again_and_again_ends_as_if_nothing_had_been() {
    let undisturbed = place();
    let job = queue(&undisturbed);
    let job = finish(&undisturbed, &job);
    assert_eq!(job["state"], "succeeded", "{job:#}");
    let expected = account(&undisturbed);

    let place = place();
    let job = queue(&place);
    place.sandbox.clear_trace();
    // Changes take a while, so that most kills find one under way; it was carried out when the kill comes.
    for action in WRITES {
        let late = FaultRule::new(action, Effect::Latency { ms: ANSWERED_AFTER });
        place.sandbox.add_fault(late.phase(keyreeve_sandbox::Phase::AfterApply));
    }
    let (mut kills, mut in_flight) = (0, 0);
    let mut wait = 11_u64;
    let give_up = Instant::now() + Duration::from_secs(900);
    while kills < wanted() {
        assert!(Instant::now() < give_up, "{kills} kills");
        let before = writes(&place).len();
        let mut child = apply(&place, &job).spawn().unwrap();
        wait = wait * 7 % 101;
        let begun = Instant::now();
        // Not before it has begun to write, and then at some moment or other.
        while writes(&place).len() == before
            && begun.elapsed() < Duration::from_secs(120)
            && child.try_wait().unwrap().is_none()
        {
            std::thread::sleep(Duration::from_millis(1));
        }
        let arrived = Instant::now();
        std::thread::sleep(Duration::from_millis(wait));
        let _ = child.kill();
        // The call that has just arrived has not been answered yet.
        let under_way =
            writes(&place).len() > before && arrived.elapsed() < Duration::from_millis(ANSWERED_AFTER - 20);
        let status = child.wait().unwrap();
        if status.code().is_some() {
            break;
        }
        kills += 1;
        in_flight += usize::from(under_way);
    }
    place.sandbox.clear_faults();
    let ended = finish(&place, &job);
    assert!(kills >= wanted(), "the job ended after {kills} kills");
    assert!(in_flight * 10 >= kills * 6, "only {in_flight} of {kills} kills found a call under way");
    let lost: Vec<&Value> =
        ended["tasks"].as_array().unwrap().iter().filter(|task| task["state"] != "succeeded").collect();
    assert!(lost.is_empty(), "{lost:#?}");
    assert_eq!(account(&place), expected);
    for action in ["CreateUser", "DeleteUser"] {
        let effective =
            writes(&place).iter().filter(|one| one.action == action && one.applied == Some(true)).count();
        assert_eq!(effective, TASKS / 6, "{action}");
    }
    place.audit();
}

#[test]
fn r34_asked_to_stop_it_begins_no_new_call_and_loses_nothing() {
    let place = place();
    let job = queue(&place);
    place.sandbox.clear_trace();
    place.sandbox.add_fault(FaultRule::new("*", Effect::Latency { ms: 100 }));
    let mut child = apply(&place, &job).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    until("the first writes", || (writes(&place).len() > 10).then_some(()));
    terminate(&child);
    let asked = Instant::now();
    // A busy machine may take its time to hand the signal over.
    let mut line = String::new();
    while !line.contains("Stopping:") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "it ended without having heard the signal");
    }
    std::thread::sleep(Duration::from_millis(100));
    let begun = place.sandbox.trace().len();
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    let status = child.wait().unwrap();
    assert!(asked.elapsed() < Duration::from_secs(10));
    assert_eq!(status.code(), Some(1));
    assert_eq!(place.sandbox.trace().len(), begun, "a call was begun after the signal");
    assert!(rest.contains("stays queued"), "{rest}");
    place.sandbox.clear_faults();
    let ended = finish(&place, &job);
    assert_eq!(ended["state"], "succeeded", "{ended:#}");
    place.audit();
}
