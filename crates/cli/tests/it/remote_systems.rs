//! `--server`: systems registered, checked, given credentials and released from a machine that has no store.

use keyreeve_sandbox::{Effect, FaultRule};
use serde_json::Value;

use crate::harness::{ACCOUNT, OTHER_ACCOUNT, Place, Ran, SYSTEM, piped};
use crate::remote::Elsewhere;
use crate::serve::{serve, terminate};

fn with_input(elsewhere: &Elsewhere, arguments: &[&str], input: &str) -> Ran {
    use std::io::Write as _;
    let mut child = piped(elsewhere.command(arguments));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    Ran::of(child.wait_with_output().unwrap())
}

/// What checks have in common wherever they are asked for: clocks go on.
fn found(ran: &Ran) -> Vec<(Value, Value, Value)> {
    let checks = ran.json();
    let one = |check: &Value| (check["name"].clone(), check["state"].clone(), check["needed"].clone());
    checks.as_array().unwrap().iter().map(one).collect()
}

#[test]
fn a_system_is_registered_checked_and_given_credentials_by_way_of_a_server() {
    let place = Place::registered(3);
    let token = place.token("amy", "admin", &[]);
    let (child, address) = serve(&place, &[]);
    let elsewhere = Elsewhere::of(&address, &token);
    let key = place.key(OTHER_ACCOUNT);
    let add = ["system", "add", "--name", "Far", "--system-id", "far", "--output", "json"];
    let by_key = ["--access-key-id", &key.access_key_id, "--secret-access-key-stdin"];
    let made = with_input(&elsewhere, &[&add[..], &by_key].concat(), &key.secret_access_key).code(0);
    assert_eq!(made.json(), place.json(&["system", "show", "far"]));
    assert_eq!(made.json()["aws_account_id"], OTHER_ACCOUNT);
    let taken = with_input(&elsewhere, &[&add[..], &by_key].concat(), &key.secret_access_key).code(2);
    assert!(taken.stderr.contains("far"), "{}", taken.stderr);
    let check = ["system", "check", "far", "--output", "json"];
    let (here, there) = (place.run(&check), elsewhere.run(&check));
    assert_eq!((there.code, found(&there)), (here.code, found(&here)), "{}", there.stderr);
    assert!(found(&there).len() > 5, "{}", there.stdout);
    elsewhere.run(&["import", "run", "far"]).code(0);
    // The key of another AWS account, then its own again.
    let other = place.key(ACCOUNT);
    let set = |key: &str| {
        ["system", "set", "far", "--access-key-id", key, "--secret-access-key-stdin"].map(str::to_owned)
    };
    let give = |id: &str, secret: &str| {
        let arguments = set(id);
        with_input(&elsewhere, &arguments.each_ref().map(String::as_str), secret)
    };
    let refused = give(&other.access_key_id, &other.secret_access_key).code(2);
    assert!(refused.stderr.contains(OTHER_ACCOUNT), "{}", refused.stderr);
    let given = give(&key.access_key_id, &key.secret_access_key).code(0);
    assert!(given.stderr.contains("signs in as"), "{}", given.stderr);
    for ran in [&made, &taken, &refused, &given] {
        assert!(!ran.stdout.contains(&key.secret_access_key) && !ran.stderr.contains(&key.secret_access_key));
    }
    // A quarantine that ended by itself, and one that goes on.
    place.sql(&format!("UPDATE systems SET aws_account_id = '999988887777' WHERE system_id = '{SYSTEM}'"));
    let wrong = elsewhere.run(&["system", "check", SYSTEM]).code(1);
    assert!(wrong.stdout.contains("quarantined"), "{}", wrong.stdout);
    for stays in [place.run(&["system", "release", SYSTEM]), elsewhere.run(&["system", "release", SYSTEM])] {
        let stays = stays.code(1);
        assert!(stays.stderr.contains("stays quarantined"), "{}", stays.stderr);
        assert!(stays.stderr.contains("credentials of its own account"), "{}", stays.stderr);
    }
    place.sql(&format!("UPDATE systems SET aws_account_id = '{ACCOUNT}' WHERE system_id = '{SYSTEM}'"));
    let released = ["system", "release", SYSTEM, "--yes", "--reason", "looked at", "--output", "json"];
    assert_eq!(elsewhere.run(&released).code(0).json()["state"], "active");
    // Who may not release is told so, also where there is nothing to release.
    elsewhere.run(&["system", "release", SYSTEM]).code(0);
    let viewer = place.token("vic", "viewer", &[]);
    let here = place.run_as(&viewer, &["system", "release", SYSTEM]).code(2);
    let there = Elsewhere::of(&address, &viewer).run(&["system", "release", SYSTEM]).code(2);
    for refused in [here, there] {
        assert!(refused.stderr.contains("has the role viewer"), "{}", refused.stderr);
    }
    let removed =
        elsewhere.run(&["system", "remove", "far", "--yes", "--reason", "moved", "--output", "json"]).code(0);
    assert_eq!(removed.json()["state"], "removed");
    let row = place.json(&["audit", "list", "--system", SYSTEM]);
    assert!(row.to_string().contains("looked at"), "{row}");
    terminate(child);
}

