//! What follows from a change is said before it is made: that somebody may do everything then, and that another job is about
//! to delete the account.

use keyreeve_sandbox::Mutation;
use serde_json::Value;

use crate::harness::{ACCOUNT, Place, SYSTEM, user};
use crate::remote::Elsewhere;
use crate::serve::{serve, terminate};

const ADMIN: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
const MFA: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*",
    "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}]}"#;

fn allowing(action: &str) -> String {
    format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": "{action}", "Resource": "*"}}]}}"#
    )
}

fn policy(name: &str, document: String) -> Mutation {
    Mutation::CreatePolicy { name: name.into(), path: "/".into(), document }
}

fn arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:policy/{name}")
}

fn of_aws(name: &str) -> String {
    format!("arn:aws:iam::aws:policy/{name}")
}

fn group(name: &str) -> Mutation {
    Mutation::CreateGroup { name: name.into(), path: "/".into() }
}

/// An account with users, groups and policies of several strengths, imported.
fn strong_and_weak() -> Place {
    let place = Place::registered(0);
    place.mutate(&[
        user("ada"),
        user("boss"),
        Mutation::AttachUserPolicy { user: "boss".into(), arn: ADMIN.into() },
        user("bound"),
        Mutation::SetBoundary { name: "bound".into(), arn: Some(arn_of_reading()) },
        group("admins"),
        Mutation::AttachGroupPolicy { group: "admins".into(), arn: ADMIN.into() },
        group("readers"),
        Mutation::AttachGroupPolicy { group: "readers".into(), arn: of_aws("ReadOnlyAccess") },
        group("inner"),
        Mutation::PutGroupInline { group: "inner".into(), name: "all".into(), document: allowing("*") },
        policy("god", allowing("*")),
        policy("iam", allowing("iam:*")),
        policy("s3", allowing("s3:*")),
        policy("mfa", MFA.to_owned()),
    ]);
    place.run(&["import", "profile", "set", SYSTEM, "default", "policy_scope=all"]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    place.sandbox.clear_trace();
    place
}

/// A boundary that leaves nothing but reading.
fn arn_of_reading() -> String {
    of_aws("ReadOnlyAccess")
}

/// What the plan of a command says one should know of its task, by kind.
fn notices(plan: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let notices = plan["tasks"][0]["notices"].as_array().unwrap().iter();
    notices.map(|one| (text(&one["kind"]), text(&one["message"]))).collect()
}

fn strength(place: &Place, arguments: &[&str]) -> Option<String> {
    let plan = place.json(&[arguments, &["--plan"]].concat());
    let mut found = notices(&plan).into_iter().filter(|(kind, _)| kind == "administrator");
    let said = found.next().map(|(_, message)| message);
    assert!(found.next().is_none(), "it is said once: {plan}");
    said
}

#[test]
fn that_somebody_may_do_everything_then_is_said_before() {
    let place = strong_and_weak();
    let add = |account: &'static str, flag: &'static str, what: String| {
        strength(&place, &["assignment", "add", SYSTEM, "--account", account, flag, &what])
    };
    let everything =
        |by: &str| Some(format!("with this, ada may do everything in AWS account {ACCOUNT} (by {by})"));
    assert_eq!(add("ada", "--policy", ADMIN.to_owned()), everything("AdministratorAccess"));
    assert_eq!(add("ada", "--policy", arn("god")), everything("god"));
    assert_eq!(
        add("ada", "--group", "admins".to_owned()),
        everything("AdministratorAccess through group admins")
    );
    assert_eq!(add("ada", "--group", "inner".to_owned()), everything("the inline policy all of group inner"));
    for iam in [of_aws("IAMFullAccess"), arn("iam")] {
        let name = iam.rsplit('/').next().unwrap().to_owned();
        let said = add("ada", "--policy", iam);
        let expected = format!(
            "with this, ada may give itself every permission there is in AWS account {ACCOUNT} (by {name})"
        );
        assert_eq!(said, Some(expected));
    }
    for weak in [of_aws("PowerUserAccess"), of_aws("ReadOnlyAccess"), arn("s3"), arn("mfa")] {
        assert_eq!(add("ada", "--policy", weak.clone()), None, "{weak}");
    }
    assert_eq!(add("ada", "--group", "readers".to_owned()), None);
    // Who may do everything already is made no stronger.
    assert_eq!(add("boss", "--policy", arn("god")), None);
    // What a boundary that is not known makes of it is not known.
    let said = add("bound", "--policy", arn("god")).unwrap();
    assert!(said.contains("whether its permissions boundary") && said.contains("ReadOnlyAccess"), "{said}");
    let create = ["account", "create", SYSTEM, "--name", "eve", "--group", "admins"];
    let said = strength(&place, &create).unwrap();
    assert_eq!(
        said,
        format!(
            "with this, eve may do everything in AWS account {ACCOUNT} (by AdministratorAccess through group admins)"
        )
    );
    // Whoever reads no JSON is told as well.
    let shown =
        place.run(&["assignment", "add", SYSTEM, "--account", "ada", "--policy", ADMIN, "--plan"]).code(0);
    let words: Vec<&str> = shown.stdout.split_whitespace().chain(shown.stderr.split_whitespace()).collect();
    assert!(words.join(" ").contains("ada may do everything"), "{}{}", shown.stdout, shown.stderr);
}

#[test]
fn what_lets_an_account_do_everything_waits_for_a_second_person_where_that_is_set() {
    let place = strong_and_weak();
    let add = |account: &str, policy: &str, code| {
        let add = ["assignment", "add", SYSTEM, "--account", account, "--policy", policy];
        place.run(&[&add[..], &["--yes", "--output", "json"]].concat()).code(code).json()
    };
    // By itself it needs nobody.
    assert_eq!(add("bound", ADMIN, 0)["state"], "succeeded");
    place.run(&["system", "set", SYSTEM, "approve_administrators=true"]).code(0);
    let waits = add("ada", &arn("god"), 1);
    assert_eq!(waits["state"], "awaiting_approval", "{waits}");
    let because = waits["approval_because"][0].as_str().unwrap();
    assert!(
        because.contains("ada may do everything") && because.contains("approve_administrators"),
        "{because}"
    );
    assert_eq!(add("bound", &arn("s3"), 0)["state"], "succeeded");
    let berta = place.token("berta", "approver", &[]);
    let job = waits["id"].to_string();
    let seen = place.run_as(&berta, &["job", "approve", &job, "--plan"]).code(0);
    assert!(seen.stdout.contains("may do everything"), "{}", seen.stdout);
    let create =
        ["account", "create", SYSTEM, "--name", "eve", "--group", "admins", "--yes", "--output", "json"];
    assert_eq!(place.run(&create).code(1).json()["state"], "awaiting_approval");
}

#[test]
fn a_group_that_becomes_one_of_administrators_while_a_job_waits_makes_it_stale() {
    let place = strong_and_weak();
    place.run(&["system", "set", SYSTEM, "approve_administrators=true"]).code(0);
    let add = ["assignment", "add", SYSTEM, "--account", "ada", "--group", "readers"];
    let queued = place.run(&[&add[..], &["--yes", "--no-wait", "--output", "json"]].concat());
    let job = queued.code(0).json()["id"].to_string();
    place.mutate(&[Mutation::AttachGroupPolicy { group: "readers".into(), arn: ADMIN.into() }]);
    place.sandbox.clear_trace();
    let refused = place.run(&["job", "apply", &job, "--yes"]).code(1);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(said.contains("what account ada may do with it"), "{said}");
    assert!(place.sandbox.trace().iter().all(|entry| entry.applied.is_none()));
}

#[test]
fn who_is_about_to_be_deleted_is_not_deleted_by_a_second_job() {
    let place = strong_and_weak();
    place.run(&["system", "set", SYSTEM, "max_deletes=0"]).code(0);
    let delete = ["account", "delete", SYSTEM, "ada", "--yes", "--output", "json"];
    let first = place.run(&delete).code(1).json();
    assert_eq!(first["state"], "awaiting_approval", "{first}");
    let because = first["approval_because"][0].as_str().unwrap();
    assert!(
        because.contains("1 deletion is asked for") && because.contains("max_deletes, which is 0, each"),
        "{because}"
    );
    let job = first["id"].to_string();
    let token = place.token("ola", "operator", &[]);
    let (child, address) = serve(&place, &[]);
    let elsewhere = Elsewhere::of(&address, &token);
    let plan = ["account", "delete", SYSTEM, "ada", "--plan", "--output", "json"];
    for plan in [place.run(&plan).code(1), elsewhere.run(&plan).code(1)] {
        let plan = plan.json();
        let obstacle = &plan["tasks"][0]["obstacles"][0];
        assert_eq!(obstacle["kind"], "under_way", "{plan}");
        let message = obstacle["message"].as_str().unwrap();
        assert!(
            message.contains(&format!("job {job}, which waits for a second person, deletes ada already")),
            "{message}"
        );
    }
    for refused in [place.run(&delete), elsewhere.run(&delete)] {
        assert_ne!(refused.code, 0);
        assert!(refused.stderr.contains(&format!("job {job}")), "{}", refused.stderr);
    }
    terminate(child);
    // Whoever asks for anything else is told.
    let add = ["assignment", "add", SYSTEM, "--account", "ada", "--group", "readers", "--plan"];
    let told = notices(&place.json(&add));
    let said = format!("job {job}, which waits for a second person, deletes ada");
    assert!(told.iter().any(|(kind, message)| kind == "under_way" && message.starts_with(&said)), "{told:?}");
    // The job itself is in nobody's way, its own least of all.
    let berta = place.token("berta", "admin", &[]);
    place.run_as(&berta, &["job", "approve", &job, "--yes"]).code(0);
    place.run(&["job", "apply", &job, "--yes"]).code(0);
    // One that was taken back is in nobody's way.
    let second =
        place.run(&["account", "delete", SYSTEM, "bound", "--yes", "--output", "json"]).code(1).json();
    place.run(&["job", "cancel", &second["id"].to_string(), "--yes"]).code(0);
    let plan = place.json(&["account", "delete", SYSTEM, "bound", "--plan"]);
    assert_eq!(plan["tasks"][0]["obstacles"], serde_json::json!([]), "{plan}");
}

#[test]
fn a_job_that_failed_for_good_is_dismissed_with_a_reason() {
    let place = strong_and_weak();
    place.sandbox.add_fault(
        keyreeve_sandbox::FaultRule::new("AttachUserPolicy", keyreeve_sandbox::Effect::AccessDenied)
            .min_fires(1),
    );
    let add = [
        "assignment",
        "add",
        SYSTEM,
        "--account",
        "ada",
        "--policy",
        &arn("s3"),
        "--yes",
        "--output",
        "json",
    ];
    let failed = place.run(&add).code(1).json();
    assert_eq!(failed["state"], "failed", "{failed}");
    let job = failed["id"].to_string();
    place.run(&["job", "dismiss", &job]).code(2);
    let reason = ["--reason", "nobody needs it any more", "--output", "json"];
    let token = place.token("vi", "viewer", &[]);
    let refused = place.run_as(&token, &[&["job", "dismiss", &job][..], &reason].concat());
    assert_ne!(refused.code, 0, "{}", refused.stdout);
    let dismissed = place.run(&[&["job", "dismiss", &job][..], &reason].concat()).code(0).json();
    assert_eq!(
        (&dismissed["state"], &dismissed["dismissal_reason"]),
        (&Value::from("failed"), &Value::from("nobody needs it any more")),
        "{dismissed}"
    );
    let shown = place.run(&["job", "show", &job]).code(0);
    assert!(shown.stdout.contains("nobody needs it any more"), "{}", shown.stdout);
    let rows = place.json(&["audit", "list", "--action", "job_dismissed"]);
    assert_eq!(rows.as_array().unwrap().len(), 1, "{rows}");
    // By way of a server, and of one that did not fail.
    let token = place.token("ola", "operator", &[]);
    let (child, address) = serve(&place, &[]);
    let elsewhere = Elsewhere::of(&address, &token);
    let again = elsewhere.run(&["job", "dismiss", &job, "--reason", "I too"]);
    assert_ne!(again.code, 0);
    assert!(
        again.stderr.contains(&format!("has dismissed job {job} at")),
        "who did so first stays noted: {}",
        again.stderr
    );
    terminate(child);
    let group =
        ["assignment", "add", SYSTEM, "--account", "ada", "--group", "readers", "--yes", "--output", "json"];
    let done = place.run(&group).code(0).json()["id"].to_string();
    let refused = place.run(&["job", "dismiss", &done, "--reason", "x"]);
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("only a job that failed"), "{}", refused.stderr);
    // What is tried again is dismissed no more.
    place.sandbox.clear_faults();
    let retried = place.run(&["job", "retry", &job, "--yes", "--output", "json"]).code(0).json();
    assert!(retried["dismissed_by"].is_null() && retried["state"] == "succeeded", "{retried}");
}

#[test]
fn why_drift_was_accepted_stands_in_the_audit_log() {
    let place = strong_and_weak();
    place.run(&["assignment", "add", SYSTEM, "--account", "ada", "--group", "readers", "--yes"]).code(0);
    place.mutate(&[Mutation::RemoveFromGroup { user: "ada".into(), group: "readers".into() }]);
    place.run(&["import", "run", SYSTEM]).code(0);
    let drift = place.json(&["drift", "list", SYSTEM]);
    let claim = drift[0]["claim"].to_string();
    let accept = ["drift", "accept", SYSTEM, &claim, "--yes", "--reason", "she left the team"];
    place.run(&accept).code(0);
    let rows = place.json(&["audit", "list", "--action", "drift_accepted"]);
    assert_eq!(rows[0]["subject"]["reason"], "she left the team", "{rows}");
}
