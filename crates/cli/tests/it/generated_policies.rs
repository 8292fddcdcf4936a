//! What the policies of `policy generate` let the connector do, and what not, by the sandbox's evaluation: every feature
//! that a profile is for works, every other action of IAM is refused, and so is everything beyond the limits given. What
//! is to be refused is sent by a client of the tests' own, past Keyreeve's own protections.

use std::collections::BTreeSet;

use keyreeve_aws::{EXTRA_FULL_ACTIONS, profile_actions};
use keyreeve_model::PermissionProfile::{self, Full, Lifecycle, Read, Reference};
use keyreeve_sandbox::{AccountSeed, ConnectorPolicy, Effect, FaultRule, Mutation, Options, Phase};
use serde_json::{Value, json};

use crate::harness::{ACCOUNT, Place, SYSTEM};
use crate::raw::{Answer, Raw};

const CONNECTOR: &str = "keyreeve-connector";
/// Every action of IAM, as AWS lists them.
const ACTIONS: &str = include_str!("../../../sandbox/data/iam-actions.txt");

fn arn(resource: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:{resource}")
}

/// A sandbox that takes unsigned calls, with a system of this profile.
fn place(profile: PermissionProfile) -> Place {
    let place = Place::with_options(Options {
        accounts: vec![AccountSeed::empty(ACCOUNT)],
        verify_signatures: false,
        ..Options::default()
    });
    place.run(&["init"]).code(0);
    place.add(SYSTEM, ACCOUNT).code(0);
    place.run(&["import", "profile", "set", SYSTEM, "default", "policy_scope=customer"]).code(0);
    place.run(&["system", "set", SYSTEM, &format!("permission_profile={}", profile.as_str())]).code(0);
    place
}

/// Lets the connector do what `policy generate` prints for these arguments, and nothing else.
fn permit(place: &Place, arguments: &[&str]) {
    let printed = place.run(&[&["policy", "generate"], arguments].concat()).code(0).json();
    let documents = match printed {
        Value::Array(documents) => documents,
        document => vec![document],
    };
    let documents = documents.iter().map(Value::to_string).collect();
    place.sandbox.permit_connector(ACCOUNT, &ConnectorPolicy::Documents(documents)).unwrap();
}

fn connector(place: &Place) -> Raw {
    let access_key_id = place.key(ACCOUNT).access_key_id;
    Raw { endpoint: place.sandbox.endpoint_url(), access_key_id }
}

fn make_user(name: &str, path: &str, boundary: Option<&str>) -> Mutation {
    let (name, path, boundary) = (name.to_owned(), path.to_owned(), boundary.map(str::to_owned));
    Mutation::CreateUser { name, path, tags: Vec::new(), boundary }
}

fn make_group(name: &str, path: &str) -> Mutation {
    Mutation::CreateGroup { name: name.to_owned(), path: path.to_owned() }
}

fn make_policy(name: &str, path: &str) -> Mutation {
    let statement = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"});
    let document = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    Mutation::CreatePolicy { name: name.to_owned(), path: path.to_owned(), document }
}

