//! What `doctor` says about keys, and what of it a person should mend.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::harness::{Place, Ran, SYSTEM};

const YEAR_AND_A_DAY_MILLIS: i64 = 366 * 24 * 60 * 60 * 1_000;

/// The check of this name, if there is one; a warning is no failure.
#[track_caller]
fn check(place: &Place, name: &str) -> Option<Value> {
    let checks = place.run(&["doctor", "--output", "json"]).code(0).json();
    checks.as_array().unwrap().iter().find(|check| check["name"] == name).cloned()
}

#[track_caller]
fn warned(place: &Place, name: &str, words: &str, advice: &str) {
    let found = check(place, name).unwrap_or_else(|| panic!("no {name}"));
    assert_eq!(found["state"], "warning", "{found}");
    assert!(found["message"].as_str().unwrap().contains(words), "{found}");
    assert!(found["advice"].as_str().unwrap().contains(advice), "{found}");
}

#[track_caller]
fn is_ok(place: &Place, name: &str) {
    assert_eq!(check(place, name).unwrap_or_else(|| panic!("no {name}"))["state"], "ok", "{name}");
}

#[test]
fn old_keys_are_named_with_the_command_that_replaces_them() {
    let place = Place::registered(0);
    is_ok(&place, "key_age");
    assert_eq!(check(&place, "access_key_age"), None);
    place.sql(&format!("UPDATE store_keys SET created_at = created_at - {YEAR_AND_A_DAY_MILLIS}"));
    warned(&place, "key_age", "key 1 of the store", "keyreeve secrets rekey");
    place.run(&["secrets", "rekey", "--yes"]).code(0);
    is_ok(&place, "key_age");
    warned(&place, "old_keys", "keyreeve.key.old-", "where the backups of before are not");
    let old = std::fs::read_dir(place.data()).unwrap().map(|entry| entry.unwrap().path());
    let old = old.into_iter().find(|path| path.to_string_lossy().contains("keyreeve.key.old-")).unwrap();
    assert!(!check(&place, "old_keys").unwrap()["message"].as_str().unwrap().contains("others can"));
    std::fs::set_permissions(&old, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    warned(&place, "old_keys", "others can read it, mode 0644", "where the backups of before are not");
    // 91 days.
    place.sql(&format!("UPDATE systems SET created_at = created_at - {}", 91_i64 * 24 * 60 * 60 * 1_000));
    warned(&place, "access_key_age", "stored 91 days ago", "keyreeve system rotate-key example");
    place.run(&["system", "rotate-key", SYSTEM, "--yes"]).code(0);
    assert_eq!(check(&place, "access_key_age"), None);
}

#[test]
fn keys_that_lie_about_are_named_when_the_key_is_a_variable_too_and_a_restore_names_them() {
    let place = Place::registered(0);
    place.run(&["store", "backup", "before.db"]).code(0);
    place.run(&["secrets", "rekey", "--yes"]).code(0);
    assert_eq!(check(&place, "old_keys").unwrap()["message"].as_str().unwrap().matches("file:").count(), 1);
    let variable = "keyreeve-key-1 QE2V21BMZP3NO+T5JdVtceyaxEtFAMHt8p3QNh/BMrY=";
    let run = |key: &str, arguments: &[&str]| {
        let mut command = place.command(arguments);
        Ran::of(command.env("KEYREEVE_KEY", key).env("STORE_KEY", variable).output().unwrap())
    };
    let in_file = format!("file:{}", place.data().join("keyreeve.key").display());
    run(&in_file, &["secrets", "rekey", "--to", "env:STORE_KEY", "--yes"]).code(1);
    // Until that has ended the file is needed, and no key of before.
    let doctor = |key: &str| {
        let checks = run(key, &["doctor", "--output", "json"]).code(0).json();
        let found = checks.as_array().unwrap().iter().find(|check| check["name"] == "old_keys").cloned();
        found.map(|check| check["message"].as_str().unwrap().to_owned()).unwrap_or_default()
    };
    assert!(!doctor("env:STORE_KEY").contains("keyreeve.key,"), "{}", doctor("env:STORE_KEY"));
    run("env:STORE_KEY", &["secrets", "rekey", "--yes"]).code(0);
    let said = doctor("env:STORE_KEY");
    assert!(said.contains("keyreeve.key, ") && said.contains("keyreeve.key.old-"), "{said}");
    let refused = run("env:STORE_KEY", &["store", "restore", "before.db", "--yes"]).code(2);
    for words in ["KEYREEVE_KEY=file:/whole/path", "keyreeve.key.old-", &in_file] {
        assert!(refused.stderr.contains(words), "{words}: {}", refused.stderr);
    }
    // As the hint says.
    let old = said.split(": ").last().unwrap().split(", ").find(|file| file.contains(".old-")).unwrap();
    run(&format!("file:{old}"), &["store", "restore", "before.db", "--yes"]).code(0);
    run(&format!("file:{old}"), &["system", "list"]).code(0);
}

#[test]
fn one_endpoint_for_all_services_is_one_warning() {
    let place = Place::registered(0);
    let checks = place.run(&["doctor", "--output", "json"]).code(0).json();
    let rows = checks.as_array().unwrap().iter().filter(|check| check["name"] == "aws_endpoints");
    let said: Vec<&str> = rows.map(|row| row["message"].as_str().unwrap()).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains(", ") && said[0].contains("are asked at http://127.0.0.1:"), "{said:?}");
}

