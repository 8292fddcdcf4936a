//! R44: rotating a system's access key ends at each of its points, loses answers and is denied calls; the store always
//! holds a key that works, and in the end the user has one key, which is the store's. S04: no secret is anywhere.

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use keyreeve_sandbox::{CallRange, ConnectorPolicy, Effect, FaultMatch, FaultRule, Mutation, Phase, Trust};
use keyreeve_store::{CrashPoint, CrashStage};
use serde_json::Value;

use crate::harness::{ACCOUNT, Place, Ran, SYSTEM, piped, until};
use crate::peer;
use crate::secrets::{ALL, assert_absent, assert_clean};

const USER: &str = "keyreeve-connector";
const ROTATE: [&str; 4] = ["system", "rotate-key", SYSTEM, "--yes"];

/// The ids of the connector's keys.
fn keys(place: &Place) -> Vec<String> {
    let state = place.sandbox.state(ACCOUNT).unwrap();
    let users = &state["users"];
    let all: Vec<&Value> = match users {
        Value::Array(list) => list.iter().collect(),
        Value::Object(map) => map.values().collect(),
        other => panic!("{other}"),
    };
    let user = all.into_iter().find(|user| user["name"] == USER).unwrap();
    user["keys"].as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap().to_owned()).collect()
}

fn stored_key(place: &Place) -> String {
    let shown = place.json(&["system", "show", SYSTEM]);
    shown["credential"]["access_key_id"].as_str().unwrap().to_owned()
}

/// The key in the store signs in.
#[track_caller]
fn stored_key_works(place: &Place, when: &str) {
    let checks = place.run(&["system", "check", SYSTEM, "--output", "json"]).json();
    let reachable = checks.as_array().unwrap().iter().find(|check| check["name"] == "reachable");
    assert_eq!(reachable.unwrap_or_else(|| panic!("{when}: {checks}"))["state"], "ok", "{when}");
    place.run(&["audit", "verify"]).code(0);
}

/// It has ended: one key, and it is the store's.
#[track_caller]
fn has_ended(place: &Place, when: &str) {
    assert_eq!(keys(place), [stored_key(place)], "{when}");
    assert_eq!(place.rows("SELECT COUNT(*) FROM key_rotations")[0][0], 0, "{when}");
    assert_eq!(place.rows("SELECT COUNT(*) FROM secrets")[0][0], 1, "{when}");
    stored_key_works(place, when);
}

/// Goes on, as soon as the lease of a process that is gone has run out.
#[track_caller]
fn goes_on(place: &Place) -> Ran {
    until("the rotation to go on", || {
        let mut command = place.command(&ROTATE);
        let ran = Ran::of(command.env("KEYREEVE_IMPORT_LEASE_SECONDS", "1").output().unwrap());
        (!ran.stderr.contains("is under way until")).then_some(ran)
    })
}

