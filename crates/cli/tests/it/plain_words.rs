//! What commands say is true, said once, and tells what to do next.

use keyreeve_sandbox::{Effect, FaultRule, Mutation};
use serde_json::json;

use crate::harness::{Place, SYSTEM, user};

fn place(names: &[&str]) -> Place {
    let place = Place::registered(0);
    place.run(&["system", "set", SYSTEM, "permission_profile=lifecycle"]).code(0);
    place.mutate(&names.iter().map(|name| user(name)).collect::<Vec<_>>());
    place.run(&["import", "run", SYSTEM]).code(0);
    place
}

fn wishes(place: &Place, wishes: serde_json::Value) -> String {
    let file = place.folder.path().join("wishes.json");
    std::fs::write(&file, json!({"system": SYSTEM, "wishes": wishes}).to_string()).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn a_name_that_is_not_there_any_more_is_told_from_one_that_never_was() {
    let place = place(&["ada", "eve"]);
    place.mutate(&[
        Mutation::RenameUser { name: "ada".into(), new_name: "ada.king".into() },
        Mutation::DeleteUser { name: "eve".into() },
    ]);
    for (name, words) in [
        ("ada", "run 1, the last import, saw it, and since then it was renamed to \"ada.king\""),
        ("eve", "run 1, the last import, saw it, and since then it is gone"),
    ] {
        let refused = place.run(&["account", "deactivate", SYSTEM, name, "--yes"]).code(2);
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
        assert!(refused.stderr.contains("`keyreeve import run example`"), "{}", refused.stderr);
    }
    let never = place.run(&["account", "deactivate", SYSTEM, "bob", "--yes"]).code(2);
    assert!(!never.stderr.contains("since then"), "{}", never.stderr);
}

#[test]
fn how_a_password_is_fetched_is_said_when_it_is_set() {
    let place = place(&[]);
    place.run(&["system", "set", SYSTEM, "password_delivery=operator"]).code(0);
    let key = "recipient:age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    for (name, deliver, words) in [
        ("ada", "operator", "`keyreeve password reveal 1` shows the password of ada to an operator"),
        (
            "eve",
            key,
            "`keyreeve password reveal 2` gives the password of eve, as a text that only the recipient's",
        ),
    ] {
        let made =
            place.run(&["account", "create", SYSTEM, "--name", name, "--deliver", deliver, "--yes"]).code(0);
        assert!(made.stderr.contains(words), "{}", made.stderr);
    }
}

#[test]
fn a_plan_shows_which_task_waits_for_which() {
    let place = place(&["ada"]);
    place.mutate(&[Mutation::CreateGroup { name: "devs".into(), path: "/".into() }]);
    place.run(&["import", "run", SYSTEM]).code(0);
    let file = wishes(
        &place,
        json!([
            {"task": "create_account", "name": "grace"},
            {"task": "delete_account", "account": "ada"},
            {"task": "add_assignment", "account": "grace", "group": "devs"},
        ]),
    );
    let plan = place.run(&["job", "plan", &file]).code(0).stdout;
    assert!(plan.contains("Task 3: add_assignment grace, once task 1 has succeeded"), "{plan}");
    let second = plan.lines().find(|line| line.starts_with("Task 2: delete_account ada (AIDA"));
    assert!(second.is_some_and(|line| line.ends_with(')')), "{plan}");
}

#[test]
fn a_changed_setting_is_shown_with_what_it_was_and_nothing_else_is() {
    let place = place(&[]);
    let set = place.run(&["system", "set", SYSTEM, "max_deletes=3", "name=Other"]).code(0).stdout;
    assert!(set.contains("max_deletes=3 (was 10)") && set.contains("Other (was System example)"), "{set}");
    assert!(!set.contains("max_deactivations") && !set.contains("Registered"), "{set}");
    let same = place.run(&["system", "set", SYSTEM, "max_deletes=3"]).code(0);
    assert!(same.stdout.is_empty() && same.stderr.contains("has these values already"), "{}", same.stderr);
    let json = place.json(&["system", "set", SYSTEM, "max_deletes=4"]);
    assert_eq!(
        (&json["settings"]["max_deletes"], &json["settings"]["max_deactivations"]),
        (&json!(4), &json!(25))
    );
}

#[test]
fn a_retry_is_planned_as_it_will_be_let_through_or_refused() {
    let place = place(&["ada", "eve"]);
    let fails =
        || Effect::Error { status: 400, code: "ValidationError".to_owned(), message: "no".to_owned() };
    place.sandbox.add_fault(FaultRule::new("DeleteUser", fails()).times(2).min_fires(2));
    // Nobody need approve this one; the deletion that failed is the one that is asked for.
    place.run(&["system", "set", SYSTEM, "max_deletes=1"]).code(0);
    place.run(&["account", "delete", SYSTEM, "ada", "--yes"]).code(1);
    let plan = place.run(&["job", "retry", "1", "--plan"]).code(0);
    assert!(!plan.stdout.contains("second person"), "{}", plan.stdout);
    // This one was approved.
    place.run(&["account", "delete", SYSTEM, "eve", "--yes"]).code(1);
    let berta = place.token("berta", "approver", &[]);
    place.run_as(&berta, &["job", "approve", "2", "--yes"]).code(0);
    place.run(&["job", "apply", "2", "--yes"]).code(1);
    let plan = place.run(&["job", "retry", "2", "--plan"]).code(0);
    assert!(!plan.stdout.contains("second person"), "{}", plan.stdout);
    assert!(plan.stderr.contains("berta has approved this job"), "{}", plan.stderr);
    // Over the cap by now, and approved by nobody.
    let plan = place.run(&["job", "retry", "1", "--plan"]).code(1);
    assert!(
        plan.stdout.contains("second person") && plan.stderr.contains("would be refused"),
        "{}",
        plan.stderr
    );
    let refused = place.run(&["job", "retry", "1", "--yes"]);
    assert!(refused.code != 0 && refused.stderr.contains("second person"), "{}", refused.stderr);
    place.run(&["job", "retry", "2", "--yes"]).code(0);
    assert!(place.sandbox.unfired().is_empty());
}

#[test]
fn what_aws_refuses_is_said_once_and_whole_where_one_looks_at_it_alone() {
    let place = place(&["ada"]);
    let whole = "is not authorized to perform: iam:GenerateCredentialReport";
    let brief = "iam:GenerateCredentialReport is not allowed on *";
    place.sandbox.deny("*", &["iam:GenerateCredentialReport"]);
    let ran = place.run(&["import", "run", SYSTEM]).code(0);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert_eq!((said.matches(brief).count(), said.matches(whole).count()), (1, 0), "{said}");
    let shown = place.run(&["import", "show", "2"]).code(0).stdout.replace('\n', " ");
    assert_eq!(shown.matches("is not authorized to perform:").count(), 1, "{shown}");
    assert!(place.json(&["import", "show", "2"]).to_string().contains(whole));

    place.sandbox.deny("*", &["iam:DeleteUser"]);
    let ran = place.run(&["account", "delete", SYSTEM, "ada", "--yes"]).code(1);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert_eq!(said.matches("iam:DeleteUser is not allowed on").count(), 1, "{said}");
    assert!(!said.contains("is not authorized to perform"), "{said}");
    let shown = place.run(&["job", "show", "1"]).code(0).stdout;
    assert_eq!(shown.matches("is not authorized to perform").count(), 1, "{shown}");
}
