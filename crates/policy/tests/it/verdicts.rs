//! `evaluation.txt` and its neighbours: policies, a request, and the verdict.

use std::{collections::BTreeSet, sync::Arc};

use keyreeve_policy::{
    Context, ContextValue, Decision, Document, Policy, PolicySet, Principal, Request, ResourcePolicy, Target,
    Verdict, evaluate,
};

use crate::blocks::{self, Block};

pub(crate) const FILES: [&str; 6] =
    ["evaluation.txt", "elements.txt", "variables.txt", "principals.txt", "patterns.txt", "s44.txt"];

const WORDS: [&str; 13] = [
    "case", "source", "identity", "boundary", "session", "trust", "resource", "account", "by", "ask",
    "context", "verdict", "because",
];

#[test]
fn every_verdict_is_as_written_down() {
    let mut names = BTreeSet::new();
    let mut wrong = Vec::new();
    for block in FILES.iter().flat_map(|file| blocks::read(file)) {
        block.allow_only(&WORDS);
        assert!(names.insert(block.need("case").to_owned()), "{}: a name comes twice", block.place);
        let decision = evaluate(&policies(&block), &request(&block));
        let (found, reasons) = (verdict(&decision), because(&decision));
        if found != block.need("verdict") {
            wrong.push(format!(
                "{} {:?}: {found}, not {}",
                block.place,
                block.need("case"),
                block.need("verdict")
            ));
        }
        if block.get("because").is_some_and(|expected| expected != reasons) {
            wrong.push(format!("{} {:?}: because of {reasons}", block.place, block.need("case")));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), names.len(), wrong.join("\n"));
    assert!(names.len() >= MINIMUM, "only {} verdicts", names.len());
}

/// Fewer mean that a file was lost.
const MINIMUM: usize = 150;

fn policies(block: &Block) -> PolicySet {
    let list = |word| block.all(word).enumerate().map(move |(at, text)| policy(word, at, text)).collect();
    let resource =
        block.get("resource").map(|text| (text, false)).or(block.get("trust").map(|text| (text, true)));
    PolicySet {
        identity: list("identity"),
        boundary: block.get("boundary").map(|text| policy("boundary", 0, text)),
        session: list("session"),
        resource: resource.map(|(text, must_allow)| ResourcePolicy {
            policy: policy("resource", 0, text),
            account: block.get("account").map(str::to_owned),
            must_allow,
        }),
    }
}

/// A document, or statements that are put into one; `unreadable` for a policy that is not known.
fn policy(kind: &str, at: usize, text: &str) -> Policy {
    let name = format!("{kind} {}", at + 1);
    if text == "unreadable" {
        return Policy::unreadable(name);
    }
    Policy::new(name, Arc::new(document(text)))
}

pub(crate) fn document(text: &str) -> Document {
    let whole = if text.contains("\"Statement\"") {
        text.to_owned()
    } else {
        format!(r#"{{"Version": "2012-10-17", "Statement": {text}}}"#)
    };
    Document::parse(&whole).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn request(block: &Block) -> Request {
    let (action, targets) = block.need("ask").split_once(" on ").unwrap_or((block.need("ask"), "nothing"));
    Request {
        action: action.to_owned(),
        targets: targets.split(" and ").map(target).collect(),
        principal: block.get("by").map_or(Principal::Unknown, principal),
        context: context(block.get("context").unwrap_or_default()),
    }
}

fn target(text: &str) -> Target {
    match text.strip_prefix("all ") {
        Some(pattern) => Target::Pattern(pattern.to_owned()),
        None if text == "nothing" => Target::NoResource,
        None => Target::Arn(text.to_owned()),
    }
}

fn principal(text: &str) -> Principal {
    let (kind, name) = text.split_once(' ').unwrap_or((text, ""));
    let arn = name.to_owned();
    match kind {
        "anonymous" => Principal::Anonymous,
        "user" => Principal::User { arn },
        "session" => Principal::RoleSession { arn },
        "federated-user" => match name.split_once(" of ") {
            Some((arn, user)) => {
                Principal::FederatedUser { arn: arn.to_owned(), user_arn: Some(user.to_owned()) }
            }
            None => Principal::FederatedUser { arn, user_arn: None },
        },
        "service" => Principal::Service(arn),
        "provider" => Principal::Federated(arn),
        other => panic!("{other}"),
    }
}

/// Keys parted by `;`. `open` leaves all others unknown; else they are absent.
fn context(text: &str) -> Context {
    let mut context = Context::closed();
    for item in text.split(';').map(str::trim).filter(|item| !item.is_empty()) {
        context = match item.split_once('=') {
            None if item == "open" => Context::open(),
            None => panic!("{item}"),
            Some((key, value)) => context.with_value(key, context_value(value)),
        };
    }
    context
}

/// `?` is unknown, `-` absent, `[a|b]` several values, `''` the empty string.
pub(crate) fn context_value(text: &str) -> ContextValue {
    match text {
        "?" => ContextValue::Unknown,
        "-" => ContextValue::Absent,
        "''" => ContextValue::Known(vec![String::new()]),
        "[]" => ContextValue::Known(Vec::new()),
        _ => match text.strip_prefix('[').and_then(|list| list.strip_suffix(']')) {
            Some(list) => ContextValue::Known(list.split('|').map(str::to_owned).collect()),
            None => ContextValue::Known(vec![text.to_owned()]),
        },
    }
}

fn verdict(decision: &Decision) -> String {
    let word = match decision.verdict {
        Verdict::Allow => "allow",
        Verdict::Deny if decision.explicit => "explicit deny",
        Verdict::Deny => "deny",
        Verdict::Unknown => "unknown",
    };
    format!("{}{word}", if decision.partial { "partly allow, else " } else { "" })
}

/// The reasons, the silent layer, and the keys it depends on.
fn because(decision: &Decision) -> String {
    let statement = |at: Option<usize>| at.map_or(String::new(), |at| format!(".{at}"));
    let reasons =
        decision.because.iter().map(|reason| format!("{}{}", reason.policy, statement(reason.statement)));
    let silent = decision.lacks.map(|layer| format!("no {layer:?}").to_lowercase());
    let keys = decision.depends_on.iter().map(|key| format!("?{key}"));
    reasons.chain(silent).chain(keys).collect::<Vec<_>>().join(", ")
}
