use std::collections::BTreeSet;

use keyreeve_model::PermissionProfile::{self, Full, Lifecycle, Read, Reference};
use keyreeve_policy::{Context, Document, Policy, PolicySet, Request, Target, Verdict, evaluate};

use super::document::MANAGED_POLICY_SIZE;
use super::*;
use crate::permissions::actions::IAM_ACTIONS;
use crate::permissions::profile::EXTRA_FULL_ACTIONS;

const ACCOUNT: &str = "123456789012";

fn scope(profile: PermissionProfile) -> PolicyScope {
    PolicyScope::new(profile, "aws")
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

fn only(scope: &PolicyScope) -> serde_json::Value {
    let documents = scope.documents().unwrap();
    assert_eq!(documents.len(), 1);
    json(&documents[0])
}

fn policies(scope: &PolicyScope) -> PolicySet {
    let read = |text: &String| {
        assert!(text.is_ascii() && text.ends_with("}\n"));
        let size = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).count();
        assert!(size <= MANAGED_POLICY_SIZE, "{size}");
        Policy::new("p", Document::parse(text).unwrap())
    };
    PolicySet { identity: scope.documents().unwrap().iter().map(read).collect(), ..PolicySet::default() }
}

#[test]
fn the_reference_policy_is_the_one_of_the_reference_behaviour() {
    for partition in PARTITIONS {
        let arn = |kind: &str| format!("arn:{partition}:iam::*:{kind}/*");
        let expected = serde_json::json!({
            "Version": "2012-10-17",
            "Statement": [
                { "Sid": "KeyreeveRead", "Effect": "Allow", "Action": READ_ACTIONS, "Resource": ["*"] },
                { "Sid": "KeyreeveUsers", "Effect": "Allow", "Resource": [arn("user")],
                  "Action": ["iam:CreateUser", "iam:DeleteUser", "iam:CreateLoginProfile",
                             "iam:UpdateLoginProfile", "iam:DeleteLoginProfile"] },
                { "Sid": "KeyreeveAssignments", "Effect": "Allow",
                  "Action": ["iam:AddUserToGroup", "iam:RemoveUserFromGroup", "iam:AttachUserPolicy",
                             "iam:DetachUserPolicy"],
                  "Resource": [arn("user"), arn("group"), arn("policy")] },
            ]
        });
        assert_eq!(only(&PolicyScope::new(Reference, partition)), expected);
    }
    assert_eq!(REFERENCE_ACTIONS.iter().collect::<BTreeSet<_>>().len(), 14);
    assert_eq!(REFERENCE_ACTIONS[..5], READ_ACTIONS);
}

/// The scopes that are tried, and what is in and out of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Everywhere,
    Path,
    All,
    Bounded,
    OwnKey,
}

const HOWS: [How; 5] = [How::Everywhere, How::Path, How::All, How::Bounded, How::OwnKey];

fn scoped(profile: PermissionProfile, partition: &str, how: How) -> PolicyScope {
    let mut scope = PolicyScope { account_id: Some(ACCOUNT.into()), ..PolicyScope::new(profile, partition) };
    let arn = |resource: &str| format!("arn:{partition}:iam::{ACCOUNT}:{resource}");
    let changes = profile != Read;
    if how != How::Everywhere && changes {
        scope.paths = vec!["/idm/".into()];
    }
    if matches!(how, How::All | How::Bounded | How::OwnKey) {
        scope.connector = vec!["connector".into()];
        if changes {
            scope.groups = vec!["/idm/*".into(), "reader".into()];
            scope.policies = vec![arn("policy/idm/*")];
            scope.break_glass = vec!["/idm/glass/*".into(), "last".into()];
            scope.protected = vec![ProtectionKind::Path("/idm/bo".into())];
        }
    }
    scope.rotate_own_key = how == How::OwnKey;
    scope.boundary = (how == How::Bounded).then(|| arn("policy/idm-boundary"));
    scope
}

/// What is asked, with what it means for the scopes.
struct Thing {
    resource: &'static str,
    /// Within `/idm/`.
    inside: bool,
    /// The connector itself, or an account that must not be changed.
    itself: bool,
    never: bool,
}

const fn thing(resource: &'static str, inside: bool) -> Thing {
    Thing { resource, inside, itself: false, never: false }
}