#[test]
fn a_rotated_key_is_stored_and_the_old_one_is_gone() {
    let place = Place::imported(1);
    let old = place.key(ACCOUNT);
    let planned = place.run(&["system", "rotate-key", SYSTEM, "--plan", "--output", "json"]).code(0);
    assert_eq!(
        (&planned.json()["state"], &planned.json()["old_key"]),
        (&"planned".into(), &old.access_key_id.as_str().into())
    );
    assert_eq!(keys(&place), [old.access_key_id.as_str()], "a plan changes nothing");
    place.run(&["system", "rotate-key", SYSTEM]).code(2);
    let arguments = [&ROTATE[..], &["--reason", "quarterly", "--output", "json", "--log", ALL]].concat();
    let done = place.run(&arguments).code(0);
    let (new, secret) = (stored_key(&place), place.stored_secret(SYSTEM));
    assert_ne!(new, old.access_key_id);
    assert_eq!(done.json()["new_key"], new.as_str());
    assert_eq!(secret.len(), 40);
    has_ended(&place, "rotated");
    let run = place.run(&["import", "run", SYSTEM]).code(0);
    assert_clean(&place, &[&old.secret_access_key, &secret], &[&planned, &done, &run]);
    let rows = place.json(&["audit", "list", "--system", SYSTEM]);
    assert_absent(&secret, "the audit log", rows.to_string().as_bytes());
    let said: Vec<&str> =
        rows.as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect();
    for action in [
        "key_rotation_begun",
        "key_rotation_key_made",
        "credentials_replaced",
        "key_rotation_old_key_off",
        "key_rotation_finished",
    ] {
        assert!(said.contains(&action), "{action} is not in {said:?}");
    }
    let begun = rows.as_array().unwrap().iter().find(|row| row["action"] == "key_rotation_begun").unwrap();
    assert_eq!(begun["subject"]["reason"], "quarterly");
    // The order of the calls: the old key goes only after the new one has signed in.
    let trace = place.sandbox.trace();
    let calls: Vec<(&str, Option<&str>)> = trace
        .iter()
        .filter(|call| call.action.ends_with("AccessKey") || call.action == "GetCallerIdentity")
        .map(|call| (call.action.as_str(), call.access_key_id.as_deref()))
        .collect();
    let at = |action: &str| calls.iter().position(|(name, _)| *name == action).unwrap();
    let proofs =
        |from: usize, to: usize| calls[from..to].iter().filter(|(_, key)| *key == Some(&new)).count();
    assert!(proofs(at("CreateAccessKey"), at("UpdateAccessKey")) >= 3, "{calls:?}");
    assert!(proofs(at("UpdateAccessKey") + 1, at("DeleteAccessKey")) >= 3, "{calls:?}");
}

/// The preview of a rotation that was interrupted names the key that goes as the old one, however far it has come.
#[track_caller]
fn plan_tells_the_keys_apart(place: &Place, before: &str, when: &str) {
    let begun = place.rows("SELECT state, new_key_id FROM key_rotations");
    let Some(rotation) = begun.as_array().unwrap().first() else { return };
    let planned = place.run(&["system", "rotate-key", SYSTEM, "--plan", "--output", "json"]).code(0);
    assert_eq!(planned.json()["old_key"], before, "{when}: {rotation}");
    assert_eq!(planned.json()["new_key"], rotation[1], "{when}: {rotation}");
    if let Some(new) = rotation[1].as_str() {
        assert_ne!(new, before, "{when}");
        let said = planned.stderr.contains(&format!("{before} is deleted")) || rotation[0] == "made";
        assert!(said && planned.stderr.contains(new), "{when}: {}", planned.stderr);
    }
}

#[test]
fn r44_a_rotation_that_ends_at_any_point_goes_on() {
    let place = Place::registered(0);
    let mut ended = 0;
    for point in CrashPoint::ALL.iter().filter(|point| point.stage() == CrashStage::Rotating) {
        for number in 1.. {
            let at = format!("{}:{number}", point.name());
            let before = stored_key(&place);
            let mut command = place.command(&ROTATE);
            command.env("KEYREEVE_CRASH_AT", &at).env("KEYREEVE_IMPORT_LEASE_SECONDS", "1");
            let output = command.output().unwrap();
            if output.status.success() {
                assert!(number > 3, "{at}: passed only {number} times");
                break;
            }
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.signal(), Some(6), "{at}: {said}");
            stored_key_works(&place, &at);
            assert!(keys(&place).contains(&stored_key(&place)), "{at}");
            plan_tells_the_keys_apart(&place, &before, &at);
            goes_on(&place).code(0);
            has_ended(&place, &at);
            ended += 1;
        }
    }
    assert!(ended >= 13, "only {ended} processes ended");
}

#[test]
fn r44_a_rotation_that_is_killed_at_any_moment_goes_on() {
    let place = Place::registered(0);
    let mut killed = 0;
    for millis in [30, 60, 90, 130, 180, 300, 700, 1300, 1900] {
        let mut command = place.command(&ROTATE);
        command.env("KEYREEVE_IMPORT_LEASE_SECONDS", "1");
        let mut child = piped(command);
        std::thread::sleep(Duration::from_millis(millis));
        killed += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        stored_key_works(&place, &format!("killed after {millis} ms"));
        goes_on(&place).code(0);
        has_ended(&place, &format!("after {millis} ms"));
    }
    assert!(killed >= 4, "only {killed} were killed");
}

