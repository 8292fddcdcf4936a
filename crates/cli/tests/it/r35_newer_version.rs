//! R35: a newer Keyreeve brings the store up to date while processes of an older one run. These change nothing from then on, and
//! end; what they had under way is gone on with.

use std::process::Stdio;
use std::time::{Duration, Instant};

use keyreeve_sandbox::{Effect, FaultRule, Phase};

use crate::harness::{ACCOUNT, Place};
use crate::many_workers::{
    Workers, assert_apart, assert_moved, ended, place_on, queue, states, worker, writes,
};

/// Calls that are under way are given so long to be over.
const UNDER_WAY: Duration = Duration::from_millis(1_500);

#[test]
fn r35_processes_of_an_older_version_change_nothing_once_a_newer_one_has_the_store() {
    let users = 24;
    let place = place_on(users, Place::on_postgres);
    let job = [queue(&place, "one", 0..users)];
    place.sandbox.clear_trace();
    for action in ["AddUserToGroup", "RemoveUserFromGroup", "CreateUser"] {
        let late = FaultRule::new(action, Effect::Latency { ms: 300 });
        place.sandbox.add_fault(late.phase(Phase::AfterApply));
    }
    let start = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut older = Workers(vec![start(&["worker"]), start(&["serve", "--listen", "127.0.0.1:0"])]);
    let give_up = Instant::now() + Duration::from_secs(120);
    while writes(&place).len() < 12 {
        assert!(Instant::now() < give_up, "nobody begins");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(!ended(&place, &job), "there was nothing left to do");

    // What a version that is yet to come would do.
    place.answer("INSERT INTO schema_migrations (version, name, checksum) VALUES (9999, 'later', 'x')");
    std::thread::sleep(UNDER_WAY);
    let done = writes(&place).len();
    for mut process in older.0.drain(..) {
        while process.try_wait().unwrap().is_none() {
            assert!(Instant::now() < give_up, "it goes on");
            std::thread::sleep(Duration::from_millis(50));
        }
        let output = process.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("has schema version 9999, made by a newer Keyreeve"), "{said}");
    }
    assert_eq!(writes(&place).len(), done, "calls were made after a newer version had the store");
    let refused = place.run(&["job", "list", "one"]).code(2);
    assert!(refused.stderr.contains("made by a newer Keyreeve"), "{}", refused.stderr);

    // The newer one goes on.
    place.answer("DELETE FROM schema_migrations WHERE version = 9999");
    let _newer = Workers(vec![worker(&place)]);
    while !ended(&place, &job) {
        assert!(Instant::now() < give_up, "lost: {:?}", states(&place, &job));
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(states(&place, &job), ["succeeded"]);
    assert_apart(&writes(&place));
    assert_moved(&place, ACCOUNT, users);
}
