//! `keyreeve serve`: it answers, does what happens by itself, and stops when it is asked to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use keyreeve_sandbox::{Effect, FaultRule, Mutation, Phase};
use serde_json::Value;

use crate::harness::{Place, SYSTEM, until, user};
use crate::http::ask as ask_of;

/// What the server said, in the place's folder.
pub(crate) const LOG: &str = "serve.log";

/// A running server and where it answers.
pub(crate) fn serve(place: &Place, settings: &[(&str, &PathBuf)]) -> (Child, String) {
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0", "--output", "json"]);
    let log = std::fs::File::create(place.folder.path().join(LOG)).unwrap();
    command.env("KEYREEVE_IMPORT_LEASE_SECONDS", "1").stdout(Stdio::piped()).stderr(log);
    command.envs(settings.iter().copied());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let said = || std::fs::read_to_string(place.folder.path().join(LOG)).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {}", said()));
    (child, ready["url"].as_str().unwrap().split_once("://").unwrap().1.to_owned())
}

pub(crate) fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    // What is no HTTP has no answer.
    let _ = stream.read_to_string(&mut answer);
    answer
}

pub(crate) fn terminate(mut child: Child) {
    let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn it_answers_until_it_is_asked_to_stop() {
    let place = Place::registered(2);
    let (child, address) = serve(&place, &[]);
    assert!(get(&address, "/healthz").starts_with("HTTP/1.1 200"));
    assert!(get(&address, "/readyz").starts_with("HTTP/1.1 200"));
    assert!(get(&address, "/api/v1/systems").starts_with("HTTP/1.1 401"));
    let taken = place.run(&["serve", "--listen", &address]).code(2);
    assert!(taken.stderr.contains("cannot listen"), "{}", taken.stderr);
    terminate(child);
    assert!(TcpStream::connect(&address).is_err());
}

#[test]
fn a_job_whose_call_hangs_when_the_server_is_stopped_goes_on_at_once_with_the_next_one() {
    let place = Place::registered(2);
    place.run(&["system", "set", SYSTEM, "permission_profile=full"]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    let admin = place.token("amy", "admin", &[]);
    let lease = PathBuf::from("90");
    let (child, address) = serve(&place, &[("KEYREEVE_IMPORT_LEASE_SECONDS", &lease)]);
    place.sandbox.add_fault(FaultRule::new("CreateUser", Effect::Hang).phase(Phase::AfterApply).times(1));
    let head = format!("Authorization: Bearer {admin}\r\nContent-Type: application/json\r\n");
    let wish = r#"{"wishes": [{"task": "create_account", "name": "ada"}]}"#;
    ask_of(&address, "POST", &format!("/api/v1/systems/{SYSTEM}/jobs"), &head, wish);
    let attempted = "SELECT seq FROM steps WHERE state = 'attempting'";
    until("the call", || (!place.rows(attempted).as_array().unwrap().is_empty()).then_some(()));
    std::thread::sleep(std::time::Duration::from_millis(300));
    terminate(child);
    let held = place.rows("SELECT state, lease_until FROM tasks");
    assert_eq!(held, serde_json::json!([["queued", null]]));
    let (child, _) = serve(&place, &[("KEYREEVE_IMPORT_LEASE_SECONDS", &lease)]);
    let ended = || place.rows("SELECT state FROM provisioning_jobs")[0][0] == "succeeded";
    let begun = std::time::Instant::now();
    while !ended() {
        assert!(begun.elapsed().as_secs() < 30, "the job is not gone on with");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    terminate(child);
    let made = place.sandbox.trace().iter().filter(|call| call.action == "CreateUser").count();
    assert_eq!(made, 1, "it was read back, and not made once more");
    place.audit();
}

/// Takes the database's only write lock, says so, and holds it until its input ends.
const HOLD: &str = "import sqlite3, sys; d = sqlite3.connect(sys.argv[1], isolation_level=None); \
                    d.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read(); d.execute('ROLLBACK')";

#[test]
fn who_reads_waits_for_nobody_who_writes() {
    let place = Place::imported(2);
    let token = place.token("amy", "viewer", &[]);
    let (child, address) = serve(&place, &[]);
    let mut writer = Command::new("python3");
    writer.args(["-c", HOLD]).arg(place.data().join("keyreeve.db"));
    let mut writer = writer.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(writer.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said, "held\n");
    let ask = |path: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        let head = format!("Host: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close");
        write!(stream, "GET {path} HTTP/1.1\r\n{head}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    // The token was never used, so that it is now is to be noted.
    for path in ["/api/v1/systems", "/api/v1/systems/example/accounts", "/scim/v2/example/Users"] {
        let answer = ask(path);
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }
    drop(writer.stdin.take());
    writer.wait().unwrap();
    until("the use to be noted", || {
        ask("/api/v1/systems");
        let tokens = place.json(&["token", "list"]);
        let of_amy = tokens.as_array().unwrap().iter().find(|token| token["owner"] == "amy");
        of_amy.unwrap()["last_used_at"].is_string().then_some(())
    });
    terminate(child);
}

#[test]
fn what_it_measures_is_shown_without_a_token_only_where_that_is_wished_and_on_this_machine() {
    let place = Place::registered(0);
    let (child, address) = serve(&place, &[]);
    assert!(get(&address, "/metrics").starts_with("HTTP/1.1 401"));
    terminate(child);
    let open = [("KEYREEVE_METRICS_WITHOUT_TOKEN", &PathBuf::from("true"))];
    let (child, address) = serve(&place, &open);
    let shown = get(&address, "/metrics");
    assert!(shown.starts_with("HTTP/1.1 200") && shown.contains("keyreeve_open_claims 0"), "{shown}");
    terminate(child);
    let mut command = place.command(&["serve", "--listen", "0.0.0.0:0", "--allow-plain-http"]);
    command.envs(open);
    let refused = crate::harness::Ran::of(command.output().unwrap()).code(2);
    assert!(refused.stderr.contains("metrics_without_token"), "{}", refused.stderr);
}

#[test]
fn it_goes_on_with_a_job_whose_process_was_killed() {
    let place = Place::registered(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    place.sandbox.add_fault(FaultRule::new("CreateUser", Effect::Hang).phase(Phase::AfterApply).times(1));
    let mut command = place.command(&["account", "create", SYSTEM, "--name", "eve", "--yes"]);
    command.env("KEYREEVE_IMPORT_LEASE_SECONDS", "1").stdout(Stdio::null()).stderr(Stdio::null());
    let mut killed = command.spawn().unwrap();
    until("the call to be carried out", || {
        let trace = place.sandbox.trace();
        trace.iter().any(|call| call.action == "CreateUser" && call.applied == Some(true)).then_some(())
    });
    killed.kill().unwrap();
    killed.wait().unwrap();
    place.sandbox.clear_faults();
    assert_eq!(place.json(&["job", "show", "1"])["state"], "running");
    let (child, _) = serve(&place, &[]);
    until("the job to be over", || (place.json(&["job", "show", "1"])["state"] == "succeeded").then_some(()));
    terminate(child);
    let trace = place.sandbox.trace();
    let made = trace.iter().filter(|call| call.action == "CreateUser" && call.applied == Some(true)).count();
    assert_eq!(made, 1);
}

#[test]
fn it_begins_a_job_that_nobody_waited_for_and_leaves_a_stale_one_to_a_person() {
    let place = Place::registered(0);
    place.mutate(&[user("anna")]);
    place.run(&["system", "set", SYSTEM, "permission_profile=full"]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    let queued = |ask: &[&str]| {
        let ran = place.run(&[ask, &["--yes", "--no-wait", "--output", "json"]].concat());
        ran.code(0).json()["id"].to_string()
    };
    let fresh = queued(&["account", "create", SYSTEM, "--name", "eve"]);
    let stale = queued(&["account", "update", SYSTEM, "anna", "--new-name", "ann"]);
    place.mutate(&[Mutation::DeleteUser { name: "anna".into() }, user("anna")]);
    let (child, _) = serve(&place, &[]);
    until("the job to be over", || {
        (place.json(&["job", "show", &fresh])["state"] == "succeeded").then_some(())
    });
    let said = until("the other to be left to a person", || {
        let shown = place.run(&["job", "show", &stale]).code(0).stderr;
        shown.contains("plan_stale").then_some(shown)
    });
    assert!(said.contains(&format!("keyreeve job cancel {stale}")), "{said}");
    assert_eq!(place.json(&["job", "show", &stale])["state"], "queued");
    terminate(child);
}

#[test]
fn r34_a_stop_during_a_call_that_is_not_answered_ends_within_ten_seconds_and_begins_nothing_new() {
    let place = Place::registered(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    let ask = ["account", "create", SYSTEM, "--name", "eve", "--yes", "--no-wait", "--output", "json"];
    let job = place.run(&ask).code(0).json()["id"].to_string();
    place.sandbox.add_fault(FaultRule::new("CreateUser", Effect::Hang).phase(Phase::AfterApply).times(1));
    let (child, _) = serve(&place, &[]);
    until("the call to be carried out", || {
        let trace = place.sandbox.trace();
        trace.iter().any(|call| call.action == "CreateUser" && call.applied == Some(true)).then_some(())
    });
    let calls = place.sandbox.trace().len();
    let begun = std::time::Instant::now();
    terminate(child);
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(place.sandbox.trace().len(), calls, "a call was made after the signal");
    let shown = place.json(&["job", "show", &job]);
    assert_eq!(
        (&shown["state"], &shown["tasks"][0]["steps"][0]["state"]),
        (&"running".into(), &"unknown".into())
    );
    place.sandbox.clear_faults();
    let (child, _) = serve(&place, &[]);
    until("the job to be over", || {
        (place.json(&["job", "show", &job])["state"] == "succeeded").then_some(())
    });
    terminate(child);
    let made = place.sandbox.trace().into_iter();
    let made = made.filter(|call| call.action == "CreateUser" && call.applied == Some(true)).count();
    assert_eq!(made, 1);
}