#[test]
fn lost_answers_leave_no_second_key() {
    for (action, effect, phase) in [
        ("CreateAccessKey", Effect::Reset, Phase::AfterApply),
        ("CreateAccessKey", Effect::Reset, Phase::Before),
        ("CreateAccessKey", Effect::Truncate { at_fraction: 0.5 }, Phase::Before),
        ("CreateAccessKey", Effect::Throttle, Phase::Before),
        ("UpdateAccessKey", Effect::Reset, Phase::AfterApply),
        ("DeleteAccessKey", Effect::Reset, Phase::AfterApply),
        ("ListAccessKeys", Effect::Reset, Phase::Before),
    ] {
        let place = Place::registered(0);
        let rule = FaultRule::new(action, effect).phase(phase).times(1).min_fires(1);
        place.sandbox.add_fault(rule);
        place.run(&ROTATE).code(0);
        assert!(place.sandbox.unfired().is_empty(), "{action} {phase:?}");
        has_ended(&place, &format!("{action} {phase:?}"));
    }
}

#[test]
fn iam_may_take_a_while_to_know_a_key() {
    let place = Place::registered(0);
    // The first two are of the old key; the new one is unknown at first, also after it was known once.
    for (from, to) in [(3, 4), (6, 6)] {
        let on = FaultMatch {
            action: "GetCallerIdentity".to_owned(),
            calls: Some(CallRange { from, to: Some(to) }),
            ..FaultMatch::default()
        };
        let effect = Effect::Error {
            status: 403,
            code: "InvalidClientTokenId".to_owned(),
            message: "The security token included in the request is invalid.".to_owned(),
        };
        place.sandbox.add_fault(FaultRule { on, ..FaultRule::new("*", effect) }.min_fires(1));
    }
    place.run(&ROTATE).code(0);
    assert!(place.sandbox.unfired().is_empty());
    has_ended(&place, "settled");
    // A lost key that listings do not show yet: AWS says that there are two before it says which.
    place.sandbox.clear_faults();
    place
        .sandbox
        .add_fault(FaultRule::new("CreateAccessKey", Effect::Reset).phase(Phase::AfterApply).times(1));
    let stale = FaultMatch {
        action: "ListAccessKeys".to_owned(),
        calls: Some(CallRange { from: 2, to: Some(3) }),
        ..FaultMatch::default()
    };
    place
        .sandbox
        .add_fault(FaultRule { on: stale, ..FaultRule::new("*", Effect::Stale { seconds: 2 }) }.min_fires(2));
    std::thread::sleep(Duration::from_secs(3));
    place.run(&ROTATE).code(0);
    assert!(place.sandbox.unfired().is_empty());
    has_ended(&place, "seen late");
}

#[test]
fn a_denied_call_is_named_and_what_was_done_is_gone_on_with() {
    for (action, code) in
        [("ListAccessKeys", 2), ("CreateAccessKey", 2), ("UpdateAccessKey", 1), ("DeleteAccessKey", 1)]
    {
        let place = Place::registered(0);
        place.sandbox.add_fault(FaultRule::new(action, Effect::AccessDenied).min_fires(1));
        let mut command = place.command(&ROTATE);
        let ran = Ran::of(command.env("KEYREEVE_IMPORT_LEASE_SECONDS", "1").output().unwrap()).code(code);
        assert!(ran.stderr.contains(&format!("iam:{action}")), "{action}: {}", ran.stderr);
        stored_key_works(&place, action);
        let (now, stored) = (keys(&place), stored_key(&place));
        assert!(now.contains(&stored), "{action}");
        assert_eq!(now.len(), if code == 2 { 1 } else { 2 }, "{action}: {now:?}");
        place.sandbox.clear_faults();
        goes_on(&place).code(0);
        has_ended(&place, action);
    }
}