const THINGS: [Thing; 17] = [
    thing("user/idm/ada", true),
    thing("user/idm/deep/er/ada", true),
    thing("user/ada", false),
    thing("user/idmx/ada", false),
    thing("user/idm", false),
    // Its path does not begin with /idm/bo, although its ARN does.
    thing("user/idm/bob", true),
    Thing { itself: true, ..thing("user/idm/connector", true) },
    Thing { itself: true, ..thing("user/connector", false) },
    Thing { never: true, ..thing("user/idm/glass/eve", true) },
    Thing { never: true, ..thing("user/idm/last", true) },
    Thing { never: true, ..thing("user/idm/board/chair", true) },
    thing("group/idm/staff", true),
    thing("group/elsewhere/reader", true),
    thing("group/admins", false),
    thing("policy/idm/some", true),
    thing("role/idm/some", true),
    thing("mfa/idm/some", true),
];

/// What a request brings along.
#[derive(Clone, Copy)]
struct With {
    policy: &'static str,
    allowed: bool,
    boundary: Option<bool>,
}

fn withs(action: &str) -> Vec<With> {
    let one = With { policy: "", allowed: true, boundary: None };
    match action {
        "iam:AttachUserPolicy" | "iam:DetachUserPolicy" => {
            let boundaries = [None, Some(true), Some(false)];
            let policies = [
                ("own:idm/reading", true),
                ("aws:IAMUserChangePassword", true),
                ("aws:AdministratorAccess", false),
                ("own:other", false),
            ];
            let all = policies
                .map(|(policy, allowed)| boundaries.map(|boundary| With { policy, allowed, boundary }));
            all.concat()
        }
        "iam:CreateUser" | "iam:PutUserPermissionsBoundary" | "iam:DeleteUserPermissionsBoundary" => {
            [None, Some(true), Some(false)].map(|boundary| With { boundary, ..one }).to_vec()
        }
        _ => vec![one],
    }
}

fn context(partition: &str, with: With) -> Context {
    let mut context = Context::closed();
    if let Some(name) = with.policy.strip_prefix("own:") {
        context = context.with("iam:PolicyARN", format!("arn:{partition}:iam::{ACCOUNT}:policy/{name}"));
    } else if let Some(name) = with.policy.strip_prefix("aws:") {
        context = context.with("iam:PolicyARN", format!("arn:{partition}:iam::aws:policy/{name}"));
    }
    if let Some(right) = with.boundary {
        let name = if right { "idm-boundary" } else { "wider" };
        context =
            context.with("iam:PermissionsBoundary", format!("arn:{partition}:iam::{ACCOUNT}:policy/{name}"));
    }
    context
}

/// What the policy must say, worked out without it.
fn expected(
    profile: PermissionProfile,
    how: How,
    action: &str,
    kind: &str,
    thing: &Thing,
    with: With,
) -> bool {
    let everything = matches!(how, How::All | How::Bounded | How::OwnKey);
    let own_keys =
        ["iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:UpdateAccessKey", "iam:ListAccessKeys"];
    if how == How::OwnKey && thing.itself && own_keys.contains(&action) {
        return true;
    }
    let bounded = how == How::Bounded;
    let granted = profile_actions(profile).contains(&action)
        || (bounded && profile == Lifecycle && action == "iam:PutUserPermissionsBoundary");
    if !granted || (bounded && action == "iam:DeleteUserPermissionsBoundary") {
        return false;
    }
    match kind {
        "mfa" => true,
        "group" => !everything || thing.inside,
        _ if ["iam:GetUser", "iam:GetLoginProfile"].contains(&action) => true,
        _ => {
            let reads = action.starts_with("iam:Get") || action.starts_with("iam:List");
            let conditioned = ["iam:CreateUser", "iam:PutUserPermissionsBoundary", "iam:AttachUserPolicy"];
            (how == How::Everywhere || thing.inside)
                && (!everything || reads || !(thing.itself || thing.never))
                && (!everything || with.allowed)
                && (!bounded || !conditioned.contains(&action) || with.boundary == Some(true))
        }
    }
}

