//! People who sign in, as an administrator keeps them: S32 and the passwords that are taken.

use serde_json::json;

use crate::harness::{Place, Ran, SYSTEM};

pub(crate) const PASSWORD: &str = "a sentence of some words";

fn add(place: &Place, name: &str, role: &str, password: &str, more: &[&str]) -> Ran {
    let add = ["person", "add", name, "--role", role, "--password-stdin", "--output", "json"];
    place.run_with_input(&[&add, more].concat(), &format!("{password}\n"))
}

#[test]
fn people_are_added_changed_and_removed_and_no_password_is_kept_or_shown() {
    let place = Place::registered(0);
    let added = add(&place, "ada", "admin", PASSWORD, &[]).code(0);
    let bea = add(&place, "bea@example.org", "operator", PASSWORD, &["--system", SYSTEM]).code(0).json();
    assert_eq!((&bea[0]["role"], &bea[0]["systems"]), (&json!("operator"), &json!([SYSTEM])));
    assert!(!(added.stdout.contains("argon2") || added.stdout.contains(PASSWORD)), "{}", added.stdout);
    add(&place, "ada", "viewer", PASSWORD, &[]).code(2);
    add(&place, "cleo", "viewer", PASSWORD, &["--system", "nowhere"]).code(2);
    for name in ["Ada", "local:root", "oidc:1", "a b"] {
        add(&place, name, "viewer", PASSWORD, &[]).code(2);
    }
    let kept = place.rows("SELECT name, password_hash FROM people ORDER BY name");
    let hashes: Vec<&str> = (0..2).map(|row| kept[row][1].as_str().unwrap()).collect();
    assert!(hashes.iter().all(|hash| hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")), "{hashes:?}");
    assert_ne!(hashes[0], hashes[1], "the same password has the same hash");

    let role = ["person", "set-role", "bea@example.org", "--role", "viewer", "--output", "json"];
    assert_eq!(place.run(&role).code(0).json()[0]["systems"], json!([]));
    let set = ["person", "set-password", "bea@example.org", "--password-stdin"];
    place.run_with_input(&set, "another sentence of words\n").code(0);
    assert_ne!(place.rows("SELECT password_hash FROM people WHERE name <> 'ada'")[0][0], hashes[1]);
    place.run(&["person", "disable", "bea@example.org"]).code(0);
    assert!(place.json(&["person", "list"])[1]["disabled_at"].is_string());
    place.run(&["person", "enable", "bea@example.org"]).code(0);
    place.run(&["person", "remove", "bea@example.org", "--reason", "she left"]).code(0);
    place.run(&["person", "remove", "bea@example.org"]).code(2);
    assert!(place.run(&["person", "list"]).code(0).stdout.contains("password"));
    let log = place.json(&["audit", "list", "--limit", "50"]);
    let actions: Vec<&str> =
        log.as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect();
    let expected = [
        "person_removed",
        "person_enabled",
        "person_disabled",
        "person_password_set",
        "person_changed",
        "person_added",
    ];
    assert_eq!(actions[..6], expected);
    assert!(!(log.to_string().contains("argon2") || log.to_string().contains(PASSWORD)));
}

#[test]
fn passwords_that_are_easily_found_are_refused_and_not_repeated() {
    let place = Place::registered(0);
    for (password, why) in [
        ("short words", "fewer than 12"),
        ("Password-1234", "among the first"),
        ("how Adalbert did", "holds the name"),
        ("", "standard input was empty"),
    ] {
        let refused = add(&place, "adalbert", "viewer", password, &[]).code(2);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
        assert!(password.is_empty() || !refused.stderr.contains(password), "{}", refused.stderr);
    }
    let unasked = place.run(&["person", "add", "adalbert", "--role", "viewer"]).code(2);
    assert!(unasked.stderr.contains("--password-stdin"), "{}", unasked.stderr);
    assert_eq!(place.json(&["person", "list"]), json!([]));
}

#[test]
fn s32_whoever_is_the_last_to_administer_stays() {
    let place = Place::with_users(0);
    let first = place.run(&["init", "--output", "json"]).code(0).json()["token"].as_str().unwrap().to_owned();
    let refused = |arguments: &[&str]| {
        let refused = place.run(arguments).code(2);
        assert!(refused.stderr.contains("is the last to administer everything"), "{}", refused.stderr);
        assert!(refused.stderr.contains("`keyreeve person add NAME --role admin`"), "{}", refused.stderr);
    };
    refused(&["token", "revoke", &first]);
    place.run_as(&first, &["token", "list"]).code(0);
    place.token("root", "admin", &["--expires-in-days", "1"]);
    refused(&["token", "revoke", &first]);
    add(&place, "ada", "admin", PASSWORD, &[]).code(0);
    place.run(&["token", "revoke", &first]).code(0);
    for arguments in [
        &["person", "disable", "ada"][..],
        &["person", "remove", "ada"],
        &["person", "set-role", "ada", "--role", "operator"],
        &["person", "set-role", "ada", "--role", "admin", "--system", SYSTEM],
    ] {
        if arguments.contains(&SYSTEM) {
            place.add(SYSTEM, crate::harness::ACCOUNT).code(0);
        }
        refused(arguments);
    }
    add(&place, "bea", "admin", PASSWORD, &[]).code(0);
    place.run(&["person", "remove", "ada"]).code(0);
    refused(&["person", "disable", "bea"]);
}

#[test]
fn only_admins_of_all_systems_keep_people() {
    let place = Place::registered(0);
    let limited = place.token("amy", "admin", &["--system", SYSTEM]);
    let operator = place.token("op", "operator", &[]);
    let admin = place.token("root", "admin", &[]);
    for arguments in [&["person", "list"][..], &["person", "remove", "x"], &["person", "disable", "x"]] {
        for token in [&limited, &operator] {
            let refused = place.run_as(token, arguments).code(2);
            assert!(refused.stderr.contains("looking at what you may do"), "{}", refused.stderr);
        }
    }
    place.run_as(&admin, &["person", "list"]).code(0);
}