#[test]
fn what_the_connectors_own_policies_do_not_allow_is_named_before_anything_is_done() {
    const RIGHTS: [&str; 3] = ["iam:CreateAccessKey", "iam:UpdateAccessKey", "iam:DeleteAccessKey"];
    let place = Place::registered(0);
    let permit = |rights: &[&str]| {
        let allowed = [&["iam:Get*", "iam:List*"], rights].concat();
        let statement = serde_json::json!({"Effect": "Allow", "Action": allowed, "Resource": "*"});
        let document = serde_json::json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        place.sandbox.permit_connector(ACCOUNT, &ConnectorPolicy::Documents(vec![document])).unwrap();
    };
    for imported in [false, true] {
        if imported {
            place.run(&["import", "run", SYSTEM]).code(0);
        }
        for missing in RIGHTS {
            let rights: Vec<&str> = RIGHTS.into_iter().filter(|right| *right != missing).collect();
            permit(&rights);
            for consent in ["--plan", "--yes"] {
                let refused = place.run(&["system", "rotate-key", SYSTEM, consent]).code(2);
                let said = format!("its policies do not allow {missing}; grant it");
                assert!(refused.stderr.contains(&said), "imported {imported}: {}", refused.stderr);
            }
        }
        permit(&[]);
        let refused = place.run(&ROTATE).code(2);
        assert!(refused.stderr.contains(&RIGHTS.join(", ")), "{}", refused.stderr);
    }
    assert!(!place.sandbox.trace().iter().any(|call| call.action == "CreateAccessKey"));
    // What is done already is not asked for again.
    permit(&RIGHTS);
    let mut command = place.command(&ROTATE);
    command.env("KEYREEVE_CRASH_AT", "after_rotation_commit:2").env("KEYREEVE_IMPORT_LEASE_SECONDS", "1");
    assert_eq!(command.output().unwrap().status.signal(), Some(6));
    permit(&RIGHTS[1..]);
    goes_on(&place).code(0);
    has_ended(&place, "gone on with");
}

#[test]
fn what_the_user_behind_a_role_may_not_do_is_named_before_anything_is_done() {
    let place = three_systems_of_one_key();
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:Get*","iam:List*","sts:*"],"Resource":"*"}]}"#;
    place.sandbox.permit_connector(ACCOUNT, &ConnectorPolicy::Documents(vec![document.to_owned()])).unwrap();
    let refused = place.run(&["system", "rotate-key", "role", "--plan"]).code(2);
    assert!(refused.stderr.contains("iam:UpdateAccessKey"), "{}", refused.stderr);
}

#[test]
fn a_second_key_of_somebody_else_is_named_and_left_alone() {
    let place = Place::registered(0);
    place.mutate(&[Mutation::CreateAccessKey { user: USER.into() }]);
    let both = keys(&place);
    let foreign = both.iter().find(|key| **key != stored_key(&place)).unwrap();
    let refused = place.run(&ROTATE).code(2);
    assert!(refused.stderr.contains(foreign) && refused.stderr.contains("(made "), "{}", refused.stderr);
    assert_eq!(keys(&place), both);
    assert!(!place.sandbox.trace().iter().any(|call| call.action == "CreateAccessKey"));
    assert_eq!(place.rows("SELECT COUNT(*) FROM key_rotations")[0][0], 0);
    // One that comes just before ours would be made is left alone, too: AWS says that there are two.
    place.mutate(&[Mutation::DeleteAccessKey { key_id: foreign.clone() }]);
    let ops = vec![Mutation::CreateAccessKey { user: USER.into() }];
    place.sandbox.add_fault(FaultRule::new("CreateAccessKey", Effect::Mutate { ops }).times(1));
    let mut command = place.command(&ROTATE);
    let refused = Ran::of(command.env("KEYREEVE_IMPORT_LEASE_SECONDS", "1").output().unwrap()).code(2);
    let both = keys(&place);
    let foreign = both.iter().find(|key| **key != stored_key(&place)).unwrap();
    assert!(refused.stderr.contains(foreign), "{}", refused.stderr);
    assert_eq!(both.len(), 2);
    stored_key_works(&place, "a key came in between");
    assert_eq!(place.rows("SELECT COUNT(*) FROM key_rotations")[0][0], 0);
}

