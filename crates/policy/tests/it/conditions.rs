//! `conditions.txt`: every operator, each with a match, no match, an absent and an unknown key.

use std::fs;

use keyreeve_policy::{Context, Policy, PolicySet, Request, Verdict, evaluate};

use crate::{
    blocks,
    verdicts::{context_value, document},
};

/// Each row gives two verdicts: on a statement that allows under the condition, and on one that denies under it
/// beside one that allows everything.
#[test]
fn every_condition_holds_as_written_down() {
    let text = fs::read_to_string(blocks::path("conditions.txt")).unwrap();
    let mut wrong = Vec::new();
    let mut rows = 0;
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        rows += 1;
        let columns: Vec<&str> = line.split(" | ").map(str::trim).collect();
        let [operator, value, actual, holds] = columns[..] else { panic!("line {}: {line}", number + 1) };
        let condition = format!(r#""Condition": {{"{operator}": {{"test:key": {value}}}}}"#);
        let allows = format!(r#"{{"Effect": "Allow", "Action": "*", "Resource": "*", {condition}}}"#);
        let denies = format!(
            r#"[{{"Effect": "Allow", "Action": "*", "Resource": "*"}},
                {{"Effect": "Deny", "Action": "*", "Resource": "*", {condition}}}]"#
        );
        let context = Context::closed()
            .with("aws:username", "bob")
            .with_value("aws:userid", context_value("?"))
            .with_value("test:many", context_value("[a|b]"))
            .with_value("TEST:Key", context_value(actual));
        let (allowed, denied) = match holds {
            "true" => (Verdict::Allow, Verdict::Deny),
            "false" => (Verdict::Deny, Verdict::Allow),
            "unknown" => (Verdict::Unknown, Verdict::Unknown),
            other => panic!("line {}: {other}", number + 1),
        };
        for (statements, expected) in [(allows, allowed), (denies, denied)] {
            let identity = vec![Policy::new("p", document(&statements))];
            let policies = PolicySet { identity, ..PolicySet::default() };
            let decision = evaluate(&policies, &Request::new("iam:GetUser").within(context.clone()));
            if decision.verdict != expected {
                wrong.push(format!("line {}: {line}: {:?}", number + 1, decision.verdict));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(rows >= 150, "only {rows} rows");
}