#[test]
fn each_profile_is_refused_every_action_that_it_does_not_promise_and_none_that_it_does() {
    for profile in [Reference, Read, Lifecycle, Full] {
        let place = place(profile);
        permit(&place, &["--profile", profile.as_str()]);
        let raw = connector(&place);
        let promised = profile_actions(profile);
        let policy = arn("policy/own");
        let (mut refused, mut allowed) = (0, 0);
        for line in ACTIONS.lines().filter(|line| !line.starts_with('#')) {
            let action = line.split(' ').next().unwrap();
            // Anew for each, because what is allowed is carried out.
            let _ = place.sandbox.mutate(ACCOUNT, &[make_user("ada", "/", None)]);
            let _ = place.sandbox.mutate(ACCOUNT, &[make_group("devs", "/"), make_policy("own", "/")]);
            let mut params = vec![
                ("UserName", "ada"),
                ("GroupName", "devs"),
                ("RoleName", "keyreeve-reader"),
                ("PolicyName", "own"),
                ("PolicyArn", policy.as_str()),
                ("VirtualMFADeviceName", "ada"),
                ("SerialNumber", "arn:aws:iam::123456789012:mfa/ada"),
            ];
            params.extend(action.contains("Boundary").then_some(("PermissionsBoundary", policy.as_str())));
            let answer = raw.iam(action, &params);
            let promised = promised.contains(&format!("iam:{action}").as_str());
            match answer.code() {
                "InvalidAction" => assert!(!promised, "{action} is not played by the sandbox"),
                "AccessDenied" => {
                    refused += 1;
                    let refusal = place.sandbox.trace().pop().unwrap().refusal;
                    assert!(refusal.is_some() && !promised, "{profile:?} is refused {action}: {refusal:?}");
                }
                code => {
                    allowed += 1;
                    assert!(promised, "{profile:?} may {action}: {code}");
                }
            }
        }
        assert_eq!(allowed, promised.len(), "{profile:?}");
        assert!(refused >= 80 - promised.len(), "{profile:?}: {refused}");
    }
}

/// A change, carried out to its end.
#[track_caller]
fn change(place: &Place, arguments: &[&str]) {
    let job = place.run(&[arguments, &["--yes", "--output", "json"]].concat()).code(0).json();
    assert_eq!(job["state"], "succeeded", "{job:#}");
}

#[track_caller]
fn import(place: &Place) {
    let run = place.run(&["import", "run", SYSTEM, "--output", "json"]).code(0).json();
    assert_eq!((&run["state"], &run["warnings"]), (&json!("published"), &json!([])), "{run:#}");
}

/// No call of the connector was refused by its policies.
#[track_caller]
fn nothing_was_refused(place: &Place) {
    let own = Some(place.key(ACCOUNT).access_key_id);
    let trace = place.sandbox.trace();
    let refused: Vec<_> = trace
        .iter()
        .filter(|call| call.access_key_id == own)
        .filter_map(|call| call.refusal.as_ref())
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn the_policy_for_reading_is_enough_for_an_import_with_all_it_can_see() {
    let place = place(Read);
    permit(&place, &["--profile", "read", "--connector", CONNECTOR]);
    place.mutate(&[make_user("ada", "/", None), Mutation::CreateAccessKey { user: "ada".into() }]);
    place.sandbox.clear_trace();
    import(&place);
    let ada = place.json(&["account", "show", SYSTEM, "ada"]);
    assert_eq!(ada["access_keys"][0]["active"], true, "{ada:#}");
    place.run(&["system", "check", SYSTEM]).code(0);
    nothing_was_refused(&place);
}

/// Everything that the life cycle has, on an account with everything that blocks a deletion.
fn whole_life(place: &Place, profile: PermissionProfile, boundary: Option<&str>) {
    let policy = arn("policy/idm/own");
    let create =
        ["account", "create", SYSTEM, "--name", "life", "--path", "/idm/staff/", "--tag", "team=data"];
    let boundary = boundary.map(|arn| ["--boundary", arn]);
    change(place, &[&create[..], boundary.as_ref().map_or(&[], |words| words.as_slice())].concat());
    import(place);
    let of = ["--account", "life"];
    // Answers are lost, too.
    for action in ["AddUserToGroup", "AttachUserPolicy"] {
        let lost = FaultRule::new(action, Effect::Reset).phase(Phase::AfterApply);
        place.sandbox.add_fault(lost.times(1).min_fires(1));
    }
    change(place, &[&["assignment", "add", SYSTEM], &of[..], &["--group", "idm-staff"]].concat());
    change(place, &[&["assignment", "add", SYSTEM], &of[..], &["--policy", &policy]].concat());
    import(place);
    change(place, &["account", "reset-password", SYSTEM, "life"]);
    let user = || "life".to_owned();
    place.mutate(&[
        Mutation::CreateAccessKey { user: user() },
        Mutation::AddMfa { user: user(), is_virtual: true },
        Mutation::AddSshKey { user: user() },
        Mutation::AddSigningCertificate { user: user() },
        Mutation::AddServiceCredential { user: user() },
        Mutation::PutUserInline { user: user(), name: "extra".into(), document: "{}".into() },
    ]);
    change(place, &["account", "deactivate", SYSTEM, "life"]);
    change(place, &["account", "reactivate", SYSTEM, "life"]);
    let update = ["account", "update", SYSTEM, "life", "--new-name", "lives", "--new-path", "/idm/ops/"];
    change(place, &[&update[..], &["--tag", "team=ops"]].concat());
    change(place, &["account", "update", SYSTEM, "lives", "--untag", "team"]);
    if profile == Full && boundary.is_none() {
        change(place, &["account", "update", SYSTEM, "lives", "--boundary", BOUNDARY]);
        change(place, &["account", "update", SYSTEM, "lives", "--boundary", "none"]);
    }
    let of = ["--account", "lives"];
    change(place, &[&["assignment", "remove", SYSTEM], &of[..], &["--group", "idm-staff"]].concat());
    change(place, &[&["assignment", "remove", SYSTEM], &of[..], &["--policy", &policy]].concat());
    import(place);
    change(place, &[&["assignment", "add", SYSTEM], &of[..], &["--group", "idm-staff"]].concat());
    change(place, &["account", "delete", SYSTEM, "lives"]);
    import(place);
    nothing_was_refused(place);
    assert!(place.sandbox.unfired().is_empty());
}

const BOUNDARY: &str = "arn:aws:iam::123456789012:policy/idm-boundary";

/// The arguments that limit a profile to a path.
fn limits(boundary: bool) -> Vec<&'static str> {
    let mut limits = vec![
        "--account-id",
        ACCOUNT,
        "--path",
        "/idm/",
        "--groups",
        "/idm/*",
        "--policies",
        "arn:aws:iam::123456789012:policy/idm/*",
        "--connector",
        CONNECTOR,
        "--break-glass",
        "/idm/glass/*",
        "--break-glass",
        "/glass/*",
    ];
    limits.extend(if boundary { &["--boundary", BOUNDARY][..] } else { &[] });
    limits
}