#[test]
fn the_credentials_of_the_servers_machine_are_lent_where_its_configuration_says_so() {
    let place = Place::registered(2);
    let token = place.token("amy", "admin", &[]);
    let add = |id: &'static str, how: &[&'static str]| {
        [&["system", "add", "--name", id, "--system-id", id, "--output", "json"], how].concat()
    };
    let role = "arn:aws:iam::123456789012:role/reader";
    let (child, address) = serve(&place, &[]);
    let elsewhere = Elsewhere::of(&address, &token);
    for how in [&["--ambient"] as &[&str], &["--role-arn", role]] {
        let refused = elsewhere.run(&add("own", how)).code(2);
        assert!(refused.stderr.contains("lend_own_credentials"), "{}", refused.stderr);
    }
    let named = elsewhere.run(&add("own", &["--aws-profile", "default"])).code(2);
    assert!(named.stderr.contains("profile"), "{}", named.stderr);
    terminate(child);
    let lent = std::path::PathBuf::from("true");
    let (child, address) = serve(&place, &[("KEYREEVE_AWS_LEND_OWN_CREDENTIALS", &lent)]);
    let elsewhere = Elsewhere::of(&address, &token);
    let made = elsewhere.run(&add("own", &["--role-arn", role])).code(0);
    let id = made.json()["credential"]["external_id"].as_str().unwrap().to_owned();
    assert!(made.stderr.contains(&id) && made.stderr.contains("sts:ExternalId"), "{}", made.stderr);
    elsewhere.run(&add("here", &["--ambient"])).code(0);
    terminate(child);
}

#[test]
fn people_are_added_changed_and_removed_by_way_of_a_server() {
    let place = Place::registered(2);
    let token = place.token("amy", "admin", &[]);
    let (child, address) = serve(&place, &[]);
    let elsewhere = Elsewhere::of(&address, &token);
    let words = "some words of a sentence";
    let add = [
        "person",
        "add",
        "kim",
        "--role",
        "viewer",
        "--system",
        SYSTEM,
        "--password-stdin",
        "--output",
        "json",
    ];
    let added = with_input(&elsewhere, &add, words).code(0);
    assert_eq!(added.json(), place.json(&["person", "list"]));
    with_input(&elsewhere, &["person", "set-password", "kim", "--password-stdin"], "short").code(2);
    with_input(&elsewhere, &["person", "set-password", "kim", "--password-stdin"], "other words of another")
        .code(0);
    let of = |changed: &Ran, field: &str| changed.json()[0][field].clone();
    let role =
        elsewhere.run(&["person", "set-role", "kim", "--role", "approver", "--output", "json"]).code(0);
    assert_eq!(of(&role, "role"), "approver");
    let out = elsewhere.run(&["person", "disable", "kim", "--output", "json"]).code(0);
    assert_eq!(out.json(), place.json(&["person", "list"]));
    elsewhere.run(&["person", "enable", "kim"]).code(0);
    elsewhere.run(&["person", "remove", "kim", "--reason", "left"]).code(0);
    let rows = place.json(&["audit", "list"]).to_string();
    assert!(rows.contains("left") && !rows.contains(words), "{rows}");
    terminate(child);
}