#[test]
fn no_import_runs_while_the_key_is_rotated_and_no_rotation_while_an_import_runs() {
    let place = Place::registered(0);
    place.sandbox.add_fault(FaultRule::new("ListGroups", Effect::Latency { ms: 3_000 }).times(1));
    let import = piped(place.command(&["import", "run", SYSTEM]));
    let fired = || place.sandbox.faults().iter().any(|fault| fault.fires > 0).then_some(());
    until("the import to read", fired);
    let refused = place.run(&ROTATE).code(2);
    assert!(refused.stderr.contains("import run 1 of system example is under way"), "{}", refused.stderr);
    Ran::of(import.wait_with_output().unwrap()).code(0);
    place.sandbox.clear_faults();
    place.sandbox.add_fault(FaultRule::new("UpdateAccessKey", Effect::Latency { ms: 3_000 }).times(1));
    let rotation = piped(place.command(&ROTATE));
    until("the rotation to switch the old key off", fired);
    let refused = place.run(&["import", "run", SYSTEM]).code(2);
    assert!(
        refused.stderr.contains("a rotation of its access key of system example is under way"),
        "{}",
        refused.stderr
    );
    Ran::of(rotation.wait_with_output().unwrap()).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    has_ended(&place, "beside imports");
}

/// Two systems that sign in with the key, and one whose role is assumed with it.
fn three_systems_of_one_key() -> Place {
    let place = Place::registered(0);
    place.add("again", ACCOUNT).code(0);
    let trust = Trust { principals: vec![ACCOUNT.into()], external_id: None };
    let arn = "arn:aws:iam::aws:policy/AdministratorAccess".into();
    place.mutate(&[
        Mutation::CreateRole { name: "connector".into(), path: "/".into(), trust },
        Mutation::AttachRolePolicy { role: "connector".into(), arn },
    ]);
    let key = place.key(ACCOUNT);
    let role = format!("arn:aws:iam::{ACCOUNT}:role/connector");
    let add = ["system", "add", "--name", "By role", "--system-id", "role", "--role-arn", &role];
    let with = ["--access-key-id", &key.access_key_id, "--secret-access-key-stdin"];
    place.run_with_input(&[&add[..], &with].concat(), &key.secret_access_key);
    place
}

/// All three reach AWS, with one and the same key.
#[track_caller]
fn all_sign_in(place: &Place, when: &str) {
    for system in [SYSTEM, "again", "role"] {
        let checks = place.run(&["system", "check", system, "--output", "json"]).json();
        let reachable = checks.as_array().unwrap().iter().find(|check| check["name"] == "reachable");
        let reachable = reachable.unwrap_or_else(|| panic!("{when}: {system}: {checks}"));
        assert_eq!(reachable["state"], "ok", "{when}: {system}: {checks}");
    }
    let stored = stored_key(place);
    assert_eq!(place.json(&["system", "show", "again"])["credential"]["access_key_id"], stored.as_str());
    let role = place.json(&["system", "show", "role"]);
    assert_eq!(role["credential"]["base"]["access_key_id"], stored.as_str(), "{when}");
}

#[test]
fn systems_that_share_a_key_change_to_the_new_one_together() {
    let place = three_systems_of_one_key();
    let planned = place.run(&["system", "rotate-key", SYSTEM, "--plan", "--output", "json"]).code(0);
    assert_eq!(planned.json()["also"], serde_json::json!(["again", "role"]));
    assert!(planned.stderr.contains("also that of again, role"), "{}", planned.stderr);
    place.run(&ROTATE).code(0);
    all_sign_in(&place, "rotated");
    assert_eq!(keys(&place), [stored_key(&place)]);
    // The key of a role's base can be the one that is asked for.
    let old = stored_key(&place);
    let done = place.run(&["system", "rotate-key", "role", "--yes", "--output", "json"]).code(0).json();
    assert_eq!((&done["old_key"], &done["also"]), (&old.into(), &serde_json::json!(["again", SYSTEM])));
    all_sign_in(&place, "rotated by the role's system");
    assert_eq!(keys(&place), [stored_key(&place)]);
    place.run(&["import", "run", "again"]).code(0);
    let log = place.json(&["audit", "list", "--system", "again"]);
    let replaced = log.as_array().unwrap().iter().filter(|row| row["action"] == "credentials_replaced");
    assert_eq!(replaced.count(), 2, "{log:#}");
}

