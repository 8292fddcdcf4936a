//! People who sign in, as an administrator keeps them: S32 and the passwords that are taken.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Place, Ran, SYSTEM};
use crate::serve::{LOG, serve, terminate};

const PASSWORD: &str = "a sentence of some words";

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

/// `serve` with this table of the configuration, which it refuses.
fn refused_to_serve(place: &Place, table: &str) -> String {
    let file = place.folder.path().join("keyreeve.toml");
    std::fs::write(&file, format!("public_url = \"http://127.0.0.1:8420\"\n\n[sign_in]\n{table}\n")).unwrap();
    let mut command =
        place.command(&["serve", "--listen", "127.0.0.1:0", "--config", file.to_str().unwrap()]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // One that is let serve would go on for ever.
    let mut ended = || child.try_wait().unwrap().is_some();
    if !(0..1000).any(|_| {
        ended() || {
            std::thread::sleep(Duration::from_millis(20));
            false
        }
    }) {
        child.kill().unwrap();
        panic!("it serves: {table}");
    }
    Ran::of(child.wait_with_output().unwrap()).code(2).stderr
}

#[test]
fn s32_a_provider_is_never_the_only_way_in() {
    let place = Place::registered(0);
    let secret = place.folder.path().join("oidc.secret");
    std::fs::write(&secret, "what only the provider and we know").unwrap();
    let whole = format!(
        "oidc_issuer = \"https://id.example.org\"\noidc_client_id = \"keyreeve\"\noidc_client_secret_file = {secret:?}\n\
         [[sign_in.oidc_roles]]\nvalue = \"admins\"\nrole = \"admin\""
    );
    // The first token was taken away behind the store's back.
    place.sql("UPDATE tokens SET revoked_at = 1");
    let refused = refused_to_serve(&place, &whole);
    assert!(refused.contains("would be the only way in"), "{refused}");
    assert!(refused.contains("`keyreeve person add NAME --role admin`"), "{refused}");
    add(&place, "ada", "admin", PASSWORD, &[]).code(0);
    for (table, why) in [
        ("session_hours = 0", "session_hours in [sign_in] must be from 1 to 720"),
        ("oidc_issuer = \"https://id.example.org\"", "oidc_client_id is not"),
        (&whole.replace("https://id", "http://id"), "must be an https:// URL"),
        (&whole.replace("https://id", "https://me@id"), "must be an https:// URL"),
        (whole.split("[[").next().unwrap(), "nobody would have a role"),
        (&whole.replace("oidc.secret", "nothing"), "oidc_client_secret_file"),
        (&whole.replace("https://id.example.org", "http://127.0.0.1:1"), "no network in oidc_networks"),
        (&whole.replace("\"admin\"", "\"king\""), "keyreeve.toml"),
    ] {
        let refused = refused_to_serve(&place, table);
        assert!(refused.contains(why), "{table}: {refused}");
    }
}

#[test]
fn who_was_added_signs_in_to_the_server_until_they_are_disabled() {
    let place = Place::registered(0);
    add(&place, "ada", "viewer", PASSWORD, &[]).code(0);
    let (child, address) = serve(&place, &[]);
    let ask = |head: &str, body: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        let length = body.len();
        write!(
            stream,
            "{head}\r\nHost: {address}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let sign_in = |password: &str| {
        let body = json!({"name": "ada", "password": password}).to_string();
        ask("POST /api/v1/session HTTP/1.1\r\nContent-Type: application/json", &body)
    };
    assert!(sign_in("another sentence").starts_with("HTTP/1.1 401"));
    let answer = sign_in(PASSWORD);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let cookie = answer.split("keyreeve=").nth(1).unwrap().split(';').next().unwrap().to_owned();
    let systems = || ask(&format!("GET /api/v1/systems HTTP/1.1\r\nCookie: keyreeve={cookie}"), "");
    assert!(systems().starts_with("HTTP/1.1 200"));
    assert!(place.rows("SELECT * FROM sessions").to_string().contains("127.0.0.1"));
    assert!(!place.rows("SELECT * FROM sessions").to_string().contains(&cookie));
    place.run(&["person", "disable", "ada"]).code(0);
    assert!(systems().starts_with("HTTP/1.1 401"));
    terminate(child);
    let log = place.json(&["audit", "list", "--action", "sign_in_failed"]);
    assert_eq!(log[0]["subject"]["people"], json!({"ada": 1}));
    let said = std::fs::read_to_string(place.folder.path().join(LOG)).unwrap();
    assert!(!(said.contains(&cookie) || said.contains(PASSWORD)), "{said}");
}

#[test]
fn what_is_given_on_standard_input_is_one_line() {
    let place = Place::registered(0);
    let before = place.json(&["system", "show", SYSTEM]);
    let password = ["person", "add", "ada", "--role", "admin", "--password-stdin"];
    let key =
        ["system", "set", SYSTEM, "--access-key-id", "AKIAIOSFODNN7EXAMPLE", "--secret-access-key-stdin"];
    for arguments in [&password[..], &key] {
        let refused = place.run_with_input(arguments, &format!("{PASSWORD}\nand another line\n")).code(2);
        assert!(refused.stderr.contains("more than one line"), "{}", refused.stderr);
        assert!(!refused.stderr.contains("another line"), "{}", refused.stderr);
    }
    assert_eq!(place.json(&["person", "list"]), json!([]));
    assert_eq!(place.json(&["system", "show", SYSTEM]), before);
    // What ends a line may stand there once more.
    place.run_with_input(&password, &format!("{PASSWORD}\r\n\n")).code(0);
}
