//! Made-up policies and requests, from pools small enough that they meet.

use std::sync::Arc;

use keyreeve_policy::{
    Context, ContextValue, Document, Policy, PolicySet, Principal, Request, ResourcePolicy, Target,
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Map, Value, json};

const ACTIONS: &[&str] =
    &["*", "iam:*", "iam:Get*", "iam:GetUser", "IAM:createuser", "iam:?etUser", "iam:*User", "s3:*"];

const ASKED: &[&str] = &["iam:GetUser", "iam:CreateUser", "IAM:GETUSER", "s3:GetObject"];

const RESOURCES: &[&str] = &[
    "*",
    "arn:aws:iam::111122223333:user/*",
    "arn:aws:iam::111122223333:user/bob",
    "arn:aws:iam::111122223333:user/${aws:username}",
    "arn:aws:iam::*:user/dev/*",
    "arn:aws:iam::*:*/b?b",
    "arn:aws:iam::*:group/*",
    "arn:aws:iam::444455556666",
    "arn:aws:iam:*:user/bob",
    "arn:aws:s3:::b/${aws:PrincipalTag/team, 'all'}",
    "arn:aws:s3:::b/${*}*",
];

const ARNS: &[&str] = &[
    "arn:aws:iam::111122223333:user/bob",
    "arn:aws:iam::111122223333:user/dev/bob",
    "arn:aws:iam::444455556666:user/eve",
    "arn:aws:iam::111122223333:group/bob",
    "arn:aws:iam::111122223333:x:user/bob",
    "arn:aws:s3:::b/all",
    "arn:aws:s3:::b/*x",
];

const PATTERNS: &[&str] = &[
    "arn:aws:iam::111122223333:user/*",
    "arn:aws:iam::111122223333:user/dev/*",
    "arn:aws:iam::111122223333:*",
    "arn:aws:iam::111122223333:user/b?b",
    "arn:aws:s3:::b/*",
];

/// The keys of contexts, and values that mean something under them.
pub(crate) const KEYS: &[(&str, &[&str])] = &[
    ("aws:username", &["bob", "eve", "*", ""]),
    ("aws:PrincipalTag/team", &["all", "x", "*x", ""]),
    ("aws:SourceIp", &["203.0.113.7", "198.51.100.1", "2001:db8::1", "nowhere"]),
    ("aws:MultiFactorAuthPresent", &["true", "false"]),
    ("aws:MultiFactorAuthAge", &["10", "3600", "old"]),
    ("aws:CurrentTime", &["2026-01-01T00:00:00Z", "1700000000", "today"]),
    ("aws:PrincipalArn", &["arn:aws:iam::111122223333:user/bob", "arn:aws:iam::444455556666:role/r", "bob"]),
    ("test:bytes", &["QQ==", "Qg==", "?"]),
];

const STRINGS: &[&str] = &["bob", "b*", "${aws:username}", "${aws:PrincipalTag/team, 'x'}", "x${*}", ""];
const SET: &[&str] = &["", "ForAllValues:", "ForAnyValue:"];
const IF_EXISTS: &[&str] = &["", "IfExists"];

fn one_or_many(pool: &'static [&'static str]) -> impl Strategy<Value = Value> {
    vec(select(pool), 1..3).prop_map(|mut texts| match texts.len() {
        1 => json!(texts.remove(0)),
        _ => json!(texts),
    })
}

