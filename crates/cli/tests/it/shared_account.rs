//! What is said before anything happens: of two systems of one AWS account, of retries, and of wishes that cannot be.

use keyreeve_sandbox::{Effect, FaultRule, Mutation};
use serde_json::json;

use crate::harness::{ACCOUNT, Place, SYSTEM, user};

fn with(changes: &[Mutation]) -> Place {
    let place = Place::registered(0);
    place.mutate(changes);
    place.run(&["system", "set", SYSTEM, "permission_profile=full"]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    place
}

#[test]
fn s33_a_system_whose_protections_hold_for_another_one_is_not_removed_with_them() {
    let place = with(&[user("anna"), user("bert")]);
    place.add("second", ACCOUNT).code(0);
    place.run(&["protect", "add", "second", "--account", "anna"]).code(0);
    place.run(&["protect", "add", "second", "--account", "bert"]).code(0);
    place.run(&["protect", "add", SYSTEM, "--account", "bert"]).code(0);
    let refused = place.run(&["system", "remove", "second", "--yes"]).code(2);
    assert!(
        refused.stderr.contains("--account anna") && refused.stderr.contains(SYSTEM),
        "{}",
        refused.stderr
    );
    assert!(!refused.stderr.contains("--account bert"), "{}", refused.stderr);
    let delete = ["account", "delete", SYSTEM, "anna", "--plan"];
    place.run(&delete).code(1);
    place.run(&["protect", "add", SYSTEM, "--account", "anna"]).code(0);
    place.run(&["system", "remove", "second", "--yes"]).code(0);
    place.run(&delete).code(1);
}

#[test]
fn a_plan_names_a_recipient_that_is_none_and_wishes_that_contradict_themselves() {
    let place = with(&[user("anna")]);
    let file = place.folder.path().join("wishes.json");
    let planned = |wish| {
        std::fs::write(&file, json!({"system": SYSTEM, "wishes": [wish]}).to_string()).unwrap();
        place.run(&["job", "plan", file.to_str().unwrap()])
    };
    let junk = planned(json!({"task": "create_account", "name": "eve", "deliver": "recipient:junk"})).code(1);
    assert!(junk.stdout.contains("eve:"), "{}", junk.stdout);
    let tags = json!({"task": "update_account", "account": "anna", "tags": {"a": "b"}, "untag": ["a"]});
    assert!(planned(tags).code(1).stdout.contains("ask for one of both"));
    let both = json!({"task": "add_assignment", "account": "anna", "group": "g", "policy": "arn:x"});
    let both = planned(both).code(2);
    assert!(both.stderr.contains("`group` and `policy`"), "{}", both.stderr);
}

#[test]
fn s34_the_plan_of_a_retry_says_that_it_would_be_refused_and_counts_its_own_tasks_once() {
    let place = with(&[user("anna"), user("bert"), user("cleo")]);
    place.run(&["system", "set", SYSTEM, "max_deletes=2"]).code(0);
    place.sandbox.add_fault(FaultRule::new("DeleteUser", Effect::AccessDenied));
    let file = place.folder.path().join("wishes.json");
    let wish = |name| json!({"task": "delete_account", "account": name});
    let wishes = json!({"system": SYSTEM, "wishes": [wish("anna"), wish("bert")]});
    std::fs::write(&file, wishes.to_string()).unwrap();
    place.run(&["job", "apply", file.to_str().unwrap(), "--yes"]).code(1);
    let fits = place.run(&["job", "retry", "1", "--plan"]).code(0);
    assert!(!fits.stdout.contains("second person"), "{}", fits.stdout);
    place.run(&["account", "delete", SYSTEM, "cleo", "--yes"]).code(1);
    let plan = place.run(&["job", "retry", "1", "--plan"]).code(1);
    let said = plan.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("would begin 2 deletions again, and nobody has approved that: 1 deletion was"),
        "{said}"
    );
    assert!(plan.stderr.contains("would be refused"), "{}", plan.stderr);
    place.run(&["job", "retry", "1", "--yes"]).code(2);
}

#[test]
fn what_another_system_of_the_account_did_counts_towards_no_threshold() {
    let names = ["anna", "bert", "cleo", "dora", "emil", "finn", "gina"];
    let place = with(&names.map(user));
    place.add("second", ACCOUNT).code(0);
    place.run(&["import", "run", "second"]).code(0);
    for name in &names[..4] {
        place.run(&["account", "delete", SYSTEM, name, "--yes"]).code(0);
    }
    // Confirmed here, before the other one looks.
    for system in [SYSTEM, "second"] {
        place.run(&["import", "run", system]).code(0);
    }
    // What others did still does.
    place.mutate(&["emil", "finn", "gina"].map(|name| Mutation::DeleteUser { name: name.into() }));
    let suspended = place.run(&["import", "run", "second", "--output", "json"]).code(1).json();
    assert_eq!(
        (&suspended["state"], &suspended["suspicions"][0]["number"]),
        (&json!("suspended"), &json!(3))
    );
}
