//! `keyreeve worker` and `serve --no-work`: who answers, and who does the work.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::harness::{Place, SYSTEM, until};
use crate::http::ask as ask_of;
use crate::serve::{get, terminate};

/// A process that says where it answers in its first line.
fn started(place: &Place, command: &[&str], log: &str) -> (Child, Value) {
    let mut command = place.command(&[command, &["--output", "json"]].concat());
    let log: PathBuf = place.folder.path().join(log);
    command.env("KEYREEVE_IMPORT_LEASE_SECONDS", "1").stdout(Stdio::piped());
    command.stderr(std::fs::File::create(&log).unwrap());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let said = || std::fs::read_to_string(&log).unwrap();
    let ready = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {}", said()));
    (child, ready)
}

fn address(url: &Value) -> String {
    url.as_str().unwrap().split_once("://").unwrap().1.to_owned()
}

#[test]
fn a_worker_does_what_a_server_that_only_answers_was_asked_for() {
    let place = Place::registered(2);
    place.run(&["system", "set", SYSTEM, "permission_profile=full"]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    let admin = place.token("amy", "admin", &[]);
    let (server, ready) =
        started(&place, &["serve", "--no-work", "--listen", "127.0.0.1:0"], "only-answers.log");
    let head = format!("Authorization: Bearer {admin}\r\nContent-Type: application/json\r\n");
    let wish = r#"{"wishes": [{"task": "create_account", "name": "ada"}]}"#;
    ask_of(&address(&ready["url"]), "POST", &format!("/api/v1/systems/{SYSTEM}/jobs"), &head, wish);
    // Long after whoever works would have begun it.
    until("the errand", || {
        (place.rows("SELECT kind FROM errands") == serde_json::json!([["job"]])).then_some(())
    });
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    assert_eq!(place.rows("SELECT state FROM provisioning_jobs"), serde_json::json!([["queued"]]));
    let (worker, said) = started(&place, &["worker", "--probes", "127.0.0.1:0"], "worker.log");
    until("the job's end", || {
        (place.rows("SELECT state FROM provisioning_jobs") == serde_json::json!([["succeeded"]]))
            .then_some(())
    });
    let probes = address(&said["probes"]);
    for path in ["/livez", "/readyz", "/metrics"] {
        assert!(get(&probes, path).starts_with("HTTP/1.1 200"), "{path}: {}", get(&probes, path));
    }
    assert!(get(&probes, "/metrics").contains("keyreeve_jobs"));
    for path in ["/", "/api/v1/systems", "/console", "/scim/v2/Users"] {
        assert!(get(&probes, path).starts_with("HTTP/1.1 404"), "{path}");
    }
    terminate(worker);
    assert_eq!(place.rows("SELECT holder FROM account_places"), serde_json::json!([]));
    terminate(server);
}

#[test]
fn a_worker_says_how_it_is_doing_to_this_machine_only() {
    let place = Place::registered(2);
    let refused = place.run(&["worker", "--probes", "0.0.0.0:0"]).code(2);
    assert!(refused.stderr.contains("other machines"), "{}", refused.stderr);
    let (worker, said) = started(&place, &["worker"], "worker.log");
    assert_eq!(said.get("probes"), None);
    terminate(worker);
}
