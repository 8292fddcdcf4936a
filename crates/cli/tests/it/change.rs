//! What changed between two imports.

use keyreeve_sandbox::Mutation;

use crate::harness::{Place, SYSTEM, user};

fn changed() -> (Place, String) {
    let place = Place::imported(8);
    let name = place.names()[0].clone();
    place.mutate(&[
        user("=new"),
        Mutation::SetPath { name: name.clone(), path: "/moved/".into() },
        Mutation::CreateGroup { name: "night-shift".into(), path: "/".into() },
        Mutation::AddToGroup { user: "=new".into(), group: "night-shift".into() },
    ]);
    place.run(&["import", "run", SYSTEM]).code(0);
    (place, name)
}

#[test]
fn a_run_shows_what_it_changed_and_two_runs_compare_in_either_order() {
    let (place, name) = changed();
    let alone = place.json(&["import", "diff", "2"]);
    assert_eq!(place.json(&["import", "diff", "1", "2"]), alone);
    assert_eq!(place.json(&["import", "diff", "2", "1"]), alone);
    assert_eq!(place.json(&["import", "show", "2", "--changes"]), alone);
    let accounts = alone["accounts"].as_array().unwrap();
    assert!(
        accounts.iter().any(|one| one["change"] == "created" && one["after"]["name"] == "=new"),
        "{alone:#}"
    );
    let moved =
        accounts.iter().find(|one| one["change"] == "changed" && one["after"]["name"] == *name).unwrap();
    assert_eq!(moved["after"]["path"], "/moved/");
    assert!(moved["fields"].as_array().unwrap().contains(&"path".into()), "{moved:#}");
    let table = place.run(&["import", "diff", "2"]).code(0).stdout;
    assert!(table.lines().any(|line| line.contains(&name) && line.contains("→ /moved/")), "{table}");
    assert!(table.contains("=new → night-shift"), "{table}");
}

#[test]
fn changes_are_filtered_by_type_kind_and_name() {
    let (place, name) = changed();
    let lines = |arguments: &[&str]| -> Vec<String> {
        let text =
            place.run(&[&["import", "diff", "2", "--output", "csv"], arguments].concat()).code(0).stdout;
        text.lines().skip(1).map(str::to_owned).collect()
    };
    assert_eq!(lines(&["--type", "group"]).len(), 1);
    assert_eq!(lines(&["--type", "assignment"]).len(), 1);
    assert!(lines(&["--type", "account", "--change", "created"])[0].starts_with("created,account,'=new,"));
    let named = lines(&["--name", &name.to_uppercase()]);
    assert_eq!(named.len(), 1, "{named:?}");
    assert_eq!(lines(&["--name", "*shift"]).len(), 2);
    assert_eq!(lines(&["--change", "deleted"]), Vec::<String>::new());
    place.run(&["import", "diff", "2", "--type", "pet"]).code(2);
}

#[test]
fn a_preview_publishes_nothing_but_can_be_looked_at() {
    let place = Place::imported(5);
    place.mutate(&[Mutation::CreateGroup { name: "later".into(), path: "/".into() }]);
    let run = place.run(&["import", "run", SYSTEM, "--preview", "--output", "json"]).code(0).json();
    assert_eq!(run["state"], "previewed");
    assert_eq!(run["changes"]["resources"]["created"], 1);
    let id = run["id"].to_string();
    let changes = place.json(&["import", "diff", &id]);
    assert_eq!(changes["resources"][0]["after"]["name"], "later");
    let groups = place.json(&["resource", "list", SYSTEM, "--name", "later"]);
    assert_eq!(groups, serde_json::json!([]));
    let refused = place.run(&["account", "list", SYSTEM, "--as-of", &format!("run:{id}")]).code(2);
    assert!(refused.stderr.contains("was not published"), "{}", refused.stderr);
}

#[test]
fn the_help_says_what_a_deactivation_cannot_do_under_the_reference_policy() {
    let place = Place::with_users(0);
    let help = place.run(&["account", "deactivate", "--help"]).code(0).stdout;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("only console access is removed"), "{help}");
}

#[test]
fn losing_and_regaining_sight_of_credentials_changes_no_account() {
    let place = Place::imported(6);
    let accounts = place.json(&["account", "list", SYSTEM]).as_array().unwrap().len() as u64;
    let import = || place.run(&["import", "run", SYSTEM, "--output", "json"]).code(0).json();
    place.sandbox.deny("*", &["iam:GenerateCredentialReport"]);
    let lost = import();
    place.sandbox.deny("*", &[]);
    let regained = import();
    for run in [&lost, &regained] {
        let counts = &run["changes"]["accounts"];
        assert_eq!(counts["changed"], 0, "{counts}");
        assert_eq!(counts["seen_differently"], accounts, "{counts}");
    }
    let shown = place.run(&["import", "show", "2"]).code(0).stdout;
    assert!(shown.contains("accounts +0 ~0 -0"), "{shown}");
    assert!(shown.contains(&format!("{accounts} accounts: something became")), "{shown}");
    let line = |run: &str| place.run(&["import", "diff", run, "--type", "account"]).code(0).stdout;
    let lost = line("2");
    assert!(
        lost.contains("mfa_active: false → unknown") || lost.contains("mfa_active: true → unknown"),
        "{lost}"
    );
    assert!(lost.contains("access_keys: none → unknown"), "{lost}");
    let regained = line("3");
    assert!(regained.contains("access_keys: unknown → none"), "{regained}");
}