#[test]
fn the_whole_life_cycle_runs_within_the_limits() {
    for (profile, boundary) in [(Lifecycle, None), (Full, None), (Full, Some(BOUNDARY))] {
        let place = place(profile);
        let things =
            [make_group("idm-staff", "/idm/"), make_policy("own", "/idm/"), make_policy("idm-boundary", "/")];
        place.mutate(&things);
        permit(&place, &[&["--profile", profile.as_str()], limits(boundary.is_some()).as_slice()].concat());
        place.sandbox.clear_trace();
        import(&place);
        whole_life(&place, profile, boundary);
        let called: BTreeSet<String> =
            place.sandbox.trace().iter().map(|call| format!("iam:{}", call.action)).collect();
        let promised = profile_actions(profile);
        let unused: Vec<&str> = promised.into_iter().filter(|action| !called.contains(*action)).collect();
        // Under a boundary users are made with it, and it is never taken away.
        let expected = if boundary.is_some() { EXTRA_FULL_ACTIONS.as_slice() } else { &[] };
        assert_eq!(unused, expected, "{profile:?} {boundary:?}");
    }
}

/// A sandbox for what is forbidden: users inside and outside, an administrator, break-glass accounts, and everything
/// that could be misused.
fn guarded() -> Place {
    let place = place(Lifecycle);
    let administrator = || "arn:aws:iam::aws:policy/AdministratorAccess".to_owned();
    let profile = |user: &str| Mutation::CreateLoginProfile { user: user.to_owned(), reset_required: false };
    let attach = |user: &str, arn: String| Mutation::AttachUserPolicy { user: user.to_owned(), arn };
    let key = |user: &str| Mutation::CreateAccessKey { user: user.to_owned() };
    place.mutate(&[
        make_policy("own", "/idm/"),
        make_policy("idm-boundary", "/"),
        make_policy("wider", "/idm/"),
        make_group("idm-staff", "/idm/"),
        make_group("admins", "/"),
        Mutation::AttachGroupPolicy { group: "admins".into(), arn: administrator() },
        make_user("ada", "/idm/", Some(BOUNDARY)),
        make_user("free", "/idm/", None),
        make_user("bob", "/staff/", Some(BOUNDARY)),
        make_user("near", "/idmx/", Some(BOUNDARY)),
        make_user("boss", "/", None),
        make_user("glass", "/idm/glass/", Some(BOUNDARY)),
        make_user("eve", "/glass/", Some(BOUNDARY)),
        profile("bob"),
        profile("boss"),
        profile("glass"),
        attach("ada", administrator()),
        attach("bob", arn("policy/idm/own")),
        attach("boss", administrator()),
        key("ada"),
        key("boss"),
        Mutation::AddToGroup { user: "ada".into(), group: "admins".into() },
    ]);
    permit(&place, &[&["--profile", "lifecycle"], limits(true).as_slice()].concat());
    place
}

