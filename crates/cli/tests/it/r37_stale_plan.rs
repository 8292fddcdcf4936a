//! R37: a plan that was approved is not carried out when what it rests on has changed; the refusal names that.

use keyreeve_sandbox::Mutation;

use crate::harness::{Place, SYSTEM};

/// A deletion that waits for a second person, approved by one.
fn approved(place: &Place, account: &str) -> String {
    let asked = ["account", "delete", SYSTEM, account, "--yes", "--output", "json"];
    let job = place.run(&asked).code(1).json();
    assert_eq!(job["state"], "awaiting_approval", "{job:#}");
    let job = job["id"].to_string();
    let other = place.token("berta", "approver", &[]);
    place.run_as(&other, &["job", "approve", &job, "--yes"]).code(0);
    job
}

#[test]
fn r37_an_approved_plan_whose_facts_an_import_changed_is_refused_and_names_them() {
    let place = Place::imported(6);
    place.run(&["system", "set", SYSTEM, "max_deletes=0", "permission_profile=full"]).code(0);
    let names = place.names();
    let [changed, same] = [names[0].as_str(), names[1].as_str()];
    let stale = approved(&place, changed);
    let fresh = approved(&place, same);
    // The account that is to go has got a group since, and an import has seen it.
    place.mutate(&[
        Mutation::CreateGroup { name: "meanwhile".into(), path: "/".into() },
        Mutation::AddToGroup { user: changed.into(), group: "meanwhile".into() },
    ]);
    place.run(&["import", "run", SYSTEM]).code(0);
    place.sandbox.clear_trace();
    let refused = place.run(&["job", "apply", &stale, "--yes"]).code(1);
    assert!(refused.stderr.contains("plan_stale"), "{}", refused.stderr);
    assert!(refused.stderr.contains(&format!("account {changed}")), "{}", refused.stderr);
    assert!(refused.stderr.contains(&format!("account {changed}: groups were ")), "{}", refused.stderr);
    assert!(refused.stderr.contains("meanwhile"), "{}", refused.stderr);
    assert!(!refused.stderr.contains(&format!("account {same}")), "{}", refused.stderr);
    let writes = place.sandbox.trace().into_iter().filter(|entry| entry.applied.is_some()).count();
    assert_eq!(writes, 0, "a stale plan made a call");
    assert_eq!(place.json(&["job", "show", &stale])["state"], "queued");
    assert!(place.names().contains(&changed.to_owned()));
    // What did not change is not held up.
    place.run(&["job", "apply", &fresh, "--yes"]).code(0);
    place.run(&["job", "cancel", &stale, "--yes"]).code(0);
}

#[test]
fn r37_who_is_to_approve_a_stale_plan_hears_how_it_is_taken_back() {
    let place = Place::imported(3);
    place.run(&["system", "set", SYSTEM, "max_deletes=0", "permission_profile=full"]).code(0);
    let account = place.names()[0].clone();
    let job = place.run(&["account", "delete", SYSTEM, &account, "--yes", "--output", "json"]).code(1).json();
    let job = job["id"].to_string();
    place.mutate(&[
        Mutation::CreateGroup { name: "meanwhile".into(), path: "/".into() },
        Mutation::AddToGroup { user: account, group: "meanwhile".into() },
    ]);
    let berta = place.token("berta", "approver", &[]);
    let refused = place.run_as(&berta, &["job", "approve", &job, "--yes"]).code(1);
    assert!(refused.stderr.contains("plan_stale"), "{}", refused.stderr);
    assert!(
        refused.stderr.contains(&format!("`keyreeve job cancel {job}` takes it back")),
        "{}",
        refused.stderr
    );
}
