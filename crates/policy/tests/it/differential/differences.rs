//! Where `iam-rs` is known to differ.

use serde_json::{Value, json};

use super::{Answer, Given, Keys, USER};

/// Where they are known to differ: a name, the statement that shows it, the keys, and what each answers to
/// `iam:GetUser` on the user.
pub(super) fn differences() -> Vec<(&'static str, Value, Keys, Answer, Answer)> {
    use Answer::{Allow, ExplicitDeny, ImplicitDeny, Refused, Unknown};
    let allow = |condition: Value| json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}});
    let deny = |condition: Value| {
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}]})
    };
    let on = |version: &str, resource: &str| json!({"Version": version, "Statement": {"Effect": "Allow", "Action": "*", "Resource": resource}});
    let bob = || vec![("aws:username", Given::Text("bob"))];
    vec![
        (
            "a variable in a condition is not substituted, so a deny is missed",
            deny(json!({"StringEquals": {"aws:username": "${aws:username}"}})),
            bob(),
            ExplicitDeny,
            Allow,
        ),
        (
            "a variable whose value is an asterisk opens everything",
            on("2012-10-17", "arn:aws:iam::111122223333:user/${aws:PrincipalTag/team}"),
            vec![("aws:PrincipalTag/team", Given::Text("*"))],
            ImplicitDeny,
            Allow,
        ),
        (
            "a variable without a value is empty text",
            on("2012-10-17", "arn:aws:iam::111122223333:user/bob${aws:PrincipalTag/team}"),
            vec![],
            ImplicitDeny,
            Allow,
        ),
        (
            "variables are substituted in documents of 2008 too",
            on("2008-10-17", "arn:aws:iam::111122223333:user/${aws:username}"),
            bob(),
            ImplicitDeny,
            Allow,
        ),
        (
            "a document without a version is refused",
            json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}),
            vec![],
            Allow,
            Refused,
        ),
        (
            "the missing fields of an ARN are not completed",
            on("2012-10-17", "arn:aws:iam"),
            vec![],
            Allow,
            Refused,
        ),
        (
            "Bool compares booleans only",
            allow(json!({"Bool": {"test:flag": "true"}})),
            vec![("test:flag", Given::Text("true"))],
            Allow,
            ImplicitDeny,
        ),
        (
            "there is no ForAllValues with IfExists",
            allow(json!({"ForAllValues:StringEqualsIfExists": {"test:list": "a"}})),
            vec![],
            Allow,
            Refused,
        ),
        (
            "ArnEquals knows no wildcards",
            allow(json!({"ArnEquals": {"test:arn": "arn:aws:iam::*:user/*"}})),
            vec![("test:arn", Given::Text(USER))],
            Allow,
            ImplicitDeny,
        ),
        (
            "ArnLike passes over colons",
            allow(json!({"ArnLike": {"test:arn": "arn:aws:x:*:111122223333:finance/*"}})),
            vec![("test:arn", Given::Text("arn:aws:x:eu:999999999999:store:111122223333:finance/d"))],
            ImplicitDeny,
            Allow,
        ),
        (
            "several values need no set operator",
            allow(json!({"StringEquals": {"test:list": "a"}})),
            vec![("test:list", Given::List(vec!["a", "b"]))],
            Unknown,
            Allow,
        ),
        (
            "what is no number is certainly no match",
            deny(json!({"NumericLessThan": {"test:number": "10"}})),
            vec![("test:number", Given::Text("few"))],
            Unknown,
            Allow,
        ),
        (
            "what is no address is certainly outside",
            allow(json!({"NotIpAddress": {"test:ip": "203.0.113.0/24"}})),
            vec![("test:ip", Given::Text("cloudformation.amazonaws.com"))],
            Unknown,
            Allow,
        ),
        (
            "base64 is compared without its capitals",
            allow(json!({"BinaryEquals": {"test:bytes": "qq=="}})),
            vec![("test:bytes", Given::Text("QQ=="))],
            ImplicitDeny,
            Allow,
        ),
        (
            "large numbers are compared as floating point",
            allow(json!({"NumericEquals": {"test:number": "9007199254740993"}})),
            vec![("test:number", Given::Text("9007199254740992"))],
            ImplicitDeny,
            Allow,
        ),
        (
            "a date without a time is refused",
            allow(json!({"DateGreaterThan": {"test:date": "2025-01-01"}})),
            vec![("test:date", Given::Text("2026-01-01T00:00:00Z"))],
            Allow,
            Refused,
        ),
        (
            "letters outside ASCII have no case",
            allow(json!({"StringEqualsIgnoreCase": {"test:text": "MÜLLER"}})),
            vec![("test:text", Given::Text("müller"))],
            Allow,
            ImplicitDeny,
        ),
        (
            "an empty string is something to a set operator",
            allow(json!({"ForAllValues:StringEquals": {"test:list": "a"}})),
            vec![("test:list", Given::List(vec![""]))],
            Allow,
            ImplicitDeny,
        ),
        (
            "an empty string is something to Null",
            allow(json!({"Null": {"test:text": "false"}})),
            vec![("test:text", Given::Text(""))],
            Unknown,
            Allow,
        ),
        (
            "unknown elements are passed over",
            json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Conditon": {}}}),
            vec![],
            Refused,
            Allow,
        ),
    ]
}
