//! `--server`: the commands that show, asked of a server from a machine that has no store.

use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::thread;

use keyreeve_sandbox::Mutation;
use tempfile::TempDir;

use crate::harness::{Place, Ran, SYSTEM};
use crate::serve::{serve, terminate};

/// Another machine: it knows the server and a token, and nothing of the store.
pub(crate) struct Elsewhere {
    pub(crate) folder: TempDir,
    pub(crate) url: String,
    token: String,
}

impl Elsewhere {
    pub(crate) fn of(address: &str, token: &str) -> Self {
        let url = format!("http://{address}");
        Self { folder: tempfile::tempdir().unwrap(), url, token: token.to_owned() }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = crate::harness::bare(arguments, self.folder.path());
        command.env("KEYREEVE_DATA_DIR", self.folder.path().join("none"));
        command.env("KEYREEVE_SERVER", &self.url).env("KEYREEVE_TOKEN", &self.token);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }
}

/// Every command that only shows.
const SHOWN: &[&[&str]] = &[
    &["system", "list"],
    &["system", "list", "--removed"],
    &["system", "show", SYSTEM],
    &["account", "list", SYSTEM],
    &["account", "list", SYSTEM, "--name", "a*"],
    &["account", "list", SYSTEM, "--status", "enabled"],
    &["account", "show", SYSTEM, "ada"],
    &["resource", "list", SYSTEM],
    &["resource", "list", SYSTEM, "--type", "group"],
    &["resource", "show", SYSTEM, "crew"],
    &["assignment", "list", SYSTEM],
    &["assignment", "list", SYSTEM, "--account", "ada"],
    &["assignment", "list", "--all-systems", "--resource", "crew"],
    &["import", "list", SYSTEM],
    &["import", "show", "1"],
    &["import", "show", "1", "--changes"],
    &["import", "diff", "1"],
    &["import", "diff", "1", "2"],
    &["import", "diff", "2", "1", "--type", "account"],
    &["job", "list", SYSTEM],
    &["job", "show", "1"],
    &["job", "show", "1", "--tasks"],
    &["protect", "list", SYSTEM],
    &["mapping", "list", SYSTEM],
    &["mapping", "show", SYSTEM, "user"],
    &["token", "list"],
    &["person", "list"],
    &["policy", "generate", "--profile", "read"],
    &["policy", "generate", "--system", SYSTEM],
    &["policy", "generate", "--system", SYSTEM, "--path", "/a/", "--path", "/b,c/", "--rotate-own-key"],
    &["policy", "generate", "--system", SYSTEM, "--profile", "read", "--account-id", "123456789012"],
    &["import", "profile", "list", SYSTEM],
    &["import", "profile", "show", SYSTEM],
    &["mapping", "try", SYSTEM, "user", "--name", "bo"],
    &["export", "accounts", SYSTEM],
    &["export", "import-runs", SYSTEM, "--format", "jsonl"],
    &["export", "assignments", SYSTEM, "--as-of", "run:1"],
    &["export", "audit", SYSTEM, "--after", "3"],
    &["export", "audit", "--format", "jsonl", "--raw"],
    &["audit", "list"],
    &["audit", "list", "--limit", "3"],
    &["audit", "list", "--before", "4"],
    &["audit", "list", "--after", "2"],
    &["audit", "verify"],
];

#[test]
fn what_a_server_shows_is_letter_by_letter_what_is_shown_where_the_store_is() {
    let place = Place::imported(12);
    place.run(&["system", "set", SYSTEM, "permission_profile=lifecycle"]).code(0);
    place.run(&["account", "create", SYSTEM, "--name", "ada", "--yes"]).code(0);
    let document = r#"{"Version":"2012-10-17","Statement":[]}"#.to_owned();
    place.mutate(&[
        Mutation::CreateGroup { name: "crew".into(), path: "/".into() },
        Mutation::PutGroupInline { group: "crew".into(), name: "own".into(), document },
    ]);
    place.run(&["import", "run", SYSTEM]).code(0);
    // What no import has seen yet.
    place.run(&["account", "update", SYSTEM, "ada", "--tag", "team=x", "--yes"]).code(0);
    place.run(&["protect", "add", SYSTEM, "--account", "eve", "--reason", "=cmd()", "--yes"]);
    let yearly = ["import", "profile", "set", SYSTEM, "default", "schedule=30 2 1 1 *"];
    place.run(&yearly).code(0);
    let token = place.token("amy", "admin", &[]);
    place
        .run_with_input(
            &["person", "add", "kim", "--role", "viewer", "--password-stdin"],
            "four words in a row",
        )
        .code(0);
    let (child, address) = serve(&place, &[]);
    let elsewhere = Elsewhere::of(&address, &token);
    // That it is used is noted once in a minute.
    elsewhere.run(&["system", "list"]).code(0);
    crate::harness::until("the use of the token to be noted", || {
        let tokens = place.json(&["token", "list"]);
        let of_amy = tokens.as_array().unwrap().iter().find(|token| token["owner"] == "amy");
        of_amy.unwrap()["last_used_at"].is_string().then_some(())
    });
    for shown in SHOWN {
        for form in ["json", "csv", "table"] {
            let arguments = [*shown, &["--output", form]].concat();
            let (here, there) = (place.run(&arguments), elsewhere.run(&arguments));
            assert_eq!(
                (there.code, &there.stdout),
                (here.code, &here.stdout),
                "{arguments:?}: {}",
                there.stderr
            );
            assert!(here.code == 0 && !here.stdout.is_empty(), "{arguments:?}: {}", here.stderr);
        }
    }
    assert!(!elsewhere.folder.path().join("none").exists(), "nothing is made of a store");
    let head = place.json(&["audit", "verify"]);
    let (row, hash) = (&head["seq"], head["hash"].as_str().unwrap());
    for (noted, code) in [(format!("{row}:{hash}"), 0), (format!("1:{hash}"), 1)] {
        let verify = ["audit", "verify", "--head", &noted];
        let (here, there) = (place.run(&verify).code(code), elsewhere.run(&verify).code(code));
        assert_eq!((there.stdout, there.stderr), (here.stdout, here.stderr), "{noted}");
    }
    // A file is replaced once the export is whole, wherever it comes from.
    let file = elsewhere.folder.path().join("accounts.csv");
    elsewhere.run(&["export", "accounts", SYSTEM, "--file", file.to_str().unwrap()]).code(0);
    let here = place.run(&["export", "accounts", SYSTEM]).stdout;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), here);
    terminate(child);
    let gone = elsewhere.run(&["export", "accounts", SYSTEM, "--file", file.to_str().unwrap()]).code(2);
    assert!(gone.stderr.contains("cannot be reached"), "{}", gone.stderr);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), here, "what was there before is as it was");
    let gone = elsewhere.run(&["account", "list", SYSTEM]).code(2);
    assert!(gone.stderr.contains("cannot be reached"), "{}", gone.stderr);
}

