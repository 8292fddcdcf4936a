use base64::Engine as _;
use keyreeve_sandbox::{Mutation, Options, ReportStyle};

use crate::client::{ACCOUNT, Answer, Client, options, sandbox, sandbox_with};

async fn generate(client: &Client) -> String {
    client.iam("GenerateCredentialReport", &[]).await.ok().one("State").unwrap()
}

fn csv(answer: &Answer) -> String {
    let content = answer.one("Content").unwrap();
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(content).unwrap()).unwrap()
}

#[tokio::test]
async fn a_report_is_made_served_and_ages_with_the_clock() {
    let style = ReportStyle { asks_in_progress: 2, quoted: true };
    let sandbox = sandbox_with(Options { report: style, ..options(60) }).await;
    let client = Client::of(&sandbox, ACCOUNT);
    client.iam("GetCredentialReport", &[]).await.fails(410, "ReportNotPresent");
    assert_eq!(generate(&client).await, "STARTED");
    client.iam("GetCredentialReport", &[]).await.fails(404, "ReportInProgress");
    assert_eq!(generate(&client).await, "INPROGRESS");
    assert_eq!(generate(&client).await, "INPROGRESS");
    assert_eq!(generate(&client).await, "COMPLETE");
    let report = client.iam("GetCredentialReport", &[]).await.ok();
    let rows = csv(&report);
    assert_eq!(rows.lines().count(), 1 + 1 + 61);
    assert_eq!(rows.lines().next().unwrap().split(',').count(), 22);
    assert!(rows.lines().nth(1).unwrap().starts_with("<root_account>,"));

    // Still the old one, data and time alike, although somebody joined.
    let made = report.one("GeneratedTime");
    let join = Mutation::CreateUser {
        name: "late".to_owned(),
        path: "/".to_owned(),
        tags: Vec::new(),
        boundary: None,
    };
    sandbox.mutate(ACCOUNT, &[join]).unwrap();
    sandbox.advance_clock(4 * 3600 - 60);
    assert_eq!(generate(&client).await, "COMPLETE");
    let later = client.iam("GetCredentialReport", &[]).await.ok();
    assert_eq!((later.one("GeneratedTime"), csv(&later)), (made.clone(), rows));

    sandbox.advance_clock(120);
    client.iam("GetCredentialReport", &[]).await.fails(410, "ReportExpired");
    assert_eq!(generate(&client).await, "STARTED");
    assert_eq!(generate(&client).await, "INPROGRESS");
    assert_eq!(generate(&client).await, "INPROGRESS");
    assert_eq!(generate(&client).await, "COMPLETE");
    let renewed = client.iam("GetCredentialReport", &[]).await.ok();
    assert!(csv(&renewed).lines().any(|line| line.starts_with("late,")));
    assert_ne!(renewed.one("GeneratedTime"), made);
}

#[tokio::test]
async fn a_comma_in_a_name_is_quoted_or_not() {
    for (quoted, start) in [(true, "\"comma,name\",\"arn:"), (false, "comma,name,arn:")] {
        let style = ReportStyle { asks_in_progress: 0, quoted };
        let sandbox = sandbox_with(Options { report: style, ..options(60) }).await;
        let client = Client::of(&sandbox, ACCOUNT);
        assert_eq!(generate(&client).await, "STARTED");
        assert_eq!(generate(&client).await, "COMPLETE");
        let rows = csv(&client.iam("GetCredentialReport", &[]).await.ok());
        assert!(rows.lines().any(|line| line.starts_with(start)), "{rows}");
    }
}

#[tokio::test]
async fn the_report_agrees_with_the_login_profiles() {
    let sandbox = sandbox(60).await;
    let client = Client::of(&sandbox, ACCOUNT);
    while generate(&client).await != "COMPLETE" {}
    let rows = csv(&client.iam("GetCredentialReport", &[]).await.ok());
    let truth = sandbox.state(ACCOUNT).unwrap();
    for user in truth["users"].as_array().unwrap() {
        let arn = user["arn"].as_str().unwrap();
        let row = rows.lines().find(|line| line.contains(&format!("{},2", quoted(arn)))).unwrap();
        let rest = row.split_once(&format!("{},", quoted(arn))).unwrap().1;
        let fields: Vec<&str> = rest.split(',').collect();
        assert_eq!(fields[1], (!user["login_profile"].is_null()).to_string(), "{row}");
        assert_eq!(fields[5], (!user["mfa"].as_array().unwrap().is_empty()).to_string(), "{row}");
    }
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.to_owned() }
}
