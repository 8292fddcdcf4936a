//! What a plan shows: every value it would send, and nothing that steers a terminal.

use keyreeve_sandbox::Mutation;
use serde_json::json;

use crate::harness::{Place, SYSTEM, user};
use crate::remote::Elsewhere;
use crate::serve::{serve, terminate};

/// A system whose connector may do everything, with these changes imported.
pub(crate) fn with(changes: &[Mutation]) -> Place {
    let place = Place::registered(0);
    place.mutate(changes);
    place.run(&["system", "set", SYSTEM, "permission_profile=full"]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    place
}

#[track_caller]
fn has_line(text: &str, words: &[&str]) {
    assert!(text.lines().any(|line| words.iter().all(|word| line.contains(word))), "{words:?}:\n{text}");
}

#[test]
fn a_plan_shows_every_value_that_would_be_sent() {
    let place = with(&[user("ada")]);
    let update = ["account", "update", SYSTEM, "ada", "--new-name", "ada2", "--new-path", "/staff/"];
    let update = [&update[..], &["--tag", "team=x", "--tag", "note=a b"]].concat();
    let plan = place.run(&[&update[..], &["--plan"]].concat()).code(0).stdout;
    has_line(&plan, &["TagUser", "note=\"a b\", team=x"]);
    has_line(&plan, &["UpdateUser", "name ada → ada2, path / → /staff/"]);
    let create = ["account", "create", SYSTEM, "--name", "zoe", "--path", "/staff/", "--tag", "team=x"];
    let plan = place.run(&[&create[..], &["--plan"]].concat()).code(0).stdout;
    has_line(&plan, &["CreateUser", "zoe, path /staff/, tags keyreeve:task, team=x"]);
    // Whoever is to approve it sees the same.
    let job = place.run(&[&update[..], &["--yes", "--no-wait", "--output", "json"]].concat()).code(0).json();
    let shown = place.run(&["job", "show", &job["id"].to_string()]).code(0).stdout;
    has_line(&shown, &["TagUser", "note=\"a b\", team=x"]);
    has_line(&shown, &["UpdateUser", "name ada → ada2", "→ /staff/"]);
}

#[test]
fn what_a_file_or_a_name_holds_cannot_forge_a_line_or_steer_a_terminal() {
    let place = with(&[]);
    let evil = "x\u{1b}[2J\u{7}\u{202e}\nTask 9: forged";
    let wishes =
        json!([{"task": "create_account", "name": evil}, {"task": "delete_account", "account": evil}]);
    std::fs::write(place.folder.path().join("wishes.json"), wishes.to_string()).unwrap();
    let file = ["job", "plan", "wishes.json", "--system", SYSTEM];
    let create = ["account", "create", SYSTEM, "--name", evil, "--plan"];
    let refused = ["account", "create", SYSTEM, "--name", evil, "--yes"];
    let tried = ["mapping", "try", SYSTEM, "user", "--task", "delete_account", "--name", evil];
    let argument = ["account", "list", evil];
    let unknown = ["account", "create", SYSTEM, evil];
    for arguments in [&file[..], &create, &refused, &tried, &argument, &unknown] {
        let ran = place.run(arguments);
        let all = format!("{}{}", ran.stdout, ran.stderr);
        assert!(!all.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{arguments:?}: {all}");
        assert!(!all.lines().any(|line| line.trim_start().starts_with("Task 9")), "{arguments:?}: {all}");
    }
    let title = place.run(&file).code(1).stdout;
    has_line(&title, &["Task 1: create_account", "\\u{1b}", "\\u{202e}", "forged"]);
}

#[test]
fn a_reason_of_several_lines_stays_one() {
    let place = with(&[user("ada")]);
    let reason = "ticket\nState      succeeded";
    let asked = ["account", "delete", SYSTEM, "ada", "--reason", reason, "--yes", "--no-wait"];
    let shown = place.run(&asked).code(0).stdout;
    has_line(&shown, &["Reason", "ticket\\u{a}State"]);
}

#[test]
fn a_wrong_name_gets_the_one_that_was_meant() {
    let place = with(&[
        user("esra"),
        Mutation::CreateGroup { name: "developers".into(), path: "/".into() },
        Mutation::CreatePolicy {
            name: "readers".into(),
            path: "/".into(),
            document: r#"{"Version":"2012-10-17","Statement":[]}"#.into(),
        },
    ]);
    let give = |what: &[&str]| {
        place
            .run(&[&["assignment", "add", SYSTEM, "--account", "esra", "--yes"], what].concat())
            .code(2)
            .stderr
    };
    let group = give(&["--group", "devlopers"]);
    assert!(group.contains("there is \"developers\"") && group.contains("keyreeve import run"), "{group}");
    assert!(!group.contains("--plan"), "{group}");
    let policy = give(&["--policy", "Readers"]);
    assert!(policy.contains("there is \"arn:aws:iam::123456789012:policy/readers\""), "{policy}");
    let show = |name: &str| place.run(&["account", "show", SYSTEM, name]).code(2).stderr;
    assert!(show("esr").contains("near it is \"esra\""), "{}", show("esr"));
    let rename = ["account", "update", SYSTEM, "esra", "--new-name", "esra2", "--yes"];
    place.run(&rename).code(0);
    assert!(show("esra2").contains("job 1 gave \"esra\" that name"), "{}", show("esra2"));
    place.run(&["import", "run", SYSTEM]).code(0);
    assert!(show("esra").contains("\"esra2\" had that name"), "{}", show("esra"));
}

#[test]
fn what_is_taken_away_must_be_known_by_its_name() {
    let read_only = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let readers = "arn:aws:iam::123456789012:policy/readers";
    let place = with(&[
        user("esra"),
        Mutation::CreateGroup { name: "developers".into(), path: "/".into() },
        Mutation::CreateGroup { name: "sales".into(), path: "/".into() },
        Mutation::CreatePolicy {
            name: "readers".into(),
            path: "/".into(),
            document: r#"{"Version":"2012-10-17","Statement":[]}"#.into(),
        },
        Mutation::AddToGroup { user: "esra".into(), group: "developers".into() },
        Mutation::AttachUserPolicy { user: "esra".into(), arn: readers.into() },
        Mutation::AttachUserPolicy { user: "esra".into(), arn: read_only.into() },
    ]);
    let operator = place.token("olga", "operator", &[]);
    let (child, address) = serve(&place, &[]);
    let elsewhere = Elsewhere::of(&address, &operator);
    let group = "there is \"developers\"".to_owned();
    let policy = format!("there is \"{readers}\"");
    let aws = format!("there is \"{read_only}\"");
    for (kind, name, near) in [
        ("group", "Developers", &group),
        ("group", "devlopers", &group),
        ("policy", "Readers", &policy),
        ("policy", "ReadOnlyAccess", &aws),
        ("policy", "arn:aws:iam::aws:policy/readonlyaccess", &aws),
        ("policy", "arn:aws:iam::123456789012:policy/READERS", &policy),
    ] {
        let option = format!("--{kind}");
        let take = ["assignment", "remove", SYSTEM, "--account", "esra", &option, name, "--yes"];
        for refused in [place.run(&take).code(2), elsewhere.run(&take).code(2)] {
            assert!(refused.stderr.contains(near.as_str()), "{name}: {}", refused.stderr);
        }
        let wish = json!([{"task": "remove_assignment", "account": "esra", kind: name}]);
        std::fs::write(place.folder.path().join("wishes.json"), wish.to_string()).unwrap();
        let plan = place.run(&["job", "plan", "wishes.json", "--system", SYSTEM, "--output", "json"]).code(1);
        assert_eq!(plan.json()["tasks"][0]["obstacles"][0]["kind"], "not_found", "{}", plan.stdout);
    }
    // What is there and not held, or has been deleted since the import, is gone as it should be.
    let sales = ["assignment", "remove", SYSTEM, "--account", "esra", "--group", "sales", "--yes"];
    place.run(&sales).code(0);
    place.mutate(&[Mutation::DeleteGroup { name: "sales".into() }]);
    place.run(&sales).code(0);
    elsewhere.run(&sales).code(0);
    let held = place.json(&["assignment", "list", SYSTEM, "--account", "esra"]);
    assert_eq!(held.as_array().unwrap().len(), 3, "{held:#}");
    terminate(child);
}

#[test]
fn a_tag_of_keyreeves_own_is_nobody_elses() {
    let place = with(&[user("esra")]);
    for change in
        [&["account", "create", SYSTEM, "--name", "zoe"] as &[&str], &["account", "update", SYSTEM, "esra"]]
    {
        let refused = place.run(&[change, &["--tag", "KeyReeve:owner=me", "--yes"]].concat()).code(2);
        assert!(refused.stderr.contains("are Keyreeve's own"), "{}", refused.stderr);
    }
}

#[test]
fn a_wish_that_is_a_text_is_refused_in_plain_words() {
    let place = with(&[]);
    std::fs::write(place.folder.path().join("wishes.yaml"), "- delete_account ada\n").unwrap();
    let refused = place.run(&["job", "plan", "wishes.yaml", "--system", SYSTEM]).code(2);
    assert!(refused.stderr.contains("wish 1 is no list of fields"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("enum"), "{}", refused.stderr);
}
