//! A connector whose policy is limited to a path, to groups or to policies: what it may not is said before anything is
//! touched, and what nobody may is refused before anything is read.

use keyreeve_sandbox::{AccountSeed, ConnectorPolicy, Mutation, Options};
use serde_json::{Value, json};

use crate::harness::{ACCOUNT, Place, SYSTEM};

const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

fn arn(resource: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:{resource}")
}

fn make_user(name: &str, path: &str) -> Mutation {
    Mutation::CreateUser { name: name.into(), path: path.into(), tags: Vec::new(), boundary: None }
}

fn make_policy(name: &str) -> Mutation {
    let document = json!({"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}).to_string();
    Mutation::CreatePolicy { name: name.into(), path: "/".into(), document }
}

/// Ada lies in the path, eve, the etl and the only administrator beside it.
fn place(limits: &[&str]) -> Place {
    let place =
        Place::with_options(Options { accounts: vec![AccountSeed::empty(ACCOUNT)], ..Options::default() });
    place.run(&["init"]).code(0);
    place.add(SYSTEM, ACCOUNT).code(0);
    place.run(&["import", "profile", "set", SYSTEM, "default", "policy_scope=customer"]).code(0);
    place.run(&["system", "set", SYSTEM, "permission_profile=lifecycle"]).code(0);
    place.run(&["protect", "add", SYSTEM, "--account", "svc-etl"]).code(0);
    let attach = |user: &str, arn: &str| Mutation::AttachUserPolicy { user: user.into(), arn: arn.into() };
    place.mutate(&[
        make_policy("ours"),
        make_policy("theirs"),
        Mutation::CreateGroup { name: "devs".into(), path: "/".into() },
        Mutation::CreateGroup { name: "ops".into(), path: "/".into() },
        make_user("ada", "/staff/"),
        Mutation::CreateLoginProfile { user: "ada".into(), reset_required: false },
        attach("ada", &arn("policy/ours")),
        attach("ada", &arn("policy/theirs")),
        make_user("eve", "/"),
        make_user("svc-etl", "/"),
        make_user("boss", "/"),
        Mutation::CreateLoginProfile { user: "boss".into(), reset_required: false },
        attach("boss", ADMINISTRATOR),
    ]);
    let generate = ["policy", "generate", "--profile", "lifecycle", "--account-id", ACCOUNT];
    let printed = place.run(&[&generate, limits].concat()).code(0).json();
    let documents = match printed {
        Value::Array(documents) => documents,
        document => vec![document],
    };
    let documents = documents.iter().map(Value::to_string).collect();
    place.sandbox.permit_connector(ACCOUNT, &ConnectorPolicy::Documents(documents)).unwrap();
    place.run(&["import", "run", SYSTEM]).code(0);
    place.sandbox.clear_trace();
    place
}

#[track_caller]
fn none_of(place: &Place, which: impl Fn(&str) -> bool) {
    let trace = place.sandbox.trace();
    let made: Vec<&String> = trace.iter().map(|call| &call.action).filter(|action| which(action)).collect();
    assert!(made.is_empty(), "{made:?}");
}

/// The calls that tell of one account alone.
fn is_about_one(action: &str) -> bool {
    action.contains("Key") || action.contains("LoginProfile") || action.contains("MFADevices")
}

#[test]
fn what_nobody_may_change_is_refused_before_it_is_read() {
    let place = place(&["--path", "/staff/"]);
    let connector = "keyreeve-connector";
    let last = "boss is the last account that holds AdministratorAccess";
    for (what, name, why) in [
        ("delete", connector, "is the account that Keyreeve itself signs in with"),
        ("deactivate", connector, "is the account that Keyreeve itself signs in with"),
        ("delete", "svc-etl", "svc-etl is on the protect list (account svc-etl)"),
        ("deactivate", "svc-etl", "svc-etl is on the protect list (account svc-etl)"),
        ("delete", "boss", last),
        ("deactivate", "boss", last),
    ] {
        let refused = place.run(&["account", what, SYSTEM, name, "--yes"]).code(2);
        assert!(refused.stderr.contains(why), "{what} {name}: {}", refused.stderr);
        none_of(&place, is_about_one);
    }
}

#[test]
fn an_account_that_may_not_be_read_does_not_hide_the_others_of_its_job() {
    let place = place(&["--path", "/staff/"]);
    let wishes = json!({"system": SYSTEM, "wishes": [
        {"task": "delete_account", "account": "eve"},
        {"task": "delete_account", "account": "boss"},
        {"task": "delete_account", "account": "ada"},
    ]});
    let file = place.folder.path().join("wishes.json");
    std::fs::write(&file, wishes.to_string()).unwrap();
    let plan = place.run(&["job", "plan", file.to_str().unwrap(), "--output", "json"]).code(1).json();
    let message = |task: usize| plan["tasks"][task]["obstacles"][0]["message"].as_str().unwrap_or_default();
    let outside = "of eve could not be read, so nothing is planned for it: it lies under /, and the connector's own \
                   policies allow iam:List";
    assert!(message(0).contains(outside) && message(0).contains("on /staff/ only"), "{plan:#}");
    assert!(message(1).contains("is the last account"), "{plan:#}");
    assert_eq!(plan["tasks"][2]["obstacles"], json!([]), "{plan:#}");
    let steps = plan["tasks"][2]["steps"].as_array().unwrap();
    assert_eq!(steps.last().unwrap()["operation"], "DeleteUser", "{plan:#}");
}

#[test]
fn a_policy_or_group_that_the_connector_may_not_give_or_take_is_named_in_the_plan() {
    let ours = arn("policy/ours");
    let place = place(&["--path", "/staff/", "--policies", &ours, "--groups", "devs"]);
    let theirs = arn("policy/theirs");
    let plan = place.run(&["account", "delete", SYSTEM, "ada", "--plan", "--output", "json"]).code(1).json();
    let obstacles = plan["tasks"][0]["obstacles"].as_array().unwrap();
    let message = obstacles[0]["message"].as_str().unwrap();
    assert_eq!(obstacles.len(), 1, "{plan:#}");
    let words = format!("the connector may not detach the policy {theirs}: ");
    assert!(message.contains(&words), "{message}");
    assert!(message.contains("allow iam:DetachUserPolicy for others only"), "{message}");
    for (what, words) in [
        (["--policy", theirs.as_str()], "allow iam:AttachUserPolicy for others only"),
        (["--group", "ops"], "do not allow iam:AddUserToGroup on group/ops, but on group/devs"),
    ] {
        let add = [&["assignment", "add", SYSTEM, "--account", "eve"], &what[..], &["--yes"]].concat();
        let refused = place.run(&add).code(2);
        // Eve lies outside of the path, too.
        assert!(
            refused.stderr.contains(words) || refused.stderr.contains("/staff/ only"),
            "{}",
            refused.stderr
        );
    }
    let add = ["assignment", "add", SYSTEM, "--account", "ada", "--group", "ops", "--yes"];
    let refused = place.run(&add).code(2);
    assert!(refused.stderr.contains("on group/ops, but on group/devs"), "{}", refused.stderr);
    none_of(&place, |action| action.starts_with("Detach") || action.starts_with("Delete"));
    let remove = ["assignment", "remove", SYSTEM, "--account", "ada", "--policy", &ours, "--yes"];
    place.run(&remove).code(0);
    place.run(&["assignment", "add", SYSTEM, "--account", "ada", "--group", "devs", "--yes"]).code(0);
}

#[test]
fn a_move_out_of_the_path_is_named_in_the_plan() {
    let place = place(&["--path", "/staff/"]);
    let moved = place.run(&["account", "update", SYSTEM, "ada", "--new-path", "/ops/", "--yes"]).code(2);
    let words = "do not allow iam:UpdateUser on user/ops/ada, but on /staff/ only";
    assert!(moved.stderr.contains(words), "{}", moved.stderr);
    none_of(&place, |action| action == "UpdateUser");
    place.run(&["account", "update", SYSTEM, "ada", "--new-path", "/staff/it/", "--yes"]).code(0);
}

#[test]
fn a_boundary_that_the_connectors_policies_ask_for_is_missed_in_the_plan() {
    let boundary = arn("policy/ours");
    let place = place(&["--path", "/staff/", "--boundary", &boundary]);
    let create = ["account", "create", SYSTEM, "--name", "new", "--path", "/staff/", "--yes"];
    let refused = place.run(&create).code(2);
    let words = "may not do this to new without a permissions boundary: ";
    let said = &refused.stderr;
    assert!(
        said.contains(words) && said.contains("allow iam:CreateUser, iam:AttachUserPolicy with one only"),
        "{said}"
    );
    none_of(&place, |action| action.starts_with("Create"));
}

#[test]
fn a_call_that_is_refused_all_the_same_does_not_say_that_the_permission_is_missing_everywhere() {
    let place = place(&["--path", "/staff/"]);
    let theirs = arn("policy/theirs");
    // A role, or policies of a group, are not looked into; neither is a policy that changes meanwhile.
    let remove = ["assignment", "remove", SYSTEM, "--account", "ada", "--policy", &theirs];
    let queued =
        place.run(&[&remove[..], &["--no-wait", "--yes", "--output", "json"]].concat()).code(0).json();
    let job = queued["id"].to_string();
    let statement =
        |action: &str, resource: &str| json!({"Effect": "Allow", "Action": action, "Resource": resource});
    let mut others = statement("iam:DetachUserPolicy", &arn("user/*"));
    others["Condition"] =
        json!({"ArnLike": {"iam:PolicyARN": arn("policy/ours")}, "Bool": {"aws:SecureTransport": "true"}});
    let mut unsure = statement("iam:DetachUserPolicy", &arn("user/*"));
    unsure["Condition"] = json!({"StringEquals": {"aws:UserAgent": "nobody"}});
    let statements = json!([statement("iam:List*", "*"), statement("iam:Get*", "*"), others, unsure]);
    let document = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    place.sandbox.permit_connector(ACCOUNT, &ConnectorPolicy::Documents(vec![document])).unwrap();
    let ran = place.run(&["job", "apply", &job, "--yes", "--output", "json"]).code(1).json();
    let said = ran.to_string();
    let words = format!("do not allow DetachUserPolicy with {theirs}, even if they do elsewhere");
    assert!(said.contains(&words) && !said.contains("lacks the permission"), "{ran:#}");
}
