//! Who had what, then.

use keyreeve_sandbox::Mutation;

use crate::harness::{Place, SYSTEM, user};

#[test]
fn every_published_run_can_be_read_back() {
    let place = Place::imported(6);
    let first = place.json(&["account", "list", SYSTEM]);
    let assignments = place.json(&["assignment", "list", SYSTEM]);
    let name = place.names()[0].clone();
    place.mutate(&[Mutation::SetPath { name: name.clone(), path: "/moved/".into() }]);
    let published = place.json(&["import", "list", SYSTEM])[0]["published_at"].as_str().unwrap().to_owned();
    place.run(&["import", "run", SYSTEM]).code(0);
    let now = place.json(&["account", "list", SYSTEM]);
    assert_ne!(now, first);

    for moment in ["run:1", published.as_str()] {
        let then = place.json(&["account", "list", SYSTEM, "--as-of", moment]);
        assert_eq!(without_sightings(&then), without_sightings(&first), "{moment}");
        let then = place.json(&["assignment", "list", SYSTEM, "--as-of", moment]);
        assert_eq!(without_sightings(&then), without_sightings(&assignments), "{moment}");
        let then = place.json(&["account", "show", SYSTEM, &name, "--as-of", moment]);
        assert_ne!(then["path"], "/moved/");
        place.run(&["resource", "list", SYSTEM, "--as-of", moment]).code(0);
    }
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    for moment in ["run:2", &today] {
        assert_eq!(place.json(&["account", "list", SYSTEM, "--as-of", moment]), now, "{moment}");
    }
    assert_eq!(place.json(&["account", "show", SYSTEM, &name])["path"], "/moved/");
}

#[test]
fn the_future_is_not_read_as_the_present() {
    let place = Place::imported(1);
    for arguments in [
        &["account", "list", SYSTEM][..],
        &["account", "show", SYSTEM, "keyreeve-connector"],
        &["resource", "list", SYSTEM],
        &["assignment", "list", SYSTEM],
    ] {
        for moment in ["2999-01-01", "2999-01-01T00:00:00+02:00"] {
            let refused = place.run(&[arguments, &["--as-of", moment]].concat()).code(2);
            assert_eq!(refused.stdout, "", "{arguments:?}");
            assert!(
                refused.stderr.contains("in the future") && refused.stderr.contains("hint:"),
                "{}",
                refused.stderr
            );
        }
    }
}

#[test]
fn who_came_later_is_not_said_to_be_gone() {
    let place = Place::imported(1);
    place.mutate(&[user("later")]);
    place.run(&["import", "run", SYSTEM]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    let shown = place.run(&["account", "show", SYSTEM, "later", "--as-of", "run:1"]).code(2);
    assert!(shown.stderr.contains("it came later: run 2 was the first that saw it"), "{}", shown.stderr);
    place.mutate(&[Mutation::DeleteUser { name: "later".into() }]);
    place.run(&["import", "run", SYSTEM]).code(0);
    let shown = place.run(&["account", "show", SYSTEM, "later"]).code(2);
    assert!(shown.stderr.contains("it was there in run 3, and is gone"), "{}", shown.stderr);
}

/// Which run saw an object last is told from today's view or from that of then, as the store has it.
fn without_sightings(list: &serde_json::Value) -> serde_json::Value {
    let mut list = list.clone();
    for object in list.as_array_mut().unwrap() {
        object.as_object_mut().unwrap().remove("last_seen_run");
    }
    list
}
