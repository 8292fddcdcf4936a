//! The auditor (`tests/audit/audit_job.py`) is green where all is well, and red for each invariant that is broken.

use keyreeve_sandbox::Mutation;

use crate::harness::{Place, SYSTEM, user};

#[test]
fn each_invariant_has_a_violation_that_the_auditor_finds() {
    let place = Place::registered(0);
    let group = Mutation::CreateGroup { name: "devs".into(), path: "/".into() };
    let join = Mutation::AddToGroup { user: "ada".into(), group: "devs".into() };
    let password = Mutation::CreateLoginProfile { user: "ada".into(), reset_required: false };
    place.mutate(&[group, user("ada"), user("bob"), join, password]);
    place.run(&["import", "run", SYSTEM]).code(0);
    place.run(&["account", "create", SYSTEM, "--name", "eve", "--yes"]).code(0);
    place.run(&["assignment", "add", SYSTEM, "--account", "bob", "--group", "devs", "--yes"]).code(0);
    place.run(&["account", "delete", SYSTEM, "ada", "--yes"]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    place.audit();
    let said = place.hold_against_trace("planted.py", &[]);
    assert!(said.contains("violations were planted and found"), "{said}");
}