#[test]
fn r44_systems_that_share_a_key_all_sign_in_wherever_a_rotation_ends() {
    let place = three_systems_of_one_key();
    let mut ended = 0;
    for point in CrashPoint::ALL.iter().filter(|point| point.stage() == CrashStage::Rotating) {
        for number in 1.. {
            let at = format!("{}:{number}", point.name());
            let mut command = place.command(&ROTATE);
            command.env("KEYREEVE_CRASH_AT", &at).env("KEYREEVE_IMPORT_LEASE_SECONDS", "1");
            if command.output().unwrap().status.success() {
                break;
            }
            all_sign_in(&place, &at);
            goes_on(&place).code(0);
            all_sign_in(&place, &format!("{at}, gone on with"));
            ended += 1;
        }
    }
    assert!(ended >= 13, "only {ended} processes ended");
}

#[test]
fn nothing_of_a_system_that_shares_the_key_runs_while_it_is_rotated() {
    let place = three_systems_of_one_key();
    place.sandbox.add_fault(FaultRule::new("UpdateAccessKey", Effect::Latency { ms: 3_000 }).times(1));
    let rotation = piped(place.command(&ROTATE));
    let fired = || place.sandbox.faults().iter().any(|fault| fault.fires > 0).then_some(());
    until("the rotation to switch the old key off", fired);
    let refused = place.run(&["import", "run", "again"]).code(2);
    assert!(refused.stderr.contains("a rotation of its access key"), "{}", refused.stderr);
    let refused = place.run(&["system", "rotate-key", "again", "--yes"]).code(2);
    assert!(refused.stderr.contains("begun for system example"), "{}", refused.stderr);
    // Nobody takes the rotation away under the hands of who works on it.
    for away in [&["system", "remove", SYSTEM, "--yes"][..], &["system", "set", SYSTEM, "--ambient"]] {
        let mut command = place.command(away);
        command.env("AWS_ACCESS_KEY_ID", stored_key(&place));
        command.env("AWS_SECRET_ACCESS_KEY", place.stored_secret(SYSTEM));
        let refused = Ran::of(command.output().unwrap()).code(2);
        let says = "a rotation of its access key of system example is under way";
        assert!(refused.stderr.contains(says), "{away:?}: {}", refused.stderr);
    }
    // The key that is about to go is given to nobody.
    let refused = place.add("late", ACCOUNT).code(2);
    assert!(refused.stderr.contains("rotation of this very access key"), "{}", refused.stderr);
    Ran::of(rotation.wait_with_output().unwrap()).code(0);
    all_sign_in(&place, "beside others");
}

/// A rotation ends right after its step of this number, and its lease runs out.
#[track_caller]
fn interrupted_after(place: &Place, step: u32) {
    let mut command = place.command(&ROTATE);
    command.env("KEYREEVE_CRASH_AT", format!("after_rotation_commit:{step}"));
    command.env("KEYREEVE_IMPORT_LEASE_SECONDS", "1");
    assert_eq!(command.output().unwrap().status.signal(), Some(6));
    until("the lease to run out", || {
        let left = place
            .rows("SELECT lease_until - 1000 * CAST(strftime('%s', 'now') AS INTEGER) FROM key_rotations");
        (left[0][0].as_i64().unwrap() < 0).then_some(())
    });
}

