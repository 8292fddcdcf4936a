//! R38: a dry run is dry: whatever is planned or previewed, only actions that are known to read reach AWS.

use keyreeve_model::TaskKind;
use keyreeve_sandbox::{AccountSeed, Effect, FaultRule, Mutation, Options, OrganizationSeed, Population};
use serde_json::{Value, json};

use crate::harness::{ACCOUNT, Place, Ran, SYSTEM, user};

/// Everything a dry run may call. By name, and not by what a trace or a flag says of it.
const READS: [&str; 37] = [
    "DescribeOrganization",
    "GenerateCredentialReport",
    "GetAccessKeyLastUsed",
    "GetAccountAuthorizationDetails",
    "GetAccountPasswordPolicy",
    "GetAccountSummary",
    "GetCallerIdentity",
    "GetCredentialReport",
    "GetGroup",
    "GetLoginProfile",
    "GetPolicy",
    "GetPolicyVersion",
    "GetRole",
    "GetUser",
    "GetUserPolicy",
    "ListAccessKeys",
    "ListAccounts",
    "ListAccountsForParent",
    "ListAttachedRolePolicies",
    "ListAttachedUserPolicies",
    "ListEntitiesForPolicy",
    "ListGroups",
    "ListGroupsForUser",
    "ListMFADevices",
    "ListOrganizationalUnitsForParent",
    "ListPolicies",
    "ListRoles",
    "ListRoots",
    "ListSSHPublicKeys",
    "ListServiceSpecificCredentials",
    "ListSigningCertificates",
    "ListTagsForResource",
    "ListUserPolicies",
    "ListUserTags",
    "ListUsers",
    "ListVirtualMFADevices",
    "SimulatePrincipalPolicy",
];

/// A command of each kind of task; a kind without a line does not compile.
fn command(kind: TaskKind) -> Vec<&'static str> {
    match kind {
        TaskKind::CreateAccount => vec!["account", "create", SYSTEM, "--name", "eve", "--deliver", "link"],
        TaskKind::UpdateAccount => vec!["account", "update", SYSTEM, "ada", "--new-path", "/it/"],
        TaskKind::DeactivateAccount => vec!["account", "deactivate", SYSTEM, "ada"],
        TaskKind::ReactivateAccount => vec!["account", "reactivate", SYSTEM, "off", "--deliver", "link"],
        TaskKind::DeleteAccount => vec!["account", "delete", SYSTEM, "ada"],
        TaskKind::ResetPassword => vec!["account", "reset-password", SYSTEM, "ada", "--deliver", "link"],
        TaskKind::AddAssignment => {
            vec!["assignment", "add", SYSTEM, "--account", "off", "--group", "devs"]
        }
        TaskKind::RemoveAssignment => {
            vec!["assignment", "remove", SYSTEM, "--account", "ada", "--group", "devs"]
        }
    }
}

