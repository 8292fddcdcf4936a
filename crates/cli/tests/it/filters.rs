//! Filters of lists: what is mistyped does not read as an answer.

use keyreeve_sandbox::Mutation;

use crate::harness::{Place, SYSTEM, user};

/// Ada is in the group devs, and holds the policy ReadOnlyAccess.
fn place() -> Place {
    let place = Place::registered(0);
    place.mutate(&[
        user("ada.hoffmann"),
        Mutation::CreateGroup { name: "devs".into(), path: "/".into() },
        Mutation::AddToGroup { user: "ada.hoffmann".into(), group: "devs".into() },
        Mutation::AttachUserPolicy {
            user: "ada.hoffmann".into(),
            arn: "arn:aws:iam::aws:policy/ReadOnlyAccess".into(),
        },
    ]);
    place.run(&["import", "run", SYSTEM]).code(0);
    place
}

#[test]
fn a_name_that_is_not_known_is_said_to_be_unknown() {
    let place = place();
    let cases: [(&[&str], &str, &str); 5] = [
        (
            &["assignment", "list", SYSTEM, "--policy", "ReadOnlyAcces"],
            "policy",
            "near it is \"ReadOnlyAccess\"",
        ),
        (&["assignment", "list", SYSTEM, "--account", "nobody"], "account", "is known at that moment."),
        (&["account", "list", SYSTEM, "--group", "dev"], "group", "near it is \"devs\""),
        (&["account", "list", SYSTEM, "--policy", "nosuch"], "policy", "is known at that moment."),
        (&["account", "list", SYSTEM, "--policy", "nosuch", "--as-of", "run:1"], "policy", "at that moment."),
    ];
    for (arguments, noun, said) in cases {
        let ran = place.run(&[arguments, &["--output", "json"]].concat()).code(0);
        assert_eq!(ran.stdout.trim(), "[]", "{arguments:?}");
        let noun = format!("No {noun} called ");
        assert!(ran.stderr.contains(&noun) && ran.stderr.contains(said), "{arguments:?}: {}", ran.stderr);
    }
    // Known, and yet nobody fits.
    for known in
        [["--policy", "readonlyaccess", "--group", "DEVS"], ["--policy", "ReadOnlyAccess", "--name", "x"]]
    {
        let ran = place.run(&[&["account", "list", SYSTEM][..], &known].concat()).code(0);
        assert!(!ran.stderr.contains("called"), "{}", ran.stderr);
    }
    assert_eq!(place.json(&["account", "show", SYSTEM, "ADA.HOFFMANN"])["name"], "ada.hoffmann");
}

#[test]
fn who_holds_something_in_all_systems_is_one_list() {
    let place = place();
    for resource in ["readonlyaccess", "arn:aws:iam::aws:policy/ReadOnlyAccess"] {
        let asked = ["assignment", "list", "--all-systems", "--resource", resource];
        let expected = place.json(&["assignment", "list", SYSTEM, "--policy", "ReadOnlyAccess"]);
        assert_eq!(place.json(&asked), expected, "{resource}");
        assert_eq!(expected.as_array().unwrap().len(), 1);
        let shown = place.run(&asked).code(0).stdout;
        assert!(shown.contains(SYSTEM) && shown.contains("ada.hoffmann"), "{shown}");
        let kind = place.json(&[&asked[..], &["--kind", "group_policy"]].concat());
        assert_eq!(kind, serde_json::json!([]));
    }
    let none = place.run(&["assignment", "list", "--all-systems", "--resource", "nosuch"]).code(0);
    assert!(none.stderr.contains("Nobody holds that"), "{} {}", none.stdout, none.stderr);
    for (refused, said) in [
        (&["--all-systems"][..], "--resource"),
        (&[SYSTEM, "--resource", "x"], "cannot be used with"),
        (&[SYSTEM, "--all-systems", "--resource", "x"], "cannot be used with"),
        (&["--all-systems", "--resource", "x", "--as-of", "run:1"], "cannot be used with"),
        (&[], "<ID>"),
    ] {
        let ran = place.run(&[&["assignment", "list"], refused].concat()).code(2);
        assert!(ran.stderr.contains(said), "{refused:?}: {}", ran.stderr);
    }
}

#[test]
fn a_path_without_a_slash_at_its_front_is_refused() {
    let place = place();
    for noun in ["account", "resource"] {
        let refused = place.run(&[noun, "list", SYSTEM, "--path", "staff"]).code(2);
        assert!(refused.stderr.contains("/staff"), "{}", refused.stderr);
    }
}

#[test]
fn who_holds_a_policy_directly_or_through_a_group_is_one_question() {
    let place = place();
    let arn = "arn:aws:iam::aws:policy/AdministratorAccess";
    place.mutate(&[Mutation::AttachGroupPolicy { group: "devs".into(), arn: arn.into() }]);
    place.run(&["import", "run", SYSTEM]).code(0);
    let holders = |more: &[&str]| {
        let list = ["account", "list", SYSTEM, "--policy", "AdministratorAccess"];
        let found = place.json(&[&list[..], more].concat());
        found
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(!holders(&[]).contains(&"ada.hoffmann".to_owned()));
    assert!(holders(&["--with-groups"]).contains(&"ada.hoffmann".to_owned()));
    assert!(!holders(&["--with-groups", "--as-of", "run:1"]).contains(&"ada.hoffmann".to_owned()));
    assert!(holders(&["--with-groups", "--mfa", "no"]).contains(&"ada.hoffmann".to_owned()));
    assert!(!holders(&["--with-groups", "--mfa", "yes"]).contains(&"ada.hoffmann".to_owned()));
    place.run(&["account", "list", SYSTEM, "--with-groups"]).code(2);
}

#[test]
fn a_limit_of_no_runs_is_refused() {
    let refused = place().run(&["import", "list", SYSTEM, "--limit", "0"]).code(2);
    assert!(!refused.stdout.contains("Nothing was imported"), "{}", refused.stdout);
}

#[test]
fn a_policy_is_shown_with_what_it_says() {
    let place = place();
    let allow = |what: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{what}","Resource":"*"}}]}}"#
        )
    };
    place.mutate(&[
        Mutation::CreatePolicy { name: "read".into(), path: "/".into(), document: allow("s3:GetObject") },
        Mutation::PutGroupInline {
            group: "devs".into(),
            name: "theirs".into(),
            document: allow("s3:\u{1b}[2J"),
        },
    ]);
    place.run(&["import", "run", SYSTEM]).code(0);
    let read = place.json(&["resource", "show", SYSTEM, "read"]);
    assert_eq!(read["versions"][0]["document"], allow("s3:GetObject"), "{read:#}");
    let arn = read["arn"].as_str().unwrap();
    let shown = place.run(&["resource", "show", SYSTEM, arn]).code(0).stdout;
    assert!(shown.contains("\"Action\": \"s3:GetObject\",") && shown.contains("v1"), "{shown}");
    let devs = place.run(&["resource", "show", SYSTEM, "devs"]).code(0).stdout;
    assert!(devs.contains("theirs") && devs.contains("s3:") && !devs.contains('\u{1b}'), "{devs}");
    let unknown = place.run(&["resource", "show", SYSTEM, "none"]).code(2).stderr;
    assert!(unknown.contains("no group or policy") && unknown.contains("resource list"), "{unknown}");
}
