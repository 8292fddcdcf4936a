//! What `aws bootstrap` shows: every call, what another text of a policy gives and takes, and what came of it.

use keyreeve_sandbox::{Effect, FaultRule};
use serde_json::Value;

use crate::bootstrap::{place, role, run, user};

fn planned(place: &crate::harness::Place, arguments: &[&str]) -> Value {
    run(place, &[arguments, &["--plan", "--output", "json"]].concat()).code(0).json()
}

fn operations(access: &Value) -> Vec<&str> {
    access["calls"].as_array().unwrap().iter().map(|call| call["operation"].as_str().unwrap()).collect()
}

/// Actions that are allowed by what comes, or goes.
fn allowed(call: &Value, side: &str) -> Vec<String> {
    let grants = call["difference"][side].as_array().unwrap();
    let allowing = grants.iter().filter(|grant| grant["effect"] == "Allow");
    let actions = allowing.flat_map(|grant| grant["actions"].as_array().unwrap());
    actions.map(|action| action.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_plan_and_a_result_show_every_call_for_eyes_and_for_programs() {
    let place = place();
    let plan = planned(&place, &user(&[]));
    let expected = ["CreatePolicy", "CreateUser", "AttachUserPolicy", "CreateAccessKey"];
    assert_eq!((operations(&plan).as_slice(), &plan["state"]), (&expected[..], &"planned".into()));
    assert_eq!(plan["user_arn"], "arn:aws:iam::123456789012:user/keyreeve/keyreeve");
    assert_eq!(plan["policy_arns"][0], "arn:aws:iam::123456789012:policy/keyreeve/keyreeve");
    assert_eq!(
        (&plan["permission_profile"], &plan["limits"]["paths"][0]),
        (&"lifecycle".into(), &"/idm/".into())
    );
    assert_eq!(plan["registers_system"], true);
    assert_eq!(plan["administrator_equivalent"].as_array().unwrap().len(), 0, "{plan:#}");
    assert!(allowed(&plan["calls"][0], "comes").contains(&"iam:CreateUser".to_owned()), "{plan:#}");
    assert!(plan["calls"][0]["document"]["Statement"].is_array(), "{plan:#}");
    let eyes = run(&place, &user(&["--plan"])).code(0).stdout;
    for word in ["lifecycle", "/idm/", "comes: Allow iam:AddUserToGroup", "CreateAccessKey"] {
        assert!(eyes.contains(word), "{word}: {eyes}");
    }
    place.sandbox.clear_trace();
    let done = run(&place, &user(&["--yes", "--output", "json"])).code(0).json();
    assert_eq!((operations(&done).as_slice(), &done["state"]), (&expected[..], &"done".into()));
    let seen: Vec<String> = place.sandbox.trace().into_iter().map(|call| call.request_id).collect();
    for call in done["calls"].as_array().unwrap() {
        assert_eq!(call["state"], "applied", "{call}");
        assert!(seen.contains(&call["request_id"].as_str().unwrap().to_owned()), "{call}");
    }
    assert!(!done.to_string().contains(&place.stored_secret("prod")));
    let there = run(&place, &user(&["--yes", "--output", "json"])).code(0).json();
    assert_eq!((&there["state"], operations(&there).len()), (&"there".into(), 0));
}

#[test]
fn a_result_that_was_broken_off_says_what_was_made() {
    let place = place();
    place.sandbox.add_fault(FaultRule::new("AttachUserPolicy", Effect::Throttle).times(1));
    let ended = run(&place, &user(&["--yes", "--output", "json"])).code(1).json();
    let states: Vec<&str> =
        ended["calls"].as_array().unwrap().iter().map(|call| call["state"].as_str().unwrap()).collect();
    assert_eq!(
        (states, &ended["state"]),
        (vec!["applied", "applied", "failed", "not_made"], &"broken_off".into())
    );
}

#[test]
fn another_text_of_the_policy_is_shown_by_what_comes_and_goes_and_a_wider_one_is_warned_of() {
    let place = place();
    run(&place, &user(&["--yes"])).code(0);
    let unlimited = ["aws", "bootstrap", "--system-id", "prod", "--user", "keyreeve"];
    let plan = planned(&place, &unlimited);
    assert_eq!(operations(&plan), ["CreatePolicyVersion"]);
    let call = &plan["calls"][0];
    let resources = |side: &str| call["difference"][side].to_string();
    assert!(resources("comes").contains(":user/*"), "{call:#}");
    assert!(resources("goes").contains(":user/idm/*"), "{call:#}");
    assert_eq!(call["difference"]["wider"], true);
    assert!(call["document_before"]["Statement"].is_array(), "{call:#}");
    let ways = plan["administrator_equivalent"].to_string();
    assert!(ways.contains("iam:AttachUserPolicy"), "{ways}");
    assert!(
        plan["warnings"][0].as_str().unwrap().contains("may allow what the one in force does not"),
        "{plan:#}"
    );
    for consent in ["--plan", "--yes"] {
        let said = run(&place, &[&unlimited[..], &[consent]].concat()).code(0).stderr;
        let warning = "whoever holds this policy can become an administrator";
        assert!(said.contains(warning) && said.contains("iam:AttachUserPolicy on every user"), "{said}");
    }
    // Back to the limits: narrower, and nothing to warn of.
    let narrower = planned(&place, &user(&[]));
    assert_eq!(narrower["calls"][0]["difference"]["wider"], false, "{narrower:#}");
    assert_eq!(narrower["warnings"].as_array().unwrap().len(), 0, "{narrower:#}");
    // Another profile is not what the system goes by.
    let read = planned(&place, &[&unlimited[..], &["--profile", "read"]].concat());
    assert!(read["warnings"][0].as_str().unwrap().contains("permission_profile=read"), "{read:#}");
    let gone = allowed(&read["calls"][0], "goes");
    assert!(gone.contains(&"iam:DeleteUser".to_owned()), "{read:#}");
}

#[test]
fn narrower_limits_take_away_what_an_earlier_run_gave() {
    for of_role in [false, true] {
        let who = |more: &[&'static str]| if of_role { role(more) } else { user(more) };
        let place = place();
        // So many paths that the text does not fit into one policy.
        let paths: Vec<String> = (0..60).map(|n| format!("/department-of-many-letters-{n}/")).collect();
        let paths: Vec<&'static str> = paths.into_iter().map(|path| &*path.leak()).collect();
        let wide: Vec<&'static str> = paths.iter().flat_map(|path| ["--path", path]).collect();
        run(&place, &who(&[&wide[..], &["--yes"]].concat())).code(0);
        let plan = planned(&place, &who(&[]));
        let names = operations(&plan);
        let detaches = names.iter().filter(|name| name.starts_with("Detach")).count();
        assert!(detaches >= 2, "{names:?}");
        let last_attach = names.iter().rposition(|name| name.starts_with("Attach")).unwrap();
        let first_detach = names.iter().position(|name| name.starts_with("Detach")).unwrap();
        assert!(last_attach < first_detach, "{names:?}");
        run(&place, &who(&["--yes"])).code(0);
        assert_eq!(operations(&planned(&place, &who(&[]))), Vec::<String>::new());
    }
}

#[test]
fn a_sixth_version_of_the_policy_is_refused_with_a_way_out() {
    let place = place();
    for number in 1..=5 {
        let path = format!("/p{number}/");
        run(&place, &user(&["--path", &path, "--yes"])).code(0);
    }
    let refused = run(&place, &user(&["--path", "/p6/", "--yes"])).code(1);
    assert!(
        refused.stderr.contains(
            "aws iam delete-policy-version --policy-arn arn:aws:iam::123456789012:policy/keyreeve/keyreeve "
        ),
        "{}",
        refused.stderr
    );
}

#[test]
fn an_external_id_that_would_not_be_used_is_not_shown() {
    let place = place();
    let plan = run(&place, &role(&["--plan", "--output", "json"])).code(0).stdout;
    assert!(plan.contains("<made when this is carried out>"), "{plan}");
    run(&place, &role(&["--yes"])).code(0);
    let id =
        place.json(&["system", "show", "prod"])["credential"]["external_id"].as_str().unwrap().to_owned();
    assert!(!plan.contains(&id));
    // One that is in force is shown.
    let other = "arn:aws:iam::123456789012:user/somebody";
    let mut again = role(&["--plan", "--output", "json"]);
    let place_of = again.iter().position(|one| one.starts_with("arn:aws:iam::123456789012:root")).unwrap();
    again[place_of] = other;
    let plan = run(&place, &again).code(0).json();
    assert_eq!(operations(&plan), ["UpdateAssumeRolePolicy"]);
    let condition = &plan["calls"][0]["document"]["Statement"][0]["Condition"]["StringEquals"];
    assert_eq!(condition["sts:ExternalId"], id.as_str(), "{plan:#}");
}
