//! What an administrator's calls leave in the audit log: held against what the sandbox saw.

use std::os::unix::process::ExitStatusExt as _;

use keyreeve_sandbox::{Effect, FaultRule, Phase, TraceEntry};
use keyreeve_store::{CrashPoint, CrashStage};
use serde_json::Value;

use crate::bootstrap::{administrator, place, role, run, user};
use crate::harness::{Place, Ran};

/// The rows of the administrator's calls, the oldest first.
fn rows(place: &Place, system: &str) -> Vec<Value> {
    let listed = place.json(&["audit", "list", "--system", system, "--limit", "1000"]);
    let mut rows = listed.as_array().unwrap().clone();
    rows.reverse();
    rows.retain(|row| row["action"].as_str().unwrap().starts_with("access_call_"));
    rows
}

fn of<'r>(rows: &'r [Value], action: &str) -> Vec<&'r Value> {
    rows.iter().filter(|row| row["action"] == action).collect()
}

fn writes(place: &Place) -> Vec<TraceEntry> {
    place.sandbox.trace().into_iter().filter(|call| call.applied.is_some()).collect()
}

/// Every call that reached AWS was written down before it, and every outcome that is known stands in one row, with the
/// id of its request. Gives how many calls have no outcome in the log.
#[track_caller]
fn holds(place: &Place, system: &str) -> usize {
    let rows = rows(place, system);
    let (attempts, outcomes) = (of(&rows, "access_call_attempted"), of(&rows, "access_call_settled"));
    for outcome in &outcomes {
        let (attempt, seq) =
            (outcome["subject"]["attempt"].as_i64().unwrap(), outcome["seq"].as_i64().unwrap());
        let begun = attempts.iter().find(|row| row["seq"] == attempt).unwrap();
        assert!(attempt < seq, "{outcome}");
        assert_eq!(begun["subject"]["operation"], outcome["subject"]["operation"]);
        assert_eq!(begun["subject"]["on"], outcome["subject"]["on"]);
    }
    let mut without = 0;
    for call in writes(place) {
        let of_call = |row: &&&Value| row["subject"]["operation"] == call.action.as_str();
        let begun = attempts.iter().filter(of_call).count();
        let sent = writes(place).iter().filter(|one| one.action == call.action).count();
        assert!(begun >= sent, "{}: {sent} calls and {begun} rows before them", call.action);
        let told: Vec<_> =
            outcomes.iter().filter(|row| row["subject"]["request_id"] == call.request_id.as_str()).collect();
        assert!(told.len() <= 1, "{told:?}");
        match told.first() {
            Some(row) => {
                let expected = if call.applied == Some(true) { "applied" } else { "not_applied" };
                assert_eq!(row["subject"]["state"], expected, "{row}");
            }
            None => without += 1,
        }
    }
    without
}

#[test]
fn each_call_of_an_administrator_is_in_the_log_with_its_request_id_its_actor_and_its_reason() {
    for arguments in [user(&["--yes", "--reason", "CHG-77"]), role(&["--yes", "--reason", "CHG-77"])] {
        let place = place();
        place.sandbox.clear_trace();
        run(&place, &arguments).code(0);
        assert_eq!(holds(&place, "prod"), 0);
        let rows = rows(&place, "prod");
        let outcomes = of(&rows, "access_call_settled");
        assert_eq!((outcomes.len(), rows.len()), (writes(&place).len(), 2 * writes(&place).len()));
        assert!(outcomes.len() >= 3, "{rows:?}");
        for row in of(&rows, "access_call_attempted") {
            assert_eq!(row["subject"]["reason"], "CHG-77", "{row}");
            assert!(row["actor"].as_str().unwrap().starts_with("local:"), "{row}");
            let who = row["subject"]["signed_in_as"].as_str().unwrap();
            assert!(who.ends_with(":user/keyreeve/administrator"), "{row}");
        }
        if arguments.contains(&"--user") {
            let made = outcomes.last().unwrap();
            assert!(made["subject"]["made"].as_str().unwrap().starts_with("AKIA"), "{made}");
            let text = serde_json::to_string(&rows).unwrap();
            assert!(!text.contains(&place.stored_secret("prod")), "the secret is in the log");
        }
        place.run(&["audit", "verify"]).code(0);
    }
}

