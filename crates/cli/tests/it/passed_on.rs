//! S10 over the command line: what is asked for by name is not done to whoever has the name by now, and an id that is
//! also a name means nobody.

use keyreeve_sandbox::Mutation;

use crate::harness::{Place, SYSTEM, user};

fn with(changes: &[Mutation]) -> Place {
    let place = Place::registered(0);
    place.mutate(changes);
    place.run(&["system", "set", SYSTEM, "permission_profile=full"]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    place
}

#[test]
fn s10_a_name_that_is_another_users_since_the_last_import_is_refused_with_what_to_do() {
    let place =
        with(&[user("ada"), Mutation::CreateLoginProfile { user: "ada".into(), reset_required: false }]);
    let was = place.json(&["account", "show", SYSTEM, "ada"])["external_id"].as_str().unwrap().to_owned();
    place.mutate(&[
        Mutation::DeleteAndRecreateUser { name: "ada".into() },
        Mutation::CreateLoginProfile { user: "ada".into(), reset_required: false },
    ]);
    let before = place.sandbox.state(crate::harness::ACCOUNT).unwrap();
    for asked in [
        &["account", "deactivate", SYSTEM, "ada"][..],
        &["account", "delete", SYSTEM, "ada"],
        &["account", "reset-password", SYSTEM, "ada"],
        &["account", "update", SYSTEM, "ada", "--new-path", "/x/"],
    ] {
        for agreed in ["--plan", "--yes"] {
            let ran = place.run(&[asked, &[agreed]].concat());
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert!(said.contains(&was) && said.contains("import run"), "{asked:?} {agreed}: {said}");
            assert_ne!(ran.code, 0, "{said}");
        }
    }
    assert_eq!(place.sandbox.state(crate::harness::ACCOUNT).unwrap()["users"], before["users"]);
    place.run(&["import", "run", SYSTEM]).code(0);
    let plan = place.run(&["account", "deactivate", SYSTEM, "ada", "--plan"]).code(0);
    let now = place.json(&["account", "show", SYSTEM, "ada"])["external_id"].as_str().unwrap().to_owned();
    assert!(plan.stdout.contains(&format!("ada ({now})")), "{}", plan.stdout);
}

#[test]
fn s10_an_id_that_is_also_a_name_is_refused_where_it_is_read_and_where_it_is_changed() {
    let place = with(&[user("ada")]);
    let id = place.json(&["account", "show", SYSTEM, "ada"])["external_id"].as_str().unwrap().to_owned();
    let off = |who: &str| place.run(&["account", "delete", SYSTEM, who, "--plan", "--output", "json"]);
    let plan = off(&id).code(0).json();
    assert_eq!(
        (&plan["tasks"][0]["account"], &plan["tasks"][0]["account_external_id"]),
        (&"ada".into(), &id.as_str().into())
    );
    place.mutate(&[user(&id)]);
    place.run(&["import", "run", SYSTEM]).code(0);
    let list = place.json(&["account", "list", SYSTEM, "--name", &id]);
    let named = list[0]["external_id"].as_str().unwrap();
    let shown = place.run(&["account", "show", SYSTEM, &id]);
    assert_ne!(shown.code, 0, "{}", shown.stdout);
    assert!(shown.stderr.contains("\"ada\"") && shown.stderr.contains(named), "{}", shown.stderr);
    let changed = off(&id).code(1);
    assert!(changed.stdout.contains("ambiguous") && changed.stdout.contains(named), "{}", changed.stdout);
    assert_eq!(place.json(&["account", "show", SYSTEM, named])["name"], id.as_str());
    assert_eq!(off(named).code(0).json()["tasks"][0]["account"], id.as_str());
    assert_eq!(off("ada").code(0).json()["tasks"][0]["account"], "ada");
}