/// An operator with a key, and values that fit it more often than not.
fn condition() -> impl Strategy<Value = (String, Value)> {
    let strings = select(
        &["StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase"][..],
    );
    let key = select(KEYS).prop_map(|(key, _)| key);
    let text = (strings, key, one_or_many(STRINGS)).boxed();
    let typed = |operators: &'static [&'static str], key: &'static str, values: &'static [&'static str]| {
        (select(operators), Just(key), one_or_many(values)).boxed()
    };
    let base = prop_oneof![
        3 => text,
        1 => typed(&["NumericLessThan", "NumericEquals", "NumericNotEquals"], KEYS[4].0, &["10", "20", "x"]),
        1 => typed(&["DateGreaterThan", "DateNotEquals"], KEYS[5].0, &["2025-06-01", "1700000000", "x"]),
        1 => typed(&["Bool"], KEYS[3].0, &["true", "false"]),
        1 => typed(&["IpAddress", "NotIpAddress"], KEYS[2].0, &["203.0.113.0/24", "2001:db8::/32", "x"]),
        1 => typed(&["ArnLike", "ArnNotEquals"], KEYS[6].0, &["arn:aws:iam::*:user/*", "*"]),
        1 => typed(&["BinaryEquals"], KEYS[7].0, &["QQ", "QQ=="]),
    ];
    let null = (select(KEYS), select(&["true", "false"][..]));
    prop_oneof![
        8 => (base, select(SET), select(IF_EXISTS)).prop_map(|((operator, key, values), set, if_exists)| {
            (format!("{set}{operator}{if_exists}"), json!({ key: values }))
        }),
        1 => null.prop_map(|((key, _), value)| ("Null".to_owned(), json!({ (*key): value }))),
    ]
}

fn principal_element() -> impl Strategy<Value = Value> {
    let arns = select(
        &[
            "*",
            "111122223333",
            "arn:aws:iam::111122223333:user/bob",
            "arn:aws:iam::444455556666:root",
            "arn:aws:iam::111122223333:role/path/r",
            "AIDAEXAMPLE",
        ][..],
    );
    prop_oneof![
        Just(json!("*")),
        vec(arns, 1..3).prop_map(|arns| json!({ "AWS": arns })),
        Just(json!({ "Service": "ec2.amazonaws.com" })),
        Just(json!({ "Federated": ["accounts.google.com"] })),
    ]
}

fn statement(effects: &'static [&'static str]) -> impl Strategy<Value = Map<String, Value>> {
    let element = |yes: &'static str, no: &'static str| prop_oneof![4 => Just(yes), 1 => Just(no)];
    let conditions = prop_oneof![2 => Just(Vec::new()), 1 => vec(condition(), 1..3)];
    let actions = (element("Action", "NotAction"), one_or_many(ACTIONS));
    let resources = (element("Resource", "NotResource"), one_or_many(RESOURCES));
    (select(effects), actions, resources, conditions).prop_map(|(effect, actions, resources, conditions)| {
        let mut statement = Map::new();
        statement.insert("Effect".into(), json!(effect));
        statement.insert(actions.0.into(), actions.1);
        statement.insert(resources.0.into(), resources.1);
        if !conditions.is_empty() {
            let conditions: Map<String, Value> = conditions.into_iter().collect();
            statement.insert("Condition".into(), Value::Object(conditions));
        }
        statement
    })
}

fn resource_statement(effects: &'static [&'static str]) -> impl Strategy<Value = Map<String, Value>> {
    let element = prop_oneof![6 => Just("Principal"), 1 => Just("NotPrincipal")];
    (statement(effects), element, principal_element()).prop_map(|(mut statement, element, principal)| {
        statement.insert(element.into(), principal);
        statement
    })
}

/// Statements of both effects.
pub(crate) const BOTH: &[&str] = &["Allow", "Allow", "Deny"];

pub(crate) fn document_text(statements: Vec<Map<String, Value>>, version: Option<&str>) -> String {
    let mut document = Map::new();
    document.extend(version.map(|version| ("Version".to_owned(), json!(version))));
    document.insert("Statement".into(), json!(statements));
    Value::Object(document).to_string()
}

fn version() -> impl Strategy<Value = Option<&'static str>> {
    prop_oneof![6 => Just(Some("2012-10-17")), 1 => Just(Some("2008-10-17")), 1 => Just(None)]
}

fn policy_of(statements: impl Strategy<Value = Map<String, Value>>) -> impl Strategy<Value = Policy> {
    (vec(statements, 1..4), version()).prop_map(|(statements, version)| {
        let text = document_text(statements, version);
        Policy::new("p", Arc::new(Document::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"))))
    })
}

/// The text of a document for a user or group.
pub(crate) fn identity_document() -> impl Strategy<Value = String> {
    (vec(statement(BOTH), 1..4), version())
        .prop_map(|(statements, version)| document_text(statements, version))
}

/// A policy for a user or group that was read.
pub(crate) fn readable(effects: &'static [&'static str]) -> impl Strategy<Value = Policy> {
    policy_of(statement(effects))
}

/// A policy for a resource that was read.
pub(crate) fn readable_of_resource(effects: &'static [&'static str]) -> impl Strategy<Value = Policy> {
    policy_of(resource_statement(effects))
}

