//! Against `iam-rs`, an evaluator that nobody here wrote: on what both know they agree, and where they are known to
//! differ, they differ as written down. A difference that has gone fails as well.

use iam_rs::{Arn, Decision, EvaluationError, IAMPolicy, IAMRequest, PolicyEvaluator, PrincipalId};
use keyreeve_policy::{Context, Document, Policy, PolicySet, Principal, Request, Target, Verdict, evaluate};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Map, Value, json};

use crate::{generate, laws::cases};

mod differences;

const USER: &str = "arn:aws:iam::111122223333:user/bob";

/// A value of a context that both understand.
#[derive(Debug, Clone)]
enum Given {
    Text(&'static str),
    Flag(bool),
    List(Vec<&'static str>),
}

type Keys = Vec<(&'static str, Given)>;

/// What each says in the same words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Allow,
    ExplicitDeny,
    ImplicitDeny,
    Unknown,
    Refused,
}

fn ours(document: &str, action: &str, resource: &str, keys: &Keys) -> Answer {
    let Ok(document) = Document::parse(document) else { return Answer::Refused };
    let context = keys.iter().fold(Context::closed(), |context, (key, given)| match given {
        Given::Text(text) => context.with(key, *text),
        Given::Flag(flag) => context.with(key, flag.to_string()),
        Given::List(list) => {
            let values = list.iter().map(|value| (*value).to_owned()).collect();
            context.with_value(key, keyreeve_policy::ContextValue::Known(values))
        }
    });
    let policies = PolicySet { identity: vec![Policy::new("p", document)], ..PolicySet::default() };
    let request = Request::new(action)
        .on(Target::Arn(resource.into()))
        .by(Principal::User { arn: USER.into() })
        .within(context);
    let decision = evaluate(&policies, &request);
    match decision.verdict {
        Verdict::Allow => Answer::Allow,
        Verdict::Deny if decision.explicit => Answer::ExplicitDeny,
        Verdict::Deny => Answer::ImplicitDeny,
        Verdict::Unknown => Answer::Unknown,
    }
}

fn theirs(document: &str, action: &str, resource: &str, keys: &Keys) -> Answer {
    let Ok(policy) = IAMPolicy::from_json(document) else { return Answer::Refused };
    let mut context = iam_rs::Context::new();
    for (key, given) in keys {
        let value = match given {
            Given::Text(text) => iam_rs::ContextValue::String((*text).into()),
            Given::Flag(flag) => iam_rs::ContextValue::Boolean(*flag),
            Given::List(list) => {
                iam_rs::ContextValue::StringList(list.iter().map(|value| (*value).to_owned()).collect())
            }
        };
        context.insert((*key).to_owned(), value);
    }
    let principal = iam_rs::Principal::Aws(PrincipalId::String(USER.into()));
    let request = IAMRequest::new_with_context(principal, action, Arn::parse(resource).unwrap(), context);
    let result: Result<_, EvaluationError> = PolicyEvaluator::with_policies(vec![policy]).evaluate(&request);
    match result.map(|result| result.decision) {
        Ok(Decision::Allow) => Answer::Allow,
        Ok(Decision::Deny) => Answer::ExplicitDeny,
        Ok(Decision::NotApplicable) => Answer::ImplicitDeny,
        Err(_) => Answer::Refused,
    }
}

const ACTIONS: &[&str] = &["*", "iam:*", "iam:Get*", "iam:GetUser", "IAM:createuser", "iam:?etUser", "s3:*"];
const RESOURCES: &[&str] = &[
    "*",
    "arn:aws:iam::111122223333:user/*",
    "arn:aws:iam::111122223333:user/bob",
    "arn:aws:iam::111122223333:user/${aws:username}",
    "arn:aws:iam::*:user/${aws:PrincipalTag/team, 'dev'}/*",
    "arn:aws:iam::*:*/b?b",
    "arn:aws:iam::*:group/*",
    "arn:aws:s3:::b/*",
];
const ASKED: &[&str] = &[
    "arn:aws:iam::111122223333:user/bob",
    "arn:aws:iam::111122223333:user/dev/bob",
    "arn:aws:iam::444455556666:user/eve",
    "arn:aws:iam::111122223333:group/bob",
    "arn:aws:s3:::b/file",
];

/// An operator, the key it is used on, and the values it is used with.
type Family = (&'static [&'static str], &'static str, &'static [&'static str]);

const FAMILIES: &[Family] = &[
    (
        &[
            "StringEquals",
            "StringNotEquals",
            "StringLike",
            "StringNotLike",
            "StringEqualsIgnoreCase",
            "StringNotEqualsIgnoreCase",
            "StringEqualsIfExists",
            "StringNotEqualsIfExists",
            "StringLikeIfExists",
        ],
        "test:text",
        &["bob", "BOB", "b*", "b?b", "eve", ""],
    ),
    (
        &[
            "ForAllValues:StringEquals",
            "ForAnyValue:StringEquals",
            "ForAllValues:StringNotEquals",
            "ForAnyValue:StringNotEquals",
            "ForAllValues:StringLike",
            "ForAnyValue:StringLike",
        ],
        "test:list",
        &["bob", "b*", "eve", "x"],
    ),
    (
        &[
            "NumericEquals",
            "NumericNotEquals",
            "NumericLessThan",
            "NumericLessThanEquals",
            "NumericGreaterThan",
            "NumericGreaterThanEqualsIfExists",
        ],
        "test:number",
        &["10", "10.0", "9.5", "-1"],
    ),
    (
        &["DateEquals", "DateNotEquals", "DateLessThan", "DateGreaterThanEquals", "DateLessThanIfExists"],
        "test:date",
        &["2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "1700000000"],
    ),
    (
        &["IpAddress", "NotIpAddress", "IpAddressIfExists"],
        "test:ip",
        &["203.0.113.0/24", "203.0.113.7", "2001:db8::/32"],
    ),
    (
        &["ArnEquals", "ArnNotEquals", "ArnLikeIfExists"],
        "test:arn",
        &[USER, "arn:aws:iam::111122223333:role/r"],
    ),
    (&["BinaryEquals"], "test:bytes", &["QQ==", "Qg=="]),
];

/// Values for the keys; each key may be absent.
fn keys() -> impl Strategy<Value = Keys> {
    let text = |key: &'static str, values: &'static [&'static str]| {
        option::of(select(values).prop_map(move |value| (key, Given::Text(value)))).boxed()
    };
    let list =
        vec(select(&["bob", "bab", "eve"][..]), 1..4).prop_map(|list| ("test:list", Given::List(list)));
    let all = vec![
        Just(Some(("aws:username", Given::Text("bob")))).boxed(),
        text("aws:PrincipalTag/team", &["dev", "ops"]),
        text("test:text", &["bob", "Bob", "bab", "eve", ""]),
        text("test:number", &["10", "9.50", "-1", "11"]),
        text("test:date", &["2026-01-01T00:00:00Z", "2023-11-14T22:13:20Z", "1800000000"]),
        text("test:ip", &["203.0.113.7", "198.51.100.1", "2001:db8::1"]),
        text("test:arn", &[USER, "arn:aws:iam::111122223333:role/r", "arn:aws:iam::111122223333:role/s"]),
        text("test:bytes", &["QQ==", "Qw=="]),
        option::of(any::<bool>().prop_map(|flag| ("test:flag", Given::Flag(flag)))).boxed(),
        option::of(list).boxed(),
    ];
    all.prop_map(|keys| keys.into_iter().flatten().collect())
}

fn condition() -> impl Strategy<Value = (String, Value)> {
    let family = select(FAMILIES).prop_flat_map(|(operators, key, values)| {
        (select(operators), vec(select(values), 1..3))
            .prop_map(move |(operator, values)| (operator.to_owned(), json!({ key: values })))
    });
    let flag = (select(&["Bool", "BoolIfExists"][..]), any::<bool>())
        .prop_map(|(operator, flag)| (operator.to_owned(), json!({ "test:flag": (flag.to_string()) })));
    let null = (select(&["test:number", "test:flag"][..]), any::<bool>())
        .prop_map(|(key, null)| ("Null".to_owned(), json!({ key: (null.to_string()) })));
    prop_oneof![6 => family, 1 => flag, 1 => null]
}

fn statement() -> impl Strategy<Value = Map<String, Value>> {
    let element = |yes: &'static str, no: &'static str| prop_oneof![4 => Just(yes), 1 => Just(no)];
    let actions = (element("Action", "NotAction"), vec(select(ACTIONS), 1..3));
    let resources = (element("Resource", "NotResource"), vec(select(RESOURCES), 1..3));
    (select(generate::BOTH), actions, resources, vec(condition(), 0..3)).prop_map(
        |(effect, actions, resources, conditions)| {
            let conditions: Map<String, Value> = conditions.into_iter().collect();
            let elements = [
                ("Effect", json!(effect)),
                (actions.0, json!(actions.1)),
                (resources.0, json!(resources.1)),
                ("Condition", Value::Object(conditions)),
            ];
            elements.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases() * 2) })]

    #[test]
    fn both_agree_on_what_both_know(
        statements in vec(statement(), 1..4),
        action in select(&["iam:GetUser", "iam:CreateUser", "s3:GetObject"][..]),
        resource in select(ASKED),
        keys in keys(),
    ) {
        let document = generate::document_text(statements, Some("2012-10-17"));
        let (ours, theirs) = (ours(&document, action, resource, &keys), theirs(&document, action, resource, &keys));
        prop_assert_eq!(ours, theirs, "{} {} {} {:?}", document, action, resource, keys);
    }
}

#[test]
fn they_differ_where_it_is_written_down() {
    let mut wrong = Vec::new();
    for (name, document, keys, expected_ours, expected_theirs) in differences::differences() {
        let document = document.to_string();
        let found =
            (ours(&document, "iam:GetUser", USER, &keys), theirs(&document, "iam:GetUser", USER, &keys));
        if found != (expected_ours, expected_theirs) {
            wrong.push(format!("{name}: {found:?}, not {:?}", (expected_ours, expected_theirs)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
