//! `history_days`: history is kept as long as was said, and who asks for what lies before that is told so.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::Stdio;

use keyreeve_sandbox::Mutation;
use keyreeve_store::{CrashPoint, CrashStage};
use serde_json::Value;

use crate::harness::{Place, SYSTEM, until, until_within, user};
use crate::http::ask;
use crate::serve::{serve, terminate};

const DAYS: &str = "KEYREEVE_HISTORY_DAYS";
/// It is looked this often as well.
const LEASE: &str = "KEYREEVE_IMPORT_LEASE_SECONDS";
/// Whoever else reads in the same database when history is given up is waited for: other tests do.
const OTHERS_READ: u64 = 90;

/// Three imports, each with another user; the first ones were so many days ago.
fn imported(place: &Place, days_ago: &[(u32, u32)]) {
    for name in ["second", "third"] {
        place.mutate(&[
            user(name),
            Mutation::DeleteUser { name: format!("before-{name}") },
            user(&format!("before-{}", next(name))),
        ]);
        place.run(&["import", "run", SYSTEM]).code(0);
    }
    for (run, days) in days_ago {
        // In the milliseconds that the store keeps.
        let back = u64::from(*days) * 86_400_000;
        let text = format!(
            "UPDATE import_runs SET started_at = started_at - {back}, finished_at = finished_at - {back}, \
             published_at = published_at - {back} WHERE run_id = {run}"
        );
        tell(place, &text);
    }
}

fn next(name: &str) -> &str {
    if name == "second" { "third" } else { "fourth" }
}

fn tell(place: &Place, text: &str) {
    match place.schema {
        None => place.sql(text),
        Some(_) => drop(place.answer(text)),
    }
}

fn number(place: &Place, question: &str) -> i64 {
    match place.schema {
        None => place.rows(question)[0][0].as_i64().unwrap(),
        Some(_) => place.answer(question).parse().unwrap(),
    }
}

/// What is known as of a run, and what it changed.
fn told(place: &Place, run: u32) -> [Value; 4] {
    let moment = format!("run:{run}");
    let list = |noun: &str| place.json(&[noun, "list", SYSTEM, "--as-of", &moment]);
    let changed = place.json(&["import", "diff", &(run + 1).to_string()]);
    [list("account"), list("resource"), list("assignment"), changed]
}

#[test]
fn what_lies_before_the_days_that_history_is_kept_is_refused_everywhere() {
    for place in [Place::registered(2), Place::with_users(2).on_postgres()] {
        if place.schema.is_some() {
            place.run(&["init"]).code(0);
            place.add(SYSTEM, crate::harness::ACCOUNT).code(0);
            place.run(&["import", "profile", "set", SYSTEM, "default", "policy_scope=customer"]).code(0);
        }
        place.mutate(&[user("before-second")]);
        place.run(&["import", "run", SYSTEM]).code(0);
        imported(&place, &[(1, 50), (2, 40)]);
        let before = told(&place, 2);
        let now = place.json(&["account", "list", SYSTEM]);
        let admin = place.token("amy", "admin", &[]);
        let (child, address) = serve(&place, &[(DAYS, &PathBuf::from("30"))]);
        let given_up = "SELECT COUNT(*) FROM audit_log WHERE action = 'history_trimmed'";
        until("history to be given up", || (number(&place, given_up) == 1).then_some(()));
        let head = format!("Authorization: Bearer {admin}\r\n");
        let get = |path: &str| ask(&address, "GET", &format!("/api/v1{path}"), &head, "");
        for path in [
            "/systems/example/accounts?as_of=run:1",
            "/import-runs/2/changes",
            "/systems/example/accounts/second?as_of=run:1",
        ] {
            let refused = get(path).status(404).json();
            assert_eq!(refused["code"], "history_not_kept", "{path}: {refused}");
            assert!(refused.to_string().contains("is not kept"), "{path}: {refused}");
        }
        get("/systems/example/accounts?as_of=run:2").status(200);
        terminate(child);
        for arguments in [
            &["account", "list", SYSTEM, "--as-of", "run:1"][..],
            &["resource", "list", SYSTEM, "--as-of", "run:1"],
            &["assignment", "list", SYSTEM, "--as-of", "run:1"],
            &["import", "diff", "2"],
            &["import", "diff", "1", "3"],
        ] {
            let refused = place.run(arguments);
            assert_ne!(refused.code, 0, "{arguments:?}");
            assert!(refused.stderr.contains("is not kept"), "{arguments:?}: {}", refused.stderr);
        }
        assert_eq!(told(&place, 2), before);
        assert_eq!(place.json(&["account", "list", SYSTEM]), now);
        if place.schema.is_none() {
            let old = "SELECT COUNT(*) FROM account_versions WHERE valid_to_run <= 2";
            assert_eq!(number(&place, old), 0);
            place.audit();
        }
        let rows = place.json(&["audit", "list", "--action", "history_trimmed"]);
        assert_eq!(rows[0]["subject"]["up_to_run"], 2, "{rows}");
    }
}

