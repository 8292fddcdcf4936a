//! An organization found by way of a server: with a system's credentials, and with the server's own where it lends them.

use std::path::PathBuf;

use keyreeve_sandbox::{MemberRole, OrganizationChange};
use serde_json::json;

use crate::harness::ACCOUNT;
use crate::organization::{ROLE, count, discover, organized, put_role, rows, run};
use crate::remote::Elsewhere;
use crate::serve::{serve, terminate};

/// What a server needs besides: the key of the management account, and whether it is lent.
fn lending<'a>(key: &'a [PathBuf; 3], lends: &'a PathBuf) -> Vec<(&'static str, &'a PathBuf)> {
    vec![
        ("AWS_ACCESS_KEY_ID", &key[0]),
        ("AWS_SECRET_ACCESS_KEY", &key[1]),
        ("KEYREEVE_AWS_REQUEST_TIMEOUT_SECONDS", &key[2]),
        ("KEYREEVE_AWS_LEND_OWN_CREDENTIALS", lends),
    ]
}

#[test]
fn an_organization_is_discovered_by_way_of_a_server_that_lends_its_credentials() {
    let place = organized(4);
    let key = place.key(ACCOUNT);
    let key = [PathBuf::from(&key.access_key_id), PathBuf::from(&key.secret_access_key), PathBuf::from("1")];
    let token = place.token("amy", "admin", &[]);
    let discover = ["organization", "discover", "--role-name", ROLE, "--output", "json"];
    let with = |more: &[&'static str]| [&discover, more].concat();

    let (child, address) = serve(&place, &lending(&key, &PathBuf::from("false")));
    let elsewhere = Elsewhere::of(&address, &token);
    for refused in [with(&["--plan"]), with(&["--yes"])] {
        let refused = elsewhere.run(&refused).code(2);
        assert!(refused.stderr.contains("lend_own_credentials"), "{}", refused.stderr);
    }
    assert!(place.sandbox.trace().iter().all(|call| call.action != "DescribeOrganization"));
    // A system asks with credentials of its own, so that needs nothing that is lent.
    place.add("owner", ACCOUNT).code(0);
    let plan = elsewhere.run(&with(&["--system", "owner", "--plan"])).code(0);
    assert_eq!(count(&plan.json(), "action", "add"), 4, "{}", plan.stdout);
    elsewhere.run(&with(&["--system", "owner", "--yes"])).code(2);
    assert_eq!(rows(&place.json(&["system", "list"])).count(), 1);
    terminate(child);

    let (child, address) = serve(&place, &lending(&key, &PathBuf::from("true")));
    let elsewhere = Elsewhere::of(&address, &token);
    // The role of one member lets in anybody whom it trusts.
    let first = elsewhere.run(&with(&["--yes", "--reason", "all of it"])).code(1);
    assert!(first.stderr.contains("\"sts:ExternalId\": {\n"), "{}", first.stderr);
    assert_eq!(count(&first.json(), "access", "failed"), 4, "{}", first.stdout);
    put_role(&place, &first.json());
    let second = elsewhere.run(&with(&["--yes"])).code(0);
    assert_eq!((count(&second.json(), "action", "keep"), count(&second.json(), "access", "entered")), (5, 4));
    let (here, there) = (run(&place, &with(&["--plan"])), elsewhere.run(&with(&["--plan"])));
    assert_eq!((there.code, there.stdout), (here.code, here.stdout), "{}", there.stderr);
    let audit = place.json(&["audit", "list", "--action", "organization_discovered"]);
    assert_eq!((&audit[1]["actor"], &audit[1]["subject"]["reason"]), (&json!("amy"), &json!("all of it")));
    for wrong in [&["--exclude-ou", "/Nowhere", "--yes"] as &[&'static str], &["--aws-profile", "x", "--yes"]]
    {
        elsewhere.run(&with(wrong)).code(2);
    }
    let limited = Elsewhere::of(&address, &place.token("kim", "admin", &["--system", "owner"]));
    limited.run(&with(&["--plan"])).code(2);
    terminate(child);
}

/// Whoever asks from afar could have such a role opened for them.
#[test]
fn a_role_that_lets_in_anybody_is_not_used_for_who_asks_from_afar() {
    let place = organized(2);
    let key = place.key(ACCOUNT);
    let key = [PathBuf::from(&key.access_key_id), PathBuf::from(&key.secret_access_key), PathBuf::from("1")];
    let role = MemberRole { name: ROLE.to_owned(), path: "/".to_owned(), external_id: None };
    place.sandbox.reorganize(&[OrganizationChange::PutRole(role)]).unwrap();
    let token = place.token("amy", "admin", &[]);
    let (child, address) = serve(&place, &lending(&key, &PathBuf::from("true")));
    let elsewhere = Elsewhere::of(&address, &token);
    let afar = ["organization", "discover", "--role-name", ROLE, "--yes", "--output", "json"];
    let found = elsewhere.run(&afar).code(1).json();
    assert_eq!(count(&found, "action", "failed"), 2, "{found:#}");
    assert!(rows(&found).any(|row| row["reason"].as_str().is_some_and(|why| why.contains("sts:ExternalId"))));
    assert_eq!(rows(&place.json(&["system", "list"])).count(), 0);
    terminate(child);
    // On the machine itself it is entered, with a warning, as it was.
    let here = discover(&place, &[]).code(0);
    assert!(here.stderr.contains("also lets in who does not send the external id"), "{}", here.stderr);
}
