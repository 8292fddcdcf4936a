//! R38: a dry run is dry: whatever is planned or previewed, only actions that are known to read reach AWS.

use keyreeve_model::TaskKind;
use keyreeve_sandbox::Mutation;
use serde_json::{Value, json};

use crate::harness::{ACCOUNT, Place, SYSTEM, user};

/// Everything a dry run may call. By name, and not by what a trace or a flag says of it.
const READS: [&str; 28] = [
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
    "GetUser",
    "GetUserPolicy",
    "ListAccessKeys",
    "ListAttachedUserPolicies",
    "ListEntitiesForPolicy",
    "ListGroups",
    "ListGroupsForUser",
    "ListMFADevices",
    "ListPolicies",
    "ListSSHPublicKeys",
    "ListServiceSpecificCredentials",
    "ListSigningCertificates",
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
    let trace = place.sandbox.trace();
    assert!(trace.len() > 40, "{} calls", trace.len());
    for entry in &trace {
        assert!(READS.contains(&entry.action.as_str()), "a dry run called {}", entry.action);
    }
    assert_eq!(place.sandbox.state(ACCOUNT).unwrap(), before);
    assert_eq!(place.json(&["job", "list", SYSTEM]).as_array().unwrap().len(), 1, "a dry run queued a job");
}