fn place() -> Place {
    let place = Place::registered(0);
    place.mutate(&[
        user("ada"),
        user("off"),
        Mutation::CreateGroup { name: "devs".into(), path: "/".into() },
        Mutation::AddToGroup { user: "ada".into(), group: "devs".into() },
        Mutation::CreateLoginProfile { user: "ada".into(), reset_required: false },
        Mutation::CreateLoginProfile { user: "off".into(), reset_required: false },
        Mutation::CreateAccessKey { user: "ada".into() },
    ]);
    place.run(&["system", "set", SYSTEM, "permission_profile=full"]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    place.run(&["account", "deactivate", SYSTEM, "off", "--yes"]).code(0);
    place
}

#[test]
fn r38_every_dry_run_makes_reading_calls_only() {
    let place = place();
    let before = place.sandbox.state(ACCOUNT).unwrap();
    place.sandbox.clear_trace();
    for kind in TaskKind::ALL {
        let arguments = [command(kind).as_slice(), &["--plan", "--output", "json"]].concat();
        let plan = place.run(&arguments).code(0).json();
        assert!(!plan["tasks"][0]["steps"].as_array().unwrap().is_empty(), "{}: {plan:#}", kind.as_str());
    }
    let wishes: Vec<Value> = vec![
        json!({"task": "delete_account", "account": "ada"}),
        json!({"task": "create_account", "name": "eve", "deliver": "link"}),
    ];
    let file = place.folder.path().join("wishes.json");
    std::fs::write(&file, json!({"system": SYSTEM, "wishes": wishes}).to_string()).unwrap();
    let file = file.to_str().unwrap();
    place.run(&["job", "plan", file]).code(0);
    place.run(&["job", "apply", file, "--plan"]).code(0);
    place.run(&["import", "run", SYSTEM, "--preview"]).code(0);
    place.run(&["system", "check", SYSTEM]);
    place.run(&["mapping", "try", SYSTEM, "create_account", "--attribute", "first=A"]);
    assert!(only_reads(&place) > 40);
    assert_eq!(place.sandbox.state(ACCOUNT).unwrap(), before);
    assert_eq!(place.json(&["job", "list", SYSTEM]).as_array().unwrap().len(), 1, "a dry run queued a job");
}

/// How many calls were made, all of them known to read.
#[track_caller]
fn only_reads(place: &Place) -> usize {
    let trace = place.sandbox.trace();
    for entry in &trace {
        assert!(READS.contains(&entry.action.as_str()), "a dry run called {}", entry.action);
    }
    trace.len()
}

/// What is about the connector itself, about a job that was there before, and about many systems.
#[test]
fn r38_every_other_dry_run_makes_reading_calls_only() {
    let few = Population { users: 2, groups: 1, customer_policies: 1, roles: 0 };
    let place = Place::with_options(Options {
        accounts: vec![AccountSeed::empty(ACCOUNT)],
        organization: Some(OrganizationSeed::of(ACCOUNT).with_members(2, 7, few)),
        ..Options::default()
    });
    place.mutate(&[user("ada"), Mutation::CreateAccessKey { user: "ada".into() }]);
    place.run(&["init"]).code(0);
    place.add(SYSTEM, ACCOUNT).code(0);
    place.run(&["system", "set", SYSTEM, "permission_profile=full"]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    let delete = ["account", "delete", SYSTEM, "ada", "--yes"];
    place.sandbox.add_fault(FaultRule::new("UpdateAccessKey", Effect::AccessDenied));
    let failed = place.run(&[&delete[..], &["--output", "json"]].concat()).code(1).json()["id"].to_string();
    place.sandbox.clear_faults();
    let queued = place.run(&[&delete[..], &["--no-wait", "--output", "json"]].concat()).code(0);
    let queued = queued.json()["id"].to_string();
    let key = place.sandbox.administrator_key(ACCOUNT).unwrap();
    let as_administrator = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        command.env("AWS_ACCESS_KEY_ID", &key.access_key_id);
        Ran::of(command.env("AWS_SECRET_ACCESS_KEY", &key.secret_access_key).output().unwrap())
    };
    let trusted = format!("arn:aws:iam::{ACCOUNT}:root");
    let bootstrap = ["aws", "bootstrap", "--system-id", "new", "--plan"];
    let before = (place.sandbox.state(ACCOUNT).unwrap(), place.rows(ROWS));
    place.sandbox.clear_trace();
    let mut calls = 0;
    for (arguments, least) in [
        (&["job", "retry", &failed, "--plan"][..], 5),
        (&["job", "apply", &queued, "--plan"], 0),
        (&["job", "cancel", &queued, "--plan"], 0),
        (&["system", "rotate-key", SYSTEM, "--plan"], 1),
        (&["system", "remove", SYSTEM, "--plan"], 0),
        (&["secrets", "rekey", "--plan", "--data-keys"], 0),
        (&["import", "run", "--all", "--preview"], 5),
        (&[&bootstrap[..], &["--user", "keyreeve"]].concat(), 2),
        (&[&bootstrap[..], &["--role", "keyreeve", "--trusted-principal", &trusted]].concat(), 2),
        (&["organization", "discover", "--plan"], 3),
    ] {
        let ran = as_administrator(arguments);
        assert!(ran.code < 2, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        let made = only_reads(&place);
        assert!(made >= calls + least, "{arguments:?} looked at nothing: {} calls", made - calls);
        calls = made;
    }
    assert_eq!((place.sandbox.state(ACCOUNT).unwrap(), place.rows(ROWS)), before);
}

/// What a dry run leaves as it was in the store; it may note who the connector is, and that a preview ran.
const ROWS: &str = "SELECT (SELECT group_concat(job_id || state) FROM provisioning_jobs), (SELECT group_concat(system_id || state) FROM \
                    systems), (SELECT COUNT(*) FROM secrets), (SELECT COUNT(*) FROM key_custodies), \
                    (SELECT COUNT(*) FROM key_rotations)";
