//! A run that waits for a person.

use keyreeve_sandbox::Mutation;

use crate::harness::{Place, SYSTEM};
use crate::remote::Elsewhere;
use crate::serve::{serve, terminate};

/// An import that would delete three accounts of few; the run that found it is number 2.
fn suspended() -> (Place, Vec<String>) {
    let place = Place::imported(8);
    let gone: Vec<String> = place.names().into_iter().take(3).collect();
    let deletions: Vec<_> = gone.iter().map(|name| Mutation::DeleteUser { name: name.clone() }).collect();
    place.mutate(&deletions);
    let run = place.run(&["import", "run", SYSTEM]).code(1);
    assert!(run.stdout.contains("suspended") && run.stderr.contains("import accept 2"), "{}", run.stderr);
    (place, gone)
}

fn known(place: &Place, gone: &[String]) -> usize {
    place.names().iter().filter(|name| gone.contains(name)).count()
}

#[test]
fn nothing_is_published_until_a_person_accepts_and_then_exactly_that_run() {
    let (place, gone) = suspended();
    assert_eq!(known(&place, &gone), 3);
    let evidence = place.json(&["import", "diff", "2"]);
    let deleted: Vec<_> = evidence["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["change"] == "deleted")
        .map(|one| one["before"]["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(deleted, gone);
    // What happens in AWS meanwhile is not part of what is accepted.
    place.mutate(&[Mutation::CreateGroup { name: "meanwhile".into(), path: "/".into() }]);

    let no_reason = place.run(&["import", "accept", "2", "--yes"]).code(2);
    assert!(no_reason.stderr.contains("--reason"), "{}", no_reason.stderr);
    let not_asked = place.run(&["import", "accept", "2", "--reason", "they left"]).code(2);
    assert!(not_asked.stderr.contains("--yes"), "{}", not_asked.stderr);
    let plan = place.run(&["import", "accept", "2", "--reason", "they left", "--plan"]).code(0);
    assert!(plan.stderr.contains("3 of 9 account"), "{}", plan.stderr);
    assert_eq!(known(&place, &gone), 3);

    let accepted = place
        .run(&["import", "accept", "2", "--reason", "they left", "--yes", "--output", "json"])
        .code(0)
        .json();
    assert_eq!(accepted["state"], "published");
    assert_eq!(accepted["decision_reason"], "they left");
    assert!(accepted["decided_by"].as_str().unwrap().starts_with("local:"), "{accepted:#}");
    assert_eq!(known(&place, &gone), 0);
    assert_eq!(place.json(&["resource", "list", SYSTEM, "--name", "meanwhile"]), serde_json::json!([]));
    assert_eq!(place.json(&["import", "diff", "2"]), evidence);
    let twice = place.run(&["import", "accept", "2", "--reason", "again", "--yes"]).code(2);
    assert!(twice.stderr.contains("published"), "{}", twice.stderr);
}

#[test]
fn a_rejected_run_changes_nothing_and_keeps_its_evidence() {
    let (place, gone) = suspended();
    let rejected = place.run(&["import", "reject", "2", "--yes", "--output", "json"]).code(0).json();
    assert_eq!(rejected["state"], "rejected");
    assert_eq!(known(&place, &gone), 3);
    assert_eq!(place.json(&["import", "diff", "2"])["accounts"].as_array().unwrap().len(), 3);
    place.run(&["import", "accept", "2", "--reason", "too late", "--yes"]).code(2);
}

#[test]
fn a_run_that_was_overtaken_cannot_be_accepted() {
    let (place, _) = suspended();
    place.run(&["import", "profile", "set", SYSTEM, "default", "thresholds.small.deleted=10"]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    let refused = place.run(&["import", "accept", "2", "--reason", "late", "--yes"]).code(2);
    assert!(refused.stderr.contains("hint: reject it and import again"), "{}", refused.stderr);
}

/// What cannot be done any more is refused with the same code here and by way of a server.
#[test]
fn a_run_that_is_out_of_date_or_does_not_wait_is_refused_with_two() {
    let (place, _) = suspended();
    place.run(&["import", "profile", "set", SYSTEM, "default", "thresholds.small.deleted=10"]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    let (child, address) = serve(&place, &[]);
    let there = Elsewhere::of(&address, &place.token("ada", "approver", &[]));
    for run in ["2", "3"] {
        let accept = ["import", "accept", run, "--reason", "late", "--yes"];
        for ran in [place.run(&accept), there.run(&accept)] {
            assert_eq!(ran.code, 2, "{run}: {}", ran.stderr);
        }
    }
    assert!(
        place.run(&["import", "accept", "2", "--reason", "late", "--yes"]).stderr.contains("out of date")
    );
    terminate(child);
}