#[test]
fn a_key_is_rotated_by_way_of_a_server_as_where_the_store_is() {
    let place = Place::imported(1);
    let token = place.token("amy", "admin", &[]);
    let (child, address) = serve(&place, &[]);
    let elsewhere = Elsewhere::of(&address, &token);
    for form in ["json", "csv", "table"] {
        let plan = ["system", "rotate-key", SYSTEM, "--plan", "--output", form];
        let (here, there) = (place.run(&plan).code(0), elsewhere.run(&plan).code(0));
        assert_eq!((there.stdout, there.stderr), (here.stdout, here.stderr));
    }
    elsewhere.run(&["system", "rotate-key", SYSTEM]).code(2);
    let rotate = [
        "system",
        "rotate-key",
        SYSTEM,
        "--yes",
        "--reason",
        "quarterly",
        "--output",
        "json",
        "--log",
        "trace",
    ];
    let before = place.json(&["system", "show", SYSTEM])["credential"]["access_key_id"].clone();
    let done = elsewhere.run(&rotate).code(0);
    let now = place.json(&["system", "show", SYSTEM])["credential"]["access_key_id"].clone();
    let said = done.json();
    assert_eq!(
        (&said["old_key"], &said["new_key"], &said["state"]),
        (&before, &now, &"done".into()),
        "{said}"
    );
    let secret = place.stored_secret(SYSTEM);
    let log = std::fs::read_to_string(place.folder.path().join(crate::serve::LOG)).unwrap();
    assert!(![&done.stdout, &done.stderr, &log].iter().any(|said| said.contains(&secret)));
    // The server goes on with the new key.
    elsewhere.run(&["import", "run", SYSTEM]).code(0);
    let rows = place.json(&["audit", "list", "--action", "key_rotation_begun"]);
    assert_eq!((&rows[0]["actor"], &rows[0]["subject"]["reason"]), (&"amy".into(), &"quarterly".into()));
    // What cannot begin ends with 2 in both places, what fails on the way with 1.
    let rotate = ["system", "rotate-key", SYSTEM, "--yes"];
    place.sandbox.add_fault(FaultRule::new("ListAccessKeys", Effect::AccessDenied));
    for refused in [elsewhere.run(&rotate), place.run(&rotate)] {
        assert!(refused.code(2).stderr.contains("iam:ListAccessKeys"));
    }
    place.sandbox.clear_faults();
    place.sandbox.add_fault(FaultRule::new("UpdateAccessKey", Effect::AccessDenied));
    assert!(elsewhere.run(&rotate).code(1).stderr.contains("iam:UpdateAccessKey"));
    place.sandbox.clear_faults();
    terminate(child);
}

