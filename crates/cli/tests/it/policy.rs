//! The policies that are written for the connector.

use serde_json::{Value, json};

use crate::harness::{ACCOUNT, OTHER_ACCOUNT, Place, SYSTEM};

fn statement<'a>(policy: &'a Value, sid: &str) -> &'a Value {
    let all = policy["Statement"].as_array().unwrap();
    all.iter().find(|one| one["Sid"] == sid).unwrap_or_else(|| panic!("{sid}: {policy:#}"))
}

fn own(resource: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:{resource}")
}

#[test]
fn a_policy_without_limits_is_warned_of_and_one_with_limits_is_not() {
    let place = Place::with_users(0);
    for profile in ["lifecycle", "full"] {
        let generate = ["policy", "generate", "--profile", profile];
        let unlimited = place.run(&generate).code(0);
        let warned = &unlimited.stderr;
        for word in [
            "administrator",
            "iam:AttachUserPolicy",
            "iam:UpdateLoginProfile",
            "iam:AddUserToGroup",
            "--path",
        ] {
            assert!(warned.contains(word), "{profile}: {warned}");
        }
        let policy = own("policy/idm/*");
        let limits = ["--path", "/idm/", "--groups", "/idm/*", "--policies", &policy];
        let limited = place.run(&[&generate[..], &limits, &["--connector", "keyreeve"]].concat()).code(0);
        assert!(!limited.stderr.contains("administrator"), "{}", limited.stderr);
        assert!(limited.json()["Statement"].is_array());
        let admin = [&generate[..], &limits[..5], &["arn:aws:iam::aws:policy/Admin*"]].concat();
        assert!(place.run(&admin).code(0).stderr.contains("iam:AttachUserPolicy"), "{profile}");
    }
}

#[test]
fn a_system_says_what_its_policy_must_grant_and_forbid() {
    let place = Place::imported(3);
    let name = place.names().remove(0);
    let deny_all = own("policy/nothing");
    place
        .run(&[
            "system",
            "set",
            SYSTEM,
            "permission_profile=lifecycle",
            &format!("deny_all_policy={deny_all}"),
        ])
        .code(0);
    for protect in [["--account", &name.to_uppercase()], ["--path", "/glass/"], ["--tag", "keep=yes"]] {
        place.run(&[&["protect", "add", SYSTEM][..], &protect].concat()).code(0);
    }
    let limits = ["--path", "/idm/", "--policies", &own("policy/idm/*")];
    let generate = [&["policy", "generate", "--system", SYSTEM], &limits[..]].concat();
    let policy = place.run(&generate).code(0).json();
    assert_eq!(statement(&policy, "KeyreeveUsers")["Resource"], json!([own("user/idm/*")]));
    let attach = &statement(&policy, "KeyreeveAttach")["Condition"]["ArnLike"]["iam:PolicyARN"];
    let change_password = "arn:aws:iam::aws:policy/IAMUserChangePassword";
    assert_eq!(*attach, json!([own("policy/idm/*"), change_password, deny_all]));
    let itself = &statement(&policy, "KeyreeveNeverItself")["Resource"];
    assert!(itself[0].as_str().unwrap().ends_with("/keyreeve-connector"), "{itself}");
    let never = &statement(&policy, "KeyreeveNeverThese")["Resource"];
    let expected = json!([own(&format!("user/{name}")), own(&format!("user/*/{name}")), own("user/glass/*")]);
    assert_eq!(*never, expected);
    let tagged = &statement(&policy, "KeyreeveNeverTagged")["Condition"];
    assert_eq!(*tagged, json!({ "StringEquals": { "aws:ResourceTag/keep": ["yes"] } }));

    place.run(&["system", "set", SYSTEM, "first_sign_in=refuse", "deny_all_policy=none"]).code(0);
    let policy = place.run(&generate).code(0).json();
    let attach = &statement(&policy, "KeyreeveAttach")["Condition"]["ArnLike"]["iam:PolicyARN"];
    assert_eq!(*attach, json!([own("policy/idm/*")]));
    place.add("elsewhere", OTHER_ACCOUNT).code(0);
    let token = place.token("eve", "viewer", &["--system", "elsewhere"]);
    place.run_as(&token, &generate).code(2);
}

#[test]
fn a_policy_that_is_too_large_is_several() {
    let place = Place::with_users(0);
    let groups: Vec<String> = (0..120).map(|n| format!("a-group-of-people-number-{n}")).collect();
    let mut generate = vec!["policy", "generate", "--profile", "lifecycle", "--account-id", ACCOUNT];
    groups.iter().for_each(|group| generate.extend(["--groups", group]));
    let several = place.run(&generate).code(0);
    assert!(several.stderr.contains("attach all"), "{}", several.stderr);
    let documents = several.json().as_array().unwrap().clone();
    assert!(documents.len() > 1);
    let folder = place.folder.path().join("policies");
    generate.extend(["--output-dir", folder.to_str().unwrap()]);
    assert!(place.run(&generate).code(0).stdout.is_empty());
    for (index, document) in documents.iter().enumerate() {
        let file = folder.join(format!("keyreeve-policy-{}.json", index + 1));
        let written: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        assert_eq!(written, *document);
    }
    let again = place.run(&generate).code(2);
    assert!(again.stderr.contains("keyreeve-policy-1.json"), "{}", again.stderr);
}
