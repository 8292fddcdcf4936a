//! A server that runs while the store's key is changed: it fetches the new key where it can, and says so where it cannot.

use std::path::PathBuf;

use serde_json::json;

use crate::harness::{ACCOUNT, OTHER_ACCOUNT, Place, Ran, SYSTEM};
use crate::http::{Answer, ask};
use crate::serve::{get, serve, terminate};

const NEW: (&str, &str) =
    ("KEYREEVE_STORE_KEY", "keyreeve-key-1 QE2V21BMZP3NO+T5JdVtceyaxEtFAMHt8p3QNh/BMrY=");

/// Two systems with secrets, and an admin's token.
fn two_systems() -> (Place, String) {
    let place = Place::registered(0);
    place.add("other", OTHER_ACCOUNT).code(0);
    let token = place.token("amy", "admin", &[]);
    (place, token)
}

fn check(address: &str, token: &str, system: &str) -> Answer {
    let head = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
    ask(address, "POST", &format!("/api/v1/systems/{system}/check"), &head, "{}")
}

#[test]
fn a_server_goes_on_with_the_key_that_took_the_place_of_its_own() {
    let (place, token) = two_systems();
    let (child, address) = serve(&place, &[]);
    check(&address, &token, SYSTEM).status(200);
    for more in [&[][..], &["--data-keys"], &[]] {
        place.run(&[&["secrets", "rekey", "--yes"], more].concat()).code(0);
        for system in [SYSTEM, "other"] {
            let checks = check(&address, &token, system).status(200).json();
            let reachable = checks["items"].as_array().unwrap().iter().find(|one| one["name"] == "reachable");
            assert_eq!(reachable.unwrap_or_else(|| panic!("{checks}"))["state"], "ok", "{checks}");
        }
        assert!(get(&address, "/readyz").starts_with("HTTP/1.1 200"));
    }
    terminate(child);
}

#[test]
fn a_server_that_cannot_have_the_new_key_is_not_ready_and_doctor_says_it() {
    let (place, token) = two_systems();
    let (child, address) = serve(&place, &[]);
    let with = |key: &str, arguments: &[&str]| {
        let mut command = place.command(arguments);
        Ran::of(
            command.env("KEYREEVE_KEY", key).env("KEYREEVE_LISTEN", &address).envs([NEW]).output().unwrap(),
        )
    };
    let doctor = |code: i32| {
        let checks = with("env:KEYREEVE_STORE_KEY", &["doctor", "--output", "json"]).code(code).json();
        checks.as_array().unwrap().iter().find(|check| check["name"] == "serve_ready").cloned().unwrap()
    };
    let old = format!("file:{}", place.data().join("keyreeve.key").display());
    with(&old, &["secrets", "rekey", "--yes", "--to", "env:KEYREEVE_STORE_KEY"]).code(1);
    assert!(get(&address, "/readyz").starts_with("HTTP/1.1 200"), "both keys open the store");
    assert_eq!(doctor(0)["state"], "ok");
    with("env:KEYREEVE_STORE_KEY", &["secrets", "rekey", "--yes"]).code(0);
    let ready = get(&address, "/readyz");
    assert!(
        ready.starts_with("HTTP/1.1 503") && ready.contains("restart it with the key that does"),
        "{ready}"
    );
    let checks = check(&address, &token, "other").status(200).json().to_string();
    assert!(
        checks.contains("restart `keyreeve serve`, or run the command again, with the key that opens it"),
        "{checks}"
    );
    assert!(
        checks.contains(r#""advice":"restart `keyreeve serve` with the key that opens the store""#),
        "{checks}"
    );
    let own = place.key(ACCOUNT);
    let credential = json!({
        "kind": "access_key", "access_key_id": own.access_key_id, "secret_access_key": own.secret_access_key,
    });
    let more = json!({"system_id": "more", "name": "More", "credential": credential}).to_string();
    let head = format!(
        "Authorization: Bearer {token}\r\nContent-Type: application/json\r\nIdempotency-Key: \"k1\"\r\n"
    );
    let problem = ask(&address, "POST", "/api/v1/systems", &head, &more).status(503).json();
    assert_eq!(problem["code"], "store_unavailable", "{problem}");
    assert_eq!(problem["advice"], "restart `keyreeve serve` with the key that opens the store", "{problem}");
    let found = doctor(1);
    assert_eq!(found["state"], "error", "{found}");
    assert!(found["message"].as_str().unwrap().contains("a key that opens the store no more"), "{found}");
    assert!(found["advice"].as_str().unwrap().contains("restart it with the one that does"), "{found}");
    terminate(child);
    let new = [("KEYREEVE_KEY", PathBuf::from("env:KEYREEVE_STORE_KEY")), (NEW.0, PathBuf::from(NEW.1))];
    let settings: Vec<(&str, &PathBuf)> = new.iter().map(|(name, value)| (*name, value)).collect();
    let (child, address) = serve(&place, &settings);
    assert!(get(&address, "/readyz").starts_with("HTTP/1.1 200"));
    check(&address, &token, "other").status(200);
    terminate(child);
}

#[test]
fn a_server_with_a_key_that_was_given_up_is_told_to_take_the_one_that_stays() {
    let (place, token) = two_systems();
    let old = format!("file:{}", place.data().join("keyreeve.key").display());
    let elsewhere = format!("file:{}", place.folder.path().join("elsewhere.key").display());
    place.run(&["secrets", "rekey", "--yes", "--to", &elsewhere]).code(1);
    let (child, address) = serve(&place, &[("KEYREEVE_KEY", &PathBuf::from(&elsewhere))]);
    assert!(get(&address, "/readyz").starts_with("HTTP/1.1 200"), "both keys open the store");
    place.run(&["secrets", "rekey", "--abandon", "--yes"]).code(0);
    let ready = get(&address, "/readyz");
    assert!(
        ready.starts_with("HTTP/1.1 503") && ready.contains("was given up: restart it with the key that"),
        "{ready}"
    );
    let checks = check(&address, &token, "other").status(200).json().to_string();
    assert!(checks.contains("the change to it was given up: key 1 opens the store"), "{checks}");
    assert!(checks.contains(&old) && !checks.contains("new key"), "{checks}");
    terminate(child);
}