/// An action, its parameters, and a part of the resource.
type Forbidden = (&'static str, Vec<(&'static str, String)>, &'static str);

/// What somebody with the connector's key must not be able to do, and the part of the refusal's resource that says on
/// what.
fn forbidden() -> Vec<Forbidden> {
    let params = |line: &str| -> Vec<(&'static str, String)> {
        let names = [
            "UserName",
            "Path",
            "NewPath",
            "NewUserName",
            "GroupName",
            "PolicyArn",
            "PolicyName",
            "RoleName",
            "PermissionsBoundary",
            "Password",
            "PolicyDocument",
            "AccessKeyId",
            "Status",
            "VersionId",
            "Tags.member.1.Key",
            "Tags.member.1.Value",
            "TagKeys.member.1",
            "SetAsDefault",
            "SerialNumber",
        ];
        let pair = |word: &str| {
            let (name, value) = word.split_once('=').unwrap();
            let name = names.into_iter().find(|known| *known == name).unwrap();
            let value = value
                .replace("(boundary)", BOUNDARY)
                .replace("(admin)", "arn:aws:iam::aws:policy/AdministratorAccess")
                .replace("(own)", &arn("policy/idm/own"))
                .replace("(wider)", &arn("policy/idm/wider"))
                .replace("(all)", r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#);
            (name, value)
        };
        line.split(' ').filter(|word| !word.is_empty()).map(pair).collect()
    };
    [
        // Another path.
        ("CreateUser", "UserName=new Path=/ PermissionsBoundary=(boundary)", "user/new"),
        ("CreateUser", "UserName=new Path=/staff/ PermissionsBoundary=(boundary)", "user/staff/new"),
        ("CreateUser", "UserName=new Path=/idmx/ PermissionsBoundary=(boundary)", "user/idmx/new"),
        ("CreateUser", "UserName=idm PermissionsBoundary=(boundary)", "user/idm"),
        ("DeleteUser", "UserName=bob", "user/staff/bob"),
        ("DeleteUser", "UserName=near", "user/idmx/near"),
        ("CreateLoginProfile", "UserName=near Password=Correct-horse-1", "user/idmx/near"),
        ("UpdateLoginProfile", "UserName=boss Password=Correct-horse-1", "user/boss"),
        ("DeleteLoginProfile", "UserName=bob", "user/staff/bob"),
        ("AttachUserPolicy", "UserName=bob PolicyArn=(own)", "user/staff/bob"),
        ("DetachUserPolicy", "UserName=bob PolicyArn=(own)", "user/staff/bob"),
        ("TagUser", "UserName=bob Tags.member.1.Key=a Tags.member.1.Value=b", "user/staff/bob"),
        ("UntagUser", "UserName=boss TagKeys.member.1=a", "user/boss"),
        ("ListAccessKeys", "UserName=boss", "user/boss"),
        // Out of the path, and into it.
        ("UpdateUser", "UserName=ada NewPath=/", "user/ada"),
        ("UpdateUser", "UserName=ada NewPath=/staff/ NewUserName=bab", "user/staff/bab"),
        ("UpdateUser", "UserName=boss NewPath=/idm/", "user/boss"),
        ("UpdateUser", "UserName=ada NewPath=/idm/glass/", "user/idm/glass/ada"),
        // An administrator's policy, and one on an account without the boundary.
        ("AttachUserPolicy", "UserName=ada PolicyArn=(admin)", "user/idm/ada"),
        ("DetachUserPolicy", "UserName=ada PolicyArn=(admin)", "user/idm/ada"),
        ("AttachUserPolicy", "UserName=free PolicyArn=(own)", "user/idm/free"),
        // Without the boundary, with another one, or to be rid of it.
        ("CreateUser", "UserName=new Path=/idm/", "user/idm/new"),
        ("CreateUser", "UserName=new Path=/idm/ PermissionsBoundary=(admin)", "user/idm/new"),
        ("PutUserPermissionsBoundary", "UserName=ada PermissionsBoundary=(admin)", "user/idm/ada"),
        ("DeleteUserPermissionsBoundary", "UserName=ada", "user/idm/ada"),
        // Another group.
        ("AddUserToGroup", "UserName=free GroupName=admins", "group/admins"),
        ("RemoveUserFromGroup", "UserName=ada GroupName=admins", "group/admins"),
        ("AddUserToGroup", "UserName=keyreeve-connector GroupName=admins", "group/admins"),
        // Itself.
        (
            "AttachUserPolicy",
            "UserName=keyreeve-connector PolicyArn=(own)",
            "user/keyreeve/keyreeve-connector",
        ),
        ("CreateLoginProfile", "Password=Correct-horse-1", "user/keyreeve/keyreeve-connector"),
        ("DeleteUser", "UserName=keyreeve-connector", "user/keyreeve/keyreeve-connector"),
        ("PutUserPolicy", "UserName=keyreeve-connector PolicyName=x PolicyDocument=(all)", "user/keyreeve/"),
        ("CreateAccessKey", "", "user/keyreeve/keyreeve-connector"),
        ("UpdateUser", "UserName=keyreeve-connector NewPath=/idm/", "user/keyreeve/keyreeve-connector"),
        // Break-glass accounts, inside the path and outside.
        ("DeleteUser", "UserName=glass", "user/idm/glass/glass"),
        ("UpdateLoginProfile", "UserName=glass Password=Correct-horse-1", "user/idm/glass/glass"),
        ("DeleteLoginProfile", "UserName=glass", "user/idm/glass/glass"),
        ("AttachUserPolicy", "UserName=glass PolicyArn=(own)", "user/idm/glass/glass"),
        ("CreateLoginProfile", "UserName=eve Password=Correct-horse-1", "user/glass/eve"),
        // Other ways to become an administrator.
        ("PutUserPolicy", "UserName=ada PolicyName=x PolicyDocument=(all)", "user/idm/ada"),
        ("CreateAccessKey", "UserName=ada", "user/idm/ada"),
        ("CreateAccessKey", "UserName=boss", "user/boss"),
        ("CreatePolicyVersion", "PolicyArn=(own) PolicyDocument=(all) SetAsDefault=true", "policy/idm/own"),
        ("CreatePolicyVersion", "PolicyArn=(boundary) PolicyDocument=(all)", "policy/idm-boundary"),
        ("SetDefaultPolicyVersion", "PolicyArn=(wider) VersionId=v1", "policy/idm/wider"),
        ("CreatePolicy", "PolicyName=new Path=/idm/ PolicyDocument=(all)", "policy/idm/new"),
        ("AttachGroupPolicy", "GroupName=idm-staff PolicyArn=(admin)", "group/idm/idm-staff"),
        ("PutGroupPolicy", "GroupName=idm-staff PolicyName=x PolicyDocument=(all)", "group/idm/idm-staff"),
        ("AttachRolePolicy", "RoleName=keyreeve-reader PolicyArn=(admin)", "role/keyreeve/keyreeve-reader"),
        ("UpdateAssumeRolePolicy", "RoleName=keyreeve-reader PolicyDocument=(all)", "role/keyreeve/"),
    ]
    .into_iter()
    .map(|(action, line, resource)| (action, params(line), resource))
    .collect()
}

fn send(raw: &Raw, action: &str, params: &[(&str, String)]) -> Answer {
    let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
    raw.iam(action, &params)
}

#[test]
fn what_lies_beyond_the_limits_is_refused_by_the_policy_itself() {
    let place = guarded();
    let raw = connector(&place);
    let before = place.sandbox.state(ACCOUNT).unwrap();
    let forbidden = forbidden();
    assert!(forbidden.len() >= 20, "{}", forbidden.len());
    for (action, params, resource) in &forbidden {
        let answer = send(&raw, action, params);
        let call = place.sandbox.trace().pop().unwrap();
        let refusal = call.refusal.unwrap_or_else(|| panic!("{action} {params:?}: {}", answer.body));
        assert_eq!((answer.status, answer.code()), (403, "AccessDenied"), "{action} {params:?}");
        assert!(refusal.resource.contains(&arn(resource)), "{action} {params:?}: {refusal:?}");
        assert!(refusal.unknown.is_empty(), "{action} {params:?}: {refusal:?}");
        assert_eq!(call.applied, Some(false).filter(|_| !action.starts_with("List")), "{action}");
    }
    let role = [("RoleArn", arn("role/keyreeve/keyreeve-reader")), ("RoleSessionName", "way-out".to_owned())];
    let role: Vec<(&str, &str)> = role.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(raw.sts("AssumeRole", &role).code(), "AccessDenied");
    assert_eq!(place.sandbox.state(ACCOUNT).unwrap(), before, "nothing has changed");
}

#[test]
fn the_same_calls_within_the_limits_are_let_through() {
    let place = guarded();
    let raw = connector(&place);
    let words = |line: &str| -> Vec<(String, String)> {
        let pairs = line.split(' ').map(|word| word.split_once('=').unwrap());
        pairs.map(|(name, value)| (name.to_owned(), value.replace("(own)", &arn("policy/idm/own")))).collect()
    };
    let mut tried = BTreeSet::new();
    for (action, line) in [
        ("CreateUser", format!("UserName=new Path=/idm/ PermissionsBoundary={BOUNDARY}")),
        ("CreateLoginProfile", "UserName=new Password=Correct-horse-1".to_owned()),
        ("UpdateLoginProfile", "UserName=new Password=Correct-horse-2".to_owned()),
        ("AttachUserPolicy", "UserName=new PolicyArn=(own)".to_owned()),
        ("AddUserToGroup", "UserName=new GroupName=idm-staff".to_owned()),
        // Whose membership it is AWS does not ask.
        ("AddUserToGroup", "UserName=bob GroupName=idm-staff".to_owned()),
        ("TagUser", "UserName=new Tags.member.1.Key=a Tags.member.1.Value=b".to_owned()),
        ("UntagUser", "UserName=new TagKeys.member.1=a".to_owned()),
        ("PutUserPermissionsBoundary", format!("UserName=free PermissionsBoundary={BOUNDARY}")),
        ("AttachUserPolicy", "UserName=free PolicyArn=(own)".to_owned()),
        ("UpdateUser", "UserName=new NewPath=/idm/deep/ NewUserName=newer".to_owned()),
        ("RemoveUserFromGroup", "UserName=newer GroupName=idm-staff".to_owned()),
        ("DetachUserPolicy", "UserName=newer PolicyArn=(own)".to_owned()),
        ("DeleteLoginProfile", "UserName=newer".to_owned()),
        ("ListAccessKeys", "UserName=newer".to_owned()),
        ("DeleteUser", "UserName=newer".to_owned()),
    ] {
        let params = words(&line);
        let params: Vec<(&str, &str)> =
            params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = raw.iam(action, &params);
        assert_eq!(answer.status, 200, "{action} {line}: {}", answer.body);
        tried.insert(action);
    }
    // What is refused beyond the limits is refused because of the limits.
    let limited = ["CreateUser", "DeleteUser", "UpdateUser", "AttachUserPolicy", "AddUserToGroup"];
    assert!(limited.iter().all(|action| tried.contains(action)));
}
