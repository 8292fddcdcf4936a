//! What goes wrong, with its exit code: 1 when something ran and failed, 2 when it could not run.

use keyreeve_sandbox::Mutation;

use crate::harness::{Place, Ran, SYSTEM, bare};

#[test]
fn every_refusal_has_its_code_and_says_what_to_do() {
    let place = Place::imported(3);
    let cases: &[(&[&str], &str)] = &[
        (&[], "Usage"),
        (&["nonsense"], "nonsense"),
        (&["account", "create"], "create"),
        (&["account", "list"], "<ID>"),
        (&["account", "list", "a b"], "System ID"),
        (&["account", "list", "nobody"], "hint: `keyreeve system list`"),
        (&["account", "show", SYSTEM, "nobody"], "hint: `keyreeve account list example`"),
        (&["account", "list", SYSTEM, "--as-of", "yesterday"], "2026-05-01"),
        (&["account", "list", SYSTEM, "--as-of", "run:99"], "no import run 99"),
        (&["account", "list", SYSTEM, "--as-of", "2001-01-01"], "hint: its history begins at"),
        (&["account", "list", SYSTEM, "--status", "asleep"], "enabled"),
        (&["account", "list", SYSTEM, "--output", "xml"], "json"),
        (&["resource", "list", SYSTEM, "--type", "role"], "policy"),
        (&["assignment", "list", SYSTEM, "--kind", "x"], "account_group"),
        (&["import", "run"], "--all"),
        (&["import", "run", "nobody"], "no system nobody"),
        (&["import", "run", SYSTEM, "--profile", "none"], "no import profile none"),
        (&["import", "run", SYSTEM, "--all"], "--all"),
        (&["import", "show", "99"], "no import run 99"),
        (&["import", "show", "0"], "whole number"),
        (&["import", "diff", "1", "99"], "no import run 99"),
        (&["import", "accept", "1", "--reason", "x", "--yes"], "it cannot become published"),
        (&["import", "profile", "show", SYSTEM, "none"], "no import profile none"),
        (&["import", "profile", "set", SYSTEM, "default", "path_prefix=staff"], "begins with '/'"),
        (&["import", "profile", "set", SYSTEM, "default", "colour=red"], "the settings are"),
        (&["import", "profile", "set", SYSTEM, "default"], "KEY=VALUE"),
        (&["init"], "another data_dir to make a second one"),
        (&["system", "add", "--name", "x", "--system-id", "x"], "--access-key-id"),
        (&["system", "add", "--name", "x", "--system-id", "x", "--ambient", "--technology", "ldap"], "aws"),
        (
            &["system", "add", "--name", "x", "--system-id", "x", "--ambient", "--region", "EU 1"],
            "eu-central-1",
        ),
        (
            &["system", "add", "--name", "x", "--system-id", "x", "--ambient", "--aws-profile", "y"],
            "cannot be used",
        ),
        (
            &["system", "add", "--name", "x", "--system-id", "x", "--access-key-id", "AKIA1234567890123456"],
            "--secret-access-key-stdin",
        ),
        (&["system", "set", SYSTEM, "colour=red"], "permission_profile"),
        (&["system", "set", SYSTEM, "system_id=other"], "never changes"),
        (&["system", "set", SYSTEM, "max_concurrent_requests=0"], "from 1 to 500"),
        (&["system", "set", SYSTEM, "noequals"], "key=value"),
        (&["system", "set", SYSTEM], "KEY=VALUE"),
        (&["system", "remove", SYSTEM], "--yes"),
        (&["system", "rotate-key", SYSTEM], "must be confirmed"),
        (&["policy", "generate", "--profile", "everything"], "reference"),
        (&["policy", "generate", "--profile", "full", "--path", "/i*m/"], "no wildcards"),
        (&["policy", "generate", "--profile", "read", "--path", "/idm/"], "changes nothing"),
        (&["policy", "generate", "--boundary", "arn:aws:iam::123456789012:policy/b"], "use full"),
        (&["policy", "generate", "--system", "nobody"], "nobody"),
        (&["policy", "generate", "--partition", "azure"], "azure"),
        (&["policy", "generate", "--account-id", "1"], "twelve digits"),
        (&["store", "restore", "missing.db", "--yes"], "missing.db"),
        (&["store", "migrate"], "--to <URL>"),
        (&["store", "migrate", "--to", "postgres://me@db/x", "--to-stdin"], "--to-stdin"),
        (&["store", "migrate", "--to", "mysql://db/x"], "postgres://"),
        (&["store", "migrate", "--to", "sqlite:///x.db"], "hint: give postgres://USER@HOST/DATABASE"),
        (&["store", "migrate", "--to", "postgres://me:canary@db/x"], "hint: change that password"),
        (&["serve", "--listen", "0.0.0.0:0"], "other machines"),
        (&["worker", "--probes", "0.0.0.0:0"], "other machines"),
        (&["system", "list", "--config", "missing.toml"], "missing.toml"),
        (&["system", "list", "--log", "a=b=c"], "keyreeve_engine=debug"),
    ];
    for (arguments, expected) in cases {
        let ran = place.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.stderr);
        assert!(ran.stdout.is_empty(), "{arguments:?}: {}", ran.stdout);
        assert!(ran.stderr.contains(expected), "{arguments:?}: {}", ran.stderr);
        for dump in ["panicked", "Error {", "Some(", "backtrace"] {
            assert!(!ran.stderr.contains(dump), "{arguments:?}: {}", ran.stderr);
        }
    }
    assert_eq!(place.json(&["system", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn without_a_store_every_command_says_how_to_make_one() {
    let place = Place::with_users(0);
    for arguments in [
        &["system", "list"][..],
        &["account", "list", "x"],
        &["import", "run", "x"],
        &["import", "accept", "1", "--reason", "x", "--yes"],
        &["store", "backup", "b.db"],
    ] {
        let ran = place.run(arguments).code(2);
        assert!(ran.stderr.contains("hint: run `keyreeve init`"), "{arguments:?}: {}", ran.stderr);
    }
    place.run(&["doctor"]).code(1);
}

#[test]
fn help_and_version_need_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["--version"][..], &["--help"], &["system", "add", "--help"]] {
        let output = bare(arguments, folder.path()).output().unwrap();
        assert!(output.status.success() && !output.stdout.is_empty(), "{arguments:?}");
    }
    let help = bare(&["--help"], folder.path()).output().unwrap();
    let text = String::from_utf8(help.stdout).unwrap();
    for later in ["scim", "rekey"] {
        assert!(!text.contains(later), "{later} is listed, but is not there yet: {text}");
    }
}

#[test]
fn short_help_is_about_its_command_and_long_help_about_everything() {
    let folder = tempfile::tempdir().unwrap();
    let help = |arguments: &[&str]| Ran::of(bare(arguments, folder.path()).output().unwrap()).code(0).stdout;
    for command in [&["account", "list"][..], &["import", "run"], &["doctor"]] {
        let (short, long) = (help(&[command, &["-h"]].concat()), help(&[command, &["--help"]].concat()));
        assert!(!short.contains("Everywhere") && short.contains("--help"), "{short}");
        assert!(long.contains("Everywhere") && long.contains("--output"), "{long}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let place = Place::imported(60);
    let mut child = crate::harness::piped(place.command(&["account", "list", SYSTEM, "--output", "json"]));
    drop(child.stdout.take());
    let ran = crate::harness::Ran::of(child.wait_with_output().unwrap()).code(0);
    assert!(!ran.stderr.contains("error"), "{}", ran.stderr);
}

#[test]
fn a_damaged_store_names_the_command_that_restores_a_backup() {
    let place = Place::imported(3);
    let path = place.data().join("keyreeve.db");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[..100].fill(0);
    std::fs::write(&path, bytes).unwrap();
    let ran = place.run(&["system", "list"]).code(2);
    assert!(ran.stderr.contains("keyreeve store restore"), "{}", ran.stderr);
}

#[test]
fn limits_that_limit_nothing_are_refused_or_warned_of() {
    let place = Place::registered(0);
    let set = |setting: &str| place.run(&["import", "profile", "set", SYSTEM, "default", setting]);
    let refused = set("thresholds.large.deleted_percent=101").code(2);
    assert!(refused.stderr.contains("100"), "{}", refused.stderr);
    let off = set("thresholds.small.deleted=none").code(0);
    assert!(off.stderr.contains("warning: thresholds.small.deleted"), "{}", off.stderr);
    set("thresholds.large.deleted_percent=100").code(0);
    place.run(&["system", "set", SYSTEM, "max_requests_per_second=0.0001"]).code(2);
    place.run(&["system", "set", SYSTEM, "max_requests_per_second=0.1"]).code(0);
}

#[test]
fn a_secret_typed_as_an_argument_is_not_repeated() {
    let place = Place::registered(0);
    let secret = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY12";
    let slashed = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    let one_time = "krs_0123456789abcdefghij";
    for arguments in [
        &["system", "set", SYSTEM, "--access-key-id", secret][..],
        &["system", "set", SYSTEM, "--access-key-id", slashed],
        &["password", "open", one_time],
    ] {
        let ran = place.run(arguments).code(2);
        let typed = arguments[arguments.len() - 1];
        assert!(!ran.stderr.contains(typed) && !ran.stdout.contains(typed), "{}", ran.stderr);
        assert!(ran.stderr.contains("withheld"), "{}", ran.stderr);
    }
}

#[test]
fn an_argument_that_is_no_text_is_refused_like_any_other() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let mut command = bare(&["account", "list"], folder.path());
    command.arg(std::ffi::OsStr::from_bytes(b"\xff\xfe")).arg("--typo");
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.starts_with("error:"), "{stderr}");
}

#[test]
fn a_postgres_that_cannot_be_reached_is_named_with_what_to_do_and_not_waited_for() {
    let place = Place::with_users(0);
    place.run(&["init"]).code(0);
    let begun = std::time::Instant::now();
    let mut command = place.command(&["system", "list"]);
    let ran = command.env("KEYREEVE_DATABASE", "postgres://me:canary@127.0.0.1:1/none").output().unwrap();
    let refused = Ran::of(ran).code(2);
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    let expected = "the database server at 127.0.0.1:1 cannot be used: nothing listens there";
    assert!(
        refused.stderr.contains(expected) && refused.stderr.contains("hint: start PostgreSQL"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_refusal_says_each_thing_once() {
    let place = Place::registered(1);
    let group = |number: u32| Mutation::CreateGroup { name: format!("club{number}"), path: "/".into() };
    place.mutate(&(0..13).map(group).collect::<Vec<_>>());
    place.run(&["import", "run", SYSTEM]).code(0);
    let name = place.names()[0].clone();
    place.mutate(&[Mutation::AddToGroup { user: name.clone(), group: "club0".into() }]);
    let count = |ran: &Ran, what: &str| ran.stderr.matches(what).count();
    let groups: Vec<String> = (0..13).flat_map(|n| ["--group".to_owned(), format!("club{n}")]).collect();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    let create = ["account", "create", SYSTEM, "--name", "newcomer", "--yes"];
    let full = place.run(&[&create, &groups[..]].concat()).code(2);
    assert_eq!(count(&full, "more than 10 groups"), 1, "{}", full.stderr);
    let off = ["system", "set", SYSTEM, "prioritise_delete_tasks=false", "permission_profile=full"];
    place.run(&off).code(0);
    let held = place.run(&["account", "delete", SYSTEM, &name, "--yes"]).code(2);
    assert_eq!(count(&held, "DeleteConflict"), 1, "{}", held.stderr);
    assert_eq!(count(&held, "Nothing was changed"), 1, "{}", held.stderr);
}