#[test]
fn each_policy_grants_what_its_features_need_and_no_other_action_of_iam() {
    let mut asked = 0;
    for partition in PARTITIONS {
        for (profile, how) in
            [Read, Reference, Lifecycle, Full].into_iter().flat_map(|p| HOWS.map(|how| (p, how)))
        {
            // Partitions differ in nothing but the beginning of ARNs.
            let tried = partition == "aws" || how == How::All;
            if !tried || (how == How::Bounded && !matches!(profile, Lifecycle | Full)) {
                continue;
            }
            let set = policies(&scoped(profile, partition, how));
            for (action, kinds) in IAM_ACTIONS.iter() {
                let action = format!("iam:{action}");
                let mut ask = |target: Target, with: With, expected: bool| {
                    let request = Request::new(&action).on(target).within(context(partition, with));
                    let decision = evaluate(&set, &request);
                    let verdict = if expected { Verdict::Allow } else { Verdict::Deny };
                    assert_eq!(decision.verdict, verdict, "{profile:?} {how:?} {request:?}");
                    asked += 1;
                };
                if kinds.is_empty() {
                    ask(Target::NoResource, withs(&action)[0], profile_actions(profile).contains(&&*action));
                }
                for kind in kinds {
                    let named = |thing: &&Thing| thing.resource.split('/').next() == Some(kind);
                    for thing in THINGS.iter().filter(named) {
                        for with in withs(&action) {
                            let arn = format!("arn:{partition}:iam::{ACCOUNT}:{}", thing.resource);
                            let mut expected = expected(profile, how, &action, kind, thing, with);
                            // The listings of the reference policy are granted on `*`.
                            expected |= profile == Reference && READ_ACTIONS.contains(&&*action);
                            ask(Target::Arn(arn), with, expected);
                        }
                    }
                }
            }
        }
    }
    assert!(asked > 40_000, "{asked}");
}

#[test]
fn without_an_account_the_policy_is_for_whichever_it_is_attached_in() {
    let set = policies(&PolicyScope { paths: vec!["/idm/".into()], ..scope(Lifecycle) });
    let ask = |arn: &str| evaluate(&set, &Request::new("iam:DeleteUser").on(Target::Arn(arn.into()))).verdict;
    assert_eq!(ask("arn:aws:iam::111122223333:user/idm/ada"), Verdict::Allow);
    assert_eq!(ask("arn:aws:iam::111122223333:user/ada"), Verdict::Deny);
    assert_eq!(ask("arn:aws-cn:iam::111122223333:user/idm/ada"), Verdict::Deny);
}

#[test]
fn the_settings_of_a_system_decide_which_policies_may_be_attached() {
    let own = format!("arn:aws:iam::{ACCOUNT}:policy/idm/*");
    let deny_all = format!("arn:aws:iam::{ACCOUNT}:policy/nothing");
    let base = PolicyScope { policies: vec![own.clone()], ..scope(Lifecycle) };
    let arns = |scope: &PolicyScope| {
        let statements = only(scope)["Statement"].as_array().unwrap().clone();
        let of = |sid: &str| {
            statements.iter().find(|one| one["Sid"] == sid).unwrap()["Condition"]["ArnLike"].clone()
        };
        assert_eq!(of("KeyreeveAttach"), of("KeyreeveDetach"));
        of("KeyreeveAttach")["iam:PolicyARN"].clone()
    };
    let change_password = "arn:aws:iam::aws:policy/IAMUserChangePassword";
    assert_eq!(arns(&base), serde_json::json!([own, change_password]));
    let strict = PolicyScope { change_password: false, deny_all_policy: Some(deny_all.clone()), ..base };
    assert_eq!(arns(&strict), serde_json::json!([own, deny_all]));
}

#[test]
fn protected_tags_deny_changes_of_whoever_has_them() {
    let protected =
        vec![ProtectionKind::Tag("keep=for ever".into()), ProtectionKind::Tag("h\u{e9}ld".into())];
    let set = policies(&PolicyScope { protected, ..scope(Full) });
    let ask = |action: &str, key: &str, value: &str| {
        let context = Context::closed().with(&format!("aws:ResourceTag/{key}"), value);
        let user = Target::Arn(format!("arn:aws:iam::{ACCOUNT}:user/ada"));
        evaluate(&set, &Request::new(action).on(user).within(context)).verdict
    };
    assert_eq!(ask("iam:UntagUser", "keep", "for ever"), Verdict::Deny);
    assert_eq!(ask("iam:UntagUser", "keep", "a day"), Verdict::Allow);
    assert_eq!(ask("iam:DeleteUser", "h\u{e9}ld", "x"), Verdict::Deny);
    assert_eq!(ask("iam:GetUser", "keep", "for ever"), Verdict::Allow);
}