#[test]
fn a_rotation_goes_on_with_a_system_that_shares_the_key_when_its_own_goes_or_is_given_another() {
    for step in 1..=4 {
        for away in [&["system", "remove", SYSTEM, "--yes"][..], &["system", "set", SYSTEM, "--ambient"]] {
            let place = three_systems_of_one_key();
            interrupted_after(&place, step);
            let mut command = place.command(away);
            command.env("AWS_ACCESS_KEY_ID", stored_key(&place));
            command.env("AWS_SECRET_ACCESS_KEY", place.stored_secret(SYSTEM));
            let gone = Ran::of(command.output().unwrap()).code(0);
            let at = format!("{away:?} after step {step}");
            assert!(gone.stderr.contains("System again has the same key"), "{at}: {}", gone.stderr);
            let elsewhere = place.run(&["system", "rotate-key", "role", "--yes"]).code(2);
            assert!(elsewhere.stderr.contains("begun for system again"), "{at}: {}", elsewhere.stderr);
            place.run(&["system", "rotate-key", "again", "--yes"]).code(0);
            let again = place.json(&["system", "show", "again"]);
            let role = place.json(&["system", "show", "role"]);
            let new = &again["credential"]["access_key_id"];
            assert_eq!(&role["credential"]["base"]["access_key_id"], new, "{at}");
            assert_eq!(keys(&place), [new.as_str().unwrap()], "{at}");
            assert_eq!(place.rows("SELECT COUNT(*) FROM key_rotations")[0][0], 0, "{at}");
            let left = place.rows("SELECT COUNT(*) FROM secrets WHERE owner_column = 'next_credential'");
            assert_eq!(left[0][0], 0, "{at}");
            for system in ["again", "role"] {
                place.run(&["import", "run", system]).code(0);
            }
            let log = place.json(&["audit", "list", "--system", "again"]).to_string();
            assert!(log.contains("key_rotation_taken_over") && log.contains("key_rotation_finished"), "{at}");
            place.run(&["audit", "verify"]).code(0);
        }
    }
}

#[test]
fn a_key_of_a_rotation_that_nobody_goes_on_with_is_known_as_ours() {
    for (step, secret_of_new) in [(2, false), (3, true)] {
        let place = Place::registered(0);
        let old = place.key(ACCOUNT);
        interrupted_after(&place, step);
        let secret = place.stored_secret(SYSTEM);
        let (in_use, both) = (stored_key(&place), keys(&place));
        let gone = place.run(&["system", "remove", SYSTEM, "--yes"]).code(0);
        assert!(both.iter().all(|key| gone.stderr.contains(key.as_str())), "{}", gone.stderr);
        let add = ["system", "add", "--name", "late", "--system-id", "late", "--secret-access-key-stdin"];
        place.run_with_input(&[&add[..], &["--access-key-id", &in_use]].concat(), &secret).code(0);
        assert_eq!(in_use != old.access_key_id, secret_of_new);
        let refused = place.run(&["system", "rotate-key", "late", "--yes"]).code(2);
        let second = both.iter().find(|key| **key != in_use).unwrap();
        assert!(
            refused.stderr.contains(second.as_str())
                && refused.stderr.contains("of a rotation of before for system example"),
            "{}",
            refused.stderr
        );
        place.mutate(&[Mutation::DeleteAccessKey { key_id: second.clone() }]);
        place.run(&["system", "rotate-key", "late", "--yes"]).code(0);
    }
}

#[test]
fn only_a_stored_key_can_be_rotated() {
    let place = Place::registered(0);
    place.run(&["system", "add", "--name", "p", "--system-id", "p", "--ambient"]);
    let refused = place.run(&["system", "rotate-key", "p", "--yes"]).code(2);
    assert!(refused.stderr.contains("no access key is stored for the system p"), "{}", refused.stderr);
}

#[test]
fn moto_lets_a_key_be_rotated() {
    let Some(moto) = peer::moto() else { return };
    let place = Place::with_users(0);
    place.run(&["init"]).code(0);
    let root = ("AKIAIOSFODNN7EXAMPLE".to_owned(), "secret".to_owned());
    let (connector, _) = peer::Boto { endpoint: moto.endpoint.clone(), key: root }.seed(None);
    let (id, secret) = connector.key;
    let run = |arguments: &[&str], input: &str| {
        let mut command = place.command(arguments);
        command.env("AWS_ENDPOINT_URL", &moto.endpoint);
        let mut child = piped(command);
        let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes());
        Ran::of(child.wait_with_output().unwrap())
    };
    let add = ["system", "add", "--name", "M", "--system-id", "m", "--access-key-id", &id];
    run(&[&add[..], &["--secret-access-key-stdin"]].concat(), &secret).code(0);
    let done = run(&["system", "rotate-key", "m", "--yes", "--output", "json"], "").code(0).json();
    assert_eq!(done["old_key"], id.as_str());
    let again = run(&["system", "rotate-key", "m", "--yes", "--output", "json"], "").code(0).json();
    assert_eq!(again["old_key"], done["new_key"]);
}
