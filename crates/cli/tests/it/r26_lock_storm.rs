//! R26: fifty readers, jobs, backups, and somebody who holds the database again and again. No reader is turned away, and
//! nothing that was accepted is lost.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::harness::{Place, SYSTEM, python};
use crate::http::ask;
use crate::serve::{serve, terminate};

const READERS: usize = 50;
const JOBS: usize = 12;
const BACKUPS: usize = 3;

/// Holds the one place of a writer for 300 ms, leaves it for 50, and so on until standard input ends.
const STORM: &str = "import select, sqlite3, sys, time\n\
    d = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)\n\
    n = 0\n\
    while not select.select([sys.stdin], [], [], 0.05)[0]:\n\
    \x20   d.execute('BEGIN IMMEDIATE'); time.sleep(0.3); d.execute('COMMIT'); n += 1\n\
    print(n)";

#[test]
fn r26_in_a_storm_of_locks_all_is_read_and_nothing_that_was_accepted_is_lost() {
    let place = Place::imported(5);
    let token = place.token("ada", "operator", &[]);
    // As operators have it: the lease of a second that other tests run with is over before the storm lets go three times.
    let (child, address) = serve(&place, &[("KEYREEVE_IMPORT_LEASE_SECONDS", &PathBuf::from("30"))]);
    let mut storm = Command::new(python());
    storm.args(["-c", STORM]).arg(place.data().join("keyreeve.db"));
    let mut storm = storm.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();

    let more = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
    let reads = [
        format!("/api/v1/systems/{SYSTEM}/accounts?limit=3"),
        format!("/api/v1/systems/{SYSTEM}/jobs"),
        format!("/scim/v2/{SYSTEM}/Users?count=3"),
        "/api/v1/systems".to_owned(),
        "/readyz".to_owned(),
    ];
    let (over, read) = (AtomicBool::new(false), AtomicUsize::new(0));
    let accepted: Vec<String> = std::thread::scope(|scope| {
        for reader in 0..READERS {
            let (path, more, address, over, read) =
                (&reads[reader % reads.len()], &more, &address, &over, &read);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    ask(address, "GET", path, more, "").status(200);
                    read.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let backups = scope.spawn(|| {
            for number in 0..BACKUPS {
                place.run(&["store", "backup", &format!("copy-{number}.db")]).code(0);
            }
        });
        let mut accepted = Vec::new();
        for number in 0..JOBS {
            let wish = json!({"wishes": [{"task": "create_account", "name": format!("new{number}")}]});
            let path = format!("/api/v1/systems/{SYSTEM}/jobs");
            let answer = ask(&address, "POST", &path, &more, &wish.to_string()).status(202);
            accepted.push(answer.json()["id"].to_string());
        }
        backups.join().unwrap();
        over.store(true, Ordering::Relaxed);
        accepted
    });
    for job in &accepted {
        let begun = std::time::Instant::now();
        loop {
            let known = ask(&address, "GET", &format!("/api/v1/jobs/{job}"), &more, "").status(200).json();
            if known["state"] == "succeeded" {
                break;
            }
            let waits = known["state"] == "queued" || known["state"] == "running";
            assert!(
                waits && begun.elapsed() < Duration::from_secs(120),
                "job {job} does not succeed: {known}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    drop(storm.stdin.take());
    let held = String::from_utf8(storm.wait_with_output().unwrap().stdout).unwrap();
    assert!(held.trim().parse::<u32>().unwrap() >= 5, "the storm was none: {held}");
    assert!(read.load(Ordering::Relaxed) >= READERS, "each reader has read");
    terminate(child);
    let state = place.sandbox.state(crate::harness::ACCOUNT).unwrap();
    let users = state["users"].as_array().unwrap();
    let made = |number: usize| users.iter().filter(|user| user["name"] == format!("new{number}")).count();
    assert!((0..JOBS).all(|number| made(number) == 1));
    place.run(&["audit", "verify"]).code(0);
    for number in 0..BACKUPS {
        let copy = place.folder.path().join(format!("copy-{number}.db"));
        assert_eq!(place.rows_of(&copy, "PRAGMA integrity_check"), json!([["ok"]]));
    }
}
