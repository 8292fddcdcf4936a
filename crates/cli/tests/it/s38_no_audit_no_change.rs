//! S38: where the audit log takes no row, nothing is changed, here or in AWS.

use serde_json::{Value, json};

use crate::harness::{Place, SYSTEM, user};
use crate::http::ask;
use crate::serve::{serve, terminate};

/// The place of the next row is taken, so that none can be written.
const TAKEN: &str = "INSERT INTO audit_log SELECT seq + 1, at, actor, system_id, action, subject, prev_hash, hash \
                     FROM audit_log ORDER BY seq DESC LIMIT 1";

/// Each row is refused, as on a full disk. Whoever opens a store sees this; a server has opened it before.
const REFUSED: &str =
    "CREATE TRIGGER no_rows BEFORE INSERT ON audit_log BEGIN SELECT RAISE(ABORT, 'disk full'); END";

/// All that people and programs can change, but for what only says when something was looked at.
fn kept(place: &Place) -> Value {
    let tables = [
        "SELECT * FROM systems",
        "SELECT * FROM import_profiles",
        "SELECT run_id, state FROM import_runs",
        "SELECT * FROM provisioning_jobs",
        "SELECT task_id, state FROM tasks",
        "SELECT task_id, seq, state FROM steps",
        "SELECT * FROM claims",
        "SELECT * FROM protections",
        "SELECT token_id, role, revoked_at FROM tokens",
        "SELECT * FROM task_mappings",
        "SELECT * FROM scim_resources",
        "SELECT * FROM scim_external_ids",
        "SELECT * FROM import_schedules",
        "SELECT * FROM audit_log",
    ];
    tables.iter().map(|query| place.rows(query)).collect()
}

/// The calls that change something in AWS.
fn writes(place: &Place) -> usize {
    const READS: [&str; 4] = ["Get", "List", "Simulate", "Generate"];
    let trace = place.sandbox.trace();
    trace.iter().filter(|call| !READS.iter().any(|read| call.action.starts_with(read))).count()
}

/// A place with an account, the token of an admin, and a job that waits.
fn ready() -> (Place, String, String) {
    let place = Place::registered(1);
    place.mutate(&[user("anna")]);
    place.run(&["system", "set", SYSTEM, "permission_profile=full"]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    let token = place.token("ada", "admin", &[]);
    let create = ["account", "create", SYSTEM, "--name", "eve", "--yes", "--no-wait", "--output", "json"];
    let queued = place.run(&create).code(0).json()["id"].to_string();
    (place, token, queued)
}

#[test]
fn s38_what_cannot_be_written_down_is_not_done() {
    let (place, token, queued) = ready();
    place.sql(TAKEN);
    let (before, written) = (kept(&place), writes(&place));

    let commands: &[&[&str]] = &[
        &["account", "create", SYSTEM, "--name", "bob", "--yes"],
        &["account", "delete", SYSTEM, "anna", "--yes"],
        &["account", "reset-password", SYSTEM, "anna", "--yes"],
        &["job", "apply", &queued, "--yes"],
        &["job", "cancel", &queued, "--yes"],
        &["token", "create", "--owner", "eve", "--role", "admin"],
        &["token", "revoke", &token],
        &["protect", "add", SYSTEM, "--account", "anna"],
        &["system", "set", SYSTEM, "max_deletes=1000"],
        &["system", "remove", SYSTEM, "--yes"],
        &["import", "profile", "set", SYSTEM, "default", "policy_scope=all"],
    ];
    for command in commands {
        let ran = place.run(command);
        assert!(ran.code != 0, "{command:?} was done: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains("error: "), "{command:?}: {}", ran.stderr);
        let reached = !ran.stderr.contains("opening the store") && !ran.stderr.contains("panicked");
        assert!(reached, "{command:?}: {}", ran.stderr);
        assert_eq!(kept(&place), before, "{command:?} changed something: {}", ran.stderr);
        assert_eq!(writes(&place), written, "{command:?} reached AWS");
    }
}

#[test]
fn s38_nor_is_it_done_by_a_server() {
    let (place, token, queued) = ready();
    let (child, address) = serve(&place, &[]);
    place.sql(REFUSED);
    let (before, written) = (kept(&place), writes(&place));
    let more = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
    let api = format!("/api/v1/systems/{SYSTEM}");
    let scim = format!("/scim/v2/{SYSTEM}/Users");
    let wish = json!({"wishes": [{"task": "delete_account", "account": "anna"}]});
    let bob = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "bob"});
    let asked: [(&str, String, Value); 5] = [
        ("POST", format!("{api}/jobs"), wish),
        ("POST", format!("/api/v1/jobs/{queued}/cancel"), json!({})),
        ("POST", "/api/v1/tokens".to_owned(), json!({"owner": "eve", "role": "admin"})),
        ("POST", format!("{api}/protections"), json!({"kind": "account", "value": "anna"})),
        ("POST", scim, bob),
    ];
    for (method, path, body) in asked {
        let answer = ask(&address, method, &path, &more, &body.to_string());
        assert!((500..600).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
        assert!(!answer.body.contains("disk full"), "what the database says is for the log: {}", answer.body);
        assert_eq!(kept(&place), before, "{method} {path} changed something");
        assert_eq!(writes(&place), written, "{method} {path} reached AWS");
    }
    terminate(child);
    assert_eq!((kept(&place), writes(&place)), (before, written), "the server did something by itself");

    place.sql("DROP TRIGGER no_rows");
    place.run(&["job", "apply", &queued, "--yes"]).code(0);
    place.run(&["audit", "verify"]).code(0);
    assert!(writes(&place) > written);
}
