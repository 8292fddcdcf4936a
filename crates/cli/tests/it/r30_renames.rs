//! R30: an account that is renamed, only in case too, or moved stays the same account, with its history.

use keyreeve_sandbox::Mutation;
use serde_json::Value;

use crate::harness::{Place, SYSTEM, user};

fn find(place: &Place, id: &str, as_of: &str) -> Value {
    let accounts = place.json(&["account", "list", SYSTEM, "--as-of", as_of]);
    let found: Vec<&Value> =
        accounts.as_array().unwrap().iter().filter(|one| one["external_id"] == id).collect();
    assert_eq!(found.len(), 1, "as of {as_of}: {accounts:#}");
    found[0].clone()
}

/// Imports, and holds against what must be seen: one changed account, none that came or went.
fn seen_as_a_change(place: &Place) -> String {
    let run = place.run(&["import", "run", SYSTEM, "--output", "json"]).code(0).json();
    assert_eq!(run["changes"]["accounts"]["created"], 0, "{run:#}");
    assert_eq!(run["changes"]["accounts"]["deleted"], 0, "{run:#}");
    assert_eq!(run["changes"]["accounts"]["changed"], 1, "{run:#}");
    format!("run:{}", run["id"])
}

#[test]
fn r30_a_renamed_or_moved_account_keeps_its_row_and_its_history() {
    let place = Place::registered(5);
    place.mutate(&[
        user("ada"),
        Mutation::CreateGroup { name: "devs".into(), path: "/".into() },
        Mutation::AddToGroup { user: "ada".into(), group: "devs".into() },
    ]);
    place.run(&["system", "set", SYSTEM, "permission_profile=full"]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    let first = place.json(&["account", "show", SYSTEM, "ada"]);
    let id = first["external_id"].as_str().unwrap().to_owned();
    let mut expected = vec![("run:1".to_owned(), "ada", "/")];
    // Behind our back: only the case, which takes a detour because AWS refuses a name that is there, then the path;
    // then by a task of ours.
    let rename = |name: &str, to: &str| Mutation::RenameUser { name: name.into(), new_name: to.into() };
    place.mutate(&[rename("ada", "detour"), rename("detour", "Ada")]);
    expected.push((seen_as_a_change(&place), "Ada", "/"));
    place.mutate(&[Mutation::SetPath { name: "Ada".into(), path: "/it/".into() }]);
    expected.push((seen_as_a_change(&place), "Ada", "/it/"));
    let rename = ["account", "update", SYSTEM, "Ada", "--new-name", "ada.king", "--yes"];
    place.run(&rename).code(0);
    expected.push((seen_as_a_change(&place), "ada.king", "/it/"));
    for (moment, name, path) in &expected {
        let then = find(&place, &id, moment);
        assert_eq!((&then["name"], &then["path"]), (&(*name).into(), &(*path).into()), "{moment}");
        assert_eq!(then["first_seen_run"], first["first_seen_run"], "{moment}: another account row");
        let held = place.json(&["assignment", "list", SYSTEM, "--account", name, "--as-of", moment]);
        assert_eq!(held[0]["account_external_id"], id.as_str(), "{moment}: {held:#}");
        assert_eq!(held.as_array().unwrap().len(), 1, "{moment}: {held:#}");
    }
}