#[test]
fn profiles_mappings_and_regions_are_set_by_way_of_a_server_as_they_were_seen() {
    let place = Place::registered(2);
    let token = place.token("amy", "admin", &[]);
    let (child, address) = serve(&place, &[]);
    let elsewhere = Elsewhere::of(&address, &token);
    let set = |name: &str, more: &[&str]| {
        elsewhere.run(&[&["import", "profile", "set", SYSTEM, name, "--output", "json"], more].concat())
    };
    let new = set("staff", &["path_prefix=/staff/", "schedule=30 2 1 1 *"]).code(0);
    assert!(new.stderr.contains("Import profile staff is new."), "{}", new.stderr);
    assert!(new.stderr.contains("Schedules are carried out by"), "{}", new.stderr);
    assert_eq!(new.json()["next_times"].as_array().unwrap().len(), 3, "{}", new.stdout);
    let changed = set("staff", &["thresholds.small.deleted=none"]).code(0);
    assert!(changed.stderr.contains("is switched off") && !changed.stderr.contains("is new"));
    assert_eq!(changed.json()["path_prefix"], "/staff/", "the rest stays");
    assert_eq!(
        changed.stdout,
        place.run(&["import", "profile", "show", SYSTEM, "staff", "--output", "json"]).stdout
    );
    for wrong in [&["colour=red"] as &[&str], &["path_prefix=staff"]] {
        set("staff", wrong).code(2);
    }
    let viewer = Elsewhere::of(&address, &place.token("vic", "viewer", &[]));
    viewer.run(&["import", "profile", "set", SYSTEM, "staff", "objects=accounts"]).code(2);
    viewer.run(&["import", "profile", "show", SYSTEM, "staff"]).code(0);

    let shown = place.json(&["mapping", "show", SYSTEM, "user"]);
    let file = elsewhere.folder.path().join("user.json");
    std::fs::write(&file, shown.to_string()).unwrap();
    let file = file.to_str().unwrap();
    let again =
        ["mapping", "set", SYSTEM, "user", "--file", file, "--reason", "as before", "--output", "json"];
    assert_eq!(elsewhere.run(&again).code(0).json(), shown);
    let rows = place.json(&["audit", "list", "--action", "mapping_set"]);
    assert!(rows.to_string().contains("as before"), "{rows}");

    let region = |value: &str| elsewhere.run(&["system", "set", SYSTEM, &format!("region={value}")]);
    region("eu-central-1").code(0);
    assert_eq!(place.json(&["system", "show", SYSTEM])["region"], "eu-central-1");
    for wrong in ["cn-north-1", "example.org"] {
        region(wrong).code(2);
    }
    assert_eq!(place.json(&["system", "show", SYSTEM])["region"], "eu-central-1");
    region("none").code(0);
    assert!(place.json(&["system", "show", SYSTEM])["region"].is_null());
    terminate(child);
}

#[test]
fn all_systems_are_imported_by_way_of_a_server() {
    let place = Place::registered(2);
    place.add("other", OTHER_ACCOUNT).code(0);
    place.run(&["import", "profile", "set", "other", "default", "policy_scope=customer"]).code(0);
    place.run(&["system", "set", "other", "category=Pilot"]).code(0);
    let token = place.token("olga", "operator", &[]);
    let (child, address) = serve(&place, &[]);
    let elsewhere = Elsewhere::of(&address, &token);
    let all = elsewhere.run(&["import", "run", "--all", "--output", "json"]).code(0);
    let runs = all.json();
    let ids: Vec<&str> =
        runs.as_array().unwrap().iter().map(|run| run["system_id"].as_str().unwrap()).collect();
    assert_eq!(ids, [SYSTEM, "other"]);
    for run in runs.as_array().unwrap() {
        let shown = place.json(&["import", "show", &run["id"].to_string()]);
        assert_eq!((&run["state"], &shown["state"]), (&"published".into(), &"published".into()), "{run}");
        assert_eq!(run["changes"], shown["changes"]);
    }
    assert!(all.stderr.contains("2 of 2 systems went well."), "{}", all.stderr);
    let pilot = elsewhere.run(&["import", "run", "--all", "--category", "Pilot", "--output", "json"]).code(0);
    assert_eq!(pilot.json().as_array().unwrap().len(), 1, "{}", pilot.stdout);
    elsewhere.run(&["import", "run", "--all", "--category", "Nobody"]).code(2);
    // One that is left out does not keep the others from being read.
    place.sql("UPDATE systems SET state = 'quarantined' WHERE system_id = 'other'");
    let some = elsewhere.run(&["import", "run", "--all", "--output", "json"]).code(1).json();
    assert_eq!(
        (&some[0]["state"], &some[1]["state"]),
        (&"published".into(), &"quarantined".into()),
        "{some}"
    );
    let limited = Elsewhere::of(&address, &place.token("oleg", "operator", &["--system", SYSTEM]));
    let own = limited.run(&["import", "run", "--all", "--output", "json"]).code(0).json();
    assert_eq!(own.as_array().unwrap().len(), 1, "{own}");
    terminate(child);
}
