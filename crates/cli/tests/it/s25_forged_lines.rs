//! S25: what others say cannot forge a line of the log, nor reach the terminal of whoever reads it.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::harness::{Place, Ran, SYSTEM};
use crate::http::ask;
use crate::serve::{LOG, serve, terminate};

/// A line of JSON, a cleared screen, a link that hides where it leads, and a line written over.
const HOSTILE: &str =
    "x\n{\"level\":\"ERROR\",\"message\":\"forged\"}\r\u{1b}[2J\u{1b}]8;;http://evil.example\u{7}y\u{202e}z";

/// Nothing in it moves the cursor or begins a line of its own making.
#[track_caller]
fn assert_harmless(what: &str, text: &str) {
    let bad = text.chars().find(|sign| sign.is_control() && *sign != '\n');
    assert_eq!(bad, None, "{what}: {text:?}");
    assert!(
        !text.lines().any(|line| line.trim_start().starts_with("{\"level\":\"ERROR\"")),
        "{what}: {text}"
    );
}

#[test]
fn s25_each_line_of_the_log_is_one_of_ours() {
    let place = Place::imported(1);
    let token = place.token("ada", "admin", &[]);
    let settings =
        [("KEYREEVE_LOG", &PathBuf::from("trace")), ("KEYREEVE_LOG_FORMAT", &PathBuf::from("json"))];
    let (child, address) = serve(&place, &settings);
    let authorised = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
    let forged = "%0A%7B%22level%22:%22ERROR%22%7D%0D%1B%5B2J";
    let hostile = json!({
        "wishes": [{"task": "create_account", "name": HOSTILE}], "reason": HOSTILE, HOSTILE: HOSTILE,
    });
    let named = json!({"wishes": [{"task": "create_account", "name": HOSTILE}], "reason": HOSTILE});
    let user = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": HOSTILE,
        "externalId": HOSTILE, "displayName": HOSTILE});
    let scim = format!("/scim/v2/{SYSTEM}");
    let asked: [(&str, String, &Value); 10] = [
        ("GET", format!("/{forged}"), &Value::Null),
        ("GET", format!("/api/v1/{forged}"), &Value::Null),
        ("GET", format!("/api/v1/systems/{forged}"), &Value::Null),
        ("GET", format!("/api/v1/systems/{SYSTEM}/accounts/{forged}"), &Value::Null),
        ("GET", format!("/api/v1/systems/{SYSTEM}/accounts?{forged}={forged}"), &Value::Null),
        ("GET", format!("/api/v1/systems/{SYSTEM}/accounts?cursor={forged}"), &Value::Null),
        ("POST", format!("/api/v1/systems/{SYSTEM}/jobs"), &hostile),
        ("POST", format!("/api/v1/systems/{SYSTEM}/jobs"), &named),
        ("POST", format!("{scim}/Users"), &user),
        ("GET", format!("{scim}/Users?filter={forged}"), &Value::Null),
    ];
    for (method, path, body) in asked {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let more =
            format!("{authorised}User-Agent: a\u{2028}{{\"level\":\"ERROR\"}}\r\nX-Request-Id: {forged}\r\n");
        let answer = ask(&address, method, &path, &more, &body);
        assert!((400..500).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
        assert_harmless("head", &answer.head.replace("\r\n", "\n"));
        // JSON escapes what is not printed.
        assert_harmless("body", &answer.body);
    }
    // Bytes that no header may have.
    for header in ["User-Agent: \u{1b}[2J", "X-Request-Id: \u{7}", "Referer: a\rb"] {
        let answer = ask(&address, "GET", "/healthz", &format!("{header}\r\n"), "");
        assert_harmless("head", &answer.head.replace("\r\n", "\n"));
    }
    terminate(child);
    let log = std::fs::read_to_string(place.folder.path().join(LOG)).unwrap();
    assert!(log.lines().count() > 10, "{log}");
    for line in log.lines() {
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        assert!(entry["level"].is_string() && entry["target"].is_string(), "{line}");
        assert_ne!(entry["message"], "forged");
    }
    assert!(!log.contains('\u{1b}'));
}

#[test]
fn s25_the_terminal_shows_what_would_move_it_as_text() {
    let place = Place::imported(1);
    let create =
        |reason| place.run(&["account", "create", SYSTEM, "--name", "eve", "--yes", "--reason", reason]);
    create("asked for").code(0);
    // As a store of before may have it, when reasons could hold anything.
    place.sql(&format!("UPDATE provisioning_jobs SET reason = '{HOSTILE}'"));
    place.run(&["protect", "add", SYSTEM, "--tag", HOSTILE]).code(2);
    place.run(&["protect", "add", SYSTEM, "--tag", "plain"]).code(0);
    place.sql(&format!("UPDATE protections SET value = '{HOSTILE}'"));
    let ran: Vec<Ran> = vec![
        create(HOSTILE).code(2),
        place.run(&["job", "show", "1"]).code(0),
        place.run(&["job", "list", SYSTEM]).code(0),
        place.run(&["audit", "list"]).code(0),
        place.run(&["audit", "list", "--output", "json"]).code(0),
        place.run(&["system", "set", SYSTEM, &format!("name={HOSTILE}")]),
        place.run(&["system", "show", SYSTEM]).code(0),
        place.run(&["token", "create", "--owner", HOSTILE, "--role", "viewer"]),
        place.run(&["token", "list"]).code(0),
        place.run(&["account", "show", SYSTEM, HOSTILE]).code(2),
        place.run(&["account", "create", SYSTEM, "--name", HOSTILE, "--yes"]).code(2),
        place.run(&["system", "show", HOSTILE]).code(2),
        place.run(&["job", "show", HOSTILE]).code(2),
    ];
    for (place, ran) in ran.iter().enumerate() {
        assert_harmless(&format!("standard output of {place}"), &ran.stdout);
        assert_harmless(&format!("standard error of {place}"), &ran.stderr);
        // JSON is for programs, and says all; what is for eyes turns no writing around.
        let turned = !ran.stdout.starts_with('[') && ran.stdout.contains('\u{202e}');
        assert!(!turned && !ran.stderr.contains('\u{202e}'), "{place}: {:?}{:?}", ran.stdout, ran.stderr);
    }
    assert!(ran[1].stdout.contains("forged") || ran[1].stderr.contains("forged"), "it is shown all the same");
}