#[test]
fn files_that_others_can_read_and_a_clock_that_is_behind_are_named() {
    let place = Place::registered(0);
    is_ok(&place, "database_file");
    let database = place.data().join("keyreeve.db");
    std::fs::set_permissions(&database, std::fs::Permissions::from_mode(0o644)).unwrap();
    warned(&place, "database_file", "others can read it (mode 0644)", "chmod 600");
    for (mode, says) in [
        (0o666, "others can read it, and write to it (mode 0666)"),
        (0o622, "others can write to it (mode 0622)"),
    ] {
        std::fs::set_permissions(&database, std::fs::Permissions::from_mode(mode)).unwrap();
        warned(&place, "database_file", says, "chmod 600");
    }
    std::fs::set_permissions(&database, std::fs::Permissions::from_mode(0o600)).unwrap();
    is_ok(&place, "database_file");
    is_ok(&place, "clock");
    place.sql("UPDATE systems SET updated_at = updated_at + 600000");
    warned(&place, "clock", "this machine's clock shows", "set the clock");
}

#[test]
fn a_system_in_which_nothing_is_protected_is_named_unless_it_is_only_read() {
    let place = Place::registered(0);
    warned(&place, "protections", "nothing is protected in example", "keyreeve protect add example");
    place.run(&["system", "set", SYSTEM, "permission_profile=read"]).code(0);
    assert_eq!(check(&place, "protections"), None);
    place.run(&["system", "set", SYSTEM, "permission_profile=full"]).code(0);
    place.run(&["protect", "add", SYSTEM, "--path", "/break-glass/", "--reason", "last resort"]).code(0);
    assert_eq!(check(&place, "protections"), None);
}

#[test]
fn what_was_begun_with_keys_and_not_ended_is_named() {
    let place = Place::registered(0);
    let ends_at = |point: &str, arguments: &[&str]| {
        let output = place.command(arguments).env("KEYREEVE_CRASH_AT", point).output().unwrap();
        assert!(!output.status.success(), "{point}");
    };
    ends_at("after_rekey_commit", &["secrets", "rekey", "--yes"]);
    warned(&place, "key_change", "a change to key 2 at file:", "keyreeve secrets rekey");
    place.run(&["secrets", "rekey", "--yes"]).code(0);
    assert_eq!(check(&place, "key_change"), None);
    ends_at("after_rotation_commit:3", &["system", "rotate-key", SYSTEM, "--yes"]);
    warned(&place, "key_rotation", "it signs in with the new key", "keyreeve system rotate-key example");
}

#[test]
fn passwords_that_nobody_took_are_named_until_they_are_replaced_or_used() {
    const FOUR_DAYS_MILLIS: i64 = 4 * 24 * 60 * 60 * 1_000;
    let place = Place::imported(0);
    place.run(&["account", "create", SYSTEM, "--name", "ada", "--yes"]).code(0);
    assert_eq!(check(&place, "unclaimed_password"), None);
    let older = format!("UPDATE password_deliveries SET created_at = created_at - {FOUR_DAYS_MILLIS}");
    place.sql(&older);
    // The import was before that, too: it cannot have seen her.
    place.sql(&format!("UPDATE import_runs SET started_at = started_at - 2 * {FOUR_DAYS_MILLIS}"));
    warned(
        &place,
        "unclaimed_password",
        "for ada of example was not opened in 4 days",
        "reset-password example ada",
    );
    place.run(&["system", "set", SYSTEM, "unclaimed_password_days=5"]).code(0);
    assert_eq!(check(&place, "unclaimed_password"), None);
    place.run(&["system", "set", SYSTEM, "unclaimed_password_days=0"]).code(2);
    place.run(&["system", "set", SYSTEM, "unclaimed_password_days=3"]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    warned(&place, "unclaimed_password", "it can still be opened", "account deactivate example ada");
    // Another password takes its place, and is new.
    place.run(&["account", "reset-password", SYSTEM, "ada", "--yes"]).code(0);
    assert_eq!(check(&place, "unclaimed_password"), None);
    place.sql(&older);
    warned(&place, "unclaimed_password", "for ada", "reset-password");
    // Who is gone needs none.
    place.run(&["system", "set", SYSTEM, "permission_profile=full"]).code(0);
    place.run(&["account", "delete", SYSTEM, "ada", "--yes"]).code(0);
    assert_eq!(check(&place, "unclaimed_password"), None);
}