#[test]
fn r03_a_server_that_ends_while_history_is_given_up_keeps_what_is_to_be_kept() {
    for postgres in [false, true] {
        for point in CrashPoint::ALL.iter().filter(|point| point.stage() == CrashStage::Forgetting) {
            // SQLite has no parts.
            if *point == CrashPoint::BeforePartDropped && !postgres {
                continue;
            }
            let place = if postgres { Place::with_users(2).on_postgres() } else { Place::with_users(2) };
            place.run(&["init"]).code(0);
            place.add(SYSTEM, crate::harness::ACCOUNT).code(0);
            place.run(&["import", "profile", "set", SYSTEM, "default", "policy_scope=customer"]).code(0);
            place.mutate(&[user("before-second")]);
            place.run(&["import", "run", SYSTEM]).code(0);
            imported(&place, &[(1, 300), (2, 200), (3, 150)]);
            // All is kept for now; what has ended so far is closed off.
            let (child, _) = serve(&place, &[]);
            if postgres {
                let closed =
                    "SELECT COUNT(*) FROM pg_inherits WHERE inhparent = 'assignment_versions'::regclass";
                until("parts to be closed", || (number(&place, closed) == 3).then_some(()));
            }
            terminate(child);
            place.mutate(&[user("now")]);
            place.run(&["import", "run", SYSTEM]).code(0);
            let before = told(&place, 3);
            let mut command = place.command(&["serve", "--listen", "127.0.0.1:0", "--output", "json"]);
            command.env(DAYS, "30").env("KEYREEVE_CRASH_AT", point.name()).env(LEASE, "1");
            let mut crashing = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            let mut line = String::new();
            let _ = BufReader::new(crashing.stdout.take().unwrap()).read_line(&mut line);
            let ended = until_within(OTHERS_READ, "it to end", || crashing.try_wait().unwrap());
            assert_eq!(ended.signal(), Some(6), "{}", point.name());
            assert_eq!(told(&place, 3), before, "{}", point.name());
            let said = "SELECT COUNT(*) FROM audit_log WHERE action = 'history_trimmed'";
            let decided = i64::from(*point != CrashPoint::BeforeHistoryCommit);
            assert_eq!(number(&place, said), decided, "{}", point.name());
            let old = place.run(&["account", "list", SYSTEM, "--as-of", "run:1"]);
            assert_eq!(old.code != 0, decided == 1, "{}: {}", point.name(), old.stderr);
            let (child, _) = serve(&place, &[(DAYS, &PathBuf::from("30")), (LEASE, &PathBuf::from("1"))]);
            let left = "SELECT COUNT(*) FROM account_versions WHERE valid_to_run <= 3";
            until_within(OTHERS_READ, "old history to be removed", || {
                (number(&place, left) == 0).then_some(())
            });
            terminate(child);
            assert_eq!(number(&place, said), 1, "{}", point.name());
            assert_eq!(told(&place, 3), before, "{}", point.name());
        }
    }
}