#[test]
fn what_a_server_refuses_is_said_in_its_words_and_ends_as_it_would_here() {
    let place = Place::imported(2);
    let viewer = place.token("vic", "viewer", &["--system", SYSTEM]);
    let (child, address) = serve(&place, &[]);
    let elsewhere = Elsewhere::of(&address, &viewer);
    for refused in [
        &["system", "show", "no-such"] as &[&str],
        &["account", "show", SYSTEM, "no-such"],
        &["import", "show", "99"],
        &["job", "show", "99"],
        &["token", "list"],
        &["audit", "verify"],
    ] {
        let (here, there) = (place.run_as(&viewer, refused), elsewhere.run(refused));
        assert_eq!((there.code, here.code), (2, 2), "{refused:?}: {} {}", here.stderr, there.stderr);
        assert!(there.stdout.is_empty() && there.stderr.starts_with("error: "), "{}", there.stderr);
    }
    let stranger = Elsewhere::of(&address, "keyreeve_pat_nobody");
    let unknown = stranger.run(&["system", "list"]).code(2).stderr;
    assert!(unknown.contains("hint: set KEYREEVE_TOKEN") && unknown.contains("--token-file"), "{unknown}");
    let mut silent = elsewhere.command(&["system", "list"]);
    let silent = Ran::of(silent.env_remove("KEYREEVE_TOKEN").output().unwrap()).code(2);
    assert!(silent.stderr.contains("there is no token"), "{}", silent.stderr);
    let file = elsewhere.folder.path().join("token");
    std::fs::write(&file, format!("{viewer}\n")).unwrap();
    std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let mut by_file = elsewhere.command(&["system", "list", "--token-file", file.to_str().unwrap()]);
    Ran::of(by_file.env_remove("KEYREEVE_TOKEN").output().unwrap()).code(0);
    terminate(child);
}

#[test]
fn what_makes_no_sense_from_afar_is_refused_before_anything_is_called_or_made() {
    // Nothing listens there.
    let elsewhere = Elsewhere::of("127.0.0.1:9", "keyreeve_pat_x");
    for local in [
        &["init"] as &[&str],
        &["store", "backup", "copy.db"],
        &["secrets", "rekey"],
        &["sandbox"],
        &["serve"],
        &["doctor"],
        &["aws", "bootstrap", "--system-id", SYSTEM, "--user", "keyreeve", "--yes"],
        &["password", "open"],
    ] {
        let refused = elsewhere.run(local).code(2);
        assert!(
            refused.stderr.contains("--server (KEYREEVE_SERVER) is set"),
            "{local:?}: {}",
            refused.stderr
        );
    }
    assert!(!elsewhere.folder.path().join("none").exists());
}

#[test]
fn a_token_leaves_this_machine_encrypted_or_not_at_all_and_no_redirect_is_followed() {
    let elsewhere = Elsewhere::of("127.0.0.1:9", "keyreeve_pat_x");
    for url in
        ["http://keys.example.org", "http://10.0.0.1:8420", "http://127.0.0.1:9/elsewhere", "example.org"]
    {
        let refused = elsewhere.run(&["system", "list", "--server", url]).code(2);
        assert!(refused.stderr.contains("http:// is for this machine alone"), "{url}: {}", refused.stderr);
    }
    let (first, second) =
        (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let url = format!("http://{}", first.local_addr().unwrap());
    let to = second.local_addr().unwrap();
    let redirecting = thread::spawn(move || {
        let (stream, _) = first.accept().unwrap();
        let mut reader = BufReader::new(stream);
        while reader.read_line(&mut String::new()).unwrap() > 2 {}
        let answer =
            format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{to}/\r\nContent-Length: 0\r\n\r\n");
        reader.get_mut().write_all(answer.as_bytes()).unwrap();
    });
    let refused = elsewhere.run(&["system", "list", "--server", &url]).code(2);
    assert!(refused.stderr.contains("307"), "{}", refused.stderr);
    redirecting.join().unwrap();
    second.set_nonblocking(true).unwrap();
    assert!(second.accept().is_err(), "the redirect was followed");
}