#[test]
fn a_prefix_of_paths_is_meant_as_it_stands() {
    let protected = vec![ProtectionKind::Path("/a*b/".into()), ProtectionKind::Path("/te".into())];
    let set = policies(&PolicyScope { protected, ..scope(Full) });
    let ask = |user: &str| {
        let arn = format!("arn:aws:iam::{ACCOUNT}:user/{user}");
        evaluate(&set, &Request::new("iam:DeleteUser").on(Target::Arn(arn))).verdict
    };
    for denied in ["a*b/x", "a*b/c/x", "te/x", "team/x"] {
        assert_eq!(ask(denied), Verdict::Deny, "{denied}");
    }
    for allowed in ["axb/x", "ab/x", "ted", "other/te"] {
        assert_eq!(ask(allowed), Verdict::Allow, "{allowed}");
    }
}

#[test]
fn what_is_too_large_for_one_policy_is_split_and_says_the_same() {
    let groups: Vec<String> = (0..150).map(|n| format!("group-of-people-number-{n}")).collect();
    let arn = |n: usize| format!("arn:aws:iam::{ACCOUNT}:policy/idm/policy-with-a-long-name-number-{n}");
    let scope = PolicyScope {
        paths: vec!["/idm/".into()],
        groups: groups.clone(),
        policies: (0..100).map(arn).collect(),
        break_glass: (0..60).map(|n| format!("break-glass-account-number-{n}")).collect(),
        ..scope(Lifecycle)
    };
    let documents = scope.documents().unwrap();
    assert!((3..=10).contains(&documents.len()), "{}", documents.len());
    let sids: Vec<String> = json(&documents[1])["Statement"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["Sid"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(sids.iter().collect::<BTreeSet<_>>().len(), sids.len(), "{sids:?}");
    let set = policies(&scope);
    let ask = |action: &str, resource: &str, context: Context| {
        let target = Target::Arn(format!("arn:aws:iam::{ACCOUNT}:{resource}"));
        evaluate(&set, &Request::new(action).on(target).within(context)).verdict
    };
    for group in groups.iter().step_by(7) {
        assert_eq!(ask("iam:AddUserToGroup", &format!("group/{group}"), Context::closed()), Verdict::Allow);
    }
    assert_eq!(ask("iam:AddUserToGroup", "group/admins", Context::closed()), Verdict::Deny);
    for n in (0..100).step_by(9) {
        let context = Context::closed().with("iam:PolicyARN", arn(n));
        assert_eq!(ask("iam:AttachUserPolicy", "user/idm/ada", context.clone()), Verdict::Allow);
        assert_eq!(ask("iam:AttachUserPolicy", "user/ada", context), Verdict::Deny);
    }
    for n in (0..60).step_by(7) {
        let user = format!("user/idm/break-glass-account-number-{n}");
        assert_eq!(ask("iam:DeleteUser", &user, Context::closed()), Verdict::Deny);
    }
    let many = PolicyScope { groups: (0..2000).map(|n| format!("group-of-people-{n}")).collect(), ..scope };
    assert!(matches!(many.documents(), Err(PolicyError::TooLarge(_))));
}

#[test]
fn what_cannot_be_meant_is_refused_with_the_option() {
    let with = |change: &dyn Fn(&mut PolicyScope)| {
        let mut scope = PolicyScope { account_id: Some(ACCOUNT.into()), ..scope(Full) };
        change(&mut scope);
        scope.documents().map_err(|error| error.to_string())
    };
    type Put = fn(&mut PolicyScope, String);
    let path: Put = |scope, given| scope.paths = vec![given];
    let groups: Put = |scope, given| scope.groups = vec![given];
    let policies: Put = |scope, given| scope.policies = vec![given];
    let boundary: Put = |scope, given| scope.boundary = Some(given);
    let connector: Put = |scope, given| scope.connector = vec![given];
    let glass: Put = |scope, given| scope.break_glass = vec![given];
    for (put, name, good, bad) in [
        (
            path,
            "--path",
            &["/idm/", "/idm/*", "/", "/a//b/"][..],
            &[
                "",
                "idm",
                "/idm",
                "idm/",
                "/i*m/",
                "/i?m/",
                "/i m/",
                "/\u{e9}/",
                "/${aws:username}/",
                "/idm/**",
            ][..],
        ),
        (
            groups,
            "--groups",
            &["staff", "/idm/*", "arn:aws:iam::123456789012:group/idm/*"],
            &[
                "",
                "st*ff",
                "/st*ff/*",
                "a b",
                "arn:aws:iam::123456789012:user/x",
                "arn:aws-cn:iam::123456789012:group/x",
                "arn:aws:iam::210987654321:group/x",
                "arn:aws:iam::aws:group/x",
                "arn:aws:iam::123456789012:group/${a}",
            ],
        ),
        (
            policies,
            "--policies",
            &["arn:aws:iam::123456789012:policy/idm/*", "arn:aws:iam::aws:policy/ReadOnlyAccess"],
            &[
                "ReadOnlyAccess",
                "*",
                "arn:aws:iam::210987654321:policy/x",
                "arn:aws-cn:iam::aws:policy/x",
                "arn:aws:iam::123456789012:group/x",
                "arn:aws:iam::*:policy/x",
                "arn:aws:iam::123456789012:policy/",
            ],
        ),
        (
            boundary,
            "--boundary",
            &["arn:aws:iam::123456789012:policy/b"],
            &["b", "arn:aws:iam::123456789012:policy/*", "arn:aws:iam::210987654321:policy/b"],
        ),
        (
            connector,
            "--connector",
            &[
                "keyreeve",
                "arn:aws:iam::123456789012:user/a/b",
                "arn:aws:iam::123456789012:role/r",
                "arn:aws:sts::123456789012:assumed-role/r/session",
            ],
            &[
                "",
                "*",
                "/a/*",
                "arn:aws:iam::123456789012:user/*",
                "arn:aws:iam::123456789012:group/g",
                "arn:aws:iam::210987654321:user/b",
                "arn:aws:sts::210987654321:assumed-role/r/s",
            ],
        ),
        (
            glass,
            "--break-glass",
            &["eve", "/glass/*", "arn:aws:iam::123456789012:user/eve"],
            &["", "e*e", "arn:aws:iam::123456789012:role/r"],
        ),
    ] {
        for good in good {
            with(&|scope| put(scope, (*good).into())).unwrap();
        }
        for bad in bad {
            let error = with(&|scope| put(scope, (*bad).into())).unwrap_err();
            assert!(error.contains(name), "{name} {bad:?}: {error}");
        }
    }
    let long = format!("/{}/", "x".repeat(511));
    assert!(with(&|scope| path(scope, long.clone())).is_err());
}

#[test]
fn partition_account_and_options_without_use_are_refused() {
    for bad in ["", "AWS", "aws-", "-aws", "azure", "aws cn", "aws\"", "aws:iam"] {
        assert_eq!(PolicyScope::new(Read, bad).documents(), Err(PolicyError::Partition(bad.into())));
    }
    let account = |id: &str| PolicyScope { account_id: Some(id.into()), ..scope(Read) }.documents();
    assert_eq!(account("123"), Err(PolicyError::Account("123".into())));
    let boundary = Some("arn:aws:iam::123456789012:policy/b".to_owned());
    for useless in [
        PolicyScope { paths: vec!["/idm/".into()], ..scope(Read) },
        PolicyScope { break_glass: vec!["eve".into()], ..scope(Read) },
        PolicyScope { boundary, ..scope(Reference) },
        PolicyScope { rotate_own_key: true, ..scope(Full) },
    ] {
        assert!(matches!(useless.documents(), Err(PolicyError::Useless { .. })), "{useless:?}");
    }
}

#[test]
fn the_actions_of_the_profiles_are_actions_of_iam() {
    let known: BTreeSet<String> = IAM_ACTIONS.iter().map(|(action, _)| format!("iam:{action}")).collect();
    assert!(known.len() > 185);
    assert!(profile_actions(Full).iter().chain(&EXTRA_FULL_ACTIONS).all(|action| known.contains(*action)));
}
