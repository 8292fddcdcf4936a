//! What nobody may change.

use keyreeve_sandbox::Mutation;
use serde_json::json;

use crate::harness::{Place, SYSTEM, user};
use crate::remote::Elsewhere;
use crate::serve::{serve, terminate};

#[test]
fn what_is_protected_is_not_changed_until_the_protection_ends() {
    let place = Place::imported(3);
    let name = place.names()[0].clone();
    let deactivate = ["account", "deactivate", SYSTEM, &name, "--plan"];
    place.run(&deactivate).code(0);
    let protect =
        ["protect", "add", SYSTEM, "--account", &name, "--reason", "break glass", "--output", "json"];
    let listed = place.run(&protect).code(0).json();
    assert_eq!((&listed[0]["kind"], &listed[0]["value"]), (&json!("account"), &json!(name)));
    assert_eq!(listed[0]["reason"], "break glass");
    assert!(listed[0]["added_by"].as_str().unwrap().starts_with("local:"));
    assert_eq!(place.json(&["protect", "list", SYSTEM]), listed);
    let plan = place.run(&deactivate).code(1);
    assert!(plan.stdout.contains("protect"), "{}", plan.stdout);
    place.run(&["account", "deactivate", SYSTEM, &name, "--yes"]).code(2);
    let remove = ["protect", "remove", SYSTEM, "--account", &name];
    place.run(&remove).code(0);
    place.run(&deactivate).code(0);
    let again = place.run(&remove).code(2);
    assert!(again.stderr.contains("hint: `keyreeve protect list example`"), "{}", again.stderr);
}

#[test]
fn paths_and_tags_are_protected_in_their_forms() {
    let place = Place::registered(0);
    place.run(&["protect", "add", SYSTEM, "--path", "/break-glass/"]).code(0);
    place.run(&["protect", "add", SYSTEM, "--tag", "keep"]).code(0);
    place.run(&["protect", "add", SYSTEM, "--tag", "team=sre=1"]).code(0);
    let csv = place.run(&["protect", "list", SYSTEM, "--output", "csv"]).code(0).stdout;
    let lines: Vec<&str> = csv.lines().collect();
    assert!(lines[1].starts_with("path,/break-glass/,") && lines[3].starts_with("tag,team=sre=1,"), "{csv}");
    assert!(place.run(&["protect", "list", SYSTEM]).code(0).stdout.contains("/break-glass/"));
    let refused: &[&[&str]] =
        &[&["--path", "staff"], &["--tag", "=x"], &["--account", ""], &[], &["--tag", "a", "--path", "/a/"]];
    for what in refused {
        place.run(&[&["protect", "add", SYSTEM], *what].concat()).code(2);
    }
    place.run(&["protect", "list", "nobody"]).code(2);
}

#[test]
fn no_account_is_made_under_a_protected_path_or_name() {
    let place = Place::imported(0);
    place.run(&["protect", "add", SYSTEM, "--path", "/vault/"]).code(0);
    place.run(&["protect", "add", SYSTEM, "--account", "Root-Like"]).code(0);
    let create = |name: &str, path: &str| {
        ["account", "create", SYSTEM, "--name", name, "--path", path, "--yes"].map(str::to_owned)
    };
    for (name, path) in [("ada", "/vault/deep/"), ("root-like", "/")] {
        let arguments = create(name, path);
        let refused = place.run(&arguments.each_ref().map(String::as_str)).code(2);
        assert!(refused.stderr.contains("is on the protect list"), "{}", refused.stderr);
    }
    let elsewhere = create("ada", "/staff/");
    place.run(&elsewhere.each_ref().map(String::as_str)).code(0);
}

#[test]
fn an_entry_that_covers_nobody_is_added_with_a_warning() {
    let place = Place::registered(0);
    let mut ada = user("ada");
    if let Mutation::CreateUser { path, tags, .. } = &mut ada {
        "/staff/".clone_into(path);
        tags.push(("team".to_owned(), "sre".to_owned()));
    }
    place.mutate(&[ada]);
    let unseen = place.run(&["protect", "add", SYSTEM, "--account", "early"]).code(0);
    assert!(!unseen.stderr.contains("warning"), "nothing is known yet: {}", unseen.stderr);
    place.run(&["import", "run", SYSTEM]).code(0);
    let admin = place.token("amy", "admin", &[]);
    let (child, address) = serve(&place, &[]);
    let elsewhere = Elsewhere::of(&address, &admin);
    for (option, wrong, right) in
        [("--account", "adda", "ADA"), ("--path", "/Staff/", "/staff/"), ("--tag", "team=SRE", "Team=sre")]
    {
        let near = if option == "--account" { "ada" } else { right };
        let near = if option == "--tag" { "team=sre" } else { near };
        for warned in [
            place.run(&["protect", "add", SYSTEM, option, wrong, "--output", "json"]).code(0),
            elsewhere.run(&["protect", "add", SYSTEM, option, wrong, "--output", "json"]).code(0),
        ] {
            let said = format!("covers; near it is {near:?}");
            assert!(warned.stderr.contains(&said), "{wrong}: {}", warned.stderr);
            let listed = warned.json();
            assert!(listed.as_array().unwrap().iter().any(|entry| entry["value"] == wrong), "{listed:#}");
        }
        let fits = place.run(&["protect", "add", SYSTEM, option, right]).code(0);
        assert!(!fits.stderr.contains("warning"), "{right}: {}", fits.stderr);
    }
    terminate(child);
}
