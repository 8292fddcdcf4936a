use keyreeve_model::PermissionProfile::{Full, Lifecycle, Read, Reference};
use keyreeve_policy::{Document, Policy};
use serde_json::json;

use super::*;
use crate::PolicyScope;

const ACCOUNT: &str = "123456789012";

fn found(texts: &[String], administrators: &[&str]) -> Vec<String> {
    let read = |text: &String| Policy::new("p", Document::parse(text).unwrap());
    let set = PolicySet { identity: texts.iter().map(read).collect(), ..PolicySet::default() };
    let of = |kind: &str| {
        let named = administrators.iter().filter(|arn| arn.contains(kind));
        named.map(|&arn| Administrator { arn: arn.to_owned(), by: "a policy".to_owned() }).collect()
    };
    let surroundings = Surroundings {
        administrators: of(":user/"),
        administrator_groups: of(":group/"),
        ..Surroundings::of("aws", ACCOUNT)
    };
    surroundings.escalations(&set).into_iter().map(|one| one.action.to_owned()).collect()
}

fn arn(resource: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:{resource}")
}

#[test]
fn unlimited_profiles_make_administrators_and_limited_ones_do_not() {
    let ways =
        ["iam:AttachUserPolicy", "iam:CreateLoginProfile", "iam:UpdateLoginProfile", "iam:AddUserToGroup"];
    for profile in [Reference, Lifecycle, Full] {
        let unlimited = PolicyScope { break_glass: vec!["eve".into()], ..PolicyScope::new(profile, "aws") };
        assert_eq!(found(&unlimited.documents().unwrap(), &[]), ways, "{profile:?}");
        let limited = PolicyScope {
            paths: vec!["/idm/".into()],
            groups: vec!["/idm/*".into()],
            policies: vec![arn("policy/idm/*")],
            ..PolicyScope::new(profile, "aws")
        };
        let documents = limited.documents().unwrap();
        assert!(found(&documents, &[&arn("user/root"), &arn("group/root")]).is_empty(), "{profile:?}");
        assert_eq!(found(&documents, &[&arn("user/idm/root")]), ways[1..3], "{profile:?}");
        assert_eq!(found(&documents, &[&arn("group/idm/root")]), ways[3..], "{profile:?}");
        let any_policy = PolicyScope { policies: Vec::new(), ..limited.clone() };
        assert_eq!(found(&any_policy.documents().unwrap(), &[]), ways[..1], "{profile:?}");
        let aws = PolicyScope { policies: vec!["arn:aws:iam::aws:policy/*".into()], ..limited };
        assert_eq!(found(&aws.documents().unwrap(), &[]), ways[..1], "{profile:?}");
    }
    assert!(found(&PolicyScope::new(Read, "aws").documents().unwrap(), &[&arn("user/root")]).is_empty());
}

fn set(documents: &[serde_json::Value]) -> PolicySet {
    let read =
        |document: &serde_json::Value| Policy::new("p", Document::parse(&document.to_string()).unwrap());
    PolicySet { identity: documents.iter().map(read).collect(), ..PolicySet::default() }
}