pub(crate) fn policy() -> impl Strategy<Value = Policy> + Clone {
    let everything = r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;
    let everything = Policy::new("all", Arc::new(Document::parse(everything).unwrap()));
    prop_oneof![6 => readable(BOTH), 4 => Just(everything), 1 => Just(Policy::unreadable("?"))]
}

pub(crate) fn policies() -> impl Strategy<Value = PolicySet> {
    let account = option::of(select(&["111122223333", "444455556666"][..]));
    let resource =
        (readable_of_resource(BOTH), account, any::<bool>()).prop_map(|(policy, account, must_allow)| {
            ResourcePolicy { policy, account: account.map(str::to_owned), must_allow }
        });
    let optional =
        |weight, policy: BoxedStrategy<Policy>| prop_oneof![weight => Just(None), 1 => policy.prop_map(Some)];
    (
        vec(policy(), 0..3),
        optional(2, policy().boxed()),
        prop_oneof![3 => Just(Vec::new()), 1 => vec(policy(), 1..3)],
        prop_oneof![2 => Just(None), 1 => resource.prop_map(Some)],
    )
        .prop_map(|(identity, boundary, session, resource)| PolicySet {
            identity,
            boundary,
            session,
            resource,
        })
}

/// Somebody who has policies of their own.
pub(crate) fn identity() -> impl Strategy<Value = Principal> {
    prop_oneof![
        4 => Just(Principal::User { arn: "arn:aws:iam::111122223333:user/bob".into() }),
        1 => Just(Principal::RoleSession { arn: "arn:aws:sts::111122223333:assumed-role/r/s".into() }),
    ]
}

fn known_principal() -> impl Strategy<Value = Principal> {
    prop_oneof![
        4 => identity(),
        1 => Just(Principal::Service("ec2.amazonaws.com".into())),
        1 => Just(Principal::Anonymous),
    ]
}

/// What is known of one key: values that mean something, the like of which may repeat.
pub(crate) fn known_value(values: &'static [&'static str]) -> impl Strategy<Value = ContextValue> {
    prop_oneof![
        1 => Just(ContextValue::Absent),
        4 => select(values).prop_map(|value| ContextValue::Known(vec![value.to_owned()])),
        1 => vec(select(values), 0..3)
            .prop_map(|values| ContextValue::Known(values.into_iter().map(str::to_owned).collect())),
    ]
}

/// For each key what is known of it; `None` leaves it unknown.
pub(crate) fn knowledge() -> impl Strategy<Value = Vec<Option<ContextValue>>> {
    KEYS.iter().map(|(_, values)| option::of(known_value(values))).collect::<Vec<_>>()
}

pub(crate) fn context(knowledge: &[Option<ContextValue>]) -> Context {
    let known = KEYS.iter().zip(knowledge).filter_map(|((key, _), value)| Some((key, value.clone()?)));
    known.fold(Context::open(), |context, (key, value)| context.with_value(key, value))
}

pub(crate) fn arn() -> impl Strategy<Value = Target> {
    select(ARNS).prop_map(|arn| Target::Arn(arn.to_owned()))
}

/// A pattern other than the one for every resource.
pub(crate) fn pattern() -> impl Strategy<Value = &'static str> {
    select(PATTERNS)
}

pub(crate) fn request(targets: impl Strategy<Value = Target>) -> impl Strategy<Value = Request> {
    let principal = prop_oneof![1 => Just(Principal::Unknown), 4 => known_principal()];
    (select(ASKED), targets, principal, knowledge()).prop_map(|(action, target, principal, knowledge)| {
        Request::new(action).on(target).by(principal).within(context(&knowledge))
    })
}

pub(crate) fn any_target() -> impl Strategy<Value = Target> {
    prop_oneof![
        1 => Just(Target::NoResource),
        4 => arn(),
        2 => pattern().prop_map(|pattern| Target::Pattern(pattern.to_owned())),
        1 => Just(Target::Pattern("*".to_owned())),
    ]
}
