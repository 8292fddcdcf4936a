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