#[test]
fn a_call_that_failed_or_was_lost_is_in_the_log_as_such_before_there_is_a_system() {
    for (fault, state) in [
        (FaultRule::new("CreateUser", Effect::Throttle).times(1), "not_applied"),
        (FaultRule::new("CreateUser", Effect::Reset).phase(Phase::AfterApply).times(1), "unknown"),
    ] {
        let place = place();
        place.sandbox.clear_trace();
        place.sandbox.add_fault(fault);
        run(&place, &user(&["--yes"])).code(1);
        place.run(&["system", "show", "prod"]).code(2);
        let rows = rows(&place, "prod");
        let last = rows.last().unwrap();
        assert_eq!(
            (&last["subject"]["operation"], &last["subject"]["state"]),
            (&"CreateUser".into(), &state.into())
        );
        run(&place, &user(&["--yes"])).code(0);
        holds(&place, "prod");
    }
    let place = place();
    place.run(&["audit", "list", "--system", "nobody"]).code(2);
}

#[test]
fn without_a_row_in_the_log_no_call_is_made() {
    let place = place();
    place.sandbox.clear_trace();
    // The place of the next row is taken, so none can be written.
    place.sql(
        "INSERT INTO audit_log SELECT seq + 1, at, actor, system_id, action, subject, prev_hash, hash \
               FROM audit_log ORDER BY seq DESC LIMIT 1",
    );
    let refused = run(&place, &user(&["--yes"])).code(1);
    assert!(refused.stderr.contains("CreatePolicy was not called"), "{}", refused.stderr);
    assert!(writes(&place).is_empty(), "{:?}", writes(&place));
}

/// Runs it again until all is there.
#[track_caller]
fn completed(place: &Place, arguments: &[&str]) {
    let again = run(place, arguments);
    if again.code == 0 {
        return;
    }
    let key = again.stderr.split("--replace-key ").nth(1).unwrap_or_else(|| panic!("{}", again.stderr));
    let key = key.split_whitespace().next().unwrap();
    run(place, &[arguments, &["--replace-key", key]].concat()).code(0);
}

#[test]
fn r44_access_that_is_made_half_is_completed_and_every_call_is_in_the_log() {
    let place = place();
    let mut ended = 0;
    for point in CrashPoint::ALL.iter().filter(|point| point.stage() == CrashStage::Bootstrapping) {
        for number in 1.. {
            let at = format!("{}:{number}", point.name());
            let name = format!("{}-{number}", point.name());
            let arguments =
                ["aws", "bootstrap", "--system-id", &name, "--user", &name, "--path", "/x/", "--yes"];
            place.sandbox.clear_trace();
            let mut command = place.command(&arguments);
            let key = administrator(&place);
            command.env("AWS_ACCESS_KEY_ID", key.access_key_id);
            command.env("AWS_SECRET_ACCESS_KEY", key.secret_access_key).env("KEYREEVE_CRASH_AT", &at);
            let output = command.output().unwrap();
            if output.status.success() {
                assert!(number > 4, "{at}: passed only {number} times");
                break;
            }
            let ran = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.signal(), Some(6), "{at}: {ran}");
            if !writes(&place).is_empty() {
                assert!(holds(&place, &name) <= 1, "{at}");
            }
            completed(&place, &arguments);
            assert!(holds(&place, &name) <= 1, "{at}");
            let check: Ran = place.run(&["system", "check", &name]);
            assert!(!check.stdout.contains("AWS does not answer"), "{at}: {}", check.stdout);
            ended += 1;
        }
    }
    place.run(&["audit", "verify"]).code(0);
    assert!(ended >= 18, "only {ended} processes ended");
}
