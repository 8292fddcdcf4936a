//! `keyreeve sandbox`

use std::io::{BufRead, BufReader};

use serde_json::Value;

use crate::harness::{bare, piped, terminate};

#[test]
fn it_says_where_it_answers_in_one_line_and_ends_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "sandbox",
        "--port",
        "0",
        "--account",
        "123456789012",
        "--account",
        "210987654321",
        "--users",
        "3",
        "--output",
        "json",
    ];
    let mut child = piped(bare(&arguments, folder.path()));
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    assert!(ready["endpoint_url"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    assert!(ready["admin_url"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    assert_eq!(ready["accounts"][1]["account_id"], "210987654321");
    assert!(ready["accounts"][0]["access_key_id"].as_str().unwrap().starts_with("AKIA"));
    terminate(&child);
    assert!(child.wait().unwrap().success());
}

#[test]
fn for_eyes_it_shows_what_to_type() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = piped(bare(&["sandbox", "--port", "0", "--users", "1"], folder.path()));
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let shown: Vec<String> = lines.by_ref().take(10).map(Result::unwrap).collect();
    assert!(shown.iter().any(|line| line.contains("export AWS_ENDPOINT_URL=http://127.0.0.1:")), "{shown:?}");
    // boto3 reads only the second of the two.
    let regions = "AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1";
    assert!(shown.iter().any(|line| line.ends_with(regions)), "{shown:?}");
    assert!(shown.iter().any(|line| line.contains("keyreeve system add")), "{shown:?}");
    drop(lines);
    terminate(&child);
    assert!(child.wait().unwrap().success());
}

/// Starts a sandbox with this policy of the connector; gives what the check of a system says of some actions.
fn checked(policy: &str) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let arguments =
        ["sandbox", "--port", "0", "--users", "1", "--output", "json", "--connector-policy", policy];
    let mut child = piped(bare(&arguments, folder.path()));
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let account = &ready["accounts"][0];
    let run = |arguments: &[&str]| {
        let mut command = bare(arguments, folder.path());
        command.env("KEYREEVE_DATA_DIR", folder.path().join("data"));
        command.env("AWS_ENDPOINT_URL", ready["endpoint_url"].as_str().unwrap());
        command.env("AWS_ACCESS_KEY_ID", account["access_key_id"].as_str().unwrap());
        command.env("AWS_SECRET_ACCESS_KEY", account["secret_access_key"].as_str().unwrap());
        command.output().unwrap()
    };
    assert!(run(&["init"]).status.success());
    let added = run(&["system", "add", "--name", "S", "--system-id", "s", "--ambient"]);
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let checks: Value =
        serde_json::from_slice(&run(&["system", "check", "s", "--output", "json"]).stdout).unwrap();
    terminate(&child);
    assert!(child.wait().unwrap().success());
    let checks = checks.as_array().unwrap().iter();
    let reads =
        checks.filter(|check| ["iam:ListUsers", "iam:GetUser"].iter().any(|name| check["name"] == *name));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    reads.map(|check| (text(&check["name"]), text(&check["state"]))).collect()
}

#[test]
fn the_connectors_policy_is_one_of_the_generated_ones_or_a_file() {
    let states = |users: &str, user: &str| {
        vec![("iam:ListUsers".to_owned(), users.to_owned()), ("iam:GetUser".to_owned(), user.to_owned())]
    };
    assert_eq!(checked("everything"), states("ok", "ok"));
    assert_eq!(checked("reference"), states("ok", "warning"));
    assert_eq!(checked("read"), states("ok", "ok"));
    let file = tempfile::NamedTempFile::new().unwrap();
    let statement = r#"{"Statement": {"Effect": "Allow", "Action": "iam:GetUser", "Resource": "*"}}"#;
    let path = file.path().to_str().unwrap();
    for text in [statement.to_owned(), format!("[{statement}]")] {
        std::fs::write(path, text).unwrap();
        assert_eq!(checked(path), states("error", "ok"));
    }
    let folder = tempfile::tempdir().unwrap();
    let missing = ["sandbox", "--port", "0", "--connector-policy", "refrence"];
    let refused = crate::harness::Ran::of(bare(&missing, folder.path()).output().unwrap()).code(2);
    assert!(refused.stderr.contains("name a file, or everything, reference"), "{}", refused.stderr);
}