fn statement(effect: &str, action: &str, resource: &str, condition: serde_json::Value) -> serde_json::Value {
    let mut statement = json!({ "Effect": effect, "Action": action, "Resource": resource });
    if !condition.is_null() {
        statement["Condition"] = condition;
    }
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

#[test]
fn a_denial_under_a_condition_silences_nothing() {
    let all = || statement("Allow", "*", "*", json!(null));
    for condition in [
        json!({ "NotIpAddress": { "aws:SourceIp": "192.0.2.0/24" } }),
        json!({ "StringEquals": { "aws:ResourceTag/keep": "yes" } }),
        json!({ "Null": { "aws:ResourceTag/keep": "false" } }),
    ] {
        let policies = set(&[all(), statement("Deny", "*", "*", condition.clone())]);
        let ways = Surroundings::of("aws", ACCOUNT).escalations(&policies);
        assert_eq!(ways.first().map(|way| way.action), Some("*"), "{condition}");
    }
    // One that certainly holds counts: it is about that very policy.
    let never = json!({ "ArnEquals": { "iam:PolicyARN": "arn:aws:iam::aws:policy/*" } });
    let attach = "iam:AttachUserPolicy";
    let policies =
        set(&[statement("Allow", attach, "*", json!(null)), statement("Deny", attach, "*", never)]);
    let mut place = Surroundings::of("aws", ACCOUNT);
    assert!(place.escalations(&policies).is_empty());
    place.administrator_policies = vec![arn("policy/god")];
    let ways = place.escalations(&policies);
    assert!(ways[0].what.contains("policy/god, which makes an administrator"), "{ways:?}");
    // An unread policy may deny, but need not.
    let mut policies = set(&[statement("Allow", attach, "*", json!(null))]);
    policies.identity.push(Policy::unreadable("AWS's"));
    assert_eq!(place.escalations(&policies).len(), 1);
    assert_eq!(place.doubts(&policies), ["the policy AWS's, which could not be read".to_owned()].into());
}

#[test]
fn what_is_not_certain_is_a_doubt() {
    let mut place = Surroundings::of("aws", ACCOUNT);
    let sometimes = json!({ "IpAddress": { "aws:SourceIp": "192.0.2.0/24" } });
    let policies = set(&[statement("Allow", "iam:PutUserPolicy", "*", sometimes)]);
    assert!(place.escalations(&policies).is_empty());
    assert_eq!(place.doubts(&policies), ["aws:SourceIp".to_owned()].into());
    // With a boundary that is asked for, and on what a limited policy is limited to, there is none.
    let boundary = Some(arn("policy/edge"));
    let scope = PolicyScope {
        paths: vec!["/idm/".into()],
        groups: vec!["/idm/*".into()],
        policies: vec![arn("policy/idm/*")],
        protected: vec![keyreeve_model::ProtectionKind::Tag("keep".into())],
        ..PolicyScope::new(Full, "aws")
    };
    for scope in [PolicyScope { boundary, ..scope.clone() }, scope] {
        let texts = scope.documents().unwrap();
        let documents: Vec<serde_json::Value> =
            texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        let policies = set(&documents);
        assert!(place.escalations(&policies).is_empty() && place.doubts(&policies).is_empty());
        // What could not be read counts where it can be reached.
        let unread = |arn: String, by: &str| Administrator { arn, by: by.to_owned() };
        place.unread = vec![
            unread(arn("user/idm/eve"), "Inner"),
            unread(arn("user/other/eve"), "Outer"),
            unread(arn("group/idm/g"), "OfGroup"),
            unread(arn("policy/idm/p"), ""),
            unread(arn("policy/other"), ""),
        ];
        let doubts = place.doubts(&policies).into_iter().collect::<Vec<_>>().join("; ");
        for (word, said) in [
            ("Inner", true),
            ("Outer", false),
            ("OfGroup", true),
            ("policy/idm/p", true),
            ("policy/other", false),
        ] {
            assert_eq!(doubts.contains(word), said, "{word}: {doubts}");
        }
        place.unread.clear();
    }
}

#[test]
fn iam_alone_makes_an_administrator_and_everything_but_iam_does_not() {
    let place = Surroundings::of("aws", ACCOUNT);
    for (action, makes) in
        [("*", true), ("iam:*", true), ("iam:Put*", true), ("iam:Get*", false), ("s3:*", false)]
    {
        let policies = set(&[statement("Allow", action, "*", json!(null))]);
        assert_eq!(place.makes_administrator(&policies), makes, "{action}");
    }
    let power = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*" },
    ] });
    assert!(!place.makes_administrator(&set(&[power])));
}

#[test]
fn each_way_alone_is_named_and_what_is_not_certain_is_not() {
    let granting = |action: &str, condition: serde_json::Value| {
        let mut statement = json!({ "Effect": "Allow", "Action": action, "Resource": "*" });
        if !condition.is_null() {
            statement["Condition"] = condition;
        }
        vec![json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()]
    };
    let others = ["iam:AddUserToGroup", "iam:PassRole", "iam:UpdateAssumeRolePolicy", "sts:AssumeRole"];
    let ways = SOMEWHERE.map(|(action, ..)| action).into_iter();
    let ways = ways.chain(ATTACHING.map(|(action, _)| action));
    for action in ways.chain(ON_ANY_USER.map(|(action, _)| action)).chain(others) {
        assert_eq!(found(&granting(action, json!(null)), &[]), [action]);
        let sometimes = json!({ "IpAddress": { "aws:SourceIp": "192.0.2.0/24" } });
        assert!(found(&granting(action, sometimes), &[]).is_empty(), "{action}");
    }
    assert_eq!(found(&granting("*", json!(null)), &[]), ["*"]);
    assert!(found(&granting("iam:List*", json!(null)), &[]).is_empty());
}
