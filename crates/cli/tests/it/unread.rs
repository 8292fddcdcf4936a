//! Nobody reads what a changing command writes: a secret that would be lost stops it, and its exit code stays true.

use std::process::Command;

use crate::harness::{Place, Ran, SYSTEM, piped, user};
use crate::plans::with;

/// The same with standard output closed.
fn closed(place: &Place, arguments: &[&str]) -> Ran {
    let inner = place.command(arguments);
    let mut shell = Command::new("/bin/sh");
    shell.env_clear().current_dir(place.folder.path());
    shell.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.arg("-c").arg(r#"exec "$0" "$@" >&-"#).arg(inner.get_program()).args(inner.get_args());
    Ran::of(shell.output().unwrap())
}

/// The same with a reader that has gone away.
fn unread(place: &Place, arguments: &[&str]) -> Ran {
    let mut child = piped(place.command(arguments));
    drop(child.stdout.take());
    drop(child.stdin.take());
    Ran::of(child.wait_with_output().unwrap())
}

fn writes(place: &Place) -> usize {
    place.sandbox.trace().iter().filter(|entry| entry.applied.is_some()).count()
}

#[test]
fn a_one_time_secret_that_cannot_be_written_is_an_error_before_the_first_call() {
    let place = with(&[]);
    let create = ["account", "create", SYSTEM, "--name", "zoe", "--yes"];
    place.sandbox.clear_trace();
    for format in ["table", "json"] {
        let refused = closed(&place, &[&create[..], &["--output", format]].concat()).code(1);
        assert!(refused.stderr.contains("standard output is closed"), "{}", refused.stderr);
    }
    assert_eq!(place.json(&["job", "list", SYSTEM]).as_array().unwrap().len(), 0);
    let refused = unread(&place, &create).code(1);
    assert!(refused.stderr.contains("keyreeve job cancel 1"), "{}", refused.stderr);
    assert_eq!(writes(&place), 0);
    // A program reads one document, at the end: then the way out is another password.
    let lost = unread(&place, &[&create[..], &["--output", "json"]].concat()).code(1);
    assert!(lost.stderr.contains("of zoe") && lost.stderr.contains("reset-password"), "{}", lost.stderr);
    assert!(writes(&place) > 0);
}

#[test]
fn a_job_that_fails_says_so_by_its_exit_code_whoever_reads() {
    let place = with(&[user("ada"), user("bob")]);
    unread(&place, &["account", "delete", SYSTEM, "bob", "--yes"]).code(0);
    place.sandbox.deny("*", &["iam:DeleteUser"]);
    unread(&place, &["account", "delete", SYSTEM, "ada", "--yes"]).code(1);
}

#[test]
fn a_password_that_cannot_be_written_is_not_opened() {
    let place = with(&[]);
    let create = ["account", "create", SYSTEM, "--name", "zoe", "--yes", "--output", "json"];
    let job = place.run(&create).code(0).json();
    let secret = job["one_time_secrets"][0]["secret"].as_str().unwrap();
    let refused = closed(&place, &["password", "open"]).code(1);
    assert!(refused.stderr.contains("standard output is closed"), "{}", refused.stderr);
    place.run_with_input(&["password", "open"], secret).code(0);
}
