//! What stands in the way of a job that waited is seen before its first call, not only when it was planned.

use std::process::Child;

use keyreeve_sandbox::{Effect, FaultRule, Mutation};
use serde_json::{Value, json};

use crate::harness::{Place, Ran, SYSTEM, piped, until, user};
use crate::remote::Elsewhere;
use crate::serve::{serve, terminate};

const ADMIN: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

fn with(changes: &[Mutation]) -> Place {
    let place = Place::registered(0);
    place.mutate(changes);
    place.run(&["system", "set", SYSTEM, "permission_profile=full"]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    place
}

/// Queues what is asked for, and gives the job's number.
#[track_caller]
fn queued(place: &Place, arguments: &[&str]) -> String {
    let ran = place.run(&[arguments, &["--yes", "--no-wait", "--output", "json"]].concat());
    ran.code(0).json()["id"].to_string()
}

fn writes(place: &Place) -> Vec<String> {
    let writes = place.sandbox.trace().into_iter().filter(|entry| entry.applied.is_some());
    writes.map(|entry| entry.action).collect()
}

/// The state and the failure of a job's tasks.
fn tasks(place: &Place, job: &str) -> Vec<(String, String)> {
    let job = place.json(&["job", "show", job]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of = |task: &Value| (text(&task["state"]), text(&task["failure"]["message"]));
    job["tasks"].as_array().unwrap().iter().map(of).collect()
}

#[test]
fn s33_of_two_queued_deletions_of_administrators_the_second_is_refused() {
    let admin =
        |name: &str| [user(name), Mutation::AttachUserPolicy { user: name.into(), arn: ADMIN.into() }];
    let place = with(&[admin("anna"), admin("bert")].concat());
    // The connector itself is no administrator here.
    let state = place.sandbox.state(crate::harness::ACCOUNT).unwrap();
    let held = state["users"].as_array().unwrap().iter().filter(|user| user.to_string().contains(ADMIN));
    let others: Vec<String> = held
        .map(|user| user["name"].as_str().unwrap().to_owned())
        .filter(|name| name != "anna" && name != "bert")
        .collect();
    for name in others {
        place.mutate(&[Mutation::DetachUserPolicy { user: name, arn: ADMIN.into() }]);
    }
    let first = queued(&place, &["account", "delete", SYSTEM, "anna"]);
    let second = queued(&place, &["account", "delete", SYSTEM, "bert"]);
    place.run(&["job", "apply", &first, "--yes"]).code(0);
    place.sandbox.clear_trace();
    place.run(&["job", "apply", &second, "--yes"]).code(1);
    let tasks = tasks(&place, &second);
    assert_eq!(tasks[0].0, "failed");
    assert!(tasks[0].1.contains("last account that holds AdministratorAccess"), "{tasks:?}");
    assert_eq!(writes(&place), Vec::<String>::new());
    let audit = place.json(&["audit", "list"]);
    let ended = |row: &&Value| row["action"] == "task_ended" && row["subject"]["to"] == "failed";
    assert_eq!(audit.as_array().unwrap().iter().filter(ended).count(), 1);
}

#[test]
fn what_is_protected_while_a_job_waits_is_left_alone_and_the_rest_goes_on() {
    let place = with(&[user("anna"), user("bert")]);
    let wish = |name| json!({"task": "delete_account", "account": name});
    let file = place.folder.path().join("wishes.json");
    let wishes = json!({"system": SYSTEM, "wishes": [wish("anna"), wish("bert")]});
    std::fs::write(&file, wishes.to_string()).unwrap();
    let job = queued(&place, &["job", "apply", file.to_str().unwrap()]);
    place.run(&["protect", "add", SYSTEM, "--account", "anna"]).code(0);
    place.sandbox.clear_trace();
    place.run(&["job", "apply", &job, "--yes"]).code(1);
    let tasks = tasks(&place, &job);
    assert_eq!((tasks[0].0.as_str(), tasks[1].0.as_str()), ("failed", "succeeded"), "{tasks:?}");
    assert!(tasks[0].1.contains("protect list"), "{tasks:?}");
    assert_eq!(writes(&place), ["DeleteUser"]);
    // Gathered once for all of it.
    let listings = place.sandbox.trace().iter().filter(|entry| entry.action == "ListUsers").count();
    assert_eq!(listings, 1);
    // Taken off the list, it can be tried again.
    let entry = ["protect", "remove", SYSTEM, "--account", "anna"];
    place.run(&entry).code(0);
    place.run(&["job", "retry", &job, "--yes"]).code(0);
}

#[test]
fn requests_at_the_same_time_do_not_get_around_the_second_person() {
    let names = ["anna", "bert", "cleo", "dora"];
    let signs_in =
        |name: &str| [user(name), Mutation::CreateLoginProfile { user: name.into(), reset_required: false }];
    let place = with(&names.map(signs_in).concat());
    place.run(&["system", "set", SYSTEM, "max_deactivations=2"]).code(0);
    let asked = names.map(|name| piped(place.command(&["account", "deactivate", SYSTEM, name, "--yes"])));
    let ran = asked.map(|child| Ran::of(child.wait_with_output().unwrap()));
    let codes: Vec<i32> = ran.iter().map(|ran| ran.code).collect();
    let done = codes.iter().filter(|code| **code == 0).count();
    assert_eq!(done, 2, "{codes:?}");
    for ran in ran.iter().filter(|ran| ran.code != 0) {
        // Who planned after the others wait for approval; who planned beside them is refused.
        let expected =
            if ran.code == 1 { "a second person must approve" } else { "others asked for the same" };
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    }
}

#[test]
fn what_a_job_cannot_do_is_said_in_plain_words() {
    let place = with(&[user("anna")]);
    place.run(&["system", "set", SYSTEM, "max_deletes=0"]).code(0);
    let asked = ["account", "delete", SYSTEM, "anna", "--yes", "--output", "json"];
    let asked = place.run(&asked).code(1);
    assert!(asked.stderr.contains("operator or admin"), "{}", asked.stderr);
    let because = asked.json()["approval_because"][0].as_str().unwrap().to_owned();
    assert!(because.starts_with("1 deletion is asked for"), "{because}");
    let job = asked.json()["id"].to_string();
    let retry = place.run(&["job", "retry", &job, "--yes"]).code(2);
    assert!(retry.stderr.contains("waits for a second person's approval"), "{}", retry.stderr);
    place.run(&["job", "cancel", &job, "--yes", "--no-wait"]).code(2);
    place.run(&["job", "cancel", &job, "--yes"]).code(0);
    let again = place.run(&["job", "cancel", &job, "--yes"]).code(2);
    assert!(again.stderr.contains("is cancelled already"), "{}", again.stderr);
}

/// A deletion that waits for a second person, an admin, and a server that knows both.
fn a_job_that_waits() -> (Place, String, String, Child, Elsewhere) {
    let place = with(&[user("anna"), user("bert")]);
    place.run(&["system", "set", SYSTEM, "max_deletes=0"]).code(0);
    let berta = place.token("berta", "admin", &[]);
    let (child, address) = serve(&place, &[]);
    let elsewhere = Elsewhere::of(&address, &berta);
    let asked = ["account", "delete", SYSTEM, "anna", "--yes", "--output", "json"];
    let job = place.run(&asked).code(1).json()["id"].to_string();
    (place, berta, job, child, elsewhere)
}

#[test]
fn whoever_is_about_to_approve_sees_what_that_is_here_and_by_way_of_a_server() {
    let (place, berta, job, child, elsewhere) = a_job_that_waits();
    let plan = ["job", "approve", &job, "--plan"];
    for plan in [place.run_as(&berta, &plan).code(0), elsewhere.run(&plan).code(0)] {
        let calls = plan.stdout.contains("delete_account anna") && plan.stdout.contains("DeleteUser");
        assert!(calls, "{}", plan.stdout);
        assert!(plan.stderr.contains("Nothing was done, because of --plan"), "{}", plan.stderr);
    }
    let plan = [&plan[..], &["--output", "json"]].concat();
    for plan in [place.run_as(&berta, &plan).code(0), elsewhere.run(&plan).code(0)] {
        assert_eq!(plan.json()["tasks"][0]["steps"][0]["operation"], "DeleteUser", "{}", plan.stdout);
    }
    terminate(child);
}

#[test]
fn a_plan_promises_nothing_of_a_job_that_has_ended() {
    let (place, berta, job, child, elsewhere) = a_job_that_waits();
    let both = |what: &str, code: i32| {
        let plan = ["job", what, &job, "--plan"];
        [place.run_as(&berta, &plan).code(code), elsewhere.run(&plan).code(code)]
    };
    for what in ["cancel", "reject", "approve"] {
        both(what, 0);
    }
    place.run(&["job", "cancel", &job, "--yes"]).code(0);
    for what in ["cancel", "reject", "approve"] {
        for plan in both(what, 2) {
            let refused = plan.stderr.contains("is cancelled") && !plan.stderr.contains("will be");
            assert!(refused, "{what}: {}", plan.stderr);
        }
    }
    terminate(child);
}

/// S35: a preview says what the decision itself would be told, here and by way of a server.
#[test]
fn s35_a_plan_of_a_decision_is_refused_as_the_decision_would_be() {
    let (place, berta, job, child, elsewhere) = a_job_that_waits();
    let afar = |owner: &str, role: &str| {
        let token = place.token(owner, role, &[]);
        (Elsewhere::of(elsewhere.url.strip_prefix("http://").unwrap(), &token), token)
    };
    let asked = ["account", "delete", SYSTEM, "bert", "--yes", "--output", "json"];
    let own = elsewhere.run(&asked).code(1).json()["id"].to_string();
    let (anna, at_home) = afar("anna", "approver");
    let (operator, _) = afar("olga", "operator");
    let both = |what: &str| {
        let here = place.run(&["job", what, &job, "--plan"]);
        [(here, job.clone()), (elsewhere.run(&["job", what, &own, "--plan"]), own.clone())]
    };
    for (ran, _) in both("approve") {
        assert!(ran.code == 2 && ran.stderr.contains("somebody else must approve"), "{}", ran.stderr);
    }
    for (ran, job) in both("reject") {
        assert!(ran.code == 2 && ran.stderr.contains(&format!("job cancel {job}")), "{}", ran.stderr);
        assert!(!ran.stderr.contains("token create"), "{}", ran.stderr);
    }
    for ran in [
        place.run_as(&at_home, &["job", "approve", &job, "--plan"]),
        anna.run(&["job", "approve", &job, "--plan"]),
    ] {
        assert!(ran.code == 2 && ran.stderr.contains("has the name of anna"), "{}", ran.stderr);
    }
    anna.run(&["job", "reject", &job, "--plan"]).code(0);
    for what in ["approve", "reject"] {
        let ran = operator.run(&["job", what, &job, "--plan"]).code(2);
        assert!(ran.stderr.contains("role operator"), "{what}: {}", ran.stderr);
    }
    elsewhere.run(&["job", "approve", &job, "--yes"]).code(0);
    for what in ["approve", "reject"] {
        let plan = ["job", what, &job, "--plan"];
        for ran in [place.run_as(&berta, &plan), elsewhere.run(&plan)] {
            assert!(ran.code == 2 && ran.stderr.contains("approved by berta"), "{what}: {}", ran.stderr);
        }
    }
    terminate(child);
}

#[test]
fn why_a_job_is_not_tried_again_is_no_approval_that_it_lacks() {
    let (place, berta, job, child, elsewhere) = a_job_that_waits();
    place.run(&["job", "cancel", &job, "--yes"]).code(0);
    let plan = ["job", "retry", &job, "--plan"];
    for plan in [place.run_as(&berta, &plan).code(1), elsewhere.run(&plan).code(1)] {
        assert!(plan.stdout.contains("It would be refused:"), "{}", plan.stdout);
        assert!(!plan.stdout.contains("must approve"), "{}", plan.stdout);
    }
    let plan = [&plan[..], &["--output", "json"]].concat();
    for plan in [place.run_as(&berta, &plan).code(1), elsewhere.run(&plan).code(1)] {
        assert_eq!(plan.json()["approval_because"], json!([]), "{}", plan.stdout);
        assert!(plan.json()["refused"].as_str().unwrap().contains(&format!("job {job} ")), "{}", plan.stdout);
    }
    terminate(child);
}

#[test]
fn a_deactivation_that_is_not_finished_is_named_when_its_account_is_to_be_reactivated() {
    let signs_in = Mutation::CreateLoginProfile { user: "anna".into(), reset_required: false };
    let place = with(&[user("anna"), signs_in]);
    let job = queued(&place, &["account", "deactivate", SYSTEM, "anna"]);
    let plan = place.run(&["account", "reactivate", SYSTEM, "anna", "--plan"]).code(1);
    assert!(plan.stdout.contains(&format!("keyreeve job apply {job}")), "{}", plan.stdout);
    assert!(!plan.stdout.contains("has not deactivated"), "{}", plan.stdout);
}

#[test]
fn a_deletion_that_hidden_keys_stopped_advises_the_permissions_that_show_them() {
    let place = Place::registered(0);
    place.mutate(&[user("anna")]);
    place.run(&["system", "set", SYSTEM, "prioritise_delete_tasks=false"]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    place.mutate(&[Mutation::CreateAccessKey { user: "anna".into() }]);
    let ran = place.run(&["account", "delete", SYSTEM, "anna", "--yes", "--output", "json"]).code(1);
    let tasks = tasks(&place, &ran.json()["id"].to_string());
    assert!(tasks[0].1.contains("permission_profile=lifecycle"), "{tasks:?}");
    assert!(!tasks[0].1.contains("prioritise_delete_tasks"), "{tasks:?}");
}

#[test]
fn who_waits_for_a_process_that_was_killed_is_told() {
    let place = with(&[user("anna")]);
    place.sandbox.add_fault(FaultRule::new("DeleteUser", Effect::Hang));
    let lease = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        command.env("KEYREEVE_IMPORT_LEASE_SECONDS", "3");
        command
    };
    let mut child = piped(lease(&["account", "delete", SYSTEM, "anna", "--yes"]));
    until("the call that hangs", || place.sandbox.faults().iter().any(|fault| fault.fires > 0).then_some(()));
    let process = child.id();
    child.kill().unwrap();
    child.wait().unwrap();
    place.sandbox.clear_faults();
    let ran = Ran::of(lease(&["job", "apply", "1", "--yes"]).output().unwrap()).code(0);
    assert!(ran.stderr.contains(&format!("in the hands of process {process} of")), "{}", ran.stderr);
}

#[test]
fn s34_jobs_that_are_tried_again_do_not_get_around_the_second_person() {
    let names: Vec<String> = (1..=6).map(|number| format!("user{number}")).collect();
    let group = Mutation::CreateGroup { name: "devs".into(), path: "/".into() };
    let place = with(&[vec![group], names.iter().map(|name| user(name)).collect()].concat());
    place.run(&["system", "set", SYSTEM, "max_deletes=3"]).code(0);
    let denied = Effect::Error { status: 403, code: "AccessDenied".to_owned(), message: String::new() };
    place.sandbox.add_fault(FaultRule::new("AddUserToGroup", denied));
    let failed = |names: &[String]| {
        let join = |name: &String| json!({"task": "add_assignment", "account": name, "group": "devs"});
        let leave = |name: &String| json!({"task": "delete_account", "account": name});
        let wishes: Vec<Value> = names.iter().flat_map(|name| [join(name), leave(name)]).collect();
        let file = place.folder.path().join("wishes.json");
        std::fs::write(&file, json!({"system": SYSTEM, "wishes": wishes}).to_string()).unwrap();
        let ran = place.run(&["job", "apply", file.to_str().unwrap(), "--yes", "--output", "json"]).code(1);
        ran.json()["id"].to_string()
    };
    let (first, second) = (failed(&names[..3]), failed(&names[3..]));
    place.sandbox.clear_faults();
    place.run(&["job", "retry", &first, "--yes"]).code(0);
    place.sandbox.clear_trace();
    let before = place.json(&["job", "show", &second]);
    let refused = place.run(&["job", "retry", &second, "--yes"]).code(2);
    assert!(refused.stderr.contains("ask for them as a new job"), "{}", refused.stderr);
    assert_eq!(place.json(&["job", "show", &second]), before);
    assert_eq!(writes(&place), Vec::<String>::new());
}
