//! `--server`: systems registered, checked, given credentials and released from a machine that has no store.

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
    let stays = elsewhere.run(&["system", "release", SYSTEM, "--yes"]).code(2);
    assert!(stays.stderr.contains("quarantined"), "{}", stays.stderr);
    place.sql(&format!("UPDATE systems SET aws_account_id = '{ACCOUNT}' WHERE system_id = '{SYSTEM}'"));
    let released = ["system", "release", SYSTEM, "--yes", "--reason", "looked at", "--output", "json"];
    assert_eq!(elsewhere.run(&released).code(0).json()["state"], "active");
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
